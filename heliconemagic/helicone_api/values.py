"""Single values of what Helicone answers: anybody's requests went into it, so nothing is taken as it comes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from heliconemagic.lessons.line_values import MOST_COUNT
from heliconemagic.render.terminal import drop_controls

LONGEST_WORD = 512
"""Characters of an id, a name, a path, a property."""
LATEST = 9e9
"""Seconds since the epoch; what a request adds to it still is a moment that a file may have."""
MOST = MOST_COUNT


def read_word(value: object, most: int = LONGEST_WORD) -> str:
    """One line of text; nothing for anything else."""
    return " ".join(drop_controls(value).split())[:most] if isinstance(value, str) else ""


def read_number(value: object, most: float = MOST) -> float | None:
    """A number from 0 on, also one spelled as text, as ClickHouse spells its counts; None for anything else."""
    if isinstance(value, str) and len(value) < 40:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= most else None  # compared first: a float cannot hold any whole number


def read_count(value: object) -> int | None:
    """The same as a whole number."""
    number = read_number(value)
    return None if number is None else int(number)


def read_time(value: object) -> float | None:
    """A moment in seconds since the epoch; a time that names no zone is UTC.

    >>> read_time("2026-11-20 14:02:03.5") == read_time("2026-11-20T14:02:03.500Z")
    True
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds <= LATEST else None


def read_mapping(value: object) -> Mapping[str, Any]:
    """A JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def read_list(value: object, most: int = 100_000) -> list[Any]:
    """A JSON list; an empty one for anything else."""
    return value[:most] if isinstance(value, list) else []
