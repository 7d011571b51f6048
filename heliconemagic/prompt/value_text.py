"""The text by which a value of the notebook stands in a prompt.

Tables are capped, with a note that says so; values that would only read as a memory address, or
as ``None``, are refused, for they are a mistake nearly always. Knows no pandas and no numpy: they
are recognised by their methods.
"""

from __future__ import annotations

import inspect
import math
import re
from dataclasses import dataclass
from typing import Any

from heliconemagic.errors import TemplateError

# pandas' own display.max_rows and display.min_rows: a table is shown whole up to 60 rows, else its first 10
WHOLE_ROWS, FIRST_ROWS = 60, 10
MOST_COLUMNS = 30
_MEMORY_ADDRESS = re.compile(r"<.* at 0x[0-9a-fA-F]+>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ValueText:
    """A value as text, and what was left out of it (empty: nothing)."""

    text: str
    note: str = ""


def build_value_text(value: Any, expression: str) -> ValueText:
    """``value`` as it stands in a prompt; ``expression`` names it in notes and errors.

    Raises:
        TemplateError: the value has no useful text.
    """
    if isinstance(value, str) or type(value) is int:
        return ValueText(str(value))
    _check_has_text(value, expression)
    try:
        return _build_text(value, expression)
    except TemplateError:
        raise
    except Exception as error:  # whatever the notebook's own objects raise
        message = f"the {type(value).__name__} '{{{{ {expression} }}}}' cannot be turned into text."
        raise TemplateError(message, cause=f"{type(error).__name__}: {error}") from error


def is_table(value: Any) -> bool:
    """Whether it is a DataFrame or a Series, of pandas or polars."""
    return _is_frame(value) or _is_series(value)


def _is_frame(value: Any) -> bool:
    return _has(value, "columns", "head", "itertuples") or _has(value, "columns", "head", "iter_rows")


def _is_series(value: Any) -> bool:
    return _has(value, "head", "to_list", "dtype")


def _build_text(value: Any, expression: str) -> ValueText:
    label = f"{type(value).__name__} {expression}"
    if _is_frame(value):
        return _build_table(value, label)
    if _is_series(value):
        return _build_series(value, label)
    text = str(value)
    _check_readable(value, text, expression)
    if _has(value, "shape", "dtype", "tolist") and "..." in text:
        return ValueText(text, f"{label}: shortened, {_count_items(value):,} values")
    return ValueText(text)


def _build_table(frame: Any, label: str) -> ValueText:
    """A Markdown table. Not by ``tabulate``, which takes the text "007" for the number 7."""
    rows, columns = len(frame), len(frame.columns)
    shown = frame if rows <= WHOLE_ROWS else frame.head(FIRST_ROWS)
    header, *body = _read_rows(shown)
    width = len(header) - columns + min(columns, MOST_COLUMNS)
    lines = [_print_cells(cells[:width]) for cells in (header, ["---"] * len(header), *body)]
    cut = [_describe_cut(len(body), rows, "rows"), _describe_cut(min(columns, MOST_COLUMNS), columns, "columns")]
    return _add_cut("\n".join(lines), ", ".join(filter(None, cut)), label)


def _read_rows(frame: Any) -> list[list[Any]]:
    """Header and rows; with the index, unless it only counts."""
    header = list(frame.columns)
    if not hasattr(frame, "itertuples"):  # polars
        return [header, *map(list, frame.iter_rows())]
    if _only_counts(frame.index):
        return [header, *map(list, frame.itertuples(index=False, name=None))]
    return [[_read_index_name(frame.index), *header], *map(list, frame.itertuples(index=True, name=None))]


def _only_counts(index: Any) -> bool:
    return type(index).__name__ == "RangeIndex"


def _read_index_name(index: Any) -> str:
    return ", ".join(str(name) for name in index.names if name is not None)


def _print_cells(cells: list[Any]) -> str:
    texts = [" ".join(str(cell).replace("|", "\\|").splitlines()) for cell in cells]
    return f"| {' | '.join(texts)} |"


def _build_series(series: Any, label: str) -> ValueText:
    count = len(series)
    shown = series if count <= WHOLE_ROWS else series.head(FIRST_ROWS)
    is_labelled = hasattr(shown, "items") and not _only_counts(shown.index)
    lines = [f"{key}: {value}" for key, value in shown.items()] if is_labelled else map(str, shown.to_list())
    return _add_cut("\n".join(lines), _describe_cut(len(shown), count, "values"), label)


def _describe_cut(shown: int, total: int, what: str) -> str:
    return f"{shown:,} of {total:,} {what}" if shown < total else ""


def _add_cut(text: str, cut: str, label: str) -> ValueText:
    """The model is told as well, or it would take the part for the whole."""
    return ValueText(f"{text}\n(first {cut})", f"{label}: {cut}") if cut else ValueText(text)


def _count_items(array: Any) -> int:
    return math.prod(array.shape)


def _has(value: Any, *attributes: str) -> bool:
    """Of the class, not of the value: some values answer to every name."""
    return not isinstance(value, type) and all(hasattr(type(value), name) for name in attributes)


def _check_has_text(value: Any, expression: str) -> None:
    found = _find_fault(value, expression)
    if found:
        what, hint = found
        raise TemplateError(f"'{{{{ {expression} }}}}' is {what}.", hint=hint)


def _find_fault(value: Any, expression: str) -> tuple[str, str] | None:
    """What ``value`` is instead of something to send, and what to type; None if it can be sent."""
    if value is None:
        return "None", f"type {{{{ {expression} or '…' }}}} for another text, or {{{{ str({expression}) }}}}"
    if inspect.isawaitable(value):
        return f"a {type(value).__name__} that was never awaited", f"await it first: {expression} = await …"
    if isinstance(value, type):
        return "a class, not a value", _hint_source(expression)
    if inspect.ismodule(value):
        return "a module, not a value", _hint_source(expression)
    if inspect.isroutine(value):
        return "a function", f"did you mean to call it? {{{{ {expression}() }}}}; {_hint_source(expression)}"
    if isinstance(value, bytes | bytearray | memoryview):
        return "bytes, not text", f"type {{{{ {expression}.decode() }}}}"
    return None


def _hint_source(expression: str) -> str:
    return f"for its source, `import inspect` in a cell and type {{{{ inspect.getsource({expression}) }}}}"


def _check_readable(value: Any, text: str, expression: str) -> None:
    if not _MEMORY_ADDRESS.fullmatch(text):
        return
    hint = f"type {{{{ {expression} | list }}}}" if hasattr(value, "__next__") else "name the attribute with the text"
    what = f"is a {type(value).__name__}, which has no text of its own"
    raise TemplateError(f"'{{{{ {expression} }}}}' {what}.", hint=hint)
