"""A batch: one cell's steps for many rows, from the first row to the list of replies."""

from __future__ import annotations

import concurrent.futures
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from heliconemagic.batches.ledger import Ledger
from heliconemagic.batches.planning import BatchRow, RowPlanner, RowReader
from heliconemagic.batches.queue import Halt, RowQueue
from heliconemagic.batches.report import BatchReport
from heliconemagic.batches.result import BatchResult
from heliconemagic.engine.following import CANCEL_SECONDS, follow, follow_blocking
from heliconemagic.errors import BudgetError, HeliconeMagicError
from heliconemagic.lines.options import CellCommand
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.planning.plan import Plan
from heliconemagic.records import StepStatus
from heliconemagic.render.batch_state import BatchCard
from heliconemagic.running.cell_run import CellInput
from heliconemagic.schemas.answer_form import find_fault
from heliconemagic.session_state import Session

if TYPE_CHECKING:
    from heliconemagic.views.batch import BatchView

DEFAULT_JOBS = 8
MAX_AHEAD = 2_048
"""Rows that are planned before they can be sent, at most."""
END_SECONDS = 0.1
"""How long the end of a row may wait for the journal: it is mostly written with the next row's beginning."""
PLAN_SECONDS = 0.2
"""How long one look may plan rows: then the card is shown, and an interrupt heard."""
MAX_NOTES = 4

BuildBatchView = Callable[[Callable[[], None], CellCommand], "BatchView"]
"""Makes the view of a batch: what Stop does, and the cell's options."""


def build_quiet_batch_view(stop: Callable[[], None], command: CellCommand) -> BatchView:
    """A view that shows nothing, for where there is no page."""
    from heliconemagic.views.batch import QuietBatchView

    return QuietBatchView()


class BatchRun:
    """A batch while it runs (a `heliconemagic.running.runner.Work`).

    Rows are planned a few ahead of those under way, on the cell's thread, and sent by a `RowQueue`.
    """

    def __init__(
        self,
        notebook: Notebook,
        given: CellInput,
        planner: RowPlanner,
        build_view: BuildBatchView,
        note_change: Callable[[], None],
    ) -> None:
        self._notebook = notebook
        self._given = given
        self._planner = planner
        self._note_change = note_change
        self._clock = time.monotonic
        self._began = self._clock()
        self._ended = self._began
        self._reader = RowReader(planner.iterate_rows())
        self._ledger = Ledger(planner.source.count, self._began)
        jobs = given.command.jobs or DEFAULT_JOBS
        self._queue = RowQueue(
            notebook.engine,
            partial(notebook.steps.build_run, end_delay=END_SECONDS),
            jobs=jobs,
            budget=planner.setting.options.budget,
            spent=planner.history.spent,
        )
        self._ahead = 2 * jobs
        self._paths: Counter[str] = Counter()  # answered anew, and how often
        self._claimed: set[str] = set()  # ids of the steps that stand for a row
        self._notes: dict[str, None] = {}
        self._report = self._build_report(self._plan_first(), jobs)
        self._view = build_view(self._queue.cancel, given.command)

    def _build_report(self, first: Plan, jobs: int) -> BatchReport:
        return BatchReport(
            command=self._given.command,
            planner=self._planner,
            first=first,
            reader=self._reader,
            ledger=self._ledger,
            queue=self._queue,
            jobs=jobs,
            notes=self._notes,
            began=self._began,
            redact=self._notebook.access.redact,
            find_warning=lambda: self._notebook.journal.warning,
        )

    def _plan_first(self) -> Plan:
        """The first row's plan: what is wrong with it is wrong with all, and nothing has been sent."""
        row = self._reader.read()
        if row is None:
            raise self._planner.build_no_rows(self._reader.error)
        plan = self._planner.plan(row)
        self._take_plan(row, plan)
        return plan

    @property
    def session(self) -> Session:
        """The session that it belongs to."""
        return self._planner.session

    @property
    def path(self) -> str:
        """Where its rows stand, as typed."""
        return self._report.path

    @property
    def step_ids(self) -> tuple[str, ...]:
        """Nobody waits for a row: later cells continue those that have ended."""
        return ()

    def cancel(self) -> None:
        """Stops what is under way, and sends no more."""
        self._queue.cancel()

    def __enter__(self) -> BatchRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._queue.is_done:  # the view broke, or the rows did
            self._queue.cancel()
            concurrent.futures.wait([self._queue.done], timeout=CANCEL_SECONDS)
        self._take_ended()
        self._note_unsent()
        self._supersede()
        self._ended = self._clock()
        self._view.close(self._report.build_card(self._ended, is_over=True))
        self._note_change()

    def open(self) -> None:
        """Shows the card."""
        self._view.open(self._build_card())

    async def follow(self) -> None:
        """Plans, sends and shows, waiting for the end on the running loop."""
        self._fill()
        await follow(self._queue, self._look)

    def follow_blocking(self) -> None:
        """The same, waiting on this thread."""
        self._fill()
        follow_blocking(self._queue, self._look)

    def _look(self) -> None:
        """What is done ten times a second."""
        if self._take_ended():
            self._note_change()
        self._fill()
        self._ledger.mark(self._clock())
        self._queue.advance()  # those that waited for a server's patience
        if not self._queue.is_done:
            self._view.update(self._build_card)

    # ---- planning ahead

    def _fill(self) -> None:
        """Plans rows until enough wait; if the queue ran dry since the last look, twice as many as before."""
        if self._queue.ran_dry:
            self._ahead = min(2 * self._ahead, MAX_AHEAD)
        until = self._clock() + PLAN_SECONDS
        while not self._queue.halt and self._queue.waiting_count < self._ahead and self._clock() < until:
            row = self._reader.read()
            if row is None:
                self._queue.close()
                break
            self._plan(row)
            time.sleep(0)  # else this thread keeps the interpreter for 5 ms, and those that send wait for it
        self._queue.ran_dry = False

    def _plan(self, row: BatchRow) -> None:
        try:
            plan = self._planner.plan(row)
        except BudgetError:
            self._queue.halt = Halt.BUDGET
            self._ledger.note_unsent(row, self._given.command.path or "")
        except HeliconeMagicError as error:
            self._ledger.note_unplanned(row, self._given.command.path or "", error)
        else:
            self._take_plan(row, plan)

    def _take_plan(self, row: BatchRow, plan: Plan) -> None:
        if len(self._notes) < MAX_NOTES:
            self._notes.update(dict.fromkeys((*self._planner.setting.choice.notes, *plan.notes)))
        if plan.kept is None:
            self._queue.put(row, plan)
            return
        self._claimed.add(plan.kept.id)
        self._ledger.note_kept(row, self._notebook.steps.keep(plan, plan.kept))

    # ---- what ended

    def _take_ended(self) -> bool:
        """Takes the rows that ended into the session; whether there were any."""
        ended = self._queue.take_ended()
        for one in ended:
            step = self._notebook.steps.finish(one.plan, one.run)
            self._planner.session.put_form(one.plan.step, one.plan.wanted)
            fault = find_fault(step, one.plan.wanted) if step.status is StepStatus.DONE else None
            self._ledger.note_ended(one.row, step, fault)
            if step.status is StepStatus.DONE and fault is None:
                self._claimed.add(step.id)
                self._paths[step.path] += 1
        if ended:
            self._queue.spent_elsewhere = self._planner.session.spent - self._ledger.cost
        return bool(ended)

    def _note_unsent(self) -> None:
        """Rows that wait, and those of a list that nobody came to."""
        pattern = self._given.command.path or ""
        for planned in self._queue.take_waiting():
            self._ledger.note_unsent(planned.row, planned.plan.place.path)
        while self._planner.source.is_checked_first and (row := self._reader.read()) is not None:
            self._ledger.note_unsent(row, pattern)
        if self._ledger.total is None and not self._queue.halt:
            self._ledger.total = len(self._ledger.outcomes)

    def _supersede(self) -> None:
        """Each new answer replaces one of the cell's earlier ones at its path, once all rows had their turn."""
        if self._queue.halt:
            return
        replaced = []
        for step in sorted(self._planner.history.own, key=lambda step: step.status is StepStatus.DONE):
            if step.id not in self._claimed and self._paths[step.path] > 0:
                self._paths[step.path] -= 1
                replaced.append(step.id)
        self._notebook.steps.supersede(self._planner.session, replaced)

    def _build_card(self) -> BatchCard:
        return self._report.build_card(self._clock())

    def build_result(self) -> BatchResult:
        """The replies, and a `FailedRow` for each row without one.

        Raises:
            StepInterrupted: the batch was stopped; its ``result`` has what was done.
            BatchError: rows failed, or were not sent; so does its ``result``.
        """
        return self._report.build_result(self._ended, self._given.is_shown)
