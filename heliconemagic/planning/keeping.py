"""Answers that are not paid for twice: a finished reply of the very same request stands for a new one.

Pure. The same request means: to the same server, the same model, messages and parameters, attachments
among them (`heliconemagic.steps.conversation.build_fingerprint`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from heliconemagic.records import Origin, OriginKind, Step, StepStatus
from heliconemagic.session_state import Session

FindReply = Callable[[str], Step | None]
"""The newest whole answer to the request of a fingerprint, in any session."""


def find_own_reply(session: Session, fingerprint: str) -> Step | None:
    """The newest whole answer that ``session`` itself has to the request; not one kept out of the journal."""
    answered = (step for step in reversed(session.steps) if step.fingerprint == fingerprint)
    return next((step for step in answered if step.is_whole and step.is_recorded and not _is_played(step)), None)


def _is_played(step: Step) -> bool:
    """Whether a recorded lesson answered, not the server that was asked."""
    return step.origin is not None and step.origin.kind is not OriginKind.KEPT


def is_own_step(kept: Step, step: Step) -> bool:
    """Whether ``kept`` is what the cell of ``step`` gave before, in the same place: it stays the cell's step."""
    return not kept.is_superseded and _find_place(kept) == _find_place(step)


def _find_place(step: Step) -> tuple[str, str, str, str | None]:
    return step.session_id, step.cell, step.path, step.parent_id


def join_comparison(kept: Step, step: Step) -> Step:
    """``kept`` in the comparison that ``step`` would be of; in another one it may have been picked."""
    if (kept.comparison, kept.variant) == (step.comparison, step.variant):
        return kept
    is_picked = kept.is_picked and kept.comparison == step.comparison
    return replace(kept, comparison=step.comparison, variant=step.variant, is_picked=is_picked)


def mark_kept(kept: Step) -> Step:
    """``kept`` as it is shown in place of a request: it costs nothing now."""
    origin = Origin(kind=OriginKind.KEPT, answered_at=_find_moment(kept))
    return replace(kept, origin=origin, cost=0.0)


def build_kept_step(step: Step, kept: Step, *, now: float) -> Step:
    """``step``, which was about to be sent, with the answer of ``kept``, a step from elsewhere."""
    origin = Origin(kind=OriginKind.KEPT, answered_at=_find_moment(kept))
    return replace(
        step,
        status=StepStatus.DONE,
        messages=kept.messages if kept.follows_tools else step.messages,  # with what its tools gave
        started_at=now,
        ended_at=now,
        text=kept.text,
        reasoning=kept.reasoning,
        refusal=kept.refusal,
        tool_calls=kept.tool_calls,
        finish_reason=kept.finish_reason,
        answered_by=kept.answered_by,
        usage=kept.usage,
        cost=0.0,
        origin=origin,
    )


def _find_moment(kept: Step) -> float:
    """When a model gave the answer, however often it was kept since."""
    return kept.origin.answered_at if kept.origin else kept.started_at
