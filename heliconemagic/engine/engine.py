"""Runs steps: a thread with an event loop of its own, on which every request is sent.

One loop for all requests means one client and one connection pool, whatever kind of cell asks and
whether the kernel's own loop is running or blocked. The caller stays on its thread, reads
snapshots of the `Run` as often as it likes, and can cancel it from anywhere.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from heliconemagic.client import Client
from heliconemagic.engine.loops import run_loop
from heliconemagic.engine.run import Run
from heliconemagic.errors import InputError
from heliconemagic.redaction import Redactor

Result = TypeVar("Result")


class Engine:
    """The thread and its loop, begun on first use; `close` ends both."""

    def __init__(self, build_client: Callable[[], Client]) -> None:
        self._build_client = build_client
        self._client: Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._is_closed = False
        self._pid = os.getpid()
        self._runs: set[asyncio.Task[Any]] = set()

    def start(self, run: Run, redactor: Redactor) -> None:
        """Begins ``run``; returns at once."""
        loop = self._open_loop()

        def begin() -> None:
            if self._is_closed:
                run.break_off()
                return
            try:
                client = self.open_client()
            except Exception as error:  # noqa: BLE001  # a library that doesn't import, raised in the cell
                run.fail(error)
                return
            client.use_redactor(redactor)
            task = loop.create_task(run.execute(client))
            self._runs.add(task)
            task.add_done_callback(self._runs.discard)
            task.add_done_callback(lambda _: run.break_off())  # one that is cancelled before its first step never runs

        loop.call_soon_threadsafe(begin)

    def call(self, ask: Callable[[Client], Coroutine[Any, Any, Result]], timeout: float = 30.0) -> Result:
        """The result of a coroutine that needs the client; blocks the calling thread."""
        loop = self._open_loop()

        async def answer() -> Result:
            return await ask(self.open_client())

        return asyncio.run_coroutine_threadsafe(answer(), loop).result(timeout)

    def submit(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Runs a coroutine on the engine's loop; cancelled when the engine closes, or with the future it gives.

        Raises:
            InputError: the engine is closed, or another process's.
        """
        try:
            loop = self._open_loop()
        except InputError:
            work.close()  # it will never run
            raise

        async def watch() -> Result:
            task = asyncio.current_task()
            assert task is not None
            self._runs.add(task)
            task.add_done_callback(self._runs.discard)
            return await work

        return asyncio.run_coroutine_threadsafe(watch(), loop)

    def close(self) -> None:
        """Cancels what runs, closes the connections and ends the thread; idempotent."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
            self._is_closed = True
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._shut_down(loop), loop)
        thread.join(timeout=5.0)

    async def _shut_down(self, loop: asyncio.AbstractEventLoop) -> None:
        for task in list(self._runs):
            task.cancel()
        await asyncio.gather(*self._runs, return_exceptions=True)
        if self._client is not None:
            await self._client.close()
            self._client = None
        loop.stop()

    def open_client(self) -> Client:
        """The client, built on first use; only for what runs on the engine's loop."""
        if self._client is None:
            self._client = self._build_client()
        return self._client

    def _open_loop(self) -> asyncio.AbstractEventLoop:
        """The loop, begun on first use.

        Raises:
            InputError: the engine was closed, or belongs to the process that this one was forked from.
        """
        with self._lock:
            if self._is_closed or self._pid != os.getpid():
                raise InputError(
                    "what would send this was closed, or belongs to the parent process.",
                    hint="take the session anew: heliconemagic.session(), and its clients from there",
                )
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=run_loop, args=(self._loop,), name="heliconemagic-engine", daemon=True
                )
                self._thread.start()
            return self._loop
