"""The session's clock: the time in which something ran, with the pauses between folded away."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from heliconemagic.records import Step

WIDTH = 32
"""Characters of a bar."""

_MIN_PAUSE = 1.0  # seconds; shorter gaps are the kernel's own and stay


class SessionClock:
    """Maps moments to seconds of activity. Linear to build for steps in order, logarithmic to ask."""

    def __init__(self, spans: Iterable[tuple[float, float]]) -> None:
        self._starts: list[float] = []  # of the stretches of activity
        self._offsets: list[float] = []  # seconds of activity before each of them
        self._ends: list[float] = []
        for start, end in sorted(spans):
            if self._ends and start <= self._ends[-1] + _MIN_PAUSE:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._offsets.append(self.total)
                self._starts.append(start)
                self._ends.append(end)

    @property
    def total(self) -> float:
        """Seconds of activity in all."""
        return self._offsets[-1] + self._ends[-1] - self._starts[-1] if self._starts else 0.0

    @property
    def pauses(self) -> int:
        """How many pauses are folded."""
        return max(len(self._starts) - 1, 0)

    def place(self, moment: float) -> float:
        """Where ``moment`` stands, from 0 to 1."""
        at = max(bisect_right(self._starts, moment) - 1, 0)
        if not self.total:
            return 0.0
        inside = min(max(moment, self._starts[at]), self._ends[at]) - self._starts[at]
        return (self._offsets[at] + inside) / self.total


def build_clock(steps: Sequence[Step]) -> SessionClock:
    """The clock of a session; what still runs counts up to the last thing that is known."""
    latest = max((step.ended_at or step.started_at for step in steps), default=0.0)
    return SessionClock((step.started_at, max(step.started_at, step.ended_at or latest)) for step in steps)


def build_bar(step: Step, clock: SessionClock) -> tuple[str, str, str]:
    """A step's bar in characters: the blank before it, the wait for its first token, the rest."""
    end = step.ended_at if step.ended_at is not None else float("inf")
    start = min(round(clock.place(step.started_at) * WIDTH), WIDTH - 1)
    stop = max(round(clock.place(end) * WIDTH), start + 1)
    first = round(clock.place(step.first_token_at) * WIDTH) if step.first_token_at is not None else start
    waited = min(max(first - start, 0), stop - start - 1)
    return " " * start, "░" * waited, "█" * (stop - start - waited)
