"""Reads an answer's bytes as they pass by, whatever endpoint they come from, into chunks for a `ReplyState`.

Chat completions are taken as they are; responses, completions, embeddings and transcriptions are told in the same
form, as far as they say the same. What cannot be read is left out: the bytes are somebody else's, who reads on.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

EVENTS = "text/event-stream"
Chunk = dict[str, Any]
"""A JSON object, as a server sent it or as chat completions would tell it."""
MAX_WHOLE = 20_000_000
"""Bytes of an answer without a stream that are kept to be read at its end."""


class AnswerReader:
    """Feed it the bytes of one answer; it gives the chunks that are complete."""

    def __init__(self, content_type: str) -> None:
        self._is_stream = content_type.startswith(EVENTS)
        self._is_json = "json" in content_type
        self._rest = b""
        self._is_at_start = True
        self.error: Any = None
        """What stands under ``error`` in an answer whose status is that of none."""

    def feed(self, piece: bytes) -> Iterator[Chunk]:
        """The chunks that ``piece`` completes."""
        if self._is_stream:
            *lines, self._rest = (self._rest + piece).split(b"\n")
            for line in lines:
                yield from self._read_line(line)
        elif self._is_json and len(self._rest) <= MAX_WHOLE:
            self._rest += piece

    def finish(self) -> Iterator[Chunk]:
        """The chunks that are complete only at the end."""
        rest, self._rest = self._rest, b""
        yield from self._read_line(rest) if self._is_stream else self._read_chunks(rest)

    def _read_line(self, line: bytes) -> Iterator[Chunk]:
        """The chunk in a line of events; a byte order mark before the first one is none of its bytes."""
        if self._is_at_start:
            line, self._is_at_start = line.removeprefix(BOM_UTF8), False
        if line.startswith(b"data:"):
            yield from self._read_chunks(line[5:])

    def _read_chunks(self, data: bytes) -> Iterator[Chunk]:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):  # "[DONE]", or what no client can read either
            return
        if isinstance(value, dict):
            self.error = value.get("error") or self.error
            yield from _convert(value)


def _convert(value: Chunk) -> Iterator[Chunk]:
    kind = value.get("type")
    if isinstance(kind, str) and kind.startswith("response."):
        yield from _convert_event(kind, value)
    elif value.get("object") == "response":
        yield from _convert_output(value)
        yield _convert_end(value)
    elif "choices" in value:
        yield _convert_completion(value)
    elif isinstance(value.get("usage"), Mapping) or isinstance(value.get("text"), str):
        yield _build_chunk({"content": value.get("text")}, model=value.get("model"), usage=_read_usage(value))


def _convert_completion(value: Chunk) -> Chunk:
    """The older completions have ``text`` where chat has a message."""
    for choice in _find_objects(value.get("choices")):
        if isinstance(choice.get("text"), str):
            choice.setdefault("delta", {"content": choice["text"]})
    return value


# ---- the responses API

_DELTAS: Mapping[str, str] = {
    "response.output_text.delta": "content",
    "response.refusal.delta": "refusal",
    "response.reasoning_text.delta": "reasoning",
    "response.reasoning_summary_text.delta": "reasoning",
}
_ENDS = ("response.completed", "response.incomplete", "response.failed")


def _convert_event(kind: str, event: Chunk) -> Iterator[Chunk]:
    if kind in _DELTAS:
        yield _build_chunk({_DELTAS[kind]: event.get("delta")})
    elif kind == "response.output_item.done" and isinstance(event.get("item"), dict):
        yield from _convert_call(event["item"], event.get("output_index"))
    elif kind in _ENDS and isinstance(event.get("response"), dict):
        yield _convert_end(event["response"])


def _convert_output(response: Chunk) -> Iterator[Chunk]:
    """The text and the calls of an answer that wasn't streamed."""
    for index, item in enumerate(_find_objects(response.get("output"))):
        yield from _convert_call(item, index)
        for part in _find_objects(item.get("content")):
            yield _build_chunk({"content": part.get("text"), "refusal": part.get("refusal")})


def _convert_call(item: Chunk, index: object) -> Iterator[Chunk]:
    if item.get("type") == "function_call":
        function = {"name": item.get("name"), "arguments": item.get("arguments")}
        call = {"index": index, "id": item.get("call_id"), "function": function}
        yield _build_chunk({"tool_calls": [call]})


def _convert_end(response: Chunk) -> Chunk:
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, Mapping) else None
    ended = {"max_output_tokens": "length"}.get(str(reason), reason) or "stop"
    has_ended = response.get("status") in ("completed", "incomplete")
    return _build_chunk({}, ended if has_ended else None, model=response.get("model"), usage=_read_usage(response))


def _read_usage(holder: Chunk) -> Chunk | None:
    """Tokens by the names that chat completions use; embeddings have no completion."""
    usage = holder.get("usage")
    if not isinstance(usage, dict) or "input_tokens" not in usage:
        return usage if isinstance(usage, dict) else None
    return {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage.get("output_tokens"),
        "prompt_tokens_details": usage.get("input_tokens_details"),
        "completion_tokens_details": usage.get("output_tokens_details"),
    }


def _build_chunk(
    delta: Mapping[str, Any], finish_reason: object = None, *, model: object = None, usage: Chunk | None = None
) -> Chunk:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"choices": [choice], "model": model, "usage": usage}


def _find_objects(value: object) -> Sequence[Chunk]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


# ---- what was asked


def read_messages(body: Mapping[str, Any]) -> tuple[tuple[Mapping[str, Any], ...], dict[str, Any]]:
    """The messages of a request body, told as chat completions tell them, and its other parameters."""
    others = {name: value for name, value in body.items() if name not in ("model", "stream", "stream_options")}
    if _is_list_of_objects(others.get("messages")):
        return tuple(others.pop("messages")), others
    told: list[Mapping[str, Any]] = []
    if isinstance(others.get("instructions"), str):
        told.append({"role": "system", "content": others.pop("instructions")})
    told.extend(_read_input(others.pop("input", others.pop("prompt", ""))))
    return tuple(told), others


def _read_input(given: object) -> Iterator[Mapping[str, Any]]:
    if _is_list_of_objects(given) and isinstance(given, list):
        yield from map(_read_item, given)
    else:
        yield {"role": "user", "content": given if isinstance(given, str) else _spell(given)}


def _read_item(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """An item of a response's input in the form of a chat message, so that a later step can continue it."""
    if item.get("type") == "function_call_output":
        return {"role": "tool", "tool_call_id": item.get("call_id"), "content": _read_content(item.get("output"))}
    if item.get("type") == "function_call":
        function = {"name": item.get("name"), "arguments": item.get("arguments")}
        call = {"id": item.get("call_id"), "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}
    if "role" in item:
        return {"role": item["role"], "content": _read_content(item.get("content"))}
    return {"role": "assistant", "content": _spell(item)}


def _read_content(content: object) -> object:
    """Text, or parts: those of a response are named differently."""
    if isinstance(content, str):
        return content
    return [_read_part(part) for part in content] if isinstance(content, list) else _spell(content)


def _read_part(part: object) -> object:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in ("input_text", "output_text") and isinstance(part, Mapping):
        return {"type": "text", "text": part.get("text")}
    if kind == "input_image" and isinstance(part, Mapping):
        return {"type": "image_url", "image_url": {"url": part.get("image_url")}}
    return part


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) for each in value)


_spell: Callable[[object], str] = json.JSONEncoder(ensure_ascii=False, default=str).encode
