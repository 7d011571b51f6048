"""Runs the cells of one notebook: decides what work a cell is, and waits for it.

The async and the blocking form share everything but the wait in the middle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from heliconemagic.cards import build_recorded_card, build_reply
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.planning.describing import describe_plan
from heliconemagic.planning.plan import Plan
from heliconemagic.records import Step
from heliconemagic.reply import Reply
from heliconemagic.running.background import Background, build_ended
from heliconemagic.running.batch import BatchRun, BuildBatchView, build_quiet_batch_view
from heliconemagic.running.cell_run import BuildView, CellInput, CellRun
from heliconemagic.running.comparing import BuildColumns, ComparingRun
from heliconemagic.running.tool_run import ToolRun
from heliconemagic.running.work import Work


class CellRunner:
    """Runs cells for one notebook."""

    def __init__(
        self,
        notebook: Notebook,
        build_view: BuildView,
        build_columns: BuildColumns,
        publish: Callable[..., None],
        note_change: Callable[[], None] = lambda: None,
        is_attended: Callable[[], bool] = lambda: True,
        ask: Callable[[str], str] = input,
        build_batch_view: BuildBatchView = build_quiet_batch_view,
    ) -> None:
        self._notebook = notebook
        self._build_view = build_view
        self._build_columns = build_columns
        self._publish = publish
        self._note_change = note_change  # a step began or ended
        self._is_attended = is_attended  # whether the kernel lives on after the last cell
        self._background = Background()
        self._ask = ask  # a word of the person, where buttons cannot be clicked
        self._build_batch_view = build_batch_view

    async def run(self, given: CellInput) -> Any:
        """Runs a cell on the kernel's own loop; None under ``--dry-run``."""
        work = self._begin(given)
        if not isinstance(work, Work) or self._goes_on(given):
            return self._give(work, given)
        with work:
            work.open()
            await work.follow()
        return self._give(work.build_result(), given)

    def run_blocking(self, given: CellInput) -> Any:
        """Runs a cell where nothing can be awaited."""
        work = self._begin(given)
        if not isinstance(work, Work) or self._goes_on(given):
            return self._give(work, given)
        with work:
            work.open()
            work.follow_blocking()
        return self._give(work.build_result(), given)

    def _goes_on(self, given: CellInput) -> bool:
        """Whether the work outlives its cell. Where nobody sits the kernel ends with the last cell: there it waits."""
        return given.command.is_background and self._is_attended()

    def _give(self, result: Any, given: CellInput) -> Any:
        """What the cell gives: its result, under ``--bg`` a handle."""
        if isinstance(result, Work):
            return self._background.start(result, given.is_shown)
        is_wrapped = given.command.is_background and result is not None
        return build_ended(result, given.is_shown) if is_wrapped else result

    def close(self) -> None:
        """Stops what goes on in the background; idempotent."""
        self._background.close()

    def _begin(self, given: CellInput) -> Work | Reply | None:
        if given.command.rows is not None:
            return self._begin_batch(given)
        if given.command.is_comparison:
            return self._begin_comparison(given)
        plan = self._notebook.plan(given.command, given.prompt, names=given.names, cell=given.cell)
        if given.command.is_dry_run:
            self._show_plan(plan)
            return None
        if plan.kept is not None:
            return self._show_kept(plan, plan.kept, given)
        if plan.tools is not None:
            return ToolRun(self._notebook, given, plan, self._build_view, self._note_change, self._ask)
        return CellRun(self._notebook, given, plan, self._build_view, self._note_change)

    def _begin_batch(self, given: CellInput) -> Work | None:
        planner = self._notebook.open_rows(given.command, given.prompt, names=given.names, cell=given.cell)
        planner.check_rows()
        if given.command.is_dry_run:
            first = next(planner.iterate_rows(), None)
            if first is None:
                raise planner.build_no_rows(None)
            self._show_plan(planner.plan(first), planner.describe_rows())
            return None
        return BatchRun(self._notebook, given, planner, self._build_batch_view, self._note_change)

    def _begin_comparison(self, given: CellInput) -> Work | None:
        plans = self._notebook.plan_variants(given.command, given.prompt, names=given.names, cell=given.cell)
        if not given.command.is_dry_run:
            return ComparingRun(self._notebook, given, plans, self._build_columns, self._note_change)
        for plan in plans[:: given.command.samples]:  # the samples of one model are the same request
            self._show_plan(plan, times=given.command.samples)
        return None

    def _show_plan(self, plan: Plan, *notes: str, times: int = 1) -> None:
        from heliconemagic.render.dry_run import build_dry_run_bundle

        self._publish(build_dry_run_bundle(plan.form, [*describe_plan(plan, times), *notes]))

    def _show_kept(self, plan: Plan, kept: Step, given: CellInput) -> Reply:
        from heliconemagic.render.card import build_bundle

        step = self._notebook.steps.keep(plan, kept)
        card = build_recorded_card(plan.session, step, plan=plan)
        if not given.command.is_quiet:
            self._publish(build_bundle(card))
        return build_reply(plan.session, step, card=card, is_shown=given.is_shown)
