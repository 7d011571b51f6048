"""OpenTelemetry's protocol as JSON: values, spans and requests in the form of its specification. Pure.

Ids are hexadecimal, 64-bit whole numbers are texts, enumerations are numbers, and no number is infinite; see
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from typing import Any

from heliconemagic.render.terminal import replace_surrogates

Value = str | bool | int | float | Sequence[str]

SERVICE = "heliconemagic"
_LARGEST = 2**63  # of whole numbers: this one no longer
MOST_SPANS = 100
"""Of one request, which is one line."""


class SpanKind(IntEnum):
    """Where the work of a span was done."""

    INTERNAL = 1
    CLIENT = 3


class StatusCode(IntEnum):
    """How a span ended."""

    UNSET = 0
    OK = 1
    ERROR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened within a span. Times are seconds since the epoch."""

    name: str
    at: float
    attributes: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span as the protocol has it, with ids in hexadecimal."""

    trace_id: str
    span_id: str
    parent_id: str = ""
    name: str
    kind: SpanKind = SpanKind.INTERNAL
    started_at: float  # seconds since the epoch
    ended_at: float
    attributes: Mapping[str, Value]
    events: tuple[Event, ...] = ()
    links: tuple[str, ...] = ()  # ids of spans of the same trace
    code: StatusCode = StatusCode.UNSET
    message: str = ""  # of an error


def build_trace_id(name: str) -> str:
    """The 16 bytes that always name the same trace."""
    return hashlib.sha256(f"trace:{name}".encode()).hexdigest()[:32]


def build_span_id(*names: str) -> str:
    """The 8 bytes that always name the same span."""
    return hashlib.sha256(f"span:{json.dumps(names)}".encode()).hexdigest()[:16]


def build_requests(spans: Iterable[Span], project: str, *, file: str) -> str:
    """One ExportTraceServiceRequest in each line; the first says what ``file`` says of the whole."""
    rest = iter(spans)
    batches = iter(lambda: tuple(islice(rest, MOST_SPANS)), ())
    requests = (_build_request(batch, project, "" if place else file) for place, batch in enumerate(batches))
    return "".join(json.dumps(request, ensure_ascii=False, separators=(",", ":")) + "\n" for request in requests)


def _build_request(spans: Iterable[Span], project: str, file: str) -> dict[str, Any]:
    resource = {"service.name": SERVICE, "openinference.project.name": project}
    scope: dict[str, Any] = {"name": SERVICE}
    if file:
        scope["attributes"] = _build_attributes({"heliconemagic.file": file})
    scoped = {"scope": scope, "spans": [_build_span(span) for span in spans]}
    return {"resourceSpans": [{"resource": {"attributes": _build_attributes(resource)}, "scopeSpans": [scoped]}]}


def _build_span(span: Span) -> dict[str, Any]:
    status: dict[str, Any] = {"code": int(span.code)}
    if span.message:
        status["message"] = replace_surrogates(span.message)
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        **({"parentSpanId": span.parent_id} if span.parent_id else {}),
        "name": replace_surrogates(span.name),
        "kind": int(span.kind),
        "startTimeUnixNano": _build_nanoseconds(span.started_at),
        "endTimeUnixNano": _build_nanoseconds(max(span.ended_at, span.started_at)),
        "attributes": _build_attributes(span.attributes),
        "events": [_build_event(event) for event in span.events],
        "links": [{"traceId": span.trace_id, "spanId": other} for other in span.links],
        "status": status,
    }


def _build_event(event: Event) -> dict[str, Any]:
    attributes = _build_attributes(event.attributes)
    return {"timeUnixNano": _build_nanoseconds(event.at), "name": event.name, "attributes": attributes}


def _build_nanoseconds(seconds: float) -> str:
    """Whole microseconds: a float of today's date knows no more."""
    return str(round(seconds * 1_000_000) * 1000)


def _build_attributes(attributes: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [
        {"key": replace_surrogates(name), "value": _build_value(value)}
        for name, value in attributes.items()
        if not isinstance(value, float) or math.isfinite(value)
    ]


def _build_value(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue" if -_LARGEST <= value < _LARGEST else "stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": replace_surrogates(value)}
    return {"arrayValue": {"values": [_build_value(each) for each in value]}}
