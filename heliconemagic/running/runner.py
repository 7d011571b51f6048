"""Runs the cells of one notebook: decides what work a cell is, and waits for it.

The async and the blocking form share everything but the wait in the middle.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

from heliconemagic.cards import build_recorded_card, build_reply
from heliconemagic.notebook import Notebook
from heliconemagic.planning import Plan
from heliconemagic.records import Step
from heliconemagic.render.clock import format_clock
from heliconemagic.reply import Reply
from heliconemagic.running.cell_run import BuildView, CellInput, CellRun


@runtime_checkable
class Work(Protocol):
    """What a cell has under way. As a context it ends what it began and closes its views, whatever happens."""

    def __enter__(self) -> Any:
        """Begins nothing more: the work began when it was built."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancels what still runs, takes the ended steps into the session, and shows the end state."""

    def open(self) -> None:
        """Displays the card or cards; on the main thread, while the cell runs."""

    async def follow(self) -> None:
        """Shows what arrives, and waits for the end on the running loop."""

    def follow_blocking(self) -> None:
        """The same, waiting on the calling thread, which under ``--bg`` is not the main one."""

    def build_result(self) -> Any:
        """What the cell gives, once the context was left; raises what failed it."""


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

    async def run(self, given: CellInput) -> Any:
        """Runs a cell on the kernel's own loop; None under ``--dry-run``."""
        work = self._begin(given)
        if not isinstance(work, Work):
            return work
        with work:
            work.open()
            await work.follow()
        return work.build_result()

    def run_blocking(self, given: CellInput) -> Any:
        """Runs a cell where nothing can be awaited."""
        work = self._begin(given)
        if not isinstance(work, Work):
            return work
        with work:
            work.open()
            work.follow_blocking()
        return work.build_result()

    def _begin(self, given: CellInput) -> Work | Reply | None:
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
