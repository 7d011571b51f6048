"""A card in words: the phrases that its HTML, Markdown and text forms share."""

from __future__ import annotations

from heliconemagic.errors import ErrorWords, InvalidAnswerError, read_words
from heliconemagic.records import Origin, OriginKind, SessionTotals, Step, StepKind, StepStatus, ToolCall
from heliconemagic.render.card_calls import describe_rounds
from heliconemagic.render.card_state import Card
from heliconemagic.render.clock import format_clock, format_moment
from heliconemagic.render.figures import (
    format_cost,
    format_count,
    format_rate,
    format_seconds,
    format_total_cost,
    format_usd,
)
from heliconemagic.steps.traced import describe_name, is_model_call, is_traced
from heliconemagic.usage import Usage, estimate_tokens

STATE_WORDS = {
    StepStatus.PENDING: "running",
    StepStatus.DONE: "done",
    StepStatus.FAILED: "failed",
    StepStatus.INTERRUPTED: "stopped",
}

ASKED = "asked for tools"
MISFIT = "not what was asked for"

_SAMPLE = 2_000
_MIN_SECONDS = 0.5  # of streaming, before a speed means anything


def describe_state(step: Step) -> str:
    """How far a step is, in a list of steps: one that ended in tool calls gave no answer."""
    if step.status is StepStatus.DONE and step.kind is StepKind.LLM and step.tool_calls:
        return ASKED
    return STATE_WORDS[step.status]


def describe_model(step: Step) -> str:
    """The model, and which one answered where that is another than a dated version of it."""
    answered = step.answered_by
    if not answered or answered.startswith(step.model):
        return step.model
    return f"{step.model} → {answered}"


def describe_origin(card: Card) -> str:
    """Model and gateway; of a traced step its kind and name."""
    if is_traced(card.step) and not is_model_call(card.step):
        return f"{card.step.kind.value} · {describe_name(card.step)}"
    return f"{describe_model(card.step)} · {card.step.gateway}"


def describe_source(origin: Origin | None, model: str = "") -> str:
    """Where an answer comes from that no model was asked for now; empty for any other."""
    if origin is None:
        return ""
    if origin.kind is OriginKind.KEPT:
        return f"kept from {format_clock(origin.answered_at)}, free"
    recorded = f"{origin.source} (recorded {format_moment(origin.answered_at)} by {model})"
    if origin.kind is OriginKind.FALLBACK:
        return f"{origin.reason}; answered from {recorded}, free"
    return f"replayed from {recorded}, free"


def is_misfit(card: Card) -> bool:
    """Whether the request succeeded, and its answer isn't what the cell asked for: that is known to the card alone."""
    return card.step.status is StepStatus.DONE and isinstance(card.error, InvalidAnswerError)


def find_look(card: Card) -> StepStatus:
    """The state whose colour the card has: an answer that isn't what was asked for looks like a failure."""
    return StepStatus.FAILED if is_misfit(card) else card.step.status


def describe_card_state(card: Card) -> str:
    """The state in a word or three, for the card's own step."""
    return MISFIT if is_misfit(card) else STATE_WORDS[card.step.status]


def describe_end(card: Card) -> str:
    """How a step that gave no answer to build on ended; empty for any other."""
    step = card.step
    if is_misfit(card):
        return MISFIT
    if step.status not in (StepStatus.FAILED, StepStatus.INTERRUPTED):
        return ""
    word = STATE_WORDS[step.status]
    if step.status is StepStatus.FAILED and step.text and step.kind is StepKind.LLM:
        word = "broke off"
    return word if step.latency is None else f"{word} after {format_seconds(step.latency)}"


def describe_progress(card: Card, now: float) -> str:
    """What a running step is doing: why it waits, else its clock and its speed, estimated."""
    if card.waiting:
        return card.waiting
    step = card.step
    clock = format_seconds(max(now - step.started_at, 0.0))
    streaming = now - step.first_token_at if step.first_token_at is not None else 0.0
    if streaming < _MIN_SECONDS:
        return clock
    return f"{clock} · {format_rate(_estimate_length(step.text + step.reasoning) / streaming)} tokens/s"


def _estimate_length(text: str) -> float:
    """Tokens of ``text``, judged by its end: the whole of a long answer is not counted at every update."""
    sample = text[-_SAMPLE:]
    return estimate_tokens(sample) * len(text) / max(len(sample), 1)


def list_figures(card: Card) -> list[str]:
    """The figures of a finished step: times, tokens, cost."""
    step = card.step
    source = describe_source(step.origin, step.answered_by or step.model)
    if step.origin is not None and step.origin.kind is OriginKind.KEPT:
        return [source, *([describe_usage(step.usage)] if step.usage else [])]
    figures = [describe_rounds(card.trail)] if card.trail else []
    if step.time_to_first_token is not None:
        figures.append(f"first token {format_seconds(step.time_to_first_token)}")
    if step.latency is not None:
        figures.append(f"total {format_seconds(step.latency)}")
    if step.usage:
        figures.append(describe_usage(step.usage))
    if source:
        figures.append(source)
    elif (step.status is StepStatus.DONE and step.kind is StepKind.LLM) or step.cost is not None:
        figures.append(describe_cost(step.cost))
    return figures


def describe_usage(usage: Usage) -> str:
    """Tokens in and out, and what is special about them."""
    prompt = format_count(usage.prompt_tokens)
    completion = format_count(usage.completion_tokens)
    if usage.cached_tokens:
        prompt += f" ({format_count(usage.cached_tokens)} cached)"
    if usage.reasoning_tokens:
        completion += f" ({format_count(usage.reasoning_tokens)} reasoning)"
    return f"{prompt} → {completion} tokens"


def describe_cost(cost: float | None) -> str:
    """The cost of one step; an amount is always an estimate."""
    return f"{format_usd(cost)} est." if cost else format_cost(cost)


def describe_totals(totals: SessionTotals | None) -> str:
    """The session's sums for the right end of the foot."""
    if totals is None:
        return ""
    steps = format_count(totals.steps, "step")
    cost = format_total_cost(totals.cost, totals.unpriced, is_answered=totals.is_answered)
    return " · ".join(filter(None, (f"session: {steps}", format_seconds(totals.model_seconds), cost)))


def list_remarks(step: Step) -> list[str]:
    """What has to be said of an answer besides its text."""
    remarks = []
    if is_traced(step):
        return []
    if step.finish_reason == "length":
        remarks.append("cut off: the answer reached the token limit (raise it with -o max_tokens N)")
    if step.finish_reason == "content_filter":
        remarks.append("cut off: the provider's content filter stopped the answer")
    if step.status is StepStatus.DONE and not (step.text.strip() or step.refusal or step.tool_calls):
        remarks.append("(empty answer)")
    return remarks


def describe_call(call: ToolCall) -> str:
    """A tool call that nobody answered, in one line."""
    return f"asked for {call.name}({call.arguments}); nothing answered"


def describe_reasoning(step: Step) -> str:
    """How much reasoning there is."""
    return f"reasoning, {format_count(len(step.reasoning.split()), 'word')}"


def describe_failure(card: Card) -> ErrorWords:
    """The error's message, hint and cause; empty where there is none. A recorded step has only its text.

    A traced step's error stands with what it gave.
    """
    if is_traced(card.step):
        return ErrorWords("")
    if card.error is not None:
        return card.error.words
    return read_words(card.step.error or "" if card.step.status is StepStatus.FAILED else "")


def list_failure_words(card: Card) -> list[str]:
    """The same as lines."""
    message, hint, cause = describe_failure(card)
    lines = (message, f"hint: {hint}" if hint else "", f"cause: {cause}" if cause else "")
    return [line for line in lines if line]
