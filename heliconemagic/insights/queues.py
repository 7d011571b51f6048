"""Steps that ran one after the other though none needed another's answer: they could have run at once.

Such steps have the same parent (or none), ran without a pause between them, and the prompt of none holds the
beginning of an answer that was given shortly before. A template may use an answer in other ways: what is found is a
hint, not a proof.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from heliconemagic.insights.session_clock import SessionClock
from heliconemagic.insights.spans import count_most_at_once, list_spans, measure_spans, merge_spans
from heliconemagic.records import Step, StepKind, StepStatus, read_content_text

MIN_STEPS = 3
MIN_SECONDS = 2.0
"""That running at once would save …"""
MIN_SHARE = 0.2
"""… and of the wall time."""

JOBS = 8
"""As many as ``--for`` runs at a time by default."""

_LOOKBACK = 8  # answers before a step that its prompt is searched for
_QUOTE = 60  # characters by which an answer is recognised


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Independent steps, oldest first, that ran one after the other."""

    steps: tuple[Step, ...]
    seconds: float  # in which at least one of them ran
    at_once: float  # seconds that they take at best if `JOBS` run at a time: no less than the longest

    @property
    def saved(self) -> float:
        """Seconds."""
        return self.seconds - self.at_once


def find_queue(steps: Iterable[Step], clock: SessionClock) -> Queue | None:
    """The queue of standing ``steps`` that cost the most time; None where none is worth a word."""
    groups: dict[tuple[int, str | None], list[list[Step]]] = defaultdict(lambda: [[]])
    recent: deque[str] = deque(maxlen=_LOOKBACK)
    for step in sorted(filter(_is_asking_alone, steps), key=lambda step: step.started_at):
        runs = groups[clock.count_stretches(step.started_at), step.parent_id]
        if any(quote in _read_turn(step) for quote in recent):
            runs.append([])
        runs[-1].append(step)
        if len(quote := step.text.strip()[:_QUOTE]) == _QUOTE:
            recent.append(quote)
    queues = [_measure(run) for runs in groups.values() for run in runs if _is_queue(run)]
    worst = max(queues, key=lambda queue: queue.saved, default=None)
    return worst if worst and worst.saved >= max(MIN_SECONDS, MIN_SHARE * clock.total) else None


def _is_queue(run: Sequence[Step]) -> bool:
    """Whether these steps never ran at once: who lets some do so has chosen how many."""
    return len(run) >= MIN_STEPS and count_most_at_once(list_spans(run)) == 1


def _is_asking_alone(step: Step) -> bool:
    """Whether a step is the only request of its cell: rounds of tools need each other, compared ones run at once."""
    is_request = step.kind is StepKind.LLM and step.status is StepStatus.DONE
    return is_request and not (step.comparison or step.follows_tools or step.tool_calls)


def _read_turn(step: Step) -> str:
    return "\n".join(read_content_text(message.get("content")) for message in step.turn)


def _measure(run: Sequence[Step]) -> Queue:
    seconds = measure_spans(merge_spans(list_spans(run)))
    longest = max(step.latency or 0.0 for step in run)
    return Queue(steps=tuple(run), seconds=seconds, at_once=max(longest, seconds / JOBS))
