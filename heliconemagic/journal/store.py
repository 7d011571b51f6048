"""The journal's file in the hands of its writer: connects, reconnects, begins anew, forgets.

Joins the file (`journal_schema`), its rows (`journal_rows`) and the process that writes (`owner`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from heliconemagic.errors import JournalError
from heliconemagic.journal import files as journal_files
from heliconemagic.journal import queries as journal_queries
from heliconemagic.journal import rows as journal_rows
from heliconemagic.journal.owner import Owner, is_alive, sweep
from heliconemagic.journal.schema import (
    BUSY_SECONDS,
    Connect,
    describe_failure,
    is_logged_ahead,
    open_readable,
    open_writable,
)
from heliconemagic.journal.writer import Change, Key
from heliconemagic.records import Step

if TYPE_CHECKING:
    import sqlite3

_BUSY_MILLISECONDS = round(BUSY_SECONDS * 1000)
_CHECKPOINT_PAGES = 1000  # SQLite's own default
_FORGET_MILLISECONDS = 2000  # longer than for any other write: the person asked for it and waits


class JournalStore:
    """The file in ``folder`` as written by one owner.

    `connect`, `find_quick`, `waiting`, `disconnect`, `replace` and `close` belong to the
    thread that writes at the moment; the rest may be called from any.
    """

    def __init__(self, folder: Path, owner: Owner, clock: Callable[[], float], connect: Connect) -> None:
        self.path = folder / journal_files.FILE_NAME
        self.owner = owner
        self._clock = clock
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._is_quick = False  # its commits don't wait for the disk
        self._identity: tuple[int, int] | None = None  # of the file last opened
        self._is_anew = False  # that file is gone, and its successor lacks what is under way
        self._unfinished: dict[Key, Change] = {}
        self._forgotten: set[str] = set()

    # For the thread that writes.

    def connect(self) -> sqlite3.Connection:
        """The connection for writing; another one if the file was replaced or removed meanwhile.

        Raises:
            OSError, sqlite3.Error, JournalError: it cannot be made, opened or written.
        """
        identity = journal_files.find_identity(self.path)
        if self._connection is not None and identity == self._identity:
            return self._connection
        self.disconnect()
        self._is_anew |= self._identity is not None and identity != self._identity
        self._identity = identity
        self._connection = open_settled(self.path, self._connect)
        self._identity = journal_files.find_identity(self.path)
        if self._identity is None:  # what is written to a file without a name is lost, and nobody would know
            raise FileNotFoundError(f"removed while it was opened: {self.path}")
        self._introduce(self._connection)
        self._is_anew = False
        self._is_quick = is_logged_ahead(self._connection)
        return self._connection

    def find_quick(self) -> sqlite3.Connection | None:
        """The connection, if it is open, to the file that is there now, and a commit waits for no disk."""
        if self._connection is None or not self._is_quick:
            return None
        return self._connection if journal_files.find_identity(self.path) == self._identity else None

    @contextlib.contextmanager
    def waiting(self, connection: sqlite3.Connection) -> Iterator[None]:
        """While it lasts, writing waits for locks, and shortens the log.

        Else it does neither: to forbid both at each row that an event loop writes would take as long as the row.
        """
        import sqlite3

        _set_patience(connection, _BUSY_MILLISECONDS, _CHECKPOINT_PAGES)
        try:
            yield
        finally:
            with contextlib.suppress(sqlite3.Error):  # of a connection that no longer works nothing is wanted any more
                _set_patience(connection, 0, 0)

    def _introduce(self, connection: sqlite3.Connection) -> None:
        """Say who writes here and, in a file begun anew, what is under way."""
        self.owner.hold(self.path.parent)
        row = (self.owner.id, self.owner.host, self.owner.pid, self.owner.started_at, self._clock())
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT OR REPLACE INTO owners VALUES (?, ?, ?, ?, ?)", row)
        unfinished = self._unfinished.copy() if self._is_anew else {}
        for key in sorted(unfinished):
            unfinished[key](connection)
        connection.execute("COMMIT")

    def disconnect(self) -> None:
        """Close the connection; what was not committed is undone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def replace(self) -> str | None:
        """Move the damaged file aside; returns what to say, or None if another process was quicker.

        Raises:
            OSError: it cannot be moved.
        """
        if journal_files.find_identity(self.path) != self._identity:
            return None
        stamp = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        aside = journal_files.move_aside(self.path, stamp)
        return f"the journal was damaged: it was moved to {aside} and a new one begun"

    def close(self) -> None:
        """Close the connection and let go of the owner's lock."""
        self.disconnect()
        self.owner.release()

    # Changes.

    def keep(self, key: Key, change: Change) -> None:
        """Remember a change that a file begun anew needs too: a session, or a step under way."""
        self._unfinished[key] = change

    def let_go(self, key: Key) -> None:
        """Forget what `keep` remembered."""
        self._unfinished.pop(key, None)

    def write_step(self, step: Step, attachments: Mapping[str, bytes], connection: sqlite3.Connection) -> None:
        """The change that inserts or updates a step, unless it was forgotten meanwhile.

        Raises:
            ValueError: another program forgot its session; written all the same, nobody would find it again.
        """
        if step.id in self._forgotten:
            return
        if not journal_rows.has_session(connection, step.session_id):
            raise ValueError(f"a step of a session that another program has forgotten ({step.session_id})")
        now = self._clock()
        journal_rows.write_step(connection, step, owner_id=self.owner.id, now=now, attachments=attachments)

    def write_text(
        self, step_id: str, text: str, reasoning: str, first_token_at: float | None, connection: sqlite3.Connection
    ) -> None:
        """The change that stores the text so far."""
        now = self._clock()
        journal_rows.write_text(connection, step_id, text, reasoning, first_token_at=first_token_at, now=now)

    def write_sign_of_life(self, connection: sqlite3.Connection) -> None:
        """The change that says nothing new: whether it can be written is what matters."""
        connection.execute("UPDATE owners SET seen_at = ? WHERE id = ?", (self._clock(), self.owner.id))

    # With connections of their own.

    def open_reading(self) -> sqlite3.Connection:
        """A connection that only reads; what dead processes left unfinished is marked first, where that is possible."""
        import sqlite3

        connection = open_readable(self.path)
        if not _find_abandoned(connection, self.path.parent):
            return connection
        connection.close()
        with contextlib.suppress(sqlite3.Error, OSError):  # read-only or locked: it is shown as it was left
            open_settled(self.path, self._connect).close()
        return open_readable(self.path)

    def forget(self, session_id: str) -> int:
        """Delete a session for good and write the file anew without it; returns the number of its steps.

        Raises:
            JournalError: it is deleted, but its text could not be cleared out of the files.
            OSError, sqlite3.Error: it could not be deleted.
        """
        if not self.path.exists():
            return 0
        with contextlib.closing(open_writable(self.path, self._connect)) as connection:
            connection.execute(f"PRAGMA busy_timeout = {_FORGET_MILLISECONDS}")
            steps = journal_queries.forget(connection, session_id)
            self._forgotten.update(steps)
            _clear_traces(connection, self.path)
        return len(steps)


def _set_patience(connection: sqlite3.Connection, milliseconds: int, pages: int) -> None:
    """How long to wait for a lock, and at which length of the log a commit writes it into the file; 0 for never."""
    connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {pages}")


def _clear_traces(connection: sqlite3.Connection, path: Path) -> None:
    """Remove what was deleted from the bytes of the files.

    ``PRAGMA secure_delete`` is not enough: when SQLite moves rows between pages it leaves copies
    in their unused parts.
    """
    import sqlite3

    try:
        connection.execute("VACUUM")
        is_kept, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        is_kept, cause = True, describe_failure(error, path)
    else:
        cause = "another program reads the journal"
    if is_kept:
        raise JournalError(
            "the session is deleted, but its text is still in the journal's files.",
            hint="close what reads the journal, then forget the session once more",
            cause=cause,
        )


def open_settled(path: Path, connect: Connect) -> sqlite3.Connection:
    """A connection for writing, to a journal in which the unfinished steps of the dead are interrupted."""
    connection = open_writable(path, connect)
    try:
        for owner_id in _find_abandoned(connection, path.parent):
            journal_queries.interrupt_steps(connection, owner_id)
            journal_queries.refuse_deliveries(connection, owner_id)
        sweep(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def _find_abandoned(connection: sqlite3.Connection, folder: Path) -> list[str]:
    """The owners that died with steps under way, or on their way to Helicone."""
    pending, waiting = journal_queries.list_pending_owners(connection), journal_queries.list_waiting_owners(connection)
    return [owner for owner in dict.fromkeys([*pending, *waiting]) if not is_alive(folder, owner)]
