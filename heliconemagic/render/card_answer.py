"""The body of a card: what the model gave, in the three forms, whatever it gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from heliconemagic.errors import InvalidAnswerError
from heliconemagic.records import Step, StepStatus, ToolCall
from heliconemagic.render.card_calls import (
    build_call_html,
    build_call_markdown,
    build_trail_html,
    build_trail_markdown,
    list_unanswered,
)
from heliconemagic.render.card_state import Card
from heliconemagic.render.card_words import describe_call, describe_reasoning, list_remarks
from heliconemagic.render.markdown import make_safe_markdown, render_markdown
from heliconemagic.render.markdown_html import clean_source
from heliconemagic.render.markdown_source import build_fence
from heliconemagic.render.markup import NO_MATH, escape, escape_markdown
from heliconemagic.render.structured import (
    NOTHING,
    build_object_html,
    build_object_markdown,
    build_object_text,
    build_raw_html,
    find_object,
)
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.render.traced import build_traced_html, build_traced_markdown, build_traced_text
from heliconemagic.steps.traced import is_model_call, is_traced


def build_answer_html(card: Card) -> str:
    """Tool calls and reasoning folded, the answer rendered (an object as tables), then refusal and remarks."""
    if is_model_call(card.step):
        return build_call_html(card.step, is_open=True)
    if is_traced(card.step):
        return build_traced_html(card.step)
    return "".join(_iterate_html(card))


def find_problems(card: Card) -> Mapping[tuple[str | int, ...], str]:
    """What is wrong with the fields of an answer that should be an object."""
    return card.error.problems if isinstance(card.error, InvalidAnswerError) else {}


def _iterate_html(card: Card) -> Iterator[str]:
    step, value = card.step, find_object(card.step)
    yield build_trail_html(card.trail)
    if step.reasoning:
        folded = render_markdown(step.reasoning)
        yield f"<details><summary>{escape(describe_reasoning(step))}</summary>{folded}</details>"
    if value is not NOTHING:
        yield build_object_html(value, find_problems(card))
        yield build_raw_html(step.text) if step.status is not StepStatus.PENDING else ""
    elif step.text:
        yield render_markdown(step.text)
    if step.refusal:
        yield f'<p class="{NO_MATH}"><strong>refused:</strong> {escape(step.refusal)}</p>'
    if calls := _list_open_calls(step, card.trail):
        yield _build_call_table(calls)
    for remark in list_remarks(step):
        yield f'<p class="hm-note"><em>{escape(remark)}</em></p>'


def _list_open_calls(step: Step, trail: Sequence[Step]) -> tuple[ToolCall, ...]:
    """Calls that nobody made, once nobody will."""
    return () if trail and step.status is StepStatus.PENDING else list_unanswered(step, trail)


def _build_call_table(calls: tuple[ToolCall, ...]) -> str:
    rows = "".join(
        f"<tr><td>{escape(call.name)}</td><td><code>{escape(call.arguments)}</code></td><td>nothing answered</td></tr>"
        for call in calls
    )
    head = "<tr><th>asked for</th><th>arguments</th><th></th></tr>"
    return f'<table class="{NO_MATH}"><thead>{head}</thead><tbody>{rows}</tbody></table>'


def build_answer_markdown(card: Card) -> str:
    """The same as Markdown that may be rendered as it is."""
    if is_traced(card.step):
        build = build_call_markdown if is_model_call(card.step) else build_traced_markdown
        return "\n\n".join(build(card.step))
    step, value = card.step, find_object(card.step)
    answer = make_safe_markdown(step.text) if value is NOTHING else build_object_markdown(value, find_problems(card))
    parts = [*build_trail_markdown(card.trail), _build_quoted_reasoning(step), answer]
    if step.refusal:
        parts.append(f"**refused:** {escape_markdown(step.refusal)}")
    for call in _list_open_calls(step, card.trail):
        parts.append(f"asked for {escape_markdown(call.name)}; nothing answered")
        parts.append(build_fence(clean_source(call.arguments), "json"))
    parts.extend(f"*{escape_markdown(remark)}*" for remark in list_remarks(step))
    return "\n\n".join(part.strip("\n") for part in parts if part.strip())


def _build_quoted_reasoning(step: Step) -> str:
    if not step.reasoning:
        return ""
    thought = (escape_markdown(line) for line in step.reasoning.strip().splitlines())
    return "\n".join(f"> {line}".rstrip() for line in (f"*{describe_reasoning(step)}*", "", *thought))


def build_answer_text(card: Card) -> str:
    """The same for a terminal, without what follows the answer."""
    if is_model_call(card.step):
        return make_safe_text(card.step.error or card.step.text)
    if is_traced(card.step):
        return build_traced_text(card.step)
    step, value = card.step, find_object(card.step)
    thought = f"[{describe_reasoning(step)}: {step.reasoning.strip()}]\n\n" if step.reasoning else ""
    answer = step.text if value is NOTHING else build_object_text(value, find_problems(card))
    return make_safe_text(thought + answer).strip("\n")


def list_remark_lines(step: Step, trail: Sequence[Step] = ()) -> list[str]:
    """What follows the answer's text in a terminal."""
    refused = [f"refused: {step.refusal}"] if step.refusal else []
    calls = map(describe_call, _list_open_calls(step, trail))
    return [make_safe_text(line) for line in (*refused, *calls, *list_remarks(step))]
