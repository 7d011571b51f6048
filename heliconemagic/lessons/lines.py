"""The lines of a lesson's file: JSON, one for the session, then one for each answer (see docs/lessons.md).

Nothing in a line is trusted: each value is checked before it becomes part of a record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from heliconemagic.lessons.lesson import LessonHead, Piece, Recording, build_key
from heliconemagic.lessons.line_values import (
    LATEST,
    MOST_COUNT,
    MOST_USD,
    LineError,
    check_value,
    need_count,
    need_number,
    need_value,
    read_number,
    read_value,
)
from heliconemagic.lines.option_values import may_be_set
from heliconemagic.paths import MAX_PATH_LENGTH
from heliconemagic.records import Message, Step, ToolCall
from heliconemagic.settings import Context, RequestOptions, Verbatim
from heliconemagic.steps.turns import MessageHashes
from heliconemagic.usage import Usage

VERSION = 1
MARK = "heliconemagic_lesson"
"""The first key of the first line; its value is the version of the format."""

LONGEST_SECONDS = 24 * 3600.0
_HIDING = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]")
"""Controls, and what turns the direction of a text."""
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")


class MessageShelf:
    """The messages of a file: each is spelled out once, later steps name it by its hash.

    A shelf on another one, ``below``, has that one's messages as well, and puts none there.
    """

    def __init__(self, below: MessageShelf | None = None) -> None:
        self._messages: dict[str, Message] = {}
        self._below = below
        self._hashes = MessageHashes()

    def shorten(self, message: Message) -> Message | str:
        """``message`` where it is new, else its name."""
        name = self._name(message)
        if self._find(name) is not None:
            return name
        self._messages[name] = message
        return message

    def restore(self, value: object, *, is_played: bool = True) -> Message:
        """The message that ``value`` is or names; one that nobody sends again may have any role."""
        if isinstance(value, str):
            found = self._find(value)
            if found is None:
                raise LineError("names a message that no earlier line has")
            return found
        message = _check_message(value, is_played=is_played)
        self._messages[self._name(message)] = message
        return message

    def _name(self, message: Message) -> str:
        return f"sha256:{self._hashes.find(message).hex()[:24]}"

    def _find(self, name: str) -> Message | None:
        below = self._below._messages if self._below else {}
        return self._messages.get(name) or below.get(name)


def is_playable(step: Step) -> bool:
    """Whether an answer can be played: one that ran elsewhere may lack its messages, or have a path of its own kind."""
    try:
        check_path(step.path)
        return all(_check_message(dict(message)) for message in step.messages) and bool(step.messages)
    except LineError:
        return False


def _check_message(value: object, *, is_played: bool = True) -> Message:
    message: Message = check_value(value, dict, "a message")
    if is_played and message.get("role") not in _ROLES:
        raise LineError(f"has a message of the role {str(message.get('role'))[:20]!r}")
    content = message.get("content")
    is_parts = isinstance(content, list | tuple) and all(isinstance(part, dict) for part in content)
    if not (content is None or isinstance(content, str) or is_parts):
        raise LineError("has a message whose content is neither text nor a list of parts")
    return message


# ---- the session's line


def encode_head(head: LessonHead) -> dict[str, Any]:
    """The first line."""
    options = head.options
    played = {
        "model": options.model,
        "system": options.system,
        "temperature": options.temperature,
        "parameters": dict(options.parameters) or None,
        "context": options.context.value if options.context else None,
    }
    return {
        MARK: VERSION,
        "id": head.id,
        "title": head.title,
        "recorded_at": head.recorded_at,
        "options": {name: value for name, value in played.items() if value is not None},
        **({"fills_system": True} if head.fills_system else {}),
    }


def decode_head(line: Mapping[str, Any]) -> LessonHead:
    """The first line, checked.

    Raises:
        LineError: it is none, or of another version.
    """
    version = line.get(MARK)
    if type(version) is not int or version < 1:
        raise LineError("is not the first line of a lesson")
    if version > VERSION:
        raise LineError(f"is of format {version}, and this heliconemagic reads {VERSION}: update it")
    options = read_value(line, "options", dict) or {}
    context = read_value(options, "context", str)
    if context is not None and context not in set(Context):
        raise LineError(f"has a context {context[:20]!r}, which there isn't")
    system = read_value(options, "system", str)
    return LessonHead(
        id=need_value(line, "id", str),
        title=need_value(line, "title", str),
        recorded_at=need_number(line, "recorded_at", LATEST),
        is_export="session" in line,
        fills_system=bool(read_value(line, "fills_system", bool)),
        options=RequestOptions(
            model=read_value(options, "model", str),
            system=None if system is None else Verbatim(system),
            temperature=read_number(options, "temperature", 2.0),
            parameters=_check_parameters(read_value(options, "parameters", dict) or {}),
            context=None if context is None else Context(context),
        ),
    )


def _check_parameters(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """They go into live requests as well: none may put other messages or another model into those."""
    for name in parameters:
        if not may_be_set(name):
            raise LineError(f"has a parameter {name!r}, which a lesson cannot set")
    return parameters


# ---- the lines of answers


def encode_recording(recording: Recording, shelf: MessageShelf) -> dict[str, Any]:
    """A line for an answer; what is empty is left out."""
    usage = recording.usage
    line = {
        "id": recording.id,
        "path": recording.path,
        "model": recording.model,
        "answered_by": recording.answered_by,
        "recorded_at": recording.recorded_at,
        "messages": [shelf.shorten(message) for message in recording.messages],
        "parameters": dict(recording.parameters),
        "text": recording.text,
        "reasoning": recording.reasoning,
        "refusal": recording.refusal,
        "tool_calls": [
            {"id": call.id, "name": call.name, "arguments": call.arguments} for call in recording.tool_calls
        ],
        "finish_reason": recording.finish_reason,
        "usage": {name: getattr(usage, name) for name in _USAGE} if usage else None,
        "cost": recording.cost,
        "first_token": _round(recording.first_token),
        "seconds": _round(recording.seconds),
        "pieces": [[_round(moment), thought, said] for moment, thought, said in recording.pieces],
    }
    return {name: value for name, value in line.items() if value not in (None, "", [], {}) or name == "text"}


_USAGE = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")


def _round(seconds: float | None) -> float | None:
    """For a person who waits: a laptop that slept through an answer counts a day at most."""
    return None if seconds is None else round(min(max(seconds, 0.0), LONGEST_SECONDS), 3)


def decode_recording(line: Mapping[str, Any], shelf: MessageShelf, *, is_played: bool = True) -> Recording:
    """The answer of a line, checked; of one that is never played, less is asked.

    Raises:
        LineError: something about it cannot be meant.
    """
    listed = need_value(line, "messages", list) if is_played else read_value(line, "messages", list) or []
    messages = tuple(shelf.restore(message, is_played=is_played) for message in listed)
    if is_played and not messages:
        raise LineError("has no messages")
    model, parameters = need_value(line, "model", str), read_value(line, "parameters", dict) or {}
    return Recording(
        id=need_value(line, "id", str),
        key=build_key(model, messages, parameters),
        path=check_path(need_value(line, "path", str), is_played=is_played),
        model=model,
        answered_by=read_value(line, "answered_by", str),
        recorded_at=need_number(line, "recorded_at", LATEST),
        messages=messages,
        parameters=parameters,
        text=need_value(line, "text", str),
        reasoning=read_value(line, "reasoning", str) or "",
        refusal=read_value(line, "refusal", str) or "",
        tool_calls=tuple(map(decode_tool_call, read_value(line, "tool_calls", list) or ())),
        finish_reason=read_value(line, "finish_reason", str),
        usage=decode_usage(read_value(line, "usage", dict)),
        cost=read_number(line, "cost", MOST_USD),
        first_token=read_number(line, "first_token", LONGEST_SECONDS),
        seconds=read_number(line, "seconds", LONGEST_SECONDS),
        pieces=tuple(map(_decode_piece, read_value(line, "pieces", list) or ())),
    )


def check_path(path: str, *, is_played: bool = True) -> str:
    """A path as steps have them: errors name it. Those of other programs may have letters that a cell's cannot."""
    is_plain = path.isascii() and path.isprintable() if is_played else not _HIDING.search(path)
    if not (path.startswith("/") and is_plain and len(path) <= MAX_PATH_LENGTH):
        raise LineError(f"has a path {path[:40]!r} that no step can have")
    return path


def decode_usage(values: Mapping[str, Any] | None) -> Usage | None:
    """The tokens that ``values`` counts, checked; what is missing is 0."""
    if values is None:
        return None
    return Usage(**{name: int(read_number(values, name, MOST_COUNT) or 0) for name in _USAGE})


def decode_tool_call(value: object) -> ToolCall:
    """A tool call, checked; neither its name nor its arguments need to make sense."""
    call = check_value(value, dict, "a tool call")
    return ToolCall(**{name: need_value(call, name, str) for name in ("id", "name", "arguments")})


def _decode_piece(value: object) -> Piece:
    if not (isinstance(value, list) and len(value) == 3):
        raise LineError("has a piece that is not [seconds, characters of reasoning, characters of text]")
    names = dict(zip(("seconds", "reasoning", "text"), value, strict=True))
    return need_number(names, "seconds", LONGEST_SECONDS), need_count(names, "reasoning"), need_count(names, "text")


def decode_superseded(line: Mapping[str, Any]) -> list[str] | None:
    """The ids that a line declares superseded; None for any other line."""
    if set(line) != {"superseded"}:
        return None
    return [check_value(name, str, "an id") for name in need_value(line, "superseded", list)]


_ENCODER: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def print_line(line: Mapping[str, Any]) -> bytes:
    """A line as it stands in the file; half an emoji, which UTF-8 cannot spell, as its escape."""
    text = _ENCODER(line)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(line, separators=(",", ":"), default=str).encode() + b"\n"
