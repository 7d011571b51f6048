"""A session as a table with a row for each step: the columns, and the table as CSV. Pure.

A spreadsheet runs cells that begin like a formula, so texts that do get an apostrophe before them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from heliconemagic.attachments.attachment import drop_thumbnails
from heliconemagic.export.session import ExportedSession
from heliconemagic.export.signature import BLANK, seal
from heliconemagic.records import Feedback, Step, read_content_text
from heliconemagic.render.terminal import drop_controls
from heliconemagic.steps.feedback import RATING
from heliconemagic.steps.traced import describe_input, is_traced
from heliconemagic.steps.turns import split_system

Kind = Literal["text", "whole", "number", "flag", "moment"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its name, what it holds, and how it is read of a step. None: nothing is known."""

    name: str
    kind: Kind
    help: str
    read: Callable[[ExportedSession, Step], Any]


def _write_json(value: Any) -> str | None:
    return json.dumps(value, ensure_ascii=False, default=str) if value else None


def _read_moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _read_parent(session: ExportedSession, step: Step) -> int | None:
    return session.numbers.get(step.parent_id or "")


def _read_system(session: ExportedSession, step: Step) -> str | None:
    texts = [read_content_text(message.get("content")) for message in split_system(step.messages)[0]]
    return "\n\n".join(texts) or None


def _read_prompt(session: ExportedSession, step: Step) -> str | None:
    return step.prompt or None


def _read_input(session: ExportedSession, step: Step) -> str | None:
    return describe_input(step) if is_traced(step) else None


def _read_tokens(name: str) -> Callable[[ExportedSession, Step], int | None]:
    """What was paid for, so that the column's sum is the session's: an answer that stood in was counted before."""

    def read(session: ExportedSession, step: Step) -> int | None:
        return None if step.usage is None or step.origin is not None else getattr(step.usage, name)

    return read


def _read_attachments(session: ExportedSession, step: Step) -> str | None:
    parts = [part for message in drop_thumbnails(step.turn) for part in _list_parts(message.get("content"))]
    return _write_json([part for part in parts if part.get("type") != "text"])


def _list_parts(content: Any) -> list[dict[str, Any]]:
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _read_thumb(session: ExportedSession, step: Step) -> bool | None:
    given = [each.value for each in session.list_feedback(step.id) if each.name == RATING and each.value is not None]
    return bool(given[-1]) if given else None


def _read_scores(session: ExportedSession, step: Step) -> str | None:
    return _write_json(list_scores(session.list_feedback(step.id)))


def list_scores(feedback: Sequence[Feedback]) -> dict[str, bool | int]:
    """The newest score of each name."""
    return {each.name: each.value for each in feedback if each.value is not None and each.name != RATING}


def _read_origin(session: ExportedSession, step: Step) -> str | None:
    return step.origin.kind.value if step.origin else None


def _read_notes(session: ExportedSession, step: Step) -> str | None:
    return "\n".join(each.note for each in session.list_feedback(step.id) if each.note) or None


def _read_calls(session: ExportedSession, step: Step) -> str | None:
    return _write_json([{"name": call.name, "arguments": call.arguments} for call in step.tool_calls])


def _column(name: str, kind: Kind, help_: str, read: Callable[[ExportedSession, Step], Any]) -> Column:
    return Column(name=name, kind=kind, help=help_, read=read)


COLUMNS: tuple[Column, ...] = (
    _column("number", "whole", "from 1, in the order in which the steps began", lambda s, x: s.numbers[x.id]),
    _column("path", "text", "where it stands", lambda s, x: x.path),
    _column("kind", "text", "LLM, Tool, VectorDB or Data", lambda s, x: x.kind.value),
    _column("status", "text", "done, failed, interrupted or pending", lambda s, x: x.status.value),
    _column("is_superseded", "flag", "its cell ran again", lambda s, x: x.is_superseded),
    _column("parent", "whole", "the number of the step that it continues, or was called by", _read_parent),
    _column("model", "text", "as asked for", lambda s, x: x.model),
    _column("answered_by", "text", "the model that the answer names", lambda s, x: x.answered_by),
    _column("gateway", "text", "where it was sent", lambda s, x: x.gateway),
    _column("started_at", "moment", "in UTC", lambda s, x: _read_moment(x.started_at)),
    _column("seconds", "number", "from its start to its end", lambda s, x: x.latency),
    _column("first_token_seconds", "number", "from its start to the first token", lambda s, x: x.time_to_first_token),
    _column("prompt_tokens", "whole", "as counted; empty: no model was asked", _read_tokens("prompt_tokens")),
    _column("completion_tokens", "whole", "the same", _read_tokens("completion_tokens")),
    _column("cached_tokens", "whole", "part of the prompt's", _read_tokens("cached_tokens")),
    _column("reasoning_tokens", "whole", "part of the completion's", _read_tokens("reasoning_tokens")),
    _column("cost_usd", "number", "estimated; empty: unpriced", lambda s, x: x.cost),
    _column("origin", "text", "kept, replayed or fallback: no model was asked", _read_origin),
    _column("finish_reason", "text", "why the answer ended", lambda s, x: x.finish_reason),
    _column("attempts", "whole", "HTTP exchanges, retries included", lambda s, x: len(x.attempts)),
    _column("error", "text", "what went wrong", lambda s, x: x.error),
    _column("thumb", "flag", "up or down; empty: nobody said", _read_thumb),
    _column("scores", "text", "JSON: the newest of each name", _read_scores),
    _column("notes", "text", "what somebody wrote of it", _read_notes),
    _column("user", "text", "whom it is counted for", lambda s, x: x.user),
    _column("properties", "text", "JSON: Helicone's properties", lambda s, x: _write_json(dict(x.properties))),
    _column("parameters", "text", "JSON: of the request", lambda s, x: _write_json(dict(x.parameters))),
    _column("system", "text", "the instructions", _read_system),
    _column("prompt", "text", "the text of the last message that is the user's", _read_prompt),
    _column("attachments", "text", "JSON: what went along, without its bytes", _read_attachments),
    _column("input", "text", "JSON: what a step that is no request was given", _read_input),
    _column("text", "text", "the answer, or the output", lambda s, x: x.text),
    _column("reasoning", "text", "what the model thought", lambda s, x: x.reasoning),
    _column("refusal", "text", "why it refused", lambda s, x: x.refusal),
    _column("tool_calls", "text", "JSON: the functions that it asked for", _read_calls),
    _column("request_url", "text", "its page at Helicone", lambda s, x: s.find_request_url(x)),
    _column("step_id", "text", "its id", lambda s, x: x.id),
    _column("session_id", "text", "the session's id", lambda s, x: s.record.id),
    _column("session_name", "text", "the session's name", lambda s, x: s.record.name),
)  # fmt: skip


def iterate_rows(session: ExportedSession) -> list[dict[str, Any]]:
    """The rows, by column; an empty text is nothing."""
    return [{column.name: _drop_empty(column.read(session, step)) for column in COLUMNS} for step in session.steps]


def _drop_empty(value: Any) -> Any:
    return None if value == "" else value


def build_csv(session: ExportedSession) -> str:
    """The table as CSV: commas, CRLF, and at its beginning the mark by which spreadsheets know UTF-8.

    Its last column is empty: its name is the place for the mark of an export.
    """
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow([*(column.name for column in COLUMNS), BLANK])
    for row in iterate_rows(session):
        writer.writerow([*(_write_cell(column.kind, row[column.name]) for column in COLUMNS), ""])
    return seal("\ufeff" + written.getvalue())


def _write_cell(kind: Kind, value: Any) -> str:
    if value is None:
        return ""
    if kind == "flag":
        return "true" if value else "false"
    if kind == "moment":
        return str(value.isoformat(timespec="milliseconds"))
    return guard_formula(drop_controls(value)) if kind == "text" else repr(value)


def guard_formula(text: str) -> str:
    """``text`` as a cell that no spreadsheet calculates.

    >>> guard_formula("=1+1"), guard_formula("1+1"), guard_formula(" @x")
    ("'=1+1", '1+1', "' @x")
    """
    return f"'{text}" if text.lstrip(" \n\ufeff").startswith(_FORMULA) else text
