"""Several answers to one prompt, asked for at once and shown side by side."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from heliconemagic.cards import build_compared_replies, build_recorded_card, build_running_card
from heliconemagic.engine.following import CANCEL_SECONDS, RunGroup, follow, follow_blocking
from heliconemagic.engine.run import Run
from heliconemagic.errors import ComparisonError, HeliconeMagicError, StepInterrupted
from heliconemagic.lines.options import CellCommand
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.planning.plan import Plan
from heliconemagic.records import Step, StepStatus
from heliconemagic.render.card_state import Card
from heliconemagic.render.comparison_state import Comparison, build_comparison
from heliconemagic.replies import Replies
from heliconemagic.running.cell_run import CellInput
from heliconemagic.session_state import Session
from heliconemagic.steps.comparison import choose_current

if TYPE_CHECKING:
    from heliconemagic.views.columns import ComparisonView

BuildColumns = Callable[[Sequence[Callable[[], None] | None], CellCommand], "ComparisonView"]
"""Makes the view of a comparison: what each column's Stop does (None: it doesn't run), and the cell's options."""


@dataclass(slots=True)
class _Answer:
    """One of the answers: its plan, and the run that brings it; without a run it was recorded before."""

    plan: Plan
    run: Run | None
    step: Step

    def read_card(self, warning: str | None) -> Card:
        if self.run is None:
            return build_recorded_card(self.plan.session, self.step, plan=self.plan)
        return build_running_card(self.plan, self.run, warning)


class ComparingRun:
    """The answers of a cell that compares, while they run: a `Work` (see `heliconemagic.running.work`).

    One that fails or is stopped doesn't disturb the others.
    """

    def __init__(
        self,
        notebook: Notebook,
        given: CellInput,
        plans: Sequence[Plan],
        build_view: BuildColumns,
        note_change: Callable[[], None],
    ) -> None:
        self._notebook = notebook
        self._given = given
        self._note_change = note_change
        notebook.steps.reserve(plans)
        self._answers = [self._begin(plan) for plan in plans]
        runs = [answer.run for answer in self._answers if answer.run]
        self._group = RunGroup(runs)
        stops = [answer.run.cancel if answer.run else None for answer in self._answers]
        self._view = build_view(stops, given.command)

    def _begin(self, plan: Plan) -> _Answer:
        if plan.kept is not None:
            return _Answer(plan, None, self._notebook.steps.keep(plan, plan.kept))
        run = self._notebook.steps.start(plan)
        return _Answer(plan, run, run.read_step())

    @property
    def session(self) -> Session:
        """The session that the steps are of."""
        return self._answers[0].plan.session

    @property
    def path(self) -> str:
        """Where all of them stand."""
        return self._answers[0].plan.place.path

    @property
    def step_ids(self) -> tuple[str, ...]:
        """The ids of those that were sent."""
        return tuple(answer.step.id for answer in self._answers if answer.run)

    def cancel(self) -> None:
        """Stops all that still run."""
        self._group.cancel()

    def __enter__(self) -> ComparingRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._group.is_done:  # the view broke: nobody would see the rest
            self._group.cancel()
            concurrent.futures.wait([self._group.done], timeout=CANCEL_SECONDS)
        for answer in self._answers:
            if answer.run is not None:
                answer.step = self._notebook.steps.finish(answer.plan, answer.run)
        self._view.close(self._build_comparison())
        self._note_change()

    def open(self) -> None:
        """Shows the columns."""
        self._view.open(self._build_comparison())
        self._note_change()

    async def follow(self) -> None:
        """Shows what arrives, waiting on the running loop until all have ended."""
        await follow(self._group, self._show)

    def follow_blocking(self) -> None:
        """The same, waiting on this thread."""
        follow_blocking(self._group, self._show)

    def _show(self) -> None:
        if not self._group.is_done:
            self._view.update(self._build_comparison())

    def _build_comparison(self) -> Comparison:
        cards = [answer.read_card(self._notebook.journal.warning) for answer in self._answers]
        current = choose_current(card.step for card in cards) if self._group.is_done else None
        return build_comparison(cards, current.variant if current else None)

    def build_result(self) -> Replies:
        """The replies of all answers.

        Raises:
            StepInterrupted: one was stopped.
            ComparisonError: one failed, or isn't what the cell asked for.
                Either error has the replies of the others as its ``result``.
        """
        comparison = self._build_comparison()
        errors = [card.error for card in comparison.cards]
        pairs = list(zip(self._answers, errors, strict=True))
        good = [one.step for one, error in pairs if one.step.status is StepStatus.DONE and error is None]
        replies = build_compared_replies(self.session, good, comparison=comparison, is_shown=self._given.is_shown)
        if len(good) == len(pairs):
            return replies
        self._raise_bug()
        missing = [answer.step for answer in self._answers if answer.step not in good]
        failure = build_error(missing, len(pairs), [error for error in errors if error is not None])
        failure.result = replies or None
        raise failure

    def _raise_bug(self) -> None:
        """What is no error of ours keeps its traceback."""
        for answer in self._answers:
            error = answer.run.error if answer.run else None
            if error is not None and not isinstance(error, HeliconeMagicError):
                raise error


def build_error(
    missing: Sequence[Step], count: int, errors: Sequence[HeliconeMagicError]
) -> StepInterrupted | ComparisonError:
    """What a cell fails with if of ``count`` answers these are ``missing``; ``errors`` are those of the failed ones."""
    path = missing[0].path
    kept = "; the others are kept" if len(missing) < count else ""
    ends = ", ".join(f"answer {step.variant} of {count} ({step.model}) {_ENDS[step.status]}" for step in missing)
    message = f"{path}: {ends}{kept}."
    if not errors:
        return StepInterrupted(message)
    return ComparisonError(message, hint=errors[0].hint, cause=errors[0].words.brief)


_ENDS = {
    StepStatus.INTERRUPTED: "was stopped",
    StepStatus.FAILED: "failed",
    StepStatus.DONE: "isn't what the cell asks for",
}
