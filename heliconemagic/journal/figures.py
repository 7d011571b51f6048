"""The figures of all sessions of one name: one statement, which reads no prompt and no answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from heliconemagic.journal.decoding import decode_number, decode_text, read_rows
from heliconemagic.journal.queries import UNREADABLE, LeaveOut
from heliconemagic.records import StepKind, StepStatus
from heliconemagic.statistics.figures import NO_PROPERTIES, SessionFigures, StepFigures

if TYPE_CHECKING:
    import sqlite3

_SESSIONS = """
    SELECT id, notebook, source, started_at FROM sessions WHERE name = ? ORDER BY started_at, id
"""
_STEPS = """
    SELECT steps.id, steps.session_id, path, kind, status, model, user, properties, steps.started_at, steps.ended_at,
        cost, prompt_tokens + completion_tokens, origin IS NOT NULL
    FROM sessions JOIN steps ON steps.session_id = sessions.id
    WHERE sessions.name = ? ORDER BY sessions.started_at, sessions.id, steps.started_at
"""


def load_figures(
    connection: sqlite3.Connection, name: str, leave_out: LeaveOut
) -> tuple[list[SessionFigures], list[StepFigures]]:
    """The sessions of this name, oldest first, and their steps in that order.

    ``leave_out`` is told of each step that cannot be read.

    Raises:
        ValueError: another program wrote a session's row, or damage made it what it is.
    """
    sessions = [
        SessionFigures(
            id=str(decode_text(row["id"])),
            notebook=decode_text(row["notebook"]) or "",
            source=decode_text(row["source"]) or "",
            started_at=decode_number(row["started_at"], "started_at"),
        )
        for row in read_rows(connection, _SESSIONS, (name,))
    ]
    return sessions, list(_iterate_steps(connection, name, leave_out))


def _iterate_steps(connection: sqlite3.Connection, name: str, leave_out: LeaveOut) -> Iterator[StepFigures]:
    read_properties = cache(_decode_properties)  # those of a session are mostly the same
    for step_id, *row in connection.execute(_STEPS, (name,)):
        try:
            yield _decode_step(row, read_properties)
        except UNREADABLE as error:
            leave_out(str(step_id), error)


def _decode_step(row: Sequence[Any], read_properties: Callable[[Any], Mapping[str, str]]) -> StepFigures:
    session_id, path, kind, status, model, user, properties, started_at, ended_at, cost, tokens, is_stand_in = row
    return StepFigures(
        session_id=session_id,
        path=str(decode_text(path)),
        started_at=decode_number(started_at, "started_at"),
        ended_at=decode_number(ended_at, "ended_at"),
        kind=StepKind(kind),
        status=StepStatus(status),
        model=str(decode_text(model)),
        user=decode_text(user) or "",
        properties=read_properties(properties),
        tokens=0 if is_stand_in else decode_number(tokens, "prompt_tokens") or 0,
        cost=decode_number(cost, "cost"),
        is_stand_in=bool(is_stand_in),
    )


def _decode_properties(text: Any) -> Mapping[str, str]:
    if text is None:
        return NO_PROPERTIES
    found = json.loads(decode_text(text) or "{}")
    if not isinstance(found, dict):
        raise ValueError(f"{text!r} stands where properties should")
    return {str(name): str(value) for name, value in found.items()}
