"""The demo's tool calls: which of the offered functions a prompt means, with arguments filled by rules. Pure.

The first answer calls, the one after the results tells what came back, so that a demonstration shows the whole loop.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from heliconemagic.demo.schema_filler import SchemaFiller
from heliconemagic.demo.topic import find_topic

MOST_CALLS = 3
MAX_TOLD = 400
"""Characters of a result that the answer repeats."""
_PROPER_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-Z][\w'-]+(?:\s[A-Z][\w'-]+)*")
_QUOTED = re.compile(r"[\"“']([^\"”']{1,60})[\"”']")

Call = dict[str, Any]
"""A tool call as the chat completions API spells it."""


def build_calls(body: Mapping[str, Any], prompt: str) -> list[Call]:
    """The calls that the demo makes for a request; none without tools, or once they have answered."""
    tools = _list_tools(body)
    messages = body.get("messages") or ()
    choice = body.get("tool_choice")
    if not tools or choice == "none" or _find_results(messages):
        return []
    chosen = _choose(tools, choice, prompt)
    wanted = [(tool, words) for tool in chosen for words in _list_words(tool, prompt, is_only=len(chosen) == 1)]
    most = 1 if body.get("parallel_tool_calls") is False else MOST_CALLS
    return [
        _build_call(tool, words, prompt, len(messages) + number) for number, (tool, words) in enumerate(wanted[:most])
    ]


def build_told(messages: Any) -> str:
    """What the tools that were called last answered, as a Markdown list; empty if none were."""
    results = _find_results(messages)
    if not results:
        return ""
    asked = {
        call.get("id"): call.get("function") or {}
        for message in messages
        if isinstance(message, Mapping)
        for call in message.get("tool_calls") or ()
        if isinstance(call, Mapping)
    }
    lines = [_tell(asked.get(result.get("tool_call_id")) or {}, str(result.get("content"))) for result in results]
    return "\n".join(lines)


def _tell(function: Mapping[str, Any], content: str) -> str:
    told = " ".join(content.split())
    told = told if len(told) <= MAX_TOLD else f"{told[:MAX_TOLD]}…"
    return f"- `{function.get('name', 'a tool')}({function.get('arguments', '')})` gave: {told}".replace("\n", " ")


def _find_results(messages: Any) -> list[Mapping[str, Any]]:
    """The results of tools at the end of a conversation."""
    results: list[Mapping[str, Any]] = []
    for message in reversed(messages if isinstance(messages, list) else []):
        if not isinstance(message, Mapping) or message.get("role") != "tool":
            break
        results.insert(0, message)
    return results


def _list_tools(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    tools = body.get("tools")
    functions = [tool.get("function") for tool in tools if isinstance(tool, Mapping)] if isinstance(tools, list) else []
    return [function for function in functions if isinstance(function, Mapping) and function.get("name")]


def _choose(tools: Sequence[Mapping[str, Any]], choice: Any, prompt: str) -> list[Mapping[str, Any]]:
    """The tool that is forced, those whose names the prompt has, or the one whose words fit it best."""
    if isinstance(choice, Mapping):
        name = (choice.get("function") or {}).get("name")
        return [tool for tool in tools if tool["name"] == name] or list(tools[:1])
    words = set(re.findall(r"[a-z]{3,}", prompt.lower()))
    named = [tool for tool in tools if set(_split_name(tool)) & words]
    described = [tool for tool in tools if set(re.findall(r"[a-z]{5,}", str(tool.get("description")).lower())) & words]
    return (named or described[:1] or list(tools[:1]))[:MOST_CALLS]


def _split_name(tool: Mapping[str, Any]) -> list[str]:
    return [part for part in str(tool["name"]).lower().split("_") if len(part) > 2]


def _list_words(tool: Mapping[str, Any], prompt: str, *, is_only: bool) -> list[str]:
    """What a text among the arguments is filled with: names in the prompt, each in a call of its own."""
    found = _QUOTED.findall(prompt) or _PROPER_NAME.findall(prompt)
    names = list(dict.fromkeys(name for name in found if name.lower() not in _split_name(tool)))
    if not names or not _takes_text(tool):
        return [names[0] if names else find_topic(prompt, [])]
    return names if is_only else names[:1]


def _takes_text(tool: Mapping[str, Any]) -> bool:
    schema = tool.get("parameters")
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    kinds = properties.values() if isinstance(properties, Mapping) else ()
    return any(isinstance(kind, Mapping) and kind.get("type") == "string" and "enum" not in kind for kind in kinds)


def _build_call(tool: Mapping[str, Any], words: str, prompt: str, number: int) -> Call:
    arguments = json.dumps(_fill(tool.get("parameters"), words, prompt), ensure_ascii=False)
    digest = hashlib.sha256(f"{number}/{tool['name']}/{arguments}".encode()).hexdigest()[:16]
    return {
        "id": f"call_demo_{digest}",
        "type": "function",
        "function": {"name": str(tool["name"]), "arguments": arguments},
    }


def _fill(schema: Any, words: str, prompt: str) -> dict[str, Any]:
    """Arguments for the required parameters; a number that stands in the prompt is taken from there."""
    if not isinstance(schema, Mapping) or not isinstance(schema.get("properties"), Mapping):
        return {}
    required = schema.get("required")
    wanted = required if isinstance(required, list) else list(schema["properties"])
    numbers = iter(re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", prompt))
    filled: dict[str, Any] = {}
    for name in wanted:
        kind = schema["properties"].get(name)
        one = {**schema, "properties": {name: kind}, "required": [name]}
        filled[str(name)] = (
            _fill_plain(kind, words, numbers) or SchemaFiller(one, topic=words, notice="demo").build()[name]
        )
    return filled


def _fill_plain(schema: Any, words: str, numbers: Any) -> Any:
    """A text, or a number from the prompt; None where the schema asks for more than that."""
    if not isinstance(schema, Mapping) or {"enum", "const", "format", "minimum", "maximum"} & set(schema):
        return None
    if schema.get("type") == "string":
        return words
    if not schema.keys() - {"title", "description"}:  # of any type
        number = next(numbers, None)
        return words if number is None else float(number) if "." in number else int(number)
    if schema.get("type") in ("integer", "number"):
        number = next(numbers, None)
        return None if number is None else int(float(number)) if schema["type"] == "integer" else float(number)
    return None
