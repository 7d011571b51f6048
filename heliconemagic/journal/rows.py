"""Records as rows: how a session, a step, an attempt and feedback are written; `decoding` reads them back.

Works on a connection that it is handed, inside the caller's transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from heliconemagic.attachments.attachment import list_attachments
from heliconemagic.journal.columns import (
    ATTEMPT_COLUMNS,
    FEEDBACK_COLUMNS,
    SESSION_COLUMNS,
    STEP_COLUMNS,
    USAGE_COLUMNS,
)
from heliconemagic.records import Attempt, Delivery, Feedback, Message, SessionRecord, Step

if TYPE_CHECKING:
    import sqlite3


def _build_upsert(
    table: str,
    key: str,
    columns: tuple[str, ...],
    special: Mapping[str, str] | None = None,
    *,
    owner: str | None = None,
) -> str:
    """An INSERT that updates the row of the same ``key``, or leaves it where it has another ``owner``.

    ``special`` says how some columns merge.
    """
    updates = {column: f"excluded.{column}" for column in columns if column != key} | dict(special or {})
    changes = ", ".join(f"{column} = {value}" for column, value in updates.items())
    values = ", ".join(f":{column}" for column in columns)
    insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 (every name is a constant)
    update = f"ON CONFLICT ({key}) DO UPDATE SET {changes}"
    return f"{insert} {update}" + (f" WHERE {table}.{owner} = excluded.{owner}" if owner else "")


_PUT_SESSION = _build_upsert("sessions", "id", SESSION_COLUMNS)
_PUT_STEP = _build_upsert(
    "steps",
    "id",
    (
        *(*STEP_COLUMNS, *USAGE_COLUMNS, "kind", "status", "is_superseded", "is_aside", "is_picked"),
        *("parameters", "properties", "delivery", "tool_calls", "origin", "owner_id", "flushed_at"),
    ),
    {"is_superseded": "max(is_superseded, excluded.is_superseded)"},  # a step never comes back
)
_PUT_FEEDBACK = _build_upsert("feedback", "id", (*FEEDBACK_COLUMNS, "value", "is_flag", "delivery", "owner_id"))
_PUT_ATTEMPT = _build_upsert(
    "attempts",
    "request_id",
    (*ATTEMPT_COLUMNS, "headers", "step_number"),
    # An exchange only learns: an older state that comes late takes nothing away.
    {column: f"coalesce(excluded.{column}, {column})" for column in (*ATTEMPT_COLUMNS[1:], "headers")},
    owner="step_number",  # it stays with its step, and as it is, whatever a row from elsewhere says
)

_FIND_NUMBER_AND_COUNT = (
    "SELECT number, (SELECT count(*) FROM step_messages WHERE step_number = number) FROM steps WHERE id = ?"
)


def write_session(connection: sqlite3.Connection, session: SessionRecord) -> None:
    """Insert or update a session."""
    connection.execute(_PUT_SESSION, {name: _encode(getattr(session, name)) for name in SESSION_COLUMNS})


def has_session(connection: sqlite3.Connection, session_id: str) -> bool:
    """Whether the session is there."""
    return connection.execute("SELECT 1 FROM sessions WHERE id = ?", (session_id,)).fetchone() is not None


def write_step(
    connection: sqlite3.Connection,
    step: Step,
    *,
    owner_id: str,
    now: float,
    attachments: Mapping[str, bytes] | None = None,
) -> None:
    """Insert or update a step with its messages and attempts, as written by ``owner_id`` at ``now``.

    ``attachments`` are the bytes, by their hashes, that its messages refer to.
    """
    row = {name: _encode(getattr(step, name)) for name in STEP_COLUMNS}
    row |= {name: getattr(step.usage, name, None) for name in USAGE_COLUMNS}
    row |= {"kind": step.kind.value, "status": step.status.value, "is_superseded": step.is_superseded}
    row["is_aside"] = step.is_aside
    row["is_picked"] = step.is_picked
    row |= {"parameters": _encode_json(step.parameters), "owner_id": owner_id, "flushed_at": now}
    row["tool_calls"] = _encode_json([(call.id, call.name, call.arguments) for call in step.tool_calls])
    row["origin"] = _encode_json(asdict(step.origin)) if step.origin else None
    row |= {"properties": _encode_json(step.properties), "delivery": _encode_delivery(step.delivery)}
    connection.execute(_PUT_STEP, row)
    number, count = connection.execute(_FIND_NUMBER_AND_COUNT, (step.id,)).fetchone()
    if count != len(step.messages):  # written once: they never change
        _write_messages(connection, number, step.messages, attachments or {})
    for attempt in step.attempts:
        _put_attempt(connection, number, attempt)


def _find_number(connection: sqlite3.Connection, step_id: str) -> int | None:
    row = connection.execute("SELECT number FROM steps WHERE id = ?", (step_id,)).fetchone()
    return row and int(row[0])


def _write_messages(
    connection: sqlite3.Connection, step_number: int, messages: tuple[Message, ...], attachments: Mapping[str, bytes]
) -> None:
    """Store each body once, by its hash, and their order in this step."""
    bodies = [_encode_message(message) for message in messages]
    connection.executemany("INSERT OR IGNORE INTO messages (hash, body) VALUES (?, ?)", bodies)
    connection.executemany(
        "INSERT OR REPLACE INTO step_messages (step_number, position, message_number)"
        " SELECT ?, ?, number FROM messages WHERE hash = ?",
        [(step_number, position, digest) for position, (digest, _) in enumerate(bodies)],
    )
    for message, (digest, _) in zip(messages, bodies, strict=True):
        for attachment in list_attachments(message):
            _write_attachment(connection, digest, attachment.sha256, attachments)


def _write_attachment(
    connection: sqlite3.Connection, message_hash: bytes, sha256: str, attachments: Mapping[str, bytes]
) -> None:
    """Store the bytes once, by their hash, and that this message needs them."""
    digest = bytes.fromhex(sha256)
    if sha256 in attachments:
        # Looked for first: a conflict would be found only once the megabytes were handed over.
        known = connection.execute("SELECT 1 FROM attachments WHERE hash = ?", (digest,)).fetchone()
        if known is None:
            connection.execute("INSERT INTO attachments (hash, body) VALUES (?, ?)", (digest, attachments[sha256]))
    connection.execute(
        "INSERT OR IGNORE INTO message_attachments"
        " SELECT messages.number, attachments.number FROM messages, attachments"
        " WHERE messages.hash = ? AND attachments.hash = ?",
        (message_hash, digest),
    )


def _encode_message(message: Message) -> tuple[bytes, str | bytes]:
    """The hash of a message's canonical JSON, and its JSON with the keys in the order given."""
    return hashlib.sha256(_CANONICAL.encode(message).encode()).digest(), _encode_text(_JSON.encode(message))


def write_text(
    connection: sqlite3.Connection,
    step_id: str,
    text: str,
    reasoning: str,
    *,
    first_token_at: float | None,
    now: float,
) -> None:
    """The text so far of a step that still runs, and when it began; a finished one keeps what it has."""
    connection.execute(
        "UPDATE steps SET text = ?, reasoning = ?, first_token_at = coalesce(?, first_token_at), flushed_at = ?"
        " WHERE id = ? AND status = 'pending'",
        (_encode(text), _encode(reasoning), first_token_at, now, step_id),
    )


def write_attempt(connection: sqlite3.Connection, step_id: str, attempt: Attempt) -> None:
    """Insert or update an attempt; without its step's row it is left out."""
    number = _find_number(connection, step_id)
    if number is not None:
        _put_attempt(connection, number, attempt)


def _put_attempt(connection: sqlite3.Connection, step_number: int, attempt: Attempt) -> None:
    row = {name: _encode(getattr(attempt, name)) for name in ATTEMPT_COLUMNS}
    connection.execute(_PUT_ATTEMPT, row | {"headers": _encode_json(attempt.headers), "step_number": step_number})


def write_superseded(connection: sqlite3.Connection, step_id: str) -> None:
    """Mark a step whose cell ran again."""
    connection.execute("UPDATE steps SET is_superseded = 1 WHERE id = ?", (step_id,))


def write_picked(connection: sqlite3.Connection, step_id: str, comparison: str) -> None:
    """Mark a step, and no other of its comparison, as the one that was chosen."""
    connection.execute(
        "UPDATE steps SET is_picked = (id = ?) WHERE comparison = ? AND comparison != ''", (step_id, comparison)
    )


def write_delivery(connection: sqlite3.Connection, step_id: str, delivery: Delivery) -> None:
    """How far a step is on its way to Helicone."""
    connection.execute("UPDATE steps SET delivery = ? WHERE id = ?", (_encode_delivery(delivery), step_id))


def write_feedback(connection: sqlite3.Connection, feedback: Feedback, *, owner_id: str) -> None:
    """Insert or update what somebody thought, as written by ``owner_id``.

    Raises:
        ValueError: another program forgot its session.
    """
    if not has_session(connection, feedback.session_id):
        raise ValueError(f"feedback on a session that another program has forgotten ({feedback.session_id})")
    row = {name: _encode(getattr(feedback, name)) for name in FEEDBACK_COLUMNS}
    row |= {"value": feedback.value, "is_flag": isinstance(feedback.value, bool), "owner_id": owner_id}
    connection.execute(_PUT_FEEDBACK, row | {"delivery": _encode_delivery(feedback.delivery)})


def _encode(value: object) -> object:
    return _encode_text(str(value)) if isinstance(value, str) else value


def _encode_text(text: str) -> str | bytes:
    """``text``, as bytes where it has half a surrogate pair (cut emoji), which SQLite's text cannot hold."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def _encode_delivery(delivery: Delivery | None) -> str | bytes | None:
    return _encode_json(asdict(delivery)) if delivery else None


def _encode_json(value: Any) -> str | bytes | None:
    """``value`` as JSON; None where it is empty, as it mostly is."""
    return _encode_text(_JSON.encode(value)) if value else None


def _build_plain(value: object) -> object:
    """What JSON has no word for: mappings of other types as objects, everything else as its text."""
    return dict(value) if isinstance(value, Mapping) else str(value)


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_build_plain)
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_build_plain)
