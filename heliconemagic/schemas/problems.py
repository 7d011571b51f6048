"""What is wrong with an answer, field by field, in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails, ValidationError

MAX_PROBLEMS = 100
MAX_FOUND = 60  # characters of a wrong value that are quoted


@dataclass(frozen=True, slots=True)
class Problem:
    """One field that doesn't fit: ``words`` is a sentence that begins with the field."""

    place: tuple[str | int, ...]  # keys and positions, from the outermost value
    words: str

    @property
    def field(self) -> str:
        """How the field is spelled: ``lessons[2].minutes``; empty for the whole."""
        return build_path(self.place)

    def __str__(self) -> str:
        return f"{self.field or 'the answer'} {self.words}"


class MismatchError(ValueError):
    """An answer doesn't fit its schema."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


def build_path(place: Iterable[str | int]) -> str:
    """``lessons[2].minutes``; a key that is no plain word stands in quotes.

    >>> build_path(("lessons", 2, "in minutes"))
    'lessons[2]["in minutes"]'
    """
    path = ""
    for part in place:
        if isinstance(part, int):
            path += f"[{part}]"
        elif re.fullmatch(r"[\w-]+", part):
            path += f".{part}" if path else part
        else:
            path += f"[{json.dumps(part)}]"
    return path


def list_problems(error: ValidationError, data: Any) -> list[Problem]:
    """The problems of a validation error, those of one field together; ``data`` is what was validated."""
    found: dict[tuple[str | int, ...], list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False)[:MAX_PROBLEMS]:
        found.setdefault(_find_place(detail, data), []).append(detail)
    return [Problem(place, _describe(details)) for place, details in found.items()]


def _find_place(detail: ErrorDetails, data: Any) -> tuple[str | int, ...]:
    """Where the field stands in ``data``: pydantic also names the alternative of a union that it tried."""
    place: list[str | int] = []
    for part in detail["loc"]:
        try:
            data = data[part]
        except (LookupError, TypeError):
            continue
        place.append(part)
    if detail["type"] == "missing":
        place.append(detail["loc"][-1])
    return tuple(place)


def _describe(details: list[ErrorDetails]) -> str:
    first = details[0]
    if first["type"] == "missing":
        return "is missing"
    rule, *others = dict.fromkeys(_describe_rule(detail) for detail in details)
    wanted = " or ".join([rule, *(other.removeprefix("should be ") for other in others)])
    return f"{wanted}, but is {quote_value(first['input'])}"


def _describe_rule(detail: ErrorDetails) -> str:
    """pydantic's message as the middle of a sentence."""
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if message.startswith("Input should "):
        return message.removeprefix("Input ").partition(", unable to")[0].partition(", got a number")[0]
    return f"is refused: {message}" if message == detail["msg"] else f"is refused ({message})"


def quote_value(value: Any) -> str:
    """A value as JSON on one line, without control characters, shortened; of an object or a list its size."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    text = json.dumps(value, default=repr)
    return text if len(text) <= MAX_FOUND else f"{text[: MAX_FOUND - 1]}…"
