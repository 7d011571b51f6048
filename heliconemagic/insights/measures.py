"""The figures of each step: its place on the session's clock, its phases, its speed, its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heliconemagic.insights.phases import Phase, count_generated, split_step, sum_phase
from heliconemagic.insights.session_clock import SessionClock
from heliconemagic.records import Step

MIN_GENERATING = 0.2
"""Seconds of generating, before a speed means anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The figures of one step; seconds, and None where a figure isn't known or means nothing."""

    step: Step
    number: int  # 1, 2 …: the order in which the steps began
    started: float  # on the session's clock
    pause: float  # before it, in which nothing ran; 0.0 where there was none
    waiting: float
    first_token: float | None
    generating: float | None
    tokens_per_second: float | None


def measure_steps(steps: Sequence[Step], clock: SessionClock) -> list[Measures]:
    """The figures of ``steps``, oldest first."""
    pauses = {pause.ended_at: pause.seconds for pause in clock.pauses}
    ordered = sorted(steps, key=lambda step: step.started_at)
    return [
        _measure(step, number, clock.read(step.started_at), pauses.pop(step.started_at, 0.0))
        for number, step in enumerate(ordered, start=1)
    ]


def _measure(step: Step, number: int, started: float, pause: float) -> Measures:
    spans = split_step(step)
    known = {span.phase for span in spans}
    generating = sum_phase(spans, Phase.GENERATING) if Phase.GENERATING in known else None
    made = count_generated(step)
    return Measures(
        step=step,
        number=number,
        started=started,
        pause=pause,
        waiting=sum_phase(spans, Phase.WAITING),
        first_token=sum_phase(spans, Phase.FIRST_TOKEN) if Phase.FIRST_TOKEN in known else None,
        generating=generating,
        tokens_per_second=made / generating if made and generating and generating >= MIN_GENERATING else None,
    )
