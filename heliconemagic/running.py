"""One run of one cell, from its checked plan to its reply, with its view opened and closed.

The async and the blocking form share everything but the wait in the middle.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from heliconemagic.cards import build_recorded_card, build_reply, build_running_card
from heliconemagic.errors import StepInterrupted
from heliconemagic.following import CANCEL_SECONDS, follow, follow_blocking
from heliconemagic.lines.options import CellCommand
from heliconemagic.notebook import Notebook
from heliconemagic.planning import Cell, Plan
from heliconemagic.records import Step, StepStatus
from heliconemagic.render.card_state import Card
from heliconemagic.render.clock import format_clock
from heliconemagic.reply import Reply

if TYPE_CHECKING:
    from heliconemagic.views.live import View

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


class CellRun:
    """A cell's step while it runs: a context that ends the step and closes its view, whatever happens."""

    def __init__(
        self,
        notebook: Notebook,
        given: CellInput,
        plan: Plan,
        build_view: BuildView,
        note_change: Callable[[], None],
    ) -> None:
        self._notebook = notebook
        self._given = given
        self._plan = plan
        self._run = notebook.start(plan)
        self._view = build_view(self._run.cancel, given.command)
        self._note_change = note_change
        self._step: Step = self._run.read_step()

    def __enter__(self) -> CellRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._run.is_done:  # the view broke: nobody would see the rest
            self._run.cancel()
            concurrent.futures.wait([self._run.done], timeout=CANCEL_SECONDS)
        self._step = self._notebook.finish(self._plan, self._run)
        self._view.close(self._build_card())
        self._note_change()

    def _open(self) -> None:
        self._view.open(self._build_card())
        self._note_change()

    async def follow(self) -> None:
        """Shows the card and what arrives, waiting for the end on the running loop."""
        self._open()
        await follow(self._run, self._show)

    def follow_blocking(self) -> None:
        """The same, waiting on this thread."""
        self._open()
        follow_blocking(self._run, self._show)

    def _show(self) -> None:
        if not self._run.is_done:
            self._view.update(self._build_card())

    def _build_card(self) -> Card:
        return build_running_card(self._plan, self._run, self._notebook.journal.warning)

    def build_reply(self) -> Reply:
        """The reply of the ended step.

        Raises:
            StepInterrupted: it was stopped.
            HeliconeMagicError: it failed.
        """
        step = self._step
        if step.status is StepStatus.INTERRUPTED:
            seconds = step.latency or 0.0
            raise StepInterrupted(f"{step.path} was stopped after {seconds:.1f} s; what had arrived is kept.")
        if self._run.error is not None:
            raise self._run.error
        return build_reply(self._plan.session, step, card=self._build_card(), is_shown=self._given.is_shown)


class CellRunner:
    """Runs cells for one notebook."""

    def __init__(
        self,
        notebook: Notebook,
        build_view: BuildView,
        publish: Callable[..., None],
        note_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._notebook = notebook
        self._build_view = build_view
        self._publish = publish
        self._note_change = note_change  # a step began or ended

    async def run(self, given: CellInput) -> Reply | None:
        """Runs a cell on the kernel's own loop; None under ``--dry-run``."""
        begun = self._begin(given)
        if not isinstance(begun, CellRun):
            return begun
        with begun:
            await begun.follow()
        return begun.build_reply()

    def run_blocking(self, given: CellInput) -> Reply | None:
        """Runs a cell where nothing can be awaited."""
        begun = self._begin(given)
        if not isinstance(begun, CellRun):
            return begun
        with begun:
            begun.follow_blocking()
        return begun.build_reply()

    def _begin(self, given: CellInput) -> CellRun | Reply | None:
        plan = self._notebook.plan(given.command, given.prompt, names=given.names, cell=given.cell)
        if given.command.is_dry_run:
            self._show_plan(plan)
            return None
        if plan.kept is not None:
            return self._show_kept(plan, plan.kept, given)
        return CellRun(self._notebook, given, plan, self._build_view, self._note_change)

    def _show_plan(self, plan: Plan) -> None:
        from heliconemagic.render.dry_run import build_dry_run_bundle

        self._publish(build_dry_run_bundle(plan.form, self._notebook.describe_plan(plan)))

    def _show_kept(self, plan: Plan, kept: Step, given: CellInput) -> Reply:
        from heliconemagic.render.card import build_bundle

        step = self._notebook.keep(plan, kept)
        note = f"recorded at {format_clock(kept.started_at)}; nothing was sent"
        card = build_recorded_card(plan.session, step, plan=plan, note=note)
        if not given.command.is_quiet:
            self._publish(build_bundle(card))
        return build_reply(plan.session, step, card=card, is_shown=given.is_shown)
