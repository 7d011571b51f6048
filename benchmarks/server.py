"""An OpenAI-compatible server on loopback, in a process of its own so that its work is nobody's else.

What it answers stands in the model's name, as ``chunks-500``, ``chunks-100_rate-50_wait-300``: so many
chunks, so many a second (0: at once), the first of them after so many milliseconds. The first chunk says
when it was sent: ``sent at 1763838000.123456.`` (seconds since the epoch).
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.measure import ROOT, build_environment

WORDS = ("the ", "course ", "on ", "space ", "begins ", "with ", "what ", "can ", "be ", "seen ")


@contextmanager
def open_server() -> Iterator[str]:
    """The base URL of a running server; ends it afterwards."""
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=build_environment()) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()


def build_model(*, chunks: int, rate: int = 0, wait: int = 0) -> str:
    """The name that asks for ``chunks``, ``rate`` a second, the first after ``wait`` ms."""
    return f"chunks-{chunks}_rate-{rate}_wait-{wait}"


def _parse_model(name: str) -> dict[str, int]:
    return {part: int(number) for part, number in (word.split("-") for word in name.split("_"))}


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            asked = json.loads(await reader.readexactly(size))
            await (_stream(writer, asked) if asked.get("stream") else _answer(writer, asked))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the client has left
    finally:
        writer.close()


async def _answer(writer: asyncio.StreamWriter, asked: dict[str, Any]) -> None:
    plan = _parse_model(asked["model"])
    await asyncio.sleep(plan["wait"] / 1000)
    choice = {"index": 0, "message": {"role": "assistant", "content": _build_text(plan["chunks"])}}
    whole = _build_event(asked, [{**choice, "finish_reason": "stop"}], plan, object_name="chat.completion")
    body = json.dumps(whole).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


def _build_text(count: int) -> str:
    return "".join(_build_piece(index) for index in range(count))


def _build_piece(index: int) -> str:
    return f"sent at {time.time():.6f}. " if index == 0 else WORDS[index % len(WORDS)]


async def _stream(writer: asyncio.StreamWriter, asked: dict[str, Any]) -> None:
    plan = _parse_model(asked["model"])
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    await asyncio.sleep(plan["wait"] / 1000)
    start = time.monotonic()
    for index in range(plan["chunks"]):
        if plan["rate"]:
            await asyncio.sleep(start + index / plan["rate"] - time.monotonic())
        choice = {"index": 0, "delta": {"content": _build_piece(index)}, "finish_reason": None}
        await _send(writer, _build_event(asked, [choice]))
    await _send(writer, _build_event(asked, [{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    if (asked.get("stream_options") or {}).get("include_usage"):
        await _send(writer, _build_event(asked, [], plan))
    writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
    await writer.drain()


async def _send(writer: asyncio.StreamWriter, event: dict[str, Any]) -> None:
    data = f"data: {json.dumps(event)}\n\n".encode()
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()


def _build_event(
    asked: dict[str, Any],
    choices: list[dict[str, Any]],
    plan: dict[str, int] | None = None,
    object_name: str = "chat.completion.chunk",
) -> dict[str, Any]:
    event = {"id": "chatcmpl-1", "object": object_name, "created": 1, "model": asked["model"], "choices": choices}
    if plan is not None:
        tokens = plan["chunks"]
        event["usage"] = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens}
    return event


async def _run() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_run())
