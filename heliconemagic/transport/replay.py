"""Recorded answers in place of the network: server-sent events, in the pieces and at the pace of the recording.

To the client, the journal and the card it is an answer like any other.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import httpx2

from heliconemagic.lessons.lesson import Playing, Recording, current_playing

EVEN_SECONDS = 0.05
"""Between the pieces of an answer whose own times aren't known."""
EVEN_PACE = 200.0
"""Characters a second of an answer of which not even the length is known."""

Sleep = Callable[[float], Awaitable[Any]]


class ReplayTransport(httpx2.AsyncBaseTransport):
    """Answers a chat completion with the recording of its task, and knows nothing else.

    ``sleep`` takes seconds, ``clock`` gives seconds.
    """

    def __init__(self, *, sleep: Sleep = asyncio.sleep, clock: Callable[[], float] = time.monotonic) -> None:
        self._sleep = sleep
        self._clock = clock

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The recorded answer, streamed or whole as the request asks for it."""
        if request.method == "GET":
            return httpx2.Response(200, json={"object": "list", "data": []}, request=request)
        playing = current_playing.get()
        if playing is None:
            error = {"message": "a recorded lesson answers cells and ask(), not clients", "code": "no_recording"}
            return httpx2.Response(400, json={"error": error}, request=request)
        is_stream = bool(json.loads(await request.aread()).get("stream"))
        kind = "text/event-stream; charset=utf-8" if is_stream else "application/json"
        data = self._stream(playing) if is_stream else self._send_whole(playing)
        return httpx2.Response(200, headers={"content-type": kind}, stream=_Body(data), request=request)

    async def _stream(self, playing: Playing) -> AsyncIterator[bytes]:
        recording, begun = playing.recording, self._clock()
        for moment, delta in iterate_deltas(recording, is_timed=playing.pace > 0):
            await self._wait_until(begun, moment, playing.pace)
            yield _build_event(_build_chunk(recording, [_build_choice(delta)]))
        await self._wait_until(begun, recording.seconds or 0.0, playing.pace)
        yield _build_event(_build_chunk(recording, [_build_choice({}, recording.finish_reason or "stop")]))
        if recording.usage is not None:
            yield _build_event({**_build_chunk(recording, []), "usage": _build_usage(recording)})
        yield b"data: [DONE]\n\n"

    async def _send_whole(self, playing: Playing) -> AsyncIterator[bytes]:
        recording = playing.recording
        await self._wait_until(self._clock(), recording.seconds or 0.0, playing.pace)
        yield json.dumps(_build_completion(recording)).encode()

    async def _wait_until(self, begun: float, moment: float, pace: float) -> None:
        """Waits until ``moment`` of the recording, seconds after its beginning, is reached at this pace."""
        left = moment / pace - (self._clock() - begun) if pace > 0 else 0.0
        if left > 0:
            await self._sleep(left)


class _Body(httpx2.AsyncByteStream):
    """The bytes of a response as they are made."""

    def __init__(self, data: AsyncIterator[bytes]) -> None:
        self._data = data

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._data


def iterate_deltas(recording: Recording, *, is_timed: bool = True) -> Iterator[tuple[float, Mapping[str, Any]]]:
    """What the recording's stream held, each with its moment in seconds; without times all of it at once."""
    yield 0.0, {"role": "assistant", "content": ""}
    thought = said = 0
    end = (recording.seconds or 0.0, len(recording.reasoning), len(recording.text))
    for moment, next_thought, next_said in (*_find_pieces(recording), end) if is_timed else (end,):
        if reasoning := recording.reasoning[thought:next_thought]:
            yield moment, {"reasoning_content": reasoning}
        if text := recording.text[said:next_said]:
            yield moment, {"content": text}
        thought, said = max(thought, next_thought), max(said, next_said)
    if recording.refusal:
        yield end[0], {"refusal": recording.refusal}
    if recording.tool_calls:
        yield end[0], {"tool_calls": _build_calls(recording)}


def _find_pieces(recording: Recording) -> Iterator[tuple[float, int, int]]:
    """The recorded pieces; where there are none, even ones between first token and end."""
    if recording.pieces:
        yield from recording.pieces
        return
    thought, size = len(recording.reasoning), len(recording.reasoning) + len(recording.text)
    begin = recording.first_token or 0.0
    length = size / EVEN_PACE if recording.seconds is None else max(recording.seconds - begin, 0.0)
    count = min(int(length / EVEN_SECONDS), size)
    for number in range(1, count + 1):
        reached = size * number // count
        yield begin + length * number / count, min(reached, thought), max(reached - thought, 0)


def _build_choice(delta: Mapping[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def _build_chunk(recording: Recording, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {**_build_head(recording, "chat.completion.chunk"), "choices": choices}


def _build_completion(recording: Recording) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": recording.text, "refusal": recording.refusal or None}
    if recording.reasoning:
        message["reasoning_content"] = recording.reasoning
    if recording.tool_calls:
        message["tool_calls"] = _build_calls(recording)
    choice = {"index": 0, "message": message, "finish_reason": recording.finish_reason or "stop"}
    usage = {"usage": _build_usage(recording)} if recording.usage else {}
    return {**_build_head(recording, "chat.completion"), "choices": [choice], **usage}


def _build_head(recording: Recording, kind: str) -> dict[str, Any]:
    created = int(recording.recorded_at)
    return {"id": f"replay-{recording.id}", "object": kind, "created": created, "model": recording.spoken_by}


def _build_calls(recording: Recording) -> list[dict[str, Any]]:
    functions = [(call.id, {"name": call.name, "arguments": call.arguments}) for call in recording.tool_calls]
    return [
        {"index": index, "id": call_id, "type": "function", "function": function}
        for index, (call_id, function) in enumerate(functions)
    ]


def _build_usage(recording: Recording) -> dict[str, Any] | None:
    usage = recording.usage
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _build_event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
