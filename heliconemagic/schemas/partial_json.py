"""JSON that is still being written, and JSON that stands in a fence."""

from __future__ import annotations

from typing import Any

from heliconemagic.fences import find_fence

NOTHING = object()
"""There is no JSON yet, or what there is isn't any."""


def read_partial(text: str) -> Any:
    """The value that ``text`` has begun to write, its last string as far as it goes; `NOTHING` if it isn't JSON."""
    from pydantic_core import from_json

    begun = cut_fence(text)
    if not begun.startswith(("{", "[")):  # a lone scalar shows nothing better than its text
        return NOTHING
    try:
        return from_json(_encode(begun), allow_partial="trailing-strings", cache_strings=False)
    except ValueError:
        return NOTHING


def cut_fence(text: str) -> str:
    """What stands in the fence that ``text`` begins with, closed or not; else ``text``, without blanks around."""
    stripped = text.strip()
    if not stripped.startswith(("```", "~~~")):
        return stripped
    fence = find_fence(stripped)
    return (fence.code if fence else stripped.partition("\n")[2]).strip()


def read_json(text: str) -> Any:
    """The value of a whole answer, from its first fenced block if it isn't JSON itself.

    Raises:
        ValueError: neither is JSON; of the answer itself.
    """
    from pydantic_core import from_json

    try:
        return from_json(_encode(text))
    except ValueError:
        fence = find_fence(text)
        if fence is None:
            raise
    return from_json(_encode(fence.code))


def _encode(text: str) -> bytes:
    """UTF-8 of ``text``; half an emoji, which no encoding has, becomes a question mark."""
    return text.encode("utf-8", "replace")
