"""A session as one HTML page that needs nothing else: the session's picture, and every step, folded.

Folding works without a script; search needs the one that the page brings along. Whatever somebody wrote is escaped,
and what a model answered has passed the same sanitiser as in a card.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from heliconemagic.export.page_script import SCRIPT, build_policy
from heliconemagic.export.page_style import build_page_style
from heliconemagic.export.session import ExportedSession
from heliconemagic.export.signature import sign
from heliconemagic.export.words import (
    build_answer_card,
    describe_attempt,
    describe_parent,
    describe_step_state,
    has_answer,
    is_data,
)
from heliconemagic.records import Message, Step, StepKind, StepStatus, read_content_text
from heliconemagic.render.card_answer import build_answer_html
from heliconemagic.render.card_attached import build_attached_html
from heliconemagic.render.card_words import describe_model, list_figures
from heliconemagic.render.clock import format_moment
from heliconemagic.render.feedback_words import describe_feedback
from heliconemagic.render.figures import format_seconds
from heliconemagic.render.markup import NO_MATH, build_link, build_span, escape
from heliconemagic.render.session import write_html
from heliconemagic.render.session_view import build_session_view
from heliconemagic.steps.traced import describe_input, describe_output
from heliconemagic.steps.turns import list_own

MOST_SEEN_AT_ONCE = 60
"""Steps; the picture of a longer session begins folded, or it would push the steps off the page."""

_FAILED = (StepStatus.FAILED, StepStatus.INTERRUPTED)

_TOOLS = (
    '<div class="hx-tools" id="hx-tools" hidden>'
    '<input type="search" id="hx-search" placeholder="search paths, prompts and answers" aria-label="search">'
    '<span id="hx-count" role="status"></span>'
    '<button type="button" id="hx-open">open all</button><button type="button" id="hx-close">close all</button></div>'
)


def build_page(session: ExportedSession) -> str:
    """The whole file."""
    content = "".join(_iterate_content(session))
    head = (
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{build_policy()}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(session.record.title)}</title>\n{build_page_style()}\n</head>\n"
    )
    body = f"<body>\n<main>\n{content}</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    return sign(head + body, before="<!doctype html>\n", opening="<!-- ", closing=" -->")


def _iterate_content(session: ExportedSession) -> Iterator[str]:
    record = session.record
    yield f"<h1>{escape(record.title)}</h1>\n"
    facts = f"{format_moment(record.started_at)} · {record.gateway} · session {record.id}"
    yield f'<p class="hx-facts">{escape(facts)} {build_link(session.url, "open at Helicone ↗")}</p>\n'
    state = "" if len(session.steps) > MOST_SEEN_AT_ONCE else " open"
    picture = write_html(build_session_view(record, session.steps, feedback=session.opinions))
    yield f'<details class="hx-picture"{state}><summary>the session at a glance</summary>{picture}</details>\n'
    yield f"{_TOOLS}\n"
    for step in session.steps:
        yield _build_step(session, step)


def _build_step(session: ExportedSession, step: Step) -> str:
    marks = ("hx-failed", step.status in _FAILED), ("hx-old", step.is_superseded)
    css = " ".join(["hx-step", *(name for name, applies in marks if applies)])
    number = session.numbers[step.id]
    body = "".join(_iterate_body(session, step))
    opening = f'<details class="{css}" id="step-{number}"><summary>{_build_summary(step, number)}</summary>\n'
    return f'{opening}<div class="hm">{body}</div></details>\n'


def _build_summary(step: Step, number: int) -> str:
    time = "" if step.latency is None else format_seconds(step.latency)
    return (
        f"<span>{number}</span> <strong>{escape(step.path)}</strong> "
        f"{build_span('hx-state', escape(describe_step_state(step)))} {build_span('hx-end', escape(time))}"
    )


def _iterate_body(session: ExportedSession, step: Step) -> Iterator[str]:
    if step.kind is StepKind.LLM:
        yield from map(_build_message, list_own(step, session.find_continued(step)))
    yield build_attached_html(step)
    if is_data(step):
        yield _build_said("input", describe_input(step))
    yield _build_answer(session, step)
    yield f'<div class="hx-notes {NO_MATH}">{"".join(_iterate_notes(session, step))}</div>'


def _build_message(message: Message) -> str:
    """Text as it is; the calls that an answer asked for as JSON."""
    text = read_content_text(message.get("content"))
    calls = message.get("tool_calls")
    said = [text, json.dumps(calls, ensure_ascii=False, default=str) if calls else ""]
    return _build_said(str(message.get("role")), "\n".join(part for part in said if part))


def _build_said(role: str, text: str) -> str:
    return f'<p class="hx-role">{escape(role)}</p><pre class="hx-said">{escape(text)}</pre>' if text else ""


def _build_answer(session: ExportedSession, step: Step) -> str:
    if is_data(step):
        return _build_said("output", describe_output(step))
    card = build_answer_card(session, step)
    answer = build_answer_html(card) if has_answer(card, step) else ""
    return f'<p class="hx-role">answer</p><div class="hm-body">{answer}</div>' if answer else ""


def _iterate_notes(session: ExportedSession, step: Step) -> Iterator[str]:
    """What else is known of it, a line each."""
    if opinion := describe_feedback(session.list_feedback(step.id)):
        yield f"<p><strong>{escape(opinion)}</strong></p>"
    if step.error:
        yield f'<p class="hm-bad">{escape(step.error)}</p>'
    figures = list_figures(build_answer_card(session, step))
    model = f"{describe_model(step)} · {step.gateway}" if step.kind is StepKind.LLM else ""
    parts = [_link_parent(session, step), *(escape(part) for part in (model, *figures))]
    parts.append(build_link(session.find_request_url(step), "request ↗"))
    yield f"<p>{' · '.join(part for part in parts if part)}</p>"
    for number, attempt in enumerate(step.attempts, start=1):
        yield f"<p>{escape(describe_attempt(number, attempt))}</p>"
    for name, value in (("user", step.user), *step.properties.items(), ("parameters", _write_json(step))):
        yield f"<p>{escape(name)}: {escape(value)}</p>" if value else ""


def _write_json(step: Step) -> str:
    return json.dumps(dict(step.parameters), ensure_ascii=False, default=str) if step.parameters else ""


def _link_parent(session: ExportedSession, step: Step) -> str:
    parent = session.find_continued(step) or session.find_parent(step)
    if parent is None:
        return ""
    return f'<a href="#step-{session.numbers[parent.id]}">{escape(describe_parent(session, step))}</a>'
