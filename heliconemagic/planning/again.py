"""A recorded request once more, with the messages and parameters that it had: another run of its cell."""

from __future__ import annotations

from dataclasses import replace

from heliconemagic.errors import InputError
from heliconemagic.lessons.replaying import Asked
from heliconemagic.lines.options import CellCommand
from heliconemagic.paths import SessionPath
from heliconemagic.planning.history import SessionHistory
from heliconemagic.planning.plan import Plan, Setting
from heliconemagic.planning.step import plan_asked
from heliconemagic.records import Cell, Step, StepKind, StepStatus
from heliconemagic.session_state import Session
from heliconemagic.settings import RequestOptions
from heliconemagic.steps.conversation import Place


def check_repeatable(session: Session, step: Step) -> None:
    """Before anything else is asked of ``step``: one that was no request has no gateway, either.

    Raises:
        InputError: it cannot be asked again by itself; the message says what to do instead.
    """
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


def plan_again(session: Session, step: Step, setting: Setting) -> Plan:
    """The request of ``step`` again; its answer takes the place of the one there is, as when its cell runs again.

    Raises:
        InputError, CredentialError: it cannot be sent as it was.
    """
    options = _build_own_options(step).over(setting.options)
    asked = Asked(
        place=Place(
            path=SessionPath.parse(step.path), parent=session.find_parent(step), supersedes=(step.id,), label="again"
        ),
        messages=step.messages,
        parameters=step.parameters,
    )
    return plan_asked(
        session,
        CellCommand(options=options, is_logged=step.is_recorded, is_background=step.is_aside),
        asked,
        session.find_form(step),
        cell=Cell(id=step.cell, run=max(step.run + 1, int(setting.clock() * 1000))),
        setting=replace(setting, options=options),
        history=SessionHistory(session),
    )


def list_successors(session: Session, step: Step, again: Step) -> list[str]:
    """The ids of the answers that stand in the place of ``step``, where it was replaced before ``again`` has answered.

    They are of later runs of its cell, at its path. (In one run, a cell may ask several things at one path.)
    """
    known = session.find_by_id(step.id) or step
    if not (known.is_superseded and step.cell):
        return []
    return [
        other.id
        for other in session.steps
        if (other.cell, other.path, other.kind) == (step.cell, step.path, step.kind)
        and other.run > step.run
        and other.id != again.id
        and other.status is not StepStatus.PENDING
        and not other.is_superseded
    ]


def _build_own_options(step: Step) -> RequestOptions:
    """What was said of the request itself; an answer is wanted now, whatever the journal has."""
    properties = {name: value for name, value in step.properties.items() if not name.startswith("helicone-")}
    return RequestOptions(model=step.model, user=step.user or None, properties=properties, keep=False)
