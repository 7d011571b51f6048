"""A traced step, in the three forms: one quiet line below the cell that it is, or what went in and came out.

A call that a model asked for has a form of its own: `heliconemagic.render.card_calls`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from heliconemagic.records import Delivery, DeliveryState, Step, StepStatus
from heliconemagic.render.card_state import Card
from heliconemagic.render.figures import format_seconds
from heliconemagic.render.markdown_html import clean_source
from heliconemagic.render.markdown_source import build_fence
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
from heliconemagic.steps.traced import describe_input, describe_name, describe_output

MAX_SHOWN = 20_000
"""Characters of an input or output that are shown."""


def describe_delivery(delivery: Delivery | None) -> str:
    """How far it is on its way to Helicone; empty where Helicone isn't told."""
    if delivery is None:
        return ""
    if delivery.state is DeliveryState.ACCEPTED:
        return "at Helicone"
    if delivery.state is DeliveryState.WAITING:
        return f"on its way to Helicone ({delivery.reason})" if delivery.reason else "on its way to Helicone"
    return f"not at Helicone: {delivery.reason}"


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
    """The line below a cell: it hides nothing of what the cell shows."""
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
    from heliconemagic.render.card import REPLY_MIME, build_json

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


def build_traced_html(step: Step) -> str:
    """Input, output and error."""
    return "".join(
        f'<p class="{NO_MATH}"><strong>{escape(title)}</strong></p><pre class="{NO_MATH}">{escape(text)}</pre>'
        for title, text in _list_parts(step)
    )


def build_traced_markdown(step: Step) -> Iterator[str]:
    """The same as paragraphs of Markdown."""
    for title, text in _list_parts(step):
        yield f"**{title}**"
        yield build_fence(clean_source(text), "text")


def build_traced_text(step: Step) -> str:
    """The same for a terminal."""
    return make_safe_text("\n\n".join(f"{title}:\n{text}" for title, text in _list_parts(step)))


def _list_parts(step: Step) -> list[tuple[str, str]]:
    output = describe_output(step)
    nothing = "(nothing)" if step.status is StepStatus.DONE else ""
    parts = [
        ("input", _spell_input(describe_input(step))),
        ("output", _cut(_spell(output)) or nothing),
        ("error", step.error or ""),
    ]
    return [(title, text) for title, text in parts if text]


def _spell_input(text: str) -> str:
    """A cell's own code as it was written; other inputs as JSON."""
    try:
        value = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return _cut(text)
    if isinstance(value, dict) and list(value) == ["code"] and isinstance(value["code"], str):
        return _cut(value["code"])
    return _cut(_spell(text))


def _spell(text: str) -> str:
    """JSON with a line for each part, where it has parts; any other text as it stands."""
    if not text.startswith(("{", "[")) or len(text) > MAX_SHOWN:
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}\n… {len(text) - MAX_SHOWN:,} more characters"
