"""What ``--schema`` is given: a name of the notebook, a list of one, or the short form."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, get_args, is_typeddict

from heliconemagic.errors import InputError
from heliconemagic.schemas.normal_form import UnsupportedSchemaError, build_normal_form
from heliconemagic.schemas.python_types import build_adapter
from heliconemagic.schemas.schema import Schema
from heliconemagic.schemas.short_form import EXAMPLE, TYPES, parse_short_form

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_LIST = re.compile(rf"\s*(?:list\s*\[\s*({_NAME})\s*\]|\[\s*({_NAME})\s*\]|({_NAME})\s*\[\s*\])\s*")
_TAKES = "--schema takes a Pydantic model, a dataclass, a TypedDict, a JSON schema or a short form"
_KEYWORDS = frozenset(["type", "properties", "anyOf", "oneOf", "allOf", "$ref", "enum", "const", "items"])


def find_schema(given: Any, names: Mapping[str, Any]) -> Schema:
    """The schema that was typed, or that Python handed over as it is.

    Raises:
        InputError: it is none.
    """
    if isinstance(given, str):
        return read_schema(given, names)
    return build_schema(given, getattr(given, "__name__", "answer"))


def read_schema(text: str, names: Mapping[str, Any]) -> Schema:
    """The schema that ``text`` names or describes; ``names`` are the notebook's.

    Raises:
        InputError: there is none, or strict mode cannot ask for it.
    """
    text = text.strip()
    if not text:
        raise InputError("--schema needs a value.", hint=f'type --schema NAME, or --schema "{EXAMPLE}"')
    if re.fullmatch(_NAME, text):
        return build_schema(_look_up(text, names), text)
    if listed := _LIST.fullmatch(text):
        return _build_list(next(filter(None, listed.groups())), names)
    if text.startswith("{") and '"' in text:
        return _read_json_schema(text, "answer")
    return _build(parse_short_form(text), "answer")


def _build_list(name: str, names: Mapping[str, Any]) -> Schema:
    """A list of what ``name`` names: a class of the notebook, or a type of the short form."""
    if name in TYPES and name not in names:
        return _build({"type": "array", "items": TYPES[name]}, f"list[{name}]")
    return _build_typed(list[_look_up(name, names)], f"list[{name}]")  # type: ignore[misc]


def _look_up(path: str, names: Mapping[str, Any]) -> Any:
    """The object of a dotted name."""
    first, *rest = path.split(".")
    try:
        found = names[first]
    except KeyError:
        raise _build_unknown_name(first, names) from None
    for part in rest:
        if not hasattr(found, part):
            raise InputError(f"--schema: {first!r} has no {part!r}.", hint=f"{_TAKES}") from None
        found = getattr(found, part)
    return found


def _build_unknown_name(name: str, names: Mapping[str, Any]) -> InputError:
    close = difflib.get_close_matches(name, list_candidates(names), n=1, cutoff=0.6)
    meant = f"did you mean {close[0]}? " if close else ""
    return InputError(
        f"--schema: there is no {name!r} in the notebook.",
        hint=f'{meant}run the cell that defines it; for an answer of one field type --schema "{name} str"',
    )


def list_candidates(names: Mapping[str, Any]) -> list[str]:
    """The names of the notebook's classes that can be a schema."""
    found = []
    for name in names:
        value = names.get(name) if not name.startswith("_") and name != "last_error" else None
        if isinstance(value, type) and is_schema_class(value):
            found.append(name)
    return found


def is_schema_class(kind: type) -> bool:
    """Whether a class describes fields; pydantic isn't imported to find out."""
    is_model = bool(getattr(kind, "model_fields", None)) and hasattr(kind, "model_json_schema")
    return is_model or is_dataclass(kind) or is_typeddict(kind)


def build_schema(value: Any, name: str) -> Schema:
    """The schema that an object of the notebook is.

    Raises:
        InputError: it is none.
    """
    if isinstance(value, Schema):
        return value
    if isinstance(value, Mapping):
        return _build_json_schema(value, name)
    if isinstance(value, str):
        return (
            _read_json_schema(value, name) if value.lstrip().startswith("{") else _build(parse_short_form(value), name)
        )
    if not isinstance(value, type) and is_schema_class(type(value)) and type(value).__name__ != "TypeAdapter":
        kind = type(value).__name__
        raise InputError(f"--schema: {name!r} is an object, not a class.", hint=f"type --schema {kind}")
    if isinstance(value, type) or get_args(value) or type(value).__name__ == "TypeAdapter":
        return _build_typed(value, name)
    raise InputError(f"--schema: {name!r} is of type {type(value).__name__!r}.", hint=_TAKES)


def _read_json_schema(text: str, name: str) -> Schema:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InputError(f"--schema: {name!r} is not valid JSON.", hint=_TAKES, cause=str(error)) from error
    return _build_json_schema(value, name)


def _build_json_schema(value: Mapping[str, Any], name: str) -> Schema:
    """A JSON schema, bare or in the wrapping in which it is sent."""
    wrapped = value.get("json_schema", value)
    if isinstance(wrapped, Mapping) and isinstance(wrapped.get("schema"), Mapping):
        return _build(wrapped["schema"], str(wrapped.get("name") or name))
    if not _KEYWORDS & value.keys():
        hint = '{"type": "object", "properties": {"title": {"type": "string"}}} is one; or a short form: "title str"'
        raise InputError(f"--schema: the dict {name!r} is not a JSON schema.", hint=hint)
    return _build(value, str(value.get("title") or name))


def _build_typed(kind: Any, name: str) -> Schema:
    """The schema of a type, by pydantic."""
    from pydantic import errors

    try:
        adapter = build_adapter(kind)
        schema = adapter.json_schema()
    except (errors.PydanticUserError, errors.PydanticInvalidForJsonSchema, NameError, TypeError) as error:
        cause = str(error).partition("\n")[0]
        raise InputError(f"--schema: {name!r} cannot be made a schema.", hint=_TAKES, cause=cause) from error
    return _build(schema, name, adapter)


def _build(schema: Mapping[str, Any], name: str, adapter: TypeAdapter[Any] | None = None) -> Schema:
    try:
        normal = build_normal_form(schema)
    except UnsupportedSchemaError as error:
        place = f"{name}.{error.place}" if error.place else name
        raise InputError(
            f"--schema: {place!r} {error}, which strict mode cannot ask for.",
            hint="give it named fields of their own types; for a table of keys, a list of objects with a key field",
        ) from error
    built = Schema(name=name, normal=normal, build_object=adapter.validate_json if adapter else None)
    if adapter is None:
        _check(built)
    return built


def _check(schema: Schema) -> None:
    """Refuses what cannot be checked in the answer, before it is asked for."""
    from pydantic_core import SchemaError

    from heliconemagic.schemas.checker import build_checker

    try:
        build_checker(schema.normal, schema.normal.get("$defs", {}))
    except SchemaError as error:
        cause = " ".join(str(error).split())
        raise InputError(f"--schema: {schema.name!r} is not a valid JSON schema.", hint=_TAKES, cause=cause) from error
