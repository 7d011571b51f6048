"""What a tool returned, as the text that the model gets. Never runs longer than the value is large."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from heliconemagic.prompt.value_text import ValueText, build_value_text, is_table

MAX_RESULT = 20_000
"""Characters of one result that are sent: some five thousand tokens, which every further round sends again."""

MAX_ERROR = 2_000
"""The same of an error: some quote all of what they were given."""


class ResultError(ValueError):
    """What a tool returned has no text; the message is for the model and the person."""


def build_result_text(value: Any, redact: Callable[[str], str] = str) -> ValueText:
    """Text as it is, a table as Markdown, everything else as JSON; what is too long is cut, and the note says so.

    ``redact`` takes keys out first: of one that is cut in two nobody would know the half.

    Raises:
        ResultError: it has no text, or none that ends.
    """
    if isinstance(value, str):
        return _cut(redact(str(value)))
    if isinstance(value, bytes | bytearray | memoryview):
        raise ResultError("it returned bytes, not text")
    if isinstance(value, Iterator):
        raise ResultError(f"it returned a {type(value).__name__}, which cannot be sent: return a list")
    if is_table(value):
        table = build_value_text(value, "returned")
        text = redact(table.text)
        return ValueText(text, table.note) if len(text) <= MAX_RESULT else _cut(text)
    return _cut(redact(_build_json(value)))


def shorten_error(said: str) -> str:
    """As much of an error as is told."""
    if len(said) <= MAX_ERROR:
        return said
    return f"{said[:MAX_ERROR]} … (the first {MAX_ERROR:,} of {len(said):,} characters)"


def _build_json(value: Any) -> str:
    import pydantic_core

    try:
        plain = pydantic_core.to_jsonable_python(value, fallback=_build_plain, bytes_mode="base64")
    except ValueError as error:
        raise ResultError(f"what it returned, a {type(value).__name__}, has no JSON form: {error}") from error
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=str)


def _build_plain(value: Any) -> Any:
    """What JSON has no word for: arrays and numbers of numpy as lists and numbers, everything else as its text."""
    return value.tolist() if hasattr(type(value), "tolist") else str(value)


def _cut(text: str) -> ValueText:
    """The model is told as well, or it would take the part for the whole."""
    if len(text) <= MAX_RESULT:
        return ValueText(text)
    note = f"the first {MAX_RESULT:,} of {len(text):,} characters"
    return ValueText(f"{text[:MAX_RESULT]}\n({note})", note)
