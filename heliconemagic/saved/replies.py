"""The reply JSON of an output (`render.card.build_json` and its kin) as steps.

It may come from anyone: each value is checked before it becomes part of a step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from heliconemagic.lessons.line_values import (
    LATEST,
    MOST_COUNT,
    MOST_USD,
    LineError,
    check_id,
    check_value,
    need_id,
    need_number,
    need_value,
    need_word,
    read_flag,
    read_id,
    read_number,
    read_value,
)
from heliconemagic.lessons.lines import MessageShelf, check_path, decode_tool_call, decode_usage
from heliconemagic.records import Message, Origin, OriginKind, Step, StepKind, StepStatus, ToolCall
from heliconemagic.steps.rounds import HERE

VERSION = 1
DEEPEST = 60
"""Lists and objects inside each other: a journal and a page have to write them again."""
MOST_VARIANTS = 1000
_LONGEST_NAME = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedReply:
    """A step as a notebook has kept it, with the session it names; its ids are the notebook's own."""

    step: Step
    calls: tuple[Step, ...] = ()  # of its tools, below it
    session_name: str = ""  # "": saved by a version that didn't say
    session_title: str = ""
    notebook: str = ""


def decode_replies(value: object) -> list[SavedReply]:
    """The replies of one output: one, several that were compared, or the sums of a batch.

    Raises:
        LineError: something about them cannot be meant.
    """
    form = check_value(value, dict, "a reply")
    version = read_number(form, "version", MOST_COUNT)
    if version is not None and version > VERSION:
        raise LineError(f"has a reply of format {version:g}, and this heliconemagic reads {VERSION}: update it")
    _check_depth(form)
    if form.get("kind") == "batch":
        # The card of a rerun has the form of a batch and no step in common: its steps are in a session of their own.
        return [_decode_batch(form)] if {"session_id", "started_at"} & form.keys() else []
    if "replies" in form:
        return list(_decode_compared(form))
    return [_decode_reply(form)]


def _check_depth(value: object) -> None:
    level: list[object] = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _list_inner(outer)]
        if not level:
            return
    raise LineError("has a reply that is nested too deeply")


def _list_inner(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _decode_compared(form: Mapping[str, Any]) -> Iterator[SavedReply]:
    current = read_number(form, "current", MOST_VARIANTS)
    for one in need_value(form, "replies", list):
        reply = _decode_reply(check_value(one, dict, "a reply"))
        yield replace(reply, step=replace(reply.step, is_picked=reply.step.variant == current))


def _decode_reply(form: Mapping[str, Any]) -> SavedReply:
    step = replace(
        _decode_common(form),
        id=need_id(form, "id"),
        parent_id=read_id(form, "parent_id"),
        comparison=read_id(form, "comparison") or "",
        variant=int(read_number(form, "variant", MOST_VARIANTS) or 0),
        kind=need_word(form, "kind", StepKind),
        messages=_decode_messages(form),
        parameters=read_value(form, "parameters", dict) or {},
        input=(read_value(form, "input", str) or "") if not form["messages"] else "",
        first_token_at=_read_later(form, "first_token_at"),
        ended_at=_read_later(form, "ended_at"),
        text=need_value(form, "text", str),
        reasoning=read_value(form, "reasoning", str) or "",
        refusal=read_value(form, "refusal", str) or "",
        tool_calls=tuple(map(decode_tool_call, read_value(form, "tool_calls", list) or ())),
        finish_reason=read_value(form, "finish_reason", str),
        answered_by=read_value(form, "answered_by", str),
        usage=decode_usage(read_value(form, "usage", dict)),
        error=read_value(form, "error", str),
        origin=_decode_origin(read_value(form, "origin", dict)),
    )
    return _build_saved(form, step, tuple(_iterate_calls(form, step)))


def _build_saved(form: Mapping[str, Any], step: Step, calls: tuple[Step, ...] = ()) -> SavedReply:
    return SavedReply(
        step=step,
        calls=calls,
        session_name=_read_name(form, "session_name"),
        session_title=_read_name(form, "session_title"),
        notebook=_read_name(form, "notebook"),
    )


def _decode_common(form: Mapping[str, Any]) -> Step:
    """What a reply and a batch have in common."""
    status = need_word(form, "status", StepStatus)
    started_at = need_number(form, "started_at", LATEST)
    return Step(
        id="",
        session_id=need_id(form, "session_id"),
        path=check_path(need_value(form, "path", str)),
        status=StepStatus.INTERRUPTED if status is StepStatus.PENDING else status,  # saved in the middle of it
        gateway=_read_name(form, "gateway"),
        model=_read_name(form, "model"),
        messages=(),
        user=_read_name(form, "user"),
        properties=_decode_properties(read_value(form, "properties", dict) or {}),
        run=int(started_at * 1000),
        is_aside=read_flag(form, "is_aside"),
        started_at=started_at,
        cost=read_number(form, "cost", MOST_USD),
    )


def _decode_batch(form: Mapping[str, Any]) -> SavedReply:
    """A batch as one step, with the sums of its rows: their answers are not in the notebook."""
    common = _decode_common(form)
    rows, failed = (int(read_number(form, name, MOST_COUNT) or 0) for name in ("rows", "failed"))
    ids = need_value(form, "step_ids", list)
    step = replace(
        common,
        id=check_id(ids[0], "step_ids") if ids else f"batch {common.session_id} {common.run}",
        ended_at=common.started_at + (read_number(form, "seconds", LATEST) or 0.0),
        usage=decode_usage(form),
        error=f"{failed:,} of {rows:,} rows failed" if failed else None,
        is_aside=True,
    )
    return _build_saved(form, step)


def _iterate_calls(form: Mapping[str, Any], parent: Step) -> Iterator[Step]:
    """The calls of tools that led to a reply."""
    asked = {call.id: call for call in parent.tool_calls}
    for value in read_value(form, "tool_results", list) or ():
        result = check_value(value, dict, "a tool's result")
        call = asked.get(need_value(result, "id", str))
        status = need_word(result, "status", StepStatus)
        yield Step(
            id=f"{parent.id} {need_value(result, 'id', str)}",
            session_id=parent.session_id,
            path=check_path(need_value(result, "path", str)),
            kind=StepKind.TOOL,
            status=StepStatus.INTERRUPTED if status is StepStatus.PENDING else status,
            gateway=HERE,
            model="tool",
            messages=(_build_call_message(call),) if call else (),
            user=parent.user,
            properties=parent.properties,
            run=parent.run,
            parent_id=parent.id,
            started_at=need_number(result, "started_at", LATEST),
            ended_at=_read_later(result, "ended_at"),
            text=need_value(result, "text", str),
            error=read_value(result, "error", str),
        )


def _build_call_message(call: ToolCall) -> Message:
    function = {"name": call.name, "arguments": call.arguments}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": call.id, "type": "function", "function": function}],
    }


# ---- values


def _read_name(form: Mapping[str, Any], name: str) -> str:
    """A short text on one line, or nothing."""
    found = " ".join((read_value(form, name, str) or "").split())
    return "".join(char for char in found if char.isprintable())[:_LONGEST_NAME]


def _read_later(form: Mapping[str, Any], name: str) -> float | None:
    """A moment that isn't before the start."""
    moment = read_number(form, name, LATEST)
    return None if moment is None else max(moment, need_number(form, "started_at", LATEST))


def _decode_messages(form: Mapping[str, Any]) -> tuple[Message, ...]:
    shelf = MessageShelf()
    return tuple(shelf.restore(check_value(one, dict, "a message")) for one in need_value(form, "messages", list))


def _decode_properties(values: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower()[:_LONGEST_NAME]: _read_name(values, name) for name in values}


def _decode_origin(values: Mapping[str, Any] | None) -> Origin | None:
    if values is None:
        return None
    return Origin(
        kind=need_word(values, "kind", OriginKind),
        answered_at=need_number(values, "answered_at", LATEST),
        source=_read_name(values, "source"),
        reason=_read_name(values, "reason"),
    )
