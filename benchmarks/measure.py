"""Samples, rows and how contenders take turns. Knows nothing of what is measured.

Contenders run interleaved, each round in another order, and are compared round by round, so that a
machine that slows down meanwhile slows down both sides of a ratio.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: fresh processes import heliconemagic and benchmarks from here."""

Format = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Sample:
    """What one contender measured, a value for each round."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle value, which a single hiccup does not move."""
        return statistics.median(self.values)

    def describe(self, form: Format) -> str:
        """Median, and minimum to maximum where there is more than one value."""
        if len(self.values) == 1:
            return form(self.median)
        return f"{form(self.median)} ({form(min(self.values))}–{form(max(self.values))})"

    def over(self, other: Sample) -> Sample:
        """The ratios, round by round."""
        return Sample(tuple(mine / theirs for mine, theirs in zip(self.values, other.values, strict=True)))

    def minus(self, other: Sample) -> Sample:
        """The differences, round by round."""
        return Sample(tuple(mine - theirs for mine, theirs in zip(self.values, other.values, strict=True)))

    def divided_by(self, number: float) -> Sample:
        """The values as shares of ``number``."""
        return Sample(tuple(value / number for value in self.values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. ``goal`` is the largest median of ``result`` that meets it; None: just told."""

    name: str
    ours: str
    peer: str  # its name and what it measured
    result: Sample
    form: Format
    goal: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the goal, if there is one, is met."""
        return self.goal is None or self.result.median <= self.goal

    @property
    def verdict(self) -> str:
        """``met``, ``MISSED``, or nothing where there is no goal."""
        if self.goal is None:
            return ""
        return "met" if self.is_met else "MISSED"

    def list_cells(self) -> tuple[str, ...]:
        """The texts of its columns."""
        goal = "" if self.goal is None else f"≤ {self.form(self.goal)}"
        return (self.name, self.ours, self.peer, self.result.describe(self.form), goal, self.verdict)


COLUMNS = ("what", "heliconemagic", "beside", "result: median (min–max)", "goal", "")


def compare(name: str, ours: Sample, peer: tuple[str, Sample], form: Format, goal: float | None = None) -> Row:
    """A row whose result is the ratio to ``peer``, a name and its sample."""
    label, theirs = peer
    return Row(
        name=name,
        ours=ours.describe(form),
        peer=f"{label} {theirs.describe(form)}",
        result=ours.over(theirs),
        form=format_ratio,
        goal=goal,
    )


def build_table(rows: list[Row]) -> str:
    """The rows as aligned text."""
    lines = [COLUMNS, *(row.list_cells() for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(COLUMNS))]
    rule = tuple("─" * width for width in widths)
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (lines[0], rule, *lines[1:])
    )


def run_interleaved(contenders: Mapping[str, Callable[[], float]], rounds: int, warmups: int = 1) -> dict[str, Sample]:
    """What each contender returns, over ``rounds`` in which all take their turn; warm-ups are thrown away."""
    names = list(contenders)
    measured: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(warmups + rounds):
        gc.collect()
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            value = contenders[name]()
            if turn >= warmups:
                measured[name].append(value)
    return {name: Sample(tuple(values)) for name, values in measured.items()}


def time_call(call: Callable[[], object], repeats: int = 1) -> float:
    """Seconds of wall time that one call takes, as the mean of ``repeats``."""
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def build_environment(**variables: str) -> dict[str, str]:
    """An environment for a fresh process: this checkout importable, no real key, no proxy in it."""
    unwanted = ("_KEY", "_PROXY", "_BASE_URL")
    kept = {name: value for name, value in os.environ.items() if not name.upper().endswith(unwanted)}
    inherited = kept.get("PYTHONPATH")
    path = os.pathsep.join([str(ROOT), inherited] if inherited else [str(ROOT)])
    return {**kept, "PYTHONPATH": path, **variables}


def format_seconds(seconds: float) -> str:
    """With the unit that suits the size.

    >>> format_seconds(0.0123), format_seconds(0.0000042), format_seconds(2.5)
    ('12.3 ms', '4.2 µs', '2.50 s')
    """
    size = abs(seconds)
    if size >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.3g} ms" if size >= 1e-3 else f"{seconds * 1e6:.3g} µs"


def format_bytes(count: float) -> str:
    """With the unit that suits the size.

    >>> format_bytes(812), format_bytes(16_400), format_bytes(5_250_000)
    ('812 B', '16.4 kB', '5.25 MB')
    """
    if count >= 1e6:
        return f"{count / 1e6:.3g} MB"
    return f"{count / 1e3:.3g} kB" if count >= 1e3 else f"{count:.0f} B"


def format_ratio(ratio: float) -> str:
    """A factor.

    >>> format_ratio(1.149), format_ratio(48.6)
    ('1.15×', '48.6×')
    """
    return f"{ratio:.2f}×" if ratio < 10 else f"{ratio:.3g}×"
