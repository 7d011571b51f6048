"""The card of a batch in all forms that a display can carry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heliconemagic.records import StepStatus
from heliconemagic.render.batch_state import BatchCard, BatchLine
from heliconemagic.render.batch_words import (
    COLUMNS,
    FAILED_COLUMNS,
    FAILED_SIDES,
    SIDES,
    build_bar,
    describe_end,
    describe_more_failures,
    describe_rest,
    list_cells,
    list_failed_cells,
    list_figures,
    list_progress,
)
from heliconemagic.render.card import REPLY_MIME, describe_belonging
from heliconemagic.render.card_words import STATE_WORDS, describe_totals
from heliconemagic.render.columns import align_columns
from heliconemagic.render.figures import format_seconds
from heliconemagic.render.markup import (
    NO_MATH,
    build_link,
    build_markdown_link,
    build_row,
    build_span,
    escape,
    escape_markdown,
    join_parts,
)
from heliconemagic.render.style import add_style
from heliconemagic.render.terminal import make_safe_text, replace_surrogates

MAX_STEP_IDS = 1_000
"""Ids in a display: the journal has them all."""


def build_batch_head(card: BatchCard) -> str:
    """The first line: state, path as typed, model, context; at its end the clock or the link."""
    dot = f'<span class="hm-dot hm-dot-{card.status.value}">●</span> '
    path = f'{dot}<strong class="hm-path">{escape(card.path)}</strong>'
    state = build_span("hm-state", escape(STATE_WORDS[card.status]))
    words = (build_span("hm-part-of-head", escape(part)) for part in (card.origin, card.context))
    return f'<div class="hm-head {NO_MATH}">{join_parts([path, state, *words, _build_head_end(card)])}</div>'


def _build_head_end(card: BatchCard) -> str:
    if card.status is StepStatus.PENDING:
        return build_span("hm-right", escape(format_seconds(card.seconds)))
    css = "hm-stopped" if card.status is StepStatus.INTERRUPTED else "hm-bad"
    end = build_span(css, escape(describe_end(card)))
    return build_span("hm-right", " ".join((end, build_link(card.session_url, "session ↗"))).strip())


def build_batch_body(card: BatchCard) -> str:
    """What lies between head and foot: the bar while it runs, and the table."""
    shown = _build_progress(card) if card.status is StepStatus.PENDING else ""
    table = _build_table(card.lines, (card.noun, *COLUMNS), SIDES) if card.lines else ""
    rest = describe_rest(card) if card.status is not StepStatus.PENDING else ""
    more = f'<p class="hm-more">{escape(rest)}</p>' if rest else ""
    return f'<div class="hm-body {NO_MATH}">{shown}{table}{more}{_build_failures(card)}</div>'


def _build_progress(card: BatchCard) -> str:
    bar = build_bar(card)
    shown = f'<span class="hm-progress">{bar}</span> ' if bar else ""
    return f'<div class="hm-lines">{shown}{escape(" · ".join(list_progress(card)))}</div>'


def _build_table(lines: Sequence[BatchLine], columns: Sequence[str], sides: str) -> str:
    head = f"<tr>{build_row(columns, sides, 'th')}</tr>"
    body = "".join(f"<tr>{build_row(_keep_together(list_cells(line)), sides)}</tr>\n" for line in lines)
    return f'<table class="hm-batch"><thead>{head}</thead><tbody>{body}</tbody></table>'


def _keep_together(cells: Sequence[str]) -> list[str]:
    """Figures in one line; path and answer may have several."""
    return [cell if position in (1, 2) else cell.replace(" ", "\u00a0") for position, cell in enumerate(cells)]


def _build_failures(card: BatchCard) -> str:
    if not card.failures:
        return ""
    head = f"<tr>{build_row((card.noun, *FAILED_COLUMNS), FAILED_SIDES, 'th')}</tr>"
    body = "".join(f"<tr>{build_row(list_failed_cells(line), FAILED_SIDES)}</tr>\n" for line in card.failures)
    more = f'<p class="hm-more">{escape(describe_more_failures(card))}</p>' if describe_more_failures(card) else ""
    title = '<p class="hm-bad">without an answer</p>'
    return f'{title}<table class="hm-batch"><thead>{head}</thead><tbody>{body}</tbody></table>{more}'


def build_batch_foot(card: BatchCard) -> str:
    """The last line: what failed, the sums, notes, the session's sums."""
    message, hint = card.failure
    parts = [
        build_span("hm-bad hm-hint", escape(message)),
        build_span("hm-bad hm-hint", escape(f"hint: {hint}") if hint else ""),
    ]
    if card.status is not StepStatus.PENDING:
        parts += [build_span("hm-figure", escape(part)) for part in list_figures(card)]
    parts += [build_span("hm-said", escape(note)) for note in card.notes]
    parts.append(build_span("hm-right", escape(describe_totals(card.totals))))
    line = join_parts(parts)
    return f'<div class="hm-foot {NO_MATH}">{line}</div>' if line else ""


def build_batch_html(card: BatchCard) -> str:
    """The whole card, static."""
    parts = build_batch_head(card), build_batch_body(card), build_batch_foot(card)
    return add_style(f'<div class="hm">{"".join(parts)}</div>')


def build_batch_markdown(card: BatchCard) -> str:
    """The card as Markdown."""
    words = [card.origin, card.context, describe_end(card) or STATE_WORDS[card.status]]
    head = " · ".join([f"**{escape_markdown(card.path)}**", *(escape_markdown(word) for word in words if word)])
    parts = [head]
    if card.lines:
        parts.append(_build_markdown_table((card.noun, *COLUMNS), SIDES, [list_cells(line) for line in card.lines]))
    parts.append(escape_markdown(describe_rest(card)))
    if card.failures:
        rows = [list_failed_cells(line) for line in card.failures]
        parts += [_build_markdown_table((card.noun, *FAILED_COLUMNS), FAILED_SIDES, rows)]
        parts.append(escape_markdown(describe_more_failures(card)))
    message = " ".join(part for part in card.failure if part)
    parts.append(f"**{escape_markdown(message)}**" if message else "")
    said = [*_list_said(card), *card.notes, describe_totals(card.totals)]
    link = build_markdown_link(card.session_url, "session ↗")
    parts.append(" · ".join([*(escape_markdown(word) for word in said if word), *([link] if link else [])]))
    return "\n\n".join(part for part in parts if part)


def _list_said(card: BatchCard) -> list[str]:
    return list_progress(card) if card.status is StepStatus.PENDING else list_figures(card)


def _build_markdown_table(columns: Sequence[str], sides: str, rows: Sequence[Sequence[str]]) -> str:
    rule = "|".join("--:" if side == "r" else "---" for side in sides)
    lines = [f"| {' | '.join(columns)} |", f"|{rule}|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(escape_markdown, row))} |" for row in rows)])


def build_batch_text(card: BatchCard) -> str:
    """The card for a terminal."""
    message, hint = card.failure
    head = " · ".join(word for word in (card.path, card.origin, card.context, describe_end(card)) if word)
    said = " · ".join(word for word in (*_list_said(card), describe_totals(card.totals)) if word)
    failure = [message, f"hint: {hint}" if hint else ""]
    lines = [head, *build_batch_rows_text(card), *failure, said, *card.notes]
    return "\n".join(make_safe_text(line) for line in lines if line)


def build_batch_rows_text(card: BatchCard) -> list[str]:
    """The tables for a terminal, as lines."""
    lines = []
    if card.lines:
        rows = [tuple(make_safe_text(cell) for cell in list_cells(line)) for line in card.lines]
        lines += [*align_columns([(card.noun, *COLUMNS), *rows], SIDES), describe_rest(card)]
    if card.failures:
        failed = [tuple(make_safe_text(cell) for cell in list_failed_cells(line)) for line in card.failures]
        lines += [*align_columns([(card.noun, *FAILED_COLUMNS), *failed], FAILED_SIDES), describe_more_failures(card)]
    return [line for line in lines if line]


def build_batch_json(card: BatchCard) -> dict[str, Any]:
    """The card for programs; the cost is USD (estimated). Of a large batch only the first step ids."""
    counts = card.counts
    form = {
        "version": 1,
        "kind": "batch",
        "path": card.path,
        "status": card.status.value,
        "rows": counts.total,
        "answered": counts.answered,
        "kept": counts.kept,
        "failed": counts.failed,
        "interrupted": counts.stopped,
        "unsent": counts.unsent,
        "seconds": card.seconds,
        "cost": None if card.unpriced else card.cost,
        "prompt_tokens": card.prompt_tokens,
        "completion_tokens": card.completion_tokens,
        "step_ids": list(card.step_ids[:MAX_STEP_IDS]),
        "session_url": card.session_url,
        **_describe_first(card),
    }
    return {name: replace_surrogates(value) for name, value in form.items()}


def _describe_first(card: BatchCard) -> dict[str, Any]:
    """What the rows have in common, and where they belong."""
    first = card.first
    if first is None:
        return {}
    common = {name: getattr(first, name) for name in ("session_id", "gateway", "model", "started_at")}
    return {**common, **describe_belonging(first, card.session)}


def build_batch_bundle(card: BatchCard) -> dict[str, Any]:
    """All forms by their MIME types, for one display."""
    return {
        "text/html": build_batch_html(card),
        "text/markdown": build_batch_markdown(card),
        "text/plain": build_batch_text(card),
        REPLY_MIME: build_batch_json(card),
    }
