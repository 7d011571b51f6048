"""What the card of a batch shows, live and at its end."""

from __future__ import annotations

from dataclasses import dataclass, field

from heliconemagic.records import SessionRecord, SessionTotals, Step, StepStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """One row of the batch in the card's table."""

    number: int
    path: str
    state: str  # "done", "kept", "failed", "stopped", "not sent"
    text: str = ""  # the answer, or its beginning
    error: str = ""
    tokens: int | None = None
    cost: float | None = None  # USD
    seconds: float | None = None
    is_failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCounts:
    """How many rows are where."""

    total: int | None = None  # None: a generator has not ended yet
    answered: int = 0  # in this run
    kept: int = 0  # answered in an earlier run
    failed: int = 0
    stopped: int = 0  # while they were under way
    running: int = 0
    unsent: int = 0  # that never will be, in this run

    @property
    def done(self) -> int:
        """Rows that have an answer."""
        return self.answered + self.kept

    @property
    def over(self) -> int:
        """Rows that are through, in whatever way."""
        return self.done + self.failed + self.stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCard:
    """Everything the card of a batch shows; a newer state is a new `BatchCard`."""

    id: str
    path: str  # as typed
    status: StepStatus
    noun: str = "row"  # what its lines are
    whereabouts: str = "in the list that the cell gives"  # of the lines that the table leaves out
    failures_at: str = ": see .failed"  # where the failures are that it leaves out
    origin: str  # model and gateway
    context: str = ""
    counts: BatchCounts = field(default_factory=BatchCounts)
    seconds: float = 0.0
    rate: float = 0.0  # rows per second, lately; over all at the end
    left: float | None = None  # seconds, estimated
    cost: float = 0.0  # USD, of this run
    unpriced: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    waiting: str = ""  # why it is slower than asked for
    notes: tuple[str, ...] = ()
    failure: tuple[str, str] = ("", "")  # message and hint, at the end
    lines: tuple[BatchLine, ...] = ()  # while it runs the last ones, at its end the first
    failures: tuple[BatchLine, ...] = ()  # at the end
    step_ids: tuple[str, ...] = ()
    first: Step | None = None  # the first row's, as it was planned: what all rows have in common
    session: SessionRecord | None = None
    session_url: str | None = None
    totals: SessionTotals | None = None
