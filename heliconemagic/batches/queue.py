"""Sends the rows of a batch: so many at a time, the next one as soon as one has ended.

Rows are planned on the thread of the cell, where the notebook's objects live, and wait here in
order. What ends one starts the next at once, on the engine's thread: throughput doesn't depend on
how often the cell's thread looks.
"""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from heliconemagic.batches.planning import BatchRow
from heliconemagic.batches.throttle import Throttle
from heliconemagic.engine.engine import Engine
from heliconemagic.engine.run import Run
from heliconemagic.errors import CredentialError, InputError, UnknownModelError
from heliconemagic.planning.estimates import estimate_request_cost
from heliconemagic.planning.plan import Plan
from heliconemagic.records import StepStatus

MOST_HOPELESS = 3
"""Rows in a row whose key or model was refused, after which no other is sent."""
MOST_ALIKE = 20
"""Rows in a row that failed with the very same words."""


class Halt(Enum):
    """Why no more rows are sent."""

    STOPPED = "stopped"
    BUDGET = "budget"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A row that waits to be sent."""

    row: BatchRow
    plan: Plan


@dataclass(frozen=True, slots=True)
class EndedRow:
    """A row that was sent, and how it ended."""

    row: BatchRow
    plan: Plan
    run: Run


class RowQueue:
    """The rows that wait and those under way, followed as one (`heliconemagic.engine.following.Followed`)."""

    def __init__(
        self, engine: Engine, build_run: Callable[[Plan], Run], *, jobs: int, budget: float | None, spent: float
    ) -> None:
        self.done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self.has_text = threading.Event()
        self.halt: Halt | None = None
        self.failure: BaseException | None = None  # of the last row that failed
        self.spent_elsewhere = spent  # USD, in the session, besides these rows
        self._engine = engine
        self._build_run = build_run
        self._budget = budget
        self._throttle = Throttle(jobs)
        self._lock = threading.RLock()
        self._waiting: deque[PlannedRow] = deque()
        self._running: dict[Run, PlannedRow] = {}
        self._reserved: dict[Run, float] = {}  # USD that those under way may cost
        self._ended: deque[EndedRow] = deque()
        self._cost = 0.0  # USD of those that ended
        self._priced_count = 0
        self._alike_count = 0  # failures of the same words, one after the other
        self._is_closed = False
        self.ran_dry = False  # since the cell's thread looked

    # ---- for the cell's thread

    def put(self, row: BatchRow, plan: Plan) -> None:
        """Adds a row to those that wait."""
        with self._lock:
            self._waiting.append(PlannedRow(row, plan))
        self.advance()

    def close(self) -> None:
        """No more rows will come."""
        with self._lock:
            self._is_closed = True
        self.advance()

    def take_ended(self) -> list[EndedRow]:
        """The rows that ended since the last call."""
        with self._lock:
            ended, self._ended = self._ended, deque()
        return list(ended)

    def take_waiting(self) -> list[PlannedRow]:
        """The rows that were not sent, once nothing is under way."""
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        return list(waiting)

    @property
    def waiting_count(self) -> int:
        """How many rows wait."""
        return len(self._waiting)

    @property
    def running_count(self) -> int:
        """How many rows are under way."""
        return len(self._running)

    @property
    def limit(self) -> int:
        """How many may be under way now."""
        return self._throttle.limit

    @property
    def throttled_count(self) -> int:
        """How many of those under way wait because the server was asked too often."""
        with self._lock:
            return sum(run.is_throttled for run in self._running)

    # ---- Followed

    @property
    def is_done(self) -> bool:
        """Whether all rows have ended, or none is sent any more."""
        return self.done.done()

    def call_on_first_text(self, callback: Callable[[], None]) -> None:
        """Nothing is shown before the next look."""

    def cancel(self) -> None:
        """Stops: what is done is kept, what is under way is cancelled."""
        with self._lock:
            self.halt = Halt.STOPPED
            running = list(self._running)
        for run in running:
            run.cancel()
        self.advance()

    # ---- on whichever thread

    def advance(self) -> None:
        """Starts what may start, and ends the whole if nothing is left."""
        with self._lock:
            while self._may_start():
                self._start(self._waiting.popleft())
            if self._running or self.done.done():
                return
            if self.halt or (self._is_closed and not self._waiting):
                self.done.set_result(None)
                self.has_text.set()

    def _may_start(self) -> bool:
        if self.halt or len(self._running) >= self._throttle.limit:
            return False
        if not self._waiting:
            self.ran_dry = True
            return False
        if any(run.is_throttled for run in self._running):
            return False
        return self._is_within_budget(self._waiting[0].plan)

    def _is_within_budget(self, plan: Plan) -> bool:
        if self._budget is None:
            return True
        spent = self.spent_elsewhere + self._cost + sum(self._reserved.values())
        if spent + self._estimate(plan) <= self._budget:
            return True
        self.halt = Halt.BUDGET
        return False

    def _estimate(self, plan: Plan) -> float:
        """USD that a row will cost: what its prompt does, or what rows did so far on average."""
        mean = self._cost / self._priced_count if self._priced_count else 0.0
        return max(mean, estimate_request_cost(plan.request) or 0.0)

    def _start(self, planned: PlannedRow) -> None:
        run = self._build_run(planned.plan)
        self._running[run] = planned
        if self._budget is not None:
            self._reserved[run] = self._estimate(planned.plan)
        run.call_on_refusal(self._note_refusal)
        run.done.add_done_callback(lambda _: self._note_end(run))
        try:
            self._engine.start(run, planned.plan.redactor)
        except InputError:  # the engine is closed
            run.break_off()

    def _note_refusal(self, status: int | None) -> None:
        if status == 429:
            with self._lock:
                self._throttle.note_refusal(time.monotonic())

    def _note_end(self, run: Run) -> None:
        with self._lock:
            planned = self._running.pop(run)
            self._reserved.pop(run, None)
            self._ended.append(EndedRow(planned.row, planned.plan, run))
            step = run.read_step()
            if step.cost is not None:
                self._cost += step.cost
                self._priced_count += 1
            if step.status is StepStatus.DONE:
                self._throttle.note_answer()
                self._alike_count = 0
            elif run.error is not None:
                self._note_failure(run.error)
            elif self.halt is None:  # nobody here stopped it: the engine is closing, and sends no more
                self.halt = Halt.STOPPED
        self.has_text.set()
        self.advance()

    def _note_failure(self, error: BaseException) -> None:
        is_alike = self.failure is not None and _read_words(self.failure) == _read_words(error)
        self._alike_count = self._alike_count + 1 if is_alike else 1
        self.failure = error
        most = MOST_HOPELESS if isinstance(error, CredentialError | UnknownModelError) else MOST_ALIKE
        if self._alike_count >= most and self.halt is None:
            self.halt = Halt.FAILING


def _read_words(error: BaseException) -> tuple[type, str]:
    """What makes two failures alike; causes and hints differ by a request's id."""
    return type(error), str(getattr(error, "message", error))
