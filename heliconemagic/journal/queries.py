"""Questions to the journal: lists of sessions, a session's steps, the reply of an identical request; forgetting.

Works on a connection that it is handed; every statement is served by an index.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING

from heliconemagic.errors import InputError
from heliconemagic.journal.columns import SESSION_COLUMNS
from heliconemagic.journal.decoding import (
    Row,
    Values,
    decode_attempt,
    decode_feedback,
    decode_message,
    decode_session,
    decode_step,
    read_rows,
)
from heliconemagic.records import CUT_REASONS, UNSENT, Feedback, SessionRecord, SessionSummary, Step
from heliconemagic.steps.feedback import LOST
from heliconemagic.wire_text import build_ascii_form

if TYPE_CHECKING:
    import sqlite3

LeaveOut = Callable[[str, Exception], None]
"""Takes note of a step, by its id, that is left out, and why."""
UNREADABLE = (ValueError, TypeError, KeyError, RecursionError)
"""What comes of rows that another program wrote, or that damage made what they are."""


def _ignore(step_id: str, error: Exception) -> None:
    """Nobody needs to know."""


_MIN_PREFIX = 4  # characters of an id

_LIST = """
    SELECT sessions.*, count(steps.session_id) AS steps,
        coalesce(sum(steps.status IN ('failed', 'interrupted')), 0) AS errors,
        coalesce(sum(steps.cost), 0.0) AS cost,
        coalesce(sum(steps.cost IS NULL AND steps.status = 'done' AND steps.kind = 'LLM'), 0) AS unpriced,
        coalesce(sum(iif(steps.origin IS NULL, steps.prompt_tokens + steps.completion_tokens, 0)), 0) AS tokens
    FROM sessions LEFT JOIN steps INDEXED BY steps_summed ON steps.session_id = sessions.id
    WHERE {where}
    GROUP BY sessions.started_at, sessions.id
    ORDER BY sessions.started_at DESC, sessions.id DESC
    LIMIT :limit
"""
_RAN_HERE = "sessions.source = ''"
_HAS_STEPS = "EXISTS (SELECT 1 FROM steps WHERE steps.session_id = sessions.id)"
_STEPS = "SELECT * FROM steps WHERE {where} ORDER BY started_at, number"
_MESSAGE_ORDER = """
    SELECT steps.number AS step, step_messages.message_number AS message
    FROM steps JOIN step_messages ON step_messages.step_number = steps.number
    WHERE {where} ORDER BY steps.number, step_messages.position
"""
_MESSAGES = """
    SELECT number, body FROM messages WHERE number IN (
        SELECT step_messages.message_number
        FROM steps JOIN step_messages ON step_messages.step_number = steps.number WHERE {where}
    )
"""
_ATTEMPTS = """
    SELECT steps.number AS step, attempts.*
    FROM steps JOIN attempts ON attempts.step_number = steps.number
    WHERE {where} ORDER BY attempts.number
"""


def list_sessions(
    connection: sqlite3.Connection,
    *,
    limit: int | None,
    name: str | None,
    notebook: str | None,
    is_resumable: bool = False,
) -> list[SessionSummary]:
    """The sessions, newest first, of this name and notebook where they are given.

    ``is_resumable`` leaves out those without steps, and those that came from elsewhere.
    """
    wanted = {"name": name, "notebook": notebook}
    where = [f"sessions.{column} = :{column}" for column, value in wanted.items() if value is not None]
    where += [_HAS_STEPS, _RAN_HERE] if is_resumable else []
    statement = _LIST.format(where=" AND ".join(where) or "true")
    rows = read_rows(connection, statement, {**wanted, "limit": -1 if limit is None else limit})
    return [_build_summary(row) for row in rows]


def _build_summary(row: Row) -> SessionSummary:
    session = decode_session(row)
    return SessionSummary(
        **{name: getattr(session, name) for name in SESSION_COLUMNS},
        **{name: row[name] for name in ("steps", "errors", "cost", "unpriced", "tokens")},
    )


def find_session(connection: sqlite3.Connection, session_id: str) -> SessionRecord | None:
    """The session with this id."""
    return _read_session(connection, "SELECT * FROM sessions WHERE id = ?", (session_id,))


def find_named(connection: sqlite3.Connection, name: str) -> SessionRecord | None:
    """The newest session of this name that has steps; one that ran here before those that came from elsewhere."""
    statement = "SELECT * FROM sessions WHERE name = ? ORDER BY {}, {}, started_at DESC, id DESC LIMIT 1"
    return _read_session(connection, statement.format(f"{_HAS_STEPS} DESC", f"{_RAN_HERE} DESC"), (name,))


def _read_session(connection: sqlite3.Connection, statement: str, values: Values) -> SessionRecord | None:
    return next((decode_session(row) for row in read_rows(connection, statement, values)), None)


def resolve_session(connection: sqlite3.Connection, reference: str) -> SessionRecord:
    """The session of this id, of the only id that begins so, or the newest of this name.

    Raises:
        InputError: there is none, or several ids begin so and no session is called so.
    """
    found = find_session(connection, reference) or find_session(connection, reference.lower())
    begun = [] if found else _find_by_prefix(connection, reference.lower())
    if len(begun) != 1:
        found = found or find_named(connection, reference) or find_named(connection, build_ascii_form(reference))
    if found is None and len(begun) > 1:
        ids = ", ".join(session.id[: len(reference) + 4] for session in begun)
        raise InputError(f"the ids of several sessions begin with {reference!r}.", hint=f"type more of it: {ids}")
    if found is None and not begun:
        raise InputError(f"no session is called {reference!r}.", hint=_suggest_name(connection, reference))
    return found or begun[0]


def _find_by_prefix(connection: sqlite3.Connection, prefix: str) -> list[SessionRecord]:
    """Some of the sessions whose ids begin with ``prefix``, if it is long enough to be meant so."""
    statement = "SELECT * FROM sessions WHERE id >= ? AND id < ? ORDER BY id LIMIT 4"
    rows = read_rows(connection, statement, (prefix, prefix + "\x7f")) if len(prefix) >= _MIN_PREFIX else ()
    return [decode_session(row) for row in rows]


def _suggest_name(connection: sqlite3.Connection, reference: str) -> str:
    rows = connection.execute("SELECT name FROM sessions GROUP BY name")
    names = {name.lower(): name for (name,) in rows}
    close = difflib.get_close_matches(reference.lower(), names, n=1)
    listing = "`%helicone_session list` shows them all"
    return f'did you mean "{names[close[0]]}"?  {listing}' if close else listing


def load_steps(connection: sqlite3.Connection, session_id: str, leave_out: LeaveOut = _ignore) -> list[Step]:
    """All steps of a session in the order they started; ``leave_out`` is told of each that cannot be read."""
    return _load(connection, "steps.session_id = ?", session_id, leave_out=leave_out)


_WHOLE = """
    SELECT number FROM steps INDEXED BY steps_by_fingerprint
    WHERE fingerprint = ? AND status = 'done' AND kind = 'LLM' AND text <> ''
        AND coalesce(finish_reason, '') NOT IN ({}) AND (origin IS NULL OR origin LIKE '%"kind":"kept"%')
    ORDER BY started_at DESC LIMIT 1
"""


def find_reply(connection: sqlite3.Connection, fingerprint: str) -> Step | None:
    """The newest step with a whole answer to the request of this fingerprint, whatever its session."""
    statement = _WHOLE.format(", ".join("?" * len(CUT_REASONS)))
    row = connection.execute(statement, (fingerprint, *CUT_REASONS)).fetchone()
    found = _load(connection, "steps.number = ?", int(row[0])) if row else []
    return next((step for step in found if step.is_whole), None)


def load_rounds(connection: sqlite3.Connection, step: Step) -> list[Step]:
    """The finished requests of the session of ``step`` that began as it did: a turn with tools has several."""
    where = "steps.fingerprint = ? AND steps.status = 'done' AND steps.session_id = ?"
    return _load(connection, where, step.fingerprint, step.session_id)


def find_step(connection: sqlite3.Connection, reference: str) -> Step | None:
    """The step that one of its requests has this id of, or that has it itself."""
    row = connection.execute(
        "SELECT step_number FROM attempts WHERE request_id = :id UNION ALL SELECT number FROM steps WHERE id = :id",
        {"id": reference},
    ).fetchone()
    found = _load(connection, "steps.number = ?", int(row[0])) if row else []
    return found[0] if found else None


def load_steps_of_others(connection: sqlite3.Connection, session_id: str, owner_id: str, since: float) -> list[Step]:
    """The steps of a session that others than ``owner_id`` have written since that time, in the order they started."""
    where = "steps.session_id = ? AND steps.owner_id IS NOT ? AND steps.flushed_at >= ?"
    return _load(connection, where, session_id, owner_id, since)


def _load(connection: sqlite3.Connection, where: str, *keys: str | float, leave_out: LeaveOut = _ignore) -> list[Step]:
    """The steps that ``where`` chooses, with messages and attempts: four statements, however many steps.

    One that cannot be read is left out, for the sake of the others.
    """

    def read(statement: str) -> Iterable[Row]:
        return read_rows(connection, statement.format(where=where), keys)

    bodies = {row["number"]: row["body"] for row in read(_MESSAGES)}
    decode = cache(lambda number: decode_message(bodies[number]))  # steps of one conversation share the values
    said = _list_said(connection.execute(_MESSAGE_ORDER.format(where=where), keys))
    attempts = _group(read(_ATTEMPTS))
    steps = []
    for row in read(_STEPS):
        try:
            messages = tuple(map(decode, said[row["number"]]))
            steps.append(decode_step(row, messages, tuple(map(decode_attempt, attempts[row["number"]]))))
        except UNREADABLE as error:
            leave_out(str(row["id"]), error)
    return steps


def _list_said(rows: Iterable[tuple[int, int]]) -> dict[int, array[int]]:
    """The numbers of each step's messages: a long conversation has very many, for each step has those before it."""
    found: dict[int, array[int]] = defaultdict(lambda: array("q"))
    for step, message in rows:
        found[step].append(message)
    return found


def _group(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """The rows of each step, by its number."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["step"]].append(row)
    return found


_FORGET = (
    "DELETE FROM step_messages WHERE step_number IN (SELECT number FROM steps WHERE session_id = :session)",
    "DELETE FROM attempts WHERE step_number IN (SELECT number FROM steps WHERE session_id = :session)",
    "DELETE FROM feedback WHERE session_id = :session",
    "DELETE FROM steps WHERE session_id = :session",
    "DELETE FROM sessions WHERE id = :session",
)
_USED_MESSAGES = """
    SELECT DISTINCT message_number FROM step_messages
    WHERE step_number IN (SELECT number FROM steps WHERE session_id = :session)
"""
_FORGET_MESSAGE = """
    DELETE FROM messages WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM step_messages WHERE message_number = ?1)
"""


_FORGET_LINKS = """
    DELETE FROM message_attachments
    WHERE message_number = ?1 AND NOT EXISTS (SELECT 1 FROM messages WHERE number = ?1)
"""
_FORGET_ATTACHMENTS = """
    DELETE FROM attachments
    WHERE NOT EXISTS (SELECT 1 FROM message_attachments WHERE attachment_number = attachments.number)
"""


def find_recorded(connection: sqlite3.Connection, hashes: Iterable[str]) -> set[str]:
    """Those of ``hashes`` that there are bytes of."""
    statement = "SELECT 1 FROM attachments WHERE hash = ?"
    return {sha256 for sha256 in hashes if connection.execute(statement, (bytes.fromhex(sha256),)).fetchone()}


def find_attachment(connection: sqlite3.Connection, sha256: str) -> bytes | None:
    """The bytes with this hash; None where what is stored under it is something else by now."""
    digest = bytes.fromhex(sha256)
    row = connection.execute("SELECT CAST(body AS BLOB) FROM attachments WHERE hash = ?", (digest,)).fetchone()
    return row[0] if row and hashlib.sha256(row[0]).digest() == digest else None


def forget(connection: sqlite3.Connection, session_id: str) -> list[str]:
    """Delete a session with its steps, attempts, and the messages and attachments that no other step uses.

    Returns the ids of its steps. Their text is gone from the file; the log may still have it.
    """
    session = {"session": session_id}
    connection.execute("BEGIN IMMEDIATE")
    steps = connection.execute("SELECT id FROM steps WHERE session_id = :session", session).fetchall()
    messages = connection.execute(_USED_MESSAGES, session).fetchall()
    for statement in _FORGET:
        connection.execute(statement, session)
    connection.executemany(_FORGET_MESSAGE, messages)
    connection.executemany(_FORGET_LINKS, messages)
    connection.execute(_FORGET_ATTACHMENTS)
    connection.execute("COMMIT")
    return [step_id for (step_id,) in steps]


def load_feedback(connection: sqlite3.Connection, session_id: str) -> list[Feedback]:
    """What was thought of a session and its steps, oldest first."""
    statement = "SELECT * FROM feedback WHERE session_id = ? ORDER BY given_at, number"
    return [decode_feedback(row) for row in read_rows(connection, statement, (session_id,))]


def list_pending_owners(connection: sqlite3.Connection) -> list[str]:
    """The owners that have steps under way."""
    rows = connection.execute("SELECT DISTINCT owner_id FROM steps WHERE status = 'pending'")
    return [owner_id for (owner_id,) in rows]


_WAITS = "instr(delivery, '\"waiting\"') > 0"  # as the indexes say


def list_waiting_owners(connection: sqlite3.Connection) -> list[str]:
    """The owners of whom something is on its way to Helicone: steps, or what was thought of them."""
    rows = connection.execute(
        f"SELECT owner_id FROM steps WHERE {_WAITS} UNION SELECT owner_id FROM feedback WHERE {_WAITS}"  # noqa: S608
    )
    return [owner_id for (owner_id,) in rows]


def refuse_deliveries(connection: sqlite3.Connection, owner_id: str) -> None:
    """Say of what a dead owner was sending to Helicone that it didn't arrive."""
    for table, reason in (("steps", UNSENT), ("feedback", LOST)):
        delivery = json.dumps({"state": "refused", "reason": reason, "helicone_id": ""})
        statement = f"UPDATE {table} SET delivery = ? WHERE owner_id = ? AND {_WAITS}"  # noqa: S608 - constants
        connection.execute(statement, (delivery, owner_id))


def interrupt_steps(connection: sqlite3.Connection, owner_id: str) -> None:
    """Say of a dead owner's unfinished steps that they ended when they were last heard of."""
    connection.execute(
        "UPDATE steps SET status = 'interrupted', ended_at = flushed_at WHERE owner_id = ? AND status = 'pending'",
        (owner_id,),
    )
