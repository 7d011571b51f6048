"""Functions as tools: what the model is told of them, how arguments are read, what results become."""

from __future__ import annotations

import enum
import functools
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from heliconemagic.errors import InputError
from heliconemagic.redaction import REDACTED, Redactor, Secret
from heliconemagic.tools.docstrings import parse_docstring
from heliconemagic.tools.results import MAX_ERROR, MAX_RESULT, ResultError, build_result_text, shorten_error
from heliconemagic.tools.signatures import ArgumentsError
from heliconemagic.tools.toolbox import build_tool, find_tools


class Unit(enum.Enum):
    """A unit."""

    CELSIUS = "C"
    FAHRENHEIT = "F"


@dataclass
class Place:
    """A place."""

    name: str
    height: float = 0.0


def weather(city: str, day: date, unit: Unit = Unit.CELSIUS, days: int = 1) -> str:
    """The forecast.

    Args:
        city: Its name
            in English.
        day (date): When.
    """
    return f"{city} {day.isoformat()} {unit.name} {days}"


def build_schema(function: Callable[..., Any]) -> dict[str, Any]:
    """The parameters as the model gets them."""
    definition = build_tool("tool", function).build_definition()
    json.dumps(definition)
    return dict(definition["function"]["parameters"])


def test_definition_is_made_of_signature_and_docstring() -> None:
    """Name, description, types, defaults, and which parameters are required."""
    definition = build_tool("weather", weather).build_definition()["function"]
    properties = definition["parameters"]["properties"]
    assert (definition["name"], definition["description"]) == ("weather", "The forecast.")
    assert properties["city"] == {"type": "string", "description": "Its name in English."}
    assert properties["day"] == {"type": "string", "format": "date", "description": "When."}
    assert (properties["unit"]["default"], properties["days"]["default"]) == ("C", 1)
    assert definition["parameters"]["required"] == ["city", "day"]
    assert definition["parameters"]["additionalProperties"] is False


def test_types_have_the_schemas_of_pydantic() -> None:
    """Literals, optional values, lists of dataclasses, constraints; without an annotation the default's type."""

    def plan(
        kind: Literal["a", "b"], at: Place | None, stops: list[Place], top: Annotated[int, Field(ge=1)], fast=True
    ):  # type: ignore[no-untyped-def]
        return None

    schema = build_schema(plan)
    properties = schema["properties"]
    assert properties["kind"]["enum"] == ["a", "b"]
    assert {"type": "null"} in properties["at"]["anyOf"]
    assert properties["stops"]["items"] == {"$ref": "#/$defs/Place"} and "Place" in schema["$defs"]
    assert properties["top"]["minimum"] == 1
    assert properties["fast"] == {"type": "boolean", "default": True}


@pytest.mark.parametrize(
    "text",
    [
        "The forecast.\n\nArgs:\n    city: Where it is.\n    days (int, optional): How many.\n\nReturns:\n    x: no",
        "The forecast.\n\nParameters\n----------\ncity : str\n    Where it is.\ndays : int\n    How many.\n\n"
        "Returns\n-------\nstr\n    no",
        "The forecast.\n\n:param str city: Where\n    it is.\n:param days: How many.\n:returns: no",
        "\n    The forecast.\n\n    Parameters:\n        city: Where it is.\n        days: How many.\n    Note:\n    x",
    ],
    ids=["google", "numpy", "rest", "indented"],
)
def test_docstring_styles(text: str) -> None:
    """Three styles give the same, and what stands in other sections is nobody's description."""
    found = parse_docstring(text)
    assert found.summary == "The forecast."
    assert found.parameters == {"city": "Where it is.", "days": "How many."}


@pytest.mark.parametrize("text", [None, "", "Only prose: with a colon.\nAnd more.", "Args", ":", "Args:", "x\n---\ny"])
def test_plain_docstrings_have_no_parameters(text: str | None) -> None:
    """Whatever is no section is prose."""
    assert parse_docstring(text).parameters == {}


def test_arguments_are_converted() -> None:
    """The function gets what its annotations say, not what JSON has."""
    tool = build_tool("weather", weather)
    assert (
        tool.call('{"city": "Oslo", "day": "2026-03-01", "unit": "F", "days": "3"}') == "Oslo 2026-03-01 FAHRENHEIT 3"
    )
    assert build_tool("at", lambda place: place).call('{"place": [1]}') == [1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('{"city": "Oslo"}', "day: is required"),
        ('{"city": 3, "day": "soon"}', "city: Input should be a valid string; day: "),
        ('{"city": "Oslo", "day": "2026-03-01", "wind": 1}', "wind: there is no such parameter"),
        ('{"city": "Os', "not valid JSON"),
        ("[1]", "not a JSON object"),
        ("", "city: is required"),
    ],
)
def test_arguments_that_do_not_fit(arguments: str, said: str) -> None:
    """The model is told what is wrong, and the function isn't called."""
    called: list[int] = []

    def noted(city: str, day: date) -> None:
        called.append(1)

    with pytest.raises(ArgumentsError) as caught:
        build_tool("weather", noted).call(arguments)
    assert said in str(caught.value)
    assert called == []


def test_methods_partials_and_positional_parameters() -> None:
    """Whatever can be called by a name and has a signature is a tool."""

    class Client:
        def find(self, word: str, /, *, limit: int = 2) -> list[str]:
            """Finds."""
            return [word] * limit

    names = {"client": Client(), "short": functools.partial(Client().find, limit=1)}
    toolbox = find_tools(["client.find", "short"], names)
    assert toolbox is not None
    assert toolbox.find("find").call('{"word": "a"}') == ["a", "a"]
    assert toolbox.find("short").call('{"word": "a"}') == ["a"]
    assert toolbox.find("short").description == "Finds."


class Odd:
    """Nothing that JSON has."""


def _takes_many(*cities: str) -> None: ...
def _takes_any(**options: str) -> None: ...
def _takes_odd(thing: Odd) -> None: ...
def _takes_unknown(thing: "Missing") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037
def _yields() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("function", "message", "hint"),
    [
        (_takes_many, "takes *cities", "cities: list[str]"),
        (_takes_any, "takes **options", "dict[str, str]"),
        (_takes_odd, "is a Odd, which has no JSON form", "functools.partial"),
        (_takes_unknown, "an annotation of 'tool' cannot be read", "imported"),
        (_yields, "'tool' yields", "return a list"),
        ("text", "'tool' is a str", "def tool"),
        (Odd, "'tool' is a class", "def tool"),
        (inspect, "'tool' is a module", "def tool"),
        (max, "does not say which parameters", "def my_tool"),
    ],
)
def test_what_cannot_be_a_tool(function: Any, message: str, hint: str) -> None:
    """It is said before anything is sent, and what to do instead."""
    with pytest.raises(InputError) as caught:
        build_tool("tool", function)
    assert message in str(caught.value)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("expressions", "message", "hint"),
    [
        (["wether"], "the notebook has no 'wether'", "did you mean 'weather'?"),
        (["nothing"], "the notebook has no 'nothing'", "define it"),
        (["weather", "api.weather"], "two tools are called 'weather'", "another name"),
        (["api.nope"], "'api' has no 'nope'", "check"),
        (["été"], "cannot be a tool's name", "another name"),
    ],
)
def test_names_that_find_no_tool(expressions: list[str], message: str, hint: str) -> None:
    """Each name has to be there, to be a name for the model, and to be the only one."""

    class Api:
        weather = staticmethod(weather)

    with pytest.raises(InputError) as caught:
        find_tools(expressions, {"weather": weather, "api": Api(), "été": weather})
    assert message in str(caught.value)
    assert hint in (caught.value.hint or "")


def test_functions_at_hand_are_tools_by_their_own_names() -> None:
    """From Python: a function, a list, names among them; refused where one has no name, or two share one."""
    for given in (weather, [weather], "weather", ["weather"]):
        toolbox = find_tools(given, {"weather": weather})
        assert toolbox is not None and [tool.name for tool in toolbox.tools] == ["weather"]
    assert find_tools((), {}) is None
    for given, message in (([weather] * 2, "two tools"), (lambda: 1, "has no name"), (3, "takes functions")):
        with pytest.raises(InputError, match=message):
            find_tools(given, {})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (None, "null"),
        ({"a": [1, 2.5, None]}, '{"a": [1, 2.5, null]}'),
        (Place("Oslo"), '{"name": "Oslo", "height": 0.0}'),
        ([Unit.CELSIUS, date(2026, 3, 1)], '["C", "2026-03-01"]'),
        ({1: {"é"}}, '{"1": ["é"]}'),
        (Odd, "<class "),
    ],
)
def test_results_are_text_or_json(value: Any, text: str) -> None:
    """Values as a person would write them in JSON."""
    assert build_result_text(value).text.startswith(text)


def test_long_results_are_cut_and_say_so() -> None:
    """The model is told that it has a part."""
    result = build_result_text("x" * (MAX_RESULT + 5))
    assert result.text.startswith("x" * MAX_RESULT + "\n(the first 20,000 of 20,005")
    assert result.note == "the first 20,000 of 20,005 characters"


def test_key_is_taken_out_before_a_result_is_cut() -> None:
    """Of one that lies on the cut nothing would be found any more."""
    value = "x" * (MAX_RESULT - 10) + "secret-that-nobody-may-see"
    text = build_result_text(value, Redactor([Secret("secret-that-nobody-may-see")]).redact).text
    assert "secret" not in text and text.endswith("x" + REDACTED)


def test_errors_are_cut() -> None:
    """Some quote all of the data that they are about, which each further round would send again."""
    assert shorten_error("no such city") == "no such city"
    assert shorten_error("x" * 1_000_000) == "x" * MAX_ERROR + " … (the first 2,000 of 1,000,000 characters)"


@pytest.mark.parametrize("value", [b"bytes", (number for number in [1])])
def test_results_without_text(value: Any) -> None:
    """Bytes and what may never end are the function's mistake."""
    with pytest.raises(ResultError, match="it returned"):
        build_result_text(value)


def test_result_that_contains_itself() -> None:
    """No endless loop: it is an error for the model."""
    ring: list[Any] = []
    ring.append(ring)
    with pytest.raises(ResultError, match="no JSON form"):
        build_result_text(ring)
