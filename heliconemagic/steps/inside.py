"""Which traced step the running code is inside of, for each thread and each asyncio task by itself.

Kept for each session by its id, as path prefixes are. A decorated generator is inside only while it runs. What was
begun in one context may end in another (generators, ``asyncio.to_thread``, what the garbage collector closes), where
nothing can be put back: what a context still holds of a step that is over is passed over, therefore.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class Around:
    """The step around, and the one that is around it."""

    id: str
    path: str
    outer: Around | None = None
    function: str = ""  # that it is a call of, where its path is below the step around
    is_over: bool = False


_around: ContextVar[Mapping[str, Around]] = ContextVar("heliconemagic_inside", default={})  # noqa: B039  # never changed


def find_around(session_id: str) -> Around | None:
    """The innermost traced step of a session that runs here."""
    around = _around.get().get(session_id)
    while around is not None and around.is_over:
        around = around.outer
    return around


def begin_around(session_id: str, around: Around) -> None:
    """Lets a step be around what runs from here on, until it is over.

    For a cell: what ends it may run in another context.
    """
    _around.set({**_around.get(), session_id: around})


@contextmanager
def use_around(session_id: str, around: Around) -> Iterator[None]:
    """Lets a step be around what runs in the block, and what was around before after it."""
    token = _around.set({**_around.get(), session_id: around})
    try:
        yield
    finally:
        with suppress(ValueError):  # in another context, which holds what it held
            _around.reset(token)
