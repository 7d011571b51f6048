"""The values of steps in files, each checked before anything is made of it: a file may come from anyone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from heliconemagic.headers import MAX_ID_LENGTH

MOST_COUNT = 1e12
MOST_USD = 1e9
LATEST = 9.2e9
"""Seconds since the epoch: a later moment than in the year 2261 has no nanoseconds that fit into 64 bits."""

Word = TypeVar("Word", bound=StrEnum)


class LineError(ValueError):
    """What is wrong with a line, as the end of a sentence."""


def check_value(value: object, kind: type, what: str) -> Any:
    """``value`` if it is of ``kind``; ``what`` names it in the error."""
    if not isinstance(value, kind):
        raise LineError(f"has {what} that is no {_WORDS[kind]}")
    return value


_WORDS: Mapping[type, str] = {str: "text", dict: "object", list: "list"}


def read_value(holder: Mapping[str, Any], name: str, kind: type) -> Any:
    """The value under ``name`` if it is of ``kind``; None if there is none."""
    value = holder.get(name)
    return None if value is None else check_value(value, kind, f"a {name!r}")


def need_value(holder: Mapping[str, Any], name: str, kind: type) -> Any:
    """The value under ``name``, which has to be there."""
    return _present(read_value(holder, name, kind), name)


def _present(value: Any, name: str) -> Any:
    if value is None:
        raise LineError(f"has no {name!r}")
    return value


def read_number(holder: Mapping[str, Any], name: str, most: float) -> float | None:
    """The number under ``name``, from 0 to ``most``; None if there is none."""
    value = holder.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:  # NaN isn't either
        raise LineError(f"has a {name!r} that is no number from 0 to {most:g}")
    return float(value)


def need_number(holder: Mapping[str, Any], name: str, most: float) -> float:
    """The same, which has to be there."""
    return float(_present(read_number(holder, name, most), name))


def need_count(holder: Mapping[str, Any], name: str) -> int:
    """The whole number under ``name``."""
    return int(need_number(holder, name, MOST_COUNT))


def read_flag(holder: Mapping[str, Any], name: str) -> bool:
    """Whether ``name`` is true; what is missing is not."""
    value = holder.get(name, False)
    if not isinstance(value, bool):
        raise LineError(f"has a {name!r} that is neither true nor false")
    return value


def need_word(holder: Mapping[str, Any], name: str, words: type[Word]) -> Word:
    """The one of ``words`` under ``name``."""
    found = need_value(holder, name, str)
    if found not in set(words):
        raise LineError(f"has a {name!r} {found[:20]!r}, which there isn't")
    return words(found)


def read_id(holder: Mapping[str, Any], name: str) -> str | None:
    """The id under ``name``; None if there is none."""
    value = holder.get(name)
    return None if value is None else check_id(value, name)


def need_id(holder: Mapping[str, Any], name: str) -> str:
    """The same, which has to be there."""
    return str(_present(read_id(holder, name), name))


def check_id(value: object, name: str) -> str:
    """``value`` if it looks like an id; ``name`` says whose in the error."""
    found: str = check_value(value, str, f"a {name!r}")
    if not (found.isascii() and found.isprintable() and 0 < len(found) <= MAX_ID_LENGTH):
        raise LineError(f"has a {name!r} that is no id")
    return found


def parse_line(text: str | bytes) -> dict[str, Any]:
    """A line as JSON.

    Raises:
        LineError: it is no JSON object, or nested too deeply to be meant.
    """
    try:
        parsed = json.loads(text, parse_constant=_refuse_constant, parse_float=parse_finite)
    except RecursionError:
        raise LineError("is nested too deeply") from None
    except ValueError as error:
        raise LineError(f"is not valid JSON ({str(error)[:80]})") from None
    return dict(check_value(parsed, dict, "a value"))


def parse_finite(text: str) -> float | None:
    """A number in JSON; None for one that is too large to be any: it couldn't be written again."""
    number = float(text)
    return number if math.isfinite(number) else None


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON")
