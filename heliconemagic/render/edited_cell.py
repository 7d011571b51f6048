"""A recorded request as the source of a new cell that sends it again: the same messages, model and parameters.

What stands in a request came from anywhere: it is quoted so that none of it becomes an option, a template or code.
A request that ends in the user's words becomes an ``%%llm`` cell. Its earlier messages wait in a variable that
``--messages`` names; whatever else such a cell cannot say becomes Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from heliconemagic.attachments.examples import read_examples
from heliconemagic.errors import InputError
from heliconemagic.lines.option_values import HOTTEST, may_be_set
from heliconemagic.lines.writing import write_json, write_word
from heliconemagic.paths import SessionPath
from heliconemagic.records import Message
from heliconemagic.render.code import KNOWN_PARAMETERS
from heliconemagic.render.literals import PYTHON, Expression, write_string
from heliconemagic.render.terminal import drop_controls, replace_surrogates

DEFAULT_PATH = "/edited"
"""Where a request goes whose own path no request of ours can have."""
LONGEST_SOURCE = 20_000
"""Characters that stand in a cell; more waits in a variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """A request that is to be sent again."""

    path: str
    model: str  # "": the session's own
    messages: Sequence[Message]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    refuses_system: bool = False  # the open session has a system prompt, which a cell without -s would send as well


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedCell:
    """The new cell: its source, the variables it names, and what it cannot say."""

    source: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    is_prompt: bool = True  # else it is Python, and the session's own options don't hold for it


def build_edited_cell(request: RecordedRequest, taken: Mapping[str, Any]) -> EditedCell:
    """The cell of ``request``; ``taken`` are the notebook's variables, none of which is given another value."""
    path, notes = _find_path(request.path)
    request = replace(request, path=path, messages=replace_surrogates(list(request.messages)))
    names = _Names(path, taken)
    cell = _build_prompt_cell(request, names) or _build_python_cell(request, names)
    return replace(cell, notes=(*notes, *cell.notes))


def _find_path(path: str) -> tuple[str, tuple[str, ...]]:
    try:
        parsed = SessionPath.parse(path)
    except InputError:
        parsed = None
    if parsed is not None and write_word(parsed) is not None:
        return parsed, ()
    return DEFAULT_PATH, (f"its path {path[:60]!r} cannot be sent from here: {DEFAULT_PATH} stands in its place",)


class _Names:
    """Names of variables for one request, and the values they stand for."""

    def __init__(self, path: str, taken: Mapping[str, Any]) -> None:
        stem = re.sub(r"[^a-z0-9]+", "_", path.lower()).strip("_")[:40] or "request"
        self._stem = f"step_{stem}" if stem[0].isdigit() else stem
        self._taken = taken
        self.values: dict[str, Any] = {}

    def give(self, ending: str, value: Any) -> str:
        """A name for ``value``."""
        base = f"{self._stem}_{ending}"
        candidates = (base if number == 1 else f"{base}_{number}" for number in range(1, 1_000_000))
        name = next(name for name in candidates if name not in self._taken or self._is_same(name, value))
        self.values[name] = value
        return name

    def _is_same(self, name: str, value: Any) -> bool:
        held = self._taken[name]
        try:
            return type(held) is type(value) and bool(held == value)
        except (ValueError, TypeError, RecursionError):  # of whatever the notebook keeps in its list
            return False


# ---- a cell with a prompt


def _build_prompt_cell(request: RecordedRequest, names: _Names) -> EditedCell | None:
    """The ``%%llm`` cell; None where the request doesn't end in the user's words, or begins with what no cell sends."""
    *earlier, last = request.messages or [{}]
    prompt = last.get("content")
    if set(last) != {"role", "content"} or last["role"] != "user" or not isinstance(prompt, str) or not prompt.strip():
        return None
    opening = _write_earlier(earlier, names)
    if opening is None:
        return None
    if request.refuses_system and "-s" not in opening:
        opening = ["-s", "''", *opening]
    options, notes = _write_options(request)
    stands = _is_plain_prompt(prompt)
    body = prompt if stands else "{{ " + names.give("prompt", prompt) + " }}"
    raw = ["--raw"] if stands and "{{" in prompt else []
    words = ["%%llm", write_word(request.path) or "", *options, *opening, "--fresh", *raw]
    return EditedCell(source=" ".join(words) + "\n" + body, variables=names.values, notes=notes)


def _write_earlier(earlier: Sequence[Message], names: _Names) -> list[str] | None:
    """How the line says what comes before the prompt; None where it cannot."""
    if not earlier:
        return []
    system = earlier[0].get("content")
    if len(earlier) == 1 and set(earlier[0]) == {"role", "content"} and earlier[0]["role"] == "system":
        word = write_word(system) if isinstance(system, str) else None
        if word is not None:
            return ["-s", word]
    try:
        read_examples(list(earlier), {}, allows_url=True, has_system=False)
    except InputError:  # a message that --messages refuses
        return None
    return ["--messages", names.give("turns", list(earlier))]


def _is_plain_prompt(prompt: str) -> bool:
    """Whether a cell can hold it: nothing in it is lost on the way, and nothing reads differently from what it is."""
    is_kept = not prompt.endswith("\n") and not prompt.startswith("\n") and "\r" not in prompt
    return is_kept and drop_controls(prompt) == prompt and len(prompt) <= LONGEST_SOURCE


def _write_options(request: RecordedRequest) -> tuple[list[str], tuple[str, ...]]:
    """The options of model and parameters, and which parameters no option can say."""
    words, left_out = _write_model(request.model)
    for name, value in request.parameters.items():
        spelled = write_json(value)
        if name == "temperature" and _is_temperature(value):
            words += ["-t", f"{value:g}"]
        elif spelled is not None and may_be_set(name) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            words += ["-o", name, spelled]
        else:
            left_out.append(name)
    listed = ", ".join(drop_controls(name)[:40] for name in left_out)
    return words, (f"left out, as no option says it: {listed}",) if left_out else ()


def _write_model(model: str) -> tuple[list[str], list[str]]:
    word = write_word(model)
    return (["-m", word], []) if word else ([], ["model"] if model else [])


def _is_temperature(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value <= HOTTEST and float(f"{value:g}") == value  # type: ignore[operator]


# ---- a cell of Python


def _build_python_cell(request: RecordedRequest, names: _Names) -> EditedCell:
    """The request through the session's own openai client, which takes any body."""
    messages: Any = list(request.messages)
    if len(PYTHON.write(messages)) > LONGEST_SOURCE:
        messages = Expression(names.give("messages", messages))
    arguments = list(_iterate_arguments(request, messages))
    call = "".join(f"    {argument},\n" for argument in arguments)
    source = (
        "import heliconemagic\n\n"
        f"client = heliconemagic.session().client({write_string(request.path)})\n"
        f"completion = client.chat.completions.create(\n{call})\n"
        "print(completion.choices[0].message.content)"
    )
    note = "a cell of Python: only so is it the same request"
    return EditedCell(source=source, variables=names.values, notes=(note,), is_prompt=False)


def _iterate_arguments(request: RecordedRequest, messages: Any) -> Iterator[str]:
    if request.model:
        yield f"model={write_string(request.model)}"
    yield f"messages={PYTHON.write(messages, '    ')}"
    known = {name: value for name, value in request.parameters.items() if name in KNOWN_PARAMETERS}
    for name, value in known.items():
        yield f"{name}={PYTHON.write(value, '    ')}"
    extra = {name: value for name, value in request.parameters.items() if name not in KNOWN_PARAMETERS}
    if extra:
        yield f"extra_body={PYTHON.write(extra, '    ')}"
