"""One step of a cell, from its checked plan to its reply, with its view opened and closed."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from heliconemagic.cards import build_reply, build_running_card
from heliconemagic.engine.following import CANCEL_SECONDS, follow, follow_blocking
from heliconemagic.errors import InvalidAnswerError, StepInterrupted
from heliconemagic.fences import find_fence
from heliconemagic.lines.options import CellCommand
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.planning.plan import Plan
from heliconemagic.records import Cell, Step, StepStatus
from heliconemagic.render.card_state import Card
from heliconemagic.render.new_cell import build_cell_source
from heliconemagic.reply import Reply
from heliconemagic.session_state import Session

if TYPE_CHECKING:
    from heliconemagic.views.view import View

BuildView = Callable[[Callable[[], None], CellCommand], "View"]
"""Makes the view of a step: what Stop does, and the cell's options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellInput:
    """What one run of a cell is given."""

    command: CellCommand
    prompt: str
    names: Mapping[str, Any]
    cell: Cell
    is_shown: Callable[[], bool]  # whether the reply need not show itself again
    put_next_cell: Callable[[str], None] = lambda source: None  # opens a new cell below, where there are cells


class StepWork:
    """What the kinds of `Work` share that have one request under way at a time, and one card."""

    def __init__(
        self,
        notebook: Notebook,
        given: CellInput,
        plan: Plan,
        note_change: Callable[[], None],
    ) -> None:
        self._notebook = notebook
        self._given = given
        self._plan = plan  # of the newest request
        self._note_change = note_change
        self._run = notebook.steps.start(plan)

    @property
    def session(self) -> Session:
        """The session that the steps are of."""
        return self._plan.session

    @property
    def path(self) -> str:
        """Where the requests stand."""
        return self._plan.place.path

    @property
    def step_ids(self) -> tuple[str, ...]:
        """The newest request's step."""
        return (self._plan.step.id,)

    def __enter__(self) -> Self:
        return self

    def _end_run(self) -> None:
        """Stops a request that still runs: the view broke, or a bug did, and nobody would see the rest."""
        if not self._run.is_done:
            self._run.cancel()
            concurrent.futures.wait([self._run.done], timeout=CANCEL_SECONDS)


class CellRun(StepWork):
    """A cell's one step while it runs: the plainest `Work` (see `heliconemagic.running.work`)."""

    def __init__(
        self,
        notebook: Notebook,
        given: CellInput,
        plan: Plan,
        build_view: BuildView,
        note_change: Callable[[], None],
    ) -> None:
        super().__init__(notebook, given, plan, note_change)
        self._view = build_view(self._run.cancel, given.command)
        self._step: Step = self._run.read_step()

    def cancel(self) -> None:
        """Stops the request."""
        self._run.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_run()
        self._step = self._notebook.steps.finish(self._plan, self._run)
        self._view.close(self._build_card())
        self._note_change()

    def open(self) -> None:
        """Shows the card."""
        self._view.open(self._build_card())
        self._note_change()

    async def follow(self) -> None:
        """Shows what arrives, waiting for the end on the running loop."""
        await follow(self._run, self._show)

    def follow_blocking(self) -> None:
        """The same, waiting on this thread."""
        follow_blocking(self._run, self._show)

    def _show(self) -> None:
        if not self._run.is_done:
            self._view.update(self._build_card())

    def _build_card(self) -> Card:
        return build_running_card(self._plan, self._run, self._notebook.journal.warning)

    def build_result(self) -> Reply:
        """The reply of the ended step.

        Raises:
            StepInterrupted: it was stopped.
            InvalidAnswerError: it gave something else than the cell asked for; the error holds the reply.
            HeliconeMagicError: it failed.
        """
        step = self._step
        if step.status is StepStatus.INTERRUPTED:
            seconds = step.latency or 0.0
            raise StepInterrupted(f"{step.path} was stopped after {seconds:.1f} s; what had arrived is kept.")
        if self._run.error is not None:
            raise self._run.error
        return give_reply(self._given, self._plan, step, self._build_card())


def give_reply(given: CellInput, plan: Plan, step: Step, card: Card) -> Reply:
    """The reply of a step that ended well, with what the cell asked to be done with it.

    Raises:
        InvalidAnswerError: it is something else than the cell asked for; the error holds the reply.
    """
    reply = build_reply(plan.session, step, card=card, is_shown=given.is_shown)
    if isinstance(card.error, InvalidAnswerError):
        card.error.reply = reply
        raise card.error
    fence = find_fence(step.text) if given.command.fills_cell else None
    if fence is not None:
        given.put_next_cell(build_cell_source(fence, path=step.path, model=reply.model))
    return reply
