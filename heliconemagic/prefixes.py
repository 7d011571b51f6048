"""Path prefixes: inside ``with session.at("/lesson/1"):`` every path is below that one.

Kept for each thread and each asyncio task by itself, and for each session by its id. Knows nothing of steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_prefixes: ContextVar[Mapping[str, str]] = ContextVar("heliconemagic_prefixes", default={})  # noqa: B039  # never changed


def find_prefix(session_id: str) -> str:
    """The prefix that holds here for the paths of a session; empty outside of every ``with``."""
    return _prefixes.get().get(session_id, "")


@contextmanager
def use_prefix(session_id: str, prefix: str) -> Iterator[None]:
    """Lets ``prefix`` hold for a session; at the end the one before holds again."""
    token = _prefixes.set({**_prefixes.get(), session_id: prefix})
    try:
        yield
    finally:
        _prefixes.reset(token)
