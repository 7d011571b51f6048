"""Two sessions side by side, in all forms that a display can carry: figures by path, then the words that differ.

Static and semantic first: with every style taken away it is a heading, a table, and folded paragraphs in which what was
removed is struck out and what was added is underlined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from heliconemagic.records import SessionRecord
from heliconemagic.render.batch_words import MAX_PATH, shorten
from heliconemagic.render.clock import format_clock
from heliconemagic.render.columns import align_columns
from heliconemagic.render.markup import NO_MATH, build_row, build_span, escape, escape_markdown, join_parts
from heliconemagic.render.session_diff_words import (
    COLUMNS,
    SIDES,
    PairDiff,
    build_sums,
    compare_pairs,
    describe_uncompared,
    list_notes,
    list_rows,
)
from heliconemagic.render.session_list import describe_source
from heliconemagic.render.style import add_style
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.render.word_diff import build_diff_html, build_diff_markdown, build_diff_text
from heliconemagic.steps.pairing import SessionDiff


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffPage:
    """What is shown of a diff: a headline with facts, the table, lines below it, and the words, unless left out."""

    diff: SessionDiff
    head: str
    facts: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()  # above the table
    commands: tuple[str, ...] = ()  # below everything: what to type next
    shows_words: bool = True


def build_diff_page(diff: SessionDiff) -> DiffPage:
    """The page of ``diff A B``."""
    sides = (_describe_side("first", diff.old), _describe_side("second", diff.new))
    title = diff.old.title if diff.old.title == diff.new.title else f"{diff.old.title} → {diff.new.title}"
    return DiffPage(diff=diff, head=title, lines=sides)


def _describe_side(name: str, record: SessionRecord) -> str:
    source = f" · {describe_source(record.source)}" if record.source else ""
    return f"{name}: {record.id} · {record.title} · {format_clock(record.started_at)} · {record.gateway}{source}"


def build_session_diff_bundle(page: DiffPage) -> dict[str, Any]:
    """All forms by their MIME types, for one display."""
    pairs = compare_pairs(page.diff) if page.shows_words else []
    rest = describe_uncompared(page.diff) if page.shows_words else ""
    page = replace(page, commands=(rest, *page.commands)) if rest else page
    return {
        "text/html": build_session_diff_html(page, pairs),
        "text/markdown": build_session_diff_markdown(page, pairs),
        "text/plain": build_session_diff_text(page, pairs),
    }


def build_session_diff_html(page: DiffPage, pairs: Sequence[PairDiff]) -> str:
    """All of it, static: no script, nothing loaded."""
    facts = (build_span("", escape(fact)) for fact in page.facts if fact)
    head = join_parts([f'<strong class="hm-title">{escape(page.head)}</strong>', *facts])
    parts = [
        f'<div class="hm-head">{head}</div>',
        _build_lines(page.lines),
        _build_table(page.diff),
        _build_lines(list_notes(page.diff)),
        *map(_build_pair, pairs),
        _build_lines(page.commands),
    ]
    return add_style(f'<div class="hm hm-versus {NO_MATH}">{"".join(parts)}</div>')


def _build_lines(lines: Sequence[str]) -> str:
    said = "<br>".join(escape(line) for line in lines)
    return f'<div class="hm-body hm-lines">{said}</div>' if said else ""


def _build_table(diff: SessionDiff) -> str:
    head = f"<tr>{build_row(COLUMNS, SIDES, 'th')}</tr>"
    body = "".join(f"<tr>{build_row(_keep_together(row), SIDES)}</tr>\n" for row in list_rows(diff))
    sums = "".join(f"<tr>{build_row(_keep_together(row), SIDES)}</tr>\n" for row in build_sums(diff))
    return f"<table><thead>{head}</thead><tbody>{body}</tbody><tfoot>{sums}</tfoot></table>"


def _keep_together(row: Sequence[str]) -> list[str]:
    """A figure breaks only before its change; the last cell has words, which break where they like."""
    kept = [cell.replace(" ", "\u00a0").replace("\u00a0(", " (") for cell in row[:-1]]
    return [*kept, row[-1]]


def _build_pair(pair: PairDiff) -> str:
    texts = "".join(
        f"<p><strong>{escape(text.name)}</strong></p>{build_diff_html(text.diff)}"
        for text in pair.texts
        if text.diff is not None
    )
    path = escape(shorten(pair.path, MAX_PATH))
    head = f'<strong class="hm-path">{path}</strong> · {escape(pair.summary)}'
    opened = " open" if pair.is_open else ""
    return f'<details{opened}><summary>{head}</summary><div class="hm-diff">{texts}</div></details>'


def build_session_diff_markdown(page: DiffPage, pairs: Sequence[PairDiff]) -> str:
    """The same as Markdown that may be rendered without sanitising."""
    head = " · ".join([f"**{escape_markdown(page.head)}**", *(escape_markdown(fact) for fact in page.facts if fact)])
    said = "  \n".join(map(escape_markdown, page.lines))
    notes = [escape_markdown(note) for note in list_notes(page.diff)]
    commands = "  \n".join(map(escape_markdown, page.commands))
    parts = [head, said, _build_markdown_table(page.diff), *notes, *map(_build_markdown_pair, pairs), commands]
    return "\n\n".join(part for part in parts if part)


def _build_markdown_table(diff: SessionDiff) -> str:
    rule = "|".join("--:" if side == "r" else "---" for side in SIDES)
    rows = [f"| {' | '.join(map(escape_markdown, row))} |" for row in (*list_rows(diff), *build_sums(diff))]
    return "\n".join([f"| {' | '.join(COLUMNS)} |", f"|{rule}|", *rows])


def _build_markdown_pair(pair: PairDiff) -> str:
    texts = [
        f"*{escape_markdown(text.summary)}*\n\n{build_diff_markdown(text.diff)}"
        if text.diff
        else f"*{escape_markdown(text.summary)}*"
        for text in pair.texts
    ]
    return "\n\n".join([f"#### {escape_markdown(pair.path)}", *texts])


def build_session_diff_text(page: DiffPage, pairs: Sequence[PairDiff]) -> str:
    """The same for a terminal."""
    rows = [tuple(make_safe_text(cell) for cell in row) for row in (*list_rows(page.diff), *build_sums(page.diff))]
    head = " · ".join(part for part in (page.head, *page.facts) if part)
    lines = [head, *(f"  {line}" for line in page.lines)]
    parts = [
        "\n".join(map(make_safe_text, lines)),
        "\n".join(align_columns([COLUMNS, *rows], SIDES)),
        "\n".join(map(make_safe_text, list_notes(page.diff))),
        *map(_build_text_pair, pairs),
        "\n".join(map(make_safe_text, page.commands)),
    ]
    return "\n\n".join(part for part in parts if part)


def _build_text_pair(pair: PairDiff) -> str:
    lines = [make_safe_text(f"{pair.path}")]
    for text in pair.texts:
        lines.append(make_safe_text(f"  {text.summary}"))
        if text.diff is not None:
            lines.append(build_diff_text(text.diff))
    return "\n".join(lines)
