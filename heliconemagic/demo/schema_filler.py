"""The demo's JSON answers: an object about the topic, or an instance of the schema that was asked for.

Simple schemas are satisfied: objects, arrays, strings, numbers, booleans, null, enum, const, anyOf, local references.
The work is bounded whatever the schema says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from heliconemagic.demo.field_words import write_field

MAX_DEPTH = 12
MAX_VALUES = 2_000
MAX_LENGTH = 200  # characters of a text
FEWEST_ITEMS = 3  # of a list that says nothing about it

_FORMATS = {
    "date": ("2026-01-15", "2026-02-12", "2026-03-19"),
    "date-time": ("2026-01-15T12:00:00Z", "2026-02-12T09:30:00Z", "2026-03-19T16:15:00Z"),
    "time": ("12:00:00Z", "09:30:00Z", "16:15:00Z"),
    "duration": ("PT45M", "PT30M", "PT1H"),
    "email": ("demo@example.com", "sample@example.com"),
    "hostname": ("example.com", "example.org"),
    "ipv4": ("192.0.2.1", "192.0.2.2"),
    "ipv6": ("2001:db8::1", "2001:db8::2"),
    "uri": ("https://example.com/", "https://example.org/"),
    "uuid": ("00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000001"),
}
# What a number is likely to be, by words in its field's name.
_NUMBERS: tuple[tuple[str, Sequence[int]], ...] = (
    (r"minute|duration", (45, 30, 60)),
    (r"year", (2024, 2025, 2026)),
    (r"age", (36, 28, 52)),
    (r"page|word", (12, 20, 8)),
    (r"percent|score|points", (80, 65, 90)),
)


def build_json_answer(response_format: Mapping[str, Any], *, topic: str, keywords: Sequence[str], notice: str) -> str:
    """A JSON text that fits the ``response_format`` of the request; ``notice`` is in it where it can be."""
    wanted = response_format.get("json_schema")
    schema = wanted.get("schema") if isinstance(wanted, Mapping) else None
    if isinstance(schema, Mapping):
        value = SchemaFiller(schema, topic=topic, notice=notice).build()
    else:
        value = {"note": notice, "topic": topic, "keywords": list(keywords), "count": len(keywords), "is_demo": True}
    return json.dumps(value, indent=2, ensure_ascii=False)


class SchemaFiller:
    """Builds one instance of a JSON schema; its strings speak of ``topic``, and the first one says ``notice``."""

    def __init__(self, schema: Mapping[str, Any], *, topic: str, notice: str) -> None:
        self._root = schema
        self._topic = topic
        self._notice = f" ({notice})"
        self._values_left = MAX_VALUES

    def build(self) -> Any:
        """The instance, as plain Python values."""
        return self._build(self._root, "answer", 0, 0, 0)

    def _build(self, schema: Any, name: str, depth: int, number: int, group: int) -> Any:
        """The value of the field ``name``: the item ``number`` of a list, in the item ``group`` of a list around it."""
        self._values_left -= 1
        schema = self._resolve(schema)
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return schema["enum"][number % len(schema["enum"])]
        match _choose_type(schema):
            case "object":
                return self._build_object(schema, depth, number, group)
            case "array":
                return self._build_array(schema, name, depth, number)
            case "string":
                return self._build_string(schema, name, number, group)
            case "integer" | "number" as kind:
                return _build_number(schema, name, number, is_integer=kind == "integer")
            case "boolean":
                return number % 2 == 0
            case _:
                return None

    def _resolve(self, schema: Any) -> Mapping[str, Any]:
        """The schema behind references and alternatives; empty for what isn't one."""
        for _ in range(MAX_DEPTH):
            if not isinstance(schema, Mapping):
                return {}
            alternatives = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
            if isinstance(schema.get("$ref"), str):
                schema = self._look_up(schema["$ref"])
            elif isinstance(alternatives, list) and alternatives:
                schema = next((one for one in alternatives if one != {"type": "null"}), alternatives[0])
            else:
                return schema
        return {}

    def _look_up(self, reference: str) -> Any:
        found: Any = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if key:
                found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def _build_object(self, schema: Mapping[str, Any], depth: int, number: int, group: int) -> dict[str, Any]:
        properties = schema.get("properties")
        required = schema.get("required")
        built = {}
        for key, inner in (properties if isinstance(properties, Mapping) else {}).items():
            if not self._is_exhausted(depth) or (
                isinstance(required, list) and key in required and depth < 2 * MAX_DEPTH
            ):
                built[str(key)] = self._build(inner, str(key), depth + 1, number, group)
        return built

    def _build_array(self, schema: Mapping[str, Any], name: str, depth: int, group: int) -> list[Any]:
        fewest = _read_size(schema, "minItems", 0)
        most = _read_size(schema, "maxItems", max(fewest, FEWEST_ITEMS))
        # What contains itself would grow by a power at each level.
        usual = FEWEST_ITEMS if depth < 4 else 0
        wanted = fewest if self._is_exhausted(depth) else min(max(fewest, usual), most)
        return [self._build(schema.get("items"), name, depth + 1, number, group) for number in range(min(wanted, 50))]

    def _build_string(self, schema: Mapping[str, Any], name: str, number: int, group: int) -> str:
        fixed = _FORMATS.get(str(schema.get("format")))
        text = fixed[number % len(fixed)] if fixed else write_field(name, topic=self._topic, number=number, group=group)
        most = _read_size(schema, "maxLength", MAX_LENGTH)
        if not fixed and len(text) + len(self._notice) <= most:
            text, self._notice = text + self._notice, ""
        return text[:most].ljust(_read_size(schema, "minLength", 0), ".")

    def _is_exhausted(self, depth: int) -> bool:
        return depth >= MAX_DEPTH or self._values_left <= 0


def _choose_type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return str(next((one for one in kind if one != "null"), "null"))
    if kind is None:
        return "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _read_size(schema: Mapping[str, Any], keyword: str, otherwise: int) -> int:
    """A size that the schema names; at most what the demo would ever write."""
    size = schema.get(keyword)
    return min(size, 10 * MAX_LENGTH) if isinstance(size, int) and size >= 0 else otherwise


def _build_number(schema: Mapping[str, Any], name: str, number: int, *, is_integer: bool) -> float:
    """What the name suggests, if that is within the limits; else the lowest, or the highest."""
    usual = next((values for words, values in _NUMBERS if re.search(words, name, re.IGNORECASE)), None)
    low, high = _read_limit(schema, "minimum", 1), _read_limit(schema, "maximum", -1)
    value: float = usual[number % len(usual)] if usual else number + 1
    is_free = schema.get("multipleOf") is None
    if not is_free or (low is not None and value < low) or (high is not None and value > high):
        value = low if low is not None else high if high is not None else schema.get("multipleOf", 1)
    return int(value) if is_integer else float(value)


def _read_limit(schema: Mapping[str, Any], keyword: str, inwards: int) -> float | None:
    """The last value on one side that is allowed, as far as whole steps go."""
    limit: Any = schema.get(keyword)
    if isinstance(limit, int | float):
        return limit
    beyond: Any = schema.get(f"exclusive{keyword.capitalize()}")
    step = schema.get("multipleOf") or 1
    return beyond + inwards * step if isinstance(beyond, int | float) else None
