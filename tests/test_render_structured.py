"""An answer that is an object, on its way and at its end: tables, lists and text, all of it harmless."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from render_samples import ATTACKS, PageReader, build_card, build_step, list_dangers

from heliconemagic.errors import InvalidAnswerError
from heliconemagic.records import Step, StepStatus
from heliconemagic.render.card import build_bundle
from heliconemagic.render.structured import LIVE, NOTHING, build_object_html, find_object

ASKED: Mapping[str, Any] = {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}}
COURSE = {
    "title": "Light",
    "paid": None,
    "open": True,
    "lessons": [{"title": "One", "minutes": 45, "topics": ["a", "b"]}, {"title": "Two", "minutes": 30, "topics": []}],
}


def build_answer(value: Any, **changes: Any) -> Step:
    """A step whose answer is ``value`` in JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    return build_step(text=text, parameters=ASKED, reasoning="", refusal="", tool_calls=(), **changes)


def read_forms(value: Any, **changes: Any) -> dict[str, Any]:
    """The forms of the card of such a step."""
    return build_bundle(build_card(step=build_answer(value), **changes))


def test_an_object_is_a_table() -> None:
    """Its fields are rows, a list of objects is a table in one of them; the JSON stays at hand."""
    html = read_forms(COURSE)["text/html"]
    assert "<tr><th>title</th><td>Light</td></tr>" in html
    assert '<th>title</th><th align="right">minutes</th><th>topics</th>' in html
    assert '<td align="right">45</td><td><ul><li>a</li><li>b</li></ul></td>' in html
    assert "<summary>JSON</summary>" in html


def test_the_request_names_its_schema() -> None:
    """In the line that unfolds it; the whole stands below."""
    assert "request: 2 messages, schema x</summary>" in read_forms(COURSE, request=None)["text/html"]


def test_an_object_reads_well_without_html() -> None:
    """As nested lists in Markdown, as aligned lines in a terminal."""
    forms = read_forms(COURSE)
    assert "- **lessons:**\n  -\n    - **title:** One\n    - **minutes:** 45" in forms["text/markdown"]
    assert "lessons\n  - title    One\n    minutes  45\n    topics\n      - a\n      - b" in forms["text/plain"]


def test_a_field_that_does_not_fit_is_marked_where_it_stands() -> None:
    """In every form; a missing one gets a row."""
    error = InvalidAnswerError("no")
    error.problems = {("lessons", 1, "minutes"): "should be less", ("level",): "is missing"}
    forms = read_forms(COURSE, error=error)
    assert '<td align="right">30 <em class="hm-bad">⚠ should be less</em></td>' in forms["text/html"]
    assert "<th>level</th>" in forms["text/html"] and "⚠ is missing" in forms["text/html"]
    assert "30 *⚠ should be less*" in forms["text/markdown"] and "30  ⚠ should be less" in forms["text/plain"]


def test_an_object_grows() -> None:
    """At every cut of the JSON there is a table; a row that has begun is a row."""
    text = json.dumps(COURSE)
    grown = [build_object_html(find_object(build_answer(text[:end])), {}, LIVE) for end in range(1, len(text) + 1)]
    assert all("<table" in html for html in grown[12:])
    assert "<td>Tw</td>" in "".join(grown)
    assert grown[-1] == build_object_html(COURSE, {}, LIVE)


def test_a_growing_object_stays_small() -> None:
    """The page gets the last items, and the end of a long text."""
    value = {"rows": [{"n": number, "text": "x" * 1_000} for number in range(1_000)], "more": ["y"] * 1_000}
    html = build_object_html(value, {}, LIVE)
    assert len(html) < 12_000
    assert "… 994 items before" in html and ">999</td>" in html


@pytest.mark.parametrize("text", ["no JSON", '{"a": }', "[" * 500, '"text"', '{"a": "' + "x" * 300_000])
def test_what_is_no_object_is_shown_as_it_was_written(text: str) -> None:
    """Whatever came instead."""
    assert find_object(build_answer(text)) is NOTHING
    assert "".join(text[:8].split()) in PageReader(read_forms(text)["text/html"]).text


@pytest.mark.parametrize("attack", ATTACKS)
def test_keys_and_values_cannot_act(attack: str) -> None:
    """In HTML, live and final, in Markdown once rendered, and in a terminal."""
    value = {attack: attack, "list": [attack, {attack: attack}], "rows": [{attack: attack}, {"b": [[attack]]}]}
    error = InvalidAnswerError(attack)
    error.problems = {(attack,): attack}
    forms = read_forms(value, error=error)
    assert list_dangers(forms["text/html"]) == []
    assert list_dangers(build_object_html(value, error.problems, LIVE)) == []


def test_terminal_sequences_are_left_out() -> None:
    """JSON can spell what a terminal obeys."""
    text = read_forms({"\x1b[2J": "\x1b]0;title\x07 \u202eback"})["text/plain"]
    assert not set(text) & set("\x1b\x07\u202e")


@pytest.mark.parametrize("value", [{}, [], {"a": {}}, [[], [1]], {"a": 10**30}, [1.5, None, False], {"": ""}])
def test_odd_objects_have_all_forms(value: Any) -> None:
    """Nothing is too small to be shown."""
    assert set(map(type, list(read_forms(value).values())[:3])) == {str}


def test_a_running_step_shows_no_folded_json() -> None:
    """It would be sent again and again."""
    step = build_answer(COURSE, status=StepStatus.PENDING)
    assert "<summary>JSON" not in build_bundle(build_card(step=step))["text/html"]
