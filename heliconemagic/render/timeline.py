"""A session's timeline in characters: a bar for each step on the session's clock, legible wherever text is.

Each of the longest pauses takes one column of its own, so that it is seen where it is folded.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from heliconemagic.insights.phases import Phase, PhaseSpan, list_refused, split_step
from heliconemagic.insights.session_clock import Pause, SessionClock
from heliconemagic.insights.spans import Span
from heliconemagic.records import Step, StepKind

WIDTH = 40
"""Characters of a bar."""
MAX_FOLDS = 6
"""Pauses with a column of their own: the longest ones."""

FOLD = "┊"
COVERED = "covered"
"""The kind of a bar that stands for several steps …"""
REFUSED = "refused"
"""… and of the end of an attempt that wasn't the last; all other kinds are those of `Phase`."""
CHARACTERS: Mapping[str, str] = {
    Phase.WAITING: "░",
    Phase.FIRST_TOKEN: "▒",
    Phase.GENERATING: "█",
    Phase.WHOLE: "▆",
    Phase.WORKING: "▓",
    COVERED: "━",
    REFUSED: "×",
}
_LEVELS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class BarPart:
    """Characters of one kind: a phase, `REFUSED`, `COVERED`, or "" where nothing ran."""

    kind: str
    text: str


Bar = tuple[BarPart, ...]


class Ruler:
    """The columns of the session's clock."""

    def __init__(self, clock: SessionClock) -> None:
        self.clock = clock
        longest = sorted(clock.pauses, key=lambda pause: -pause.seconds)[:MAX_FOLDS]
        self.folds: tuple[Pause, ...] = tuple(sorted(longest, key=lambda pause: pause.ended_at))
        self._moments = [pause.ended_at for pause in self.folds]
        self._inner = WIDTH - len(self.folds)
        marks = {self._find_column(moment) - 1 for moment in self._moments}
        self._blank = "".join(FOLD if column in marks else " " for column in range(WIDTH))

    def _find_column(self, moment: float) -> int:
        return round(self.clock.place(moment) * self._inner) + bisect_right(self._moments, moment)

    def draw_step(self, step: Step, latest: float | None = None) -> Bar:
        """The bar of ``step``; ``latest`` is where one that still runs ends."""
        spans = split_step(step, latest)
        start = min(self._find_column(step.started_at), WIDTH - 1)
        stop = max(self._find_column(spans[-1].ended_at), start + 1) if spans else start + 1
        texts = _share_columns(spans, stop - start) if spans else [_build_moment(step)]
        if refused := list_refused(step):
            moments = [attempt.started_at if attempt.ended_at is None else attempt.ended_at for attempt in refused]
            texts = _mark_refusals(texts, [self._find_column(moment) - start for moment in moments])
        parts = [("", self._blank[:start]), *texts, ("", self._blank[stop:].rstrip())]
        return tuple(BarPart(kind, text) for kind, text in parts if text)

    def draw_spans(self, spans: Sequence[Span]) -> Bar:
        """The bar of a folder: where anything of it ran. ``spans`` are merged."""
        cells = list(self._blank)
        for start, end in spans:
            begin = min(self._find_column(start), WIDTH - 1)
            stop = max(self._find_column(end), begin + 1)
            cells[begin:stop] = CHARACTERS[COVERED] * (stop - begin)
        return (BarPart(COVERED, "".join(cells[:WIDTH]).rstrip()),)

    def draw_load(self, spans: Sequence[Span], most: int) -> Bar:
        """How many of ``spans`` run at once, in the middle of each column; ``most`` is a full block."""
        starts, ends = sorted(start for start, _ in spans), sorted(end for _, end in spans)
        moments = [self.clock.find_moment((column + 0.5) / self._inner) for column in range(self._inner)]
        counts = [bisect_right(starts, moment) - bisect_left(ends, moment) for moment in moments]
        levels = iter([_LEVELS[-(-count * 8 // most)] for count in counts])
        return (BarPart(COVERED, "".join(FOLD if mark == FOLD else next(levels) for mark in self._blank)),)


def _build_moment(step: Step) -> tuple[str, str]:
    """What is drawn of a step that took no time."""
    phase = Phase.GENERATING if step.kind is StepKind.LLM else Phase.WORKING
    return str(phase), CHARACTERS[phase]


def _share_columns(spans: Sequence[PhaseSpan], count: int) -> list[tuple[str, str]]:
    """The phases in ``count`` columns, each as many as its share; the only column is the longest one's."""
    if count == 1:
        phase = max(spans, key=lambda span: span.seconds).phase
        return [(str(phase), CHARACTERS[phase])]
    begun_at, seconds = spans[0].started_at, spans[-1].ended_at - spans[0].started_at
    ends = [round((span.ended_at - begun_at) / seconds * count) for span in spans]
    widths = zip(spans, (end - begin for begin, end in pairwise([0, *ends])), strict=True)
    return [(str(span.phase), CHARACTERS[span.phase] * width) for span, width in widths if width]


def _mark_refusals(texts: Sequence[tuple[str, str]], columns: Sequence[int]) -> list[tuple[str, str]]:
    """The same with a mark where each refused attempt ended: in the waiting, which has a column in any case."""
    waiting = CHARACTERS[Phase.WAITING]
    text, rest = (texts[0][1], texts[1:]) if texts[0][0] == Phase.WAITING else (waiting, _shorten(texts))
    places = {min(max(column, 0), len(text) - 1) for column in columns}
    marked = "".join(CHARACTERS[REFUSED] if place in places else char for place, char in enumerate(text))
    pieces = ((char == waiting, "".join(chars)) for char, chars in groupby(marked))
    return [*((str(Phase.WAITING) if is_waiting else REFUSED, piece) for is_waiting, piece in pieces), *rest]


def _shorten(texts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """One column less of what is longer than that."""
    (kind, text), *rest = texts
    return [(kind, text[1:] or text), *rest]


def write_bar(bar: Bar) -> str:
    """A bar for a terminal."""
    return "".join(part.text for part in bar)


def fill_bar(bar: Bar) -> Bar:
    """A bar with blanks up to its full width: it begins where the others do, also where a page aligns it right."""
    blank = " " * (WIDTH - len(write_bar(bar)))
    return (*bar, BarPart("", blank)) if bar and blank else bar
