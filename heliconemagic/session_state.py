"""The session of a notebook in memory: its record, its options, its steps in the order they ran.

Safe to use from several threads: their steps are the same session's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from heliconemagic.attachments.store import AttachmentStore
from heliconemagic.errors import HeliconeMagicError, InputError, StepInterrupted
from heliconemagic.gateways.choice import Choice
from heliconemagic.lessons.files import LessonWriter
from heliconemagic.lessons.replaying import LessonUse
from heliconemagic.paths import join_paths
from heliconemagic.records import Delivery, Feedback, SessionRecord, SessionTotals, Step, StepStatus, sum_steps
from heliconemagic.schemas.answer_form import AnswerForm, read_recorded_form
from heliconemagic.settings import RequestOptions
from heliconemagic.steps.comparison import find_variants
from heliconemagic.steps.conversation import find_current
from heliconemagic.steps.feedback import FeedbackBook
from heliconemagic.steps.traced import is_traced


class Session:
    """What every request of the session shares, and what has run so far."""

    def __init__(
        self,
        record: SessionRecord,
        options: RequestOptions,
        choice: Choice,
        *,
        steps: Sequence[Step] = (),
        is_resumed: bool = False,
        attachments: AttachmentStore | None = None,
        lesson: LessonUse | None = None,
        feedback: Iterable[Feedback] = (),
    ) -> None:
        self.record = record
        self.options = options
        self.choice = choice
        self.is_resumed = is_resumed
        self.lesson = lesson
        self.feedback = FeedbackBook(feedback)
        self.recording: LessonWriter | None = None
        """Where each further answer is written to, while `record` is on."""
        self.running: dict[str, Callable[[], object]] = {}
        """How to wait for each step in the background that runs, or failed and nobody has been told, by its id."""
        self.is_shared = False  # other processes may write steps of it
        self._lock = threading.Lock()
        self.attachments = attachments or AttachmentStore()
        self._steps = {step.id: step for step in steps}
        self._cells_run_here: set[str] = set()
        self._forms: dict[str, AnswerForm] = {}  # by step; classes of this kernel, which no journal can keep
        self._spent = sum(step.cost or 0.0 for step in steps)
        self._reserved: dict[str, float] = {}  # USD that prompts under way cost, by their steps

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in the order in which they ran; one that was kept stands where its cell ran again."""
        with self._lock:
            return tuple(self._steps.values())

    @property
    def steps_by_start(self) -> tuple[Step, ...]:
        """All steps in the order in which they began, as the journal tells them: what is shown, exported and rerun."""
        return tuple(sorted(self.steps, key=lambda step: step.started_at))

    @property
    def totals(self) -> SessionTotals:
        """Sums over all steps."""
        return sum_steps(self.steps)

    @property
    def spent(self) -> float:
        """USD that all steps cost, superseded ones too, for they were paid."""
        return self._spent

    @property
    def committed(self) -> float:
        """USD that were spent, or will be by the prompts under way: what a budget has to hold."""
        with self._lock:
            return self._spent + sum(self._reserved.values())

    def reserve(self, costs: Mapping[str, float], budget: float) -> bool:
        """Counts the prompts of steps, by their ids, as spent until the steps have ended; all or none.

        False if ``budget``, both in USD, is too small for them: in one step with counting, for others may ask as well.
        """
        with self._lock:
            others = sum(usd for step_id, usd in self._reserved.items() if step_id not in costs)
            if self._spent + others + sum(costs.values()) > budget:
                return False
            self._reserved.update(costs)
            return True

    def take_options(self, options: RequestOptions, choice: Choice, lesson: LessonUse | None = None) -> None:
        """Takes over a session line that was run again: what it no longer says is gone."""
        self.lesson = lesson
        self.options = options
        self.choice = choice
        self.record = replace(self.record, gateway=choice.gateway.label)

    def put_step(self, step: Step) -> None:
        """Adds a step, or takes its newer state; what was superseded while it ran stays so."""
        with self._lock:
            old = self._steps.get(step.id)
            self._spent += (step.cost or 0.0) - (old.cost or 0.0 if old else 0.0)
            if step.status is not StepStatus.PENDING:
                self._reserved.pop(step.id, None)
            self._steps[step.id] = replace(step, is_superseded=True) if old and old.is_superseded else step
            self._cells_run_here.add(step.cell)

    def put_delivery(self, step_id: str, delivery: Delivery) -> None:
        """Takes in how far a traced step is on its way to Helicone."""
        with self._lock:
            if step_id in self._steps:
                self._steps[step_id] = replace(self._steps[step_id], delivery=delivery)

    def take_others(self, steps: Iterable[Step]) -> None:
        """Takes steps that other processes wrote: each behind those that had begun before it."""
        with self._lock:
            for step in steps:
                known = self._steps.get(step.id)
                if known is None:
                    self._insert(step)
                elif known.status is StepStatus.PENDING:
                    self._steps[step.id] = step
                else:
                    continue
                self._spent += (step.cost or 0.0) - (known.cost or 0.0 if known else 0.0)

    def _insert(self, step: Step) -> None:
        later: list[Step] = []
        while self._steps and next(reversed(self._steps.values())).started_at > step.started_at:
            later.append(self._steps.popitem()[1])
        for each in (step, *reversed(later)):
            self._steps[each.id] = each

    def put_form(self, step: Step, form: AnswerForm) -> None:
        """Remembers what the cell of ``step`` asked of its answer."""
        if form.schema is not None:
            self._forms[step.id] = form

    def find_form(self, step: Step) -> AnswerForm:
        """What was asked of an answer; in a later kernel, what its request tells of that."""
        return self._forms.get(step.id) or read_recorded_form(step.parameters)

    def supersede(self, step_ids: Sequence[str]) -> None:
        """Marks steps whose cell has given a newer answer."""
        with self._lock:
            for step_id in step_ids:
                self._steps[step_id] = replace(self._steps[step_id], is_superseded=True)

    def take_cells(self, other: Session) -> None:
        """Takes over which cells have run in this kernel: a session that was left and taken up again is the same."""
        self._cells_run_here |= other._cells_run_here

    def find_kept(self, cell: str, path: str, fingerprint: str) -> Step | None:
        """The recorded answer of an identical request, for a cell's first run in a resumed session."""
        if not self.is_resumed or cell in self._cells_run_here:
            return None
        return next(
            (
                step
                for step in reversed(self.steps)
                if step.fingerprint == fingerprint and step.path == path and step.is_usable_parent
            ),
            None,
        )

    def keep(self, step: Step, cell: str, run: int) -> None:
        """Lets a recorded step stand for a run of ``cell`` now: it becomes the step that ran last."""
        with self._lock:
            self._steps.pop(step.id, None)
            self._steps[step.id] = replace(step, is_superseded=False, cell=cell, run=run)
            self._cells_run_here.add(cell)

    def pick(self, chosen: Step) -> None:
        """Makes a step the current one of those that it was compared with."""
        for step in find_variants(self.steps, chosen):
            with self._lock:
                self._steps[step.id] = replace(step, is_picked=step.id == chosen.id)

    def find_step(self, path: str) -> Step | None:
        """The current step of ``path``; where no prompt has finished, the newest traced step that gave something."""
        return find_current(self.steps, path) or next(
            (step for step in reversed(self.steps) if step.path == path and _is_traced_to_its_end(step)), None
        )

    def find_by_id(self, step_id: str) -> Step | None:
        """The step with this id, in its newest state."""
        return self._steps.get(step_id)

    def find_shown(self, path: str) -> Step | None:
        """The step that a person means by ``path``: the current one, else the newest."""
        return self.find_step(path) or next((step for step in reversed(self.steps) if step.path == path), None)

    def require_step(self, path: str) -> Step:
        """The same.

        Raises:
            InputError: there is none.
        """
        step = self.find_shown(path)
        if step is None:
            known = join_paths(self.iterate_paths())
            raise InputError(f"no step at {path!r} in this session.", hint=f"paths used so far: {known}")
        return step

    def wait_for(self, step_id: str) -> None:
        """Blocks until a step that runs in the background has ended.

        Raises:
            InputError: it failed or was stopped, so that nothing can build on it. That is said once.
        """
        wait = self.running.get(step_id)
        if wait is None:
            return
        try:
            wait()
        except (HeliconeMagicError, StepInterrupted) as error:
            self.running.pop(step_id, None)
            raise InputError(
                f"{self._steps[step_id].path} was to be continued here, but it failed in the background.",
                hint="run its cell again, then this one; or continue another step with --after",
                cause=str(error).partition("\n")[0],
            ) from None

    def find_running(self, path: str) -> str | None:
        """The id of the newest step at ``path`` if it still runs in the background."""
        newest = next((step.id for step in reversed(self.steps) if step.path == path), None)
        return newest if newest in self.running else None

    def find_parent(self, step: Step) -> Step | None:
        """The step that ``step`` continued."""
        return self._steps.get(step.parent_id or "")

    def iterate_paths(self) -> Iterator[str]:
        """The paths used so far, newest first, each once."""
        yield from dict.fromkeys(step.path for step in reversed(self.steps))


def _is_traced_to_its_end(step: Step) -> bool:
    return is_traced(step) and step.status is StepStatus.DONE
