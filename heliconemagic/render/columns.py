"""Columns of text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def align_columns(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """The rows as lines; ``sides`` has an ``l`` or an ``r`` for each column.

    >>> align_columns([("path", "time"), ("/a", "2.4 s")], "lr")
    ['path   time', '/a    2.4 s']
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(sides))]
    return [
        "  ".join(
            cell.rjust(width) if side == "r" else cell.ljust(width)
            for cell, width, side in zip(row, widths, sides, strict=True)
        ).rstrip()
        for row in rows
    ]
