"""The further requests of a cell with tools: the calls and their results go back to the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from heliconemagic.lessons.replaying import find_origin, reroute
from heliconemagic.planning.checks import check_budget, check_clean
from heliconemagic.planning.plan import Plan
from heliconemagic.records import Message
from heliconemagic.render.terminal import replace_surrogates


def plan_round(plan: Plan, messages: Sequence[Message], *, now: float, step_id: str) -> Plan:
    """The next request of a cell with tools: what was sent, then ``messages``, the calls and their results.

    Its fingerprint stays that of the first one, which is what the cell asked.

    Raises:
        InputError: it would hold a key, or exceed the budget; it is not sent.
    """
    request = replace(
        plan.request,
        messages=(*plan.request.messages, *replace_surrogates(list(messages))),
        parameters=_free_tool_choice(plan.request.parameters),
    )
    check_clean(request.build_body(), plan.redactor)
    request = reroute(plan.session, plan.place, request)
    if request.playing is None:
        check_budget(plan.session.committed, plan.budget, [request])
    step = replace(
        plan.step,
        id=step_id,
        messages=request.messages,
        parameters=request.parameters,
        started_at=now,
        origin=find_origin(request),
    )
    return replace(plan, step=step, request=request)


def _free_tool_choice(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A call that was forced has been made: forced again at each round, no answer would ever come."""
    choice = parameters.get("tool_choice")
    is_forced = choice == "required" or isinstance(choice, Mapping)
    return {**parameters, "tool_choice": "auto"} if is_forced else dict(parameters)
