"""Whether JSON fits a schema in normal form: pydantic-core does the looking, and names the fields that fail."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_core import CoreSchema, SchemaValidator

_LIMITS = {
    "minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt", "multipleOf": "multiple_of",
    "minLength": "min_length", "maxLength": "max_length", "minItems": "min_length", "maxItems": "max_length",
    "pattern": "pattern",
}  # fmt: skip
_STRING = ("minLength", "maxLength", "pattern")
_NUMBER = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_ARRAY = ("minItems", "maxItems")
_READERS: dict[str, Callable[[str], object]] = {
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "date-time": datetime.datetime.fromisoformat,
}


def build_checker(normal: Mapping[str, Any], references: Mapping[str, Any]) -> SchemaValidator:
    """A validator that gives plain data: dicts, lists, texts, numbers. Keys that the schema doesn't know are dropped.

    ``references`` holds what the schema refers to, by name.

    Raises:
        pydantic_core.SchemaError: a keyword has a value that cannot be used, such as a broken pattern.
    """
    from pydantic_core import SchemaValidator, core_schema

    definitions = [{**_build(one), "ref": name} for name, one in references.items()]
    root = _build(normal)
    built: Any = core_schema.definitions_schema(root, definitions) if definitions else root  # type: ignore[arg-type]
    return SchemaValidator(built)


def _build(schema: Mapping[str, Any]) -> CoreSchema:
    from pydantic_core import core_schema

    if "$ref" in schema:
        return core_schema.definition_reference_schema(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return core_schema.union_schema([_build(one) for one in schema["anyOf"]])
    if "const" in schema or "enum" in schema:
        return core_schema.literal_schema(schema["enum"] if "enum" in schema else [schema["const"]])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    built = [_build_type(kind, schema) for kind in kinds]
    return built[0] if len(built) == 1 else core_schema.union_schema(list(built))


def _build_type(kind: str, schema: Mapping[str, Any]) -> CoreSchema:
    from pydantic_core import core_schema

    match kind:
        case "object":
            return _build_object(schema)
        case "array":
            return core_schema.list_schema(_build(schema["items"]), strict=True, **_read_limits(schema, _ARRAY))
        case "string":
            return _build_string(schema)
        case "integer":
            return core_schema.int_schema(strict=True, **_read_limits(schema, _NUMBER))
        case "number":
            return core_schema.float_schema(strict=True, allow_inf_nan=False, **_read_limits(schema, _NUMBER))
        case "boolean":
            return core_schema.bool_schema(strict=True)
        case _:
            return core_schema.none_schema()


def _build_object(schema: Mapping[str, Any]) -> CoreSchema:
    from pydantic_core import core_schema

    optional = schema.get("optional", ())
    fields = {
        name: core_schema.typed_dict_field(_build(inner), required=name not in optional)
        for name, inner in schema["properties"].items()
    }
    return core_schema.typed_dict_schema(fields, strict=True, extra_behavior="ignore")


def _build_string(schema: Mapping[str, Any]) -> CoreSchema:
    from pydantic_core import core_schema

    built: CoreSchema = core_schema.str_schema(strict=True, **_read_limits(schema, _STRING))
    read = _READERS.get(str(schema.get("format")))
    if read is None:
        return built

    def check(text: str) -> str:
        read(text)  # its ValueError says what is wrong
        return text

    return core_schema.no_info_after_validator_function(check, built)


def _read_limits(schema: Mapping[str, Any], keywords: tuple[str, ...]) -> dict[str, Any]:
    return {_LIMITS[keyword]: schema[keyword] for keyword in keywords if keyword in schema}
