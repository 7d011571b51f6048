"""Short statements of the extension itself: a session line, a list of models, doctor's findings."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heliconemagic.render.style import build_style


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A headline, lines below it, and a table of rows where there is one."""

    head: str
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    columns: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()  # text, URL: our own, built from checked values


def build_notice_bundle(notice: Notice) -> dict[str, Any]:
    """The notice in the MIME forms of a display."""
    return {"text/html": build_notice_html(notice), "text/plain": build_notice_text(notice)}


def build_notice_text(notice: Notice) -> str:
    """The notice for a terminal."""
    lines = [notice.head, *(f"  {line}" for line in notice.lines), *_align((notice.columns, *notice.rows))]
    return "\n".join([*lines, *(f"  {text}: {url}" for text, url in notice.links)])


def _align(rows: Sequence[tuple[str, ...]]) -> list[str]:
    filled = [row for row in rows if row]
    count = max((len(row) for row in filled), default=0)
    widths = [max(len(row[i]) for row in filled if i < len(row)) for i in range(count)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in filled
    ]


def build_notice_html(notice: Notice) -> str:
    """The notice as static, escaped HTML."""
    links = " ".join(
        f'<a href="{html.escape(url)}" target="_blank" rel="noopener noreferrer">{html.escape(text)} ↗</a>'
        for text, url in notice.links
    )
    head = f'<div class="hm-head"><strong class="hm-path">{html.escape(notice.head)}</strong>'
    head += f'<span class="hm-right">{links}</span></div>' if links else "</div>"
    body = "".join(f"<p>{html.escape(line)}</p>" for line in notice.lines)
    body = f'<div class="hm-body hm-say-lines">{body}</div>' if body else ""
    return f'{build_style()}<div class="hm">{head}{body}{_build_table(notice)}</div>'


def _build_table(notice: Notice) -> str:
    if not notice.rows:
        return ""
    head = "".join(f"<th>{html.escape(column)}</th>" for column in notice.columns)
    rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in notice.rows)
    return f'<table class="hm-plain">{f"<tr>{head}</tr>" if head else ""}{rows}</table>'
