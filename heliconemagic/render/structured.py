"""An answer that is an object: fields as a table, a list of objects as a table, what is nested inside its cells.

The object may still be growing, and comes from a model: every key and value is text, escaped like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from heliconemagic.records import Step
from heliconemagic.render.figures import format_count
from heliconemagic.render.markdown_html import MAX_RENDERED
from heliconemagic.render.markup import NO_MATH, escape, escape_markdown
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.schemas.normal_form import WRAPPER, is_wrapped
from heliconemagic.schemas.partial_json import NOTHING, cut_fence, read_partial

MAX_DEPTH = 5
"""Levels of tables inside tables; what is deeper is shown as JSON."""
MAX_COLUMNS = 8
MAX_RAW = 100_000  # characters of JSON that a card repeats
__all__ = [
    "FINAL",
    "LIVE",
    "NOTHING",
    "Limits",
    "build_object_html",
    "build_object_markdown",
    "build_object_text",
    "build_raw_html",
    "find_object",
]
ABSENT = "–"

Place = tuple[str | int, ...]
Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of an object is shown: items of a list and fields of an object, characters of a text."""

    items: int
    characters: int
    shows_end: bool = False  # what came last, else what came first

    def select(self, entries: Sequence[Entry]) -> tuple[Sequence[Entry], int]:
        """The entries that are shown, and how many aren't."""
        skipped = max(0, len(entries) - self.items)
        return (entries[skipped:] if self.shows_end else entries[: self.items]), skipped

    def shorten(self, text: str) -> str:
        """As much of ``text``."""
        if len(text) <= self.characters:
            return text
        return f"… {text[-self.characters :]}" if self.shows_end else f"{text[: self.characters]} …"


FINAL = Limits(items=500, characters=20_000)
LIVE = Limits(items=6, characters=400, shows_end=True)
"""While it grows: every update is sent whole, so it stays small however long the answer becomes."""


def find_object(step: Step) -> Any:
    """The object that the answer of ``step`` is, or has begun to be; `NOTHING` where none was asked for."""
    wanted = step.parameters.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if wanted is None or len(step.text) > MAX_RENDERED:
        return NOTHING
    if kind not in ("json_object", "json_schema"):
        return NOTHING
    value = read_partial(step.text)
    return unwrap(wanted.get("json_schema"), value) if kind == "json_schema" else value


def unwrap(json_schema: Any, value: Any) -> Any:
    """What was asked for, where it had to be put into an object to be sent."""
    schema = json_schema.get("schema") if isinstance(json_schema, Mapping) else None
    is_inside = isinstance(schema, Mapping) and is_wrapped(schema) and isinstance(value, dict) and WRAPPER in value
    return value[WRAPPER] if is_inside else value


# ---- HTML


@dataclass(frozen=True, slots=True)
class HtmlTree:
    """Builds the HTML of one object; ``problems`` says in words what is wrong with a field, by its place."""

    limits: Limits = FINAL
    problems: Mapping[Place, str] = field(default_factory=dict)

    def build(self, value: Any, place: Place = ()) -> str:
        """Any value, with what is wrong with it."""
        problem = self.problems.get(place)
        marked = f' <em class="hm-bad">⚠ {escape(problem)}</em>' if problem else ""
        return self._build_value(value, place) + marked

    def _build_value(self, value: Any, place: Place) -> str:
        if len(place) > MAX_DEPTH and isinstance(value, dict | list):
            return f"<code>{escape(self.limits.shorten(_write(value)))}</code>"
        if isinstance(value, dict):
            return self._build_fields(value, place)
        if isinstance(value, list):
            return self._build_list(value, place)
        return escape(self.limits.shorten(format_scalar(value))).replace("\n", "<br>")

    def _build_fields(self, value: Mapping[str, Any], place: Place) -> str:
        """One row for each field."""
        missing = [at[-1] for at in self.problems if at[:-1] == place and at and at[-1] not in value]
        shown, skipped = self.limits.select(list(value.items()))
        rows = [("…", f"<em>{escape(self._count(skipped, 'field'))}</em>")] if skipped else []
        rows += [(key, self.build(inner, (*place, key))) for key, inner in shown]
        rows += [(str(key), self.build(None, (*place, key))) for key in missing]
        if not rows:
            return escape("{}")
        body = "".join(f"<tr><th>{escape(name)}</th><td>{cell}</td></tr>" for name, cell in rows)
        return f'<table class="hm-object"><tbody>{body}</tbody></table>'

    def _build_list(self, value: Sequence[Any], place: Place) -> str:
        shown, skipped = self.limits.select(list(enumerate(value)))
        if not shown:
            return escape("[]")
        before = f"<p><em>{escape(self._count(skipped, 'item'))}</em></p>" if skipped else ""
        columns = find_columns(value)
        if columns:
            return before + self._build_rows(shown, columns, place)
        items = "".join(f"<li>{self.build(item, (*place, number))}</li>" for number, item in shown)
        return f"{before}<ul>{items}</ul>"

    def _build_rows(self, shown: Sequence[tuple[int, Any]], columns: Sequence[str], place: Place) -> str:
        """One row for each object of a list."""
        sides = [_find_side(item.get(name) for _, item in shown) for name in columns]
        head = "".join(f"<th{side}>{escape(name)}</th>" for name, side in zip(columns, sides, strict=True))
        rows = "".join(self._build_row(item, columns, sides, (*place, number)) for number, item in shown)
        return f'<table class="hm-rows"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'

    def _build_row(self, item: Mapping[str, Any], columns: Sequence[str], sides: Sequence[str], place: Place) -> str:
        cells = (
            self.build(item[name], (*place, name)) if name in item else self._build_gap((*place, name))
            for name in columns
        )
        return f"<tr>{''.join(f'<td{side}>{cell}</td>' for cell, side in zip(cells, sides, strict=True))}</tr>"

    def _build_gap(self, place: Place) -> str:
        """Where an object hasn't this field, or hasn't it yet."""
        return self.build(None, place) if place in self.problems else ""

    def _count(self, skipped: int, noun: str) -> str:
        """What isn't shown."""
        return f"… {format_count(skipped, noun)} {'before' if self.limits.shows_end else 'more'}"


def _find_side(values: Iterator[Any]) -> str:
    present = [value for value in values if value is not None]
    is_number = bool(present) and all(isinstance(value, int | float) and value is not True for value in present)
    return ' align="right"' if is_number else ""


def find_columns(value: Sequence[Any]) -> list[str]:
    """The columns of a list of objects as a table; none where it isn't one, or would be too wide."""
    if not all(isinstance(item, dict) for item in value):  # the last may still be empty
        return []
    columns = list(dict.fromkeys(name for item in value for name in item))
    return columns if len(columns) <= MAX_COLUMNS else []


def format_scalar(value: Any) -> str:
    """A text as it is, anything else as JSON spells it."""
    if isinstance(value, str):
        return value
    return ABSENT if value is None else _write(value)


def _write(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return "a number too long to be written"


def build_object_html(value: Any, problems: Mapping[Place, str], limits: Limits = FINAL) -> str:
    """The object as tables."""
    return f'<div class="{NO_MATH}">{HtmlTree(limits, problems).build(value)}</div>'


def build_raw_html(text: str) -> str:
    """The JSON that the model wrote, folded; without colours, which would be most of a saved notebook."""
    raw = cut_fence(text)
    shown = raw if len(raw) <= MAX_RAW else f"{raw[:MAX_RAW]}\n… {len(raw) - MAX_RAW:,} more characters"
    return f'<details class="{NO_MATH}"><summary>JSON</summary><pre>{escape(shown)}</pre></details>'


# ---- Markdown and text


def build_object_markdown(value: Any, problems: Mapping[Place, str]) -> str:
    """The object as nested lists, a list of flat objects as a table."""
    return "\n".join(_iterate_markdown(value, (), problems, ""))


def _iterate_markdown(value: Any, place: Place, problems: Mapping[Place, str], indent: str) -> Iterator[str]:
    for key, inner in _list_entries(value):
        at = (*place, key)
        name = f"**{escape_markdown(key)}:** " if isinstance(key, str) else ""
        problem = f" *⚠ {escape_markdown(problems[at])}*" if at in problems else ""
        if isinstance(inner, dict | list) and inner and len(at) <= 2 * MAX_DEPTH:
            yield f"{indent}- {name}{problem}".rstrip()
            yield from _iterate_markdown(inner, at, problems, indent + "  ")
        else:
            told = _write(inner) if isinstance(inner, dict | list) else format_scalar(inner)
            yield f"{indent}- {name}{escape_markdown(told)}{problem}"


def _list_entries(value: Any) -> list[tuple[str | int, Any]]:
    return list(value.items() if isinstance(value, dict) else enumerate(value))


def build_object_text(value: Any, problems: Mapping[Place, str]) -> str:
    """The object for a terminal: one line for each value, indented by its depth."""
    return make_safe_text("\n".join(_iterate_text(value, (), problems)))


def _iterate_text(value: Any, place: Place, problems: Mapping[Place, str]) -> Iterator[str]:
    entries = _list_entries(value)
    width = max((len(key) for key, _ in entries if isinstance(key, str)), default=0)
    for key, inner in entries:
        at = (*place, key)
        problem = f"  ⚠ {problems[at]}" if at in problems else ""
        name = f"{key:<{min(width, 24)}}  " if isinstance(key, str) else "- "
        if isinstance(inner, dict | list) and inner and len(at) <= 2 * MAX_DEPTH:
            nested = list(_iterate_text(inner, at, problems))
            if isinstance(key, int) and isinstance(inner, dict):
                yield f"- {nested[0]}{problem}"
                yield from (f"  {line}" for line in nested[1:])
            else:
                yield f"{key}{problem}"
                yield from (f"  {line}" for line in nested)
        else:
            told = _write(inner) if isinstance(inner, dict | list) else " ".join(format_scalar(inner).split())
            yield f"{name}{told}{problem}"
