"""A schema that an answer is asked to follow: what is sent, and how the answer becomes an object."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from heliconemagic.schemas.normal_form import (
    WRAPPER,
    UnsupportedSchemaError,
    build_normal_form,
    build_sent_form,
    is_wrapped,
)
from heliconemagic.schemas.partial_json import read_json
from heliconemagic.schemas.problems import MismatchError, Problem, list_problems

MAX_NAME = 64


@dataclass(frozen=True, kw_only=True)
class Schema:
    """A schema in normal form. ``build_object`` makes the object of JSON that was read; plain data without it.

    ``build_object`` takes JSON text and raises `pydantic_core.ValidationError`.
    """

    name: str
    normal: Mapping[str, Any]
    build_object: Callable[[str], Any] | None = None

    def build_response_format(self) -> dict[str, Any]:
        """The request parameter that asks for it."""
        wanted = {"name": build_wire_name(self.name), "strict": True, "schema": self.sent}
        return {"type": "json_schema", "json_schema": wanted}

    @cached_property
    def sent(self) -> dict[str, Any]:
        """The part of it that strict mode knows."""
        built: dict[str, Any] = build_sent_form(self.normal)
        return built

    @property
    def is_wrapped(self) -> bool:
        """Whether the answer is an object only because the outermost value must be one."""
        return is_wrapped(self.normal)

    def parse(self, text: str) -> Any:
        """The object of an answer's text.

        Raises:
            MismatchError: it isn't JSON, or doesn't fit; with the fields that fail.
        """
        from pydantic_core import ValidationError

        try:
            data = read_json(text)
        except ValueError as error:
            raise MismatchError([Problem((), f"is not JSON: {error}")]) from error
        data = drop_absent(self.normal, data, self.normal.get("$defs", {}))
        if self.is_wrapped and isinstance(data, dict) and WRAPPER in data:
            data = data[WRAPPER]
        try:
            return self._validate(json.dumps(data))
        except ValidationError as error:
            raise MismatchError(list_problems(error, data)) from error

    @cached_property
    def _validate(self) -> Callable[[str], Any]:
        from heliconemagic.schemas.checker import build_checker

        inner = self.normal["properties"][WRAPPER] if self.is_wrapped else self.normal
        return self.build_object or build_checker(inner, self.normal.get("$defs", {})).validate_json


def drop_absent(schema: Mapping[str, Any], data: Any, definitions: Mapping[str, Any]) -> Any:
    """``data`` without the nulls that say that a field is left out."""
    if "$ref" in schema:
        return drop_absent(definitions.get(schema["$ref"].rpartition("/")[2], {}), data, definitions)
    if isinstance(data, list):
        items = schema.get("items") or _find_alternative(schema, data, definitions).get("items", {})
        return [drop_absent(items, item, definitions) for item in data]
    if not isinstance(data, dict):
        return data
    schema = schema if "properties" in schema else _find_alternative(schema, data, definitions)
    properties, optional = schema.get("properties", {}), schema.get("optional", ())
    return {
        key: drop_absent(properties.get(key, {}), value, definitions)
        for key, value in data.items()
        if value is not None or key not in optional
    }


def _find_alternative(schema: Mapping[str, Any], data: Any, definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Which of ``anyOf`` a list or a dict was written for, by its keys."""
    alternatives = [
        definitions.get(one["$ref"].rpartition("/")[2], {}) if "$ref" in one else one for one in schema.get("anyOf", ())
    ]
    if isinstance(data, list):
        return next((one for one in alternatives if "items" in one), {})
    objects = [one for one in alternatives if "properties" in one]
    return next((one for one in objects if one["properties"].keys() == data.keys()), objects[0] if objects else {})


def build_wire_name(name: str) -> str:
    """``name`` with the characters that OpenAI allows there."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:MAX_NAME] or "answer"


def read_response_format(response_format: Any) -> Schema | None:
    """The schema of a request that was sent; None if it has none, or one that isn't in strict mode's words."""
    wanted = response_format.get("json_schema") if isinstance(response_format, Mapping) else None
    schema = wanted.get("schema") if isinstance(wanted, Mapping) else None
    if not isinstance(wanted, Mapping) or not isinstance(schema, Mapping):
        return None
    try:
        return Schema(name=str(wanted.get("name") or "answer"), normal=build_normal_form(schema))
    except UnsupportedSchemaError:
        return None
