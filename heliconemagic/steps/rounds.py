"""The requests and tool calls that lead to one answer: a cell with tools asks, calls, and asks again. Pure.

Each request of a cell with tools is a step at the cell's path, each call a step below it. The last request's step
is the answer; those before it ended in tool calls, and nothing continues them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import dropwhile, islice
from typing import Any

from heliconemagic.paths import SessionPath
from heliconemagic.records import Message, OriginKind, Step, StepKind, StepStatus, ToolCall
from heliconemagic.usage import Usage

TOOLS_FOLDER = "tools"
UNKNOWN_TOOL = "unknown"
"""Where a call stands whose name was not offered: models invent names, and not every one can be a path."""
HERE = "notebook"
"""In place of a gateway: a tool runs in the notebook's own process."""
SKIPPED = "skipped"
"""The finish reason of a call that the person declined."""


def build_tool_path(path: str, name: str) -> SessionPath:
    """Where a call of the tool ``name`` stands.

    >>> build_tool_path("/plan", "weather")
    '/plan/tools/weather'

    Raises:
        InputError: it would be longer than a path may be.
    """
    return SessionPath.parse(f"{path}/{TOOLS_FOLDER}/{re.sub('[^A-Za-z0-9_-]', '-', name) or UNKNOWN_TOOL}")


def number_calls(step: Step) -> tuple[ToolCall, ...]:
    """The calls that ``step`` asks for, each with an id of its own: some servers send none, or the same one twice."""
    seen: set[str] = set()
    calls = []
    for number, call in enumerate(step.tool_calls):
        is_own = bool(call.id) and call.id not in seen
        seen.add(call.id)
        calls.append(call if is_own else replace(call, id=f"call_{step.id[:8]}_{number}"))
    return tuple(calls)


def build_call_message(calls: Iterable[ToolCall], text: str = "") -> Message:
    """The assistant's message that asks for ``calls``."""
    asked = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in calls
    ]
    return {"role": "assistant", "content": text or None, "tool_calls": asked}


def build_result_message(step: Step) -> Message:
    """The message that gives a tool step's result to the model."""
    return {"role": "tool", "tool_call_id": read_call(step).id, "content": step.text}


def read_call(step: Step) -> ToolCall:
    """The call that a tool step is of, as its message has it; a journal may hold anything."""
    asked = step.messages[-1].get("tool_calls") if step.messages else None
    call = asked[0] if isinstance(asked, list) and asked and isinstance(asked[0], Mapping) else {}
    function = call.get("function")
    function = function if isinstance(function, Mapping) else {}
    name = str(function.get("name") or step.path.rpartition("/")[2])
    return ToolCall(id=str(call.get("id") or ""), name=name, arguments=str(function.get("arguments") or ""))


def find_trail(steps: Sequence[Step], last: Step) -> tuple[Step, ...]:
    """The earlier requests of the cell's turn that ``last`` ends, and all its tool calls, in the order they ran.

    Where they ran in another session or run, as those of a kept answer, the calls are read from the messages: its own
    figures are the sums already.
    """
    if not (last.follows_tools or last.tool_calls):
        return ()
    rounds = [last]
    is_taken_over = last.origin is not None and last.origin.kind is OriginKind.KEPT and not last.attempts
    for step in _iterate_back(steps, last):
        if not rounds[-1].follows_tools:
            break
        if _leads_to(step, last) and (step.run == last.run or not is_taken_over):
            rounds.append(step)
    ids = {step.id for step in rounds}
    found = tuple(
        step
        for step in steps
        if (step.id in ids and step.id != last.id) or (step.kind is StepKind.TOOL and step.parent_id in ids)
    )
    return found or tuple(_read_calls(last))


def _iterate_back(steps: Sequence[Step], last: Step) -> Iterator[Step]:
    """The steps before ``last``, newest first."""
    return islice(dropwhile(lambda step: step.id != last.id, reversed(steps)), 1, None)


def _leads_to(step: Step, last: Step) -> bool:
    is_same_cell = (step.cell, step.path, step.kind) == (last.cell, last.path, last.kind)
    count = len(step.messages)
    return is_same_cell and count < len(last.messages) and step.messages == last.messages[:count]


def _read_calls(last: Step) -> Iterator[Step]:
    """The calls in the messages of ``last``; when they ran is not known."""
    calls = [call for message in last.turn for call in message.get("tool_calls") or () if isinstance(call, Mapping)]
    asked = {str(call.get("id")): call for call in calls}
    for number, message in enumerate(last.turn):
        call = asked.get(str(message.get("tool_call_id")))
        if call is not None:
            yield Step(
                id=f"{last.id}/{number}",
                session_id=last.session_id,
                path=last.path,
                kind=StepKind.TOOL,
                status=StepStatus.DONE,
                gateway=HERE,
                model="tool",
                messages=({"role": "assistant", "content": None, "tool_calls": [call]},),
                started_at=last.started_at,
                text=str(message.get("content") or ""),
            )


def sum_rounds(trail: Sequence[Step], last: Step) -> Step:
    """``last`` with the times, tokens, costs, attempts and calls of all requests of its turn."""
    rounds = [*(step for step in trail if step.kind is StepKind.LLM), last]
    if len(rounds) == 1:
        return replace(last, tool_calls=number_calls(last)) if last.tool_calls else last
    return replace(
        last,
        started_at=rounds[0].started_at,
        usage=_sum_usage(rounds),
        cost=_sum_cost(rounds),
        attempts=tuple(attempt for step in rounds for attempt in step.attempts),
        tool_calls=tuple(call for step in rounds for call in number_calls(step)),
    )


def _sum_usage(rounds: Sequence[Step]) -> Usage | None:
    counted = [step.usage for step in rounds if step.usage is not None]
    if not counted:
        return None
    names = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
    return Usage(**{name: sum(getattr(usage, name) for usage in counted) for name in names})


def _sum_cost(rounds: Sequence[Step]) -> float | None:
    """None as soon as one answer has no price: a part of the cost would read like all of it."""
    if any(step.cost is None and step.status is StepStatus.DONE for step in rounds):
        return None
    costs = [step.cost for step in rounds if step.cost is not None]
    return sum(costs) if costs else None


def describe_arguments(arguments: str) -> str:
    """JSON arguments as they would be written in Python: ``city="Paris", days=3``; anything else as it stands."""
    try:
        given: Any = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments
    if not isinstance(given, dict):
        return arguments
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in given.items())
