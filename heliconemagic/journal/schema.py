"""The journal's file: its tables, how it is opened, and what an error of SQLite's means.

The only place that makes connections. Knows tables, not what their rows mean.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from heliconemagic.errors import JournalError
from heliconemagic.journal import files as journal_files

if TYPE_CHECKING:
    import sqlite3

BUSY_SECONDS = 0.25

# One script for each version; `PRAGMA user_version` counts those that ran. Never change one that
# was released: add another. Long columns stand last, so that sums over steps need not read them.
MIGRATIONS = (
    """
    CREATE TABLE owners (
        id TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, started_at REAL NOT NULL, seen_at REAL
    ) WITHOUT ROWID;

    CREATE TABLE sessions (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, title TEXT NOT NULL, gateway TEXT NOT NULL,
        notebook TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL
    );
    CREATE INDEX sessions_by_time ON sessions (started_at, id);
    CREATE INDEX sessions_by_name ON sessions (name, started_at, id);
    CREATE INDEX sessions_by_notebook ON sessions (notebook, started_at, id);

    CREATE TABLE steps (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, session_id TEXT NOT NULL, owner_id TEXT,
        path TEXT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, gateway TEXT NOT NULL, model TEXT NOT NULL,
        fingerprint TEXT NOT NULL, cell TEXT NOT NULL, run INTEGER NOT NULL, parent_id TEXT,
        is_superseded INTEGER NOT NULL, started_at REAL NOT NULL, first_token_at REAL, ended_at REAL,
        flushed_at REAL NOT NULL, finish_reason TEXT, answered_by TEXT, cost REAL,
        prompt_tokens INTEGER, completion_tokens INTEGER, cached_tokens INTEGER, reasoning_tokens INTEGER,
        parameters TEXT, tool_calls TEXT, error TEXT, refusal TEXT NOT NULL, reasoning TEXT NOT NULL, text TEXT NOT NULL
    );
    CREATE INDEX steps_by_session ON steps (session_id, started_at);
    CREATE INDEX steps_summed ON steps (session_id, status, cost, prompt_tokens, completion_tokens);
    CREATE INDEX steps_pending ON steps (owner_id) WHERE status = 'pending';

    CREATE TABLE messages (number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, body TEXT NOT NULL);
    CREATE TABLE step_messages (
        step_number INTEGER NOT NULL, position INTEGER NOT NULL, message_number INTEGER NOT NULL,
        PRIMARY KEY (step_number, position)
    ) WITHOUT ROWID;
    CREATE INDEX steps_by_message ON step_messages (message_number);

    CREATE TABLE attempts (
        number INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, step_number INTEGER NOT NULL,
        started_at REAL NOT NULL, first_byte_at REAL, ended_at REAL, status_code INTEGER, helicone_id TEXT,
        headers TEXT, error TEXT
    );
    CREATE INDEX attempts_by_step ON attempts (step_number);
    """,
    "ALTER TABLE steps ADD COLUMN is_aside INTEGER NOT NULL DEFAULT 0",
    # Replies that stand in for a request: where they come from (JSON), and how to find them again.
    """
    ALTER TABLE steps ADD COLUMN origin TEXT;
    CREATE INDEX steps_by_fingerprint ON steps (fingerprint, started_at) WHERE status = 'done';
    DROP INDEX steps_summed;
    CREATE INDEX steps_summed ON steps (session_id, status, cost, prompt_tokens, completion_tokens, origin)
    """,
    """
    CREATE TABLE attachments (number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, body BLOB NOT NULL);
    CREATE TABLE message_attachments (
        message_number INTEGER NOT NULL, attachment_number INTEGER NOT NULL,
        PRIMARY KEY (message_number, attachment_number)
    ) WITHOUT ROWID;
    CREATE INDEX messages_by_attachment ON message_attachments (attachment_number)
    """,
    """
    ALTER TABLE steps ADD COLUMN comparison TEXT NOT NULL DEFAULT '';
    ALTER TABLE steps ADD COLUMN variant INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE steps ADD COLUMN is_picked INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX steps_by_comparison ON steps (comparison) WHERE comparison != ''
    """,
    # Steps that are no requests, whom requests are counted for, what people think of answers, and what of it all
    # Helicone was told (JSON); sessions that ran elsewhere.
    """
    ALTER TABLE steps ADD COLUMN input TEXT NOT NULL DEFAULT '';
    ALTER TABLE steps ADD COLUMN user TEXT NOT NULL DEFAULT '';
    ALTER TABLE steps ADD COLUMN properties TEXT;
    ALTER TABLE steps ADD COLUMN delivery TEXT;
    ALTER TABLE sessions ADD COLUMN source TEXT NOT NULL DEFAULT '';
    CREATE TABLE feedback (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, session_id TEXT NOT NULL, step_id TEXT,
        name TEXT NOT NULL, value INTEGER, is_flag INTEGER NOT NULL, note TEXT NOT NULL, given_at REAL NOT NULL,
        delivery TEXT
    );
    CREATE INDEX feedback_by_session ON feedback (session_id, given_at)
    """,
    # What was on its way to Helicone when its process died.
    """
    CREATE INDEX steps_on_their_way ON steps (owner_id) WHERE instr(delivery, '"waiting"') > 0
    """,
    # The same of what people think of answers.
    """
    ALTER TABLE feedback ADD COLUMN owner_id TEXT NOT NULL DEFAULT '';
    CREATE INDEX feedback_on_its_way ON feedback (owner_id) WHERE instr(delivery, '"waiting"') > 0
    """,
    # Which of a session's steps could have had a price.
    """
    DROP INDEX steps_summed;
    CREATE INDEX steps_summed ON steps (session_id, status, cost, prompt_tokens, completion_tokens, origin, kind)
    """,
)

Connect = Callable[[Path], "sqlite3.Connection"]


def connect_file(path: Path) -> sqlite3.Connection:
    """A connection to ``path``, usable from one thread at a time, whose transactions are begun by hand."""
    import sqlite3

    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def open_writable(path: Path, connect: Connect = connect_file) -> sqlite3.Connection:
    """A connection that may write: the file made if it is missing, its tables brought up to date.

    Raises:
        JournalError: the file comes from a newer version; it is left as it is.
        OSError, sqlite3.Error: it cannot be made, opened or written.
    """
    journal_files.create_private(path)
    connection = connect(path)
    try:
        _check_version(connection, path)
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    mode = "DELETE" if journal_files.is_on_network(path.parent) else "WAL"
    connection.execute(f"PRAGMA journal_mode = {mode}")  # where it cannot be had SQLite stays with the older one
    connection.execute("PRAGMA synchronous = NORMAL")
    _migrate(connection)


def is_logged_ahead(connection: sqlite3.Connection) -> bool:
    """Whether the file has a write-ahead log, so that a commit waits for no disk."""
    return bool(connection.execute("PRAGMA journal_mode").fetchone() == ("wal",))


def _check_version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the file's format: 0 before its first table.

    Raises:
        JournalError: it is newer than this code.
    """
    version = _read_version(connection)
    if version > len(MIGRATIONS):
        raise JournalError(
            f"the journal {str(path)!r} was written by a newer heliconemagic "
            f"(its format is {version}, this one knows {len(MIGRATIONS)}).",
            hint="update heliconemagic, or set HELICONEMAGIC_HOME to another folder",
        )
    return version


def _migrate(connection: sqlite3.Connection) -> None:
    """Run the scripts that are missing, in one transaction; two processes may try at once."""
    if _read_version(connection) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in MIGRATIONS[_read_version(connection) :]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _read_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def open_readable(path: Path) -> sqlite3.Connection:
    """A connection that only reads; to empty tables in memory if nothing was ever recorded.

    Raises:
        JournalError: the file comes from a newer version.
        OSError, sqlite3.Error: it cannot be opened.
    """
    import sqlite3

    if path.exists():
        connection = _connect_reading(path)
        try:
            version = _check_version(connection, path)
            if version == len(MIGRATIONS):
                return connection
            if version > 0:
                return _read_older(connection, path)
        except BaseException:
            connection.close()
            raise
        connection.close()
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _migrate(connection)
    return connection


def _read_older(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """A connection to the tables as they stand today: of the file, brought up to date, or of a copy in memory."""
    import sqlite3

    try:
        open_writable(path).close()
    except (OSError, sqlite3.Error):  # it can only be read
        copy = sqlite3.connect(":memory:", isolation_level=None)
        connection.backup(copy)
        connection.close()
        _migrate(copy)
        return copy
    connection.close()
    return _connect_reading(path)


def _connect_reading(path: Path) -> sqlite3.Connection:
    """A reading connection that works on read-only media too, where a write-ahead log has no place."""
    import sqlite3

    def connect(options: str) -> sqlite3.Connection:
        uri = f"{path.absolute().as_uri()}?{options}"
        return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)

    connection = connect("mode=ro")
    try:
        _read_version(connection)
    except sqlite3.OperationalError as error:
        connection.close()
        if _find_code(error) not in (_READONLY, _CANTOPEN) or path.with_name(path.name + "-wal").exists():
            raise
        return connect("mode=ro&immutable=1")
    return connection


_BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _NOTADB = 5, 6, 8, 10, 11, 13, 14, 26
_REASONS = {
    _BUSY: "the journal is locked by another program",
    _LOCKED: "the journal is locked by another program",
    _READONLY: "the journal is read-only",
    _IOERR: "the disk that holds the journal reports an error",
    _CORRUPT: "the journal is damaged",
    _FULL: "the disk that holds the journal is full",
    _CANTOPEN: "the journal cannot be opened",
    _NOTADB: "the journal is damaged",
}


def is_busy(error: BaseException) -> bool:
    """Whether another program holds the file: worth another try at once."""
    return _find_code(error) in (_BUSY, _LOCKED)


def is_corrupt(error: BaseException) -> bool:
    """Whether the file is damaged, or no journal at all."""
    return _find_code(error) in (_CORRUPT, _NOTADB)


def _find_code(error: BaseException) -> int | None:
    """SQLite's primary result code of ``error`` (https://sqlite.org/rescode.html)."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def describe_failure(error: BaseException, path: Path) -> str:
    """Why the journal cannot be used, in words for the person in the notebook."""
    if isinstance(error, JournalError):
        return str(error)
    if isinstance(error, OSError):
        reason = "the disk that holds the journal is full" if error.errno == errno.ENOSPC else None
        return f"{reason or 'the journal cannot be kept in its folder'}: {path.parent} ({error.strerror or error})"
    reason = _REASONS.get(_find_code(error) or 0, "the journal cannot be used")
    return f"{reason}: {path} ({error})"
