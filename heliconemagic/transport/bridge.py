"""Requests of other clients, carried by the engine's loop: from a blocking client, or from any other loop.

So that one loop sends and records everything, whoever asks. What really sends is handed out for each request.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

import httpx2

SLICE_SECONDS = 0.1
"""An interrupt gets through only between two waits on some platforms."""

Result = TypeVar("Result")
Submit = Callable[[Coroutine[Any, Any, Any]], "Future[Any]"]
"""Runs a coroutine on the engine's loop."""
OpenTransport = Callable[[], httpx2.AsyncBaseTransport]
"""What sends the next request; called where the request is made, on the caller's own thread."""


class BlockingTransport(httpx2.BaseTransport):
    """For `openai.OpenAI`."""

    def __init__(self, submit: Submit, open_transport: OpenTransport) -> None:
        self._submit = submit
        self._open_transport = open_transport

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends ``request`` and blocks until the answer begins."""
        request.read()  # a body that is made as it is sent could not be read over there
        arrived: list[httpx2.Response] = []
        sending = self._submit(_send(self._open_transport(), request, arrived))
        try:
            response = _wait(sending)
        except BaseException:
            self._submit(_drop(arrived))
            raise
        return _build_response(response, request, _BlockingStream(response.stream, self._submit))


class AwaitingTransport(httpx2.AsyncBaseTransport):
    """For `openai.AsyncOpenAI`, on any loop of asyncio's, and on several one after the other."""

    def __init__(self, submit: Submit, open_transport: OpenTransport) -> None:
        self._submit = submit
        self._open_transport = open_transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends ``request`` and waits until the answer begins."""
        await request.aread()
        arrived: list[httpx2.Response] = []
        sending = self._submit(_send(self._open_transport(), request, arrived))
        try:
            response = await asyncio.wrap_future(sending)
        except BaseException:
            self._submit(_drop(arrived))
            raise
        return _build_response(response, request, _AwaitedStream(response.stream, self._submit))


def _build_response(
    response: httpx2.Response, request: httpx2.Request, stream: httpx2.SyncByteStream | httpx2.AsyncByteStream
) -> httpx2.Response:
    return httpx2.Response(
        response.status_code,
        headers=response.headers,
        stream=stream,
        request=request,
        extensions={name: value for name, value in response.extensions.items() if name != "network_stream"},
    )


class _BlockingStream(httpx2.SyncByteStream):
    """The bytes of an answer, fetched piece by piece."""

    def __init__(self, stream: Any, submit: Submit) -> None:
        self._stream = stream
        self._submit = submit

    def __iter__(self) -> Iterator[bytes]:
        pieces = self._stream.__aiter__()
        while (piece := _wait(self._submit(_fetch(pieces)))) is not None:
            yield piece

    def close(self) -> None:
        _wait(self._submit(self._stream.aclose()))


class _AwaitedStream(httpx2.AsyncByteStream):
    """The same, awaited."""

    def __init__(self, stream: Any, submit: Submit) -> None:
        self._stream = stream
        self._submit = submit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = self._stream.__aiter__()
        while (piece := await asyncio.wrap_future(self._submit(_fetch(pieces)))) is not None:
            yield piece

    async def aclose(self) -> None:
        await asyncio.wrap_future(self._submit(self._stream.aclose()))


async def _send(
    transport: httpx2.AsyncBaseTransport, request: httpx2.Request, arrived: list[httpx2.Response]
) -> httpx2.Response:
    response = await transport.handle_async_request(request)
    arrived.append(response)
    return response


async def _drop(arrived: list[httpx2.Response]) -> None:
    """Closes an answer that came in the moment in which its caller was interrupted: nobody else would."""
    for response in arrived:
        await response.aclose()


async def _fetch(pieces: AsyncIterator[bytes]) -> bytes | None:
    return await anext(pieces, None)


def _wait(future: Future[Result]) -> Result:
    """The result; if the wait is interrupted, what is waited for is cancelled."""
    try:
        while not future.done():
            concurrent.futures.wait([future], timeout=SLICE_SECONDS)
    except BaseException:
        future.cancel()
        raise
    return future.result()
