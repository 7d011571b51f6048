"""The steps of a session one below the other, oldest first, each with all its figures, in all forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heliconemagic.insights.measures import Measures, measure_steps
from heliconemagic.insights.session_clock import build_clock
from heliconemagic.insights.standing import list_below
from heliconemagic.records import SessionRecord, Step, StepKind
from heliconemagic.render.card_words import describe_model
from heliconemagic.render.columns import align_columns
from heliconemagic.render.comparison_words import describe_variant
from heliconemagic.render.feedback_words import NO_FEEDBACK, FeedbackOf, describe_feedback
from heliconemagic.render.figures import format_count, format_rate, format_seconds
from heliconemagic.render.markup import NO_MATH, build_row, escape, escape_markdown
from heliconemagic.render.session_rows import describe_step_cost, list_states
from heliconemagic.render.style import add_style
from heliconemagic.render.terminal import make_safe_text

MAX_ROWS = 500
"""Rows of a table in a notebook: the newest steps; a terminal gets them all."""

COLUMNS = {
    "#": "r",
    "path": "l",
    "state": "l",
    "model": "l",
    "began": "r",
    "pause before": "r",
    "waiting": "r",
    "until first token": "r",
    "generating": "r",
    "time": "r",
    "tokens/s": "r",
    "prompt": "r",
    "cached": "r",
    "completion": "r",
    "reasoning": "r",
    "cost": "r",
    "attempts": "r",
    "after": "l",
    "rated": "l",
}
"""The columns, and on which side their cells stand; one that would be empty is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTable:
    """The table as words."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    missing: str = ""  # what to say of the steps that have no row

    @property
    def sides(self) -> str:
        """Of each column, ``l`` or ``r``."""
        return "".join(COLUMNS[column] for column in self.columns)


def build_table_bundle(
    session: SessionRecord, steps: Sequence[Step], *, folder: str = "", feedback: FeedbackOf = NO_FEEDBACK
) -> dict[str, Any]:
    """All forms by their MIME types, for one display; of one ``folder``, or of the whole session."""
    table = build_step_table(session, steps, folder=folder, limit=MAX_ROWS, feedback=feedback)
    return {
        "text/html": write_table_html(table),
        "text/markdown": write_table_markdown(table),
        "text/plain": write_table_text(table),
    }


def build_step_table(
    session: SessionRecord,
    steps: Sequence[Step],
    *,
    folder: str = "",
    limit: int | None = None,
    feedback: FeedbackOf = NO_FEEDBACK,
) -> StepTable:
    """The table of ``steps``, or of those below ``folder``; of more than ``limit`` the newest."""
    shown = list_below(steps, folder)
    measured = measure_steps(shown, build_clock(shown))
    left_out = 0 if limit is None else max(len(measured) - limit, 0)
    paths = {step.id: step.path for step in steps}
    cells = [_list_cells(figures, paths, feedback) for figures in measured[left_out:]]
    used = [place for place in range(len(COLUMNS)) if any(row[place] for row in cells)]
    told = f"… {format_count(left_out, 'earlier step')}: `heliconemagic show {session.id} --table`" if left_out else ""
    return StepTable(
        title=f"{session.title} {folder}".rstrip(),
        columns=tuple(column for place, column in enumerate(COLUMNS) if place in used),
        rows=tuple(tuple(row[place] for place in used) for row in cells),
        missing=told,
    )


def _list_cells(figures: Measures, paths: dict[str, str], feedback: FeedbackOf) -> tuple[str, ...]:
    step, usage = figures.step, figures.step.usage
    return (
        format_count(figures.number),
        f"{step.path} · {describe_variant(step)}" if step.comparison else step.path,
        " · ".join(filter(None, list_states(step))),
        describe_model(step) if step.kind is StepKind.LLM else "",
        f"+{format_seconds(figures.started)}",
        format_seconds(figures.pause) if figures.pause else "",
        format_seconds(figures.waiting) if figures.waiting else "",
        _format_known(figures.first_token),
        _format_known(figures.generating),
        _format_known(step.latency),
        format_rate(figures.tokens_per_second) if figures.tokens_per_second else "",
        format_count(usage.prompt_tokens) if usage else "",
        format_count(usage.cached_tokens) if usage and usage.cached_tokens else "",
        format_count(usage.completion_tokens) if usage else "",
        format_count(usage.reasoning_tokens) if usage and usage.reasoning_tokens else "",
        describe_step_cost(step),
        format_count(len(step.attempts)) if len(step.attempts) > 1 else "",
        paths.get(step.parent_id or "", ""),
        describe_feedback(feedback.get(step.id, ())),
    )


def _format_known(seconds: float | None) -> str:
    return "" if seconds is None else format_seconds(seconds)


def write_table_html(table: StepTable) -> str:
    """The page."""
    head = f'<div class="hm-head"><strong class="hm-title">{escape(table.title)}</strong>{_build_count(table)}</div>'
    columns = build_row(table.columns, table.sides, "th")
    rows = "".join(f"<tr>{build_row(_keep_together(row), table.sides)}</tr>\n" for row in table.rows)
    body = f"<table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>" if table.rows else ""
    missing = f'<p class="hm-more">{escape(table.missing)}</p>' if table.missing else ""
    return add_style(f'<div class="hm hm-wide {NO_MATH}">{head}{body}{missing}</div>')


def _keep_together(row: Sequence[str]) -> list[str]:
    """Where the style sheet is taken away, a figure still isn't broken."""
    return [cell.replace(" ", "\u00a0") for cell in row]


def _build_count(table: StepTable) -> str:
    return "" if table.rows else '<span class="hm-sep"> · </span><span class="hm-figure">no steps yet</span>'


def write_table_markdown(table: StepTable) -> str:
    """The same in Markdown."""
    if not table.rows:
        return f"**{escape_markdown(table.title)}** · no steps yet"
    rules = "|".join("---" if side == "l" else "--:" for side in table.sides)
    rows = [f"| {' | '.join(map(escape_markdown, row))} |" for row in (table.columns, *table.rows)]
    lines = "\n".join([rows[0], f"|{rules}|", *rows[1:]])
    parts = (f"**{escape_markdown(table.title)}**", lines, escape_markdown(table.missing))
    return "\n\n".join(part for part in parts if part)


def write_table_text(table: StepTable) -> str:
    """The same for a terminal, in aligned columns."""
    if not table.rows:
        return make_safe_text(f"{table.title} · no steps yet")
    rows = [table.columns, *(tuple(map(make_safe_text, row)) for row in table.rows)]
    lines = [make_safe_text(table.title), *align_columns(rows, table.sides), table.missing]
    return "\n".join(line for line in lines if line)
