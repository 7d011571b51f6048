"""Requests of other clients as steps: seen where they leave, with their answers read as they pass by.

Above `RecordingTransport`, which records the attempts. Whatever goes wrong in reading, the client gets every byte,
but for the keys that a server repeats: the SDK quotes its errors in tracebacks, which notebooks save.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2

from heliconemagic.redaction import Redactor, Secret, StreamRedactor
from heliconemagic.transport.answer_reader import AnswerReader
from heliconemagic.transport.recording import AttemptRecorder, current_recorder, replace_stream

RETRY_COUNT = "x-stainless-retry-count"
"""The SDK's own header: which attempt at one request this is."""
MAX_SAID = 300
"""Characters that are kept of a server's words for an error, once no key is in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequest:
    """A request as it leaves a client."""

    method: str
    url: str  # without its query
    headers: Mapping[str, str]
    body: bytes
    is_retry: bool


class ClientStep(AttemptRecorder, Protocol):
    """The step that a request is; called on the event loop."""

    def take(self, chunk: Any) -> None:
        """Takes a piece of the answer in."""

    async def end(self, error: BaseException | None) -> None:
        """The exchange is over: in order, or with what broke it off."""


class ClientTransport(httpx2.AsyncBaseTransport):
    """Sends one client's requests by what ``find_inner`` gives on the loop.

    ``open_step`` makes a step of each, or raises an InputError to refuse it.
    ``redactor`` takes the keys out of answers.
    ``secret_headers`` go to ``origin`` and to nobody else, wherever the client may be turned to.
    """

    def __init__(
        self,
        find_inner: Callable[[], httpx2.AsyncBaseTransport],
        open_step: Callable[[SentRequest], ClientStep],
        secret_headers: Mapping[str, Secret],
        base_url: str,
        redactor: Redactor,
    ) -> None:
        self._find_inner = find_inner
        self._open_step = open_step
        self._secret_headers = secret_headers
        self._redactor = redactor
        self._origin = _read_origin(httpx2.URL(base_url))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends ``request`` as a step.

        Raises:
            InputError: it was refused; the SDK neither wraps that nor tries again.
        """
        sent = SentRequest(
            method=request.method,
            url=str(request.url.copy_with(query=None)),
            headers=dict(request.headers),
            body=await request.aread(),
            is_retry=request.headers.get(RETRY_COUNT, "0") != "0",
        )
        step = self._open_step(sent)
        if _read_origin(request.url) == self._origin:
            request.headers.update({name: secret.reveal() for name, secret in self._secret_headers.items()})
        return await self._send(request, step)

    async def _send(self, request: httpx2.Request, step: ClientStep) -> httpx2.Response:
        token = current_recorder.set(step)
        try:
            response = await self._find_inner().handle_async_request(request)
        except BaseException as error:
            await step.end(error)
            raise
        finally:
            current_recorder.reset(token)
        if response.status_code >= 300:  # redirects aren't followed: keys would go along
            return await self._read_refusal(request, response, step)
        return replace_stream(request, response, _ReadStream(response, step, self._redactor))

    async def _read_refusal(
        self, request: httpx2.Request, response: httpx2.Response, step: ClientStep
    ) -> httpx2.Response:
        """The error without the keys that it may repeat."""
        text = (await response.aread()).decode("utf-8", "surrogateescape")
        body = self._redactor.redact(text).encode("utf-8", "surrogateescape")
        await step.end(_Refused(response.status_code, _read_message(body)))
        headers = {name: value for name, value in response.headers.items() if name not in _OF_THE_BYTES}
        return httpx2.Response(response.status_code, headers=headers, content=body, request=request)


_OF_THE_BYTES = ("content-length", "content-encoding")


class _ReadStream(httpx2.AsyncByteStream):
    """The bytes of an answer, read on their way through."""

    def __init__(self, response: httpx2.Response, step: ClientStep, redactor: Redactor) -> None:
        self._response = response
        self._step: ClientStep | None = step
        self._redactor = redactor
        self._passing = StreamRedactor(redactor)
        self._is_readable = "content-encoding" not in response.headers
        self._reader = AnswerReader(response.headers.get("content-type", ""))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.stream:  # type: ignore[union-attr]  # an async transport's is async
                with self._warning():
                    for chunk in self._reader.feed(piece):
                        self._take(chunk)
                yield self._pass(piece)
        except BaseException as error:
            await self._end(error)
            raise
        await self._end(None)
        if rest := self._passing.flush():
            yield rest.encode("latin-1")

    def _pass(self, piece: bytes) -> bytes:
        """What the client gets of it now: what may begin a key waits for the next piece."""
        return self._passing.feed(piece.decode("latin-1")).encode("latin-1") if self._is_readable else piece

    async def aclose(self) -> None:
        try:
            await self._response.aclose()
        finally:
            await self._end(_Left())

    async def _end(self, error: BaseException | None) -> None:
        with self._warning():
            for chunk in self._reader.finish():
                self._take(chunk)
        step, self._step = self._step, None
        if step is not None:
            is_told = self._reader.error is not None and not isinstance(error, Exception)
            await step.end(
                _Told(self._redactor.redact(_read_words(self._reader.error))[:MAX_SAID]) if is_told else error
            )

    def _take(self, chunk: Any) -> None:
        if self._step is not None:
            self._step.take(chunk)

    @contextmanager
    def _warning(self) -> Iterator[None]:
        """The client is not to suffer from what is only looked at."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever a server sends
            self._reader = AnswerReader("")
            warnings.warn(f"an answer is recorded only in part: {type(error).__name__}: {error}", stacklevel=2)


class _Refused(Exception):
    """An error status, in the server's words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"HTTP {status}: {message}".rstrip(": "))


class _Told(Exception):
    """An error in an answer whose status is that of none, in the server's words."""


class _Left(BaseException):
    """The client closed the answer; whether that was too early, the step knows."""


def _read_message(body: bytes) -> str:
    try:
        return _read_words(json.loads(body)["error"])[:MAX_SAID]
    except (ValueError, KeyError, TypeError, RecursionError):
        return body[:MAX_SAID].decode("utf-8", "replace")


def _read_words(error: object) -> str:
    words = error.get("message") if isinstance(error, Mapping) else error
    return str(words or error)


def _read_origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
