"""A plan in words, for --dry-run."""

from __future__ import annotations

from heliconemagic.attachments.attachment import Attachment, iterate_attachments
from heliconemagic.attachments.tokens import estimate_attachment_tokens
from heliconemagic.planning.estimates import estimate_request_cost, estimate_request_tokens
from heliconemagic.planning.keeping import mark_kept
from heliconemagic.planning.plan import Plan
from heliconemagic.render.card_words import describe_source
from heliconemagic.render.figures import format_cost, format_count


def describe_plan(plan: Plan, times: int = 1) -> list[str]:
    """A plan in words: its place, its size, what its prompt would cost, sent so many ``times``."""
    cost = estimate_request_cost(plan.request)
    cost = cost and times * cost
    tokens = estimate_request_tokens(plan.request)
    priced = f"{format_cost(cost)} for the prompt, est." if cost else format_cost(cost)
    return [
        f"{plan.place.path} · {plan.place.label} · {plan.request.gateway.label} · {plan.request.model}",
        f"about {format_count(tokens, 'token')} in {format_count(len(plan.request.messages), 'message')} · {priced}",
        *([f"{describe_source(mark_kept(plan.kept).origin)}: nothing would be sent"] if plan.kept else []),
        *(describe_attachment(found, plan.step.model) for found in iterate_attachments(plan.step.messages)),
        *([f"{times} times at once, each with an answer of its own"] if times > 1 else ()),
        *plan.notes,
    ]


def describe_attachment(attachment: Attachment, model: str) -> str:
    """What goes along with a request, and about how much of its tokens that is."""
    tokens = format_count(estimate_attachment_tokens(attachment, model), "token")
    return f"attached {attachment.describe_named()} · about {tokens}"
