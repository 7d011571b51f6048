"""A recorded request once more, exactly as it was: another run of its cell."""

from __future__ import annotations

from collections.abc import Callable

from heliconemagic.attachments.gathering import gather_attachments
from heliconemagic.client import DEFAULT_RETRIES, DEFAULT_TIMEOUT, Request
from heliconemagic.errors import InputError
from heliconemagic.gateways.choice import build_credentials, check_model
from heliconemagic.paths import SessionPath
from heliconemagic.planning.checks import check_budget, check_request
from heliconemagic.planning.plan import Plan, Setting
from heliconemagic.planning.tags import build_tags
from heliconemagic.records import Step, StepKind, StepStatus
from heliconemagic.redaction import Redactor
from heliconemagic.session_state import Session
from heliconemagic.steps.conversation import Place


def plan_again(session: Session, step: Step, setting: Setting, *, build_id: Callable[[], str]) -> Plan:
    """The request of ``step`` again; its answer takes the place of the one there is, as when its cell runs again.

    Raises:
        InputError, CredentialError: it cannot be sent as it was; the message says what to do instead.
    """
    _check_repeatable(session, step)
    gateway, options = setting.choice.gateway, setting.options
    request = Request(
        gateway=gateway,
        credentials=build_credentials(gateway, setting.keys),
        model=check_model(gateway, step.model),
        messages=step.messages,
        parameters=step.parameters,
        headers=build_tags(session, gateway, step.path, options),
        retries=DEFAULT_RETRIES if options.retries is None else options.retries,
        timeout=DEFAULT_TIMEOUT if options.timeout is None else options.timeout,
        list_models=setting.list_models,
        attachments=gather_attachments(step.messages, {}, setting.find_recorded),
    )
    secrets = (*setting.keys.secrets, *request.credentials.secrets)
    check_request(request, secrets)
    check_budget(session.committed, options.budget, [request])
    now = setting.clock()
    parent = session.find_parent(step)
    return Plan(
        session=session,
        step=_build_step(step, step_id=build_id(), now=now),
        request=request,
        place=Place(path=SessionPath(step.path), parent=parent, supersedes=(step.id,)),
        notes=(),
        wanted=session.find_form(step),
        redactor=Redactor(secrets),
        budget=options.budget,
    )


def _check_repeatable(session: Session, step: Step) -> None:
    hint = f"run the cell of {step.path} again"
    if step.kind is not StepKind.LLM or not step.messages:
        raise InputError(f"{step.path} is no request to a model.", hint=hint)
    if step.status is StepStatus.PENDING:
        raise InputError(f"{step.path} is still running.", hint="wait until it has ended")
    if step.parameters.get("tools") or step.follows_tools:
        raise InputError(f"{step.path} calls functions of the notebook.", hint=hint)
    if step.comparison:
        raise InputError(f"{step.path} is one of several answers that its cell compares.", hint=hint)
    if session.lesson is not None or step.gateway == "replay":
        raise InputError("a recorded lesson answers in this session.", hint=hint)


def _build_step(step: Step, *, step_id: str, now: float) -> Step:
    """The same request, not yet answered: of the same cell, in a run of its own."""
    return Step(
        id=step_id,
        session_id=step.session_id,
        path=step.path,
        gateway=step.gateway,
        model=step.model,
        messages=step.messages,
        parameters=step.parameters,
        user=step.user,
        properties=step.properties,
        fingerprint=step.fingerprint,
        cell=step.cell,
        run=max(step.run + 1, int(now * 1000)),
        parent_id=step.parent_id,
        is_recorded=step.is_recorded,
        is_aside=step.is_aside,
        started_at=now,
    )
