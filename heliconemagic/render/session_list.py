"""Lists of sessions, as a page and as text."""

from __future__ import annotations

from collections.abc import Sequence

from heliconemagic.records import RERUN_OF, SessionSummary
from heliconemagic.render.clock import format_clock
from heliconemagic.render.columns import align_columns
from heliconemagic.render.figures import format_total_cost
from heliconemagic.render.markup import NO_MATH, build_row
from heliconemagic.render.style import add_style
from heliconemagic.render.terminal import make_safe_text

SESSION_COLUMNS = ("session", "started", "steps", "failed", "tokens", "cost", "gateway", "id")
_SESSION_SIDES = "llrrrrll"


def build_sessions_html(summaries: Sequence[SessionSummary]) -> str:
    """The list of sessions as a table."""
    if not summaries:
        return add_style('<div class="hm"><div class="hm-head">no sessions recorded yet</div></div>')
    head = build_row(SESSION_COLUMNS, _SESSION_SIDES, "th")
    rows = "".join(f"<tr>{build_row(_describe_session(summary), _SESSION_SIDES)}</tr>\n" for summary in summaries)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return add_style(f'<div class="hm hm-wide {NO_MATH}">{table}</div>')


def build_sessions_text(summaries: Sequence[SessionSummary]) -> str:
    """The list of sessions for a terminal."""
    if not summaries:
        return "no sessions recorded yet"
    rows = [tuple(make_safe_text(cell) for cell in _describe_session(summary)) for summary in summaries]
    return "\n".join(align_columns([SESSION_COLUMNS, *rows], _SESSION_SIDES))


def _describe_session(summary: SessionSummary) -> tuple[str, ...]:
    return (
        f"{summary.title} ({describe_source(summary.source)})" if summary.source else summary.title,
        format_clock(summary.started_at),
        f"{summary.steps:,}",
        f"{summary.errors:,}" if summary.errors else "",
        f"{summary.tokens:,}",
        format_total_cost(
            summary.cost, summary.unpriced, is_answered=summary.steps > summary.errors or not summary.steps
        ),
        summary.gateway,
        summary.id,
    )


def describe_source(source: str) -> str:
    """The Helicone or the file that a session came from, or which one it played again: of that its id's beginning.

    >>> describe_source("us.helicone.ai"), describe_source("ada.ipynb"), describe_source("rerun of 0123456789")
    ('from us.helicone.ai', 'from ada.ipynb', 'rerun of 01234567')
    """
    return source[: len(RERUN_OF) + 8] if source.startswith(RERUN_OF) else f"from {source}"
