"""All that is found in a session's steps, together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heliconemagic.insights.bottleneck import Bottleneck, find_bottleneck
from heliconemagic.insights.critical_path import find_critical_path
from heliconemagic.insights.growth import Growth, find_growth
from heliconemagic.insights.queues import Queue, find_queue
from heliconemagic.insights.repeats import Repeats, find_repeats
from heliconemagic.insights.session_clock import build_clock
from heliconemagic.insights.standing import list_standing
from heliconemagic.records import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What there is to say about a session; a field is None, or empty, where there is nothing."""

    critical: frozenset[str] = frozenset()  # ids of the critical path's steps; empty where all steps are on it
    bottleneck: Bottleneck | None = None
    queue: Queue | None = None
    repeats: Repeats | None = None
    growth: Growth | None = None
    has_left_out: bool = False  # superseded, kept or replayed steps, that the figures aren't about


def find_findings(steps: Sequence[Step]) -> Findings:
    """What there is to say about ``steps``, which come oldest first."""
    standing = list_standing(steps)
    path, clock = find_critical_path(standing), build_clock(standing)
    return Findings(
        critical=frozenset(step.id for step in path) if len(path) < len(standing) else frozenset(),
        bottleneck=find_bottleneck(path, clock.total),
        queue=find_queue(standing, clock),
        repeats=find_repeats(steps),
        growth=find_growth(standing),
        has_left_out=any(step.is_superseded or step.origin is not None for step in steps),
    )
