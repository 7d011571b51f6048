"""Percentiles by nearest rank: every figure that is told is one that was measured."""

from __future__ import annotations

from collections.abc import Sequence

FEWEST = 20
"""Values from which on the 95th percentile is another one than the largest."""


def find_percentile(values: Sequence[float], percent: int) -> float | None:
    """The smallest of the sorted ``values`` that at least ``percent`` % of them don't exceed; None of no values.

    Of n values it is the one at the place ⌈n · percent / 100⌉, counted from 1. So the median of four is the second,
    and of fewer than 20 the 95th percentile is the largest.

    >>> find_percentile([1, 2, 3, 4], 50), find_percentile([1, 2, 3, 4], 95), find_percentile([], 50)
    (2, 4, None)
    >>> find_percentile(range(1, 21), 95), find_percentile(range(1, 22), 95)
    (19, 20)
    """
    if not values:
        return None
    return values[max(-(-percent * len(values) // 100), 1) - 1]
