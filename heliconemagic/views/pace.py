"""When the next update of a running step may be sent to the page: not too often, and not too much.

The page is given a bounded number of bytes a second, whatever the shape of the answer. What is large (one endless
paragraph, that must be sent again whole) is thereby sent less often.
"""

from __future__ import annotations


class Budget:
    """Bytes that may be sent: ``rate`` more each second, of which ``burst`` are saved up. It may be overdrawn once.

    Cards that are shown beside each other share one.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._credit = burst
        self._credited_at: float | None = None

    def has_credit(self, now: float) -> bool:
        """Whether anything may be sent at ``now`` (seconds)."""
        self._refill(now)
        return self._credit >= 0

    def charge(self, size: float, now: float) -> None:
        """Notes that ``size`` bytes were sent at ``now``."""
        self._refill(now)
        self._credit -= size

    def _refill(self, now: float) -> None:
        passed = 0.0 if self._credited_at is None else max(0.0, now - self._credited_at)
        self._credited_at = now
        if passed:
            self._credit = min(self._burst, self._credit + passed * self._rate)


class Pace:
    """A limit of updates by time and by bytes; where it is overdrawn it waits until that is made up for.

    ``interval`` is in seconds; the bytes are those of ``budget``, or of one of its own with ``rate`` in bytes per
    second and ``burst`` in bytes.
    """

    def __init__(
        self, *, interval: float, rate: float = float("inf"), burst: float = 0.0, budget: Budget | None = None
    ) -> None:
        self._interval = interval
        self._budget = budget or Budget(rate, burst)
        self._sent_at: float | None = None

    def is_due(self, now: float) -> bool:
        """Whether an update may be sent at ``now`` (seconds)."""
        has_credit = self._budget.has_credit(now)
        if self._sent_at is not None and 0 <= now - self._sent_at < self._interval:
            return False
        return has_credit

    def spend(self, size: float, now: float) -> None:
        """Notes an update of ``size`` bytes at ``now``."""
        self.charge(size, now)
        self._sent_at = now

    def charge(self, size: float, now: float) -> None:
        """Notes ``size`` bytes of something else that had to be sent at ``now``."""
        self._budget.charge(size, now)
