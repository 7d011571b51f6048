"""Which steps figures are about: the flow as it stands now, and what is below a path."""

from __future__ import annotations

from collections.abc import Iterable

from heliconemagic.records import Step


def list_standing(steps: Iterable[Step]) -> list[Step]:
    """The steps that a run of the notebook now would make again, as they were.

    Left out are superseded ones, which a newer run of their cell replaced; kept and replayed ones, for which no model
    was asked; and those that still run, of which the end isn't known.
    """
    return [step for step in steps if not step.is_superseded and step.origin is None and step.ended_at is not None]


def list_below(steps: Iterable[Step], folder: str) -> list[Step]:
    """The steps at ``folder`` and below it; without one, all."""
    below = f"{folder}/"
    return [step for step in steps if not folder or step.path == folder or step.path.startswith(below)]


def list_prefixes(path: str) -> list[str]:
    """The folders above ``path``, from the outermost, and itself.

    >>> list_prefixes("/a/b")
    ['/a', '/a/b']
    """
    ends = (place for place, char in enumerate(path) if char == "/" and place)
    return [*(path[:end] for end in ends), path]
