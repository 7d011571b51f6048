"""The record on disk of every session and step, kept by a thread that never holds up a prompt.

A step's row is committed before its first byte is sent, its text within a quarter of a second. A
journal that is locked, full, damaged or read-only stops nothing: `Journal.warning` says why
nothing is recorded. Callers hand in text that is redacted already.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from heliconemagic import journal_files, journal_queries, journal_rows, journal_schema
from heliconemagic.errors import InputError, JournalError
from heliconemagic.journal_files import default_folder
from heliconemagic.journal_writer import RETRY_SECONDS, JournalWriter
from heliconemagic.owner import Owner, is_alive, sweep
from heliconemagic.records import Attempt, SessionRecord, SessionSummary, Step
from heliconemagic.wire_text import build_ascii_form

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Journal", "default_folder"]

OPEN_SECONDS = 1.0  # the longest a step waits for its pending row
_TEXT_DELAY = 0.1  # seconds for which text gathers before it is written
_SESSION, _STEP, _TEXT, _ATTEMPT, _SUPERSEDED = range(5)  # the order in which changes are written


class _JournalFile:
    """The open file as the writer's thread sees it: connects, reconnects, replaces."""

    def __init__(self, folder: Path, owner: Owner, clock: Callable[[], float], connect: journal_schema.Connect) -> None:
        self.path = folder / journal_files.FILE_NAME
        self.owner = owner
        self.sessions: dict[str, SessionRecord] = {}  # those of this process, for a file that is begun anew
        self._clock = clock
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def connect(self) -> sqlite3.Connection:
        """The connection for writing; another one if the file was replaced or removed meanwhile."""
        if self._connection is not None:
            if journal_files.find_identity(self.path) == self._identity:
                return self._connection
            self.disconnect()
        self._connection = open_journal(self.path, self._connect)
        self._identity = journal_files.find_identity(self.path)
        self._introduce(self._connection)
        return self._connection

    def _introduce(self, connection: sqlite3.Connection) -> None:
        """Say who writes here, and of which sessions."""
        self.owner.hold(self.path.parent)
        row = (self.owner.id, self.owner.host, self.owner.pid, self.owner.started_at, self._clock())
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT OR REPLACE INTO owners VALUES (?, ?, ?, ?, ?)", row)
        for session in list(self.sessions.values()):
            journal_rows.write_session(connection, session)
        connection.execute("COMMIT")

    def disconnect(self) -> None:
        """Close the connection, undoing what was not committed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def replace(self) -> str:
        """Move the damaged file aside, unless another process did so already; returns what to say."""
        stamp = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        aside = journal_files.move_aside(self.path, stamp)
        return f"the journal was damaged: it was moved to {aside} and a new one begun"

    def close(self) -> None:
        """Close the connection and let go of the owner's lock."""
        self.disconnect()
        self.owner.release()


def open_journal(path: Path, connect: journal_schema.Connect) -> sqlite3.Connection:
    """A connection for writing; the unfinished steps of dead processes are marked interrupted first."""
    connection = journal_schema.open_writable(path, connect)
    try:
        for owner_id in list(journal_queries.list_pending_owners(connection)):
            if not is_alive(path.parent, owner_id):
                journal_queries.interrupt_steps(connection, owner_id)
        sweep(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


class Journal:
    """The journal in ``folder``; touches no disk until its first use.

    ``connect`` makes the connections that write, ``retry_seconds`` is the time between tries while
    the journal cannot be written. Safe to use from any thread, and in a forked child, which gets a
    connection, a thread and an owner of its own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float] = time.time,
        owner: Owner | None = None,
        connect: journal_schema.Connect = journal_schema.connect_file,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._folder = folder
        self._path = folder / journal_files.FILE_NAME
        self._clock = clock
        self._connect = connect
        self._retry_seconds = retry_seconds
        self._forgotten: set[str] = set()
        self._inherited: list[JournalWriter] = []
        self._begin(owner or Owner())
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(_begin_in_child, weakref.ref(self)))

    def _begin(self, owner: Owner) -> None:
        self._owner = owner
        self._file = _JournalFile(self._folder, owner, self._clock, self._connect)
        self._writer = JournalWriter(self._file, retry_seconds=self._retry_seconds)
        self._finish = weakref.finalize(self, self._writer.close)  # at the latest when the interpreter ends

    def begin_in_child(self) -> None:
        """Start anew in a forked child. The parent's connection is kept, for closing it would harm the parent."""
        self._finish.detach()
        self._inherited.append(self._writer)
        self._owner.abandon()
        self._begin(Owner())

    @property
    def warning(self) -> str | None:
        """Why nothing is recorded now; None when all is well.

        What is over already (a damaged file was moved aside) is told once, by the first reading.
        """
        return self._writer.failure or self._writer.take_notice()

    # Writing: never raises.

    def put_session(self, session: SessionRecord) -> None:
        """Insert or update a session."""
        self._file.sessions[session.id] = session
        self._writer.put((_SESSION, session.id), partial(journal_rows.write_session, session=session))

    def open_step(self, step: Step) -> bool:
        """Commit the row of a step that is about to be sent; False if it could not be, see `warning`."""
        return step.is_recorded and self._writer.wait(self._put_step(step), OPEN_SECONDS)

    def put_text(self, step_id: str, text: str, reasoning: str = "") -> None:
        """The whole text so far; the newest is on disk within 250 ms."""
        self._writer.put((_TEXT, step_id), partial(self._write_text, step_id, text, reasoning), delay=_TEXT_DELAY)

    def _write_text(self, step_id: str, text: str, reasoning: str, connection: sqlite3.Connection) -> None:
        journal_rows.write_text(connection, step_id, text, reasoning, now=self._clock())

    def put_attempt(self, step_id: str, attempt: Attempt) -> None:
        """Insert or update an attempt, by its request id."""
        self._put_attempt(step_id, attempt)

    def open_attempt(self, step_id: str, attempt: Attempt) -> bool:
        """Commit an attempt that is about to be sent; False if it could not be, see `warning`."""
        return self._writer.wait(self._put_attempt(step_id, attempt), OPEN_SECONDS)

    def _put_attempt(self, step_id: str, attempt: Attempt) -> int:
        change = partial(journal_rows.write_attempt, step_id=step_id, attempt=attempt)
        return self._writer.put((_ATTEMPT, attempt.request_id), change)

    def close_step(self, step: Step) -> None:
        """The final state of a step, with everything there is to say of it."""
        self._put_step(step)

    def _put_step(self, step: Step) -> int:
        return self._writer.put((_STEP, step.id), partial(self._write_step, step))

    def _write_step(self, step: Step, connection: sqlite3.Connection) -> None:
        if step.id not in self._forgotten:
            journal_rows.write_step(connection, step, owner_id=self._owner.id, now=self._clock())

    def supersede(self, step_ids: Sequence[str]) -> None:
        """Mark steps whose cells ran again."""
        for step_id in step_ids:
            self._writer.put((_SUPERSEDED, step_id), partial(journal_rows.write_superseded, step_id=step_id))

    def flush(self, timeout: float = 1.0) -> bool:
        """Whether everything queued is on disk; waits at most ``timeout`` seconds for it."""
        return self._writer.flush(timeout)

    def close(self) -> None:
        """Write what is queued and end the thread; a second call does nothing."""
        self._finish()

    def check(self) -> str | None:
        """Why the journal cannot be written now, found by trying; None if it can."""
        return None if self._writer.try_now(OPEN_SECONDS) else self._writer.failure or "the journal does not answer"

    # Reading: raises JournalError.

    def list_sessions(
        self, *, limit: int | None = None, name: str | None = None, notebook: str | None = None
    ) -> list[SessionSummary]:
        """The sessions, newest first, of this name and notebook where they are given."""
        with self._reading() as connection:
            return journal_queries.list_sessions(connection, limit=limit, name=name, notebook=notebook)

    def load_session(self, session_id: str) -> tuple[SessionRecord, list[Step]] | None:
        """A session and its steps in the order they started; None if there is none of this id."""
        with self._reading() as connection:
            session = journal_queries.find_session(connection, session_id)
            return None if session is None else (session, journal_queries.load_steps(connection, session_id))

    def find_session(self, reference: str) -> SessionRecord:
        """The session of this id, of the one id that begins so (4 characters at least), or the newest of this name.

        Raises:
            InputError: there is none, or more than one id begins so.
        """
        with self._reading() as connection:
            return _resolve(connection, reference.strip())

    def find_newest(self, name: str, notebook: str) -> SessionRecord | None:
        """The newest session of this name in this notebook."""
        with self._reading() as connection:
            return journal_queries.find_named(connection, name, notebook)

    def find_reply(self, session_id: str, fingerprint: str) -> Step | None:
        """The newest finished step of this request in this session."""
        with self._reading() as connection:
            return journal_queries.find_reply(connection, session_id, fingerprint)

    def forget(self, session_id: str) -> int:
        """Delete a session for good, its text out of the files too; returns the number of its steps.

        Raises:
            JournalError: it could not be deleted, or another program still reads what was deleted.
        """
        self.flush()
        with self._translating():
            if not self._path.exists():
                return 0
            with contextlib.closing(journal_schema.open_writable(self._path, self._connect)) as connection:
                steps = journal_queries.forget(connection, session_id)
                self._forgotten.update(steps)
                self._file.sessions.pop(session_id, None)
                _clear_log(connection)
        return len(steps)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for one question; it sees one state, with everything queued before."""
        self.flush()
        with self._translating():
            self._bury_dead()
            with contextlib.closing(journal_schema.open_readable(self._path)) as connection:
                connection.execute("BEGIN")
                yield connection

    def _bury_dead(self) -> None:
        """Mark interrupted what dead processes left, where this journal can be written."""
        import sqlite3

        with contextlib.closing(journal_schema.open_readable(self._path)) as connection:
            owners = [
                row[0] for row in connection.execute("SELECT DISTINCT owner_id FROM steps WHERE status = 'pending'")
            ]
        if all(is_alive(self._folder, owner_id) for owner_id in owners):
            return
        with contextlib.suppress(sqlite3.Error, OSError):  # elsewhere they are shown as they were left
            open_journal(self._path, self._connect).close()

    @contextlib.contextmanager
    def _translating(self) -> Iterator[None]:
        import sqlite3

        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise JournalError(
                f"the journal {str(self._path)!r} cannot be read.",
                hint="`%helicone_session doctor` tells what is wrong with it",
                cause=journal_schema.describe_failure(error, self._path),
            ) from error


def _begin_in_child(reference: weakref.ref[Journal]) -> None:
    journal = reference()
    if journal is not None:
        journal.begin_in_child()


def _resolve(connection: sqlite3.Connection, reference: str) -> SessionRecord:
    found = journal_queries.find_session(connection, reference) or journal_queries.find_session(
        connection, reference.lower()
    )
    if found is not None:
        return found
    begun = journal_queries.find_by_prefix(connection, reference.lower()) if len(reference) >= 4 else []
    named = journal_queries.find_named(connection, build_ascii_form(reference))
    if len(begun) > 1 and named is None:
        ids = ", ".join(session.id[:13] for session in begun)
        raise InputError(f"{reference!r} begins more than one session's id.", hint=f"type more of one of {ids}")
    if len(begun) == 1:
        return begun[0]
    if named is not None:
        return named
    raise InputError(f"no session is called {reference!r}.", hint=_suggest(connection, reference))


def _suggest(connection: sqlite3.Connection, reference: str) -> str:
    names = {name.lower(): name for name in journal_queries.list_names(connection)}
    close = difflib.get_close_matches(reference.lower(), names, n=1)
    instead = f'did you mean "{names[close[0]]}"?  ' if close else ""
    return f"{instead}`%helicone_session list` shows all sessions"


def _clear_log(connection: sqlite3.Connection) -> None:
    """Empty the write-ahead log, which still has what was deleted from the tables.

    Raises:
        JournalError: another program is reading the journal.
    """
    row = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if row[0]:
        raise JournalError(
            "the session was deleted, but another program keeps its text in the journal's log.",
            hint="close what reads the journal, then forget the session again",
        )
