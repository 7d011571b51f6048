"""Sends requests to the local model, whose server begins with the first of them and ends with the client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import httpx2

from heliconemagic.errors import LocalModelError
from heliconemagic.gateways.failures import LOCAL_UNAVAILABLE
from heliconemagic.redaction import Secret


class Server(Protocol):
    """What `heliconemagic.local.server.LocalServer` offers."""

    url: str
    key: Secret

    def close(self) -> None:
        """Ends it."""


class LocalTransport(httpx2.AsyncBaseTransport):
    """Takes requests for whatever host to the server in this process, as long as ``is_installed``."""

    def __init__(self, start: Callable[[], Server], is_installed: Callable[[], bool] = lambda: True) -> None:
        self._start = start
        self._is_installed = is_installed
        self._starting: asyncio.Task[Server] | None = None
        self._inner = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Passes ``request`` on with the server's own address and key."""
        try:
            server = await self._find_server()
        except LocalModelError as error:
            return _refuse(request, error)
        return await self._inner.handle_async_request(_readdress(request, server))

    async def _find_server(self) -> Server:
        """The server; begun once, also for requests that are cancelled meanwhile.

        It goes on without its files: where they were removed it is ended, and to begin it anew says what is missing.
        """
        if self._starting is not None and self._starting.done() and not self._is_installed():
            await self._end_server()
        if self._starting is None or (self._starting.done() and self._starting.exception() is not None):
            self._starting = asyncio.ensure_future(asyncio.to_thread(self._start))
        return await asyncio.shield(self._starting)

    async def aclose(self) -> None:
        """Closes the connections and ends the server; idempotent."""
        await self._inner.aclose()
        await self._end_server()

    async def _end_server(self) -> None:
        starting, self._starting = self._starting, None
        if starting is not None:
            started = await asyncio.gather(starting, return_exceptions=True)
            if not isinstance(started[0], BaseException):
                started[0].close()  # here: a process that is ending begins no more threads


def _readdress(request: httpx2.Request, server: Server) -> httpx2.Request:
    """The same request for the server: the original keeps no trace of the key."""
    target = httpx2.URL(server.url)
    own = {"host": target.netloc.decode("ascii"), "authorization": f"Bearer {server.key.reveal()}"}
    return httpx2.Request(
        request.method,
        request.url.copy_with(scheme=target.scheme, host=target.host, port=target.port),
        headers={**request.headers, **own},
        stream=request.stream,
        extensions=request.extensions,
    )


def _refuse(request: httpx2.Request, error: LocalModelError) -> httpx2.Response:
    """There is no server: said with a status after which nobody tries again."""
    message = f"{error.message} {error.cause or ''}".strip()
    return httpx2.Response(424, json={"error": {"code": LOCAL_UNAVAILABLE, "message": message}}, request=request)
