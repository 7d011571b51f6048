"""The demo's JSON answers: an object about the topic, or an instance of the schema that was asked for.

Simple schemas are satisfied: objects, arrays, strings, numbers, booleans, null, enum, const, anyOf, local references.
The work is bounded whatever the schema says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

MAX_DEPTH = 12
MAX_VALUES = 2_000

_FORMATS = {
    "date": "2026-01-15",
    "date-time": "2026-01-15T12:00:00Z",
    "time": "12:00:00Z",
    "email": "demo@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


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
    """Builds one instance of a JSON schema; its strings speak of ``topic``."""

    def __init__(self, schema: Mapping[str, Any], *, topic: str, notice: str) -> None:
        self._root = schema
        self._topic = topic
        self._notice = notice
        self._values_left = MAX_VALUES

    def build(self) -> Any:
        """The instance, as plain Python values."""
        return self._build(self._root, "answer", 0)

    def _build(self, schema: Any, name: str, depth: int) -> Any:
        self._values_left -= 1
        schema = self._resolve(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        match _choose_type(schema):
            case "object":
                return self._build_object(schema, depth)
            case "array":
                return self._build_array(schema, name, depth)
            case "string":
                return self._build_string(schema, name)
            case "integer" | "number" as kind:
                return _build_number(schema, is_integer=kind == "integer")
            case "boolean":
                return True
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
        for key in reference.removeprefix("#").strip("/").split("/"):
            if key:
                found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def _build_object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        required = schema.get("required")
        built = {}
        for key, inner in (properties if isinstance(properties, Mapping) else {}).items():
            if not self._is_exhausted(depth) or (
                isinstance(required, list) and key in required and depth < 2 * MAX_DEPTH
            ):
                built[str(key)] = self._build(inner, str(key), depth + 1)
        return built

    def _build_array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        fewest = int(schema.get("minItems") or 0)
        most = int(schema.get("maxItems", max(fewest, 2)))
        wanted = fewest if self._is_exhausted(depth) else min(max(fewest, 2), most)
        return [self._build(schema.get("items"), name, depth + 1) for _ in range(min(wanted, 50))]

    def _build_string(self, schema: Mapping[str, Any], name: str) -> str:
        fixed = _FORMATS.get(str(schema.get("format")))
        text = fixed or f"{name.replace('_', ' ')} of {self._topic} ({self._notice})"
        return text[: int(schema.get("maxLength") or 200)].ljust(int(schema.get("minLength") or 0), ".")

    def _is_exhausted(self, depth: int) -> bool:
        return depth >= MAX_DEPTH or self._values_left <= 0


def _choose_type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return str(next((one for one in kind if one != "null"), "null"))
    if kind is None:
        return "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _build_number(schema: Mapping[str, Any], *, is_integer: bool) -> float:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    step = schema.get("multipleOf") or 1
    value = low if low is not None else above + step if above is not None else None
    if value is None:
        value = high if high is not None else below - step if below is not None else step
    return int(value) if is_integer else float(value)
