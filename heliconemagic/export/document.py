"""A session as a Markdown document that reads well on GitHub: figures, then prompts and answers by path. Pure.

What people and models wrote passes the same renderer as a card's Markdown: no raw HTML, images as links.
"""

from __future__ import annotations

from collections.abc import Iterator

from heliconemagic.export.session import ExportedSession
from heliconemagic.export.signature import sign
from heliconemagic.export.words import (
    build_answer_card,
    describe_parent,
    describe_step_state,
    has_answer,
    is_data,
)
from heliconemagic.records import Message, Step, StepKind, read_content_text
from heliconemagic.render.card import Card
from heliconemagic.render.card_answer import build_answer_markdown
from heliconemagic.render.card_attached import build_attached_markdown
from heliconemagic.render.card_words import list_figures
from heliconemagic.render.clock import format_moment
from heliconemagic.render.feedback_words import describe_feedback
from heliconemagic.render.markdown import make_safe_markdown
from heliconemagic.render.markdown_source import build_fence, demote_headings
from heliconemagic.render.markup import build_markdown_link, escape_markdown
from heliconemagic.render.session import write_markdown
from heliconemagic.render.session_view import build_session_view
from heliconemagic.steps.traced import describe_input, describe_output
from heliconemagic.steps.turns import list_own, split_system

_DEEPEST = 6  # level of a heading


def build_document(session: ExportedSession) -> str:
    """The whole file."""
    return sign("\n\n".join(part for part in _iterate_parts(session) if part) + "\n", opening="<!-- ", closing=" -->")


def _iterate_parts(session: ExportedSession) -> Iterator[str]:
    record = session.record
    yield f"# {escape_markdown(record.title)}"
    yield " · ".join(
        part
        for part in (
            escape_markdown(f"{format_moment(record.started_at)}, {record.gateway}, session {record.id}"),
            build_markdown_link(session.url, "open at Helicone"),
        )
        if part
    )
    yield write_markdown(build_session_view(record, session.steps, feedback=session.opinions))
    for step in session.steps:
        yield from _iterate_step(session, step)


def _iterate_step(session: ExportedSession, step: Step) -> Iterator[str]:
    level = min(1 + max(step.path.count("/"), 1), _DEEPEST)
    yield f"{'#' * level} {session.numbers[step.id]}. {escape_markdown(step.path)}"
    card = build_answer_card(session, step)
    words = [describe_step_state(step), _describe_model(step), describe_parent(session, step), *list_figures(card)]
    line = [escape_markdown(word) for word in words if word]
    yield " · ".join([*line, *filter(None, [build_markdown_link(session.find_request_url(step), "request")])])
    yield from _iterate_messages(session, step)
    yield build_attached_markdown(step)
    if is_data(step):
        yield build_fence(describe_input(step), "json") if describe_input(step) else ""
    yield demote_headings(_build_answer(card), level).strip("\n") if has_answer(card, step) else ""
    if step.error:
        yield f"**{escape_markdown(step.error)}**"
    if opinion := describe_feedback(session.list_feedback(step.id)):
        yield f"*{escape_markdown(opinion)}*"


def _describe_model(step: Step) -> str:
    return step.model if step.kind is StepKind.LLM else ""


def _build_answer(card: Card) -> str:
    if not is_data(card.step):
        return build_answer_markdown(card)
    output = describe_output(card.step)
    return build_fence(output) if output else ""


def _iterate_messages(session: ExportedSession, step: Step) -> Iterator[str]:
    """Those that no earlier step shows, as quotes: an answer is what stands outside of them."""
    if step.kind is not StepKind.LLM:
        return
    system = split_system(step.messages)[0]
    for message in list_own(step, session.find_continued(step)):
        yield _quote(message, is_system=any(message is one for one in system))


def _quote(message: Message, *, is_system: bool) -> str:
    text = make_safe_markdown(read_content_text(message.get("content"))).strip("\n")
    role = "" if message.get("role") == "user" and not is_system else f"*{escape_markdown(message.get('role'))}:*\n\n"
    return "\n".join(f"> {line}".rstrip() for line in f"{role}{text}".split("\n")) if text else ""
