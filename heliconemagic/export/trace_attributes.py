"""What a span says of a step, by two conventions at once: OpenTelemetry's ``gen_ai.*`` and OpenInference's. Pure.

Names are those of https://github.com/open-telemetry/semantic-conventions-genai and
https://github.com/Arize-ai/openinference/tree/main/spec.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from heliconemagic.attachments.attachment import parse_part
from heliconemagic.export.otlp import Value
from heliconemagic.export.session import ExportedSession
from heliconemagic.records import Feedback, Message, Step, StepKind, ToolCall, read_content_text
from heliconemagic.steps.rounds import read_call
from heliconemagic.steps.traced import describe_input, describe_name, is_model_call, parse_value
from heliconemagic.steps.turns import count_repeated, split_system

Pair = tuple[str, Value]

OPERATIONS = {StepKind.LLM: "chat", StepKind.TOOL: "execute_tool", StepKind.VECTOR_DB: "retrieval"}
SPAN_KINDS = {StepKind.LLM: "LLM", StepKind.TOOL: "TOOL", StepKind.VECTOR_DB: "RETRIEVER", StepKind.DATA: "CHAIN"}
_PROVIDERS = {"oai": "openai", "helicone": "openai", "direct": "openai", "azure": "azure.ai.openai"}
"""Of presets whose format is a known provider's; any other gateway goes by its own label."""

_PARAMETERS = {
    "temperature": float, "top_p": float, "top_k": float, "frequency_penalty": float, "presence_penalty": float,
    "seed": int, "max_tokens": int, "max_completion_tokens": int,
}  # fmt: skip
_SPELLED = {"max_completion_tokens": "max_tokens"}
MOST_DOCUMENTS = 50
MOST_REPEATED = 32_000
"""Characters of a conversation that a span repeats: the sum of a long chain's grows with its square."""


def build_shared(session: ExportedSession) -> dict[str, Value]:
    """What every span of the session says."""
    return {"session.id": session.record.id, "gen_ai.conversation.id": session.record.id}


def build_ends(session: ExportedSession) -> dict[str, Value]:
    """What the session began with and ended in: consumers list sessions by that."""
    asked = [step for step in session.steps if step.kind is StepKind.LLM and not step.is_superseded]
    answers = [step.text for step in asked if step.text]
    ends: dict[str, Value] = {"input.value": asked[0].prompt} if asked else {}
    return {**ends, "output.value": answers[-1]} if answers else ends


def build_step_attributes(session: ExportedSession, step: Step) -> dict[str, Value]:
    """All attributes of a step's span; what is empty is left out."""
    pairs = [
        *build_shared(session).items(),
        *_iterate_own(session, step),
        *_iterate_by_kind(session, step),
        *iterate_annotations("annotations", session.list_feedback(step.id)),
    ]
    return {name: value for name, value in pairs if value not in (None, "", [], ())}


def _iterate_own(session: ExportedSession, step: Step) -> Iterator[Pair]:
    yield "openinference.span.kind", SPAN_KINDS[step.kind]
    yield "gen_ai.operation.name", OPERATIONS.get(step.kind, "")
    yield "error.type", find_error_type(step)
    yield "user.id", step.user
    yield "heliconemagic.path", step.path
    yield "heliconemagic.step.id", step.id
    yield "heliconemagic.status", step.status.value
    yield "heliconemagic.superseded", step.is_superseded or ""
    yield "heliconemagic.origin", step.origin.kind.value if step.origin else ""
    yield "helicone.request.id", step.helicone_id or ""
    metadata = {"path": step.path, "session": session.record.name, **step.properties}
    yield "metadata", _write(metadata)


def find_error_type(step: Step) -> str:
    """A status code, the status of a step that was stopped, or what the conventions say where nothing is known."""
    if step.error is None and step.status.value not in ("failed", "interrupted"):
        return ""
    code = step.attempts[-1].status_code if step.attempts else None
    if code is not None and code >= 400:
        return str(code)
    return "interrupted" if step.status.value == "interrupted" else "_OTHER"


def _iterate_by_kind(session: ExportedSession, step: Step) -> Iterator[Pair]:
    if step.kind is StepKind.LLM:
        yield from _iterate_request(step, session.find_repeated(step))
        yield from _iterate_answer(step)
        yield from _iterate_usage(step)
        return
    given = describe_input(step)
    yield "input.value", given
    yield "input.mime_type", "application/json" if given else ""
    yield "output.value", step.text
    yield "output.mime_type", _find_type(step.text)
    if step.kind is StepKind.TOOL:
        yield from _iterate_tool(step, given)
    elif step.kind is StepKind.VECTOR_DB:
        yield from _iterate_documents(step, given)


def _iterate_tool(step: Step, given: str) -> Iterator[Pair]:
    call = read_call(step)
    name = call.name if is_model_call(step) else describe_name(step)
    yield "gen_ai.tool.name", name
    yield "gen_ai.tool.type", "function"
    yield "gen_ai.tool.call.id", call.id
    yield "gen_ai.tool.call.arguments", given
    yield "gen_ai.tool.call.result", step.text
    yield "tool.name", name
    yield "tool_call.id", call.id


def _iterate_documents(step: Step, given: str) -> Iterator[Pair]:
    yield "gen_ai.provider.name", step.gateway
    yield "gen_ai.retrieval.query.text", given
    found = _parse(step.text)
    for place, document in enumerate(found[:MOST_DOCUMENTS] if isinstance(found, list) else ()):
        text = document if isinstance(document, str) else _write(document)
        yield f"retrieval.documents.{place}.document.content", text


# ---- requests


def _iterate_request(step: Step, earlier: Step | None) -> Iterator[Pair]:
    provider = _PROVIDERS.get(step.gateway, step.gateway)
    yield "gen_ai.provider.name", provider
    yield "gen_ai.request.model", step.model
    for name, kind in _PARAMETERS.items():
        value = step.parameters.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield f"gen_ai.request.{_SPELLED.get(name, name)}", _convert(value, kind)
    yield "gen_ai.request.stop_sequences", _list_texts(step.parameters.get("stop"))
    yield "gen_ai.output.type", "json" if "response_format" in step.parameters else "text"
    yield "gen_ai.tool.definitions", _write(step.parameters.get("tools"))
    messages = list_newest(step.messages, count_repeated(step, earlier) if earlier else 0)
    yield "heliconemagic.messages.left_out", len(step.messages) - len(messages) or ""
    yield "gen_ai.input.messages", _write([_describe_message(message) for message in messages])
    yield "llm.system", provider
    yield "llm.model_name", step.answered_by or step.model
    yield "llm.invocation_parameters", _write({"model": step.model, **step.parameters})
    for place, message in enumerate(messages):
        yield from _iterate_message(f"llm.input_messages.{place}", message)
    yield "input.value", _write({"model": step.model, "messages": messages})
    yield "input.mime_type", "application/json"


def list_newest(messages: Sequence[Message], repeated: int, most: int = MOST_REPEATED) -> list[Message]:
    """The instructions, and the newest of the other messages that have no more than ``most`` characters together.

    Those that aren't among the first ``repeated`` always: these the span shows of the step whose conversation it is.
    """
    system, others = split_system(messages)
    begin, length = len(others), 0
    while begin and (begin > repeated or length + len(str(others[begin - 1])) <= most):
        begin -= 1
        length += len(str(others[begin]))
    return [*system, *others[begin:]]


def _list_texts(value: Any) -> list[str]:
    texts = value if isinstance(value, list | tuple) else [value]
    return [text for text in texts if isinstance(text, str)]


def _describe_message(message: Message) -> dict[str, Any]:
    """A message in OpenTelemetry's form: parts of named types."""
    role = str(message.get("role"))
    content = message.get("content")
    if role == "tool":
        response = {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": content}
        return {"role": role, "parts": [response]}
    parts = content if isinstance(content, list | tuple) else [{"type": "text", "text": content}] if content else []
    described = [_describe_part(part) for part in parts if isinstance(part, Mapping)]
    return {"role": role, "parts": [*described, *map(_describe_asked, _list_asked(message))]}


def _describe_part(part: Mapping[str, Any]) -> dict[str, Any]:
    attachment = parse_part(part)
    if attachment is not None:
        named = {"mime_type": attachment.media_type, "name": attachment.name, "sha256": attachment.sha256}
        return {"type": "attachment", **named}
    return {"type": "text", "content": part["text"]} if isinstance(part.get("text"), str) else dict(part)


def _list_asked(message: Message) -> list[Mapping[str, Any]]:
    calls = message.get("tool_calls")
    return [call for call in calls if isinstance(call, Mapping)] if isinstance(calls, list | tuple) else []


def _describe_asked(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    named = function if isinstance(function, Mapping) else {}
    arguments = _parse(str(named.get("arguments") or ""))
    return {"type": "tool_call", "id": call.get("id"), "name": named.get("name"), "arguments": arguments}


def _iterate_message(prefix: str, message: Message) -> Iterator[Pair]:
    """A message in OpenInference's form: one attribute for each thing."""
    yield f"{prefix}.message.role", str(message.get("role"))
    yield f"{prefix}.message.content", read_content_text(message.get("content"))
    yield f"{prefix}.message.tool_call_id", str(message.get("tool_call_id") or "")
    for place, call in enumerate(_list_asked(message)):
        function = call.get("function")
        named = function if isinstance(function, Mapping) else {}
        asked = ToolCall(
            id=str(call.get("id") or ""), name=str(named.get("name")), arguments=str(named.get("arguments"))
        )
        yield from _iterate_call(prefix, place, asked)


def _iterate_call(prefix: str, place: int, call: ToolCall) -> Iterator[Pair]:
    begin = f"{prefix}.message.tool_calls.{place}.tool_call"
    yield f"{begin}.id", call.id
    yield f"{begin}.function.name", call.name
    yield f"{begin}.function.arguments", call.arguments


def _convert(value: float, kind: type[int] | type[float]) -> int | float:
    """``value`` as a number of ``kind``; what is none of that kind stays what it is."""
    try:
        return kind(value)
    except (OverflowError, ValueError):
        return value


# ---- answers


def _iterate_answer(step: Step) -> Iterator[Pair]:
    yield "gen_ai.response.model", step.answered_by or ""
    yield "gen_ai.response.finish_reasons", [step.finish_reason] if step.finish_reason else []
    if step.time_to_first_token is not None:
        yield "gen_ai.response.time_to_first_chunk", float(step.time_to_first_token)
    answer = step.text or step.refusal
    if not (answer or step.tool_calls or step.reasoning):
        return
    yield "gen_ai.output.messages", _write([_describe_answer(step, answer)])
    yield "llm.output_messages.0.message.role", "assistant"
    yield "llm.output_messages.0.message.content", answer
    for place, call in enumerate(step.tool_calls):
        yield from _iterate_call("llm.output_messages.0", place, call)
    yield "output.value", answer
    yield "output.mime_type", _find_type(answer)


def _describe_answer(step: Step, answer: str) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"type": "reasoning", "content": step.reasoning}] if step.reasoning else []
    parts += [{"type": "text", "content": answer}] if answer else []
    parts += [
        {"type": "tool_call", "id": call.id, "name": call.name, "arguments": _parse(call.arguments)}
        for call in step.tool_calls
    ]
    reason = {"tool_calls": "tool_call", None: "error"}.get(step.finish_reason, step.finish_reason)
    return {"role": "assistant", "parts": parts, "finish_reason": reason}


def _iterate_usage(step: Step) -> Iterator[Pair]:
    """Tokens and cost, where a model was asked: an earlier answer that stood in used none."""
    if step.usage is None or step.origin is not None:
        return
    usage = step.usage
    yield "gen_ai.usage.input_tokens", usage.prompt_tokens
    yield "gen_ai.usage.output_tokens", usage.completion_tokens
    yield "gen_ai.usage.cache_read.input_tokens", usage.cached_tokens
    yield "gen_ai.usage.reasoning.output_tokens", usage.reasoning_tokens
    yield "llm.token_count.prompt", usage.prompt_tokens
    yield "llm.token_count.completion", usage.completion_tokens
    yield "llm.token_count.total", usage.total_tokens
    yield "llm.token_count.prompt_details.cache_read", usage.cached_tokens
    yield "llm.token_count.completion_details.reasoning", usage.reasoning_tokens
    if step.cost is not None:
        yield "llm.cost.total", float(step.cost)


# ---- feedback


def iterate_annotations(prefix: str, feedback: Sequence[Feedback]) -> Iterator[Pair]:
    """What somebody thought, in OpenInference's form: a thumb is 1 or 0, as any yes or no."""
    for place, given in enumerate(feedback):
        begin = f"{prefix}.{place}.annotation"
        yield f"{begin}.name", given.name
        yield f"{begin}.annotator_kind", "HUMAN"
        yield f"{begin}.identifier", given.id
        if given.value is not None:
            yield f"{begin}.score", int(given.value)
        if isinstance(given.value, bool):
            yield f"{begin}.label", str(given.value).lower()
        if given.note:
            yield f"{begin}.explanation", given.note


# ---- JSON


def _write(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str) if value else ""


def _parse(text: str) -> Any:
    return parse_value(text) if text else text


def _find_type(text: str) -> str:
    if not text:
        return ""
    return "application/json" if isinstance(_parse(text), dict | list) else "text/plain"
