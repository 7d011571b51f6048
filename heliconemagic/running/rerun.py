"""A rerun: the steps of a recorded session, asked again one after the other, each with the newest answers in it."""

from __future__ import annotations

import concurrent.futures
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

from heliconemagic.batches.ledger import Ledger
from heliconemagic.batches.planning import BatchRow
from heliconemagic.cards import find_session_url
from heliconemagic.engine.following import CANCEL_SECONDS, follow_blocking
from heliconemagic.engine.run import Run
from heliconemagic.errors import BudgetError, HeliconeMagicError, RerunError, StepInterrupted, UnpricedModelError
from heliconemagic.lines.options import CellCommand
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.planning.plan import Plan
from heliconemagic.planning.rerunning import RAISE_BUDGET, RerunPlanner
from heliconemagic.records import Step, StepStatus
from heliconemagic.render.batch_state import BatchCard, BatchLine
from heliconemagic.render.figures import format_count
from heliconemagic.running.batch import MAX_NOTES, BuildBatchView
from heliconemagic.schemas.answer_form import find_fault
from heliconemagic.steps.rerunning import Scene


class RerunRun:
    """A rerun while it runs; what it has done is kept, however it ends."""

    def __init__(
        self,
        notebook: Notebook,
        planner: RerunPlanner,
        build_view: BuildBatchView,
        *,
        origin: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_begun = False  # there is a session of it in the journal: never an empty one
        self.replaced: dict[str, int] = {}  # places where a new answer was put in, by path
        self.unsent: dict[str, None] = {}  # paths, each once
        self._notebook = notebook
        self._planner = planner
        self._origin = origin
        self._clock = clock
        self._began = clock()
        self._ledger = Ledger(len(planner.script.scenes), self._began)
        self._failures: list[tuple[str, HeliconeMagicError | None]] = []
        self._bug: BaseException | None = None
        self._over_budget: BudgetError | None = None
        self._is_stopped = False
        self._run: tuple[BatchRow, Run] | None = None  # under way
        self._notes: dict[str, None] = {}
        self._id = str(uuid.uuid4())
        self._view = build_view(self.cancel, CellCommand())

    def cancel(self) -> None:
        """Stops what is under way, and sends no more; from any thread."""
        self._is_stopped = True
        if self._run is not None:
            self._run[1].cancel()

    def play(self) -> None:
        """Plays all scenes, on this thread; what became of them is in `build_error`."""
        try:
            self._view.open(self._build_card())
            for number, scene in enumerate(self._planner.script.scenes, start=1):
                self._play(BatchRow(number, None), scene)
        except KeyboardInterrupt:
            self._is_stopped = True
        finally:
            self._end()
        if self._bug is not None:
            raise self._bug

    def _begin(self) -> None:
        if not self.is_begun:
            self._notebook.experiments.begin(self._planner.session)
            self.is_begun = True

    def _end(self) -> None:
        for number, scene in enumerate(self._planner.script.scenes, start=1):
            if number not in self._ledger.outcomes:
                self._note_unsent(BatchRow(number, None), scene)
        if self.is_begun:
            self._notebook.experiments.end(self._planner.session)
        self._view.close(self._build_end_card())

    # ---- one scene

    def _play(self, row: BatchRow, scene: Scene) -> None:
        if self._is_stopped or self._over_budget or self._bug or not self._planner.is_playable(scene):
            self._note_unsent(row, scene)
        elif scene.is_kept:
            self._begin()
            step = self._planner.keep(scene, self._notebook.surroundings.clock())
            self._notebook.steps.put(self._planner.session, step)
            self._ledger.note_kept(row, step)
        else:
            self._ask(row, scene)

    def _note_unsent(self, row: BatchRow, scene: Scene) -> None:
        self._ledger.note_unsent(row, scene.step.path)
        self.unsent[scene.step.path] = None

    def _ask(self, row: BatchRow, scene: Scene) -> None:
        try:
            plan = self._planner.plan(scene)
            self._notebook.steps.reserve([plan])
            self._begin()
            run = self._notebook.steps.start(plan)
        except BudgetError as error:
            self._over_budget = error
            self._note_unsent(row, scene)
        except HeliconeMagicError as error:
            self._ledger.note_unplanned(row, scene.step.path, error)
            self._failures.append((scene.step.path, error))
        else:
            self._notes.update(dict.fromkeys(plan.notes[: MAX_NOTES - len(self._notes)]))
            self._follow(row, run)
            self._take(row, scene, plan, run)

    def _follow(self, row: BatchRow, run: Run) -> None:
        self._run = (row, run)
        try:
            if self._is_stopped:  # between the two
                run.cancel()
            self._is_stopped |= follow_blocking(run, self._look)
        finally:
            if not run.is_done:  # the view broke
                run.cancel()
                concurrent.futures.wait([run.done], timeout=CANCEL_SECONDS)
            self._run = None

    def _take(self, row: BatchRow, scene: Scene, plan: Plan, run: Run) -> None:
        step = self._notebook.steps.finish(plan, run)
        fault = self._find_fault(plan, step)
        self._ledger.note_ended(row, step, fault)
        if count := self._planner.count_replacements(scene):
            self.replaced[step.path] = self.replaced.get(step.path, 0) + count
        if step.status is StepStatus.DONE and fault is None:
            self._planner.note_answer(scene, step)
        elif step.status is StepStatus.INTERRUPTED:
            self._is_stopped = True
        elif run.error is None or isinstance(run.error, HeliconeMagicError):
            self._failures.append((step.path, fault or run.error))
        else:
            self._bug = run.error

    def _find_fault(self, plan: Plan, step: Step) -> HeliconeMagicError | None:
        """Why nothing can build on an answer that came."""
        if step.status is not StepStatus.DONE:
            return None
        if step.is_usable_parent:
            return find_fault(step, plan.wanted)
        return RerunError(
            "the model asks for tools, and a rerun calls none" if step.tool_calls else "the answer is empty"
        )

    # ---- what is shown

    def _look(self) -> None:
        self._ledger.mark(self._clock())
        self._view.update(self._build_card)

    def _build_card(self) -> BatchCard:
        now, ledger = self._clock(), self._ledger
        running = self._build_running_line()
        return BatchCard(
            id=self._id,
            path=f"rerun of {self._planner.original.title}",
            status=StepStatus.PENDING,
            noun="step",
            whereabouts="in the new session",
            failures_at="",
            origin=self._origin,
            counts=ledger.count(running=len(running)),
            seconds=now - self._began,
            rate=ledger.find_rate(now),
            left=ledger.find_left(now),
            cost=ledger.cost,
            unpriced=ledger.unpriced,
            prompt_tokens=ledger.prompt_tokens,
            completion_tokens=ledger.completion_tokens,
            waiting=self._run[1].describe_waiting() if self._run else "",
            notes=tuple(self._notes),
            lines=(*running, *ledger.list_last()),
        )

    def _build_running_line(self) -> tuple[BatchLine, ...]:
        if self._run is None:
            return ()
        row, run = self._run
        step = run.read_step()
        seconds = self._notebook.surroundings.clock() - step.started_at
        return (BatchLine(number=row.number, path=step.path, state="running", text=step.text, seconds=seconds),)

    def _build_end_card(self) -> BatchCard:
        session, warning = self._planner.session, self._notebook.journal.warning
        error = self.build_error()
        failure = (error.message, error.hint or "") if isinstance(error, HeliconeMagicError) else ("", "")
        unsent = f"not sent: {', '.join(self.unsent)}" if self.unsent else ""
        return replace(
            self._build_card(),
            status=self._find_status(error),
            rate=0.0,
            left=None,
            waiting="",
            notes=tuple(note for note in (*self._notes, unsent, warning) if note),
            failure=failure,
            lines=self._ledger.list_first(),
            failures=self._ledger.list_failed(),
            step_ids=tuple(one.step.id for one in self._ledger.ordered if one.step),
            session_url=find_session_url(session),
            totals=session.totals,
        )

    def _find_status(self, error: BaseException | None) -> StepStatus:
        if isinstance(error, StepInterrupted):
            return StepStatus.INTERRUPTED
        return StepStatus.FAILED if error or self._bug else StepStatus.DONE

    def build_error(self) -> RerunError | StepInterrupted | None:
        """Why the rerun isn't whole; None if it is."""
        counts = self._ledger.count()
        done = f"{counts.done:,} of {format_count(counts.total or 0, 'step')}"
        if self._is_stopped:
            kept = (
                f": {done} are done and kept, in a session of its own" if self.is_begun else " before it sent anything"
            )
            return StepInterrupted(f"the rerun was stopped{kept}.")
        if self._over_budget is not None:
            return RerunError(
                f"{self._over_budget.message} {done} are done and kept.",
                hint=self._over_budget.hint if isinstance(self._over_budget, UnpricedModelError) else RAISE_BUDGET,
            )
        if not self._failures:
            return None
        return self._build_failed(done)

    def _build_failed(self, done: str) -> RerunError:
        path, error = self._failures[0]
        others = f" and {len(self._failures) - 1:,} more" if len(self._failures) > 1 else ""
        unsent = format_count(len(self.unsent), "path") if self.unsent else ""
        waits = f"; what builds on that was not sent ({unsent})" if unsent else ""
        return RerunError(
            f"{path}{others} failed{waits}. {done} are done and kept.",
            hint=(error.hint if error else None) or "run the line again, or with another -m or --gateway",
            cause=error.message if error else None,
        )
