"""Several answers to one prompt: their plans, and which of them can be made the current one.

Everything is checked here, before anything is sent; knows neither engine nor display.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from heliconemagic import headers
from heliconemagic.client import Request
from heliconemagic.demo.text import SAMPLE_HEADER
from heliconemagic.errors import InputError
from heliconemagic.gateways.choice import check_model
from heliconemagic.lessons.replaying import find_origin, reroute
from heliconemagic.paths import SessionPath, join_paths
from heliconemagic.planning.checks import check_budget
from heliconemagic.planning.keeping import is_own_step
from heliconemagic.planning.plan import Plan
from heliconemagic.records import Step
from heliconemagic.session_state import Session
from heliconemagic.steps.comparison import Variant, find_variants
from heliconemagic.steps.conversation import Place, build_fingerprint

FindKept = Callable[[Step], tuple[Step | None, tuple[str, ...]]]
"""The recorded answer that stands for the request of a step, and what has to be said about the search."""


def build_variants(
    first: Plan,
    variants: Sequence[Variant],
    *,
    find_kept: FindKept,
    build_id: Callable[[], str] = lambda: str(uuid.uuid4()),
) -> list[Plan]:
    """A plan for each of ``variants``: the same prompt, place and options as ``first``, in one comparison.

    The template was filled once: what it draws from a generator or a clock is the same for all.

    Raises:
        InputError: a model that cannot be, or more than the budget has left.
    """
    plans: list[Plan] = []
    for variant in variants:
        same_model = (plan.request.playing for plan in plans if plan.request.model == variant.model)
        taken = [playing.recording.text for playing in same_model if playing]
        plans.append(_vary(first, variant, build_id(), find_kept, taken))
    paid = [plan.request for plan in plans if plan.kept is None and plan.request.playing is None]
    check_budget(first.session.committed, first.budget, paid)
    kept = next((plan.kept.comparison for plan in plans if plan.kept and is_own_step(plan.kept, plan.step)), "")
    comparison = kept or plans[0].step.id
    place = _spare(first.place, {plan.kept.id for plan in plans if plan.kept})
    return [replace(plan, step=replace(plan.step, comparison=comparison), place=place) for plan in plans]


def _spare(place: Place, kept: Collection[str]) -> Place:
    """The same place; what is kept is not superseded by the others."""
    return replace(place, supersedes=tuple(step_id for step_id in place.supersedes if step_id not in kept))


def _vary(first: Plan, variant: Variant, step_id: str, find_kept: FindKept, taken: Sequence[str]) -> Plan:
    request = replace(
        first.request,
        model=check_model(first.request.gateway, variant.model),
        headers={**first.request.headers, **_build_sample_headers(first.request, variant.sample)},
    )
    request = reroute(first.session, first.place, request, taken=taken)
    fingerprint = build_fingerprint(
        request.gateway.base_url, request.model, request.messages, request.parameters, variant.sample
    )
    step = replace(
        first.step,
        id=step_id,
        model=request.model,
        fingerprint=fingerprint,
        variant=variant.number,
        origin=find_origin(request),
    )
    kept, said = find_kept(step)
    notes = (*(note for note in first.notes if note not in said), *said)
    return replace(first, step=step, request=request, kept=kept, notes=notes)


def _build_sample_headers(request: Request, sample: int) -> dict[str, str]:
    if request.gateway.preset == "demo":
        return {SAMPLE_HEADER: str(sample)} if sample > 1 else {}
    return headers.build_sample_headers(request.headers, sample)


def find_pickable(session: Session, path: SessionPath, number: int) -> Step:
    """The variant ``number`` of the newest comparison at ``path``.

    Raises:
        InputError: there is none, or it cannot be continued.
    """
    newest = session.find_step(path)
    if newest is None:
        known = join_paths(session.iterate_paths())
        raise InputError(f"no finished step at {path!r} in this session.", hint=f"paths used so far: {known}")
    variants = find_variants(session.steps, newest)
    if len(variants) == 1:
        raise InputError(
            f"{path!r} has one answer: there is nothing to pick.", hint=f"compare several with %%llm {path} -n 3"
        )
    usable = [step.variant for step in variants if step.is_usable_parent]
    chosen = next((step for step in variants if step.variant == number), None)
    if chosen is None or number not in usable:
        problem = f"has no answer {number}" if chosen is None else f"has an answer {number} that cannot be continued"
        listed = ", ".join(map(str, usable))
        raise InputError(
            f"{path!r} {problem}.", hint=f"pick one of {listed}: %helicone_session pick {path} {usable[0]}"
        )
    return chosen
