"""The figures of many sessions as few: by path, by group, by session. Pure.

A step's latency runs from its start to its end, and counts if it finished. A session's is its wall time: what runs at
once counts once, and pauses don't count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from heliconemagic.insights.session_clock import SessionClock
from heliconemagic.statistics.figures import SessionFigures, StepFigures
from heliconemagic.statistics.grouping import Aspect, Grouping
from heliconemagic.statistics.percentiles import find_percentile


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The figures of some steps. Seconds, tokens, USD."""

    group: str = ""
    path: str = ""
    sessions: int
    paths: int
    steps: int
    errors: int  # failed or interrupted
    measured: int  # values of which the next two are percentiles, by nearest rank
    median: float | None
    p95: float | None
    tokens: int
    cost: float  # of the priced ones
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSums:
    """The figures of one session."""

    session: SessionFigures
    seconds: float  # of wall time
    ended_at: float
    steps: int
    errors: int
    tokens: int
    cost: float  # of the priced steps
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All sessions of one name."""

    name: str
    grouping: Grouping | None
    total: Sums  # its percentiles are those of whole sessions
    sessions: tuple[SessionSums, ...]  # oldest first
    paths: tuple[Sums, ...]  # percentiles of steps; sorted by path
    groups: tuple[Sums, ...] = ()  # percentiles of what each session has of the group
    parts: tuple[Sums, ...] = ()  # each path of each group
    note: str = ""  # what is missing


def summarise(
    name: str, sessions: Sequence[SessionFigures], steps: Sequence[StepFigures], grouping: Grouping | None = None
) -> Summary:
    """The summary of ``sessions``, oldest first, and their ``steps``."""
    known = {session.id: session for session in sessions}
    by_session = _gather(steps, attrgetter("session_id"))
    summary = Summary(
        name=name,
        grouping=grouping,
        total=_sum_sessions(steps),
        sessions=tuple(_sum_session(known[session_id], own) for session_id, own in by_session.items()),
        paths=tuple(_sum_steps(own, path=path) for path, own in _gather_paths(steps)),
    )
    if grouping is None or grouping.aspect is Aspect.PATH:
        return summary
    return _add_groups(summary, _gather(steps, lambda step: grouping.read_group(step, known[step.session_id])))


def _add_groups(summary: Summary, groups: Mapping[str, Sequence[StepFigures]]) -> Summary:
    named = dict(sorted(groups.items(), key=lambda item: (not item[0], item[0])))  # what has no group comes last
    return replace(
        summary,
        groups=tuple(_sum_sessions(own, group=group) for group, own in named.items()),
        parts=tuple(
            _sum_steps(part, group=group, path=path)
            for group, own in named.items()
            for path, part in _gather_paths(own)
        ),
    )


def _gather(steps: Iterable[StepFigures], key: Callable[[StepFigures], str]) -> dict[str, list[StepFigures]]:
    found: dict[str, list[StepFigures]] = defaultdict(list)
    for step in steps:
        found[key(step)].append(step)
    return found


def _gather_paths(steps: Iterable[StepFigures]) -> list[tuple[str, list[StepFigures]]]:
    return sorted(_gather(steps, attrgetter("path")).items())


def _sum_steps(steps: Sequence[StepFigures], *, group: str = "", path: str = "") -> Sums:
    """Sums with the percentiles of single steps."""
    return _sum(steps, [step.latency for step in steps if step.latency is not None], group, path)


def _sum_sessions(steps: Sequence[StepFigures], *, group: str = "") -> Sums:
    """Sums with the percentiles of what each session has of these steps."""
    seconds = (measure_wall(own) for own in _gather(steps, attrgetter("session_id")).values())
    return _sum(steps, [value for value in seconds if value], group, "")


def _sum(steps: Sequence[StepFigures], measured: list[float], group: str, path: str) -> Sums:
    measured.sort()
    return Sums(
        group=group,
        path=path,
        sessions=len({step.session_id for step in steps}),
        paths=len({step.path for step in steps}),
        steps=len(steps),
        errors=sum(step.is_failed for step in steps),
        measured=len(measured),
        median=find_percentile(measured, 50),
        p95=find_percentile(measured, 95),
        tokens=sum(step.tokens for step in steps),
        cost=sum(step.cost or 0.0 for step in steps),
        unpriced=sum(step.is_unpriced for step in steps),
    )


def _sum_session(session: SessionFigures, steps: Sequence[StepFigures]) -> SessionSums:
    return SessionSums(
        session=session,
        seconds=measure_wall(steps),
        ended_at=max(step.ended_at or step.started_at for step in steps),
        steps=len(steps),
        errors=sum(step.is_failed for step in steps),
        tokens=sum(step.tokens for step in steps),
        cost=sum(step.cost or 0.0 for step in steps),
        unpriced=sum(step.is_unpriced for step in steps),
    )


def measure_wall(steps: Iterable[StepFigures]) -> float:
    """Seconds from the first start to the last end, pauses folded; without stand-ins and what still runs."""
    ended = (step for step in steps if step.ended_at is not None and not step.is_stand_in)
    return SessionClock((step.started_at, max(step.started_at, step.ended_at or 0.0)) for step in ended).total
