"""A batch: one cell's steps for many rows, from the first row to the list of replies."""

from __future__ import annotations

import concurrent.futures
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from heliconemagic.batches.ledger import Ledger, Outcome
from heliconemagic.batches.planning import BatchRow, RowPlanner
from heliconemagic.batches.queue import Halt, RowQueue
from heliconemagic.batches.result import BatchResult, FailedRow
from heliconemagic.cards import build_reply, find_session_url
from heliconemagic.engine.following import CANCEL_SECONDS, follow, follow_blocking
from heliconemagic.errors import BatchError, BudgetError, HeliconeMagicError, StepInterrupted
from heliconemagic.lines.options import CellCommand
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.planning.plan import Plan
from heliconemagic.records import StepStatus
from heliconemagic.render.batch_state import BatchCard
from heliconemagic.render.figures import format_count, format_usd
from heliconemagic.reply import Reply
from heliconemagic.running.cell_run import CellInput
from heliconemagic.schemas.answer_form import find_fault
from heliconemagic.session_state import Session

if TYPE_CHECKING:
    from heliconemagic.views.batch import BatchView

DEFAULT_JOBS = 8
MAX_AHEAD = 2_048
"""Rows that are planned before they can be sent, at most."""
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
        self._rows: Iterator[BatchRow] | None = planner.iterate_rows()
        self._ledger = Ledger(planner.source.count, self._began)
        self._queue = RowQueue(
            notebook.engine,
            notebook.steps.build_run,
            jobs=given.command.jobs or DEFAULT_JOBS,
            budget=planner.setting.options.budget,
            spent=planner.history.spent,
        )
        self._ahead = 2 * (given.command.jobs or DEFAULT_JOBS)
        self._id = str(uuid.uuid4())
        self._paths: Counter[str] = Counter()  # answered anew, and how often
        self._claimed: set[str] = set()  # ids of the steps that stand for a row
        self._notes: dict[str, None] = {}
        self._source_error: Exception | None = None
        self._over_budget: BudgetError | None = None
        self._first = self._plan_first()
        self._seconds = 0.0
        self._view = build_view(self._queue.cancel, given.command)

    def _plan_first(self) -> Plan:
        """The first row's plan: what is wrong with it is wrong with all, and nothing has been sent."""
        row = self._next_row()
        if row is None:
            raise self._planner.build_no_rows(self._source_error)
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
        return self._given.command.path or self._first.place.path

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
        self._seconds = self._clock() - self._began
        self._view.close(self._build_card(is_over=True))
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
            row = self._next_row()
            if row is None:
                self._queue.close()
                break
            self._plan(row)
            time.sleep(0)  # else this thread keeps the interpreter for 5 ms, and those that send wait for it
        self._queue.ran_dry = False

    def _next_row(self) -> BatchRow | None:
        """The next row; None at the end, or where the notebook's own generator fails."""
        if self._rows is None:
            return None
        try:
            row = next(self._rows, None)
        except Exception as error:  # noqa: BLE001  # of the notebook's generator: the batch ends there
            self._source_error, row = error, None
        if row is None:
            self._rows = None
        return row

    def _plan(self, row: BatchRow) -> None:
        try:
            plan = self._planner.plan(row)
        except BudgetError as error:
            self._over_budget, self._queue.halt = error, Halt.BUDGET
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
        while self._planner.source.is_checked_first and (row := self._next_row()) is not None:
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

    # ---- what is shown

    def _build_card(self, *, is_over: bool = False) -> BatchCard:
        ledger, now = self._ledger, self._clock()
        plan, session = self._first, self._planner.session
        counts = ledger.count(self._queue.running_count)
        return BatchCard(
            id=self._id,
            path=self._given.command.path or plan.place.path,
            status=self._find_status() if is_over else StepStatus.PENDING,
            origin=f"{plan.step.model} · {plan.step.gateway}",
            context=plan.place.label,
            counts=counts,
            seconds=self._seconds if is_over else now - self._began,
            rate=ledger.find_mean_rate(self._began + self._seconds) if is_over else ledger.find_rate(now),
            left=None if is_over else ledger.find_left(now),
            cost=ledger.cost,
            unpriced=ledger.unpriced,
            prompt_tokens=ledger.prompt_tokens,
            completion_tokens=ledger.completion_tokens,
            waiting="" if is_over else self._describe_waiting(),
            notes=self._list_notes(is_over=is_over),
            failure=self._describe_failure() if is_over else ("", ""),
            lines=ledger.list_first() if is_over else ledger.list_last(),
            failures=ledger.list_failed() if is_over else (),
            step_ids=tuple(one.step.id for one in ledger.ordered if one.step) if is_over else (),
            session_url=find_session_url(session) if is_over else None,
            totals=session.totals if is_over else None,
        )

    def _describe_waiting(self) -> str:
        throttled = self._queue.throttled_count
        if throttled:
            return f"asked too often (429): {format_count(throttled, 'row')} waiting"
        jobs = self._given.command.jobs or DEFAULT_JOBS
        return f"{self._queue.limit} of {jobs} at a time, after a 429" if self._queue.limit < jobs else ""

    def _list_notes(self, *, is_over: bool) -> tuple[str, ...]:
        warning = self._notebook.journal.warning if is_over and self._given.command.is_logged else None
        return tuple(note for note in (*self._notes, self._planner.describe_spelling(), warning) if note)

    def _find_status(self) -> StepStatus:
        counts = self._ledger.count()
        if self._queue.halt is Halt.STOPPED:
            return StepStatus.INTERRUPTED
        is_whole = not (counts.failed or counts.stopped or counts.unsent or self._source_error or self._queue.halt)
        return StepStatus.DONE if is_whole else StepStatus.FAILED

    def _describe_failure(self) -> tuple[str, str]:
        error = self._build_error()
        return (error.message, error.hint or "") if isinstance(error, HeliconeMagicError) else ("", "")

    # ---- what the cell gives

    def build_result(self) -> BatchResult:
        """The replies, and a `FailedRow` for each row without one.

        Raises:
            StepInterrupted: the batch was stopped; its ``result`` has what was done.
            BatchError: rows failed, or were not sent; so does its ``result``.
        """
        result = self._build_list()
        error = self._build_error()
        if error is None:
            return result
        error.result = result
        raise error

    def _build_list(self) -> BatchResult:
        from heliconemagic.render.batch_card import build_batch_bundle

        outcomes = self._ledger.ordered
        bundle = build_batch_bundle(self._build_card(is_over=True))
        return BatchResult(
            map(self._build_item, outcomes),
            rows=[outcome.row.value for outcome in outcomes],
            build_bundle=lambda: bundle,
            is_shown=self._given.is_shown,
        )

    def _build_item(self, outcome: Outcome) -> Reply | FailedRow:
        if outcome.is_answered and outcome.step is not None:
            return build_reply(self._planner.session, outcome.step)
        words = {"stopped": "interrupted"}
        return FailedRow(
            row=outcome.row.value,
            number=outcome.row.number,
            path=outcome.path,
            status=words.get(outcome.state, outcome.state),
            error=outcome.error or words.get(outcome.state, outcome.state),
            step=outcome.step,
        )

    def _build_error(self) -> BatchError | StepInterrupted | None:
        counts = self._ledger.count()
        done = f"{counts.done:,} of {format_count(counts.total, 'row')}" if counts.total else f"{counts.done:,} rows"
        if self._queue.halt is Halt.STOPPED:
            path = self._given.command.path or self._first.place.path
            return StepInterrupted(f"{path} was stopped: {done} are done and kept; run the cell again for the others.")
        if self._queue.halt is Halt.BUDGET:
            return self._build_over_budget(done)
        if self._source_error is not None:
            return BatchError(
                f"--for {self._planner.source.expression!r} broke off after {len(self._ledger.outcomes):,} rows; "
                f"{done} are done and kept.",
                cause=self._notebook.access.redact(f"{type(self._source_error).__name__}: {self._source_error}"),
            )
        if not (counts.failed or counts.stopped):
            return None
        return self._build_failed(done)

    def _build_over_budget(self, done: str) -> BatchError:
        budget = format_usd(self._planner.setting.options.budget or 0.0)
        return BatchError(
            f"the budget of {budget} is used up: {done} are done and kept.",
            hint="raise --budget on the session line, and run the cell again for the others",
        )

    def _build_failed(self, done: str) -> BatchError:
        """Some rows failed; the last failure stands for them."""
        counts = self._ledger.count()
        total = counts.total if counts.total is not None else counts.over
        message = f"{counts.failed + counts.stopped:,} of {format_count(total, 'row')} failed"
        hint = "run the cell again to retry just those"
        if self._queue.halt is Halt.FAILING:
            message += f", one after the other in the same way; {counts.unsent:,} were not sent"
            hint = getattr(self._queue.failure, "hint", None) or hint
        failure = next((one.error for one in self._ledger.ordered if one.state == "failed"), "")
        return BatchError(f"{message}.", hint=hint, cause=failure.partition("\n")[0] or None)
