"""The text by which a value of the notebook stands in a prompt.

Tables are capped, with a note that says so; values that would only read as a memory address, or
as ``None``, are refused, for they are a mistake nearly always. Knows no pandas and no numpy: they
are recognised by their methods.
"""

from __future__ import annotations

import inspect
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
    if isinstance(value, str):
        return ValueText(str(value))
    _check_has_text(value, expression)
    if _has(value, "to_string", "head", "columns"):
        return _build_table(value, expression)
    if _has(value, "to_string", "head", "index"):
        return _build_series(value, expression)
    text = _read_text(value, expression)
    if _has(value, "shape", "dtype", "tolist") and "..." in text:
        return ValueText(text, f"{type(value).__name__} {expression}: shortened, {_count_items(value):,} values")
    return ValueText(text)


def _build_table(frame: Any, expression: str) -> ValueText:
    rows, columns = len(frame), len(frame.columns)
    shown = frame if rows <= WHOLE_ROWS else frame.head(FIRST_ROWS)
    if columns > MOST_COLUMNS:
        shown = shown.iloc[:, :MOST_COLUMNS]
    cut = [_describe_cut(len(shown), rows, "rows"), _describe_cut(len(shown.columns), columns, "columns")]
    return _add_cut(_print_table(shown), ", ".join(filter(None, cut)), f"{type(frame).__name__} {expression}")


def _print_table(frame: Any) -> str:
    """A Markdown table; plain columns where ``tabulate``, which pandas needs for one, is missing."""
    is_numbered = type(getattr(frame, "index", None)).__name__ == "RangeIndex"
    if hasattr(frame, "to_markdown"):
        try:
            return str(frame.to_markdown(index=not is_numbered))
        except ImportError:
            pass
    return str(frame.to_string(index=not is_numbered))


def _build_series(series: Any, expression: str) -> ValueText:
    count = len(series)
    shown = series if count <= WHOLE_ROWS else series.head(FIRST_ROWS)
    cut = _describe_cut(len(shown), count, "values")
    return _add_cut(str(shown.to_string()), cut, f"{type(series).__name__} {expression}")


def _describe_cut(shown: int, total: int, what: str) -> str:
    return f"{shown:,} of {total:,} {what}" if shown < total else ""


def _add_cut(text: str, cut: str, label: str) -> ValueText:
    """The model is told as well, or it would take the part for the whole."""
    return ValueText(f"{text}\n(first {cut})", f"{label}: {cut}") if cut else ValueText(text)


def _count_items(array: Any) -> int:
    count = 1
    for length in array.shape:
        count *= length
    return count


def _has(value: Any, *attributes: str) -> bool:
    return not isinstance(value, type) and all(
        hasattr(type(value), name) or hasattr(value, name) for name in attributes
    )


def _check_has_text(value: Any, expression: str) -> None:
    span = f"'{{{{ {expression} }}}}'"
    if value is None:
        raise TemplateError(
            f"{span} is None.",
            hint=f"type {{{{ {expression} or '…' }}}} for another text, or {{{{ str({expression}) }}}}",
        )
    if inspect.isawaitable(value):
        raise TemplateError(
            f"{span} is a {type(value).__name__} that was never awaited.",
            hint=f"await it first: {expression} = await …",
        )
    if isinstance(value, type) or inspect.ismodule(value):
        kind = "module" if inspect.ismodule(value) else "class"
        raise TemplateError(f"{span} is a {kind}, not a value.", hint=_hint_source(expression))
    if inspect.isroutine(value):
        raise TemplateError(
            f"{span} is a function.",
            hint=f"did you mean to call it? {{{{ {expression}() }}}}; {_hint_source(expression)}",
        )
    if isinstance(value, bytes | bytearray | memoryview):
        raise TemplateError(f"{span} is bytes, not text.", hint=f"type {{{{ {expression}.decode() }}}}")


def _hint_source(expression: str) -> str:
    return f"for its source, `import inspect` in a cell and type {{{{ inspect.getsource({expression}) }}}}"


def _read_text(value: Any, expression: str) -> str:
    text = str(value)
    if not _MEMORY_ADDRESS.fullmatch(text):
        return text
    hint = "type | list after it" if hasattr(value, "__next__") else "name the attribute that holds the text"
    raise TemplateError(
        f"'{{{{ {expression} }}}}' is a {type(value).__name__}, which has no text of its own.", hint=hint
    )
