"""The rows of a batch: what can be gone through one by one, and what each row is called in a path.

Knows no pandas and no polars: their tables are recognised by their methods.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.wire_text import build_ascii_form

MAX_SEGMENT = 80
"""Characters of a row's value in a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSource:
    """Where rows come from. Those that can be gone through twice are checked before the first is sent."""

    expression: str  # as typed, for errors
    open: Callable[[], Iterator[Any]]
    count: int | None = None  # None: known at the end only

    @property
    def is_checked_first(self) -> bool:
        """Whether all rows are there already."""
        return self.count is not None


def open_rows(value: Any, expression: str) -> RowSource:
    """The rows that ``value`` gives: a list, a table's rows as mappings, a generator, a function that makes one.

    Raises:
        InputError: it has no rows.
    """
    if callable(value) and not isinstance(value, type) and not isinstance(value, Iterable):
        value = value()
    if _is_table(value):
        return RowSource(expression=expression, open=lambda: _iterate_table(value), count=len(value))
    _check_rows(value, expression)
    count = len(value) if isinstance(value, Sized) else None
    return RowSource(expression=expression, open=lambda: iter(value), count=count)


def _is_table(value: Any) -> bool:
    kind = type(value)
    return hasattr(kind, "columns") and (hasattr(kind, "itertuples") or hasattr(kind, "iter_rows"))


def _iterate_table(frame: Any) -> Iterator[dict[str, Any]]:
    """The rows of a pandas or polars table, by the names of the columns."""
    columns = [str(column) for column in frame.columns]
    rows = frame.itertuples(index=False, name=None) if hasattr(frame, "itertuples") else frame.iter_rows()
    return (dict(zip(columns, row, strict=True)) for row in rows)


def _check_rows(value: Any, expression: str) -> None:
    kind = type(value).__name__
    if isinstance(value, str | bytes):
        raise InputError(f"--for {expression!r} is a text, not rows.", hint=f"type --for {expression}.splitlines()")
    if isinstance(value, Mapping):
        hint = f"type --for {expression}.values(), or .items() for pairs: {{{{ row[0] }}}} and {{{{ row[1] }}}}"
        raise InputError(f"--for {expression!r} is a {kind}, which has rows of two kinds.", hint=hint)
    if isinstance(value, AsyncIterable):
        hint = f"collect it first: rows = [row async for row in {expression}]"
        raise InputError(f"--for {expression!r} is asynchronous.", hint=hint)
    if not isinstance(value, Iterable):
        raise InputError(
            f"--for {expression!r} is of type {kind}, which has no rows.",
            hint="name a list, a DataFrame, a generator, or a function that makes one",
        )
    if isinstance(value, Sized) and len(value) == 0:
        raise build_no_rows(expression)


_FILL = "is the cell that fills it run? it takes a list, a DataFrame or a generator with at least one row"


def build_no_rows(expression: str, *, is_spent: bool = False) -> InputError:
    """The error of a batch of nothing."""
    hint = "a generator gives its rows once: make it anew, or name the function that makes it" if is_spent else _FILL
    return InputError(f"--for {expression!r} has no rows.", hint=hint)


def spell_segment(text: str) -> str:
    """A row's value as one segment of a path: plain ASCII, no slash, not too long.

    >>> spell_segment("Café / Übung 50%")
    'Cafe - Ubung 50 percent'

    Raises:
        InputError: nothing of it can be sent.
    """
    spelled = build_ascii_form(text).replace("/", "-")[:MAX_SEGMENT].strip()
    if not spelled:
        raise InputError(
            f"{text[:40]!r} cannot stand in a path, which is plain ASCII.",
            hint="name another value, or {{ row_number }}, in the path",
        )
    return spelled
