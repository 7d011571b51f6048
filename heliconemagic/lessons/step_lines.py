"""What a lesson's line lacks of a step, and feedback, as JSON and back. Pure; nothing that is read is trusted."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from heliconemagic.lessons.lesson import Recording
from heliconemagic.lessons.line_values import (
    LATEST,
    MOST_COUNT,
    LineError,
    check_id,
    check_value,
    need_id,
    need_number,
    need_value,
    need_word,
    read_flag,
    read_id,
    read_number,
    read_value,
)
from heliconemagic.records import (
    Attempt,
    Delivery,
    DeliveryState,
    Feedback,
    Origin,
    OriginKind,
    SessionRecord,
    Step,
    StepKind,
    StepStatus,
)

_PLAIN = ("gateway", "input", "user", "cell", "comparison")
_FLAGS = ("is_superseded", "is_aside", "is_picked")
_SESSION = uuid.UUID("1d8a6c0e-5f3b-5e0a-8f57-7f2b9c4e6a13")

Value = TypeVar("Value")


def _drop_empty(line: Mapping[str, Any]) -> dict[str, Any]:
    """Without what isn't there; a 0 is there."""
    return {
        name: value for name, value in line.items() if not (value is None or value is False or value in ("", [], {}))
    }


# ---- the session


def encode_session(record: SessionRecord) -> dict[str, Any]:
    """What a lesson's first line keeps to itself: whose session it is."""
    names = ("id", "name", "title", "gateway", "notebook", "source", "started_at", "ended_at")
    return _drop_empty({name: getattr(record, name) for name in names})


def decode_session(line: Mapping[str, Any]) -> SessionRecord:
    """The session, checked.

    Raises:
        LineError: something about it cannot be meant.
    """
    name = read_value(line, "name", str) or ""  # of other programs' sessions, like their ids, any text or none
    return SessionRecord(
        id=_read_session_id(need_value(line, "id", str)),
        name=name,
        title=read_value(line, "title", str) or name,
        gateway=read_value(line, "gateway", str) or "",
        notebook=read_value(line, "notebook", str) or "",
        source=read_value(line, "source", str) or "",
        started_at=need_number(line, "started_at", LATEST),
        ended_at=read_number(line, "ended_at", LATEST),
    )


def _read_session_id(text: str) -> str:
    """The id, or one of the same length for every text that looks like none."""
    try:
        return check_id(text, "id")
    except LineError:
        return str(uuid.uuid5(_SESSION, text))


# ---- steps


def encode_step(step: Step) -> dict[str, Any]:
    """What a lesson's line of ``step`` doesn't have."""
    return _drop_empty(
        {
            "id": step.id,
            "kind": step.kind.value,
            "status": step.status.value,
            "parent_id": step.parent_id,
            "run": step.run,
            "variant": step.variant,
            "properties": dict(step.properties),
            "started_at": step.started_at,
            "first_token_at": step.first_token_at,
            "ended_at": step.ended_at,
            "attempts": [_encode_attempt(attempt) for attempt in step.attempts],
            "origin": _encode_origin(step.origin),
            "delivery": _encode_delivery(step.delivery),
            "error": step.error,
            **{name: getattr(step, name) for name in (*_PLAIN, *_FLAGS)},
        }
    )


def build_played_step(recording: Recording, **more: Any) -> Step:
    """A step with what a lesson's line says of it, and ``more``."""
    shared = ("path", "model", "messages", "parameters", "text", "reasoning", "refusal", "tool_calls", "finish_reason",
              "answered_by", "usage", "cost")  # fmt: skip
    return Step(**{name: getattr(recording, name) for name in shared}, **more)


def decode_step(line: Mapping[str, Any], recording: Recording, session_id: str) -> Step:
    """A step with what its line and the recording in it say.

    Its fingerprint stays empty: a file never answers the requests of others.

    Raises:
        LineError: something about it cannot be meant.
    """
    texts: dict[str, Any] = {name: read_value(line, name, str) or "" for name in _PLAIN}
    flags: dict[str, Any] = {name: read_flag(line, name) for name in _FLAGS}
    return build_played_step(
        recording,
        id=need_id(line, "id"),
        session_id=session_id,
        kind=need_word(line, "kind", StepKind),
        status=need_word(line, "status", StepStatus),
        properties=_decode_texts(read_value(line, "properties", dict) or {}, "properties"),
        parent_id=read_id(line, "parent_id"),
        run=int(read_number(line, "run", MOST_COUNT * 1000) or 0),
        variant=int(read_number(line, "variant", MOST_COUNT) or 0),
        started_at=need_number(line, "started_at", LATEST),
        first_token_at=read_number(line, "first_token_at", LATEST),
        ended_at=read_number(line, "ended_at", LATEST),
        attempts=tuple(map(_decode_attempt, read_value(line, "attempts", list) or ())),
        origin=_decode_part(line, "origin", _decode_origin),
        delivery=_decode_part(line, "delivery", _decode_delivery),
        error=read_value(line, "error", str),
        **texts,
        **flags,
    )


def _decode_texts(values: Mapping[str, Any], name: str) -> dict[str, str]:
    return {str(key): check_value(value, str, f"one of {name!r}") for key, value in values.items()}


def _decode_part(line: Mapping[str, Any], name: str, decode: Callable[[Mapping[str, Any]], Value]) -> Value | None:
    part = read_value(line, name, dict)
    return None if part is None else decode(part)


def _encode_attempt(attempt: Attempt) -> dict[str, Any]:
    names = ("request_id", "started_at", "first_byte_at", "ended_at", "status_code", "helicone_id", "error")
    return _drop_empty({**{name: getattr(attempt, name) for name in names}, "headers": dict(attempt.headers)})


def _decode_attempt(value: object) -> Attempt:
    line = check_value(value, dict, "an attempt")
    status = read_number(line, "status_code", 999)
    return Attempt(
        request_id=need_id(line, "request_id"),
        started_at=need_number(line, "started_at", LATEST),
        first_byte_at=read_number(line, "first_byte_at", LATEST),
        ended_at=read_number(line, "ended_at", LATEST),
        status_code=None if status is None else int(status),
        helicone_id=read_value(line, "helicone_id", str),
        headers=_decode_texts(read_value(line, "headers", dict) or {}, "headers"),
        error=read_value(line, "error", str),
    )


def _encode_origin(origin: Origin | None) -> dict[str, Any] | None:
    if origin is None:
        return None
    return {"kind": origin.kind.value, "at": origin.answered_at, "source": origin.source, "reason": origin.reason}


def _decode_origin(line: Mapping[str, Any]) -> Origin:
    return Origin(
        kind=need_word(line, "kind", OriginKind),
        answered_at=need_number(line, "at", LATEST),
        source=read_value(line, "source", str) or "",
        reason=read_value(line, "reason", str) or "",
    )


def _encode_delivery(delivery: Delivery | None) -> dict[str, Any] | None:
    if delivery is None:
        return None
    return {"state": delivery.state.value, "reason": delivery.reason, "helicone_id": delivery.helicone_id}


def _decode_delivery(line: Mapping[str, Any]) -> Delivery:
    return Delivery(
        state=need_word(line, "state", DeliveryState),
        reason=read_value(line, "reason", str) or "",
        helicone_id=read_value(line, "helicone_id", str) or "",
    )


# ---- feedback


def encode_feedback(feedback: Feedback) -> dict[str, Any]:
    """What somebody thought."""
    line = {
        "id": feedback.id,
        "step": feedback.step_id,
        "name": feedback.name,
        "note": feedback.note,
        "given_at": feedback.given_at,
        "delivery": _encode_delivery(feedback.delivery),
    }
    return {**_drop_empty(line), "value": feedback.value}


def decode_feedback(line: Mapping[str, Any], session_id: str) -> Feedback:
    """The same, checked.

    Raises:
        LineError: something about it cannot be meant.
    """
    return Feedback(
        id=need_id(line, "id"),
        session_id=session_id,
        step_id=read_id(line, "step"),
        name=_need_name(line),
        value=_decode_verdict(line),
        note=read_value(line, "note", str) or "",
        given_at=need_number(line, "given_at", LATEST),
        delivery=_decode_part(line, "delivery", _decode_delivery),
    )


def _need_name(line: Mapping[str, Any]) -> str:
    """What is shown as it stands: Helicone's scores may have blanks in their names, which `rate` takes from nobody."""
    name: str = need_value(line, "name", str)
    if not (name.isprintable() and name.strip()):
        raise LineError("has a name that no score can have")
    return name


def _decode_verdict(line: Mapping[str, Any]) -> bool | int | None:
    value = line.get("value")
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, int) or abs(value) > MOST_COUNT:
        raise LineError("has a 'value' that is neither a thumb nor a whole number")
    return value
