"""The demo plays along with tools: it calls what fits, then tells what came back, and says that it is a demo."""

from __future__ import annotations

import json
from typing import Any

import pytest

from heliconemagic.demo.task import NOTICE
from heliconemagic.demo.text import build_demo_answer
from heliconemagic.tools.toolbox import build_tool


def weather(city: str, days: int) -> str:
    """The forecast."""
    return f"{city} {days}"


def search_guide(query: str) -> str:
    """Looks words up."""
    return query


TOOLS = [build_tool(function.__name__, function).build_definition() for function in (weather, search_guide)]


def list_calls(prompt: str, **given: Any) -> list[tuple[str, dict[str, Any]]]:
    """What the demo calls for a prompt."""
    body = {"model": "demo", "messages": [{"role": "user", "content": prompt}], "tools": TOOLS, **given}
    calls = build_demo_answer(body).calls
    assert build_demo_answer(body).calls == calls  # the same request gives the same answer
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]


@pytest.mark.parametrize(
    ("prompt", "calls"),
    [
        ("How is the weather in Oslo for 3 days?", [("weather", {"city": "Oslo", "days": 3})]),
        ("Weather in Oslo, and in New York?", [("weather", {"city": c, "days": 1}) for c in ("Oslo", "New York")]),
        ('Please search for "coral reefs".', [("search_guide", {"query": "coral reefs"})]),
    ],
)
def test_calls_fit_the_prompt(prompt: str, calls: list[Any]) -> None:
    """The tool that the prompt names, with names, quotes and numbers from it; several names, several calls."""
    assert list_calls(prompt) == calls


def test_choices_are_honoured() -> None:
    """None, a forced one, and one at a time."""
    prompt = "Weather in Oslo, and in New York?"
    forced = {"type": "function", "function": {"name": "search_guide"}}
    assert list_calls(prompt, tool_choice="none") == []
    assert {name for name, _ in list_calls(prompt, tool_choice=forced)} == {"search_guide"}
    assert len(list_calls(prompt, parallel_tool_calls=False)) == 1


@pytest.mark.parametrize("tools", [None, [], "odd", [3, {}, {"function": {}}, {"function": {"parameters": 3}}]])
def test_without_usable_tools_it_answers(tools: Any) -> None:
    """Whatever a request has there."""
    assert build_demo_answer({"messages": [{"role": "user", "content": "Hi"}], "tools": tools}).calls == ()


def test_results_are_told() -> None:
    """The answer repeats what the functions gave, under the demo's own label."""
    calls = build_demo_answer({"messages": [{"role": "user", "content": "Weather in Oslo?"}], "tools": TOOLS}).calls
    messages = [
        {"role": "user", "content": "Weather in Oslo?"},
        {"role": "assistant", "content": None, "tool_calls": list(calls)},
        {"role": "tool", "tool_call_id": calls[0]["id"], "content": "mild"},
    ]
    answer = build_demo_answer({"messages": messages, "tools": TOOLS})
    assert (answer.calls, NOTICE in answer.text) == ((), True)
    assert '`weather({"city": "Oslo", "days": 1})` gave: mild' in answer.text
