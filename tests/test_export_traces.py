"""A session as an OpenTelemetry trace, read back by OpenTelemetry's own protobuf."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import replace
from typing import Any

import pytest
from export_samples import (
    SESSION,
    assistant,
    build_feedback,
    build_long,
    build_sample,
    build_step,
    build_steps,
    export,
    user,
)
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from heliconemagic.export.trace_attributes import list_newest
from heliconemagic.export.traces import build_traces
from heliconemagic.records import Origin, OriginKind, StepStatus

_IDS = ("traceId", "spanId", "parentSpanId")


def parse_line(line: str) -> ExportTraceServiceRequest:
    """A line as a collector reads it: protobuf's JSON has base64 where the protocol's has hexadecimal ids."""

    def recode(value: Any) -> Any:
        if isinstance(value, list):
            return [recode(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {
            name: base64.b64encode(bytes.fromhex(each)).decode() if name in _IDS else recode(each)
            for name, each in value.items()
        }

    return json_format.ParseDict(recode(json.loads(line)), ExportTraceServiceRequest())


def read_spans(text: str) -> list[Span]:
    """All spans of a file."""
    requests = [parse_line(line) for line in text.splitlines()]
    return [
        span
        for request in requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def read_attributes(span: Span) -> dict[str, Any]:
    """A span's attributes as Python values."""
    found: dict[str, Any] = {}
    for each in span.attributes:
        kind = each.value.WhichOneof("value")
        value = getattr(each.value, kind)
        found[each.key] = [one.string_value for one in value.values] if kind == "array_value" else value
    return found


def find_steps(spans: list[Span]) -> list[tuple[Span, dict[str, Any]]]:
    """The spans of steps, by the steps' order."""
    told = [(span, read_attributes(span)) for span in spans]
    return sorted(
        (each for each in told if "heliconemagic.step.id" in each[1]), key=lambda each: each[1]["heliconemagic.step.id"]
    )


def test_the_tree_is_helicones() -> None:
    """One trace; the session is its root, each segment of a path a span, each step below the folder of its path."""
    spans = read_spans(build_traces(build_sample()))
    by_id = {span.span_id: span for span in spans}
    assert len({span.trace_id for span in spans}) == 1 and len(by_id) == len(spans)
    assert [span.name for span in spans if not span.parent_span_id] == ["Course Creation"]
    for span, attributes in find_steps(spans):
        assert by_id[span.parent_span_id].name == attributes["heliconemagic.path"]
    assert {len(span.trace_id) for span in spans} == {16} and {len(span.span_id) for span in spans} == {8}


def test_a_request_has_both_conventions() -> None:
    """Names, figures, messages; the conversation is the session."""
    span, told = find_steps(read_spans(build_traces(build_sample())))[1]
    assert span.name == "chat gpt-4o-mini" and span.kind == Span.SPAN_KIND_CLIENT
    assert told["gen_ai.conversation.id"] == told["session.id"] == SESSION
    assert (told["gen_ai.operation.name"], told["gen_ai.provider.name"]) == ("chat", "openai")
    assert (told["gen_ai.request.model"], told["gen_ai.request.temperature"]) == ("gpt-4o-mini", 0.2)
    assert (told["gen_ai.usage.input_tokens"], told["llm.token_count.prompt"]) == (100, 100)
    assert told["gen_ai.response.finish_reasons"] == ["stop"] and told["gen_ai.response.time_to_first_chunk"] == 0.5
    assert (told["openinference.span.kind"], told["llm.cost.total"], told["user.id"]) == ("LLM", 0.0012, "ada")
    assert told["llm.input_messages.1.message.content"] == "An abstract of the tides."
    assert (
        told["llm.output_messages.0.message.content"] == told["output.value"] == "The Moon pulls the sea, twice a day."
    )
    assert json.loads(told["gen_ai.input.messages"])[0] == {
        "role": "system",
        "parts": [{"type": "text", "content": "Answer briefly."}],
    }
    assert json.loads(told["gen_ai.output.messages"])[0]["finish_reason"] == "stop"
    assert json.loads(told["metadata"])["team"] == "blue"


def test_parents_are_links_and_attempts_events() -> None:
    """As are failures."""
    steps = find_steps(read_spans(build_traces(build_sample())))
    assert [link.span_id for link in steps[2][0].links] == [steps[1][0].span_id]
    assert [event.name for event in steps[1][0].events] == ["attempt", "attempt"]
    failed, told = steps[3]
    assert failed.status.code == Status.STATUS_CODE_ERROR and "429" in failed.status.message
    assert failed.events[-1].name == "exception" and told["error.type"] == "_OTHER"
    assert failed.end_time_unix_nano - failed.start_time_unix_nano == 2_250_000_000


def test_tools_and_retrievals_are_what_they_are() -> None:
    """With what they were given and what they gave."""
    steps = [told for _, told in find_steps(read_spans(build_traces(build_sample())))]
    retrieval, asked, called, answered = steps[5:9]
    assert retrieval["openinference.span.kind"] == "RETRIEVER" and retrieval["input.value"] == '{"query": "tides"}'
    assert retrieval["retrieval.documents.1.document.content"] == "doc 2"
    assert asked["llm.output_messages.0.message.tool_calls.0.tool_call.function.name"] == "moon"
    assert (called["gen_ai.tool.name"], called["gen_ai.tool.call.id"], called["output.value"]) == (
        "moon",
        "call_1",
        "waxing",
    )
    parts = [message["parts"][-1] for message in json.loads(answered["gen_ai.input.messages"])]
    assert parts[-2:] == [
        {"type": "tool_call", "id": "call_1", "name": "moon", "arguments": {"day": 3}},
        {"type": "tool_call_response", "id": "call_1", "response": "waxing"},
    ]


def test_feedback_is_annotations() -> None:
    """Of a step on its span, of the session on the root."""
    spans = read_spans(build_traces(build_sample()))
    told = find_steps(spans)[1][1]
    assert (told["annotations.0.annotation.label"], told["annotations.0.annotation.explanation"]) == (
        "true",
        "clear",
    )
    assert (told["annotations.1.annotation.name"], told["annotations.1.annotation.score"]) == ("accuracy", 4)
    assert read_attributes(spans[0])["session.annotations.0.annotation.score"] == 0


def test_ids_and_lines_are_the_same_each_time() -> None:
    """A second import of the same session is the same trace; long ones come in several lines."""
    assert build_traces(build_sample()) == build_traces(build_sample())
    lines = build_traces(build_long(150)).splitlines()
    assert len(lines) == 4 and len(read_spans("\n".join(lines))) == 1 + 8 + 150 + 150


def test_what_was_not_asked_for_now_uses_no_tokens() -> None:
    """A replayed answer counts nothing; a step that runs has no end yet."""
    replayed = replace(build_steps()[1], origin=Origin(kind=OriginKind.REPLAYED, answered_at=1.0))
    running = replace(build_steps()[2], status=StepStatus.PENDING, ended_at=None, parent_id=None)
    (_, first), (span, second) = find_steps(read_spans(build_traces(export([replayed, running]))))
    assert "gen_ai.usage.input_tokens" not in first and first["heliconemagic.origin"] == "replayed"
    assert span.end_time_unix_nano == span.start_time_unix_nano and second["heliconemagic.status"] == "pending"


def test_strange_texts_and_empty_sessions_are_valid() -> None:
    """Half an emoji, deep JSON, messages that are no messages."""
    strange = replace(
        build_steps()[1], text="\ud83d" + "[" * 9999,
        messages=(user("\x00\ud83d"), {"role": "user", "content": [1, {}]}),
        parameters={"temperature": "warm", "stop": 5 * [None], "seed": True},
    )  # fmt: skip
    assert len(read_spans(build_traces(export([strange])))) == 3
    assert [span.name for span in read_spans(build_traces(export([], build_feedback())))] == ["Course Creation"]


def test_numbers_that_the_protocol_cannot_hold() -> None:
    """Large whole numbers are texts; what is no number is left out, and every line is JSON for everyone."""
    step = build_step(
        1, "/a", user("x"), cost=math.inf,
        parameters={"stop": 5, "seed": 10**30, "max_tokens": math.inf, "top_p": math.nan, "temperature": 10**400},
    )  # fmt: skip
    text = build_traces(export([step]))
    json.loads(text, parse_constant=pytest.fail)
    ((_, attributes),) = find_steps(read_spans(text))
    assert (attributes["gen_ai.request.seed"], attributes["gen_ai.request.temperature"]) == (str(10**30), str(10**400))
    assert not {"gen_ai.request.max_tokens", "gen_ai.request.top_p", "llm.cost.total"} & set(attributes)


def test_a_span_repeats_the_end_of_a_long_conversation() -> None:
    """And says how much is left out: or the file would grow with the square of the chain's length."""
    said = [user(f"{number} {'x' * 9_998}") for number in range(20)]
    messages = [{"role": "system", "content": "Be brief."}, *said]
    assert list_newest(messages, 19) == [messages[0], *said[-3:]]
    assert list_newest(messages, 19, 1) == [messages[0], said[-1]]
    assert list_newest(messages, 10) == [messages[0], *said[10:]]
    assert list_newest(messages, 0) == messages


@pytest.mark.parametrize("parent", [True, False])
def test_what_a_span_leaves_out_is_in_the_one_that_it_links_to(parent: bool) -> None:
    """Whether it names the step before it, or is a client's that tells by its messages alone; else all is there."""
    asked = [user(f"{number} {'x' * 20_000}") for number in range(4)]
    first = build_step(1, "/a", *asked, text="yes")
    more = (*asked, assistant("yes"), user("Go on."))
    second = build_step(2, "/b", *more, text="no", parent_id=first.id if parent else None)
    (asking, whole), (linked, rest) = find_steps(read_spans(build_traces(export([first, second]))))
    told = [
        [message["parts"][0]["content"] for message in json.loads(read["gen_ai.input.messages"])]
        for read in (whole, rest)
    ]
    assert told == [[message["content"] for message in asked], [asked[-1]["content"], "yes", "Go on."]]
    assert ([link.span_id for link in linked.links], rest["heliconemagic.messages.left_out"]) == ([asking.span_id], 3)
