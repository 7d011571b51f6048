"""The tools that a cell offers: functions of the notebook, found by name and described for the model."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.tools.docstrings import parse_docstring
from heliconemagic.tools.signatures import ArgumentsError, Signature, read_signature

MAX_NAME = 64
"""Characters of a tool's name, and ASCII ones only: https://platform.openai.com/docs/api-reference/chat/create."""
MAX_DESCRIPTION = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One function that the model may ask for."""

    name: str
    description: str
    signature: Signature
    function: Callable[..., Any]

    def build_definition(self) -> dict[str, Any]:
        """The tool as the chat completions API wants it."""
        described = {"description": self.description} if self.description else {}
        return {"type": "function", "function": {"name": self.name, **described, "parameters": self.signature.schema}}

    def call(self, arguments: str) -> Any:
        """What the function gives for the JSON ``arguments`` of a model; something to await if it is async.

        Raises:
            ArgumentsError: they don't fit, and the function was not called.
            Exception: whatever the function raises.
        """
        positional, named = self.signature.read_arguments(arguments)
        return self.function(*positional, **named)


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of one cell, in the order in which they were named."""

    tools: tuple[Tool, ...]

    def find(self, name: str) -> Tool:
        """The tool called ``name``.

        Raises:
            ArgumentsError: none was offered under this name; the message is for the model.
        """
        found = next((tool for tool in self.tools if tool.name == name), None)
        if found is None:
            offered = ", ".join(tool.name for tool in self.tools)
            raise ArgumentsError(f"there is no such tool; there is {offered}")
        return found

    def has(self, name: str) -> bool:
        """Whether a tool of this name was offered."""
        return any(tool.name == name for tool in self.tools)

    def build_definitions(self) -> list[dict[str, Any]]:
        """The request's ``tools``."""
        return [tool.build_definition() for tool in self.tools]


def find_tools(given: Any, names: Mapping[str, Any]) -> Toolbox | None:
    """The functions that are ``given``: by what names them among ``names`` (``weather``, ``client.search``), or as
    they are, from Python. None for nothing.

    Raises:
        InputError: no such name, not a function, one that cannot be a tool, or two of one name.
    """
    tools = [_find_tool(each, names) for each in _list_given(given)]
    called = [tool.name for tool in tools]
    if twice := next((name for name in called if called.count(name) > 1), None):
        raise InputError(f"two tools are called {twice!r}.", hint="give one of them another name")
    return Toolbox(tuple(tools)) if tools else None


def _list_given(given: Any) -> list[Any]:
    """A line has names already; Python may have a text, a function, or a list of either."""
    if isinstance(given, str) or callable(given):
        given = [given]
    if not isinstance(given, list | tuple):
        raise InputError(f"tools takes functions, not {given!r}.", hint="type tools=[weather]")
    return [name for each in given for name in (each.split(",") if isinstance(each, str) else [each])]


def _find_tool(given: Any, names: Mapping[str, Any]) -> Tool:
    if isinstance(given, str):
        expression = given.strip()
        return build_tool(expression.rpartition(".")[2], _find_value(expression, names))
    name = getattr(given, "__name__", "")
    if not name.isidentifier():
        raise InputError(f"{given!r} has no name of its own.", hint="write it as a function: def name(…): …")
    return build_tool(name, given)


def _find_value(expression: str, names: Mapping[str, Any]) -> Any:
    name, *attributes = expression.split(".")
    try:
        value = names[name]
    except KeyError:
        raise _build_unknown(expression, name, names) from None
    for attribute in attributes:
        try:
            value = getattr(value, attribute)
        except AttributeError:
            raise InputError(
                f"{expression!r} is not there: {name!r} has no {attribute!r}.", hint="check --tools"
            ) from None
    return value


def _build_unknown(expression: str, name: str, names: Mapping[str, Any]) -> InputError:
    close = difflib.get_close_matches(name, [str(known) for known in names], n=1, cutoff=0.6)
    meant = f"did you mean {close[0]!r}?" if close else "define it in a cell above, and run that cell"
    return InputError(f"--tools names {expression!r}, and the notebook has no {name!r}.", hint=meant)


def build_tool(name: str, function: Any) -> Tool:
    """The function as a tool called ``name``.

    Raises:
        InputError: it cannot be one.
    """
    _check_name(name)
    _check_function(name, function)
    docstring = parse_docstring(_find_docstring(function))
    return Tool(
        name=name,
        description=docstring.summary[:MAX_DESCRIPTION],
        signature=read_signature(function, name, docstring),
        function=function,
    )


def _check_name(name: str) -> None:
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{MAX_NAME}}}", name):
        raise InputError(
            f"{name!r} cannot be a tool's name: it takes up to {MAX_NAME} of the letters a to z, digits and _.",
            hint="give the function another name: weather = …",
        )


def _check_function(name: str, function: Any) -> None:
    if isinstance(function, type) or not callable(function):
        kind = "a class" if isinstance(function, type) else f"a {type(function).__name__}"
        raise InputError(f"--tools takes functions, and {name!r} is {kind}.", hint=f"def {name}(…): …")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise InputError(f"{name!r} yields, and a tool returns.", hint="return a list of what it yields")


def _find_docstring(function: Any) -> str | None:
    while hasattr(function, "func"):  # functools.partial, whose own docstring is its class's
        function = function.func
    return inspect.getdoc(function) if inspect.isroutine(function) else inspect.getdoc(type(function).__call__)
