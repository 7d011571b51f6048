"""Schemas: what --schema takes, what is sent of it, and how an answer becomes an object."""

from __future__ import annotations

import datetime
import enum
import json
import typing
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, Field

from heliconemagic.errors import InputError
from heliconemagic.schemas.partial_json import NOTHING, read_partial
from heliconemagic.schemas.problems import MismatchError
from heliconemagic.schemas.reading import read_schema
from heliconemagic.schemas.schema import read_response_format
from heliconemagic.schemas.short_form import parse_short_form


class Level(enum.Enum):
    """An enum."""

    EASY = "easy"
    HARD = "hard"


class Lesson(BaseModel):
    """A lesson."""

    title: str = Field(min_length=2, description="short")
    minutes: int = 30
    level: Level = Level.EASY
    day: datetime.date | None = None


class Course(BaseModel):
    """Nested."""

    title: str
    lessons: list[Lesson]


class Node(BaseModel):
    """Refers to itself."""

    name: str
    children: list[Node]


@dataclass
class Plan:
    """A dataclass of the standard library."""

    goal: str
    lesson: Lesson


class Person(typing.TypedDict):
    """A TypedDict of `typing`, which pydantic before Python 3.12 refuses."""

    name: str
    age: typing.NotRequired[int]


class Team(typing.TypedDict, total=False):
    """Nested."""

    people: list[Person]


class Keyed(BaseModel):
    """Strict mode has no words for it."""

    prices: dict[str, float]


PLAIN_SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string", "minLength": 2}, "pages": {"type": "integer"}},
}
NAMES: dict[str, Any] = {
    "Lesson": Lesson,
    "Course": Course,
    "Node": Node,
    "Plan": Plan,
    "Team": Team,
    "Keyed": Keyed,
    "plain": PLAIN_SCHEMA,
    "either": Lesson | Plan,
    "fields": "title, pages int",
    "lesson": Lesson(title="One"),
    "number": 3,
    "Keys": dict[str, int],
    "nothing": {"a": str},
}


def iterate_schemas(schema: Any) -> typing.Iterator[dict[str, Any]]:
    """Every object of a JSON schema that is a schema of an object."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for inner in schema.values():
            yield from iterate_schemas(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from iterate_schemas(inner)


@pytest.mark.parametrize(
    "text", ["Course", "Node", "Plan", "Team", "plain", "either", "fields", "list[Lesson]", "a, b int?"]
)
def test_what_is_sent_is_strict(text: str) -> None:
    """Every object is closed and requires all its fields, the outermost is an object, and nothing unknown is sent."""
    wanted = read_schema(text, NAMES).build_response_format()
    assert wanted["type"] == "json_schema" and wanted["json_schema"]["strict"] is True
    schema = wanted["json_schema"]["schema"]
    assert schema["type"] == "object"
    for found in iterate_schemas(schema):
        assert found["additionalProperties"] is False and found["required"] == list(found["properties"])
        for inner in found["properties"].values():
            assert not {"minLength", "default", "title", "optional"} & set(inner)


def test_a_model_gives_its_instance() -> None:
    """What may be left out is sent as what may be null, and null then means its default."""
    answer = {"title": "Sun", "lessons": [{"title": "One", "minutes": None, "level": None, "day": "2026-01-02"}]}
    course = read_schema("Course", NAMES).parse(json.dumps(answer))
    assert course == Course(title="Sun", lessons=[Lesson(title="One", day=datetime.date(2026, 1, 2))])


def test_a_dataclass_gives_its_instance() -> None:
    """With what is nested in it."""
    plan = read_schema("Plan", NAMES).parse('{"goal": "x", "lesson": {"title": "One"}}')
    assert plan == Plan(goal="x", lesson=Lesson(title="One"))


def test_a_typed_dict_gives_a_dict() -> None:
    """A key that isn't required, and came as null, isn't in it."""
    assert read_schema("Team", NAMES).parse('{"people": [{"name": "Ada", "age": null}]}') == {
        "people": [{"name": "Ada"}]
    }


def test_a_json_schema_gives_plain_data() -> None:
    """And is checked also where strict mode has no words for it."""
    schema = read_schema("plain", NAMES)
    assert schema.parse('{"title": "Sun", "pages": null}') == {"title": "Sun"}
    with pytest.raises(MismatchError, match=r"title .*at least 2 characters"):
        schema.parse('{"title": "S", "pages": 1}')


@pytest.mark.parametrize("text", ["list[Lesson]", "[Lesson]", "Lesson[]"])
def test_a_list_of_models_is_sent_in_an_object(text: str) -> None:
    """The outermost value of strict mode must be one; the list comes back as a list."""
    lessons = read_schema(text, NAMES).parse('{"items": [{"title": "One"}, {"title": "Two"}]}')
    assert [lesson.title for lesson in lessons] == ["One", "Two"]


def test_a_list_of_texts_needs_no_class() -> None:
    """Nor a field's name."""
    assert read_schema("list[str]", NAMES).parse('{"items": ["a", "b"]}') == ["a", "b"]


def test_a_recorded_schema_gives_plain_data() -> None:
    """In a later kernel the class may be gone: the request still tells what the answer must be."""
    sent = read_schema("list[Lesson]", NAMES).build_response_format()
    schema = read_response_format(json.loads(json.dumps(sent)))
    assert schema is not None
    answer = {"items": [{"title": "One", "minutes": 5, "level": "easy", "day": None}]}
    assert schema.parse(json.dumps(answer)) == answer["items"]
    with pytest.raises(MismatchError, match=r"\[0\].level should be 'easy' or 'hard' or null, but is \"odd\""):
        schema.parse('{"items": [{"title": "One", "minutes": 5, "level": "odd", "day": null}]}')


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ('{"title": "x"}', "lessons is missing"),
        (
            '{"title": "x", "lessons": [{"title": "One", "minutes": "ten"}]}',
            'lessons[0].minutes should be a valid integer, but is "ten"',
        ),
        ('{"title": 1, "lessons": []}', "title should be a valid string, but is 1"),
        ("Sorry, no.", "the answer is not JSON: expected value at line 1 column 1"),
        ('{"title": "x"', "the answer is not JSON: EOF while parsing an object at line 1 column 13"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(answer: str, told: str) -> None:
    """By its path, with what was expected and what came."""
    with pytest.raises(MismatchError) as raised:
        read_schema("Course", NAMES).parse(answer)
    assert str(raised.value) == told


def test_an_answer_in_a_fence_is_read() -> None:
    """Models that know no schemas like to wrap JSON."""
    assert read_schema("a int", {}).parse('Here:\n```json\n{"a": 1}\n```') == {"a": 1}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Cours", "did you mean Course"),
        ("title", '--schema "title str"'),
        ("lesson", "type --schema Lesson"),
        ("number", "of type 'int'"),
        ("Keys", "'Keys' is an object whose keys have no names"),
        ("Keyed", "'Keyed.prices' is an object whose keys have no names"),
        ("nothing", "is not a JSON schema"),
        ("a: one short sentence", 'a str "one short sentence"'),
        ("a strr", "did you mean 'str'"),
        ("a: hard", "'hard' is not a type"),
        ("a: [str", "the end stands where the closing ] should"),
        ("a int b int", "'b' (character 7) stands where a comma should"),
        ("a, a int", "the field 'a' twice"),
        ("a: dict", "its fields must have names"),
        ("a: b=c", "cannot be read at '=c'"),
        (" ", "needs a value"),
    ],
)  # fmt: skip
def test_what_is_no_schema_is_refused(text: str, told: str) -> None:
    """With what to type instead, before anything is sent."""
    with pytest.raises(InputError) as raised:
        read_schema(text, NAMES)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        ("a", {"type": "string"}),
        ("a int", {"type": "integer"}),
        ("a: float", {"type": "number"}),
        ("a bool", {"type": "boolean"}),
        ("a: date", {"type": "string", "format": "date"}),
        ("a list", {"type": "array", "items": {"type": "string"}}),
        ("a: list[int]", {"type": "array", "items": {"type": "integer"}}),
        ("a int[]", {"type": "array", "items": {"type": "integer"}}),
        ("a: [int]", {"type": "array", "items": {"type": "integer"}}),
        ("a: int?", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("a?", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ("a: int|None", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("a: Optional[int]", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("a: easy|hard", {"type": "string", "enum": ["easy", "hard"]}),
        ("a: 'very easy' | hard", {"type": "string", "enum": ["very easy", "hard"]}),
        ("a: Literal['x', 'y']", {"type": "string", "enum": ["x", "y"]}),
        ("a: 1|2", {"type": "integer", "enum": [1, 2]}),
        ("a: int|str", {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        ('a int "in minutes"', {"type": "integer", "description": "in minutes"}),
    ],
)  # fmt: skip
def test_the_short_form(field: str, schema: dict[str, Any]) -> None:
    """A field of each kind, as people write them."""
    assert parse_short_form(field)["properties"] == {"a": schema}


def test_the_short_form_nests() -> None:
    """Objects in braces, over several lines if one likes."""
    schema = parse_short_form("title; lessons: [{\n name\n minutes int?\n}], author {name, mail}")
    lessons = schema["properties"]["lessons"]["items"]
    assert list(schema["properties"]) == ["title", "lessons", "author"]
    assert list(lessons["properties"]) == ["name", "minutes"]


@pytest.mark.parametrize("text", ['{"a": {"b": [1, 2, {"c": "x\\ud83d\\ude00"}]}, "d": true}'])
def test_json_that_grows_only_gains(text: str) -> None:
    """At every cut there is an object, or nothing yet; the last is the whole."""
    seen = [read_partial(text[:length]) for length in range(len(text) + 1)]
    assert seen[0] is NOTHING and all(isinstance(value, dict) for value in seen[1:])
    assert seen[-1] == json.loads(text)


@pytest.mark.parametrize("text", ["Hello", "12", '"x"', "{]", "[" * 10_000, '{"a": 1' + "0" * 5_000])
def test_what_is_no_object_is_nothing(text: str) -> None:
    """It is shown as text then, whatever it is."""
    assert read_partial(text) is NOTHING or isinstance(read_partial(text), dict)
