"""A comparison in words and figures: what its HTML, Markdown and text forms share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter

from heliconemagic.records import Step, StepStatus
from heliconemagic.render.card_state import Card
from heliconemagic.render.card_words import MISFIT, STATE_WORDS, describe_cost, describe_model, is_misfit
from heliconemagic.render.comparison_state import Comparison
from heliconemagic.render.figures import format_cost, format_count, format_seconds

COLUMNS = ("answer", "first token", "total", "tokens", "words", "cost", "")
SIDES = "lrrrrrl"

FASTEST, CHEAPEST, LONGEST, CURRENT = "fastest", "cheapest", "longest", "current"


def describe_variant(step: Step) -> str:
    """``2 · gpt-4o-mini``."""
    return f"{step.variant} · {describe_model(step)}"


def describe_progress(comparison: Comparison) -> str:
    """How many have ended; empty once all have."""
    ended = sum(card.step.status is not StepStatus.PENDING for card in comparison.cards)
    return "" if comparison.is_over else f"{ended} of {len(comparison.cards)} done"


def describe_size(comparison: Comparison) -> str:
    """``3 answers``."""
    return format_count(len(comparison.cards), "answer")


def count_words(step: Step) -> int:
    """The words of an answer, as the eye counts them."""
    return len(step.text.split())


def list_finished(comparison: Comparison) -> list[Step]:
    """The steps that have a whole answer."""
    return [card.step for card in comparison.cards if card.step.status is StepStatus.DONE]


def _list_fitting(comparison: Comparison) -> list[Step]:
    """Those of them that are what the cell asked for: being the fastest or cheapest is nothing without that."""
    return [card.step for card in comparison.cards if card.step.status is StepStatus.DONE and not is_misfit(card)]


def find_best(comparison: Comparison) -> dict[str, list[Step]]:
    """The fastest, cheapest and longest of two or more answers of the form asked for; all whose figures read the same.

    Answers that were kept took no time and cost nothing now: they compete in length alone.
    """
    steps = _list_fitting(comparison)
    if len(steps) < 2:
        return {}
    words = [LONGEST] if any(step.origin for step in steps) else [FASTEST, CHEAPEST, LONGEST]
    return {word: _find_least(steps, *_FIGURES[word]) for word in words}


_FIGURES: dict[str, tuple[Callable[[Step], float | None], Callable[[Step], str]]] = {
    FASTEST: (lambda step: step.latency, lambda step: format_seconds(step.latency or 0.0)),
    CHEAPEST: (lambda step: step.cost, lambda step: describe_cost(step.cost)),
    LONGEST: (lambda step: -count_words(step), lambda step: format_count(count_words(step), "word")),
}
"""What is least in the best answer, and how the figure reads."""


def _find_least(
    steps: Sequence[Step], measure: Callable[[Step], float | None], describe: Callable[[Step], str]
) -> list[Step]:
    measured = [(value, describe(step), step) for step in steps if (value := measure(step)) is not None]
    if not measured:
        return []
    _, least, _ = min(measured, key=itemgetter(0))
    return [step for _, figure, step in measured if figure == least]


def list_best(comparison: Comparison) -> list[str]:
    """``fastest: 2 · demo-fast (0.62 s)``, then the cheapest and the longest."""
    return [f"{word}: {_name(steps, comparison, _FIGURES[word][1])}" for word, steps in find_best(comparison).items()]


def _name(steps: Sequence[Step], comparison: Comparison, describe: Callable[[Step], str]) -> str:
    if not steps:
        return "unpriced"
    if len(steps) == len(_list_fitting(comparison)):
        return f"all the same ({describe(steps[0])})"
    names = describe_variant(steps[0]) if len(steps) == 1 else " and ".join(str(step.variant) for step in steps)
    return f"{names} ({describe(steps[0])})"


def build_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """A row of figures for each answer; the last cell says what it is best at, or how it ended."""
    fitting = len(_list_fitting(comparison))
    best = {word: steps for word, steps in find_best(comparison).items() if len(steps) < fitting}
    return [_build_row(card, best, comparison.current) for card in comparison.cards]


def _build_row(card: Card, best: dict[str, list[Step]], current: int | None) -> tuple[str, ...]:
    step = card.step
    is_done = step.status is StepStatus.DONE
    marks = [MISFIT] if is_misfit(card) else []
    marks += [word for word, steps in best.items() if step in steps]
    marks += [CURRENT] if step.variant == current else []
    marks += [step.origin.kind.value] if step.origin else []
    return (
        describe_variant(step),
        format_seconds(step.time_to_first_token) if step.time_to_first_token is not None else "",
        format_seconds(step.latency) if step.latency is not None else "",
        f"{step.usage.prompt_tokens:,} → {step.usage.completion_tokens:,}" if step.usage else "",
        f"{count_words(step):,}" if is_done else "",
        format_cost(step.cost) if is_done or step.cost is not None else "",
        " · ".join(marks if is_done else [STATE_WORDS[step.status]]),
    )


def describe_choice(comparison: Comparison) -> str:
    """Which answer steps continue, and how to choose another one; empty before the end."""
    if comparison.current is None:
        return "none of them can be continued" if comparison.is_over else ""
    chosen = next(card.step for card in comparison.cards if card.step.variant == comparison.current)
    why = ", the first that can be continued" if comparison.current > 1 and not chosen.is_picked else ""
    other = next((step.variant for step in list_finished(comparison) if step.variant != comparison.current), None)
    said = f"steps continue answer {comparison.current}{why}"
    return said if other is None else f"{said}; to change that: %helicone_session pick {comparison.path} {other}"
