"""A session as an OpenTelemetry trace: the session is its root, folders are spans, and each step is one. Pure.

Ids follow from those of the session and its steps, so that the same session is the same trace each time.
"""

from __future__ import annotations

from collections.abc import Iterator

from heliconemagic.export.otlp import (
    Event,
    Span,
    SpanKind,
    StatusCode,
    Value,
    build_requests,
    build_span_id,
    build_trace_id,
)
from heliconemagic.export.session import ExportedSession
from heliconemagic.export.signature import BLANK, seal
from heliconemagic.export.trace_attributes import (
    OPERATIONS,
    build_ends,
    build_shared,
    build_step_attributes,
    iterate_annotations,
)
from heliconemagic.records import Attempt, Step, StepKind, StepStatus
from heliconemagic.steps.rounds import read_call
from heliconemagic.steps.traced import describe_name, is_model_call
from heliconemagic.steps.tree import Folder, build_tree

_CODES = {
    StepStatus.DONE: StatusCode.OK,
    StepStatus.FAILED: StatusCode.ERROR,
    StepStatus.INTERRUPTED: StatusCode.ERROR,
    StepStatus.PENDING: StatusCode.UNSET,
}


def build_traces(session: ExportedSession) -> str:
    """The whole file: a request of the protocol in each line."""
    return seal(build_requests(iterate_spans(session), session.record.name, file=BLANK))


def iterate_spans(session: ExportedSession) -> Iterator[Span]:
    """All spans, each after the one that it is below."""
    trace_id = build_trace_id(session.record.id)
    root = build_tree(session.steps)
    waiting: list[tuple[str, Folder[Step] | Step]] = [("", root)]
    while waiting:
        parent_id, node = waiting.pop()
        if not isinstance(node, Folder):
            yield _build_step_span(session, node, trace_id, parent_id)
            continue
        span = _build_folder_span(session, node, trace_id, parent_id)
        yield span
        waiting.extend((span.span_id, child) for child in reversed(node.children))


def _find_folder_id(session: ExportedSession, path: str) -> str:
    return build_span_id(session.record.id, "folder", path)


def _find_step_id(session: ExportedSession, step: Step) -> str:
    return build_span_id(session.record.id, "step", step.id)


def _build_folder_span(session: ExportedSession, folder: Folder[Step], trace_id: str, parent_id: str) -> Span:
    """The session itself, or a segment of paths. An empty session has a root all the same."""
    record = session.record
    attributes: dict[str, Value] = {**build_shared(session), "openinference.span.kind": "CHAIN"}
    attributes |= {"heliconemagic.path": folder.path} if folder.path else {"heliconemagic.session.name": record.name}
    if not parent_id:
        attributes |= build_ends(session) | dict(
            iterate_annotations("session.annotations", session.list_feedback(None))
        )
    return Span(
        trace_id=trace_id,
        span_id=_find_folder_id(session, folder.path),
        parent_id=parent_id,
        name=folder.path or record.name,
        started_at=folder.started_at if folder.count else record.started_at,
        ended_at=folder.ended_at if folder.count else record.started_at,
        attributes=attributes,
    )


def _build_step_span(session: ExportedSession, step: Step, trace_id: str, parent_id: str) -> Span:
    parent = session.find_repeated(step)
    return Span(
        trace_id=trace_id,
        span_id=_find_step_id(session, step),
        parent_id=parent_id,
        name=_build_name(step),
        kind=SpanKind.CLIENT if step.kind in (StepKind.LLM, StepKind.VECTOR_DB) else SpanKind.INTERNAL,
        started_at=step.started_at,
        ended_at=step.started_at if step.ended_at is None else step.ended_at,
        attributes=build_step_attributes(session, step),
        events=tuple(_iterate_events(step)),
        links=(_find_step_id(session, parent),) if parent else (),
        code=_CODES[step.status],
        message=step.error or "",
    )


def _build_name(step: Step) -> str:
    """As the conventions name spans: the operation, and of what."""
    operation = OPERATIONS.get(step.kind)
    if operation is None:
        return step.path
    if step.kind is StepKind.LLM:
        return f"{operation} {step.model}"
    return f"{operation} {read_call(step).name if is_model_call(step) else describe_name(step)}"


def _iterate_events(step: Step) -> Iterator[Event]:
    """Each attempt when it ended, and the failure."""
    for number, attempt in enumerate(step.attempts, start=1):
        yield _build_attempt_event(number, attempt)
    if step.error:
        ended = step.started_at if step.ended_at is None else step.ended_at
        words = {"exception.type": step.status.value, "exception.message": step.error}
        yield Event(name="exception", at=ended, attributes=words)


def _build_attempt_event(number: int, attempt: Attempt) -> Event:
    ended = attempt.started_at if attempt.ended_at is None else attempt.ended_at
    attributes: dict[str, Value] = {"number": number, "helicone.request.id": attempt.helicone_id or attempt.request_id}
    if attempt.status_code is not None:
        attributes["http.response.status_code"] = attempt.status_code
    if attempt.error:
        attributes["error.message"] = attempt.error
    attributes["seconds"] = float(ended - attempt.started_at)
    return Event(name="attempt", at=ended, attributes=attributes)
