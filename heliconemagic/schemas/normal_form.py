"""A JSON schema in the form of strict mode: closed objects, all fields required, no alternatives but ``anyOf``.

OpenAI's strict mode (https://platform.openai.com/docs/guides/structured-outputs) takes a part of JSON Schema only. What
only narrows a value down (``minLength``, ``uniqueItems`` …) is left out of what is sent and checked in the answer; what
cannot be said at all (free keys, tuples) is refused. A field that may be left out is sent as one that may be null.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SENT_KEYWORDS = frozenset(
    [
        "type", "enum", "const", "anyOf", "$ref", "$defs", "properties", "required", "additionalProperties", "items",
        "description", "pattern", "format", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
        "minItems", "maxItems",
    ]
)  # fmt: skip
SENT_FORMATS = frozenset(["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"])
WRAPPER = "items"
WRAPPER_DESCRIPTION = f"The whole answer stands under {WRAPPER!r}."
"""The outermost value of strict mode is an object; any other is put into one, which this sentence marks."""

_STRUCTURE = frozenset(["type", "anyOf", "$ref", "$defs", "properties", "required", "additionalProperties", "items"])
_KEYWORDS = SENT_KEYWORDS | {"minLength", "maxLength", "uniqueItems"}
_REFUSED = {
    "patternProperties": "has keys that follow a pattern",
    "prefixItems": "is a tuple, each item of its own type",
    "not": "says what it must not be",
    "if": "depends on a condition",
    "dependentRequired": "has fields that depend on others",
    "dependentSchemas": "has fields that depend on others",
}
_NULL = {"type": "null"}
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
_MAX_DEPTH = 60


class UnsupportedSchemaError(ValueError):
    """Strict mode cannot say this: ``place`` is the field, the message the end of a sentence that begins with it."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place


def is_wrapped(schema: Mapping[str, Any]) -> bool:
    """Whether a schema that is sent has one field only because the outermost value must be an object."""
    return schema.get("description") == WRAPPER_DESCRIPTION and list(schema.get("properties", ())) == [WRAPPER]


def build_normal_form(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The whole of ``schema`` in normal form, with the keywords that are only checked.

    ``optional`` in an object lists the fields that may be left out: null stands for that.

    Raises:
        UnsupportedSchemaError: strict mode has no words for it.
    """
    return _Normaliser(schema).build()


def build_sent_form(normal: Any) -> Any:
    """A normal form without what strict mode doesn't know."""
    if isinstance(normal, list):
        return [build_sent_form(item) for item in normal]
    if not isinstance(normal, Mapping):
        return normal
    return {key: _build_sent_value(key, value) for key, value in normal.items() if _is_sent(key, value)}


def _is_sent(key: str, value: Any) -> bool:
    return key in SENT_KEYWORDS and (key != "format" or value in SENT_FORMATS)


def _build_sent_value(key: str, value: Any) -> Any:
    if key in ("properties", "$defs"):
        return {name: build_sent_form(inner) for name, inner in value.items()}
    return build_sent_form(value) if key in ("items", "anyOf") else value


@dataclass
class _Normaliser:
    """Walks one schema; ``_definitions`` gathers what is referred to, ``_names`` how each reference is called."""

    _root: Mapping[str, Any]
    _definitions: dict[str, Any] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def build(self) -> dict[str, Any]:
        root = self._follow(self._root, "the schema")
        built = self._build(root if _is_object(root) else _wrap(root), "")
        return {**built, "$defs": self._definitions} if self._definitions else built

    def _follow(self, schema: Mapping[str, Any], place: str) -> Mapping[str, Any]:
        """What a schema means that only refers to another."""
        for _ in range(_MAX_DEPTH):
            if "$ref" not in schema:
                return schema
            found = self._look_up(schema["$ref"], place)
            schema = {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
        raise UnsupportedSchemaError(place, "refers to itself and to nothing else")

    def _look_up(self, reference: Any, place: str) -> Mapping[str, Any]:
        found: Any = self._root
        for part in str(reference).removeprefix("#").split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, Mapping) else None
        if not str(reference).startswith("#") or not isinstance(found, Mapping):
            raise UnsupportedSchemaError(place, f"refers to {reference!r}, which is not in the schema")
        return found

    def _build(self, schema: Any, place: str) -> dict[str, Any]:
        if place.count(".") + place.count("[") > _MAX_DEPTH:
            raise UnsupportedSchemaError(place[:60] + "…", "is nested too deep")
        if not isinstance(schema, Mapping):
            raise UnsupportedSchemaError(place, "has no type")
        if "$ref" in schema:
            return self._build_reference(schema, place)
        for keyword, words in _REFUSED.items():
            if keyword in schema:
                raise UnsupportedSchemaError(place, words)
        if "allOf" in schema:
            return self._build(self._merge(schema, place), place)
        alternatives = schema.get("anyOf") or schema.get("oneOf")
        if isinstance(alternatives, list) and alternatives:
            return self._build_alternatives(schema, alternatives, place)
        return self._build_plain(schema, place)

    def _build_reference(self, schema: Mapping[str, Any], place: str) -> dict[str, Any]:
        """A reference stays one; with words of its own (a description), which none may have, it is written out."""
        own = {key: value for key, value in schema.items() if key in _KEYWORDS and key != "$ref"}
        if own:
            return self._build({**self._follow(self._look_up(schema["$ref"], place), place), **own}, place)
        return {"$ref": f"#/$defs/{self._define(str(schema['$ref']), place)}"}

    def _define(self, reference: str, place: str) -> str:
        if reference not in self._names:
            stem = re.sub(r"[^\w-]", "_", reference.rpartition("/")[2].strip("#")) or "root"
            taken = sum(re.fullmatch(rf"{re.escape(stem)}(_\d+)?", name) is not None for name in self._definitions)
            name = self._names[reference] = f"{stem}_{taken + 1}" if taken else stem
            self._definitions[name] = {}  # it may refer to itself
            self._definitions[name].update(self._build(self._look_up(reference, place), name))
        return self._names[reference]

    def _merge(self, schema: Mapping[str, Any], place: str) -> dict[str, Any]:
        """``allOf`` of objects is one object with the fields of all."""
        own = {key: value for key, value in schema.items() if key != "allOf"}
        parts = [self._follow(part, place) for part in (*schema["allOf"], own) if isinstance(part, Mapping)]
        if len(parts) > 2 and not all(_is_object(part) or not part for part in parts):
            raise UnsupportedSchemaError(place, "must be several things at once (allOf)")
        merged: dict[str, Any] = {}
        for part in parts:
            merged |= {key: value for key, value in part.items() if key not in ("properties", "required")}
        properties = {name: inner for part in parts for name, inner in part.get("properties", {}).items()}
        required = [name for part in parts for name in part.get("required", ())]
        return {**merged, "properties": properties, "required": required} if properties else merged

    def _build_alternatives(self, schema: Mapping[str, Any], alternatives: list[Any], place: str) -> dict[str, Any]:
        built = [self._build(one, place) for one in alternatives]
        return {"anyOf": built, **_pick(schema, ("description",))}

    def _build_plain(self, schema: Mapping[str, Any], place: str) -> dict[str, Any]:
        kinds = _find_types(schema)
        if not kinds:
            raise UnsupportedSchemaError(place, "has no type")
        built = {"type": kinds[0] if len(kinds) == 1 else kinds, **_pick(schema, _KEYWORDS - _STRUCTURE)}
        if "object" in kinds:
            built |= self._build_object(schema, place)
        if "array" in kinds:
            if not isinstance(schema.get("items"), Mapping) or not schema["items"]:
                raise UnsupportedSchemaError(place, "is a list of anything")
            built["items"] = self._build(schema["items"], f"{place}[]")
        return built

    def _build_object(self, schema: Mapping[str, Any], place: str) -> dict[str, Any]:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping) or not properties:
            raise UnsupportedSchemaError(place, "is an object whose keys have no names")
        if isinstance(schema.get("additionalProperties"), Mapping):
            raise UnsupportedSchemaError(place, "has further keys without names")
        required = schema.get("required", ())
        inner = {str(name): self._build(one, f"{place}.{name}".lstrip(".")) for name, one in properties.items()}
        optional = [name for name in inner if name not in required and not self._takes_null(inner[name])]
        inner |= {name: {"anyOf": [*_list_alternatives(inner[name]), _NULL]} for name in optional}
        built = {"properties": inner, "required": list(inner), "additionalProperties": False}
        return {**built, "optional": optional} if optional else built

    def _takes_null(self, schema: Mapping[str, Any]) -> bool:
        """Whether null fits a schema in normal form."""
        if "$ref" in schema:
            schema = self._definitions.get(schema["$ref"].rpartition("/")[2], {})
        if "anyOf" in schema:
            return any(self._takes_null(one) for one in schema["anyOf"])
        return "null" in _find_types(schema)


def _list_alternatives(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return schema["anyOf"] if set(schema) == {"anyOf"} else [schema]


def _pick(schema: Mapping[str, Any], keywords: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key in keywords}


def _is_object(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "object" or ("type" not in schema and "properties" in schema)


def _wrap(schema: Mapping[str, Any]) -> dict[str, Any]:
    """An object with ``schema`` as its only field."""
    return {
        "type": "object",
        "description": WRAPPER_DESCRIPTION,
        "properties": {WRAPPER: {key: value for key, value in schema.items() if not key.startswith("$")}},
        "required": [WRAPPER],
    }


def _find_types(schema: Mapping[str, Any]) -> list[str]:
    """The types that a schema names, or that its other keywords imply."""
    named = schema.get("type")
    if named is not None:
        return [str(kind) for kind in named] if isinstance(named, list) else [str(named)]
    if "properties" in schema:
        return ["object"]
    if "items" in schema:
        return ["array"]
    values = schema["enum"] if isinstance(schema.get("enum"), list) else [schema["const"]] if "const" in schema else []
    return list(dict.fromkeys(_TYPES.get(type(value), "string") for value in values))
