"""What the provider behind the fake Helicone does, chosen by the model's name. Knows no Helicone.

gpt-4o-mini, gpt-4o, …    "Hello!" in three chunks (or the fake's `text`)
slow-N                    N chunks, each after the fake's `delay`; `slow` is slow-40
chunks-N                  N chunks without a pause
silent / stall            accepts and never answers / sends a few chunks, then nothing
cut / no-done             breaks the connection in mid-stream / ends it in order, unfinished
malformed / stream-error  broken JSON in a `data:` line / an error object in mid-stream
fail429, fail500, fail502, fail400       fails each time; `fail429-wait-N`: with `Retry-After: N`
flaky-N / retry-after-N   fails N times with 500 / once with 429 and `Retry-After: N`; then answers
echo-key / echo-key-error repeats the keys it got, in the answer / in an error 401
toolcall / toolcall-N     asks for weather("Paris") each time / N times, and then answers
twocalls, badcall, oddcall                 ask once for two cities, with broken JSON, for a function nobody offered
manycalls                 asks once for 200 cities
reasoning, refusal, length, empty, cached
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

MODELS = (
    "gpt-4o-mini", "gpt-4o", "gpt-4.1", "gpt-4.1-mini", "gpt-5-mini", "o3-mini", "claude-sonnet-4", "llama3.2",
    "gemini-2.5-flash", "text-embedding-3-small",
)  # fmt: skip

HELLO = ("Hel", "lo", "!")
USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


class Ending(Enum):
    """How an answer ends when it doesn't end in order."""

    CUT = "cut"  # the socket is closed
    HANG = "hang"  # nothing more, until the client leaves


Part = dict[str, Any] | bytes | float | Ending
"""A delta of the answer, raw bytes of the stream, seconds to wait, or a bad end."""


@dataclass(frozen=True)
class Script:
    """One answer of the provider, before any gateway has touched it."""

    parts: Sequence[Part] = ()
    finish_reason: str | None = "stop"
    usage: dict[str, Any] = field(default_factory=lambda: dict(USAGE))
    is_done: bool = True  # the stream ends with [DONE]
    status: int = 200
    error: dict[str, Any] | str | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def merge_message(self) -> dict[str, Any]:
        """The message that the deltas add up to, for an answer that is not streamed."""
        message: dict[str, Any] = {"role": "assistant", "content": None}
        for delta in (part for part in self.parts if isinstance(part, dict)):
            for name, value in delta.items():
                if name == "tool_calls":
                    _merge_tool_call(message.setdefault("tool_calls", []), value[0])
                else:
                    message[name] = (message.get(name) or "") + value
        return message


def _merge_tool_call(calls: list[dict[str, Any]], piece: dict[str, Any]) -> None:
    if "id" in piece:
        calls.append({"id": piece["id"], "type": "function", "function": dict(piece["function"])})
    else:
        calls[-1]["function"]["arguments"] += piece["function"]["arguments"]


@dataclass(frozen=True)
class Asked:
    """What a script may depend on."""

    number: int  # of the model's name: `slow-3` has 3
    turn: int  # how often this model was asked before
    keys: tuple[str, ...]  # values of the key headers
    text: str | None  # the fake's own
    delay: float  # seconds, the fake's own
    results: int = 0  # of tools, since the prompt


def say(text: str, size: int = 5) -> list[Part]:
    """Content deltas that spell ``text``."""
    return [{"content": text[start : start + size]} for start in range(0, len(text), size)]


def _fail(status: int, message: str, kind: str, *headers: tuple[str, str], code: str | None = None) -> Script:
    error: dict[str, Any] = {"message": message, "type": kind}
    return Script(status=status, error={"error": error | ({"code": code} if code else {})}, headers=headers)


def _say_hello(asked: Asked) -> Script:
    if asked.text is None:
        return Script([{"content": piece} for piece in HELLO])
    parts = say(asked.text)
    return Script(parts, usage={"prompt_tokens": 5, "completion_tokens": len(parts), "total_tokens": 5 + len(parts)})


def _say_slowly(asked: Asked) -> Script:
    parts: list[Part] = []
    for index in range(asked.number or 40):
        parts += [asked.delay, {"content": f"word{index} "}]
    return Script(parts)


def _call_tool(asked: Asked) -> Script:
    if asked.number and asked.results >= asked.number:
        return _say_hello(asked)
    pieces: list[Part] = [
        {"tool_calls": [{"index": 0, "function": {"arguments": part}}]} for part in ('{"ci', 'ty": "Par', 'is"}')
    ]
    return Script([_begin_call(0, "weather"), *pieces], finish_reason="tool_calls")


def _begin_call(index: int, name: str, arguments: str = "") -> Part:
    call = {"index": index, "id": f"call_{index + 1}", "type": "function"}
    return {"tool_calls": [{**call, "function": {"name": name, "arguments": arguments}}]}


def _call_once(*calls: tuple[str, str]) -> Callable[[Asked], Script]:
    parts = [_begin_call(index, name, arguments) for index, (name, arguments) in enumerate(calls)]
    return lambda asked: _say_hello(asked) if asked.results else Script(parts, finish_reason="tool_calls")


def _reason(_: Asked) -> Script:
    thought: list[Part] = [{"reasoning_content": piece} for piece in ("Two and ", "two make ", "four.")]
    usage = {**USAGE, "completion_tokens_details": {"reasoning_tokens": 2}}
    return Script([*thought, {"content": "It is "}, {"content": "4."}], usage=usage)


def _rate_limited(asked: Asked) -> Script:
    headers = (("Retry-After", str(asked.number)),) if asked.number else ()
    return _fail(429, "slow down", "rate_limit_error", *headers)


def _fail_with_page(_: Asked) -> Script:
    return Script(status=502, error="<html><head><title>502 Bad Gateway</title></head><body>502</body></html>")


_SCRIPTS: dict[str, Callable[[Asked], Script]] = {
    "slow": _say_slowly,
    "chunks": lambda asked: Script([{"content": f"word{index} "} for index in range(asked.number)]),
    "silent": lambda _: Script([Ending.HANG], status=0),
    "stall": lambda _: Script([*say("A beginning "), Ending.HANG]),
    "cut": lambda _: Script([*say("A beginning "), Ending.CUT]),
    "no-done": lambda _: Script(say("A beginning "), finish_reason=None, is_done=False),
    "malformed": lambda _: Script([*say("A beginning "), b'data: {"id": "c1", "obj\n\n', *say("and an end")]),
    "stream-error": lambda _: Script(
        [*say("A beginning "), b'data: {"error": {"message": "upstream died", "type": "server_error"}}\n\n']
    ),
    "fail400": lambda _: _fail(400, "temperature is out of range", "invalid_request_error"),
    "fail429": _rate_limited,
    "fail429-wait": _rate_limited,
    "fail500": lambda _: _fail(500, "boom", "server_error"),
    "fail502": _fail_with_page,
    "flaky": lambda asked: _fail(500, "boom", "server_error") if asked.turn < asked.number else _say_hello(asked),
    "retry-after": lambda asked: _rate_limited(asked) if asked.turn == 0 else _say_hello(asked),
    "echo-key": lambda asked: Script(say(f"You sent {' and '.join(asked.keys)}, thank you.")),
    "echo-key-error": lambda asked: _fail(
        401, f"Incorrect API key provided: {', '.join(asked.keys)}.", "invalid_request_error", code="invalid_api_key"
    ),
    "reasoning": _reason,
    "refusal": lambda _: Script([{"refusal": "I can't "}, {"refusal": "help with that."}]),
    "toolcall": _call_tool,
    "twocalls": _call_once(("weather", '{"city": "Paris"}'), ("weather", '{"city": "Oslo"}')),
    "manycalls": _call_once(*[("weather", '{"city": "Paris"}')] * 200),
    "badcall": _call_once(("weather", '{"city": "Par')),
    "oddcall": _call_once(("rm -rf /../<b>", "{}")),
    "length": lambda _: Script(say("This goes on and"), finish_reason="length"),
    "empty": lambda _: Script([{"content": ""}]),
    "cached": lambda _: Script(say("From memory."), usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 4}}),
}


def is_known(model: str) -> bool:
    """Whether there is such a model."""
    return model in MODELS or _split_number(model)[0] in _SCRIPTS


def answer(model: str, asked: Asked) -> Script:
    """The script of ``model``; an unknown one is refused as OpenAI refuses it."""
    name, number = _split_number(model)
    if not is_known(model):
        message = f"The model `{model}` does not exist or you do not have access to it."
        return _fail(404, message, "invalid_request_error", code="model_not_found")
    script = _SCRIPTS.get(name, _say_hello)
    return script(Asked(number, asked.turn, asked.keys, asked.text, asked.delay, asked.results))


def _split_number(model: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.+?)-(\d+)", model)
    return (match[1], int(match[2])) if match and match[1] in _SCRIPTS else (model, 0)


def build_chunk(model: str, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    """One chunk of a streamed completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}


def build_completion(model: str, script: Script) -> dict[str, Any]:
    """A completion that is not streamed."""
    choice = {"index": 0, "message": script.merge_message(), "finish_reason": script.finish_reason}
    head = {"id": "c1", "object": "chat.completion", "created": 1, "model": model}
    return {**head, "choices": [choice], "usage": script.usage}


def spell_event(event: dict[str, Any], *, is_compact: bool) -> bytes:
    """An event as a `data:` line; the AI gateway writes JSON without blanks, the older ones pass it on."""
    return b"data: " + spell_json(event, is_compact=is_compact) + b"\n\n"


def spell_json(value: object, *, is_compact: bool) -> bytes:
    """JSON with or without blanks after its signs."""
    return json.dumps(value, separators=(",", ":") if is_compact else (", ", ": ")).encode()
