"""A value of the notebook as text for the record: bounded, without keys, always valid JSON.

What a person's object has to say is asked once, whatever it does then: recording a step must not break it. Nothing is
consumed: an iterator stays as it was.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from enum import Enum
from itertools import islice
from typing import Any

from heliconemagic.prompt.value_text import build_value_text, is_table

MAX_TEXT = 100_000
"""Characters that are kept of what went in, and of what came out."""
MAX_ITEMS = 5_000
"""Values inside of one value that are kept."""
MAX_DEPTH = 12
MAX_WORDS = 4_000
"""Characters that are kept of an object's own text."""
_MOST_BITS = 10_000  # Python refuses to print much longer numbers
_MOST_NUMBERS = 1_000  # of an array; a longer one prints itself shortened
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

Redact = Callable[[str], str]


def capture_input(values: Mapping[str, Any], redact: Redact) -> str:
    """What a step was given, by its names, as a JSON object; empty if it was given nothing."""
    return json.dumps(_Capture(redact).build(dict(values)), ensure_ascii=False) if values else ""


def capture_json(value: Any, redact: Redact) -> str:
    """Any value as JSON; None is nothing."""
    return "" if value is None else json.dumps(_Capture(redact).build(value), ensure_ascii=False)


def capture_output(value: Any, redact: Redact) -> str:
    """What a step gave: a text as it stands, anything else as JSON, or by its own text; None is nothing."""
    if value is None:
        return ""
    plain = _Capture(redact).build(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


class Pieces:
    """What a generator has yielded: all are counted, the first are kept."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[Any] = []
        self._capture = _Capture(str)

    def add(self, piece: Any, find_redact: Callable[[], Redact]) -> None:
        """Takes one more, as it is now: it may be changed or let go before the next one."""
        self.count += 1
        if self._capture.has_room:
            self._capture.redact = find_redact()
            self._kept.extend(self._capture.build_each([piece]))

    def write(self) -> str:
        """Their number, and what was kept, as JSON; empty if there was none."""
        if not self.count:
            return ""
        left = self.count - len(self._kept)
        pieces = [*self._kept, f"… {left:,} more"] if left else self._kept
        return json.dumps({"count": self.count, "pieces": pieces}, ensure_ascii=False)


class _Capture:
    """Builds one value; what is left of its room is shared by all that is inside."""

    def __init__(self, redact: Redact) -> None:
        self.redact = redact
        self._text = MAX_TEXT
        self._items = MAX_ITEMS

    @property
    def has_room(self) -> bool:
        """Whether anything more is kept."""
        return self._items > 0 and self._text > 0

    def build(self, value: Any, depth: int = 0) -> Any:
        """``value`` out of what JSON knows."""
        if value is None or value is True or value is False:
            return value
        if type(value) is str:
            return self._take(value)
        if type(value) is int:
            return value if value.bit_length() < _MOST_BITS else f"(a number of {value.bit_length():,} bits)"
        if type(value) is float:
            return value if math.isfinite(value) else str(value)
        try:
            return self._build_object(value, depth)
        except Exception as error:  # noqa: BLE001  # the person's own objects may raise anything
            return f"({_name(value)}, which raised {type(error).__name__})"

    def build_each(self, values: Iterable[Any], depth: int = 0) -> list[Any]:
        """Of ``values``, those for which there is room."""
        return [self.build(value, depth + 1) for value in self._count(values)]

    def _build_object(self, value: Any, depth: int) -> Any:
        if isinstance(value, bytes | bytearray | memoryview):
            return f"({len(value):,} bytes)"
        if depth >= MAX_DEPTH:
            return f"({_name(value)}: not followed any deeper)"
        if isinstance(value, str):
            return self._take(str.__str__(value))
        if isinstance(value, Enum):
            return self.build(value.value, depth + 1)
        if is_table(value):
            return self._take(build_value_text(value, "shown").text)
        if (found := _find_fields(value)) is not None:
            return self._build_mapping(found, depth)
        if isinstance(value, list | tuple | Set):
            return self._build_list(value, depth)
        if _is_small_array(value):
            return self.build(value.tolist(), depth + 1)
        return self._take(_ask_text(value), MAX_WORDS)

    def _build_mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        built: dict[str, Any] = {}
        left = len(value)
        for key, inner in self._count(value.items()):
            name = self._take(key if isinstance(key, str) else _ask_text(key), MAX_WORDS)
            # JSON has texts alone for names: 1 and "1" are one there.
            built[name if name not in built else f"{name} ({_name(key)})"] = self.build(inner, depth + 1)
            left -= 1
        if left:
            built["…"] = f"{left:,} more"
        return built

    def _build_list(self, value: Any, depth: int) -> list[Any]:
        built = self.build_each(value, depth)
        return built if len(built) == len(value) else [*built, f"… {len(value) - len(built):,} more"]

    def _count(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in islice(values, self._items):
            if not self.has_room:
                return
            self._items -= 1
            yield value

    def _take(self, text: str, most: int = MAX_TEXT) -> str:
        """As much of ``text`` as there is room for. Keys go first: of one cut in two nobody would know the half."""
        if not text.isascii():
            text = text.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be stored
        text = self.redact(text)
        kept = text[: max(min(self._text, most), 0)]
        self._text -= len(kept)
        return kept if len(kept) == len(text) else f"{kept}… ({len(text) - len(kept):,} more characters)"


def _find_fields(value: Any) -> Mapping[Any, Any] | None:
    """The parts of ``value`` by their names, if it has such."""
    kind = type(value)
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return dict(zip(kind._fields, value, strict=False))
    if hasattr(kind, "model_dump") and hasattr(kind, "model_fields"):  # a Pydantic model
        return dict(value.model_dump())
    return None


def _is_small_array(value: Any) -> bool:
    """Whether it is an array, or a number, of numpy or its like, that may be listed."""
    kind = type(value)
    return hasattr(kind, "tolist") and hasattr(kind, "dtype") and math.prod(value.shape) <= _MOST_NUMBERS


def _ask_text(value: Any) -> str:
    """What an object says of itself; only its type where that would be an address in memory."""
    kind: Any = type(value)
    text = str(value) if kind.__str__ is not object.__str__ else repr(value)
    return f"({kind.__name__})" if _ADDRESS.search(text[:200]) else text


def _name(value: Any) -> str:
    return type(value).__name__
