"""The body of a card: what the model gave, in the three forms, whatever it gave."""

from __future__ import annotations

from collections.abc import Iterator

from heliconemagic.records import Step, ToolCall
from heliconemagic.render.card_words import describe_call, describe_reasoning, list_remarks
from heliconemagic.render.markdown import make_safe_markdown, render_markdown
from heliconemagic.render.markdown_html import clean_source
from heliconemagic.render.markdown_source import build_fence
from heliconemagic.render.markup import NO_MATH, escape, escape_markdown
from heliconemagic.render.terminal import make_safe_text


def build_answer_html(step: Step) -> str:
    """Reasoning folded, the answer rendered, then refusal, tool calls and remarks."""
    return "".join(_iterate_html(step))


def _iterate_html(step: Step) -> Iterator[str]:
    if step.reasoning:
        folded = render_markdown(step.reasoning)
        yield f"<details><summary>{escape(describe_reasoning(step))}</summary>{folded}</details>"
    if step.text:
        yield render_markdown(step.text)
    if step.refusal:
        yield f'<p class="{NO_MATH}"><strong>refused:</strong> {escape(step.refusal)}</p>'
    if step.tool_calls:
        yield _build_call_table(step.tool_calls)
    for remark in list_remarks(step):
        yield f'<p class="hm-note"><em>{escape(remark)}</em></p>'


def _build_call_table(calls: tuple[ToolCall, ...]) -> str:
    rows = "".join(
        f"<tr><td>{escape(call.name)}</td><td><code>{escape(call.arguments)}</code></td><td>nothing answered</td></tr>"
        for call in calls
    )
    head = "<tr><th>asked for</th><th>arguments</th><th></th></tr>"
    return f'<table class="{NO_MATH}"><thead>{head}</thead><tbody>{rows}</tbody></table>'


def build_answer_markdown(step: Step) -> str:
    """The same as Markdown that may be rendered as it is."""
    parts = [_build_quoted_reasoning(step), make_safe_markdown(step.text)]
    if step.refusal:
        parts.append(f"**refused:** {escape_markdown(step.refusal)}")
    for call in step.tool_calls:
        parts.append(f"asked for {escape_markdown(call.name)}; nothing answered")
        parts.append(build_fence(clean_source(call.arguments), "json"))
    parts.extend(f"*{escape_markdown(remark)}*" for remark in list_remarks(step))
    return "\n\n".join(part.strip("\n") for part in parts if part.strip())


def _build_quoted_reasoning(step: Step) -> str:
    if not step.reasoning:
        return ""
    thought = (escape_markdown(line) for line in step.reasoning.strip().splitlines())
    return "\n".join(f"> {line}".rstrip() for line in (f"*{describe_reasoning(step)}*", "", *thought))


def list_remark_lines(step: Step) -> list[str]:
    """What follows the answer's text in a terminal."""
    refused = [f"refused: {step.refusal}"] if step.refusal else []
    return [make_safe_text(line) for line in (*refused, *map(describe_call, step.tool_calls), *list_remarks(step))]
