"""The sessions that were found at Helicone, as a table in the look of the journal's own list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heliconemagic.records import SessionSummary
from heliconemagic.render.clock import format_clock
from heliconemagic.render.columns import align_columns
from heliconemagic.render.figures import format_total_cost
from heliconemagic.render.markup import NO_MATH, build_link, build_row, build_span, escape, join_parts
from heliconemagic.render.style import add_style
from heliconemagic.render.terminal import make_safe_text

_COLUMNS = ("session", "started", "requests", "failed", "tokens", "cost", "id")
_SIDES = "llrrrrl"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSessions:
    """Sessions, newest first, with what is said above and below them."""

    head: str
    facts: tuple[str, ...]
    sessions: Sequence[SessionSummary]
    urls: Mapping[tuple[str, str], str]  # of their pages, by id and name
    lines: tuple[str, ...] = ()
    counts_failures: bool = False


def build_found_bundle(found: FoundSessions) -> dict[str, Any]:
    """The table in the MIME forms of a display."""
    return {"text/html": _build_html(found), "text/plain": _build_text(found)}


def _build_html(found: FoundSessions) -> str:
    head = join_parts(
        [
            f'<strong class="hm-title">{escape(found.head)}</strong>',
            *(build_span("", escape(fact)) for fact in found.facts),
        ]
    )
    lines = "".join(f'<p class="hm-more">{escape(line)}</p>' for line in found.lines)
    return add_style(f'<div class="hm {NO_MATH}"><div class="hm-head">{head}</div>{_build_table(found)}{lines}</div>')


def _build_table(found: FoundSessions) -> str:
    if not found.sessions:
        return ""
    head = build_row(_drop(_COLUMNS, found), _drop_side(found), "th") + "<th></th>"
    rows = "".join(f"<tr>{_build_row(session, found)}</tr>\n" for session in found.sessions)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _build_row(session: SessionSummary, found: FoundSessions) -> str:
    link = build_link(found.urls.get((session.id, session.name)), "open ↗")
    return build_row(_drop(_describe(session), found), _drop_side(found)) + f"<td>{link}</td>"


def _build_text(found: FoundSessions) -> str:
    rows = [tuple(make_safe_text(cell) for cell in _drop(_describe(session), found)) for session in found.sessions]
    table = align_columns([_drop(_COLUMNS, found), *rows], _drop_side(found)) if rows else []
    head = " · ".join([found.head, *found.facts])
    return "\n".join([make_safe_text(head), *table, *map(make_safe_text, found.lines)])


def _describe(session: SessionSummary) -> tuple[str, ...]:
    return (
        session.title,
        format_clock(session.started_at),
        f"{session.steps:,}",
        f"{session.errors:,}" if session.errors else "",
        f"{session.tokens:,}",
        format_total_cost(session.cost, session.unpriced),
        session.id,
    )


def _drop(cells: Sequence[str], found: FoundSessions) -> tuple[str, ...]:
    """The cells, without the one of failures where nobody counted them."""
    return tuple(cell for cell, name in zip(cells, _COLUMNS, strict=True) if found.counts_failures or name != "failed")


def _drop_side(found: FoundSessions) -> str:
    return "".join(_drop(_SIDES, found))
