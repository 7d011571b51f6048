"""How many rows may be under way: fewer while a server says that it is asked too often."""

from __future__ import annotations


class Throttle:
    """Halves the rows under way at each burst of refusals (429), and adds one after as many answers.

    >>> throttle = Throttle(8)
    >>> throttle.note_refusal(now=0.0), throttle.note_refusal(now=0.1), throttle.limit
    (None, None, 4)
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._answers = 0  # since the limit changed
        self._refused_at: float | None = None
        self.limit = jobs

    def note_refusal(self, now: float) -> None:
        """A request was refused at ``now`` (seconds). Those that were under way together count as one."""
        self._answers = 0
        if self._refused_at is None or now - self._refused_at >= BURST_SECONDS:
            self._refused_at = now
            self.limit = max(1, self.limit // 2)

    def note_answer(self) -> None:
        """A row was answered."""
        self._answers += 1
        if self._answers >= self.limit and self.limit < self._jobs:
            self.limit, self._answers = self.limit + 1, 0


BURST_SECONDS = 1.0
"""Refusals so close to each other are of requests that were sent together."""
