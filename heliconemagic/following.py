"""Follows a run, or several as one, until it ends, showing it: from a coroutine on the kernel's loop, or blocking.

The two forms differ only in how they wait. Both look ten times a second, wake for the first text,
and on an interrupt stop the request and wait until its connection is closed.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from heliconemagic.engine import call_on

TICK_SECONDS = 0.1
CANCEL_SECONDS = 5.0
"""How long an interrupt may wait for the connection to close."""


class Followed(Protocol):
    """What can be followed: a `heliconemagic.engine.Run`, or several as one."""

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
