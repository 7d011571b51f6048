"""An event loop on a thread of its own, and calling on it from another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def call_on(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    """Calls back on ``loop`` from any thread; harmless once the loop is closed."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback)


def run_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Runs ``loop`` on this thread until it is stopped, and closes it."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()
