"""Which traced step the running code is inside of, for each thread and each asyncio task by itself.

Kept for each session by its id, as path prefixes are. A generator is inside only while it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Around:
    """The step around."""

    id: str
    path: str


_around: ContextVar[Mapping[str, Around]] = ContextVar("heliconemagic_inside", default={})  # noqa: B039  # never changed


def find_around(session_id: str) -> Around | None:
    """The innermost traced step of a session that runs here."""
    return _around.get().get(session_id)


def begin_around(session_id: str, around: Around) -> Mapping[str, Around]:
    """Lets a step be around what runs from here on; gives what `end_around` takes.

    For a cell: what ends it may run in another context, where nothing could be reset.
    """
    before = _around.get()
    _around.set({**before, session_id: around})
    return before


def end_around(before: Mapping[str, Around]) -> None:
    """Lets hold again what held before."""
    _around.set(before)


@contextmanager
def use_around(session_id: str, around: Around) -> Iterator[None]:
    """Lets a step be around what runs in the block."""
    token = _around.set({**_around.get(), session_id: around})
    try:
        yield
    finally:
        _around.reset(token)
