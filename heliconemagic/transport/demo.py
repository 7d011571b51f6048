"""The demo: answers chat completions inside the process, with no network and no weights.

It is plainly not a language model (see `demo_text`), but on the wire it is real: server-sent events, usage, finish
reasons, refusals, and models that are slow, silent or break off, so that everything above it can be tried and tested.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx2

from heliconemagic.attachments.recognising import recognise_content
from heliconemagic.attachments.tokens import estimate_content_tokens
from heliconemagic.demo.text import SAMPLE_HEADER, DemoAnswer, build_demo_answer
from heliconemagic.demo.tool_caller import Call
from heliconemagic.usage import estimate_tokens

DEMO_MODELS: Mapping[str, str] = {
    "demo": "answers at reading speed",
    "demo-slow": "a few tokens a second: time to press Stop",
    "demo-fast": "as fast as small models on large machines",
    "demo-reasoning": "tells its reasoning first",
    "demo-length": "stops in the middle, as at a token limit",
    "demo-empty": "answers nothing",
    "demo-429": "refuses the first attempt (429, Retry-After: 2), then answers",
    "demo-500": "always fails with 500",
    "demo-cut": "breaks off in mid-answer",
    "demo-silent": "accepts and never answers",
}
"""The demo's models and what each is for."""

DEMO_PACE = 50.0  # tokens per second
FIRST_TOKEN_DELAY = 0.3  # seconds
RETRY_AFTER = 2  # seconds

_SPEED = {"demo-slow": 0.15, "demo-fast": 8.0}  # times the pace
_PIECE = re.compile(r"\s*\w{1,8}|\s*[^\w\s]{1,3}|\s+")

Sleep = Callable[[float], Awaitable[Any]]


class DemoTransport(httpx2.AsyncBaseTransport):
    """Answers every request of an OpenAI client, whatever its host: ``/chat/completions`` and ``/models``.

    ``pace`` is in tokens per second; ``sleep`` takes seconds and ``clock`` gives seconds since the epoch.
    """

    def __init__(
        self,
        *,
        sleep: Sleep = asyncio.sleep,
        pace: float = DEMO_PACE,
        first_token_delay: float = FIRST_TOKEN_DELAY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sleep = sleep
        self._pace = pace
        self._first_token_delay = first_token_delay
        self._clock = clock
        self._refused: set[str] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The demo's response; raises `httpx2.ReadTimeout` where the model is silent for too long."""
        if request.method == "GET" and request.url.path.endswith("/models"):
            return httpx2.Response(200, json=_build_model_list(), request=request)
        if request.method != "POST" or not request.url.path.endswith("/chat/completions"):
            return _refuse(request, 404, f"the demo has no {request.method} {request.url.path}", "not_found")
        body = _parse_body(await request.aread())
        if body is None:
            return _refuse(request, 400, "the body is not a chat completion request in JSON", "invalid_json")
        return await self._find_refusal(request, body) or self._answer(request, body)

    async def _find_refusal(self, request: httpx2.Request, body: Mapping[str, Any]) -> httpx2.Response | None:
        model = body.get("model")
        if model not in DEMO_MODELS:
            message = f"The model {model!r} does not exist here. The demo has {', '.join(DEMO_MODELS)}."
            return _refuse(request, 404, message, "model_not_found")
        if model == "demo-500":
            return _refuse(request, 500, "The demo model 'demo-500' always fails.", "server_error")
        if model == "demo-429" and self._is_first_attempt(body):
            headers = {"retry-after": str(RETRY_AFTER)}
            return _refuse(request, 429, "The demo refuses a first attempt.", "rate_limit_exceeded", headers)
        if model == "demo-silent":
            await self._stay_silent(request)
        return None

    def _is_first_attempt(self, body: Mapping[str, Any]) -> bool:
        """Every second attempt of the same request is let through, so that running a cell again shows it again."""
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        self._refused ^= {digest}
        return digest in self._refused

    async def _stay_silent(self, request: httpx2.Request) -> None:
        limits = request.extensions.get("timeout") or {}
        if limits.get("read") is None:
            await asyncio.get_running_loop().create_future()  # until cancelled
        await self._sleep(limits["read"])
        raise httpx2.ReadTimeout("The demo model 'demo-silent' never answers.", request=request)

    def _answer(self, request: httpx2.Request, body: Mapping[str, Any]) -> httpx2.Response:
        answer, finish_reason = _build_answer(body, request.headers.get(SAMPLE_HEADER, ""))
        completion = _Completion(body=body, created=int(self._clock()), answer=answer, finish_reason=finish_reason)
        is_stream = bool(body.get("stream"))
        kind = "text/event-stream; charset=utf-8" if is_stream else "application/json"
        data = self._stream(request, completion) if is_stream else self._send_whole(request, completion)
        return httpx2.Response(200, headers={"content-type": kind}, stream=_Body(data), request=request)

    async def _stream(self, request: httpx2.Request, completion: _Completion) -> AsyncIterator[bytes]:
        pause = 1 / (self._pace * _SPEED.get(completion.model, 1.0))
        deltas = completion.build_deltas()
        await self._sleep(self._first_token_delay)
        yield completion.build_chunk({"role": "assistant", "content": ""})
        for number, delta in enumerate(deltas):
            if completion.model == "demo-cut" and number >= len(deltas) // 2:
                raise _build_break(request)
            yield completion.build_chunk(delta)
            await self._sleep(pause)
        yield completion.build_chunk({}, finish_reason=completion.finish_reason)
        if completion.is_usage_wanted:
            yield completion.build_usage_chunk()
        yield b"data: [DONE]\n\n"

    async def _send_whole(self, request: httpx2.Request, completion: _Completion) -> AsyncIterator[bytes]:
        pause = 1 / (self._pace * _SPEED.get(completion.model, 1.0))
        await self._sleep(self._first_token_delay + pause * len(completion.build_deltas()))
        data = json.dumps(completion.build_whole(), ensure_ascii=False).encode()
        if completion.model == "demo-cut":
            yield data[: len(data) // 2]
            raise _build_break(request)
        yield data


class _Body(httpx2.AsyncByteStream):
    """The bytes of a response as they are made."""

    def __init__(self, data: AsyncIterator[bytes]) -> None:
        self._data = data

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._data


@dataclass(frozen=True, slots=True, kw_only=True)
class _Completion:
    """One answer in the forms of the chat completions API."""

    body: Mapping[str, Any]
    created: int
    answer: DemoAnswer  # as far as it is sent
    finish_reason: str

    @property
    def model(self) -> str:
        return str(self.body["model"])

    @property
    def is_usage_wanted(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    def build_deltas(self) -> list[dict[str, Any]]:
        """What is sent piece by piece: the reasoning if there is any, then the text or the tool calls."""
        reasoning = [{"reasoning_content": piece} for piece in _PIECE.findall(self.answer.reasoning)]
        text = [{"content": piece} for piece in _PIECE.findall(self.answer.text)]
        return [*reasoning, *text, *_split_calls(self.answer.calls)]

    def build_chunk(self, delta: Mapping[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        usage = {"usage": None} if self.is_usage_wanted else {}
        return _build_event({**self._build_head("chat.completion.chunk"), "choices": [choice], **usage})

    def build_usage_chunk(self) -> bytes:
        head = self._build_head("chat.completion.chunk")
        return _build_event({**head, "choices": [], "usage": self._build_usage()})

    def build_whole(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.answer.text, "refusal": None}
        if self.answer.reasoning:
            message["reasoning_content"] = self.answer.reasoning
        if self.answer.calls:
            message |= {"content": None, "tool_calls": list(self.answer.calls)}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        return {**self._build_head("chat.completion"), "choices": [choice], "usage": self._build_usage()}

    def _build_head(self, kind: str) -> dict[str, Any]:
        digest = hashlib.sha256(f"{self.answer.text}{self.answer.calls or ''}".encode()).hexdigest()[:24]
        return {"id": f"chatcmpl-demo-{digest}", "object": kind, "created": self.created, "model": self.model}

    def _build_usage(self) -> dict[str, Any]:
        prompt = sum(4 + _estimate_message(message) for message in self.body.get("messages") or ())
        reasoning = estimate_tokens(self.answer.reasoning)
        calls = estimate_tokens(json.dumps(self.answer.calls)) if self.answer.calls else 0
        completion = estimate_tokens(self.answer.text) + calls + reasoning
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }


def _build_answer(body: Mapping[str, Any], sample: str) -> tuple[DemoAnswer, str]:
    """The answer as far as it is sent, and why it ends there."""
    model = body["model"]
    made = build_demo_answer(body, sample)
    reasoning = made.reasoning if model == "demo-reasoning" else ""
    if model == "demo-empty":
        return DemoAnswer(text="", reasoning=""), "stop"
    if made.calls:
        return replace(made, reasoning=reasoning), "tool_calls"
    room = _read_room(body, made.text)
    text = made.text[: room if model != "demo-length" else min(room, len(made.text) // 2)]
    return DemoAnswer(text=text, reasoning=reasoning), "stop" if text == made.text else "length"


def _split_calls(calls: tuple[Call, ...]) -> list[dict[str, Any]]:
    """Tool calls as they stream: id and name first, then the arguments piece by piece."""
    deltas: list[dict[str, Any]] = []
    for index, call in enumerate(calls):
        begun = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
        pieces = _PIECE.findall(call["function"]["arguments"])
        deltas.append({"tool_calls": [begun]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in pieces]
    return deltas


def _read_room(body: Mapping[str, Any], text: str) -> int:
    """How many characters of ``text`` the request's token limit leaves."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    return 4 * limit if isinstance(limit, int) and limit > 0 else len(text)


def _estimate_message(message: Any) -> int:
    content = message.get("content") if isinstance(message, Mapping) else message
    asked = message.get("tool_calls") if isinstance(message, Mapping) else None
    calls = estimate_tokens(json.dumps(asked, default=str)) if asked else 0
    return calls + estimate_content_tokens(recognise_content(content))


def _parse_body(data: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(data)
    except ValueError:
        return None
    return body if isinstance(body, dict) and isinstance(body.get("messages"), list) else None


def _build_event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


def _build_break(request: httpx2.Request) -> httpx2.RemoteProtocolError:
    return httpx2.RemoteProtocolError(
        "peer closed connection without sending complete message body (incomplete chunked read)", request=request
    )


def _build_model_list() -> dict[str, Any]:
    models = [{"id": model, "object": "model", "created": 0, "owned_by": "heliconemagic"} for model in DEMO_MODELS]
    return {"object": "list", "data": models}


def _refuse(
    request: httpx2.Request, status: int, message: str, code: str, headers: Mapping[str, str] | None = None
) -> httpx2.Response:
    error = {"message": message, "type": "invalid_request_error" if status < 429 else code, "param": None, "code": code}
    return httpx2.Response(status, headers=dict(headers or {}), json={"error": error}, request=request)
