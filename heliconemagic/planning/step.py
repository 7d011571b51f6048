"""From what a cell says to the exact request: everything is checked here, before anything is sent.

Pure but for the keys and steps it is handed; sends and records nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from heliconemagic.attachments.gathering import gather_attachments
from heliconemagic.client import DEFAULT_RETRIES, DEFAULT_TIMEOUT, Request
from heliconemagic.gateways.choice import Credentials, build_credentials, check_model
from heliconemagic.lessons.lesson import Playing
from heliconemagic.lessons.replaying import REPLAY, Asked, Way, find_origin, find_way
from heliconemagic.lines.options import CellCommand
from heliconemagic.paths import SessionPath
from heliconemagic.planning.checks import check_budget, check_request
from heliconemagic.planning.composing import build_wanted, compose
from heliconemagic.planning.history import History, Kept, SessionHistory
from heliconemagic.planning.plan import Plan, Setting
from heliconemagic.planning.tags import build_tags, find_unsent
from heliconemagic.prompt.templates import TemplateMode, fill_template
from heliconemagic.records import Cell, Step
from heliconemagic.redaction import Redactor
from heliconemagic.schemas.answer_form import AnswerForm, find_fault
from heliconemagic.session_state import Session
from heliconemagic.settings import Context, RequestOptions
from heliconemagic.steps.conversation import Place, Wish, build_fingerprint

NO_DATA: Mapping[str, bytes] = MappingProxyType({})


def plan_step(
    session: Session,
    command: CellCommand,
    prompt: str,
    *,
    names: Mapping[str, Any],
    cell: Cell,
    setting: Setting,
    build_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    history: History | None = None,
    spell: Callable[[str], str] = str,
) -> Plan:
    """The plan of one cell.

    Args:
        prompt: the cell's text, templates not yet filled.
        names: what templates may name.
        history: the steps so far; the session's own unless given.
        spell: how a value is written that the path names.

    Raises:
        InputError: anything about the cell that cannot be sent.
        CredentialError: the gateway's keys are missing or misshapen.
    """
    options, history = setting.options, history or SessionHistory(session)
    filled = fill_template(prompt, names, mode=command.mode)
    wanted = build_wanted(command, names)
    place = history.find_place(_build_wish(session, command, names, cell, options, spell))
    chain = history.build_chain(place.parent)
    composed = compose(command, filled, names, setting, wanted, chain=chain, path=place.path)
    asked = Asked(place=place, messages=tuple(composed.messages), parameters=composed.parameters)
    plan = plan_asked(
        session,
        command,
        asked,
        wanted,
        cell=cell,
        setting=setting,
        history=history,
        data=composed.data,
        build_id=build_id,
    )
    return replace(plan, notes=(*composed.notes, *plan.notes), tools=composed.tools)


def plan_asked(
    session: Session,
    command: CellCommand,
    asked: Asked,
    wanted: AnswerForm,
    *,
    cell: Cell,
    setting: Setting,
    history: History,
    data: Mapping[str, bytes] = NO_DATA,
    build_id: Callable[[], str] = lambda: str(uuid.uuid4()),
) -> Plan:
    """The plan of a request whose messages and parameters are there; ``data`` is what is attached anew, by hash.

    Raises:
        InputError, CredentialError: it cannot be sent.
    """
    options, place = setting.options, asked.place
    way = _find_way(session, command, asked, setting)
    request = _build_request(session, command, asked, way, setting, data)
    secrets = (*setting.keys.secrets, *request.credentials.secrets)
    check_request(request, secrets)
    step = _build_step(session, command, place, request, cell=cell, step_id=build_id(), now=setting.clock())
    kept, note = find_kept(history, step, setting, wanted)
    if kept is None and way.playing is None:
        check_budget(history.spent, options.budget, [request])
    unsent = [] if way.playing else find_unsent(way.choice.gateway, options)
    return Plan(
        session=session,
        step=step,
        request=request,
        place=place,
        notes=(*_find_notes(history, place), *unsent, *way.notes, *note),
        wanted=wanted,
        redactor=Redactor(secrets),
        budget=options.budget,
        kept=kept,
    )


def _find_way(session: Session, command: CellCommand, asked: Asked, setting: Setting) -> Way:
    return find_way(
        session.lesson,
        session.steps if session.lesson else (),  # a copy of them all, for each row of a batch
        asked,
        choice=setting.choice,
        options=setting.options,
        is_cells_gateway=command.options.gateway is not None,
    )


def _build_request(
    session: Session, command: CellCommand, asked: Asked, way: Way, setting: Setting, data: Mapping[str, bytes]
) -> Request:
    options, gateway = setting.options, way.choice.gateway
    request = Request(
        gateway=gateway,
        credentials=build_credentials(gateway, setting.keys),
        model=check_model(gateway, way.model),
        messages=tuple(asked.messages),
        parameters=asked.parameters,
        headers=build_tags(session, gateway, asked.place.path, options),
        streams=command.streams,
        retries=DEFAULT_RETRIES if options.retries is None else options.retries,
        timeout=DEFAULT_TIMEOUT if options.timeout is None else options.timeout,
        list_models=setting.list_models,
        attachments=gather_attachments(asked.messages, data, setting.find_recorded),
        playing=way.playing,
    )
    if way.fallback is None or session.lesson is None:
        return request
    return _add_fallback(
        request, way.fallback, session.lesson.patience, build_credentials(REPLAY.gateway, setting.keys)
    )


def _build_step(
    session: Session, command: CellCommand, place: Place, request: Request, *, cell: Cell, step_id: str, now: float
) -> Step:
    gateway = request.gateway
    options = command.options.over(session.options)
    return Step(
        id=step_id,
        session_id=session.record.id,
        path=place.path,
        gateway=gateway.label,
        model=request.model,
        messages=request.messages,
        parameters=request.parameters,
        user=options.user or "",
        properties={name.lower(): value for name, value in options.properties.items()},  # as Helicone stores them
        fingerprint=build_fingerprint(gateway.base_url, request.model, request.messages, request.parameters),
        cell=cell.id,
        run=cell.run,
        parent_id=place.parent.id if place.parent else None,
        is_recorded=command.is_logged,
        is_aside=command.is_background,
        started_at=now,
        origin=find_origin(request),
    )


def _add_fallback(request: Request, playing: Playing, patience: float, credentials: Credentials) -> Request:
    """``request`` with the recording that answers should its gateway fail."""
    recorded = replace(request, gateway=REPLAY.gateway, credentials=credentials, headers={}, retries=0, playing=playing)
    return replace(request, fallback=recorded, patience=patience)


def find_kept(history: History, step: Step, setting: Setting, wanted: AnswerForm) -> Kept:
    """The recorded answer that stands for the step's request, if it is what is asked for now."""
    kept, note = history.find_kept(step, keep=setting.options.keep, find_reply=setting.find_reply)
    if kept is not None and find_fault(kept, wanted) is not None:
        return None, ("the recorded answer isn't what the cell asks for: asked again",)
    return kept, note


def _build_wish(
    session: Session,
    command: CellCommand,
    names: Mapping[str, Any],
    cell: Cell,
    options: RequestOptions,
    spell: Callable[[str], str],
) -> Wish:
    return Wish(
        path=parse_path(command.path, names, command.mode, spell),
        cell=cell.id,
        run=cell.run,
        context=options.context or Context.AUTO,
        continues=command.continues,
        after=parse_path(command.after, names, command.mode),
        is_fresh=command.is_fresh,
        running=frozenset(session.running),
    )


def parse_path(
    text: str | None, names: Mapping[str, Any], mode: TemplateMode, spell: Callable[[str], str] = str
) -> SessionPath | None:
    """The path as typed on the line, filled."""
    return None if text is None else SessionPath.parse(fill_template(text, names, mode=mode, spell=spell).text)


def _find_notes(history: History, place: Place) -> Sequence[str]:
    if place.parent is None or not history.is_stale(place.parent):
        return ()
    return (f"{place.parent.path} is stale: it continues an answer that was replaced since",)
