"""A traced step on its card, in the three forms: what went in, what came out, what failed.

A call that a model asked for has a form of its own: `heliconemagic.render.card_calls`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from heliconemagic.records import Delivery, DeliveryState, Step, StepStatus
from heliconemagic.render.markdown_html import clean_source
from heliconemagic.render.markdown_source import build_fence
from heliconemagic.render.markup import (
    NO_MATH,
    escape,
)
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.steps.traced import describe_input, describe_output

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
