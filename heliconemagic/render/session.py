"""A session with sums, tree, timeline and findings, in all forms that a display can carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from heliconemagic.insights.phases import Phase
from heliconemagic.records import SessionRecord, Step
from heliconemagic.render.columns import align_columns
from heliconemagic.render.feedback_words import NO_FEEDBACK, FeedbackOf
from heliconemagic.render.markup import NO_MATH, build_link, build_row, build_span, escape, escape_markdown, join_parts
from heliconemagic.render.session_rows import COLUMNS, CRITICAL, SIDES, Row
from heliconemagic.render.session_view import Part, SessionView, build_session_view
from heliconemagic.render.style import add_style
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.render.timeline import CHARACTERS, COVERED, REFUSED, Bar, fill_bar, write_bar

_SELF = COLUMNS.index("self")
_CLASSES: Mapping[str, str] = {
    Phase.WAITING: "hm-w",
    Phase.FIRST_TOKEN: "hm-t",
    Phase.GENERATING: "hm-g",
    Phase.WHOLE: "hm-a",
    Phase.WORKING: "hm-k",
    COVERED: "hm-c",
    REFUSED: "hm-x",
}
_MARK = f' <span class="hm-mark">{CRITICAL}</span>'
_SIGNS = {CHARACTERS[kind]: css for kind, css in _CLASSES.items()}


def build_session_bundle(
    session: SessionRecord,
    steps: Sequence[Step],
    *,
    folder: str = "",
    session_url: str | None = None,
    notes: Sequence[str] = (),
    feedback: FeedbackOf = NO_FEEDBACK,
) -> dict[str, Any]:
    """All forms by their MIME types, for one display; of one ``folder``, or of the whole session."""
    view = build_session_view(session, steps, folder=folder, feedback=feedback)
    return {
        "text/html": write_html(view, session_url=session_url, notes=notes),
        "text/markdown": write_markdown(view, notes=notes),
        "text/plain": write_text(view, notes=notes),
    }


def build_session_text(
    session: SessionRecord, steps: Sequence[Step], *, notes: Sequence[str] = (), feedback: FeedbackOf = NO_FEEDBACK
) -> str:
    """The session for a terminal, every step with its row."""
    return write_text(build_session_view(session, steps, is_whole=True, feedback=feedback), notes=notes)


# ---- HTML


def write_html(view: SessionView, *, session_url: str | None = None, notes: Sequence[str] = ()) -> str:
    """The page: static, without a script, and legible where styles, classes and ids are taken away."""
    head = [f'<strong class="hm-title">{escape(view.title)}</strong>']
    head += [build_span("hm-figure", escape(part)) for part in view.sums]
    head.append(build_span("hm-right", build_link(session_url, "open at Helicone ↗")))
    body = "".join(_iterate_html(view, notes)) if view.rows else ""
    return add_style(f'<div class="hm hm-session {NO_MATH}"><div class="hm-head">{join_parts(head)}</div>{body}</div>')


def _iterate_html(view: SessionView, notes: Sequence[str]) -> Iterator[str]:
    yield _build_table(view, [*([view.load] if view.load else []), *view.rows], view.axis)
    for sentence in view.sentences:
        yield f'<p class="hm-say"><strong>{escape(sentence.lead)}:</strong> {escape(sentence.text)}</p>'
    for part in view.parts:
        yield _build_part(view, part)
    if view.legend:
        yield f'<p class="hm-more">{join_parts(_build_sign(sign, text) for sign, text in view.legend)}</p>'
    for line in filter(None, (view.missing, *view.words, *notes)):
        yield f'<p class="hm-more">{escape(line)}</p>'


def _build_sign(sign: str, meaning: str) -> str:
    drawn = f'<samp class="hm-bar">{build_span(_SIGNS[sign], sign * 2)}</samp>' if sign in _SIGNS else _MARK.strip()
    return f'<span class="hm-sign">{drawn} {escape(meaning)}</span>'


def _build_part(view: SessionView, part: Part) -> str:
    facts = " · ".join(cell for cell in (part.head.label[2:], part.head.state, part.head.time, part.head.cost) if cell)
    return f"<details><summary>{escape(facts)}</summary>{_build_table(view, part.rows, part.axis)}</details>"


def _build_table(view: SessionView, rows: Sequence[Row], axis: str) -> str:
    sides = _leave_out_self(view, tuple(SIDES))
    head = build_row((*_leave_out_self(view, COLUMNS), axis), "".join((*sides, "l")), "th")
    body = "".join(_build_row(row, view) for row in rows)
    return f'<table class="hm-tree"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _leave_out_self(view: SessionView, cells: tuple[str, ...]) -> tuple[str, ...]:
    """Without folders there is no self time."""
    return cells if view.has_folders else (*cells[:_SELF], *cells[_SELF + 1 :])


def _build_row(row: Row, view: SessionView) -> str:
    states = {
        "hm-folder": row.step is None,
        "hm-old": row.is_faded,
        "hm-failed": row.is_failed,
        "hm-critical": row.is_critical,
    }
    css = " ".join(name for name, applies in states.items() if applies)
    _, state, *figures = _leave_out_self(view, row.words)
    cells = build_row((state, *(figure.replace(" ", "\u00a0") for figure in figures)), "l" + "r" * len(figures))
    start = f'<tr class="{css}">' if css else "<tr>"
    path = escape("\u00a0" * 3 * row.indent + row.label) + (_MARK if row.is_critical else "")
    return f'{start}<td class="hm-step">{path}</td>{cells}<td class="hm-bar">{_build_bar(row.bar)}</td></tr>\n'


def _build_bar(bar: Bar) -> str:
    """In an element whose text has equal widths in every browser: the bars stand below each other without a sheet."""
    drawn = "".join(_build_bar_part(part.kind, part.text.replace(" ", "\u00a0")) for part in fill_bar(bar))
    return f"<samp>{drawn}</samp>" if drawn else ""


def _build_bar_part(kind: str, text: str) -> str:
    return build_span(_CLASSES[kind], text) if kind else text


# ---- Markdown


def write_markdown(view: SessionView, *, notes: Sequence[str] = ()) -> str:
    """The same in Markdown, the bars as code."""
    columns = (*_leave_out_self(view, COLUMNS), view.axis)
    rules = ["---" if side == "l" else "--:" for side in (*_leave_out_self(view, tuple(SIDES)), "l")]
    rows = [*([view.load] if view.load else []), *view.rows]
    lines = [f"| {' | '.join(columns)} |", f"|{'|'.join(rules)}|", *(_build_markdown_row(row, view) for row in rows)]
    head = " · ".join([f"**{escape_markdown(view.title)}**", *map(escape_markdown, view.sums)])
    sentences = [f"**{escape_markdown(said.lead)}:** {escape_markdown(said.text)}" for said in view.sentences]
    below = map(escape_markdown, _list_below(view, notes))
    return "\n\n".join([head, *(["\n".join(lines)] if rows else []), *sentences, *below])


def _build_markdown_row(row: Row, view: SessionView) -> str:
    cells = " | ".join(escape_markdown(cell) for cell in _leave_out_self(view, row.words))
    blank = "\u00a0" * 3 * row.indent
    bar = f"`{write_bar(fill_bar(row.bar))}`".replace(" ", "\u00a0") if row.bar else ""
    return f"| {blank}{cells} | {bar} |"


# ---- text


def write_text(view: SessionView, *, notes: Sequence[str] = ()) -> str:
    """The same for a terminal, in aligned columns."""
    head = make_safe_text(" · ".join([view.title, *view.sums]))
    sentences = [f"{said.lead}: {said.text}" for said in view.sentences]
    below = map(make_safe_text, (*sentences, *_list_below(view, notes)))
    return "\n".join([head, *_list_text_rows(view), *below])


def _list_below(view: SessionView, notes: Sequence[str]) -> list[str]:
    """The lines below the sentences, where nothing can be unfolded: the legend in one, and the rest."""
    signs = " · ".join(f"{sign} {meaning}" for sign, meaning in view.legend)
    return [line for line in (signs, view.folded, *view.words, *notes) if line]


def _list_text_rows(view: SessionView) -> list[str]:
    rows = [*([view.load] if view.load else []), *view.rows]
    if not rows:
        return []
    table = [(*_leave_out_self(view, COLUMNS), view.axis), *(_build_text_row(row, view) for row in rows)]
    return align_columns(table, "".join((*_leave_out_self(view, tuple(SIDES)), "l")))


def _build_text_row(row: Row, view: SessionView) -> tuple[str, ...]:
    label, *cells = _leave_out_self(view, row.words)
    return (*map(make_safe_text, ("  " * row.indent + label, *cells)), write_bar(row.bar))
