"""Rows as records: how a session, a step, an attempt and feedback are read.

Another program may have written a row, or damage made it what it is: each value is checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from heliconemagic.journal.columns import (
    ATTEMPT_COLUMNS,
    FEEDBACK_COLUMNS,
    SESSION_COLUMNS,
    STEP_COLUMNS,
    USAGE_COLUMNS,
)
from heliconemagic.records import (
    Attempt,
    Delivery,
    DeliveryState,
    Feedback,
    Message,
    Origin,
    OriginKind,
    SessionRecord,
    Step,
    StepKind,
    StepStatus,
    ToolCall,
)
from heliconemagic.usage import Usage

if TYPE_CHECKING:
    import sqlite3

Row = Mapping[str, Any]
"""A row of a table by the names of its columns."""

Values = tuple[Any, ...] | dict[str, Any]
"""What fills the places of a statement."""

_TIMES = ("started_at", "first_byte_at", "first_token_at", "ended_at", "given_at")
_COUNTS = (
    "run",
    "variant",
    "cost",
    "status_code",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
)
_MOST = {**dict.fromkeys(_TIMES, 1e11), **dict.fromkeys(_COUNTS, 1e15)}
"""The columns that hold numbers, and the largest that can be shown: SQLite puts anything anywhere."""


def read_rows(connection: sqlite3.Connection, statement: str, values: Values = ()) -> Iterator[Row]:
    """The rows that ``statement`` gives (``sqlite3.Row`` looks each name up in all columns, slowly)."""
    cursor = connection.execute(statement, values)
    names = [column[0] for column in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)


def decode_session(row: Row) -> SessionRecord:
    """The session in a row of `SESSION_COLUMNS`.

    Raises:
        ValueError: another program wrote it, or damage made it what it is; so do all that follow.
    """
    return SessionRecord(**_decode_columns(row, SESSION_COLUMNS))


def decode_step(row: Row, messages: tuple[Message, ...], attempts: tuple[Attempt, ...]) -> Step:
    """The step in a row of ``steps``, with what other tables hold of it."""
    usage = _decode_columns(row, USAGE_COLUMNS)
    return Step(
        **_decode_columns(row, STEP_COLUMNS),
        kind=StepKind(row["kind"]),
        status=StepStatus(row["status"]),
        is_superseded=bool(row["is_superseded"]),
        is_aside=bool(row["is_aside"]),
        is_picked=bool(row["is_picked"]),
        parameters=_decode_json(row["parameters"], dict) or {},
        properties=_decode_json(row["properties"], dict) or {},
        delivery=_decode_delivery(_decode_json(row["delivery"], dict)),
        tool_calls=tuple(map(_decode_call, _decode_json(row["tool_calls"], list) or ())),
        origin=_decode_origin(_decode_json(row["origin"], dict)),
        usage=None if usage["prompt_tokens"] is None else Usage(**usage),
        messages=messages,
        attempts=attempts,
    )


def decode_feedback(row: Row) -> Feedback:
    """What somebody thought, in a row of ``feedback``."""
    value = row["value"]
    if not (value is None or isinstance(value, int)):
        raise ValueError(f"{value!r} is no score")
    return Feedback(
        **_decode_columns(row, FEEDBACK_COLUMNS),
        value=bool(value) if value is not None and row["is_flag"] else value,
        delivery=_decode_delivery(_decode_json(row["delivery"], dict)),
    )


def decode_attempt(row: Row) -> Attempt:
    """The attempt in a row of ``attempts``."""
    return Attempt(**_decode_columns(row, ATTEMPT_COLUMNS), headers=_decode_json(row["headers"], dict) or {})


def decode_message(body: str | bytes) -> Message:
    """The message with this stored body."""
    message: Message = _decode_json(body, dict)
    return message


def _decode(value: Any) -> Any:
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


def _decode_columns(row: Row, names: Iterable[str]) -> dict[str, Any]:
    return {name: decode_number(row[name], name) if name in _MOST else decode_text(row[name]) for name in names}


def decode_text(value: Any) -> str | None:
    """The text in a column.

    Raises:
        ValueError: it holds something else.
    """
    text = _decode(value)
    if text is not None and not isinstance(text, str):
        raise ValueError(f"{text!r} stands where a text should")
    return text


def decode_number(value: Any, name: str) -> Any:
    """The number in the column ``name``.

    Raises:
        ValueError: it holds something else, or more than can be meant.
    """
    if value is not None and not (isinstance(value, int | float) and 0 <= value <= _MOST[name]):
        raise ValueError(f"{value!r} is no {name}")
    return value


def _decode_call(call: Any) -> ToolCall:
    if not isinstance(call, list) or [str, str, str] != list(map(type, call)):
        raise ValueError(f"{call!r} is no tool call")
    return ToolCall(id=call[0], name=call[1], arguments=call[2])


def _decode_origin(values: Mapping[str, Any] | None) -> Origin | None:
    if values is None:
        return None
    return Origin(
        kind=OriginKind(str(values.get("kind"))),
        answered_at=decode_number(values.get("answered_at") or 0.0, "started_at"),
        source=decode_text(values.get("source")) or "",
        reason=decode_text(values.get("reason")) or "",
    )


def _decode_delivery(values: Mapping[str, Any] | None) -> Delivery | None:
    if values is None:
        return None
    return Delivery(
        state=DeliveryState(str(values.get("state"))),
        reason=decode_text(values.get("reason")) or "",
        helicone_id=decode_text(values.get("helicone_id")) or "",
    )


def _decode_json(value: str | bytes | None, kind: type) -> Any:
    if value is None:
        return None
    decoded = json.loads(_decode(value))
    if not isinstance(decoded, kind):
        raise ValueError(f"{decoded!r} stands where a {kind.__name__} should")
    return decoded
