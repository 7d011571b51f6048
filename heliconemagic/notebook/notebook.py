"""What a person can do in a notebook: open a session, plan steps, run them, look at them. Knows no IPython.

Owns the notebook's session, its journal and its engine. Everything it needs of the outside
comes in as `Surroundings`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from heliconemagic.batches.planning import RowPlanner
from heliconemagic.cards import StepReplies
from heliconemagic.client import Client
from heliconemagic.engine.engine import Engine
from heliconemagic.errors import InputError
from heliconemagic.gateways.choice import Choice
from heliconemagic.gateways.pricing import list_priced_models
from heliconemagic.journal.journal import Journal
from heliconemagic.lines.options import CellCommand
from heliconemagic.names import LayeredNames
from heliconemagic.notebook.access import Access
from heliconemagic.notebook.deliveries import Deliveries
from heliconemagic.notebook.earlier import EarlierSessions
from heliconemagic.notebook.experiments import Experiments
from heliconemagic.notebook.exports import Exports
from heliconemagic.notebook.helicone import HeliconeLine
from heliconemagic.notebook.models import Models
from heliconemagic.notebook.production import Production
from heliconemagic.notebook.ratings import Ratings
from heliconemagic.notebook.sessions import Sessions
from heliconemagic.notebook.steps import Steps
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.notebook.traced import TracedSteps
from heliconemagic.paths import SessionPath
from heliconemagic.planning.again import check_repeatable, list_successors, plan_again
from heliconemagic.planning.checks import check_no_secret, redacting
from heliconemagic.planning.history import SessionHistory
from heliconemagic.planning.plan import Plan, Setting
from heliconemagic.planning.step import find_kept, plan_step
from heliconemagic.planning.tool_round import plan_round
from heliconemagic.planning.variants import build_variants, find_pickable
from heliconemagic.records import Cell, Message, Step, StepStatus
from heliconemagic.session_state import Session
from heliconemagic.settings import RequestOptions
from heliconemagic.steps.comparison import list_variants

FLUSH_SECONDS = 3.0
"""The longest that the end waits for Helicone: front ends kill a kernel that takes much longer."""


class Notebook:
    """The use cases. One for each kernel (or terminal); `close` it when the extension is unloaded."""

    def __init__(self, surroundings: Surroundings, journal: Journal, build_client: Callable[[], Client]) -> None:
        self.surroundings = surroundings
        self.journal = journal
        self.engine = Engine(build_client)
        self.access = Access(surroundings)
        self.sessions = Sessions(surroundings, self.access, journal)
        self.earlier = EarlierSessions(journal)
        self.steps = Steps(journal, self.engine, surroundings.clock)
        self.models = Models(self.sessions, self.access, self.engine)
        self.helicone = HeliconeLine(surroundings, self.access, self.engine)
        self.production = Production(self.helicone, journal, self.sessions, self.access)
        self.ratings = Ratings(surroundings, self.access, journal, self.helicone)
        self.experiments = Experiments(
            surroundings, self.access, self.sessions, journal, build_setting=self._build_setting
        )
        self.deliveries = Deliveries(self.helicone, journal)
        self.traced = TracedSteps(
            self.steps, self.access, self.deliveries, surroundings.clock, is_aside=surroundings.is_aside
        )
        self.exports = Exports(surroundings, self.access, journal, self._find_whole)

    @property
    def session(self) -> Session | None:
        """The session that is open."""
        return self.sessions.current

    def _find_whole(self) -> Session | None:
        """The session with what other processes have written of it."""
        if self.session is not None:
            self.sessions.take_others(self.session)
        return self.session

    def plan(self, command: CellCommand, prompt: str, *, names: Mapping[str, Any], cell: Cell) -> Plan:
        """Everything about a cell's step, checked; sends nothing.

        Raises:
            InputError, CredentialError: what cannot be sent, and what to type instead.
        """
        session, _ = self.sessions.find()
        if session.is_shared:
            self.sessions.take_others(session)
        if command.approves and not self.surroundings.is_attended():
            raise InputError("--approve asks before each call, and nobody sits here.", hint="leave out --approve")
        setting = self._find_setting(session, command)
        with redacting(setting.keys.secrets):
            names = LayeredNames({"steps": StepReplies(session)}, names)
            plan = plan_step(session, command, prompt, names=names, cell=cell, setting=setting)
        if self.surroundings.is_aside:
            plan = replace(plan, step=replace(plan.step, is_aside=True))
        missing = self.earlier.describe_missing(plan)
        fills = self._describe_new_cell() if command.fills_cell and plan.kept is None else ()
        gateway_notes = setting.choice.notes if plan.request.playing is None else ()
        return replace(plan, notes=(*gateway_notes, *plan.notes, *missing, *fills))

    def open_rows(self, command: CellCommand, prompt: str, *, names: Mapping[str, Any], cell: Cell) -> RowPlanner:
        """What plans the steps of ``--for``, one for each row.

        Raises:
            InputError: the expression gives no rows.
        """
        session, _ = self.sessions.find()
        if session.is_shared:
            self.sessions.take_others(session)
        setting = self._find_setting(session, command)
        with redacting(setting.keys.secrets):
            names = LayeredNames({"steps": StepReplies(session)}, names)
            return RowPlanner(session, command, prompt, names=names, cell=cell, setting=setting)

    def plan_variants(self, command: CellCommand, prompt: str, *, names: Mapping[str, Any], cell: Cell) -> list[Plan]:
        """The same for a cell that compares: a plan for each answer, all with the same prompt and parent."""
        first = self.plan(command, prompt, names=names, cell=cell)
        setting = self._find_setting(first.session, command)
        variants = list_variants(command.models or (first.request.model,), command.samples)
        search = partial(find_kept, SessionHistory(first.session), setting=setting, wanted=first.wanted)
        with redacting(setting.keys.secrets):
            check_no_secret(command.models, setting.keys.secrets)
            plans = build_variants(first, variants, find_kept=search)
            self.models.check_listed(first.request.gateway, (plan.request.model for plan in plans if not plan.kept))
            return plans

    def plan_round(self, plan: Plan, messages: Sequence[Message]) -> Plan:
        """The next request of a cell with tools, checked.

        Raises:
            InputError: it would hold a key, or exceed the budget.
        """
        return plan_round(plan, messages, now=self.surroundings.clock(), step_id=str(uuid.uuid4()))

    def run_again(self, session: Session, step: Step, note_change: Callable[[], None]) -> Step:
        """Sends the request of ``step`` once more in the background; gives the step that begins.

        ``note_change`` is called on the engine's thread when it has ended.

        Raises:
            InputError, CredentialError: it cannot be sent; nothing was.
        """
        check_repeatable(session, step)
        command = CellCommand(options=_find_gateway_options(session, step))
        setting = self._find_setting(session, command)
        with redacting(setting.keys.secrets):
            plan = plan_again(session, step, setting)

        def finish(_: object) -> None:
            successors = list_successors(session, step, plan.step)
            if self.steps.finish(plan, run).status is StepStatus.DONE:
                self.steps.supersede(session, successors)
            note_change()

        run = self.steps.start(plan)
        run.done.add_done_callback(finish)
        return plan.step

    def pick(self, path: SessionPath, number: int) -> Step:
        """Makes a variant the current step of ``path``; the journal remembers it.

        Raises:
            InputError: there is nothing to choose from, or it cannot be continued.
        """
        session, _ = self.sessions.find()
        chosen = find_pickable(session, path, number)
        session.pick(chosen)
        self.journal.pick(chosen.id, chosen.comparison)
        return chosen

    def _find_setting(self, session: Session, command: CellCommand) -> Setting:
        """What the steps of a cell are planned with."""
        options, choice = command.options.over(session.options), session.choice
        if command.options.gateway is not None:
            choice = self.access.choose_for_cell(session, command.options.gateway)
            options = replace(options, model=command.options.model)
        return self._build_setting(session, options, choice)

    def _build_setting(self, session: Session, options: RequestOptions, choice: Choice) -> Setting:
        return Setting(
            options=options,
            choice=choice,
            keys=self.access.find_keys(),
            clock=self.surroundings.clock,
            folder=self.surroundings.find_folder(),
            find_reply=self.journal.find_reply,
            find_recorded=session.attachments.find,
            list_models=lambda: [*self.models.list_known(), *list_priced_models(choice.gateway)],
        )

    def _describe_new_cell(self) -> tuple[str, ...]:
        if self.surroundings.is_attended():
            return ("the code goes into a new cell below; nothing runs it",)
        return ("no new cell: nobody is here to take it; the code is the reply's .code",)

    def close(self) -> None:
        """Ends what runs, waits a little for Helicone, and writes what is queued; idempotent."""
        self.helicone.flush(FLUSH_SECONDS)
        self.engine.close()
        self.deliveries.close()
        self.ratings.close()
        self.journal.close()


def _find_gateway_options(session: Session, step: Step) -> RequestOptions:
    """The gateway of ``step`` where it isn't the session's.

    Raises:
        InputError: it is an address, and the step may come from a file: keys would go where that says.
    """
    if step.gateway == session.choice.gateway.label:
        return RequestOptions()
    if ":" in step.gateway:
        raise InputError(
            f"{step.path} was answered by {step.gateway!r}, which isn't this session's gateway.",
            hint=f"`%helicone_session edit {step.path}` writes its cell: say there with --gateway who answers",
        )
    return RequestOptions(gateway=step.gateway)
