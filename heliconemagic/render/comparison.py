"""Several answers side by side, in all forms that a display can carry.

The columns are a grid that wraps on a narrow page. Without any style they read one below the other, each under its
heading, with the table of figures after them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from heliconemagic.records import Step, StepStatus
from heliconemagic.render.card import build_failure_markdown, build_foot, build_json, build_text
from heliconemagic.render.card_answer import build_answer_html, build_answer_markdown
from heliconemagic.render.card_attached import build_attached_html, build_attached_markdown, build_attached_text
from heliconemagic.render.card_request import build_request_html
from heliconemagic.render.card_state import REPLIES_MIME, Card
from heliconemagic.render.card_words import (
    describe_card_state,
    describe_end,
    describe_progress,
    describe_totals,
    find_look,
    list_figures,
)
from heliconemagic.render.columns import align_columns
from heliconemagic.render.comparison_state import Comparison, build_column
from heliconemagic.render.comparison_words import (
    COLUMNS,
    SIDES,
    build_rows,
    describe_choice,
    describe_size,
    describe_variant,
    list_best,
    list_finished,
)
from heliconemagic.render.comparison_words import describe_progress as describe_count
from heliconemagic.render.markup import (
    NO_MATH,
    build_link,
    build_row,
    build_span,
    escape,
    escape_markdown,
    join_parts,
)
from heliconemagic.render.style import add_style
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.render.word_diff import WordDiff, build_diff_html, build_diff_markdown, compare_words

MAX_ALL_PAIRS = 4
"""Answers of which every pair is compared; of more, each with the first."""


def build_comparison_head(comparison: Comparison) -> str:
    """The line above the columns: path, how many answers, gateway, context."""
    step = comparison.cards[0].step
    words = (describe_size(comparison), step.gateway, comparison.context)
    end = describe_count(comparison)
    right = build_span("hm-right", escape(end) or build_link(comparison.session_url, "session ↗"))
    head = [f'<strong class="hm-path">{escape(step.path)}</strong>', *(build_span("", escape(word)) for word in words)]
    return f'<div class="hm-head {NO_MATH}">{join_parts([*head, right])}</div>'


def build_comparison_top(comparison: Comparison) -> str:
    """What stands above the columns: the head, and what was attached, which all of them were sent."""
    attached = build_attached_html(comparison.cards[0].step)
    return f'<div class="hm">{build_comparison_head(comparison)}{attached}</div>'


def build_column_head(card: Card, now: float | None = None) -> str:
    """The first line of a column, which is its heading: state, number, model; at its end the clock or how it ended."""
    step = card.step
    dot = f'<span class="hm-dot hm-dot-{find_look(card).value}">●</span> '
    heading = f'<h4 class="hm-path">{dot}{escape(describe_variant(step))}</h4>'
    state = build_span("hm-state", escape(describe_card_state(card)))
    return f'<div class="hm-head {NO_MATH}">{heading}{join_parts([state, _build_head_end(card, now)])}</div>'


def _build_head_end(card: Card, now: float | None) -> str:
    if card.step.status is StepStatus.PENDING:
        return build_span("hm-right", escape(describe_progress(card, now) if now is not None else card.waiting))
    css = "hm-stopped" if card.step.status is StepStatus.INTERRUPTED else "hm-bad"
    end = build_span(css, escape(describe_end(card)))
    return build_span("hm-right", f"{end} {build_link(card.request_url, 'request ↗')}".strip())


def build_comparison_html(comparison: Comparison) -> str:
    """All of it, static: no script, nothing loaded."""
    columns = "".join(_build_column(build_column(comparison, card)) for card in comparison.cards)
    head = build_comparison_top(comparison)
    end = build_summary(comparison) if comparison.is_over else ""
    return add_style(f'<div class="hm-comparison">{head}<div class="hm-columns">{columns}</div>{end}</div>')


def _build_column(card: Card) -> str:
    answer = build_answer_html(card)
    return f'<div class="hm">{build_column_head(card)}<div class="hm-body">{answer}</div>{build_foot(card)}</div>'


def build_summary(comparison: Comparison) -> str:
    """What stands below the columns: the figures side by side, the word diffs and the request, folded."""
    head = f"<tr>{build_row(COLUMNS, SIDES, 'th')}</tr>"
    rows = "".join(f"<tr>{build_row(row, SIDES)}</tr>\n" for row in build_rows(comparison))
    table = f'<table class="{NO_MATH}"><thead>{head}</thead><tbody>{rows}</tbody></table>'
    first = comparison.cards[0]
    request = build_request_html(first.step, first.request)
    diffs = "".join(
        _fold(f"word diff {name}: {diff.summary}", build_diff_html(diff)) for name, diff in _diff(comparison)
    )
    return f'<div class="hm">{table}{_build_summary_foot(comparison)}{diffs}{request}</div>'


def _build_summary_foot(comparison: Comparison) -> str:
    words = [*list_best(comparison), describe_choice(comparison), *comparison.notes]
    parts = [build_span("hm-figure", escape(word)) for word in words if word]
    parts.append(build_span("hm-right", escape(describe_totals(comparison.totals))))
    return f'<div class="hm-foot {NO_MATH}">{join_parts(parts)}</div>'


def _fold(summary: str, content: str) -> str:
    return (
        f'<details class="{NO_MATH}"><summary>{escape(summary)}</summary><div class="hm-diff">{content}</div></details>'
    )


def _diff(comparison: Comparison) -> Iterator[tuple[str, WordDiff]]:
    for old, new in list_pairs(list_finished(comparison)):
        yield f"{old.variant} → {new.variant}", compare_words(old.text, new.text)


def list_pairs(steps: list[Step]) -> list[tuple[Step, Step]]:
    """The answers that are compared word by word: every two, or of many each with the first."""
    return list(combinations(steps, 2)) if len(steps) <= MAX_ALL_PAIRS else [(steps[0], step) for step in steps[1:]]


def build_comparison_markdown(comparison: Comparison) -> str:
    """All of it as Markdown that may be rendered without sanitising."""
    step = comparison.cards[0].step
    words = (describe_size(comparison), step.gateway, comparison.context)
    head = " · ".join([f"**{escape_markdown(step.path)}**", *(escape_markdown(word) for word in words if word)])
    columns = [_build_markdown_column(build_column(comparison, card)) for card in comparison.cards]
    attached = build_attached_markdown(step)
    begin = [head, attached] if attached else [head]
    return "\n\n".join([*begin, *columns, *(_build_markdown_summary(comparison) if comparison.is_over else ())])


def _build_markdown_column(card: Card) -> str:
    failure = build_failure_markdown(card)
    foot = " · ".join(escape_markdown(word) for word in (describe_end(card), *_list_figures(card), *card.notes) if word)
    heading = f"#### {escape_markdown(describe_variant(card.step))}"
    return "\n\n".join(part for part in (heading, build_answer_markdown(card), failure, foot) if part)


def _list_figures(card: Card) -> list[str]:
    return list_figures(card) if card.step.status is StepStatus.DONE else []


def _build_markdown_summary(comparison: Comparison) -> list[str]:
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|--:|--:|--:|--:|--:|---|"]
    lines += ["| " + " | ".join(escape_markdown(cell) for cell in row) + " |" for row in build_rows(comparison)]
    words = [*list_best(comparison), describe_choice(comparison), *comparison.notes, describe_totals(comparison.totals)]
    diffs = [f"*word diff {escape_markdown(name)}*: {build_diff_markdown(diff)}" for name, diff in _diff(comparison)]
    return ["\n".join(lines), " · ".join(escape_markdown(word) for word in words if word), *diffs]


def build_comparison_head_text(comparison: Comparison) -> str:
    """The line above the answers for a terminal, and below it what was attached."""
    step = comparison.cards[0].step
    words = (comparison.path, describe_size(comparison), step.gateway, comparison.context)
    line = make_safe_text(" · ".join(word for word in words if word))
    return "\n".join(part for part in (line, build_attached_text(step)) if part)


def build_comparison_text(comparison: Comparison) -> str:
    """All of it for a terminal: the answers one after the other, then the figures."""
    cards = [build_text(build_column(comparison, card)) for card in comparison.cards]
    numbered = [f"[{card.step.variant}] {text}" for card, text in zip(comparison.cards, cards, strict=True)]
    return "\n\n".join([*numbered, *([build_summary_text(comparison)] if comparison.is_over else [])])


def build_summary_text(comparison: Comparison) -> str:
    """The figures side by side for a terminal."""
    rows = [tuple(make_safe_text(cell) for cell in row) for row in build_rows(comparison)]
    words = [*list_best(comparison), describe_choice(comparison), *comparison.notes, describe_totals(comparison.totals)]
    return "\n".join([*align_columns([COLUMNS, *rows], SIDES), *(make_safe_text(word) for word in words if word)])


def build_comparison_json(comparison: Comparison) -> dict[str, Any]:
    """All of it for programs: each reply as it would stand alone."""
    return {"version": 1, "current": comparison.current, "replies": [build_json(card) for card in comparison.cards]}


def build_comparison_bundle(comparison: Comparison) -> dict[str, Any]:
    """All forms by their MIME types, for one display."""
    return {
        "text/html": build_comparison_html(comparison),
        "text/markdown": build_comparison_markdown(comparison),
        "text/plain": build_comparison_text(comparison),
        REPLIES_MIME: build_comparison_json(comparison),
    }
