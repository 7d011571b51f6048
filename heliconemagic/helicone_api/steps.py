"""Requests at Helicone as steps of the journal: the same one each time they are read."""

from __future__ import annotations

import uuid
from typing import Any

from heliconemagic.helicone_api.bodies import Exchange
from heliconemagic.helicone_api.filters import CANCELLED
from heliconemagic.helicone_api.rows import RequestRow
from heliconemagic.records import Attempt, Delivery, DeliveryState, Feedback, Step, StepStatus
from heliconemagic.steps.tree import parse_kind
from heliconemagic.usage import Usage

_NAMESPACE = uuid.UUID("5b0c3c63-5cf0-4c5c-9a53-6f3d4d0b8d57")


def build_step_id(session_id: str, request_id: str) -> str:
    """The id of the step that a request of a session becomes, whenever and wherever it is read."""
    return str(uuid.uuid5(_NAMESPACE, f"{session_id}\n{request_id}"))


def build_step(row: RequestRow, exchange: Exchange | None, *, session_id: str, gateway: str) -> Step:
    """The step of ``row``; without its bodies, what the row alone tells. ``gateway`` is the label it goes by."""
    exchange = exchange or Exchange()
    status = _find_status(row)
    failure = " ".join(part for part in (row.failure, exchange.error) if part)
    fields: dict[str, Any] = {**exchange.answer, "usage": _find_usage(row, exchange)}
    return Step(
        id=build_step_id(session_id, row.id),
        session_id=session_id,
        path=row.path,
        kind=parse_kind(row.model),
        status=status,
        gateway=gateway,
        model=exchange.model or row.model,
        messages=exchange.messages,
        parameters=exchange.parameters,
        input=exchange.input,
        user=row.user,
        properties=row.properties,
        cell=f"helicone:{row.id}",  # a cell of its own, which runs nowhere
        run=int(row.started_at * 1000),
        started_at=row.started_at,
        first_token_at=row.first_token_at,
        ended_at=row.ended_at,
        cost=row.cost,
        error=failure if status is not StepStatus.DONE else None,
        attempts=(_build_attempt(row),),
        **fields,
    )


def build_feedback(row: RequestRow, *, session_id: str) -> list[Feedback]:
    """What somebody thought of a request at Helicone."""
    step_id = build_step_id(session_id, row.id)
    delivery = Delivery(state=DeliveryState.ACCEPTED, helicone_id=row.id)
    return [
        Feedback(
            id=str(uuid.uuid5(_NAMESPACE, f"{step_id}\n{name}")),
            session_id=session_id,
            step_id=step_id,
            name=name,
            value=value,
            given_at=row.ended_at,
            delivery=delivery,
        )
        for name, value in row.scores.items()
    ]


def _find_status(row: RequestRow) -> StepStatus:
    if row.status == CANCELLED:
        return StepStatus.INTERRUPTED
    return StepStatus.FAILED if row.is_failed else StepStatus.DONE


def _find_usage(row: RequestRow, exchange: Exchange) -> Usage | None:
    """Tokens as Helicone counts them; where it counted none, as the answer does."""
    if not (row.prompt_tokens or row.completion_tokens):
        usage: Usage | None = exchange.answer.get("usage")
        return usage
    return Usage(
        prompt_tokens=row.prompt_tokens, completion_tokens=row.completion_tokens, cached_tokens=row.cached_tokens
    )


def _build_attempt(row: RequestRow) -> Attempt:
    return Attempt(
        request_id=row.id,
        started_at=row.started_at,
        first_byte_at=row.first_token_at,
        ended_at=row.ended_at,
        status_code=row.status if row.status > 0 else None,
        helicone_id=row.id,
        error=row.failure or None,
    )
