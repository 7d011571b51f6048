"""What a person can do in a notebook: open a session, run steps, look at them. Knows no IPython.

Owns the notebook's one session, its journal and its engine. Everything it needs of the outside
comes in as `Surroundings`.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from heliconemagic import headers
from heliconemagic.attachments.attachment import Attachment, iterate_attachments
from heliconemagic.attachments.store import AttachmentStore
from heliconemagic.attachments.tokens import estimate_attachment_tokens
from heliconemagic.batches.planning import RowPlanner
from heliconemagic.cards import StepReplies
from heliconemagic.client import Client
from heliconemagic.engine.engine import Engine
from heliconemagic.engine.run import Run
from heliconemagic.errors import HeliconeMagicError, InputError, JournalError
from heliconemagic.gateways.choice import (
    DEMO_MODELS,
    Choice,
    build_credentials,
    build_gateway,
    check_model,
    choose_gateway,
)
from heliconemagic.gateways.keys import HELICONE_VARIABLE, OPENAI_VARIABLE, Keys, find_keys, read_keyring
from heliconemagic.gateways.pricing import list_priced_models
from heliconemagic.journal.journal import Journal
from heliconemagic.lessons.files import Begun, LessonWriter, find_file
from heliconemagic.lessons.portable import Portable
from heliconemagic.lessons.replaying import (
    REPLAY,
    LessonMode,
    LessonUse,
    build_head,
    build_no_lesson_error,
    open_lesson,
)
from heliconemagic.lines.options import CellCommand, SessionCommand
from heliconemagic.local.store import LocalStore
from heliconemagic.names import LayeredNames
from heliconemagic.paths import SessionPath
from heliconemagic.planning.checks import check_no_secret
from heliconemagic.planning.estimates import estimate_request_cost, estimate_request_tokens
from heliconemagic.planning.history import SessionHistory
from heliconemagic.planning.keeping import build_kept_step, is_own_step, join_comparison, mark_kept
from heliconemagic.planning.plan import Plan, Setting
from heliconemagic.planning.step import find_kept, plan_step
from heliconemagic.planning.tool_round import plan_round
from heliconemagic.planning.variants import build_variants, find_pickable
from heliconemagic.records import Cell, Message, SessionRecord, SessionSummary, Step, StepStatus
from heliconemagic.redaction import Redactor, Secret
from heliconemagic.render.card_words import describe_source
from heliconemagic.render.figures import format_cost, format_count
from heliconemagic.session_state import Session
from heliconemagic.settings import RequestOptions
from heliconemagic.steps.comparison import list_variants
from heliconemagic.wire_text import build_ascii_form

CLOCK_SLACK = 5.0
"""Seconds for which other processes' steps are read again: a row is stamped a little before it is written."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the notebook layer needs to know of where it runs."""

    environ: Mapping[str, str]
    find_folder: Callable[[], Path | None]  # where the search for a .env begins
    find_title: Callable[[], str]  # the stem of the notebook's file name, or ""
    find_defaults: Callable[[], RequestOptions]  # below the session's own options
    is_attended: Callable[[], bool]  # whether a person sits there
    colab: Callable[[str], str | None] | None = None
    clock: Callable[[], float] = time.time
    is_aside: bool = False  # a worker of another process's session: its steps are never "the step that ran last"


class Notebook:
    """The use cases. One for each kernel (or terminal); `close` it when the extension is unloaded."""

    def __init__(self, surroundings: Surroundings, journal: Journal, build_client: Callable[[], Client]) -> None:
        self.surroundings = surroundings
        self.journal = journal
        self.engine = Engine(build_client)
        self.session: Session | None = None
        self._given_keys: dict[str, Secret] = {}
        self._listed_models: dict[str, list[str]] = {}  # by gateway
        self._earlier_paths: dict[str, tuple[str, ...]] = {}  # by session
        self._read_at: dict[str, float] = {}  # by session: when other processes' steps were last read

    # ---- keys

    def find_keys(self) -> Keys:
        """The keys as they can be found now."""
        around = self.surroundings
        return find_keys(
            around.environ,
            folder=around.find_folder(),
            colab=around.colab,
            stored=self._given_keys,
            keyring=read_keyring,
        )

    def redact(self, text: str) -> str:
        """``text`` without the keys, as they are now, and without what looks like one."""
        return Redactor(self.find_keys().secrets).redact_lookalikes(text)

    def give_key(self, variable: str, secret: Secret) -> None:
        """Takes a key typed at the ``login`` prompt, for this kernel only."""
        self._given_keys[variable] = secret

    def find_key_variables(self, spec: str | None) -> tuple[str, ...]:
        """The keys to ask for: those of the gateway that is named or in use, else Helicone's and OpenAI's."""
        around = self.surroundings
        if spec is not None:
            return build_gateway(spec, around.environ).key_variables
        used = self.session.choice.gateway.key_variables if self.session else ()
        return used or (HELICONE_VARIABLE, OPENAI_VARIABLE)

    # ---- the session

    def open_session(self, command: SessionCommand) -> Session:
        """Starts, keeps, joins or resumes a session, as the line says.

        Raises:
            InputError, CredentialError: before anything is changed.
        """
        current = self.session
        title = command.title or command.name or (current.record.title if current else self.find_title() or "notebook")
        name = headers.check_session_name(command.name or title)
        lesson, options, choice = self._prepare(command.options)
        keys = self.find_keys()
        build_credentials(choice.gateway, keys)
        check_no_secret([name, title, command.id, choice.gateway.label], keys.secrets)  # shown and recorded from here
        if options.model:
            check_model(choice.gateway, options.model)
        if current is not None and _is_same(current, command, name):
            current.take_options(options, choice, lesson)
            self.journal.put_session(current.record)
            return current
        recorded_id = self._find_recorded(command, name)
        return self._begin(recorded_id, name, title, options, choice, session_id=command.id, lesson=lesson)

    def _prepare(self, given: RequestOptions) -> tuple[LessonUse | None, RequestOptions, Choice]:
        """The lesson that a session line names, its options over those of the lesson, and who answers.

        Raises:
            InputError, CredentialError: the lesson cannot be read, or the gateway cannot be used.
        """
        defaults = self.surroundings.find_defaults()
        lesson = open_lesson(given, self.surroundings.find_folder(), self._build_portable())
        options = given.over(lesson.defaults if lesson else RequestOptions()).over(defaults)
        replays = lesson is not None and lesson.mode is LessonMode.REPLAY
        choice = REPLAY if replays and not options.gateway else self.choose_gateway(options.gateway)
        if choice.gateway.preset == "replay":
            if not replays:
                raise build_no_lesson_error()
            choice = REPLAY
        return lesson, options, choice

    def _build_portable(self) -> Portable:
        """What takes keys and this user's folders out of a lesson."""
        environ, folder = self.surroundings.environ, self.surroundings.find_folder()
        home = environ.get("HOME") or environ.get("USERPROFILE") or ""
        signs = {str(folder or ""): ".", home: "~"}
        return Portable({path: sign for path, sign in signs.items() if path}, Redactor(self.find_keys().secrets))

    def record(self, name: str) -> tuple[LessonWriter, Begun]:
        """Writes the session's answers to the file ``name``, and from now on each further one.

        Raises:
            InputError: no session is open, a lesson answers it, or the file cannot be written.
        """
        session, _ = self.find_session()
        if session.lesson is not None and session.lesson.mode is LessonMode.REPLAY:
            raise InputError(
                f"this session is played from {session.lesson.lesson.name!r}: there is nothing new to record.",
                hint="copy that file; or record a session that a gateway answers",
            )
        head = build_head(session.record, session.options, session.choice)
        path = find_file(name, self.surroundings.find_folder())
        writer = LessonWriter(path=path, head=head, portable=self._build_portable())
        begun = writer.begin(session.steps)
        session.recording = writer
        return writer, begun

    def _find_recorded(self, command: SessionCommand, name: str) -> str | None:
        if command.id is not None:
            return headers.check_session_id(command.id)
        if not command.resumes:
            return None
        newest = self.journal.find_newest(
            self.find_title(), name=name, besides=self.session.record.id if self.session else ""
        )
        return newest.id if newest else None

    def _begin(
        self,
        recorded_id: str | None,
        name: str,
        title: str,
        options: RequestOptions,
        choice: Choice,
        *,
        session_id: str | None = None,
        lesson: LessonUse | None = None,
    ) -> Session:
        recorded = self._load_recorded(recorded_id) if recorded_id else None
        if recorded is not None and recorded[0].name != name:
            raise InputError(
                f"the session {recorded_id!r} is recorded as {recorded[0].name!r}, not {name!r}.",
                hint=f'its id and name belong together: type "{recorded[0].name}" --id {recorded_id}',
            )
        left = self.end_session()
        attachments = AttachmentStore(self._load_attachment)
        if recorded is not None:
            record, steps = recorded
            record = replace(record, ended_at=None, gateway=choice.gateway.label)
            is_resumed = session_id is None
            self.session = Session(
                record, options, choice, steps=steps, is_resumed=is_resumed, attachments=attachments, lesson=lesson
            )
            if left is not None and left.record.id == record.id:
                self.session.take_cells(left)
        else:
            record = SessionRecord(
                id=session_id or str(uuid.uuid4()),
                name=name,
                title=title,
                gateway=choice.gateway.label,
                notebook=self.find_title(),
                started_at=self.surroundings.clock(),
            )
            self.session = Session(record, options, choice, attachments=attachments, lesson=lesson)
        self.journal.put_session(self.session.record)
        return self.session

    def resume_session(self, reference: str | None, given: RequestOptions) -> Session:
        """Continues a recorded session, by id or name; without one, this notebook's newest.

        It goes on where it was: what ran offline doesn't begin to cost because there are keys now.

        Raises:
            InputError: there is none.
        """
        if reference is None:
            newest = self.journal.find_newest(self.find_title())
            if newest is None:
                raise InputError(
                    f"no session of the notebook {self.find_title()!r} is recorded.",
                    hint="`%helicone_session list` shows all of them; resume one by its id or name",
                )
            reference = newest.id
        record = self.journal.find_session(reference)
        lesson, options, choice = self._prepare(given.over(RequestOptions(gateway=record.gateway)))
        if given.gateway is None:
            choice = replace(choice, reason="as before")
        return self._begin(record.id, record.name, record.title, options, choice, lesson=lesson)

    def find_session(self) -> tuple[Session, bool]:
        """The session, and whether it had to be started now (named after the notebook)."""
        if self.session is not None:
            return self.session, False
        title = self.find_title() or "notebook"
        options = self.surroundings.find_defaults()
        name = headers.check_session_name(build_ascii_form(title) or "notebook")
        return self._begin(None, name, title, options, self.choose_gateway(options.gateway)), True

    def take_others(self, session: Session) -> None:
        """Takes in what other processes have written of the session; nothing where the journal cannot be read."""
        now = self.surroundings.clock()
        begun = [step.started_at for step in session.steps if step.status is StepStatus.PENDING]
        since = min([self._read_at.get(session.record.id, session.record.started_at) - CLOCK_SLACK, *begun])
        try:
            found = self.journal.load_steps_of_others(session.record.id, since)
        except JournalError:
            return
        self._read_at[session.record.id] = now
        session.is_shared |= bool(found)
        session.take_others(found)

    def end_session(self) -> Session | None:
        """Ends the session, if there is one, and gives it back."""
        ended, self.session = self.session, None
        if ended is not None:
            self.journal.put_session(replace(ended.record, ended_at=self.surroundings.clock()))
        return ended

    def find_title(self) -> str:
        """The notebook's own name, as a session may bear it."""
        return self.surroundings.find_title()

    def choose_gateway(self, spec: str | None) -> Choice:
        """The gateway that ``spec`` or the keys ask for.

        Raises:
            InputError, CredentialError: see `choose_gateway`.
            LocalModelError: it is the local model, and that isn't installed.
        """
        around = self.surroundings
        choice = choose_gateway(spec, self.find_keys(), is_attended=around.is_attended(), environ=around.environ)
        if choice.gateway.preset == "local":
            LocalStore.find(around.environ).check()
        return choice

    def find_earlier_session(self, session: Session) -> SessionSummary | None:
        """The newest other session of the same name and notebook that has steps."""
        record = session.record
        try:
            return self.journal.find_newest(record.notebook, name=record.name, besides=record.id)
        except JournalError:
            return None

    # ---- steps

    def plan(self, command: CellCommand, prompt: str, *, names: Mapping[str, Any], cell: Cell) -> Plan:
        """Everything about a cell's step, checked; sends nothing.

        Raises:
            InputError, CredentialError: what cannot be sent, and what to type instead.
        """
        session, _ = self.find_session()
        if session.is_shared:
            self.take_others(session)
        if command.approves and not self.surroundings.is_attended():
            raise InputError("--approve asks before each call, and nobody sits here.", hint="leave out --approve")
        setting = self._find_setting(session, command)
        with _redacting(setting.keys):
            names = LayeredNames({"steps": StepReplies(session)}, names)
            plan = plan_step(session, command, prompt, names=names, cell=cell, setting=setting)
        if self.surroundings.is_aside:
            plan = replace(plan, step=replace(plan.step, is_aside=True))
        missing = self._find_missing_context(session, plan)
        fills = self._describe_new_cell() if command.fills_cell and plan.kept is None else ()
        gateway_notes = setting.choice.notes if plan.request.playing is None else ()
        return replace(plan, notes=(*gateway_notes, *plan.notes, *missing, *fills))

    def open_rows(self, command: CellCommand, prompt: str, *, names: Mapping[str, Any], cell: Cell) -> RowPlanner:
        """What plans the steps of ``--for``, one for each row.

        Raises:
            InputError: the expression gives no rows.
        """
        session, _ = self.find_session()
        if session.is_shared:
            self.take_others(session)
        setting = self._find_setting(session, command)
        with _redacting(setting.keys):
            names = LayeredNames({"steps": StepReplies(session)}, names)
            return RowPlanner(session, command, prompt, names=names, cell=cell, setting=setting)

    def _find_setting(self, session: Session, command: CellCommand) -> Setting:
        """What the steps of a cell are planned with."""
        options, choice = command.options.over(session.options), session.choice
        if command.options.gateway is not None:
            choice = self._choose_for_cell(session, command.options.gateway)
            options = replace(options, model=command.options.model)
        return Setting(
            options=options,
            choice=choice,
            keys=self.find_keys(),
            clock=self.surroundings.clock,
            folder=self.surroundings.find_folder(),
            find_reply=self.journal.find_reply,
            find_recorded=session.attachments.find,
            list_models=lambda: [*self.list_known_models(), *list_priced_models(choice.gateway)],
        )

    def _choose_for_cell(self, session: Session, spec: str) -> Choice:
        """The gateway that a cell names for itself; its keys aren't needed yet where a lesson may answer."""
        gateway = build_gateway(spec, self.surroundings.environ)
        may_replay = session.lesson is not None and session.lesson.mode is LessonMode.REPLAY
        if may_replay or gateway.preset == "replay":
            return Choice(gateway, "as asked for", (gateway.note,) if gateway.note else ())
        return self.choose_gateway(spec)

    def _describe_new_cell(self) -> tuple[str, ...]:
        if self.surroundings.is_attended():
            return ("the code goes into a new cell below; nothing runs it",)
        return ("no new cell: nobody is here to take it; the code is the reply's .code",)

    def _load_attachment(self, sha256: str) -> bytes | None:
        """The bytes of an attachment of an earlier turn, from the journal."""
        try:
            return self.journal.find_attachment(sha256)
        except JournalError:
            return None

    def plan_variants(self, command: CellCommand, prompt: str, *, names: Mapping[str, Any], cell: Cell) -> list[Plan]:
        """The same for a cell that compares: a plan for each answer, all with the same prompt and parent."""
        first = self.plan(command, prompt, names=names, cell=cell)
        setting = self._find_setting(first.session, command)
        variants = list_variants(command.models or (first.request.model,), command.samples)
        search = partial(find_kept, SessionHistory(first.session), setting=setting, wanted=first.wanted)
        with _redacting(setting.keys):
            check_no_secret(command.models, setting.keys.secrets)
            return build_variants(first, variants, find_kept=search)

    def pick(self, path: SessionPath, number: int) -> Step:
        """Makes a variant the current step of ``path``; the journal remembers it.

        Raises:
            InputError: there is nothing to choose from, or it cannot be continued.
        """
        session, _ = self.find_session()
        chosen = find_pickable(session, path, number)
        session.pick(chosen)
        self.journal.pick(chosen.id, chosen.comparison)
        return chosen

    def _find_missing_context(self, session: Session, plan: Plan) -> tuple[str, ...]:
        """Names an ancestor that only an earlier session of this notebook has."""
        ancestors = {str(ancestor) for ancestor in plan.place.path.ancestors()}
        if plan.place.label != "no context" and plan.place.parent and plan.place.parent.path in ancestors:
            return ()
        if not ancestors or any(session.find_step(path) for path in ancestors) or plan.place.label == "fresh":
            return ()
        found = next((path for path in self._list_earlier_paths(session) if path in ancestors), None)
        if found is None:
            return ()
        return (f"no context from {found}: it is in an earlier session; add --resume to the session line",)

    def _list_earlier_paths(self, session: Session) -> tuple[str, ...]:
        """The paths of this notebook's earlier session, newest first; read once for each session."""
        if session.record.id not in self._earlier_paths:
            earlier = self.find_earlier_session(session)
            recorded = self._load_recorded(earlier.id) if earlier else None
            steps = recorded[1] if recorded else []
            self._earlier_paths[session.record.id] = tuple(dict.fromkeys(step.path for step in reversed(steps)))
        return self._earlier_paths[session.record.id]

    def _load_recorded(self, session_id: str) -> tuple[SessionRecord, list[Step]] | None:
        """A recorded session; None also where the journal cannot be read: that stops no prompt."""
        try:
            return self.journal.load_session(session_id)
        except JournalError:
            return None

    def start(self, plan: Plan) -> Run:
        """Sends the plan's request; the step is in the journal before its first byte leaves."""
        run = self.build_run(plan)
        plan.session.put_step(run.read_step())
        plan.session.put_form(plan.step, plan.wanted)
        self.engine.start(run, plan.redactor)
        return run

    def build_run(self, plan: Plan) -> Run:
        """The run of ``plan``, not begun; what it attaches is kept for steps that continue it."""
        plan.session.attachments.put(plan.request.attachments)
        return Run(
            replace(plan.step, started_at=self.surroundings.clock()),
            plan.request,
            journal=self.journal,
            redactor=plan.redactor,
            clock=self.surroundings.clock,
            notes_pace=plan.session.recording is not None,
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
        self.journal.supersede(step_ids)
        if session.recording is not None:
            session.recording.supersede(step_ids)

    def plan_round(self, plan: Plan, messages: Sequence[Message]) -> Plan:
        """The next request of a cell with tools, checked.

        Raises:
            InputError: it would hold a key, or exceed the budget.
        """
        return plan_round(plan, messages, now=self.surroundings.clock(), step_id=str(uuid.uuid4()))

    def put_step(self, session: Session, step: Step) -> None:
        """Records a step that is no request of its own, or what became of one; a pending one before it begins."""
        session.put_step(step)
        if step.status is StepStatus.PENDING:
            self.journal.open_step(step)
        else:
            self.journal.close_step(step)

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
                self.journal.close_step(joined)
            return mark_kept(joined)
        return self._take(plan, build_kept_step(step, kept, now=self.surroundings.clock()))

    def _take(self, plan: Plan, step: Step) -> Step:
        """A finished step that nothing was sent for, in session and journal, in place of its cell's earlier ones."""
        plan.session.put_step(step)
        self.journal.close_step(step)
        if plan.session.recording is not None:
            plan.session.recording.add(step)
        self.supersede(plan.session, plan.place.supersedes)
        return step

    # ---- what is told

    def describe_plan(self, plan: Plan, times: int = 1) -> list[str]:
        """A plan in words: its place, its size, what its prompt would cost, sent so many ``times``."""
        cost = estimate_request_cost(plan.request)
        cost = cost and times * cost
        tokens = estimate_request_tokens(plan.request)
        priced = f"{format_cost(cost)} for the prompt, est." if cost else format_cost(cost)
        return [
            f"{plan.place.path} · {plan.place.label} · {plan.request.gateway.label} · {plan.request.model}",
            f"about {tokens:,} tokens in {len(plan.request.messages)} messages · {priced}",
            *([f"{describe_source(mark_kept(plan.kept).origin)}: nothing would be sent"] if plan.kept else []),
            *(describe_attachment(found, plan.step.model) for found in iterate_attachments(plan.step.messages)),
            *([f"{times} times at once, each with an answer of its own"] if times > 1 else ()),
            *plan.notes,
        ]

    def list_models(self, spec: str | None, *, choice: Choice | None = None) -> tuple[str, list[str]]:
        """The label of a gateway and the ids of its models; the session's gateway where none is given.

        Raises:
            GatewayError, CredentialError: it refuses or cannot be reached.
        """
        if choice is None:
            choice = self.session.choice if self.session and spec is None else self.choose_gateway(spec)
        keys = self.find_keys()
        gateway, credentials = choice.gateway, build_credentials(choice.gateway, keys)
        redactor = Redactor((*keys.secrets, *credentials.secrets))

        async def ask(client: Client) -> list[str]:
            client.use_redactor(redactor)
            return await client.list_models(gateway, credentials)

        models = self.engine.call(ask)
        self._listed_models[gateway.label] = models
        return gateway.label, models

    def list_known_models(self) -> list[str]:
        """Models that can be named without asking anyone: of the demo, listed before, used before."""
        if self.session is None:
            return list(DEMO_MODELS)
        gateway = self.session.choice.gateway
        if gateway.preset == "replay" and self.session.lesson is not None:
            return list(dict.fromkeys(recording.model for recording in self.session.lesson.lesson.recordings))
        if gateway.preset == "demo":
            return list(DEMO_MODELS)
        used = [step.model for step in reversed(self.session.steps) if step.status is StepStatus.DONE]
        known = [*used, gateway.default_model, *self._listed_models.get(gateway.label, ())]
        return [model for model in dict.fromkeys(known) if model]

    def list_names(self) -> list[str]:
        """The names of recorded sessions, newest first; none if the journal cannot be read."""
        try:
            return list(dict.fromkeys(summary.name for summary in self.journal.list_sessions(limit=50)))
        except JournalError:
            return []

    def forget(self, record: SessionRecord) -> int:
        """Deletes a session from the journal for good, and from memory if it is open; the number of its steps."""
        if self.session is not None and self.session.record.id == record.id:
            self.session = None
        return self.journal.forget(record.id)

    def close(self) -> None:
        """Ends what runs and writes what is queued; idempotent."""
        self.engine.close()
        self.journal.close()


def describe_attachment(attachment: Attachment, model: str) -> str:
    """What goes along with a request, and about how much of its tokens that is."""
    tokens = format_count(estimate_attachment_tokens(attachment, model), "token")
    return f"attached {attachment.describe_named()} · about {tokens}"


@contextlib.contextmanager
def _redacting(keys: Keys) -> Iterator[None]:
    """Errors of planning quote what was typed, filled in, or raised by the notebook's objects."""
    try:
        yield
    except HeliconeMagicError as error:
        error.rewrite(Redactor(keys.secrets).redact_lookalikes)
        raise


def _is_same(current: Session, command: SessionCommand, name: str) -> bool:
    """Whether a session line means the session that is open; one without steps gives way to ``--resume``."""
    if command.is_new or name != current.record.name or command.id not in (None, current.record.id):
        return False
    return not command.resumes or current.is_resumed or bool(current.steps)
