"""Which steps the findings are about: the flow as it stands now."""

from __future__ import annotations

from collections.abc import Iterable

from heliconemagic.records import Step


def list_standing(steps: Iterable[Step]) -> list[Step]:
    """The steps that a run of the notebook now would make again, as they were.

    Left out are superseded ones, which a newer run of their cell replaced; kept and replayed ones, for which no model
    was asked; and those that still run, of which the end isn't known.
    """
    return [step for step in steps if not step.is_superseded and step.origin is None and step.ended_at is not None]
