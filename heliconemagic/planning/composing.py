"""What a cell says, filled in: prompt, system prompt, attachments, examples, tools, parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heliconemagic.attachments.gathering import Examples, Loaded
from heliconemagic.errors import InputError
from heliconemagic.lines.options import CellCommand
from heliconemagic.planning.plan import Setting
from heliconemagic.prompt.templates import Filled, TemplateMode, fill_template
from heliconemagic.records import Message, Step
from heliconemagic.render.terminal import replace_surrogates
from heliconemagic.schemas.answer_form import AnswerForm
from heliconemagic.schemas.reading import find_schema
from heliconemagic.settings import RequestOptions, Verbatim
from heliconemagic.steps.conversation import build_content, build_messages
from heliconemagic.steps.rounds import UNKNOWN_TOOL, build_tool_path
from heliconemagic.tools.toolbox import Toolbox, find_tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """What a cell says, filled in: what is sent of it, and what comes along."""

    messages: list[Message]
    parameters: dict[str, Any]
    data: Mapping[str, bytes]  # of what is attached to this cell, by hash
    tools: Toolbox | None
    notes: tuple[str, ...]


def compose(
    command: CellCommand,
    filled: Filled,
    names: Mapping[str, Any],
    setting: Setting,
    wanted: AnswerForm,
    *,
    chain: Sequence[Step],
    path: str,
) -> Composed:
    """The messages and parameters of a cell at ``path``, after the turns of ``chain``.

    Raises:
        InputError: a file, a tool, an example or the system prompt cannot be had.
    """
    options = setting.options
    system = _fill_system(options.system, names, command.mode)
    attached = _load_attachments(command, names, setting.folder)
    examples = _read_examples(command, names, has_system=bool(system))
    messages = build_messages(chain, build_content(filled.text, attached.parts), system, examples.messages)
    tools = _find_tools(command, names, path)
    if wanted.is_json:
        _check_json_is_asked_for(messages)
    parameters = {**_build_parameters(options), **wanted.parameters, **_build_tool_parameters(tools)}
    # Half of an emoji, which answers may have, cannot be encoded: it would fail this step and all that follow it.
    return Composed(
        messages=replace_surrogates(messages),
        parameters=replace_surrogates(parameters),
        data={**examples.loaded.data, **attached.data},
        tools=tools,
        notes=(*filled.notes, *attached.notes, *examples.loaded.notes),
    )


def build_wanted(command: CellCommand, names: Mapping[str, Any]) -> AnswerForm:
    """What the answer must be, as the line says."""
    schema = None if command.schema is None else find_schema(command.schema, names)
    return AnswerForm(
        schema=schema,
        is_json=command.is_json,
        wants_code=command.extracts or command.fills_cell,
        fills_cell=command.fills_cell,
    )


def _fill_system(system: str | None, names: Mapping[str, Any], mode: TemplateMode) -> str | None:
    return system if system is None or isinstance(system, Verbatim) else fill_template(system, names, mode=mode).text


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


def _find_tools(command: CellCommand, names: Mapping[str, Any], path: str) -> Toolbox | None:
    tools = find_tools(command.tools, names)
    for name in (*(tool.name for tool in tools.tools), UNKNOWN_TOOL) if tools else ():
        build_tool_path(path, name)  # checked before anything is sent
    return tools


def _build_parameters(options: RequestOptions) -> dict[str, Any]:
    temperature = {} if options.temperature is None else {"temperature": options.temperature}
    return {**temperature, **options.parameters}


def _build_tool_parameters(tools: Toolbox | None) -> dict[str, Any]:
    return {} if tools is None else {"tools": tools.build_definitions()}


def _check_json_is_asked_for(messages: Sequence[Message]) -> None:
    """OpenAI refuses ``json_object`` without the word; other models then write blanks without end."""
    if "json" not in json.dumps(messages, default=str).casefold():
        raise InputError(
            "--json needs the word JSON in the prompt: models have to be told.",
            hint="say what you want, such as: Answer as JSON with the keys title and minutes; or use --schema",
        )
