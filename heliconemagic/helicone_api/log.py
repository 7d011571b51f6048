"""Helicone's log of other steps on the wire: what it is told of a traced step, and whether it took it.

A Helicone of one's own answers otherwise than Helicone's worker: its `v1/trace` controller gives 200 and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from heliconemagic import headers
from heliconemagic.errors import CredentialError, GatewayError
from heliconemagic.gateways.failures import MAX_CAUSE_LENGTH
from heliconemagic.gateways.providers import HELICONE_VARIABLE
from heliconemagic.records import SessionRecord, Step, StepKind, StepStatus
from heliconemagic.steps.traced import describe_input, describe_kind, describe_name, describe_output, parse_value

if TYPE_CHECKING:
    from heliconemagic.helicone_api.api import HeliconeApi, Told

MAX_VALUE = 400_000
"""Characters of what went in, and of what came out: Helicone takes 10 MB, and JSON may need 12 bytes for one."""

STATUS_CODES = {StepStatus.DONE: 200, StepStatus.FAILED: 500, StepStatus.INTERRUPTED: 499}
_COUNTS = ("topK", "top_k", "k", "n_results", "limit")
"""What functions call the number of hits that they are asked for."""


def build_log_body(step: Step) -> dict[str, Any]:
    """The body of the log's ``POST``; all of its parts are required."""
    asked, given = _build_request(step), _build_response(step)
    return {
        "providerRequest": {"url": "custom-model-nopath", "json": asked, "meta": {}},
        "providerResponse": {"json": given, "status": STATUS_CODES.get(step.status, 200), "headers": {}},
        "timing": _build_timing(step),
    }


def build_log_headers(session: SessionRecord, step: Step) -> dict[str, str]:
    """The headers that put it into the session; the key is not among them.

    Raises:
        InputError: one of them cannot travel in a header.
    """
    built = headers.build_request_headers(
        session_id=session.id,
        session_name=session.name,
        path=step.path,
        user=step.user or None,
        properties=step.properties,
    )
    return {**built, headers.REQUEST_ID: step.id}


def build_log_send(session: SessionRecord, step: Step) -> Callable[[HeliconeApi], Awaitable[str]]:
    """What sends an ended step once, and gives the id under which Helicone has it."""
    body, sent = build_log_body(step), build_log_headers(session, step)

    async def send(api: HeliconeApi) -> str:
        return read_log_answer(await api.post_to(api.hosts.log_url, body, sent), api, step.id)

    return send


def read_log_answer(told: Told, api: HeliconeApi, step_id: str) -> str:
    """The id under which Helicone has the step. Its 200 alone proves nothing.

    Raises:
        CredentialError: it doesn't know the key.
        GatewayError: it didn't say that it has the step.
    """
    helicone_id = headers.read_helicone_id(told.headers)
    if api.hosts.is_self_hosted and told.value in (None, "ok"):
        return helicone_id or step_id  # it keeps the id that it was sent
    if told.value == "ok" and helicone_id:
        return helicone_id
    error = told.value.get("error") if isinstance(told.value, dict) else None
    cause = api.redact(str(error or "200, without the id of a log"))[:MAX_CAUSE_LENGTH]
    if error and "auth" in str(error).lower():
        raise CredentialError(
            "Helicone doesn't know the key, and logged nothing.",
            hint=f"check {HELICONE_VARIABLE}; `%helicone_session doctor`",
            cause=cause,
        )
    raise GatewayError("Helicone answered, but did not say that it has the step.", cause=cause)


def _build_request(step: Step) -> dict[str, Any]:
    value = parse_value(_cut(describe_input(step)))
    named = {"_type": describe_kind(step), _NAMES[step.kind]: describe_name(step)}
    if step.kind is StepKind.VECTOR_DB:
        return {**named, **_find_search(value), "input": value}
    return {**named, "input": {} if value is None else value}


def _build_response(step: Step) -> dict[str, Any]:
    value = parse_value(_cut(describe_output(step)))
    named = {"_type": describe_kind(step), _NAMES[step.kind]: describe_name(step)}
    result = {"results" if step.kind is StepKind.VECTOR_DB else "output": "" if value is None else value}
    failed = {"status": step.status.value, "error": step.error or step.status.value}
    return {**named, **result, **(failed if step.status is not StepStatus.DONE else {})}


_NAMES = {StepKind.TOOL: "toolName", StepKind.VECTOR_DB: "operation", StepKind.DATA: "name", StepKind.LLM: "name"}
"""What the kinds call their name."""


def _find_search(value: Any) -> dict[str, Any]:
    """What Helicone's page shows of a search: the text that is searched for, and how many hits are wanted."""
    if not isinstance(value, dict):
        return {"text": value if isinstance(value, str) else json.dumps(value)}
    text = next((given for given in value.values() if isinstance(given, str)), "")
    count = next((value[name] for name in _COUNTS if type(value.get(name)) is int), None)
    return {"text": text, **({"topK": count} if count is not None else {})}


def _build_timing(step: Step) -> dict[str, Any]:
    ended_at = step.started_at + (step.latency or 0.0)
    first = step.time_to_first_token
    timing: dict[str, Any] = {"startTime": _split(step.started_at), "endTime": _split(ended_at)}
    return timing if first is None else {**timing, "timeToFirstToken": round(first * 1000)}


def _split(moment: float) -> dict[str, int]:
    seconds, milliseconds = divmod(round(moment * 1000), 1000)
    return {"seconds": seconds, "milliseconds": milliseconds}


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}… ({len(text) - MAX_VALUE:,} more characters)"
