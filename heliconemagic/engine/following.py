"""Follows a run, or several as one, until it ends, showing it: from a coroutine on the kernel's loop, or blocking.

The two forms differ only in how they wait. Both look ten times a second, wake for the first text,
and on an interrupt stop the request and wait until its connection is closed.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from heliconemagic.engine.loops import call_on

TICK_SECONDS = 0.1
CANCEL_SECONDS = 5.0
"""How long an interrupt may wait for the connection to close."""


class Followed(Protocol):
    """What can be followed: a `heliconemagic.engine.run.Run`, or several as one."""

    @property
    def done(self) -> concurrent.futures.Future[None]:
        """Gets its result at the end."""

    @property
    def has_text(self) -> threading.Event:
        """Set when the first text has arrived, and at the end."""

    @property
    def is_done(self) -> bool:
        """Whether it has ended, in whatever way."""

    def call_on_first_text(self, callback: Callable[[], None]) -> None:
        """Calls ``callback``, on any thread, when the first text arrives."""

    def cancel(self) -> None:
        """Stops it; returns at once."""


class RunGroup:
    """Several runs, followed as one: it has text when one of them has, and has ended when all have."""

    def __init__(self, runs: Sequence[Followed]) -> None:
        self._runs = runs
        self._lock = threading.Lock()
        self._left = len(runs)
        self._on_text: Callable[[], None] = lambda: None
        self.done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self.has_text = threading.Event()
        for run in runs:
            run.call_on_first_text(self._note_text)
            run.done.add_done_callback(self._note_end)
        if not runs:
            self._end()

    @property
    def is_done(self) -> bool:
        """Whether all have ended."""
        return self.done.done()

    def call_on_first_text(self, callback: Callable[[], None]) -> None:
        """Calls ``callback``, on any thread, when the first of them has text."""
        self._on_text = callback
        if self.has_text.is_set():
            callback()

    def cancel(self) -> None:
        """Stops all that still run."""
        for run in self._runs:
            if not run.is_done:
                run.cancel()

    def _note_text(self) -> None:
        if not self.has_text.is_set():
            self.has_text.set()
            self._on_text()

    def _note_end(self, _: concurrent.futures.Future[None]) -> None:
        with self._lock:
            self._left -= 1
            is_last = self._left == 0
        if is_last:
            self._end()

    def _end(self) -> None:
        self.done.set_result(None)
        self.has_text.set()  # wakes a follower that waits for text which will never come


async def follow(run: Followed, show: Callable[[], None]) -> bool:
    """Waits on the running loop; True if the run was interrupted from here.

    The wait is sliced because an interrupt reaches an idle kernel loop only when something wakes it.
    """
    loop = asyncio.get_running_loop()
    first_text = asyncio.Event()
    run.call_on_first_text(partial(call_on, loop, first_text.set))
    ended = asyncio.wrap_future(run.done)
    started = asyncio.ensure_future(first_text.wait())
    try:
        while not run.is_done:
            waited: set[asyncio.Future[Any]] = {ended} if first_text.is_set() else {ended, started}
            await asyncio.wait(waited, timeout=TICK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            show()
    except (asyncio.CancelledError, KeyboardInterrupt):
        _stop(run)
        return True
    finally:
        started.cancel()
    return False


def follow_blocking(run: Followed, show: Callable[[], None]) -> bool:
    """The same for a synchronous cell: blocks this thread."""
    try:
        while not run.is_done:
            if run.has_text.is_set():
                concurrent.futures.wait([run.done], timeout=TICK_SECONDS)
            else:
                run.has_text.wait(TICK_SECONDS)
            show()
    except KeyboardInterrupt:
        _stop(run)
        return True
    return False


def _stop(run: Followed) -> None:
    run.cancel()
    concurrent.futures.wait([run.done], timeout=CANCEL_SECONDS)
