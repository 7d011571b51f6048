"""The card of one step in all forms that a display can carry.

`build_head` and `build_foot` are the live widget's; `build_bundle` is what a saved notebook keeps.
"""

from __future__ import annotations

from typing import Any

from heliconemagic.attachments.attachment import drop_thumbnails
from heliconemagic.records import SessionRecord, Step, StepKind, StepStatus
from heliconemagic.render.card_answer import (
    build_answer_html,
    build_answer_markdown,
    build_answer_text,
    list_remark_lines,
)
from heliconemagic.render.card_attached import build_attached_html, build_attached_markdown, build_attached_text
from heliconemagic.render.card_calls import list_trail_lines
from heliconemagic.render.card_request import build_request_html
from heliconemagic.render.card_state import REPLY_MIME, Card, RequestForm
from heliconemagic.render.card_words import (
    STATE_WORDS,
    describe_card_state,
    describe_end,
    describe_failure,
    describe_origin,
    describe_progress,
    describe_totals,
    find_look,
    list_failure_words,
    list_figures,
)
from heliconemagic.render.markup import (
    NO_MATH,
    build_link,
    build_markdown_link,
    build_span,
    escape,
    escape_markdown,
    join_parts,
)
from heliconemagic.render.style import add_style
from heliconemagic.render.terminal import make_safe_text, replace_surrogates
from heliconemagic.render.traced import describe_delivery
from heliconemagic.steps.rounds import read_call
from heliconemagic.steps.traced import describe_input, is_model_call, is_traced

__all__ = [
    "REPLY_MIME",
    "Card",
    "RequestForm",
    "build_bundle",
    "build_foot",
    "build_foot_text",
    "build_head",
    "build_head_text",
    "build_html",
    "build_json",
    "build_markdown",
    "build_text",
    "describe_belonging",
]


def build_head(card: Card, now: float | None = None) -> str:
    """The first line: state, path, model, context; at its end the clock, or the links once it is over.

    Without ``now`` (seconds since the epoch) a running step shows no clock.
    """
    step = card.step
    dot = f'<span class="hm-dot hm-dot-{find_look(card).value}">●</span> '
    state = build_span("hm-state", escape(describe_card_state(card)))
    path = f'{dot}<strong class="hm-path">{escape(step.path)}</strong>'
    parts = [
        path,
        state,
        *(build_span("hm-part-of-head", escape(part)) for part in (describe_origin(card), card.context)),
    ]
    return f'<div class="hm-head {NO_MATH}">{join_parts([*parts, _build_head_end(card, now)])}</div>'


def _build_head_end(card: Card, now: float | None) -> str:
    if card.step.status is StepStatus.PENDING:
        progress = describe_progress(card, now) if now is not None else card.waiting
        return build_span("hm-right", escape(progress))
    links = " ".join((build_link(card.request_url, "request ↗"), build_link(card.session_url, "session ↗")))
    css = "hm-stopped" if card.step.status is StepStatus.INTERRUPTED else "hm-bad"
    end = build_span(css, escape(describe_end(card)))
    return build_span("hm-right", " ".join((end, links)).strip())


def build_foot(card: Card) -> str:
    """The last line: what failed, else the figures; notes; the session's sums. Empty if there is nothing to say."""
    parts = [*_list_failure(card), *(build_span("hm-figure", escape(part)) for part in _list_figures(card))]
    parts += [build_span("hm-said", escape(note)) for note in _list_notes(card)]
    parts.append(build_span("hm-right", escape(describe_totals(card.totals))))
    line = join_parts(parts)
    return f'<div class="hm-foot {NO_MATH}">{line}</div>' if line else ""


def _list_figures(card: Card) -> list[str]:
    """Figures, once there is anything to count: not of a running step, nor of one that failed unpaid."""
    is_counted = card.step.status is StepStatus.DONE or card.step.usage is not None
    return list_figures(card) if is_counted and card.step.status is not StepStatus.PENDING else []


def _list_notes(card: Card) -> list[str]:
    """The card's notes, and of a traced step how far it is on its way to Helicone."""
    return [note for note in (describe_delivery(card.step.delivery), *card.notes) if note]


def _list_failure(card: Card) -> list[str]:
    return [build_span("hm-bad hm-hint", escape(line)) for line in list_failure_words(card)]


def build_html(card: Card) -> str:
    """The whole card, static: no script, nothing loaded; it reads well without its style, too."""
    answer = build_answer_html(card)
    body = build_attached_html(card.step) + (f'<div class="hm-body">{answer}</div>' if answer else "")
    is_request = card.step.status is not StepStatus.PENDING and not is_traced(card.step)
    folded = build_request_html(card.step, card.request) if is_request else ""
    return add_style(f'<div class="hm">{build_head(card)}{body}{build_foot(card)}{folded}</div>')


def build_markdown(card: Card) -> str:
    """The card as Markdown that may be rendered without sanitising."""
    step = card.step
    words = [describe_origin(card), card.context, describe_end(card) or STATE_WORDS[step.status]]
    head = " · ".join([f"**{escape_markdown(step.path)}**", *(escape_markdown(word) for word in words if word)])
    failure = build_failure_markdown(card)
    attached = build_attached_markdown(step)
    parts = (head, attached, build_answer_markdown(card), failure, _build_markdown_foot(card))
    return "\n\n".join(part for part in parts if part)


def build_failure_markdown(card: Card) -> str:
    """What failed it; empty where nothing did."""
    message, hint, cause = describe_failure(card)
    said = " ".join(part for part in (message, hint, f"({cause})" if cause else "") if part)
    return f"**{escape_markdown(said)}**" if said else ""


def _build_markdown_foot(card: Card) -> str:
    words = [*_list_figures(card), *_list_notes(card), describe_totals(card.totals)]
    links = build_markdown_link(card.request_url, "request ↗"), build_markdown_link(card.session_url, "session ↗")
    return " · ".join([*(escape_markdown(word) for word in words if word), *(link for link in links if link)])


def build_head_text(card: Card, now: float | None = None) -> str:
    """The first line for a terminal, and below it what was attached."""
    step = card.step
    progress = describe_progress(card, now) if now is not None and card.waiting else ""
    words = [step.path, describe_origin(card), card.context, describe_end(card) or progress]
    line = make_safe_text(" · ".join(word for word in words if word))
    return "\n".join(part for part in (line, build_attached_text(step)) if part)


def build_foot_text(card: Card) -> str:
    """What follows the answer in a terminal: remarks, then one line of figures, then notes. The error isn't in it."""
    figures = [describe_end(card), *_list_figures(card), describe_totals(card.totals)]
    line = " · ".join(part for part in figures if part)
    lines = [*list_remark_lines(card.step, card.trail), line, *_list_notes(card)]
    return make_safe_text("\n".join(part for part in lines if part))


def build_text(card: Card) -> str:
    """The whole card for a terminal."""
    failure = make_safe_text("\n".join(list_failure_words(card)))
    called = "\n".join(list_trail_lines([card.step] if is_model_call(card.step) else card.trail))
    parts = (build_head_text(card), called, build_answer_text(card), failure, build_foot_text(card))
    return "\n\n".join(part for part in parts if part)


def build_json(card: Card) -> dict[str, Any]:
    """The card for programs. Times are seconds since the epoch, the cost USD (estimated; null: unpriced)."""
    step = card.step
    form = {
        "version": 1,
        "id": step.id,
        "session_id": step.session_id,
        "parent_id": step.parent_id,
        "comparison": step.comparison or None,
        "variant": step.variant or None,
        "path": step.path,
        "kind": step.kind.value,
        "input": describe_input(step) if is_traced(step) else None,
        "status": step.status.value,
        "gateway": step.gateway,
        "model": step.model,
        "answered_by": step.answered_by,
        "messages": drop_thumbnails(step.messages),
        "parameters": dict(step.parameters),
        "text": step.text,
        "reasoning": step.reasoning,
        "refusal": step.refusal,
        "tool_calls": [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in step.tool_calls],
        "tool_results": [_describe_call(call) for call in card.trail if call.kind is StepKind.TOOL],
        "finish_reason": step.finish_reason,
        "usage": _describe_usage(card),
        "cost": step.cost,
        "origin": _describe_origin(step),
        "started_at": step.started_at,
        "first_token_at": step.first_token_at,
        "ended_at": step.ended_at,
        "request_ids": [attempt.request_id for attempt in step.attempts],
        "helicone_id": step.helicone_id,
        "delivery": step.delivery.state.value if step.delivery else None,
        "error": step.error if card.error is None else str(card.error),
        "request_url": card.request_url,
        "session_url": card.session_url,
        **describe_belonging(card.step, card.session),
    }
    return {name: replace_surrogates(value) for name, value in form.items()}


def describe_belonging(step: Step, session: SessionRecord | None) -> dict[str, Any]:
    """What tells where a reply belongs, once its notebook is read by somebody else; what is empty is left out."""
    told: dict[str, Any] = {"user": step.user, "properties": dict(step.properties), "is_aside": step.is_aside}
    if session is not None:
        told |= {"session_name": session.name, "notebook": session.notebook}
        told["session_title"] = session.title if session.title != session.name else ""
    return {name: value for name, value in told.items() if value}


def _describe_origin(step: Step) -> dict[str, Any] | None:
    origin = step.origin
    if origin is None:
        return None
    return {
        "kind": origin.kind.value,
        "answered_at": origin.answered_at,
        "source": origin.source,
        "reason": origin.reason,
    }


def _describe_call(step: Step) -> dict[str, Any]:
    """A tool's result, as the model got it."""
    return {
        "id": read_call(step).id,
        "path": step.path,
        "status": step.status.value,
        "text": step.text,
        "error": step.error,
        "started_at": step.started_at,
        "ended_at": step.ended_at,
    }


def _describe_usage(card: Card) -> dict[str, int] | None:
    usage = card.step.usage
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def build_bundle(card: Card) -> dict[str, Any]:
    """All forms by their MIME types, for one display."""
    return {
        "text/html": build_html(card),
        "text/markdown": build_markdown(card),
        "text/plain": build_text(card),
        REPLY_MIME: build_json(card),
    }
