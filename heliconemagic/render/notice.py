"""Short statements of the extension itself: a session line, a list of models, doctor's findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heliconemagic.render.markup import NO_MATH, build_link, build_row, build_span, escape, join_parts
from heliconemagic.render.style import add_style
from heliconemagic.render.terminal import make_safe_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A headline with facts beside it, lines below it, and a table of rows where there is one."""

    head: str
    facts: tuple[str, ...] = ()  # short ones, on the headline's own line
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    columns: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()  # text, URL: our own, built from checked values


def build_notice_bundle(notice: Notice) -> dict[str, Any]:
    """The notice in the MIME forms of a display."""
    return {"text/html": build_notice_html(notice), "text/plain": build_notice_text(notice)}


def build_notice_text(notice: Notice) -> str:
    """The notice for a terminal."""
    head = " · ".join(part for part in (notice.head, *notice.facts) if part)
    lines = [head, *(f"  {line}" for line in notice.lines), *_align((notice.columns, *notice.rows))]
    return make_safe_text("\n".join([*lines, *(f"  {text}: {url}" for text, url in notice.links)]))


def _align(rows: Sequence[tuple[str, ...]]) -> list[str]:
    filled = [row for row in rows if row]
    count = max((len(row) for row in filled), default=0)
    widths = [max(len(row[i]) for row in filled if i < len(row)) for i in range(count)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in filled
    ]


def build_notice_html(notice: Notice, below: str = "") -> str:
    """The notice as static, escaped HTML; ``below`` is HTML that follows in its box."""
    facts = (build_span("", escape(fact)) for fact in notice.facts if fact)
    links = join_parts(build_link(url, f"{text} ↗") for text, url in notice.links)
    head = join_parts(
        [f'<strong class="hm-title">{escape(notice.head)}</strong>', *facts, build_span("hm-right", links)]
    )
    lines = "<br>".join(escape(line) for line in notice.lines)
    body = f'<div class="hm-body hm-lines">{lines}</div>' if lines else ""
    table = _build_table(notice)
    return add_style(f'<div class="hm {NO_MATH}"><div class="hm-head">{head}</div>{body}{table}{below}</div>')


def _build_table(notice: Notice) -> str:
    if not notice.rows:
        return ""
    sides = "l" * len(notice.columns)
    rows = "".join(f"<tr>{build_row(row, sides)}</tr>" for row in notice.rows)
    return f'<table class="hm-plain"><tr>{build_row(notice.columns, sides, tag="th")}</tr>{rows}</table>'
