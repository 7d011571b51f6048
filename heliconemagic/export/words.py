"""What exports for reading say of a step, in words that their forms share."""

from __future__ import annotations

from dataclasses import replace

from heliconemagic.export.session import ExportedSession
from heliconemagic.records import Attempt, Step, StepKind
from heliconemagic.render.card_state import Card
from heliconemagic.render.card_words import describe_state
from heliconemagic.render.comparison_words import describe_variant
from heliconemagic.render.figures import format_seconds
from heliconemagic.steps.rounds import read_call
from heliconemagic.steps.traced import is_model_call, is_traced


def describe_step_state(step: Step) -> str:
    """Kind, state, and what else is to be said of it: ``Tool · failed · superseded``."""
    words = [
        "" if step.kind is StepKind.LLM else step.kind.value,
        describe_state(step) if step.origin is None else step.origin.kind.value,
        f"answer {describe_variant(step)}" if step.comparison else "",
        "superseded" if step.is_superseded else "",
    ]
    return " · ".join(word for word in words if word)


def build_answer_card(session: ExportedSession, step: Step) -> Card:
    """The card of a step on its own: the calls of tools that were made have places of their own."""
    made = {read_call(call).id for call in session.calls.get(step.id, ())}
    return Card(step=replace(step, tool_calls=tuple(call for call in step.tool_calls if call.id not in made)))


def is_data(step: Step) -> bool:
    """Whether what a step was given and gave is shown as it is: neither a prompt nor a call that a model asked for."""
    return is_traced(step) and not is_model_call(step)


def has_answer(card: Card, step: Step) -> bool:
    """Whether ``card``, of `build_answer_card`, shows anything: a request that only asked for tools has no answer."""
    return bool(card.step.tool_calls or step.text.strip() or step.reasoning or not step.tool_calls)


def describe_parent(session: ExportedSession, step: Step) -> str:
    """The step that it continues, with its number; empty for none."""
    parent = session.find_continued(step) or session.find_parent(step)
    if parent is None:
        return ""
    word = "continues" if step.kind is StepKind.LLM else "called by"
    return f"{word} {session.numbers[parent.id]}. {parent.path}"


def describe_attempt(number: int, attempt: Attempt) -> str:
    """An HTTP exchange: its status, how long it took, why it failed, under which id Helicone has it."""
    ended = "never ended" if attempt.ended_at is None else format_seconds(attempt.ended_at - attempt.started_at)
    logged = f"logged as {attempt.helicone_id}" if attempt.helicone_id else ""
    told = (str(attempt.status_code or "no answer"), ended, attempt.error or "", logged)
    return f"attempt {number}: " + " · ".join(part for part in told if part)
