"""The step that is selected in the panel: answer, messages, parameters, headers, attempts. Pure.

Every part is bounded: what is cut says so, and where the whole of it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from heliconemagic.records import Attempt, Message, SessionTotals, Step, StepKind
from heliconemagic.render.card import build_foot, build_head
from heliconemagic.render.card_answer import build_answer_html
from heliconemagic.render.card_attached import build_attached_html
from heliconemagic.render.card_request import build_headers_html, build_messages_html, build_parameters_html
from heliconemagic.render.card_state import Card
from heliconemagic.render.clock import format_clock
from heliconemagic.render.figures import format_count, format_seconds, format_total_cost
from heliconemagic.render.markup import NO_MATH, build_row, build_span, escape, join_parts
from heliconemagic.steps.listing import Branch

MAX_ANSWER = 30_000
"""Characters of an answer."""
MAX_MESSAGES = 30_000
"""Characters of all messages; the last ones come first."""
MAX_ATTEMPTS = 20
_COLUMNS = ("began", "status", "time", "first byte", "request id", "what failed")
_SIDES = "lrrrll"


def build_step_head(card: Card) -> str:
    """State, path, model and context."""
    return build_head(card)


def build_step_answer(card: Card) -> str:
    """The answer, or what failed it, and below it figures, ratings and notes."""
    shown = replace(card, step=_shorten_answer(card.step))
    left_out = len(card.step.text) - len(shown.step.text)
    more = _build_more(f"{left_out:,} more characters: %helicone_session show {card.step.path}") if left_out else ""
    answer = build_answer_html(shown)
    body = f'<div class="hm-body">{answer}</div>' if answer else ""
    return build_attached_html(card.step) + body + more + build_foot(card)


def _shorten_answer(step: Step) -> Step:
    cut = {name: getattr(step, name)[:MAX_ANSWER] for name in ("text", "reasoning", "refusal", "input")}
    return replace(step, **cut)


def _build_more(text: str) -> str:
    return f'<p class="hm-more">… {escape(text)}</p>'


def build_step_request(card: Card) -> str:
    """What was sent to a model, and each HTTP exchange it took; folded, but for the messages."""
    step = card.step
    if step.kind is not StepKind.LLM:
        return ""
    messages, left_out = _choose_messages(step.messages)
    more = _build_more(f"{format_count(left_out, 'earlier message')} left out") if left_out else ""
    parts = [_fold(format_count(len(step.messages), "message"), more + build_messages_html(messages), is_open=True)]
    parts += [_fold(name, content) for name, content in _iterate_facts(card) if content]
    return "".join(parts)


def _choose_messages(messages: Sequence[Message]) -> tuple[Sequence[Message], int]:
    """The last messages that fit, one in any case, and how many come before them."""
    room, first = MAX_MESSAGES, len(messages)
    while first > 0 and (room > 0 or first == len(messages)):
        first -= 1
        room -= len(str(messages[first].get("content", "")))
    return messages[first:], first


def _iterate_facts(card: Card) -> Iterator[tuple[str, str]]:
    step = card.step
    yield "parameters", build_parameters_html(step, card.request)
    yield "sent to", build_headers_html(card.request)
    yield format_count(len(step.attempts), "attempt"), _build_attempts(step.attempts)


def _build_attempts(attempts: Sequence[Attempt]) -> str:
    if not attempts:
        return ""
    shown = attempts[-MAX_ATTEMPTS:]
    rows = "".join(f"<tr>{build_row(_describe_attempt(attempt), _SIDES)}</tr>" for attempt in shown)
    head = f"<tr>{build_row(_COLUMNS, _SIDES, 'th')}</tr>"
    answered = _build_answered(shown[-1].headers)
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>{answered}"


def _describe_attempt(attempt: Attempt) -> tuple[str, ...]:
    def measure(moment: float | None) -> str:
        return "" if moment is None else format_seconds(moment - attempt.started_at)

    status = "" if attempt.status_code is None else str(attempt.status_code)
    times = measure(attempt.ended_at), measure(attempt.first_byte_at)
    return format_clock(attempt.started_at), status, *times, attempt.request_id, (attempt.error or "")[:300]


def _build_answered(headers: Mapping[str, str]) -> str:
    """The headers of the last answer, as they were recorded: without secrets."""
    lines = "\n".join(f"{name}: {value}"[:300] for name, value in list(headers.items())[:60])
    return f"<p>answered with</p><pre>{escape(lines)}</pre>" if lines else ""


def _fold(summary: str, content: str, *, is_open: bool = False) -> str:
    start = "<details open>" if is_open else "<details>"
    return f'<div class="{NO_MATH}">{start}<summary>{escape(summary)}</summary>{content}</details></div>'


def build_folder_head(folder: Branch) -> str:
    """What a folder's line stands for."""
    count = format_count(sum(1 for _ in folder.iterate_steps()), "step")
    path = f'<strong class="hm-path">▾ {escape(folder.path)}</strong>'
    return f'<div class="hm-head {NO_MATH}">{path}<span>{count}</span></div>'


def build_panel_head(title: str, totals: SessionTotals) -> str:
    """The session's title and sums, and how to leave."""
    cost = format_total_cost(totals.cost, totals.unpriced, is_answered=totals.is_answered)
    sums = [format_count(totals.steps, "step"), f"{totals.errors:,} failed" if totals.errors else "", cost]
    parts = [
        f'<strong class="hm-title">{escape(title)}</strong>',
        *(build_span("hm-figure", escape(one)) for one in sums),
    ]
    parts.append(build_span("hm-right", "run any cell to leave"))
    return f'<div class="hm-head {NO_MATH}">{join_parts(parts)}</div>'
