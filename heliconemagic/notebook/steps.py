"""What becomes of a planned step: sent, finished, kept, superseded; in the session, the journal and a lesson alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from heliconemagic.engine.engine import Engine
from heliconemagic.engine.run import Run
from heliconemagic.errors import JournalError
from heliconemagic.journal.journal import Journal
from heliconemagic.planning.checks import build_budget_error
from heliconemagic.planning.estimates import estimate_request_cost
from heliconemagic.planning.keeping import build_kept_step, is_own_step, join_comparison, mark_kept
from heliconemagic.planning.plan import Plan
from heliconemagic.records import Step, StepStatus
from heliconemagic.session_state import Session
from heliconemagic.steps.rounds import find_trail, sum_rounds
from heliconemagic.usage import Usage


class Steps:
    """Steps from their plan to the journal."""

    def __init__(self, journal: Journal, engine: Engine, clock: Callable[[], float]) -> None:
        self._journal = journal
        self._engine = engine
        self._clock = clock

    def start(self, plan: Plan) -> Run:
        """Sends the plan's request; the step is in the journal before its first byte leaves.

        Raises:
            BudgetError: what others have sent since it was planned leaves nothing for it.
        """
        self.reserve([plan])
        run = self.build_run(plan)
        plan.session.put_step(run.read_step())
        plan.session.put_form(plan.step, plan.wanted)
        self._engine.start(run, plan.redactor)
        return run

    def reserve(self, plans: Sequence[Plan]) -> None:
        """Sets aside what the prompts of plans cost that are sent together; a second time changes nothing.

        Raises:
            BudgetError: others were quicker, and the budget no longer holds them.
        """
        paid = [plan for plan in plans if plan.kept is None and plan.request.playing is None]
        if not paid or (budget := paid[0].budget) is None:
            return
        session, requests = paid[0].session, [plan.request for plan in paid]
        costs = {plan.step.id: estimate_request_cost(plan.request) or 0.0 for plan in paid}
        if not session.reserve(costs, budget):
            raise build_budget_error(session.committed, budget, requests)

    def build_run(self, plan: Plan, *, end_delay: float = 0.0) -> Run:
        """The run of ``plan``, not begun; what it attaches is kept for steps that continue it.

        The journal may gather ends for ``end_delay`` seconds, where many steps end one after the other.
        """
        plan.session.attachments.put(plan.request.attachments)
        return Run(
            replace(plan.step, started_at=self._clock()),
            plan.request,
            journal=self._journal,
            redactor=plan.redactor,
            clock=self._clock,
            notes_pace=plan.session.recording is not None,
            end_delay=end_delay,
        )

    def finish(self, plan: Plan, run: Run) -> Step:
        """Takes the ended run into its session; a finished answer replaces its cell's earlier ones.

        What asks for the cell's tools is no answer yet.
        """
        step = run.read_step()
        plan.session.put_step(step)
        if plan.session.recording is not None:
            plan.session.recording.add(step, run.pieces)
        if step.status is StepStatus.DONE and not (plan.tools and step.tool_calls):
            self.supersede(plan.session, plan.place.supersedes)
        return step

    def supersede(self, session: Session, step_ids: Sequence[str]) -> None:
        """Marks steps whose cell has given a newer answer, in memory and on disk, and takes them out of a lesson."""
        session.supersede(step_ids)
        self._journal.supersede(step_ids)
        if session.recording is not None:
            session.recording.supersede(step_ids)

    def put(self, session: Session, step: Step) -> None:
        """Records a step that is no request of its own, or what became of one; a pending one before it begins."""
        session.put_step(step)
        if step.status is StepStatus.PENDING:
            self._journal.open_step(step)
        else:
            self._journal.close_step(step)

    def keep(self, plan: Plan, kept: Step) -> Step:
        """Lets a recorded answer stand for this run of the cell; nothing is sent.

        The cell's own answer stays its step; any other becomes a new step, which later ones can continue.
        Returns the step as it is shown: at no cost.
        """
        shown = self._keep(plan, kept)
        plan.session.put_form(shown, plan.wanted)
        return shown

    def _keep(self, plan: Plan, kept: Step) -> Step:
        session, step = plan.session, plan.step
        if is_own_step(kept, step) or kept is session.find_kept(step.cell, step.path, step.fingerprint):
            joined = join_comparison(kept, step)
            session.keep(joined, step.cell, step.run)
            if joined is not kept:
                self._journal.close_step(joined)
            return mark_kept(joined)
        whole = replace(kept, usage=self._sum_usage(session, kept))
        return self._take(plan, build_kept_step(step, whole, now=self._clock()))

    def _sum_usage(self, session: Session, kept: Step) -> Usage | None:
        """What the whole turn of ``kept`` took, which may have run in another session."""
        if not kept.follows_tools:
            return kept.usage
        try:
            rounds = session.steps if session.find_by_id(kept.id) else self._journal.load_rounds(kept)
        except JournalError:  # as for `--keep` itself: what cannot be read stops no prompt
            return kept.usage
        return sum_rounds(find_trail(rounds, kept), kept).usage

    def _take(self, plan: Plan, step: Step) -> Step:
        """A finished step that nothing was sent for, in session and journal, in place of its cell's earlier ones."""
        plan.session.put_step(step)
        self._journal.close_step(step)
        if plan.session.recording is not None:
            plan.session.recording.add(step)
        self.supersede(plan.session, plan.place.supersedes)
        return step
