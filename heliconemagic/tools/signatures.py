"""A function's parameters as a JSON schema, from its annotations, defaults and docstring; and back: its arguments.

Wraps pydantic, which knows the JSON form of types: whatever it can read from JSON may be a parameter.
"""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.tools.docstrings import Docstring

_UNNAMED: Mapping[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
_PLAIN_TYPES = (bool, int, float, str)
MAX_FAULTS = 5


class ArgumentsError(ValueError):
    """The model's arguments don't fit; the message is for the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter, and what reads its value from JSON (a pydantic TypeAdapter)."""

    name: str
    is_positional: bool  # cannot be given by name
    is_required: bool
    adapter: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The parameters of a tool, and their JSON schema."""

    parameters: tuple[Parameter, ...]
    schema: Mapping[str, Any]

    def read_arguments(self, text: str) -> tuple[list[Any], dict[str, Any]]:
        """The positional and the named arguments in the JSON ``text`` that a model wrote.

        Raises:
            ArgumentsError: it is no JSON object, or a value doesn't fit its annotation.
        """
        given = _parse_object(text)
        known = {parameter.name for parameter in self.parameters}
        faults = [f"{name}: there is no such parameter" for name in given if name not in known]
        values: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.name in given:
                faults += _read_value(parameter, given[parameter.name], values)
            elif parameter.is_required:
                faults.append(f"{parameter.name}: is required")
        if faults:
            raise ArgumentsError("; ".join(faults[:MAX_FAULTS]))
        return self._arrange(values)

    def _arrange(self, values: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        positional = []
        for parameter in self.parameters:
            if not parameter.is_positional or parameter.name not in values:
                break
            positional.append(values.pop(parameter.name))
        if left := [
            parameter.name for parameter in self.parameters if parameter.is_positional and parameter.name in values
        ]:
            raise ArgumentsError(f"{left[0]}: cannot be given without those before it")
        return positional, values


def _parse_object(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise ArgumentsError(f"the arguments are not valid JSON: {error}") from None
    if not isinstance(given, dict):
        raise ArgumentsError("the arguments are not a JSON object")
    return given


def _read_value(parameter: Parameter, value: Any, values: dict[str, Any]) -> list[str]:
    """Puts the value into ``values``; gives what is wrong with it."""
    import pydantic

    try:
        values[parameter.name] = parameter.adapter.validate_python(value)
    except pydantic.ValidationError as error:
        return [
            ".".join([parameter.name, *map(str, fault["loc"])]) + f": {fault['msg']}"
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    return []


def read_signature(function: Callable[..., Any], name: str, docstring: Docstring) -> Signature:
    """What ``function``, called ``name``, takes.

    Raises:
        InputError: it takes something that JSON cannot hold.
    """
    parameters = _list_parameters(function, name)
    annotations = _find_annotations(function, name)
    built = [
        Parameter(
            name=parameter.name,
            is_positional=parameter.kind is inspect.Parameter.POSITIONAL_ONLY,
            is_required=parameter.default is parameter.empty,
            adapter=_build_adapter(_find_annotation(parameter, annotations), f"{name}({parameter.name})"),
        )
        for parameter in parameters
    ]
    return Signature(parameters=tuple(built), schema=_build_schema(name, parameters, built, docstring))


def _list_parameters(function: Callable[..., Any], name: str) -> list[inspect.Parameter]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        hint = f"write a function around it: def my_{name}(city: str) -> str: …"
        raise InputError(f"{name!r} does not say which parameters it takes.", hint=hint) from None
    for parameter in parameters:
        if stars := _UNNAMED.get(parameter.kind):
            kind = "list[str]" if stars == "*" else "dict[str, str]"
            raise InputError(
                f"{name!r} takes {stars}{parameter.name}, and a tool's parameters each need a name.",
                hint=f"let it take one value instead: {parameter.name}: {kind}",
            )
    return parameters


def _find_annotations(function: Callable[..., Any], name: str) -> dict[str, Any]:
    """The annotations as types, also where they are written as text."""
    while hasattr(function, "func"):  # functools.partial
        function = function.func
    written = function if inspect.isroutine(function) else type(function).__call__
    try:
        return typing.get_type_hints(written, include_extras=True)
    except Exception as error:  # noqa: BLE001  # an annotation is an expression: it may raise anything
        raise InputError(
            f"an annotation of {name!r} cannot be read.",
            hint="are all its types imported?",
            cause=f"{type(error).__name__}: {error}",
        ) from None


def _find_annotation(parameter: inspect.Parameter, annotations: Mapping[str, Any]) -> Any:
    """The parameter's annotation; without one, the type of a plain default."""
    if parameter.name in annotations:
        return annotations[parameter.name]
    return type(parameter.default) if type(parameter.default) in _PLAIN_TYPES else Any


def _build_adapter(annotation: Any, place: str) -> Any:
    import pydantic

    try:
        adapter = pydantic.TypeAdapter(annotation)
        adapter.json_schema()
    except Exception as error:  # noqa: BLE001  # pydantic's several errors, and those of a person's own types
        said = getattr(annotation, "__name__", None) or str(annotation)
        raise InputError(
            f"{place} is a {said}, which has no JSON form.",
            hint="give it a type such as str, int, list[str], Literal, an Enum, a dataclass or a pydantic model; "
            "what the model need not give can be bound with functools.partial",
            cause=f"{type(error).__name__}: {str(error).splitlines()[0]}" if str(error) else type(error).__name__,
        ) from None
    return adapter


def _build_schema(
    name: str, parameters: Sequence[inspect.Parameter], built: Sequence[Parameter], docstring: Docstring
) -> dict[str, Any]:
    import pydantic

    adapters = [(parameter.name, "validation", parameter.adapter) for parameter in built]
    found, shared = pydantic.TypeAdapter.json_schemas(adapters, ref_template="#/$defs/{model}")  # type: ignore[arg-type]
    properties = {
        parameter.name: _describe(dict(found[parameter.name, "validation"]), parameter, made, docstring)
        for parameter, made in zip(parameters, built, strict=True)
    }
    required = [parameter.name for parameter in built if parameter.is_required]
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    definitions = {"$defs": shared["$defs"]} if "$defs" in shared else {}
    return {**schema, **definitions}


def _describe(
    schema: dict[str, Any], parameter: inspect.Parameter, made: Parameter, docstring: Docstring
) -> dict[str, Any]:
    """A parameter's schema with what docstring and default say of it."""
    described = docstring.parameters.get(parameter.name)
    if described and "description" not in schema:
        schema["description"] = described
    if parameter.default is not parameter.empty:
        schema |= _describe_default(parameter.default, made)
    return schema


def _describe_default(default: Any, made: Parameter) -> dict[str, Any]:
    try:
        value = made.adapter.dump_python(default, mode="json", warnings="error")
        json.dumps(value, allow_nan=False)
    except Exception:  # noqa: BLE001  # a default need not be of its type, and then isn't told
        return {}
    return {"default": value}
