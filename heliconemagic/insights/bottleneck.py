"""Where the wall time went: the place that dominates it, and what its steps spent that time on.

Shares are of the wall time of the steps that stand, measured along the critical path: what ran beside it would not
have made the session any shorter.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from heliconemagic.insights.phases import Phase, count_generated, describe_refusal, list_refused, split_step
from heliconemagic.insights.standing import list_below, list_prefixes
from heliconemagic.records import Step

MIN_STEPS = 3
MIN_SECONDS = 5.0
"""A session with fewer steps on its critical path, or a shorter wall time, has no bottleneck worth a sentence."""
MIN_SHARE = 0.4
"""Of the wall time, for a place to dominate it …"""
MIN_EXCESS = 1.25
"""… and times the share that its steps would have if all took equally long."""
MIN_PHASE = 0.5
"""Of the place's time, for a phase to dominate it; without a place, of the wall time."""


@dataclass(slots=True)
class _Place:
    """A path, and the links of the critical path that stand at it or below it."""

    path: str
    steps: int = 0
    seconds: float = 0.0
    has_below: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """The place, or with an empty path the whole session, and what dominates its time."""

    path: str
    has_below: bool  # whether steps below the path are meant as well
    steps: int  # of the critical path
    seconds: float
    share: float  # of the wall time
    phase: Phase | None = None  # None: no phase dominates
    phase_share: float = 0.0  # of ``seconds``
    tokens_per_second: float | None = None  # while generating
    prompt_tokens: int = 0  # median of the steps'
    reasoning_tokens: int = 0
    completion_tokens: int = 0  # reasoning among them
    refusals: tuple[tuple[str, int], ...] = ()  # why attempts were refused, the most frequent first


def find_bottleneck(path: Sequence[Step], wall_seconds: float) -> Bottleneck | None:
    """What dominates the wall time; None where nothing does. ``path`` is the critical path, of standing steps.

    It is the deepest place that does; where none does, the session as a whole if one phase dominates it.
    """
    if len(path) < MIN_STEPS or wall_seconds < MIN_SECONDS:
        return None
    places = _list_places(path)
    found = [place for place in places if _is_dominant(place, len(path), wall_seconds)]
    if found:
        deepest = max(found, key=lambda place: (place.path.count("/"), place.seconds))
        return _describe_place(deepest, path, wall_seconds)
    seconds = sum(step.latency or 0.0 for step in path)
    whole = _describe_place(_Place("", len(path), seconds, has_below=True), path, wall_seconds)
    return whole if whole.share * whole.phase_share >= MIN_PHASE else None


def _list_places(path: Sequence[Step]) -> list[_Place]:
    """All paths of the steps, and all folders above them."""
    places: dict[str, _Place] = {}
    for step in path:
        seconds = step.latency or 0.0
        for prefix in list_prefixes(step.path):
            place = places.get(prefix)
            if place is None:
                place = places[prefix] = _Place(prefix)
            place.steps += 1
            place.seconds += seconds
            place.has_below |= prefix != step.path
    return list(places.values())


def _is_dominant(place: _Place, count: int, wall_seconds: float) -> bool:
    share, fair = place.seconds / wall_seconds, place.steps / count
    return share >= MIN_SHARE and share >= MIN_EXCESS * fair


def _describe_place(place: _Place, path: Sequence[Step], wall_seconds: float) -> Bottleneck:
    steps = list_below(path, place.path)
    seconds, speed = _sum_phases(steps)
    usages = [step.usage for step in steps if step.usage is not None]
    told = Bottleneck(
        path=place.path,
        has_below=place.has_below,
        steps=place.steps,
        seconds=place.seconds,
        share=min(place.seconds / wall_seconds, 1.0),
        tokens_per_second=speed,
        prompt_tokens=round(median(usage.prompt_tokens for usage in usages)) if usages else 0,
        reasoning_tokens=sum(usage.reasoning_tokens for usage in usages),
        completion_tokens=sum(usage.completion_tokens for usage in usages),
        refusals=tuple(_count_refusals(steps).most_common()),
    )
    phase, longest = max(seconds.items(), key=lambda item: item[1], default=(None, 0.0))
    if phase is None or longest < MIN_PHASE * place.seconds:
        return told
    return replace(told, phase=phase, phase_share=longest / place.seconds)


def _sum_phases(steps: Sequence[Step]) -> tuple[Mapping[Phase, float], float | None]:
    """Seconds of each phase, and tokens per second while generating, of the steps whose tokens were counted."""
    seconds: defaultdict[Phase, float] = defaultdict(float)
    tokens, generating = 0, 0.0
    for step in steps:
        for span in split_step(step):
            seconds[span.phase] += span.seconds
            if span.phase is Phase.GENERATING and step.usage is not None:
                tokens += count_generated(step)
                generating += span.seconds
    return seconds, tokens / generating if tokens > 0 and generating else None


def _count_refusals(steps: Sequence[Step]) -> Counter[str]:
    return Counter(describe_refusal(attempt) for step in steps for attempt in list_refused(step))
