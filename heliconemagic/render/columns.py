"""Columns of text for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def align_columns(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """The rows as lines; ``sides`` has an ``l`` or an ``r`` for each column.

    >>> align_columns([("path", "time"), ("/a", "2.4 s")], "lr")
    ['path   time', '/a    2.4 s']
    """
    widths = [max(measure_width(row[column]) for row in rows) for column in range(len(sides))]
    return [
        "  ".join(_fill(cell, width, side) for cell, width, side in zip(row, widths, sides, strict=True)).rstrip()
        for row in rows
    ]


def measure_width(text: str) -> int:
    """Columns that ``text`` takes in a terminal: thumbs and Chinese take two each."""
    return len(text) if text.isascii() else len(text) + sum(unicodedata.east_asian_width(char) in "WF" for char in text)


def _fill(cell: str, width: int, side: str) -> str:
    blanks = " " * (width - measure_width(cell))
    return blanks + cell if side == "r" else cell + blanks
