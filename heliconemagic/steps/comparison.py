"""Which of several compared answers counts: the rules of variants. Pure.

A cell that compares gives several steps at one path, of one run, with one parent: its variants. One
of them is current, and the rest of the session goes on from it as if it were the cell's only one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from heliconemagic.records import Step, StepStatus


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the answers that a cell asks for."""

    number: int  # 1, 2 …
    model: str
    sample: int = 1  # which of the identical requests to this model: 1, 2 …


def list_variants(models: Sequence[str], samples: int) -> tuple[Variant, ...]:
    """Every model as often as ``samples`` says, those of one model side by side.

    >>> [(variant.number, variant.model, variant.sample) for variant in list_variants(["a", "b"], 2)]
    [(1, 'a', 1), (2, 'a', 2), (3, 'b', 1), (4, 'b', 2)]
    """
    wanted = [(model, sample) for model in models for sample in range(1, samples + 1)]
    return tuple(Variant(number, model, sample) for number, (model, sample) in enumerate(wanted, start=1))


def choose_current(variants: Iterable[Step]) -> Step | None:
    """The one that children continue: the picked one, else the first that can be continued; None if none can."""
    usable = sorted((step for step in variants if step.is_usable_parent), key=lambda step: step.variant)
    return next((step for step in usable if step.is_picked), usable[0] if usable else None)


def find_alternatives(steps: Iterable[Step]) -> set[str]:
    """The ids of the variants beside which another one is current, or will be if it doesn't fail."""
    groups: dict[str, list[Step]] = {}
    for step in steps:
        if step.comparison:
            groups.setdefault(step.comparison, []).append(step)
    currents = {name: _expect_current(group) for name, group in groups.items()}
    return {step.id for name, group in groups.items() for step in group if step is not currents[name]}


def _expect_current(variants: Iterable[Step]) -> Step | None:
    """The same while some still run: an earlier one comes before those that have ended."""
    current = choose_current(variants)
    if current is not None and current.is_picked:
        return current
    running = [step for step in variants if step.status is StepStatus.PENDING and not step.is_superseded]
    return min((step for step in (*running, current) if step), key=lambda step: step.variant, default=None)


def find_variants(steps: Iterable[Step], step: Step) -> list[Step]:
    """All that were compared with ``step``, itself among them, by their numbers; just itself if it was alone.

    Those that were run again since belong to it only if it was, too.
    """
    if not step.comparison:
        return [step]
    found = (one for one in steps if one.comparison == step.comparison and one.is_superseded == step.is_superseded)
    return sorted(found, key=lambda one: one.variant)
