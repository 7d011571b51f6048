"""The statistics of many sessions in words and figures, the same in every form. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from heliconemagic.render.clock import format_moment
from heliconemagic.render.figures import format_count, format_seconds, format_total_cost
from heliconemagic.render.sparks import build_range, build_share, build_sparkline
from heliconemagic.statistics.percentiles import FEWEST, find_percentile
from heliconemagic.statistics.summary import SessionSums, Summary, Sums

MOST_MARKS = 48
"""Columns of a line over time; of more sessions each stands for several."""
MOST_ROWS = 60
"""Rows of a table; the rows of the result have all."""
RANGE_WIDTH = 20
NOBODY = "(none)"
"""In place of a group's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows with their columns; ``sides`` has ``l``, ``r``, or ``p`` for a picture, for each."""

    columns: tuple[str, ...]
    sides: str
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def describe_head(summary: Summary) -> list[str]:
    """The totals, in words."""
    total = summary.total
    return [
        format_count(total.sessions, "session"),
        format_count(total.steps, "step"),
        f"{total.errors:,} failed" if total.errors else "",
        f"median {format_seconds(total.median)}, p95 {format_seconds(total.p95)} a session"
        if total.median is not None and total.p95 is not None
        else "",
        format_count(total.tokens, "token"),
        format_total_cost(total.cost, total.unpriced),
    ]


def list_legend(summary: Summary) -> Iterator[str]:
    """What the figures mean, as far as it isn't plain."""
    yield (
        "median and p95 are measured values (nearest rank), of steps that finished: start to end; "
        "of a session: its wall time, without pauses"
    )
    shown = (summary.total, *summary.groups, *summary.paths)
    if any(0 < sums.measured < FEWEST for sums in shown):
        yield f"of n below {FEWEST}, p95 is the slowest"
    if summary.note:
        yield summary.note


def build_time_table(summary: Summary) -> Table | None:
    """A line over time for each measure that isn't always 0; None where there is nothing to compare."""
    sessions = summary.sessions
    if len(sessions) < 2:
        return None
    bins = _cut(sessions)
    unpriced = sum(sums.unpriced for sums in sessions if not sums.cost)  # a cost of 0 is nobody's price then
    measures: tuple[tuple[str, Callable[[SessionSums], float], Callable[[float], str]], ...] = (
        ("wall time", lambda sums: sums.seconds, format_seconds),
        ("tokens", lambda sums: sums.tokens, lambda value: f"{value:,.0f}"),
        ("cost", lambda sums: sums.cost, lambda value: format_total_cost(value, 0 if value else unpriced)),
        ("failed steps", lambda sums: sums.errors, lambda value: f"{value:,.0f}"),
    )
    rows = []
    for name, read, form in measures:
        values = [find_percentile(sorted(map(read, part)), 50) or 0.0 for part in bins]
        if name == "failed steps":
            values = [float(sum(map(read, part))) for part in bins]
        if any(values):
            rows.append((name, build_sparkline(values), form(min(values)), form(max(values))))
    first, last = sessions[0].session.started_at, sessions[-1].session.started_at
    each = f"a mark is {format_count(max(map(len, bins)), 'session')}" if len(bins) < len(sessions) else ""
    middle = "; their median, of failures the sum" if each else ""
    head = f"{format_moment(first)} — {format_moment(last)}"
    return Table(columns=("a session", head, "least", "most"), sides="lprr", rows=tuple(rows), note=f"{each}{middle}")


def _cut(sessions: Sequence[SessionSums]) -> list[Sequence[SessionSums]]:
    """The sessions in order, in so few parts of about the same number that each gets a mark."""
    count = min(len(sessions), MOST_MARKS)
    places = [round(number * len(sessions) / count) for number in range(count + 1)]
    return [sessions[start:end] for start, end in pairwise(places)]


def build_path_table(summary: Summary) -> Table:
    """A row for each path: the spread of its latencies, its tokens and its cost."""
    shown = summary.paths[:MOST_ROWS]
    slowest = max((sums.p95 or 0.0 for sums in summary.paths), default=0.0)
    heaviest = max((sums.tokens for sums in summary.paths), default=0)
    return Table(
        columns=(
            *("path", "sessions", "steps", "failed", "n", "median", "p95"),
            *(f"0 — {format_seconds(slowest)}  ● median  ○ p95", "tokens", "", "cost"),
        ),
        sides="lrrrrrrprpr",
        rows=tuple(
            (
                sums.path,
                *_describe_counts(sums),
                build_range(sums.median, sums.p95, slowest, RANGE_WIDTH)
                if sums.median is not None and sums.p95 is not None
                else "",
                f"{sums.tokens:,}",
                build_share(sums.tokens, heaviest, 8),
                format_total_cost(sums.cost, sums.unpriced),
            )
            for sums in shown
        ),
        note=_describe_rest(len(summary.paths) - len(shown), "path"),
    )


def build_group_table(summary: Summary) -> Table | None:
    """A row for each group; None without a grouping of its own."""
    if summary.grouping is None or not summary.groups:
        return None
    shown = summary.groups[:MOST_ROWS]
    slowest = max((sums.p95 or 0.0 for sums in summary.groups), default=0.0)
    return Table(
        columns=(
            *(summary.grouping.label, "sessions", "paths", "steps", "failed", "n", "median", "p95"),
            *(f"0 — {format_seconds(slowest)} a session", "tokens", "cost"),
        ),
        sides="lrrrrrrrprr",
        rows=tuple(
            (
                sums.group or NOBODY,
                f"{sums.sessions:,}",
                f"{sums.paths:,}",
                *_describe_counts(sums)[1:],
                build_range(sums.median, sums.p95, slowest, RANGE_WIDTH)
                if sums.median is not None and sums.p95 is not None
                else "",
                f"{sums.tokens:,}",
                format_total_cost(sums.cost, sums.unpriced),
            )
            for sums in shown
        ),
        note=_describe_rest(len(summary.groups) - len(shown), "group"),
    )


def _describe_counts(sums: Sums) -> tuple[str, ...]:
    return (
        f"{sums.sessions:,}",
        f"{sums.steps:,}",
        f"{sums.errors:,}" if sums.errors else "",
        f"{sums.measured:,}",
        "–" if sums.median is None else format_seconds(sums.median),
        "–" if sums.p95 is None else format_seconds(sums.p95),
    )


def _describe_rest(count: int, noun: str) -> str:
    return f"{format_count(count, noun)} more: .rows has all" if count > 0 else ""


def list_tables(summary: Summary) -> list[tuple[str, Table]]:
    """The tables in the order in which they are shown, with their headings."""
    grouping = summary.grouping.label if summary.grouping else ""
    named = (
        ("over time", build_time_table(summary)),
        (f"by {grouping}", build_group_table(summary)),
        ("by path", build_path_table(summary) if summary.paths else None),
    )
    return [(name, table) for name, table in named if table is not None]
