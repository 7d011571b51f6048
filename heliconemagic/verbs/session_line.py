"""What ``%helicone_session`` does, verb by verb. Each gives the MIME bundle to show.

Knows the notebook and how things look; knows no IPython.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from heliconemagic.cards import find_session_url
from heliconemagic.errors import InputError
from heliconemagic.gateways.keys import check_key_shape, store_in_keyring
from heliconemagic.lines.options import SessionCommand
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.paths import SessionPath
from heliconemagic.planning.tags import find_unsent
from heliconemagic.records import SessionRecord
from heliconemagic.redaction import Secret
from heliconemagic.render.clock import format_clock
from heliconemagic.render.comparison_words import describe_variant
from heliconemagic.render.figures import format_count
from heliconemagic.render.notice import Notice, build_notice_bundle
from heliconemagic.session_state import Session
from heliconemagic.steps.tree import find_stale
from heliconemagic.verbs.editing import EditLine
from heliconemagic.verbs.experiments import ExperimentLine
from heliconemagic.verbs.exports import export_session
from heliconemagic.verbs.lessons import describe_begun, describe_recording, describe_use
from heliconemagic.verbs.local_model import LocalModelLine
from heliconemagic.verbs.production import ProductionLine
from heliconemagic.verbs.rating import RatedLine, rate
from heliconemagic.verbs.showing import Shown, find_shown

if TYPE_CHECKING:
    from heliconemagic.statistics.result import Statistics

Bundle = dict[str, Any]

HOW_TO_START = (
    'start one with %helicone_session "Course Creation"',
    "offline, without any key: add --gateway demo",
    "a %%llm cell without a session starts one named after the notebook",
)


class SessionLine:
    """Runs a parsed session line."""

    def __init__(
        self,
        notebook: Notebook,
        *,
        ask_secret: Callable[[str], str],
        describe_frontend: Callable[[], list[tuple[str, str]]],
        local_line: LocalModelLine,
        production_line: ProductionLine,
        edit_line: EditLine,
        experiment_line: ExperimentLine,
    ) -> None:
        self._notebook = notebook
        self._ask_secret = ask_secret
        self._describe_frontend = describe_frontend
        self._local_line = local_line
        self._production_line = production_line
        self._edit_line = edit_line
        self._experiment_line = experiment_line

    def run(self, command: SessionCommand) -> Bundle:
        """What the line shows.

        Raises:
            HeliconeMagicError: as each verb documents in ``%helicone_session?``.
        """
        if command.verb is not None:
            verbs: dict[str, Callable[[SessionCommand], Bundle]] = {
                "show": self.show,
                "pick": self.pick,
                "rate": lambda command: self.rate(command).build_bundle(),
                "list": self.list_sessions,
                "resume": self.resume,
                "import": self.import_files,
                "stats": lambda command: self.build_statistics(command)._repr_mimebundle_(),
                "record": self.record,
                "export": self.export,
                "end": self.end,
                "models": self.list_models,
                "login": self.login,
                "doctor": self.diagnose,
                "find": self._production_line.find,
                "pull": self._production_line.pull,
                "edit": self._edit_line.edit,
                "forget": self.forget,
                "rerun": self._experiment_line.rerun,
                "diff": self._experiment_line.diff,
            }
            return verbs[command.verb](command)
        if command == SessionCommand():
            return self.describe()
        return self.open(command)

    def describe(self) -> Bundle:
        """The current session, or how to start one."""
        session = self._notebook.session
        if session is None:
            return build_notice_bundle(Notice(head="no session is open", lines=HOW_TO_START))
        return build_notice_bundle(self._build_notice(session, ()))

    def open(self, command: SessionCommand) -> Bundle:
        """Starts or keeps a session, and says which gateway answers and why."""
        before = self._notebook.session
        session = self._notebook.sessions.open(command)
        lines = []
        if before is not None and before is not session:
            lines.append(f"ended {before.record.title!r} ({format_count(before.totals.steps, 'step')})")
        lines.extend(self._describe_beginning(session, command, is_kept=before is session))
        return build_notice_bundle(self._build_notice(session, tuple(lines)))

    def _describe_beginning(self, session: Session, command: SessionCommand, *, is_kept: bool) -> list[str]:
        if is_kept:
            return ["same session; its options are now as this line says", *self._describe_unresumed(session, command)]
        if session.is_resumed or session.steps:
            word = "resumed" if session.is_resumed else "joined"
            count = format_count(session.totals.steps, "step")
            return [f"{word}: {count}, begun {format_clock(session.record.started_at)}"]
        if command.is_new or command.id is not None:  # --resume would contradict either
            return []
        earlier = self._notebook.earlier.find(session)
        if earlier is None:
            return ["nothing to resume: this is a new session"] if command.resumes else []
        when = format_clock(earlier.started_at)
        return [f"last one here: {format_count(earlier.steps, 'step')}, {when}; add --resume to continue it"]

    def _describe_unresumed(self, session: Session, command: SessionCommand) -> list[str]:
        """Why ``--resume`` went nowhere: a session in which something ran isn't left for an earlier one unasked."""
        earlier = self._notebook.earlier.find(session) if command.resumes and not session.is_resumed else None
        if earlier is None:
            return []
        found = f"{format_count(earlier.steps, 'step')}, {format_clock(earlier.started_at)}"
        return [f"not resumed, as this one has steps: %helicone_session resume {earlier.id[:8]} goes back ({found})"]

    def announce(self, session: Session) -> Bundle:
        """Says that a cell without a session has started one."""
        line = 'started for this notebook; name it with %helicone_session "…"'
        return build_notice_bundle(self._build_notice(session, (line,)))

    def _build_notice(self, session: Session, lines: tuple[str, ...]) -> Notice:
        choice = session.choice
        model = session.options.model or choice.gateway.default_model or (session.lesson and session.lesson.model)
        sent = f"sent as {session.record.name!r}" if session.record.title != session.record.name else ""
        warning = self._notebook.journal.warning
        url = find_session_url(session)
        return Notice(
            head=session.record.title,
            facts=(f"{model or 'no default model'} · {choice.gateway.label}", choice.reason),
            lines=tuple(
                line
                for line in (
                    *lines,
                    *choice.notes,
                    *find_unsent(choice.gateway, session.options),
                    "identical requests get their replies from the journal, for free" if session.options.keep else "",
                    *(describe_use(session.lesson, choice) if session.lesson else ()),
                    "nothing leaves this machine" if choice.gateway.answers_in_process else "",
                    sent,
                    f"session {session.record.id}",
                    warning or "",
                )
                if line
            ),
            links=(("open at Helicone", url),) if url else (),
        )

    # ---- verbs

    def show(self, command: SessionCommand) -> Bundle:
        """The whole session; with a path that step's card, or what is below it."""
        return self.find_shown(command).build()

    def find_shown(self, command: SessionCommand) -> Shown:
        """What ``show`` displays, as it can be built again when the session has grown."""
        return find_shown(self._notebook, self._require_session(), command)

    def pick(self, command: SessionCommand) -> Bundle:
        """Lets steps continue another one of compared answers."""
        session = self._require_session()
        path, number = (*command.arguments, "", "")[:2]
        if not path or not number.isdecimal():
            wrong = f", not {number!r}" if number else ""
            raise InputError(
                f"`pick` wants a path and the number of one of its answers{wrong}.",
                hint=f"type %helicone_session pick {path or '/path'} 2",
            )
        before = find_stale(session.steps)
        chosen = self._notebook.pick(SessionPath.parse(path), int(number))
        stale = find_stale(session.steps)
        changed = dict.fromkeys(step.path for step in session.steps if step.id in stale - before)
        lines = [f"steps continue it from now on; the others stay at {chosen.path}"]
        lines += [f"stale now, as they continue another answer: {', '.join(changed)}"] if changed else []
        head = f"{chosen.path}: answer {describe_variant(chosen)} is current"
        return build_notice_bundle(Notice(head=head, lines=tuple(lines)))

    def rate(self, command: SessionCommand) -> RatedLine:
        """Keeps what somebody thinks of an answer or of the session, and tells Helicone."""
        return rate(self._notebook, self._require_session(), command.arguments)

    def list_sessions(self, command: SessionCommand) -> Bundle:
        """The journal's sessions, newest first."""
        from heliconemagic.render.session_list import build_sessions_html, build_sessions_text

        summaries = self._notebook.journal.list_sessions(limit=50)
        return {"text/html": build_sessions_html(summaries), "text/plain": build_sessions_text(summaries)}

    def resume(self, command: SessionCommand) -> Bundle:
        """Continues a recorded session, or the one that a notebook file has."""
        from heliconemagic.verbs.across import is_session_file, resume_file

        reference = next(iter(command.arguments), None)
        if reference is not None and is_session_file(reference):
            resumed = resume_file(self._notebook, reference, command.options)
            return build_notice_bundle(self._build_notice(resumed.session, resumed.lines))
        session = self._notebook.sessions.resume(reference, command.options)
        lines = self._describe_beginning(session, command, is_kept=False)
        if command.options.model is None and command.options.system is None:
            lines.append(
                "options such as -m and -s are not in the journal: for those run the session line, with --resume"
            )
        return build_notice_bundle(self._build_notice(session, tuple(lines)))

    def import_files(self, command: SessionCommand) -> Bundle:
        """Reads notebooks that others ran into the journal."""
        from heliconemagic.verbs.across import import_files

        return import_files(self._notebook, command)

    def build_statistics(self, command: SessionCommand) -> Statistics:
        """All sessions of a name side by side; without one of those called like the session that is open."""
        from heliconemagic.notebook.across import build_statistics

        session = self._notebook.session
        name = next(iter(command.arguments), session.record.name if session else None)
        return build_statistics(self._notebook.journal, name, command.extras.get("by"))

    def record(self, command: SessionCommand) -> Bundle:
        """Begins or stops to record the session as a lesson; without an argument, whether it is recorded."""
        session, name = self._require_session(), next(iter(command.arguments), None)
        if name is None or name == "stop":
            return build_notice_bundle(describe_recording(session, stops=name == "stop"))
        writer, begun = self._notebook.sessions.record(name)
        return build_notice_bundle(describe_begun(writer, begun))

    def export(self, command: SessionCommand) -> Bundle:
        """Writes the session to a file, in the form of its suffix."""
        return build_notice_bundle(export_session(self._notebook.exports, command))

    def end(self, command: SessionCommand) -> Bundle:
        """Ends the session."""
        ended = self._notebook.sessions.end()
        if ended is None:
            return build_notice_bundle(Notice(head="no session is open", lines=HOW_TO_START))
        steps = ended.totals.steps
        way_back = "; `%helicone_session resume` continues it" if steps else ""  # one without steps is never resumed
        lines = (f"{format_count(steps, 'step')}{way_back}",)
        return build_notice_bundle(Notice(head=f"ended {ended.record.title!r}", lines=lines))

    def list_models(self, command: SessionCommand) -> Bundle:
        """The models that the session's gateway offers; or the local one is installed or removed."""
        if command.arguments:
            return self._local_line.install() if command.arguments[0] == "install" else self._local_line.remove()
        label, models = self._notebook.models.fetch(command.options.gateway)
        lines = (", ".join(models),) if models else ("it lists none",)
        return build_notice_bundle(Notice(head=f"{format_count(len(models), 'model')} of {label}", lines=lines))

    def login(self, command: SessionCommand) -> Bundle:
        """Asks for a key without echo; it is kept in this kernel's memory, or in the OS keyring where there is one."""
        notebook = self._notebook
        asked = notebook.access.find_key_variables(command.options.gateway, notebook.session)
        lines, is_taken = [], False
        for variable in asked:
            typed = Secret(self._ask_secret(f"{variable} (Enter to skip): ").strip())
            if not typed:
                lines.append(f"{variable}: skipped")
                continue
            fault = check_key_shape(variable, typed)
            if fault is not None:
                raise InputError(f"{variable} was not taken: it {fault}.", hint="run `%helicone_session login` again")
            self._notebook.access.give_key(variable, typed)
            where = "the OS keyring" if store_in_keyring(variable, typed) else "this kernel's memory only"
            lines.append(f"{variable}: kept in {where}")
            is_taken = True
        if not asked:
            lines.append(f"the gateway {command.options.gateway!r} uses no key")
        elif is_taken:
            lines.append("run the session line again to use it")
        return build_notice_bundle(Notice(head="login", lines=tuple(lines)))

    def diagnose(self, command: SessionCommand) -> Bundle:
        """What works here and what doesn't, without revealing a key."""
        from heliconemagic.verbs.doctor import diagnose

        return build_notice_bundle(diagnose(self._notebook, self._describe_frontend(), command.options.gateway))

    def forget(self, command: SessionCommand) -> Bundle:
        """Deletes a session from the journal for good."""
        if not command.arguments:
            raise InputError(
                "forget deletes for good, so it wants to know which session.",
                hint="`%helicone_session list` shows them; type %helicone_session forget ID",
            )
        record = self._find_only(command.arguments[0])
        count = format_count(self._notebook.sessions.forget(record), "step")
        line = f"{count} deleted from the journal for good"
        return build_notice_bundle(Notice(head=f"forgot {record.title!r}", lines=(line,)))

    def _find_only(self, reference: str) -> SessionRecord:
        """The session of this id, or the only one of this name: what is deleted for good is never guessed."""
        journal = self._notebook.journal
        record = journal.find_session(reference)
        namesakes = journal.list_sessions(name=record.name)
        if len(namesakes) == 1 or record.id.startswith(reference.lower()):
            return record
        listed = ", ".join(
            f"{found.id[:8]} ({format_count(found.steps, 'step')}, {format_clock(found.started_at)})"
            for found in namesakes[:5]
        )
        raise InputError(
            f"{len(namesakes)} sessions are called {record.name!r}, and forget deletes for good.",
            hint=f"type the id of one: {listed}",
        )

    def _require_session(self) -> Session:
        session = self._notebook.session
        if session is None:
            raise InputError("no session is open.", hint='start one with %helicone_session "NAME", or resume one')
        return session
