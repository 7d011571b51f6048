"""Stretches of time, and how much of it they cover together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from heliconemagic.records import Step

Span = tuple[float, float]
"""Start and end, seconds since the epoch."""


def list_spans(steps: Sequence[Step]) -> list[Span]:
    """From when to when each step ran; what still runs counts up to the last thing that is known."""
    latest = max((step.ended_at or step.started_at for step in steps), default=0.0)
    return [(step.started_at, max(step.started_at, step.ended_at or latest)) for step in steps]


def merge_spans(spans: Iterable[Span], slack: float = 0.0) -> list[Span]:
    """The same time without overlaps, in order; gaps of up to ``slack`` seconds are closed.

    >>> merge_spans([(5, 6), (0, 2), (1, 3)])
    [(0, 3), (5, 6)]
    """
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1] + slack:
            if end > merged[-1][1]:
                merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def measure_spans(merged: Iterable[Span]) -> float:
    """Seconds that merged spans cover."""
    return sum(end - start for start, end in merged)


def count_most_at_once(spans: Sequence[Span]) -> int:
    """How many of ``spans`` run at the same moment, at most; those that only touch don't.

    >>> count_most_at_once([(0, 2), (1, 3), (2, 4)])
    2
    """
    starts, ends = sorted(start for start, _ in spans), sorted(end for _, end in spans)
    most = ended = 0
    for begun, start in enumerate(starts, start=1):
        while ended < len(ends) and ends[ended] <= start:
            ended += 1
        most = max(most, begun - ended)
    return most
