"""The quiet line below a cell that is a traced step, in the three forms; it hides nothing of what the cell shows."""

from __future__ import annotations

from typing import Any

from heliconemagic.records import DeliveryState, Step, StepStatus
from heliconemagic.render.card import REPLY_MIME, build_json
from heliconemagic.render.card_state import Card
from heliconemagic.render.figures import format_seconds
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
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.render.traced import describe_delivery
from heliconemagic.steps.traced import describe_name


def list_line_words(card: Card) -> list[str]:
    """What the line says besides path and end: kind, name, time, delivery, notes."""
    step = card.step
    name = describe_name(step)
    named = "" if name == step.path.rpartition("/")[2] else name
    seconds = format_seconds(step.latency) if step.latency is not None and step.status is StepStatus.DONE else ""
    words = [step.kind.value, named, seconds, describe_delivery(step.delivery), *card.notes]
    return [word for word in words if word]


def _describe_end(step: Step) -> str:
    words = {StepStatus.FAILED: "failed", StepStatus.INTERRUPTED: "stopped", StepStatus.PENDING: "running"}
    word = words.get(step.status, "")
    return f"{word} after {format_seconds(step.latency)}" if word and step.latency is not None else word


def build_line_html(card: Card) -> str:
    """The line as HTML."""
    step = card.step
    css = "hm-stopped" if step.status is StepStatus.INTERRUPTED else "hm-bad"
    is_refused = step.delivery is not None and step.delivery.state is DeliveryState.REFUSED
    dot = f'<span class="hm-dot hm-dot-{step.status.value}">●</span>'
    parts = [
        f'{dot} <strong class="hm-path">{escape(step.path)}</strong>',
        build_span(css, escape(_describe_end(step))),
        *(build_span("hm-figure", escape(word)) for word in list_line_words(card) if not word.startswith("not at")),
        build_span("hm-bad hm-hint", escape(describe_delivery(step.delivery)) if is_refused else ""),
        build_span("hm-right", build_link(card.request_url, "request ↗")),
    ]
    return add_style(f'<div class="hm"><div class="hm-head {NO_MATH}">{join_parts(parts)}</div></div>')


def build_line_text(card: Card) -> str:
    """The same for a terminal."""
    words = [card.step.path, _describe_end(card.step), *list_line_words(card)]
    return make_safe_text(" · ".join(word for word in words if word))


def build_line_bundle(card: Card) -> dict[str, Any]:
    """All forms, for one display, with what went in and came out for programs."""
    step = card.step
    words = [escape_markdown(word) for word in (_describe_end(step), *list_line_words(card)) if word]
    link = build_markdown_link(card.request_url, "request ↗")
    markdown = " · ".join([f"**{escape_markdown(step.path)}**", *words, *([link] if link else [])])
    return {
        "text/html": build_line_html(card),
        "text/markdown": markdown,
        "text/plain": build_line_text(card),
        REPLY_MIME: build_json(card),
    }
