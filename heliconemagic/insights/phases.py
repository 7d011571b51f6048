"""What a step's time was spent on: waiting, the time to its first token, generating; or the work of a tool.

Waiting is the time until the attempt was sent that answered: refused attempts and the pauses after them. From then
to the first piece of text, be it reasoning, is the time to the first token; the rest is generating. Together they are
the step's latency. An answer that came whole (``--no-stream``, or a client that doesn't stream) has no first token: it
is all of one piece. A step that failed before any text spent its time on the first token, which never came.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from heliconemagic.records import Attempt, Step, StepKind, StepStatus

_WHOLE = 0.02  # of the time since it was sent; an answer whose first piece comes that late came as one …
_MIN_TOKENS = 20  # … unless it is so short that its first token is most of it


class Phase(StrEnum):
    """A part of a step's time."""

    WAITING = "waiting"
    FIRST_TOKEN = "first token"  # noqa: S105  # a token of text
    GENERATING = "generating"
    WHOLE = "answering"  # not streamed: which part was which is not known
    WORKING = "working"  # of a step that asks no model


class PhaseSpan(NamedTuple):
    """One phase of one step: seconds since the epoch."""

    phase: Phase
    started_at: float
    ended_at: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended_at - self.started_at


def split_step(step: Step, latest: float | None = None) -> tuple[PhaseSpan, ...]:
    """The phases of ``step`` in order, those that took no time left out; ``latest`` is the end of what still runs."""
    end = step.ended_at if step.ended_at is not None else latest
    end = step.started_at if end is None else max(end, step.started_at)
    if step.kind is not StepKind.LLM:
        moments = [(Phase.WORKING, step.started_at)]
    else:
        moments = [(Phase.WAITING, step.started_at), *_list_moments(step, _find_sent(step, end), end)]
    spans, stop = [], end
    for phase, start in reversed(moments):
        if stop > start:
            spans.append(PhaseSpan(phase, start, stop))
        stop = start
    return tuple(reversed(spans))


def _find_sent(step: Step, end: float) -> float:
    """When the attempt was sent that answered, or was the last."""
    if len(step.attempts) < 2:
        return step.started_at  # before it, only the client made ready
    return min(max(step.attempts[-1].started_at, step.started_at), end)


def _list_moments(step: Step, sent: float, end: float) -> list[tuple[Phase, float]]:
    first = step.first_token_at
    if first is None:
        is_unknown = step.status is StepStatus.DONE
        return [(Phase.WHOLE if is_unknown else Phase.FIRST_TOKEN, sent)]
    is_long = step.usage is not None and step.usage.completion_tokens >= _MIN_TOKENS
    if step.ended_at is not None and is_long and end - first <= _WHOLE * (end - sent):
        return [(Phase.WHOLE, sent)]
    first = min(max(first, sent), end)
    return [(Phase.FIRST_TOKEN, sent), (Phase.GENERATING, first)]


def find_first_token(step: Step) -> float | None:
    """Seconds from the start to the first token; an answer that came whole, or is no model's, has none of its own."""
    if step.kind is not StepKind.LLM or any(span.phase is Phase.WHOLE for span in split_step(step)):
        return None
    return step.time_to_first_token


def sum_phase(spans: tuple[PhaseSpan, ...], phase: Phase) -> float:
    """Seconds of ``phase``."""
    return sum(span.seconds for span in spans if span.phase is phase)


def list_refused(step: Step) -> tuple[Attempt, ...]:
    """The attempts after which another one was made."""
    return step.attempts[:-1]


def describe_refusal(attempt: Attempt) -> str:
    """Why an attempt wasn't the last: its status, ``429``, or that nothing answered."""
    return str(attempt.status_code) if attempt.status_code else "no answer"


def count_generated(step: Step) -> int:
    """Tokens that came while it was generating: without reasoning that the provider keeps to itself."""
    if step.usage is None:
        return 0
    hidden = 0 if step.reasoning else step.usage.reasoning_tokens
    return max(step.usage.completion_tokens - hidden, 0)
