"""Exports of the session that is open, or of a recorded one: gathered, made fit to leave, written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from heliconemagic.errors import InputError, JournalError, StepInterrupted
from heliconemagic.export.formats import Format, find_format
from heliconemagic.export.session import ExportedSession, build_exported
from heliconemagic.export.writing import write_export
from heliconemagic.gateways.presets import Gateway, build_gateway
from heliconemagic.journal.journal import Journal
from heliconemagic.lessons.files import find_file
from heliconemagic.lessons.lesson import LessonHead, hash_id
from heliconemagic.lessons.replaying import build_head
from heliconemagic.notebook.access import Access
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.records import Feedback, SessionRecord
from heliconemagic.session_state import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What an export has become."""

    path: Path
    form: Format
    size: int  # bytes
    session: ExportedSession


class Exports:
    """Exports sessions. ``find_open`` gives the one that is open, with all of its steps."""

    def __init__(
        self, surroundings: Surroundings, access: Access, journal: Journal, find_open: Callable[[], Session | None]
    ) -> None:
        self._surroundings = surroundings
        self._access = access
        self._journal = journal
        self._find_open = find_open

    def write(self, name: str, reference: str | None = None, *, session: Session | None = None) -> Written:
        """Writes a session to the file ``name``, in the form of its suffix.

        Args:
            reference: the id or name of a recorded one; else ``session``, else the one that is open.

        Raises:
            InputError: there is no such session or form, something else is in the file, or it cannot be written.
            JournalError: the recorded session cannot be read.
            StepInterrupted: by the kernel's interrupt; nothing was written.
        """
        path = find_file(name, self._surroundings.find_folder())
        form = find_format(path)
        self._check_not_recorded(path)
        try:
            exported = self.build(reference, session=session)
            return Written(path=path, form=form, size=write_export(path, form.build(exported)), session=exported)
        except KeyboardInterrupt:
            raise StepInterrupted(f"the export was stopped: {path.name!r} was left as it was.") from None

    def build(self, reference: str | None = None, *, session: Session | None = None) -> ExportedSession:
        """What is exported of it.

        Raises:
            InputError, JournalError: there is no such session, or it cannot be read.
        """
        if reference is not None:
            return self._build_recorded(reference)
        found = session or self._find_open()
        if found is None:
            hint = "type %helicone_session export FILE ID for a recorded one; `%helicone_session list` shows them"
            raise InputError("no session is open.", hint=hint)
        return self._build_open(found)

    def _build_open(self, session: Session) -> ExportedSession:
        feedback: list[Feedback] = []
        notes: list[str] = []
        try:
            feedback = self._journal.load_feedback(session.record.id)
        except JournalError as error:
            notes.append(f"without ratings and notes: {error.message}")
        return build_exported(
            session.record,
            session.steps_by_start,
            head=build_head(session.record, session.options, session.choice),
            feedback=feedback,
            gateway=session.choice.gateway,
            portable=self._access.build_portable(),
            notes=notes,
        )

    def _build_recorded(self, reference: str) -> ExportedSession:
        found = self._journal.find_session(reference)
        record, steps = self._journal.load_session(found.id) or (found, [])
        warning = self._journal.warning  # that a step cannot be read, for one
        return build_exported(
            record,
            steps,
            head=LessonHead(id=hash_id(record.id), title=record.title, recorded_at=record.started_at),
            feedback=self._journal.load_feedback(record.id),
            gateway=self._find_gateway(record),
            portable=self._access.build_portable(),
            notes=[warning] if warning else [],
        )

    def _find_gateway(self, record: SessionRecord) -> Gateway | None:
        try:
            return build_gateway(record.gateway, self._surroundings.environ)
        except InputError:  # of a newer version, or one whose variables aren't set here
            return None

    def _check_not_recorded(self, path: Path) -> None:
        session = self._find_open()
        if session is not None and session.recording is not None and session.recording.path == path:
            raise InputError(
                f"{path.name!r} is the lesson that is being recorded now.",
                hint="name another file; or %helicone_session record stop, and delete it",
            )
