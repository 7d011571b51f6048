"""The tool calls of a card, in the three forms: one line each, with arguments and result folded below it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from heliconemagic.records import Step, StepKind, StepStatus, ToolCall
from heliconemagic.render.figures import format_count, format_seconds
from heliconemagic.render.markdown import make_safe_markdown, render_markdown
from heliconemagic.render.markdown_html import clean_source
from heliconemagic.render.markdown_source import build_fence
from heliconemagic.render.markup import NO_MATH, build_span, escape, escape_markdown
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.steps.rounds import SKIPPED, describe_arguments, read_call

MAX_LINE = 90
"""Characters of arguments, and of a result, in a call's one line."""
MAX_SHOWN = 20_000
"""Characters of a result that are shown."""


def build_trail_html(trail: Sequence[Step]) -> str:
    """What led to an answer: the calls, each folded, and what the model said before it asked for them."""
    return "".join(build_call_html(step) if step.kind is StepKind.TOOL else _build_said(step) for step in trail)


def _build_said(step: Step) -> str:
    return render_markdown(step.text) if step.text.strip() else ""


def build_call_html(step: Step, *, is_open: bool = False) -> str:
    """One call: how it went in one line, then arguments and result."""
    css = "hm-bad" if step.status in (StepStatus.FAILED, StepStatus.INTERRUPTED) else "hm-said"
    end = build_span(css, escape(_describe_end(step)))
    line = f"<code>{escape(describe_call(step))}</code> → {end} {build_span('hm-figure', escape(_describe_time(step)))}"
    parts = "".join(
        f"<p><strong>{escape(title)}</strong></p><pre>{escape(text)}</pre>" for title, text in _list_parts(step)
    )
    state = " open" if is_open else ""
    return f'<details class="hm-call {NO_MATH}"{state}><summary>{line}</summary>{parts}</details>'


def build_trail_markdown(trail: Sequence[Step]) -> Iterator[str]:
    """The same as paragraphs of Markdown."""
    for step in trail:
        if step.kind is StepKind.TOOL:
            yield from build_call_markdown(step)
        elif step.text.strip():
            yield make_safe_markdown(step.text)


def build_call_markdown(step: Step) -> Iterator[str]:
    """One call: its line, then arguments and result in fences."""
    yield escape_markdown(_describe_line(step))
    for _, text in _list_parts(step):
        yield build_fence(clean_source(text), "text")


def list_trail_lines(trail: Sequence[Step]) -> list[str]:
    """The same for a terminal: a line for each call."""
    return [make_safe_text(_describe_line(step)) for step in trail if step.kind is StepKind.TOOL]


def _describe_line(step: Step) -> str:
    return f"{describe_call(step)} → {' '.join(filter(None, (_describe_end(step), _describe_time(step))))}"


def describe_call(step: Step) -> str:
    """A call as one would type it: ``weather(city="Paris")``."""
    call = read_call(step)
    return f"{call.name}({_shorten(describe_arguments(call.arguments))})"


def _describe_end(step: Step) -> str:
    """The result's beginning, or why there is none."""
    if step.status is StepStatus.PENDING:
        return "running"
    if step.status is StepStatus.INTERRUPTED:
        return "stopped"
    if step.finish_reason == SKIPPED:
        return "skipped"
    return _shorten((step.error or step.text).partition("\n")[0] if step.error else step.text) or "(nothing)"


def _describe_time(step: Step) -> str:
    return "" if step.latency is None or step.finish_reason == SKIPPED else format_seconds(step.latency)


def _list_parts(step: Step) -> list[tuple[str, str]]:
    parts = [("arguments", _write_arguments(read_call(step).arguments))]
    if step.error:
        parts.append(("error, of which the model got the first line", step.error))
    elif step.text and step.finish_reason != SKIPPED:
        parts.append(("result, as the model got it", _cut(step.text)))
    return parts


def _write_arguments(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return arguments


def _shorten(text: str) -> str:
    line = " ".join(text[: 4 * MAX_LINE].split())
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 1]}…"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}\n… {len(text) - MAX_SHOWN:,} more characters"


def list_unanswered(step: Step, trail: Sequence[Step]) -> tuple[ToolCall, ...]:
    """The calls that nobody made: of a request without ``--tools``, or of one that was stopped."""
    made = {read_call(call).id for call in trail if call.kind is StepKind.TOOL}
    return tuple(call for call in step.tool_calls if call.id not in made)


def describe_rounds(trail: Sequence[Step]) -> str:
    """How many requests and calls the figures are of: ``2 requests, 3 tool calls``; empty for a plain step."""
    if not trail:
        return ""
    calls = sum(step.kind is StepKind.TOOL for step in trail)
    requests = len(trail) - calls + 1
    return f"{format_count(requests, 'request')}, {format_count(calls, 'tool call')}"
