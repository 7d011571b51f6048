"""The notebook's session: opening, resuming, ending, and what other processes add to it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from heliconemagic import headers
from heliconemagic.attachments.store import AttachmentStore
from heliconemagic.errors import InputError, JournalError
from heliconemagic.gateways.choice import (
    Choice,
    build_credentials,
    check_model,
)
from heliconemagic.journal.journal import Journal
from heliconemagic.lessons.files import Begun, LessonWriter, find_file
from heliconemagic.lessons.replaying import (
    REPLAY,
    LessonMode,
    LessonUse,
    build_head,
    build_no_lesson_error,
    open_lesson,
)
from heliconemagic.lines.options import SessionCommand
from heliconemagic.notebook.access import Access
from heliconemagic.notebook.earlier import load_feedback, load_recorded
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.planning.checks import check_no_secret
from heliconemagic.records import RERUN_OF, Feedback, SessionRecord, Step, StepStatus
from heliconemagic.saved.continuing import build_no_gateway_error, put_fingerprints
from heliconemagic.saved.sessions import SavedSession, list_missing, list_unsaid
from heliconemagic.session_state import Session
from heliconemagic.settings import RequestOptions
from heliconemagic.wire_text import build_ascii_form

CLOCK_SLACK = 5.0
"""Seconds for which other processes' steps are read again: a row is stamped a little before it is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a session goes on with: its options over those of its lesson and the defaults, and who answers."""

    options: RequestOptions
    choice: Choice
    lesson: LessonUse | None = None


class Sessions:
    """The notebook's one session: opened, resumed, ended, joined by other processes."""

    def __init__(self, surroundings: Surroundings, access: Access, journal: Journal) -> None:
        self.current: Session | None = None
        self._surroundings = surroundings
        self._access = access
        self._journal = journal
        self._read_at: dict[str, float] = {}  # by session: when other processes' steps were last read

    def open(self, command: SessionCommand) -> Session:
        """Starts, keeps, joins or resumes a session, as the line says.

        Raises:
            InputError, CredentialError: before anything is changed.
        """
        current = self.current
        known = current.record.title if current else self._surroundings.find_title() or "notebook"
        title = command.title or command.name or known
        name = headers.check_session_name(command.name or title)
        headers.build_property_headers(command.options.properties)  # none may be refused by each cell only
        terms = self._prepare(command.options)
        keys, gateway = self._access.find_keys(), terms.choice.gateway
        build_credentials(gateway, keys)
        check_no_secret([name, title, command.id, gateway.label], keys.secrets)  # shown and recorded from here
        if terms.options.model:
            check_model(gateway, terms.options.model)
        if current is not None and _is_same(current, command, name):
            current.take_options(terms.options, terms.choice, terms.lesson)
            self._journal.put_session(current.record)
            return current
        recorded_id = self._find_recorded(command, name)
        return self._begin(name, title, terms, recorded_id=recorded_id, session_id=command.id)

    def resume(self, reference: str | None, given: RequestOptions) -> Session:
        """Continues a recorded session, by id or name; without one, this notebook's newest.

        It goes on where it was: what ran offline doesn't begin to cost because there are keys now.

        Raises:
            InputError: there is none.
        """
        if reference is None:
            newest = self._journal.find_newest(self._surroundings.find_title())
            if newest is None:
                raise InputError(
                    f"no session of the notebook {self._surroundings.find_title()!r} is recorded.",
                    hint="`%helicone_session list` shows all of them; resume one by its id or name",
                )
            reference = newest.id
        record = self._journal.find_session(reference)
        terms = self._prepare(given.over(RequestOptions(gateway=record.gateway)))
        if given.gateway is None and record.gateway:
            terms = replace(terms, choice=replace(terms.choice, reason="gateway as before"))
        return self._begin(record.name, record.title, terms, recorded_id=record.id)

    def take_up_saved(self, saved: SavedSession, given: RequestOptions) -> tuple[Session, list[Step]]:
        """Continues a session that a file has; also those of its steps that the journal hadn't.

        From here it is this notebook's: its answers stand for identical requests, as if they had been given here.

        Raises:
            InputError: it cannot be continued: another gateway has to be named, or its id belongs to another name.
            CredentialError: keys are missing.
        """
        headers.check_session_id(saved.record.id)
        if not given.gateway and not saved.record.gateway:
            raise build_no_gateway_error(saved)
        terms = self._prepare(given.over(RequestOptions(gateway=saved.record.gateway)))
        recorded = self._load(saved.record.id)
        if recorded is not None:
            _check_same_name(recorded[0], saved.record.name)
        known = recorded[1] if recorded else []
        unsaid = list_unsaid(saved, known, load_feedback(self._journal, saved.record.id) if recorded else ())
        missing = put_fingerprints(list_missing(saved, known), terms.choice.gateway, self._surroundings.environ)
        own = replace(recorded[0] if recorded else saved.record, source="", notebook=self._surroundings.find_title())
        steps = sorted((*known, *missing), key=lambda step: step.started_at)
        left = self.end()
        self.current = self._take_up(own, steps, terms, is_resumed=True, left=left)
        self._journal.put_session(self.current.record)
        for feedback in unsaid:
            self.current.feedback.put(feedback)
            self._journal.put_feedback(feedback)
        self._journal.close_steps(missing)  # where that fails, the session's notice says so
        return self.current, missing

    def find(self) -> tuple[Session, bool]:
        """The session, and whether it had to be started now (named after the notebook)."""
        if self.current is not None:
            return self.current, False
        title = self._surroundings.find_title() or "notebook"
        options = self._surroundings.find_defaults()
        name = headers.check_session_name(build_ascii_form(title) or "notebook")
        terms = Terms(options=options, choice=self._access.choose_gateway(options.gateway))
        return self._begin(name, title, terms), True

    def build_rerun(self, original: SessionRecord, options: RequestOptions, choice: Choice) -> Session:
        """A session that plays ``original`` again, beside the one that is open; not in the journal yet.

        It is no notebook's: `--resume` goes on with what was typed there.
        """
        terms = Terms(options=options, choice=choice)
        record = self._build_record(headers.check_session_name(original.name), original.title, terms, None)
        return self._build_session(replace(record, notebook="", source=f"{RERUN_OF}{original.id}"), terms)

    def end(self) -> Session | None:
        """Ends the session, if there is one, and gives it back."""
        ended, self.current = self.current, None
        if ended is not None:
            self._journal.put_session(replace(ended.record, ended_at=self._surroundings.clock()))
        return ended

    def take_others(self, session: Session) -> None:
        """Takes in what other processes have written of the session; nothing where the journal cannot be read."""
        now = self._surroundings.clock()
        begun = [step.started_at for step in session.steps if step.status is StepStatus.PENDING]
        since = min([self._read_at.get(session.record.id, session.record.started_at) - CLOCK_SLACK, *begun])
        try:
            found = self._journal.load_steps_of_others(session.record.id, since)
        except JournalError:
            return
        self._read_at[session.record.id] = now
        session.is_shared |= bool(found)
        session.take_others(found)
        if session.is_shared:
            session.feedback.take(load_feedback(self._journal, session.record.id))

    def forget(self, record: SessionRecord) -> int:
        """Deletes a session from the journal for good, and from memory if it is open; the number of its steps."""
        if self.current is not None and self.current.record.id == record.id:
            self.current = None
        return self._journal.forget(record.id)

    def list_names(self) -> list[str]:
        """The names of recorded sessions, newest first; none if the journal cannot be read."""
        try:
            return list(dict.fromkeys(summary.name for summary in self._journal.list_sessions(limit=50)))
        except JournalError:
            return []

    def record(self, name: str) -> tuple[LessonWriter, Begun]:
        """Writes the session's answers to the file ``name``, and from now on each further one.

        Raises:
            InputError: no session is open, a lesson answers it, or the file cannot be written.
        """
        session, _ = self.find()
        if session.lesson is not None and session.lesson.mode is LessonMode.REPLAY:
            raise InputError(
                f"this session is played from {session.lesson.lesson.name!r}: there is nothing new to record.",
                hint="copy that file; or record a session that a gateway answers",
            )
        head = build_head(session.record, session.options, session.choice)
        path = find_file(name, self._surroundings.find_folder())
        writer = LessonWriter(path=path, head=head, portable=self._access.build_portable())
        begun = writer.begin(session.steps_by_start)
        session.recording = writer
        return writer, begun

    def _prepare(self, given: RequestOptions) -> Terms:
        """What a session line asks for, with the lesson that it names.

        Raises:
            InputError, CredentialError: the lesson cannot be read, or the gateway cannot be used.
        """
        defaults = self._surroundings.find_defaults()
        lesson = open_lesson(given, self._surroundings.find_folder(), self._access.build_portable())
        options = given.over(lesson.defaults if lesson else RequestOptions()).over(defaults)
        replays = lesson is not None and lesson.mode is LessonMode.REPLAY
        choice = REPLAY if replays and not options.gateway else self._access.choose_gateway(options.gateway)
        if choice.gateway.preset == "replay":
            if not replays:
                raise build_no_lesson_error()
            choice = REPLAY
        return Terms(options=options, choice=choice, lesson=lesson)

    def _find_recorded(self, command: SessionCommand, name: str) -> str | None:
        if command.id is not None:
            return headers.check_session_id(command.id)
        if not command.resumes:
            return None
        newest = self._journal.find_newest(
            self._surroundings.find_title(), name=name, besides=self.current.record.id if self.current else ""
        )
        return newest.id if newest else None

    def _begin(
        self, name: str, title: str, terms: Terms, *, recorded_id: str | None = None, session_id: str | None = None
    ) -> Session:
        """Ends the session there is, and begins another or takes up a recorded one."""
        recorded = self._load(recorded_id) if recorded_id else None
        if recorded is not None:
            _check_same_name(recorded[0], name)
        left = self.end()
        if recorded is None:
            begun = self._build_session(self._build_record(name, title, terms, session_id), terms)
        else:
            begun = self._take_up(*recorded, terms, is_resumed=session_id is None, left=left)
        self.current = begun
        self._journal.put_session(begun.record)
        return begun

    def _load(self, session_id: str) -> tuple[SessionRecord, list[Step]] | None:
        """A recorded session, with what other processes have written of it until now; None as `load_recorded` says."""
        now = self._surroundings.clock()
        recorded = load_recorded(self._journal, session_id)
        if recorded is not None:
            self._read_at[session_id] = now
        return recorded

    def _build_record(self, name: str, title: str, terms: Terms, session_id: str | None) -> SessionRecord:
        return SessionRecord(
            id=session_id or str(uuid.uuid4()),
            name=name,
            title=title,
            gateway=terms.choice.gateway.label,
            notebook=self._surroundings.find_title(),
            started_at=self._surroundings.clock(),
        )

    def _take_up(
        self, record: SessionRecord, steps: Sequence[Step], terms: Terms, *, is_resumed: bool, left: Session | None
    ) -> Session:
        """A recorded session; what ``left``, if it is the same one, knew of the notebook's cells still holds."""
        record = replace(record, ended_at=None, gateway=terms.choice.gateway.label)
        feedback = load_feedback(self._journal, record.id)
        session = self._build_session(record, terms, steps, feedback, is_resumed=is_resumed)
        if left is not None and left.record.id == record.id:
            session.take_cells(left)
        return session

    def _build_session(
        self,
        record: SessionRecord,
        terms: Terms,
        steps: Sequence[Step] = (),
        feedback: Sequence[Feedback] = (),
        *,
        is_resumed: bool = False,
    ) -> Session:
        return Session(
            record,
            terms.options,
            terms.choice,
            steps=steps,
            is_resumed=is_resumed,
            attachments=AttachmentStore(self._load_attachment),
            lesson=terms.lesson,
            feedback=feedback,
        )

    def _load_attachment(self, sha256: str) -> bytes | None:
        """The bytes of an attachment of an earlier turn, from the journal."""
        try:
            return self._journal.find_attachment(sha256)
        except JournalError:
            return None


def _is_same(current: Session, command: SessionCommand, name: str) -> bool:
    """Whether a session line means the session that is open; one without steps gives way to ``--resume``."""
    if command.is_new or name != current.record.name or command.id not in (None, current.record.id):
        return False
    return not command.resumes or current.is_resumed or bool(current.steps)


def _check_same_name(record: SessionRecord, name: str) -> None:
    if record.name != name:
        raise InputError(
            f"the session {record.id!r} is recorded as {record.name!r}, not {name!r}.",
            hint=f'its id and name belong together: type "{record.name}" --id {record.id}',
        )
