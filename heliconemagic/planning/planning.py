"""From what a cell says to the exact request: everything is checked here, before anything is sent.

Pure but for the keys and steps it is handed; sends and records nothing.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heliconemagic import headers
from heliconemagic.attachments.attachment import iterate_attachments
from heliconemagic.attachments.gathering import Examples, Loaded, gather_attachments
from heliconemagic.attachments.tokens import estimate_content_tokens
from heliconemagic.attachments.wire import build_shown_messages
from heliconemagic.client import DEFAULT_RETRIES, DEFAULT_TIMEOUT, Request
from heliconemagic.errors import BudgetError, InputError
from heliconemagic.gateways.choice import (
    Choice,
    Credentials,
    Gateway,
    build_credentials,
    check_model,
    check_text_only,
    describe_secret_headers,
)
from heliconemagic.gateways.keys import Keys
from heliconemagic.gateways.pricing import estimate_cost, is_priced
from heliconemagic.lessons.lesson import Playing
from heliconemagic.lessons.replaying import REPLAY, Asked, find_origin, find_way, reroute
from heliconemagic.lines.options import CellCommand
from heliconemagic.paths import SessionPath
from heliconemagic.planning.history import History, Kept, SessionHistory
from heliconemagic.planning.keeping import FindReply
from heliconemagic.prompt.templates import TemplateMode, fill_template
from heliconemagic.records import Cell, Message, Step
from heliconemagic.redaction import Redactor, Secret
from heliconemagic.render.card_state import RequestForm
from heliconemagic.render.figures import format_usd
from heliconemagic.render.terminal import replace_surrogates
from heliconemagic.schemas.answer_form import AnswerForm, find_fault
from heliconemagic.schemas.reading import find_schema
from heliconemagic.session_state import Session
from heliconemagic.settings import Context, RequestOptions, Verbatim
from heliconemagic.steps.conversation import Place, Wish, build_content, build_fingerprint, build_messages
from heliconemagic.steps.rounds import UNKNOWN_TOOL, build_tool_path
from heliconemagic.tools.toolbox import Toolbox, find_tools
from heliconemagic.usage import Usage, estimate_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A step that is ready to run: the pending step, its request, and what its card says."""

    session: Session  # that was open when the cell began: the step stays in it
    step: Step
    request: Request
    place: Place
    notes: tuple[str, ...]
    wanted: AnswerForm  # what the answer must be
    redactor: Redactor  # knows every key at hand, and those that go out
    budget: float | None = None  # USD for the session
    tools: Toolbox | None = None
    kept: Step | None = None  # the recorded answer of an identical request, shown instead of sending

    @property
    def form(self) -> RequestForm:
        """The request without its secrets."""
        gateway = self.request.gateway
        return RequestForm(
            base_url=gateway.base_url,
            api_key_variable=gateway.key_variable,
            headers=dict(self.request.headers),
            secret_headers=describe_secret_headers(gateway),
            body=self.request.build_body(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all steps of one cell are planned with: options, gateway, keys, and where things are looked up."""

    options: RequestOptions  # the cell's over the session's over the defaults
    choice: Choice
    keys: Keys
    clock: Callable[[], float]
    folder: Path | None = None  # the notebook's, where the paths of attachments begin
    find_recorded: Callable[[str], bytes | None] = lambda sha256: None  # an earlier turn's attachment, by its hash
    find_reply: FindReply = lambda fingerprint: None  # an identical request in the journal, for --keep
    list_models: Callable[[], Sequence[str]] = tuple  # models that may be meant where one is unknown


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
    options, choice, keys = setting.options, setting.choice, setting.keys
    filled = fill_template(prompt, names, mode=command.mode)
    wanted = _build_wanted(command, names)
    history = history or SessionHistory(session)
    place = history.find_place(_build_wish(session, command, names, cell, options, spell))
    chain = history.build_chain(place.parent)
    system = _fill_system(options.system, names, command.mode)
    attached = _load_attachments(command, names, setting.folder)
    examples = _read_examples(command, names, has_system=system is not None)
    messages = build_messages(chain, build_content(filled.text, attached.parts), system, examples.messages)
    tools = _find_tools(command, names, place.path)
    if wanted.is_json:
        _check_json_is_asked_for(messages)
    # Half of an emoji, which answers may have, cannot be encoded: it would fail this step and all that follow it.
    asked = Asked(
        place=place,
        messages=tuple(replace_surrogates(messages)),
        parameters=replace_surrogates(
            {**_build_parameters(options), **wanted.parameters, **_build_tool_parameters(tools)}
        ),
    )
    is_cells_gateway = command.options.gateway is not None
    way = find_way(
        session.lesson, session.steps, asked, choice=choice, options=options, is_cells_gateway=is_cells_gateway
    )
    choice = way.choice
    request = Request(
        gateway=choice.gateway,
        credentials=build_credentials(choice.gateway, keys),
        model=check_model(choice.gateway, way.model),
        messages=tuple(asked.messages),
        parameters=asked.parameters,
        headers=build_tags(session, choice.gateway, place.path, options),
        streams=command.streams,
        retries=DEFAULT_RETRIES if options.retries is None else options.retries,
        timeout=DEFAULT_TIMEOUT if options.timeout is None else options.timeout,
        list_models=setting.list_models,
        attachments=gather_attachments(messages, {**examples.loaded.data, **attached.data}, setting.find_recorded),
        playing=way.playing,
    )
    if way.fallback is not None and session.lesson is not None:
        request = _add_fallback(request, way.fallback, session.lesson.patience, build_credentials(REPLAY.gateway, keys))
    secrets = (*keys.secrets, *request.credentials.secrets)
    check_no_secret([request.build_body(), dict(request.headers), request.gateway.base_url], secrets)
    check_no_secret_attached(request, secrets)
    if choice.gateway.is_text_only:
        check_text_only(choice.gateway, build_shown_messages(request.messages), request.parameters)
    fingerprint = build_fingerprint(choice.gateway.base_url, request.model, request.messages, request.parameters)
    step = Step(
        id=build_id(),
        session_id=session.record.id,
        path=place.path,
        gateway=choice.gateway.label,
        model=request.model,
        messages=request.messages,
        parameters=request.parameters,
        fingerprint=fingerprint,
        cell=cell.id,
        run=cell.run,
        parent_id=place.parent.id if place.parent else None,
        is_recorded=command.is_logged,
        is_aside=command.is_background,
        started_at=setting.clock(),
        origin=find_origin(request),
    )
    kept, note = find_kept(history, step, setting, wanted)
    if kept is None and way.playing is None:
        check_budget(history.spent, options.budget, [request])
    return Plan(
        session=session,
        step=step,
        request=request,
        place=place,
        notes=(
            *filled.notes,
            *attached.notes,
            *examples.loaded.notes,
            *_find_notes(history, place),
            *([] if way.playing else find_unsent(choice.gateway, options)),
            *way.notes,
            *note,
        ),
        wanted=wanted,
        redactor=Redactor(secrets),
        budget=options.budget,
        tools=tools,
        kept=kept,
    )


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
    _check_clean(request.build_body(), plan.redactor)
    request = reroute(plan.session, plan.place, request)
    if request.playing is None:
        check_budget(plan.session.spent, plan.budget, [request])
    step = replace(
        plan.step,
        id=step_id,
        messages=request.messages,
        parameters=request.parameters,
        started_at=now,
        origin=find_origin(request),
    )
    return replace(plan, step=step, request=request)


def _add_fallback(request: Request, playing: Playing, patience: float, credentials: Credentials) -> Request:
    """``request`` with the recording that answers should its gateway fail."""
    recorded = replace(request, gateway=REPLAY.gateway, credentials=credentials, headers={}, retries=0, playing=playing)
    return replace(request, fallback=recorded, patience=patience)


def _free_tool_choice(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A call that was forced has been made: forced again at each round, no answer would ever come."""
    choice = parameters.get("tool_choice")
    is_forced = choice == "required" or isinstance(choice, Mapping)
    return {**parameters, "tool_choice": "auto"} if is_forced else dict(parameters)


def _find_tools(command: CellCommand, names: Mapping[str, Any], path: str) -> Toolbox | None:
    tools = find_tools(command.tools, names)
    for name in (*(tool.name for tool in tools.tools), UNKNOWN_TOOL) if tools else ():
        build_tool_path(path, name)  # checked before anything is sent
    return tools


def _build_tool_parameters(tools: Toolbox | None) -> dict[str, Any]:
    return {} if tools is None else {"tools": tools.build_definitions()}


def _load_attachments(command: CellCommand, names: Mapping[str, Any], folder: Path | None) -> Loaded:
    if not command.attachments:
        return Loaded()
    from heliconemagic.attachments.loading import Sources, load_attachments

    sources = Sources(names=names, mode=command.mode, folder=folder, allows_url=command.allows_url)
    return load_attachments(command.attachments, sources)


def _read_examples(command: CellCommand, names: Mapping[str, Any], *, has_system: bool) -> Examples:
    if command.examples is None:
        return Examples()
    from heliconemagic.attachments.examples import read_examples

    return read_examples(command.examples, names, allows_url=command.allows_url, has_system=has_system)


def _build_wanted(command: CellCommand, names: Mapping[str, Any]) -> AnswerForm:
    schema = None if command.schema is None else find_schema(command.schema, names)
    return AnswerForm(
        schema=schema,
        is_json=command.is_json,
        wants_code=command.extracts or command.fills_cell,
        fills_cell=command.fills_cell,
    )


def find_kept(history: History, step: Step, setting: Setting, wanted: AnswerForm) -> Kept:
    """The recorded answer that stands for the step's request, if it is what is asked for now."""
    kept, note = history.find_kept(step, keep=setting.options.keep, find_reply=setting.find_reply)
    if kept is not None and find_fault(kept, wanted) is not None:
        return None, ("the recorded answer isn't what the cell asks for: asked again",)
    return kept, note


def _check_json_is_asked_for(messages: Sequence[Message]) -> None:
    """OpenAI refuses ``json_object`` without the word; other models then write blanks without end."""
    if "json" not in json.dumps(messages, default=str).casefold():
        raise InputError(
            "--json needs the word JSON in the prompt: models have to be told.",
            hint="say what you want, such as: Answer as JSON with the keys title and minutes; or use --schema",
        )


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


def _fill_system(system: str | None, names: Mapping[str, Any], mode: TemplateMode) -> str | None:
    return system if system is None or isinstance(system, Verbatim) else fill_template(system, names, mode=mode).text


def parse_path(
    text: str | None, names: Mapping[str, Any], mode: TemplateMode, spell: Callable[[str], str] = str
) -> SessionPath | None:
    """The path as typed on the line, filled."""
    return None if text is None else SessionPath.parse(fill_template(text, names, mode=mode, spell=spell).text)


def _build_parameters(options: RequestOptions) -> dict[str, Any]:
    temperature = {} if options.temperature is None else {"temperature": options.temperature}
    return {**temperature, **options.parameters}


def build_tags(session: Session, gateway: Gateway, path: str, options: RequestOptions) -> dict[str, str]:
    """The headers that make a request the session's; none where no Helicone reads them.

    Raises:
        InputError: a value cannot travel in a header.
    """
    built = headers.build_request_headers(
        session_id=session.record.id,
        session_name=session.record.name,
        path=path,
        user=options.user,
        properties=options.properties,
        cache=options.cache,
    )
    # Built, and so checked, for every gateway: a session may move from one that needs none to one that does.
    return {**built, **gateway.extra_headers} if gateway.is_helicone else {}


def check_no_secret(sent: object, secrets: Iterable[Secret]) -> None:
    """A key never travels in a body, an address or a header that is not its own: it would be logged there.

    Raises:
        InputError: the prompt, an earlier turn, a parameter, a name or a header has a configured key's value.
    """
    _check_clean(sent, Redactor(secrets))


def _check_clean(sent: object, redactor: Redactor) -> None:
    text = json.dumps(sent, ensure_ascii=False, default=str)
    if redactor.redact(text) != text:
        raise InputError(
            "the request contains the value of one of your keys; nothing was sent.",
            hint="take the key out of the prompt, its templates, or the options",
        )


def check_no_secret_attached(request: Request, secrets: Iterable[Secret]) -> None:
    """No key travels in an attachment either, as far as its bytes show one: a picture's or a packed PDF's don't.

    Raises:
        InputError: one has a configured key's value.
    """
    redactor = Redactor(secrets)
    for attachment in iterate_attachments(request.messages):
        text = request.attachments[attachment.sha256].decode("latin-1")
        if redactor.redact(text) != text:
            raise InputError(
                f"the attachment {attachment.name!r} contains the value of one of your keys; nothing was sent.",
                hint="take the key out of it",
            )


def check_budget(spent: float, budget: float | None, requests: Sequence[Request]) -> None:
    """Whether the prompts of ``requests``, which are sent together, fit into what is left of the budget.

    Raises:
        BudgetError: they don't, or a model has no known price.
    """
    if budget is None:
        return
    for request in requests:
        if not is_priced(request.model, gateway=request.gateway):
            raise BudgetError(
                f"no price is known for {request.model!r}, so --budget cannot be kept.",
                hint="choose another model with -m, or run the session line again without --budget",
            )
    prompt_cost = sum(estimate_request_cost(request) or 0.0 for request in requests)
    if spent + prompt_cost > budget:
        prompts = "this prompt alone costs" if len(requests) == 1 else f"the {len(requests)} prompts alone cost"
        raise BudgetError(
            f"the budget of {format_usd(budget)} would be exceeded: {format_usd(spent)} is spent, "
            f"and {prompts} about {format_usd(prompt_cost)}.",
            hint="raise --budget on the session line",
        )


def estimate_request_tokens(request: Request) -> int:
    """Roughly the tokens of the request's messages and tools."""
    tools = request.parameters.get("tools")
    offered = estimate_tokens(json.dumps(tools, default=str)) if tools else 0
    return offered + sum(
        4 + estimate_content_tokens(message.get("content"), request.model) for message in request.messages
    )


def estimate_request_cost(request: Request) -> float | None:
    """USD for the prompt alone, estimated; None if the model is unpriced."""
    usage = Usage(prompt_tokens=estimate_request_tokens(request), completion_tokens=0)
    return estimate_cost(request.model, usage, gateway=request.gateway)


def find_unsent(gateway: Gateway, options: RequestOptions) -> list[str]:
    """Says which options mean nothing to ``gateway``: they are Helicone's."""
    given = {"--user": options.user, "-p": options.properties, "--cache": options.cache is not None}
    unsent = [option for option, value in given.items() if value]
    if gateway.is_helicone or not unsent:
        return []
    return [f"{' and '.join(unsent)} not sent: {gateway.label} is not Helicone's"]


def _find_notes(history: History, place: Place) -> Sequence[str]:
    if place.parent is None or not history.is_stale(place.parent):
        return ()
    return (f"{place.parent.path} is stale: it continues an answer that was replaced since",)
