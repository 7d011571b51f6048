"""The demo before a class: samples that differ, objects after tools, and labels that don't repeat."""

from __future__ import annotations

import json
from typing import Any

from heliconemagic.demo.field_words import write_field
from heliconemagic.demo.text import build_demo_answer

ASKED = {"role": "user", "content": "What should I pack for Oslo?"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
RESULTS = [{"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "call_1", "content": "18"}]
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}, "items": {"type": "array"}}}


def build(prompt: str, sample: str = "") -> str:
    """The demo's text for one prompt."""
    return build_demo_answer({"model": "demo", "messages": [{"role": "user", "content": prompt}]}, sample).text


def test_samples_next_to_each_other_differ() -> None:
    """Whatever is asked, the first three answers are three."""
    for number in range(20):
        prompt = f"A title for course {number} on space."
        assert len({build(prompt), build(prompt, "2"), build(prompt, "3")}) == 3


def test_an_object_is_answered_after_tools() -> None:
    """What the schema asks for, about what the person asked and not about the results."""
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
    body = {"model": "demo", "messages": [ASKED, *RESULTS], "response_format": wanted, "tools": []}
    assert list(json.loads(build_demo_answer(body).text)) == ["city", "items"]
    assert "I called the functions" in build_demo_answer({**body, "response_format": None}).text


def test_choices_read_like_choices() -> None:
    """No label is repeated in a list of them."""
    written = [write_field("options", topic="bees", number=number) for number in range(3)]
    assert written == ["Always", "Only by day", "It depends on the place"]


def test_lists_beside_each_other_differ() -> None:
    """The topics of one lesson are not those of the next."""
    written = [[write_field("topics", topic="bees", number=n, group=group) for n in range(3)] for group in range(3)]
    assert len({topic for topics in written for topic in topics}) == 9


def test_parameter_of_any_type_is_filled_from_the_prompt() -> None:
    """A number where the prompt has one."""
    function = {
        "name": "sqrt",
        "parameters": {"type": "object", "properties": {"x": {"title": "X"}}, "required": ["x"]},
    }
    body = {"messages": [{"role": "user", "content": "The sqrt of 16?"}], "tools": [{"function": function}]}
    assert json.loads(build_demo_answer(body).calls[0]["function"]["arguments"]) == {"x": 16}


def test_a_greeting_has_no_topic() -> None:
    """And the demo says so, instead of taking it apart."""
    assert "found no topic" in build("hi")
