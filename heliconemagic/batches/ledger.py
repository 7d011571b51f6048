"""What has become of each row of a batch: counts, sums, rate, and the lines of the card's tables."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from heliconemagic.batches.planning import BatchRow
from heliconemagic.errors import HeliconeMagicError, read_words
from heliconemagic.records import Step, StepStatus
from heliconemagic.render.batch_state import BatchCounts, BatchLine

MAX_LINES = 20
LAST_LINES = 5
RATE_SECONDS = 10.0
"""Over which the rate is told."""
_STATES = {StepStatus.DONE: "done", StepStatus.FAILED: "failed", StepStatus.INTERRUPTED: "stopped"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row and what became of it; ``step`` is missing where it could not be planned or was never sent."""

    row: BatchRow
    state: str  # "done", "kept", "failed", "stopped", "not sent"
    path: str
    step: Step | None = None
    error: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether there is a reply."""
        return self.state in ("done", "kept")


class Ledger:
    """The outcomes so far; times are seconds of one clock."""

    def __init__(self, total: int | None, now: float) -> None:
        self.total = total
        self.outcomes: dict[int, Outcome] = {}  # by the rows' numbers
        self.cost = 0.0  # USD, of the steps of this run
        self.unpriced = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self._states: Counter[str] = Counter()
        self._last: deque[Outcome] = deque(maxlen=LAST_LINES)
        self._began = now
        self._marks: deque[tuple[float, int]] = deque([(now, 0)])  # when, how many were through

    def note_kept(self, row: BatchRow, step: Step) -> None:
        """A row that an earlier run has answered."""
        self._note(Outcome(row, "kept", step.path, step))

    def note_ended(self, row: BatchRow, step: Step, fault: HeliconeMagicError | None = None) -> None:
        """A row that was sent; ``fault`` says why its answer isn't what was asked for."""
        self.cost += step.cost or 0.0
        self.unpriced += step.cost is None and step.status is StepStatus.DONE
        if step.usage is not None:
            self.prompt_tokens += step.usage.prompt_tokens
            self.completion_tokens += step.usage.completion_tokens
        state = _STATES[step.status] if fault is None else "failed"
        self._note(Outcome(row, state, step.path, step, step.error or str(fault or "")))

    def note_unplanned(self, row: BatchRow, path: str, error: HeliconeMagicError) -> None:
        """A row whose template cannot be filled."""
        self._note(Outcome(row, "failed", path, None, str(error)))

    def note_unsent(self, row: BatchRow, path: str) -> None:
        """A row that will not be sent in this run."""
        self._note(Outcome(row, "not sent", path, None, "not sent"))

    def _note(self, outcome: Outcome) -> None:
        self.outcomes[outcome.row.number] = outcome
        self._states[outcome.state] += 1
        if outcome.state != "not sent":
            self._last.append(outcome)

    def count(self, running: int = 0) -> BatchCounts:
        """How many rows are where."""
        states = self._states
        return BatchCounts(
            total=self.total,
            answered=states["done"],
            kept=states["kept"],
            failed=states["failed"],
            stopped=states["stopped"],
            running=running,
            unsent=states["not sent"],
        )

    # ---- how fast

    @property
    def _through(self) -> int:
        """Rows that took time."""
        return self._states["done"] + self._states["failed"] + self._states["stopped"]

    def mark(self, now: float) -> None:
        """Takes the moment into the rate; called at each look."""
        self._marks.append((now, self._through))
        while len(self._marks) > 2 and now - self._marks[1][0] > RATE_SECONDS:
            self._marks.popleft()

    def find_rate(self, now: float) -> float:
        """Rows per second, lately."""
        since, count = self._marks[0]
        return (self._through - count) / (now - since) if now > since else 0.0

    def find_mean_rate(self, now: float) -> float:
        """Rows per second, over all."""
        return self._through / (now - self._began) if now > self._began else 0.0

    def find_left(self, now: float) -> float | None:
        """Seconds until the last row; None if nobody knows."""
        rate = self.find_rate(now)
        if self.total is None or rate <= 0:
            return None
        return max(0, self.total - sum(self._states.values())) / rate

    # ---- for the tables

    def list_last(self) -> tuple[BatchLine, ...]:
        """The rows that ended last, the newest first."""
        return tuple(map(build_line, reversed(self._last)))

    def list_first(self) -> tuple[BatchLine, ...]:
        """The first rows that have an answer: those of this run, then as many kept ones as there is room for."""
        answered = sorted((one for one in self.ordered if one.is_answered), key=lambda one: one.state == "kept")
        return tuple(map(build_line, sorted(answered[:MAX_LINES], key=lambda one: one.row.number)))

    def list_failed(self) -> tuple[BatchLine, ...]:
        """The first rows that were sent or tried, and have no answer."""
        failed = [outcome for outcome in self.ordered if outcome.state in ("failed", "stopped")]
        return tuple(map(build_line, failed[:MAX_LINES]))

    @property
    def ordered(self) -> Sequence[Outcome]:
        """All outcomes in the order of the rows."""
        return [self.outcomes[number] for number in sorted(self.outcomes)]


def build_line(outcome: Outcome) -> BatchLine:
    """A row of the card's table."""
    step = outcome.step
    return BatchLine(
        number=outcome.row.number,
        path=outcome.path,
        state=_describe_state(outcome),
        text=step.text if step else "",
        error=read_words(outcome.error).brief,
        tokens=step.usage.total_tokens if step and step.usage else None,
        cost=step.cost if step else None,
        seconds=step.latency if step and outcome.state != "kept" else None,
        is_failed=not outcome.is_answered,
    )


def _describe_state(outcome: Outcome) -> str:
    """``replayed`` in place of ``done`` where a lesson answered."""
    origin = outcome.step.origin if outcome.step and outcome.state == "done" else None
    return origin.kind.value if origin else outcome.state
