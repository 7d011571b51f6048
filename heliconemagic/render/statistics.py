"""The statistics of many sessions in all forms that a display can carry: static, in block characters."""

from __future__ import annotations

from typing import Any

from heliconemagic.render.columns import align_columns
from heliconemagic.render.markup import NO_MATH, build_span, escape, escape_markdown, join_parts
from heliconemagic.render.sparks import BLANK
from heliconemagic.render.statistics_rows import Table, describe_head, list_legend, list_tables
from heliconemagic.render.style import add_style
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.statistics.summary import Summary


def build_statistics_bundle(summary: Summary) -> dict[str, Any]:
    """All forms by their MIME types, for one display."""
    return {
        "text/html": build_statistics_html(summary),
        "text/markdown": build_statistics_markdown(summary),
        "text/plain": build_statistics_text(summary),
    }


def build_statistics_html(summary: Summary) -> str:
    """Static, escaped HTML; without its style it is headings and tables, and the bars are still there."""
    head = [f'<strong class="hm-title">{escape(summary.name)}</strong>']
    head += [build_span("hm-figure", escape(part)) for part in describe_head(summary) if part]
    tables = "".join(_build_table(heading, table) for heading, table in list_tables(summary))
    legend = "".join(f'<p class="hm-more">{escape(line)}</p>' for line in list_legend(summary))
    return add_style(
        f'<div class="hm hm-statistics {NO_MATH}"><div class="hm-head">{join_parts(head)}</div>{tables}{legend}</div>'
    )


def _build_table(heading: str, table: Table) -> str:
    head = "".join(_build_cell(name, side, "th") for name, side in zip(table.columns, table.sides, strict=True))
    rows = "".join(
        f"<tr>{''.join(_build_cell(cell, side) for cell, side in zip(row, table.sides, strict=True))}</tr>\n"
        for row in table.rows
    )
    note = f'<p class="hm-more">{escape(table.note)}</p>' if table.note else ""
    return f"<h4>{escape(heading)}</h4><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{note}"


def _build_cell(text: str, side: str, tag: str = "td") -> str:
    shown = escape(text)
    if side == "p" and tag == "td" and shown:
        shown = f"<code>{shown}</code>"  # of one width everywhere, also where styles are taken away
    start = f'<{tag} align="right">' if side == "r" else f"<{tag}>"
    return f"{start}{shown}</{tag}>"


def build_statistics_markdown(summary: Summary) -> str:
    """The same tables in Markdown."""
    head = [f"**{escape_markdown(summary.name)}**", *map(escape_markdown, filter(None, describe_head(summary)))]
    parts = [" · ".join(head)]
    for heading, table in list_tables(summary):
        parts += [f"**{escape_markdown(heading)}**", _build_markdown_table(table)]
        parts += [escape_markdown(table.note)] if table.note else []
    return "\n\n".join([*parts, *map(escape_markdown, list_legend(summary))])


def _build_markdown_table(table: Table) -> str:
    rules = {"l": "---", "r": "--:", "p": "---"}
    words = " | ".join(map(escape_markdown, table.columns))
    texts = [f"| {' | '.join(map(_build_markdown_cell, row, table.sides))} |" for row in table.rows]
    return "\n".join([f"| {words} |", f"|{'|'.join(rules[side] for side in table.sides)}|", *texts])


def _build_markdown_cell(text: str, side: str) -> str:
    """A picture is code: it keeps its blanks, and its characters have one width."""
    return f"`{text}`" if side == "p" and text else escape_markdown(text)


def build_statistics_text(summary: Summary) -> str:
    """The same tables for a terminal."""
    lines = [" · ".join(part for part in (summary.name, *describe_head(summary)) if part)]
    for heading, table in list_tables(summary):
        rows = [tuple(make_safe_text(cell).replace(BLANK, " ") for cell in row) for row in table.rows]
        lines += ["", heading, *align_columns([table.columns, *rows], table.sides.replace("p", "l"))]
        lines += [table.note] if table.note else []
    return "\n".join([make_safe_text(line) for line in [*lines, "", *list_legend(summary)]])
