"""Work that goes on while other cells run: ``--bg``."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

from heliconemagic.engine.following import CANCEL_SECONDS, TICK_SECONDS
from heliconemagic.engine.loops import call_on
from heliconemagic.errors import StillRunningError
from heliconemagic.running.work import Work


class Handle:
    """What a ``--bg`` cell gives: its result once there is one, and a way to wait for it or to stop it.

    ``await handle`` and `wait` give the result and raise its error. Once it is done, the fields of the result are the
    handle's too, and the items of one that is a list.
    """

    def __init__(
        self,
        path: str,
        ended: Future[Any],
        cancel: Callable[[], None] = lambda: None,
        is_shown: Callable[[], bool] = lambda: False,
    ) -> None:
        self._path = path
        self._ended = ended
        self._cancel = cancel
        self._is_shown = is_shown

    @property
    def done(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self._ended.done()

    def wait(self, timeout: float | None = None) -> Any:
        """The result; blocks until it is there, for at most ``timeout`` seconds. The kernel's interrupt ends the wait.

        Raises:
            StillRunningError: the time is over; nothing was stopped.
            HeliconeMagicError, StepInterrupted: the step failed or was stopped.
        """
        left = timeout
        while not self._ended.done() and (left is None or left > 0):
            # In slices, for an interrupt gets through only between two of them on some platforms.
            wait_for_futures([self._ended], timeout=TICK_SECONDS if left is None else min(left, TICK_SECONDS))
            left = None if left is None else left - TICK_SECONDS
        if not self._ended.done():
            raise self._build_still_running(f"has not ended within {timeout:g} s")
        return self._ended.result()

    def cancel(self) -> None:
        """Stops the request; what had arrived is kept. Harmless once it has ended."""
        self._cancel()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._wait_on_loop().__await__()

    async def _wait_on_loop(self) -> Any:
        """In slices too. A future of asyncio's is not made: cancelled, it would cancel the step's with it."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        self._ended.add_done_callback(lambda _: call_on(loop, event.set))
        while not self._ended.done():
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), TICK_SECONDS)
        return self._ended.result()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._read(f"there is no .{name} yet"), name)

    def __getitem__(self, key: Any) -> Any:
        return self._read("there is no item yet")[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._read("there is nothing to go through yet"))

    def __len__(self) -> int:
        return len(self._read("there is no length yet"))

    def __bool__(self) -> bool:
        """A handle is something, also while nothing is there: not a matter of its length."""
        return True

    def _read(self, missing: str) -> Any:
        if not self._ended.done():
            raise self._build_still_running(f"is still running: {missing}")
        return self._ended.result()

    def _build_still_running(self, what: str) -> StillRunningError:
        return StillRunningError(
            f"{self._path} {what}.", hint="wait for it with .wait() or await, or stop it with .cancel()"
        )

    def __repr__(self) -> str:
        if not self._ended.done():
            return f"<Handle {self._path}: running>"
        error = self._ended.exception()
        return repr(self._ended.result()) if error is None else f"<Handle {self._path}: {type(error).__name__}>"

    def _ipython_display_(self) -> None:
        if not self._is_shown():
            raise NotImplementedError  # IPython's way of saying: show it by the other forms

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The result's own forms, once it is there."""
        if self._ended.done() and self._ended.exception() is None:
            build = getattr(self._ended.result(), "_repr_mimebundle_", None)
            if build is not None:
                return dict(build(**kwargs))
        return {"text/plain": repr(self)}


class Background:
    """The works of one notebook that go on beside its cells. `close` it before the notebook."""

    def __init__(self) -> None:
        self._threads: dict[threading.Thread, Work] = {}

    def start(self, work: Work, is_shown: Callable[[], bool]) -> Handle:
        """Shows ``work``, which has begun, and follows it on a thread; returns at once.

        What is published there belongs to the cell that runs now.
        """
        with ExitStack() as stack:
            stack.enter_context(work)
            work.open()
            ending = stack.pop_all()
        ended: Future[Any] = Future()
        handle = Handle(work.path, ended, work.cancel, is_shown)
        for step_id in work.step_ids:
            work.session.running[step_id] = handle.wait
        follow = partial(contextvars.copy_context().run, self._follow, work, ending, ended)
        thread = threading.Thread(target=follow, name=f"heliconemagic-bg-{work.path}", daemon=True)
        self._threads[thread] = work
        thread.start()
        return handle

    def _follow(self, work: Work, ending: ExitStack, ended: Future[Any]) -> None:
        try:
            with ending:
                work.follow_blocking()
            result = work.build_result()
        except BaseException as error:  # noqa: BLE001  # raised where somebody asks for the result
            ended.set_exception(error)
        else:
            for step_id in work.step_ids:
                work.session.running.pop(step_id, None)  # one that failed stays until a cell that needs it is told
            ended.set_result(result)
        finally:
            self._threads.pop(threading.current_thread(), None)

    def close(self) -> None:
        """Stops what still runs, and waits until its cards are closed; idempotent."""
        threads = dict(self._threads)
        for work in threads.values():
            work.cancel()
        for thread in threads:
            thread.join(timeout=CANCEL_SECONDS)


def build_ended(result: Any, is_shown: Callable[[], bool]) -> Handle:
    """The handle of what has ended already, as where nobody sits and the cell waits for it."""
    ended: Future[Any] = Future()
    ended.set_result(result)
    return Handle(getattr(result, "path", "the step"), ended, is_shown=is_shown)
