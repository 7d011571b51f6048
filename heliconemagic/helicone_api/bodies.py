"""Stored bodies: the request and the answer of an exchange, of whatever provider, as the parts of a step.

Helicone stores what was sent and what came back as JSON; of a stream, all its chunks. Chat completions and OpenAI's
responses are read as everywhere else; of Anthropic's messages the conversation and the text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from heliconemagic.errors import IncompleteAnswerError
from heliconemagic.helicone_api.values import read_mapping, read_word
from heliconemagic.lessons.line_values import parse_finite
from heliconemagic.records import Message, StepKind
from heliconemagic.redaction import Redactor
from heliconemagic.render.terminal import replace_surrogates
from heliconemagic.reply import MAX_ANSWER, ReplyState, read_text
from heliconemagic.transport.answer_reader import EVENTS, AnswerReader, Chunk, read_messages

MOST_MESSAGES = 10_000
LONGEST_ERROR = 1_000
"""Characters."""
DEEPEST = 100
"""Levels of lists and objects: a deeper body was made to break what reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and its answer."""

    model: str = ""  # as asked for
    messages: tuple[Message, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, Any] = field(default_factory=dict)  # the fields of a step that it fills
    input: str = ""  # of a step that is no request
    error: str = ""  # in the server's words


def read_exchange(bodies: Mapping[str, Any], kind: StepKind, redactor: Redactor) -> Exchange:
    """The exchange in ``{"request": …, "response": …}``, without the keys at hand; of one that is too deep, nothing.

    Numbers that JSON cannot spell are nothing, too.
    """
    if not _is_shallow(bodies):
        return Exchange()
    safe = _clean(replace_surrogates(bodies), redactor)
    request, response = _parse(safe.get("request")), _parse(safe.get("response"))
    if kind is not StepKind.LLM:
        return _read_logged_step(read_mapping(request), response)
    messages, parameters = _read_request(read_mapping(request))
    return Exchange(
        model=read_word(read_mapping(request).get("model")),
        messages=messages,
        parameters=parameters,
        answer=_read_answer(response, redactor),
        error=redactor.redact_lookalikes(_find_error(response)),
    )


def _is_shallow(bodies: Mapping[str, Any]) -> bool:
    level: list[Any] = [bodies]
    for _ in range(DEEPEST):
        containers = (
            item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)
        )
        level = [inner for container in containers for inner in container if isinstance(inner, dict | list)]
    return not level


def _clean(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return redactor.redact(value)
    if isinstance(value, dict):
        return {name: _clean(item, redactor) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, redactor) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _parse(value: Any) -> Any:
    """A body that is stored as text may be JSON all the same."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            parsed = json.loads(value, parse_constant=lambda _: None, parse_float=parse_finite)
        except (ValueError, RecursionError):
            return value
        return parsed if _is_shallow({"": parsed}) else value
    return value


# ---- the request


def _read_request(body: Mapping[str, Any]) -> tuple[tuple[Message, ...], dict[str, Any]]:
    """The conversation, told as chat completions tell it, and what else was asked."""
    if not body:
        return (), {}
    told, parameters = read_messages(body)
    system = read_text(parameters.pop("system", None))  # Anthropic's place for it
    opening: list[Message] = [{"role": "system", "content": system}] if system else []
    return (*opening, *map(_check_message, told[:MOST_MESSAGES])), parameters


def _check_message(message: Message) -> Message:
    """A message as it is; whatever is none stays readable as the user's words."""
    content = message.get("content")
    is_parts = isinstance(content, list) and all(isinstance(part, dict) for part in content)
    if isinstance(message.get("role"), str) and (content is None or isinstance(content, str) or is_parts):
        return message
    return {"role": "user", "content": _spell(message)}


# ---- the answer


def _read_answer(response: Any, redactor: Redactor) -> dict[str, Any]:
    """What the answer says, by the names of a step's fields."""
    state = ReplyState(redactor)
    try:
        for chunk in _iterate_chunks(response):
            state.handle_chunk(chunk)
    except IncompleteAnswerError:  # longer than any answer: its beginning is kept
        pass
    state.finish()
    fields = state.read_fields()
    if not (fields["text"] or fields["tool_calls"] or fields["refusal"]):
        fields["text"] = _find_other_text(read_mapping(response))[:MAX_ANSWER]
    return fields


def _iterate_chunks(response: Any) -> Iterator[Chunk]:
    """The chunks of a stream, or the one object that is the whole answer."""
    body = read_mapping(response)
    streamed = body.get("streamed_data", response if isinstance(response, str) else None)
    if isinstance(streamed, list) and streamed:
        streamed = "".join(f"data: {_spell(piece)}\n" for piece in streamed)
    reader = AnswerReader(EVENTS if isinstance(streamed, str) else "application/json")
    yield from reader.feed((streamed if isinstance(streamed, str) else _spell(body)).encode())
    yield from reader.finish()


def _find_other_text(body: Mapping[str, Any]) -> str:
    """The text of an answer in Anthropic's form."""
    return read_text(body.get("content")) or read_text(body.get("completion"))


def _find_error(response: Any) -> str:
    """What a server said instead of an answer."""
    if isinstance(response, str):
        return " ".join(response.split())[:LONGEST_ERROR]
    error = read_mapping(response).get("error")
    message = read_mapping(error).get("message") if isinstance(error, dict) else error
    said = message or read_mapping(response).get("message")
    return " ".join(said.split())[:LONGEST_ERROR] if isinstance(said, str) else ""


# ---- steps that are no requests


def _read_logged_step(request: Mapping[str, Any], response: Any) -> Exchange:
    """A tool, a database or data, as it was logged by hand."""
    given = request.get("input", {name: value for name, value in request.items() if name != "_type"})
    answered = {name: value for name, value in read_mapping(response).items() if name not in ("_type", "toolName")}
    output = answered.get("output", answered or "")
    return Exchange(
        input=_spell(given) if request else "",
        answer={"text": output if isinstance(output, str) else _spell(output)},
        error=_find_error(response) if isinstance(response, dict) else "",
    )


def _spell(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return ""
