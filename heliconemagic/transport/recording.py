"""Every attempt of a step, seen where it leaves: below the SDK's retry loop.

Stamps a fresh ``Helicone-Request-Id`` on each attempt (openai would resend the same one), makes
sure the attempt is on disk before its first byte is sent, and notes when bytes came and how it
ended. It also mends answers that would mislead the SDK: a client error that Helicone's AI gateway
wraps into a 500 gets its real status, so that it isn't retried; a rate limit policy's reset time
becomes a ``Retry-After``; JSON in place of a stream becomes the stream's one event.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from sys import intern
from typing import Protocol

import httpx2

from heliconemagic import headers
from heliconemagic.errors import IncompleteAnswerError
from heliconemagic.records import Attempt
from heliconemagic.transport.event_stream import EventStream

MAX_ANSWER = 100_000_000
"""Bytes of one answer as they arrive: several times what the longest answers take, chunk by chunk."""
MAX_COMPRESSED = 250_000
"""The same where they are compressed, although they were asked not to be, for each may become a thousand."""
MAX_REFUSAL = 1_000_000
"""Bytes that are read of an error."""
_UNTOLD = {"set-cookie", "authorization", "cookie", "helicone-auth"}


class AttemptRecorder(Protocol):
    """What the transport tells of one step's attempts; called on the event loop."""

    stamps_request_id: bool
    wants_events: bool
    """Whether an answer that is no stream of events is to be made one."""

    async def open_attempt(self, attempt: Attempt) -> None:
        """Called before the first byte leaves; returns once the attempt is recorded."""

    def update_attempt(self, attempt: Attempt) -> None:
        """Called on the first byte and at the end."""

    def note_refusal(self, status: int | None, retry_after: float | None) -> None:
        """Called when an attempt failed in a way that may be retried; seconds to wait, if the server said."""

    def note_end_mark(self) -> None:
        """Called when the stream said ``[DONE]``: the SDK reads it but doesn't tell."""


current_recorder: ContextVar[AttemptRecorder | None] = ContextVar("heliconemagic_recorder", default=None)
"""The recorder of the step that runs in this task: the SDK offers no way to pass one along."""


class RecordingTransport(httpx2.AsyncBaseTransport):
    """Wraps the transport that really sends."""

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        *,
        clock: Callable[[], float] = time.time,
        build_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._build_id = build_id

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends ``request`` once, recorded for the step of this task, if there is one."""
        recorder = current_recorder.get()
        if recorder is None:
            return await self._inner.handle_async_request(request)
        record = _AttemptLog(recorder, self._clock, self._build_id())
        if recorder.stamps_request_id:
            request.headers[headers.REQUEST_ID] = record.attempt.request_id
        request.headers["accept-encoding"] = "identity"  # a stream gains nothing by it, and its size can be watched
        await recorder.open_attempt(record.attempt)
        try:
            response = await self._inner.handle_async_request(request)
        except BaseException as error:
            record.end(error)
            if isinstance(error, httpx2.TransportError):
                recorder.note_refusal(None, None)
            raise
        record.begin(response.status_code, response.headers)
        if response.status_code >= 400:
            return await self._read_refusal(request, response, record)
        watched = _WatchedStream(response, record)
        is_readable = "content-encoding" not in response.headers
        return replace_stream(
            request, response, EventStream(watched) if recorder.wants_events and is_readable else watched
        )

    async def _read_refusal(
        self, request: httpx2.Request, response: httpx2.Response, record: _AttemptLog
    ) -> httpx2.Response:
        try:
            body = await _read_beginning(response)
        except BaseException as error:
            record.end(error)
            raise
        finally:
            await response.aclose()
        record.end(None)
        status = headers.find_hidden_status(response.status_code, body) or response.status_code
        kept = {
            name: value
            for name, value in response.headers.items()
            if name not in ("content-encoding", "content-length")
        }
        reset = response.headers.get(headers.RATE_LIMIT_RESET)
        if status == 429 and reset and "retry-after" not in response.headers:
            kept["retry-after"] = reset
        record.recorder.note_refusal(status, headers.read_retry_after(kept, now=self._clock()))
        return httpx2.Response(status, headers=kept, content=body, request=request)

    async def aclose(self) -> None:
        """Closes the wrapped transport."""
        await self._inner.aclose()


def replace_stream(
    request: httpx2.Request, response: httpx2.Response, stream: httpx2.AsyncByteStream
) -> httpx2.Response:
    """``response`` with its body read through ``stream``."""
    return httpx2.Response(
        response.status_code,
        headers=response.headers,
        stream=stream,
        request=request,
        extensions=response.extensions,
    )


class _AttemptLog:
    """The record of one attempt as it grows; every change is told once."""

    def __init__(self, recorder: AttemptRecorder, clock: Callable[[], float], request_id: str) -> None:
        self.recorder = recorder
        self._clock = clock
        self.attempt = Attempt(request_id=request_id, started_at=clock())

    def begin(self, status: int, response_headers: Mapping[str, str]) -> None:
        told = {  # interned: thousands of answers say the same
            intern(name.lower()): intern(value)
            for name, value in response_headers.items()
            if name.lower() not in _UNTOLD
        }
        self._change(status_code=status, headers=told, helicone_id=headers.read_helicone_id(told))

    def note_bytes(self) -> None:
        if self.attempt.first_byte_at is None:
            self._change(first_byte_at=self._clock())

    def end(self, error: BaseException | None) -> None:
        if self.attempt.ended_at is None:
            self._change(ended_at=self._clock(), error=None if error is None else type(error).__name__)

    def _change(self, **changes: object) -> None:
        self.attempt = replace(self.attempt, **changes)  # type: ignore[arg-type]  # fields by name
        self.recorder.update_attempt(self.attempt)


class _WatchedStream(httpx2.AsyncByteStream):
    """The bytes of an answer on their way through."""

    def __init__(self, response: httpx2.Response, record: _AttemptLog) -> None:
        self._response = response
        self._record = record

    async def __aiter__(self) -> AsyncIterator[bytes]:
        tail, room = b"", _find_room(self._response)
        try:
            async for piece in self._response.stream:  # type: ignore[union-attr]  # an async transport's is async
                self._record.note_bytes()
                room -= len(piece)
                if room < 0:
                    raise _build_overflow()
                tail = (tail + piece)[-64:]
                if b"[DONE]" in tail:
                    self._record.recorder.note_end_mark()
                yield piece
        except BaseException as error:
            self._record.end(error)
            raise
        self._record.end(None)

    async def aclose(self) -> None:
        self._record.end(None)
        await self._response.aclose()


async def _read_beginning(response: httpx2.Response) -> bytes:
    """As much of an error as anyone reads."""
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) >= MAX_REFUSAL:
            break
    return body[:MAX_REFUSAL]


def _find_room(response: httpx2.Response) -> int:
    """How many bytes of an answer are taken in: an endless one must not take the kernel's memory."""
    return MAX_COMPRESSED if "content-encoding" in response.headers else MAX_ANSWER


def _build_overflow() -> IncompleteAnswerError:
    return IncompleteAnswerError(
        "the answer is longer than any model's: it was not read to its end.",
        hint="is this the base URL of an OpenAI-compatible API? `%helicone_session doctor` shows it",
    )
