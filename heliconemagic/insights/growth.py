"""Context that grows step by step: a chain of which every request carries all turns before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from heliconemagic.records import Step, StepKind

MIN_STEPS = 4
MIN_TOKENS = 1_000
"""Of the last prompt …"""
MIN_GROWTH = 3.0
"""… and times the first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The chain whose last prompt is the largest, from its first step to its last."""

    first: Step
    last: Step
    steps: int
    first_tokens: int  # of the first prompt
    last_tokens: int  # of the last one
    tokens: int  # of all prompts of the chain
    repeated: int  # of those, turns that an earlier request of the chain had carried or answered


def find_growth(steps: Iterable[Step]) -> Growth | None:
    """The chain of standing ``steps`` that grew the most; None where none did."""
    by_id = {step.id: step for step in steps if step.kind is StepKind.LLM and step.usage is not None}
    last = max(by_id.values(), key=_count_prompt, default=None)
    if last is None or _count_prompt(last) < MIN_TOKENS:
        return None
    chain = _list_chain(last, by_id)
    if len(chain) < MIN_STEPS or _count_prompt(last) < MIN_GROWTH * max(_count_prompt(chain[0]), 1):
        return None
    return Growth(
        first=chain[0],
        last=last,
        steps=len(chain),
        first_tokens=_count_prompt(chain[0]),
        last_tokens=_count_prompt(last),
        tokens=sum(map(_count_prompt, chain)),
        repeated=sum(
            min(_count_prompt(step), before.usage.total_tokens if before.usage else 0)
            for before, step in pairwise(chain)
        ),
    )


def _list_chain(last: Step, by_id: Mapping[str, Step]) -> Sequence[Step]:
    """The parents of ``last`` as far as prompts only grew along them, oldest first, and itself."""
    chain, seen = [last], {last.id}
    while (parent := by_id.get(chain[-1].parent_id or "")) is not None and parent.id not in seen:
        if _count_prompt(parent) >= _count_prompt(chain[-1]):
            break
        chain.append(parent)
        seen.add(parent.id)
    return chain[::-1]


def _count_prompt(step: Step) -> int:
    return step.usage.prompt_tokens if step.usage else 0
