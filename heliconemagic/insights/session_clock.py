"""The session's clock: the time in which something ran, with the pauses between folded away.

What it shows in all is the session's wall time. A pause is a gap of at least a second in which nothing ran: the
person was reading, thinking, or away. Shorter gaps are the kernel's own and stay.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from heliconemagic.insights.spans import Span, list_spans, merge_spans
from heliconemagic.records import Step

MIN_PAUSE = 1.0
"""Seconds; a shorter gap is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A gap between two stretches of activity."""

    ended_at: float  # when the next thing began, seconds since the epoch
    seconds: float


class SessionClock:
    """Maps moments to seconds of activity. Linear to build for spans in order, logarithmic to ask."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._starts: list[float] = []  # of the stretches of activity
        self._ends: list[float] = []
        self._offsets: list[float] = []  # seconds of activity before each of them
        for start, end in merge_spans(spans, MIN_PAUSE):
            self._offsets.append(self.total)
            self._starts.append(start)
            self._ends.append(end)

    @property
    def total(self) -> float:
        """Seconds of activity in all: the wall time."""
        return self._offsets[-1] + self._ends[-1] - self._starts[-1] if self._starts else 0.0

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """What is folded, in order."""
        gaps = zip(self._ends, self._starts[1:], strict=False)
        return tuple(Pause(ended_at=start, seconds=start - end) for end, start in gaps)

    def count_stretches(self, moment: float) -> int:
        """How many stretches of activity had begun by ``moment``: the same for all moments of one."""
        return bisect_right(self._starts, moment)

    def place(self, moment: float) -> float:
        """Where ``moment`` stands, from 0 to 1."""
        return self.read(moment) / self.total if self.total else 0.0

    def read(self, moment: float) -> float:
        """Seconds of activity up to ``moment``."""
        if not self._starts:
            return 0.0
        at = max(bisect_right(self._starts, moment) - 1, 0)
        return self._offsets[at] + min(max(moment, self._starts[at]), self._ends[at]) - self._starts[at]

    def find_moment(self, place: float) -> float:
        """The moment that stands at ``place``, from 0 to 1; where a pause is folded, the one before it."""
        if not self._starts:
            return 0.0
        seconds = place * self.total
        at = max(bisect_left(self._offsets, seconds) - 1, 0)
        return min(self._starts[at] + seconds - self._offsets[at], self._ends[at])


def build_clock(steps: Sequence[Step]) -> SessionClock:
    """The clock of a session; what still runs counts up to the last thing that is known."""
    return SessionClock(list_spans(steps))
