"""Waiting for what belongs to the kernel's own loop from synchronous code, and who gets an interrupt meanwhile."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from heliconemagic.running.background import Handle

Result = TypeVar("Result")


def await_blocking(awaitables: Mapping[str, Awaitable[Any]]) -> dict[str, Any]:
    """Results of what a synchronous cell has to wait for, by their names."""
    handles = {name: value.wait() for name, value in awaitables.items() if isinstance(value, Handle)}
    awaitables = {name: value for name, value in awaitables.items() if name not in handles}
    if not awaitables:
        return handles

    async def gather() -> list[Any]:
        return list(await asyncio.gather(*awaitables.values()))

    return {**handles, **dict(zip(awaitables, run_blocking(gather()), strict=True))}


def run_blocking(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The result of ``coroutine``, run on the loop of this thread, which may be running already.

    What it awaits may be bound to that loop, which the cell blocks: this is what nest-asyncio2 is for, and it is
    applied only here. An interrupt cancels the coroutine.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    import nest_asyncio2

    nest_asyncio2.apply(loop)
    task = loop.create_task(coroutine)
    with _cancelling_on_interrupt(loop, task) as is_interrupted:
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError:
            if is_interrupted():
                raise KeyboardInterrupt from None
            raise
        except BaseException:
            task.cancel()  # an interrupt leaves the task running unless it is told
            raise


@contextmanager
def _cancelling_on_interrupt(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> Iterator[Callable[[], bool]]:
    """Lets an interrupt cancel ``task``, and only a second one raise; gives whether there was one.

    Raised at any place of the nested loop, it would hit the kernel's own tasks as well, and a queued cell would be
    lost. `asyncio.run` does the same.
    """
    interrupts: list[int] = []

    def handle(number: int, frame: Any) -> None:
        interrupts.append(number)
        if len(interrupts) > 1:
            raise KeyboardInterrupt
        loop.call_soon_threadsafe(task.cancel)

    with _handling_interrupts(handle):
        yield lambda: bool(interrupts)


@contextmanager
def _handling_interrupts(handler: Any) -> Iterator[None]:
    """Puts a handler of SIGINT in place of the one there is; only the main thread has one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def raising_interrupts() -> Any:
    """A context in which an interrupt is a KeyboardInterrupt at once, also where an async cell would wait for it.

    For a person's function that blocks the kernel's loop: the kernel's own handler only cancels what awaits.
    """
    return _handling_interrupts(signal.default_int_handler)
