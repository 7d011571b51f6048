"""Requests that were sent again though an identical one had been answered: a cache would have saved them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from heliconemagic.headers import read_cache_hit
from heliconemagic.records import Step

MIN_SECONDS = 1.0
"""That the repeats took, if they cost nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """What the second and further runs of identical requests took."""

    steps: int
    cost: float  # USD, of the priced ones
    seconds: float
    path: str  # where the most of them stand
    at_path: int  # how many those are


def find_repeats(steps: Iterable[Step]) -> Repeats | None:
    """The repeats among ``steps``; None where there are none, or none worth a word.

    Superseded steps count, for they were paid. Compared answers are asked for more than once on purpose; what
    Helicone's cache or the journal answered was saved already.
    """
    answered: dict[str, float] = {}  # fingerprint -> the earliest end of a whole answer
    repeats: list[Step] = []
    for step in sorted(steps, key=lambda step: step.started_at):
        if not step.fingerprint or step.comparison or step.origin is not None or not step.is_whole or _is_cached(step):
            continue
        if step.fingerprint not in answered:  # its end may be no later than its start: clocks jump, and are coarse
            answered[step.fingerprint] = step.started_at if step.ended_at is None else step.ended_at
        elif answered[step.fingerprint] <= step.started_at:
            repeats.append(step)
    if not repeats:
        return None
    path, at_path = Counter(step.path for step in repeats).most_common(1)[0]
    seconds, cost = sum(step.latency or 0.0 for step in repeats), sum(step.cost or 0.0 for step in repeats)
    if not cost and seconds < MIN_SECONDS:
        return None
    return Repeats(steps=len(repeats), cost=cost, seconds=seconds, path=path, at_path=at_path)


def _is_cached(step: Step) -> bool:
    return bool(step.attempts and read_cache_hit(step.attempts[-1].headers))
