"""A session as a tree with figures, and lists of sessions, in all forms that a display can carry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heliconemagic.records import SessionRecord, SessionSummary, Step
from heliconemagic.render.clock import format_clock
from heliconemagic.render.columns import align_columns
from heliconemagic.render.figures import format_seconds, format_usd
from heliconemagic.render.markup import NO_MATH, build_link, build_row, build_span, escape, escape_markdown, join_parts
from heliconemagic.render.session_rows import (
    COLUMNS,
    MAX_ROWS,
    Row,
    build_rows,
    cut_rows,
    describe_sums,
    list_legend,
)
from heliconemagic.render.style import add_style
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.render.timeline import SessionClock, build_bar, build_clock

SESSION_COLUMNS = ("session", "started", "steps", "failed", "tokens", "cost", "gateway", "id")
_SESSION_SIDES = "llrrrrll"


def build_session_bundle(
    session: SessionRecord, steps: Sequence[Step], *, session_url: str | None = None, notes: Sequence[str] = ()
) -> dict[str, Any]:
    """All forms by their MIME types, for one display."""
    return {
        "text/html": build_session_html(session, steps, session_url=session_url, notes=notes),
        "text/markdown": build_session_markdown(session, steps, notes=notes),
        "text/plain": build_session_text(session, steps, notes=notes, limit=MAX_ROWS),
    }


def build_session_html(
    session: SessionRecord, steps: Sequence[Step], *, session_url: str | None = None, notes: Sequence[str] = ()
) -> str:
    """The session's tree as a table with roll-ups, static. ``steps`` come oldest first."""
    rows, missing = cut_rows(build_rows(steps), session.id, MAX_ROWS)
    head = [f'<strong class="hm-title">{escape(session.title)}</strong>']
    head += [build_span("hm-figure", escape(part)) for part in describe_sums(steps)]
    head.append(build_span("hm-right", build_link(session_url, "open at Helicone ↗")))
    said = [line for line in (missing, *list_legend(rows), *notes) if line]
    more = "".join(f'<p class="hm-more">{escape(line)}</p>' for line in said)
    table = _build_table(rows, build_clock(steps)) if rows else ""
    return add_style(f'<div class="hm {NO_MATH}"><div class="hm-head">{join_parts(head)}</div>{table}{more}</div>')


def _build_table(rows: Sequence[Row], clock: SessionClock) -> str:
    head = f"<tr>{build_row((*COLUMNS, _describe_clock(clock)), 'llrrrrl', 'th')}</tr>"
    body = "".join(_build_row(row, clock) for row in rows)
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _describe_clock(clock: SessionClock) -> str:
    folded = f" ({clock.pauses} {'pause' if clock.pauses == 1 else 'pauses'} folded)" if clock.pauses else ""
    return f"0 s — {format_seconds(clock.total)}{folded}"


def _build_row(row: Row, clock: SessionClock) -> str:
    css = " ".join(
        name
        for name, applies in (("hm-folder", row.step is None), ("hm-old", row.is_faded), ("hm-failed", row.is_failed))
        if applies
    )
    label = "\u00a0" * 3 * row.indent + row.label
    cells = build_row((row.state, *(figure.replace(" ", "\u00a0") for figure in row.figures)), "lrrrr")
    start = f'<tr class="{css}">' if css else "<tr>"
    return f'{start}<td class="hm-step">{escape(label)}</td>{cells}{_build_bar_cell(row, clock)}</tr>\n'


def _build_bar_cell(row: Row, clock: SessionClock) -> str:
    if row.step is None:
        return '<td class="hm-bar"></td>'
    blank, waited, ran = build_bar(row.step, clock)
    return f'<td class="hm-bar">{chr(0xA0) * len(blank)}{build_span("hm-wait", waited)}{ran}</td>'


def build_session_markdown(session: SessionRecord, steps: Sequence[Step], *, notes: Sequence[str] = ()) -> str:
    """The same table in Markdown, without bars."""
    rows, missing = cut_rows(build_rows(steps), session.id, MAX_ROWS)
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|---|--:|--:|--:|--:|"]
    for row in rows:
        cells = (row.label, row.state, *row.figures)
        lines.append("| " + "\u00a0" * 3 * row.indent + " | ".join(escape_markdown(cell) for cell in cells) + " |")
    head = " · ".join([f"**{escape_markdown(session.title)}**", *map(escape_markdown, describe_sums(steps))])
    said = [escape_markdown(line) for line in (missing, *list_legend(rows), *notes) if line]
    return "\n\n".join([head, *(["\n".join(lines)] if rows else []), *said])


def build_session_text(
    session: SessionRecord, steps: Sequence[Step], *, notes: Sequence[str] = (), limit: int | None = None
) -> str:
    """The same table for a terminal, with aligned columns and all rows unless ``limit`` says how many."""
    rows, missing = cut_rows(build_rows(steps), session.id, limit)
    clock = build_clock(steps)
    table = [(*COLUMNS, _describe_clock(clock)), *(_build_text_row(row, clock) for row in rows)]
    head = " · ".join([session.title, *describe_sums(steps)])
    said = [line for line in (missing, *list_legend(rows), *notes) if line]
    lines = [make_safe_text(head), *(align_columns(table, "llrrrrl") if rows else []), *map(make_safe_text, said)]
    return "\n".join(lines)


def _build_text_row(row: Row, clock: SessionClock) -> tuple[str, ...]:
    bar = "".join(build_bar(row.step, clock)) if row.step is not None else ""
    return (make_safe_text("  " * row.indent + row.label), row.state, *row.figures, bar)


def build_sessions_html(summaries: Sequence[SessionSummary]) -> str:
    """The list of sessions as a table."""
    if not summaries:
        return add_style('<div class="hm"><div class="hm-head">no sessions recorded yet</div></div>')
    head = build_row(SESSION_COLUMNS, _SESSION_SIDES, "th")
    rows = "".join(f"<tr>{build_row(_describe_session(summary), _SESSION_SIDES)}</tr>\n" for summary in summaries)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return add_style(f'<div class="hm {NO_MATH}">{table}</div>')


def build_sessions_text(summaries: Sequence[SessionSummary]) -> str:
    """The list of sessions for a terminal."""
    if not summaries:
        return "no sessions recorded yet"
    rows = [tuple(make_safe_text(cell) for cell in _describe_session(summary)) for summary in summaries]
    return "\n".join(align_columns([SESSION_COLUMNS, *rows], _SESSION_SIDES))


def _describe_session(summary: SessionSummary) -> tuple[str, ...]:
    return (
        summary.title,
        format_clock(summary.started_at),
        f"{summary.steps:,}",
        f"{summary.errors:,}" if summary.errors else "",
        f"{summary.tokens:,}",
        format_usd(summary.cost),
        summary.gateway,
        summary.id,
    )
