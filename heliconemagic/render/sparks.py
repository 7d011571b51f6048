"""Small pictures in block characters: they stay where a page loses its styles."""

from __future__ import annotations

from collections.abc import Sequence

LEVELS = "▁▂▃▄▅▆▇█"
BLANK = "\u00a0"
"""A blank that HTML doesn't swallow."""


def build_sparkline(values: Sequence[float]) -> str:
    """One column for each value, from 0 to the largest.

    >>> build_sparkline([0, 1, 4, 8])
    '▁▁▄█'
    """
    most = max(values, default=0.0)
    if most <= 0:
        return LEVELS[0] * len(values)
    return "".join(LEVELS[max(round(value / most * len(LEVELS)) - 1, 0)] for value in values)


def build_range(middle: float, high: float, most: float, width: int) -> str:
    """A line from ``middle`` (●) to ``high`` (○) on a scale from 0 to ``most``; one mark where they meet.

    >>> build_range(2, 8, 10, 11).replace(BLANK, " ")
    '  ●─────○  '
    >>> build_range(3, 3, 3, 5).replace(BLANK, " ")
    '    ●'
    """
    start, end = (round(value / most * (width - 1)) if most > 0 else 0 for value in (middle, high))
    line = f"●{'─' * (end - start - 1)}○" if end > start else "●"
    return (BLANK * start + line).ljust(width, BLANK)


def build_share(value: float, most: float, width: int) -> str:
    """A bar of ``value`` on a scale from 0 to ``most``, with blanks up to ``width``.

    >>> [build_share(value, 6, 8).replace(BLANK, " ") for value in (3, 0.01, 0)]
    ['████    ', '▏       ', '']
    """
    if value <= 0 or most <= 0:
        return ""
    return ("█" * round(value / most * width) or "▏").ljust(width, BLANK)
