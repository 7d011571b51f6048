"""What Helicone keeps of an exchange: enough for a row of its table and for the stored body."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from fake_answers import Answer, Received
from fake_rest import SESSION_ID, SESSION_NAME, SESSION_PATH, spell_stored_stream

SECONDS = 0.25
"""How long every exchange took."""
COST = 0.0001
"""USD of every answered one."""


@dataclass
class Logged:
    """One exchange as it lies in Helicone's store. Times are seconds since the epoch."""

    id: str
    model: str
    request: Any
    response: Any
    properties: dict[str, str] = field(default_factory=dict)
    status: int = 200
    user: str = ""
    provider: str = "OPENAI"
    started_at: float = 0.0
    ended_at: float = 0.0
    first_token_ms: int | None = None
    cost: float = 0.0
    usage: dict[str, int] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)


def log_completion(request_id: str, received: Received, answer: Answer, provider: str) -> Logged:
    """What is kept of a completion."""
    body = b"".join(part for part in answer.parts if isinstance(part, bytes))
    is_streamed = bool(received.json.get("stream")) and answer.status == 200
    response = spell_stored_stream(body) if is_streamed else _read_body(body)
    now = time.time()
    return Logged(
        id=request_id,
        model=str(received.json.get("model", "")).partition("/")[0],
        request=received.json,
        response=response,
        properties=read_properties(received),
        status=answer.status or -1,
        user=received.header("helicone-user-id") or "",
        provider=provider.upper(),
        started_at=now,
        ended_at=now + SECONDS,
        first_token_ms=100 if is_streamed else None,
        cost=COST if answer.status == 200 else 0.0,
        usage=_find_usage(response) if answer.status == 200 else {},
    )


def log_step(request_id: str, received: Received) -> Logged:
    """What is kept of a step that was logged by hand."""
    told = received.json
    request = told["providerRequest"]["json"]
    kind, name = str(request.get("_type", "")), request.get("toolName") or request.get("operation") or ""
    begin, end = (_read_moment(told.get("timing", {}).get(name)) for name in ("startTime", "endTime"))
    return Logged(
        id=request_id,
        model=f"{kind}:{request.get('name') or name}",
        request=request,
        response=told["providerResponse"]["json"],
        properties=read_properties(received),
        status=told["providerResponse"].get("status", 200),
        provider="CUSTOM",
        started_at=begin,
        ended_at=end,
    )


def read_properties(received: Received) -> dict[str, str]:
    """The properties of a request: the session's under their own names, all others in lower case."""
    found = {name: value for name in (SESSION_ID, SESSION_PATH, SESSION_NAME) if (value := received.header(name))}
    prefix = "helicone-property-"
    return found | {name.removeprefix(prefix): value for name, value in received.headers if name.startswith(prefix)}


def _read_moment(moment: Any) -> float:
    return moment["seconds"] + moment["milliseconds"] / 1000 if moment else time.time()


def _read_body(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _find_usage(response: Any) -> dict[str, int]:
    chunks = [response, *response.get("streamed_data", ())] if isinstance(response, dict) else []
    usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    return {name: usages[-1][name] for name in ("prompt_tokens", "completion_tokens")} if usages else {}
