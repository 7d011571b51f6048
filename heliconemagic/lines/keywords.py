"""Reads options from Python keywords: the long names of a line's options, their values as Python has them.

`parse_cell_keywords("/plan", temperature=0.2)` says what ``%%llm /plan --temperature 0.2`` says. What options
there are, and what is wrong with a value, stands in `heliconemagic.lines.option_table` and nowhere else.
"""

from __future__ import annotations

import difflib
import json
import keyword
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.lines.option_table import Option, Scope, list_options
from heliconemagic.lines.option_values import PARAMETERS
from heliconemagic.lines.options import CellCommand, SessionCommand, check_lesson, check_together
from heliconemagic.prompt.templates import TemplateMode
from heliconemagic.settings import RequestOptions

_LOOP = "await asyncio.gather(*(session.aask(…) for row in rows)), or use %%llm --for"
CELL_REFUSALS = {
    "out": "keep what ask() gives: abstract = session.ask(…)",
    "mode": "nothing is filled in here: write an f-string",
    "is_quiet": "ask() shows nothing by itself",
    "is_background": "await session.aask(…), or ask from a thread",
    "is_live": "ask() shows nothing by itself; %%llm --live does",
    "fills_cell": "ask() makes no cell: extract=True puts the code into reply.code",
    "approves": "ask() shows nothing to approve: let the function itself ask",
    "is_dry_run": "%llm --dry-run shows a request without sending it",
    "rows": _LOOP,
    "jobs": _LOOP,
    "is_anew": _LOOP,
    "samples": "ask() gives one reply; %%llm -n compares several",
    "help": "help(session.ask) and %%llm? tell of the options",
}
"""Options of a cell that mean nothing in Python, by their fields, and what to do instead."""
SESSION_REFUSALS = {
    "name": "give the name first: session('Course Creation', …)",
    "help": "help(heliconemagic.session) and %helicone_session? tell of the options",
}
CLIENT_FIELDS = frozenset({"user", "properties", "cache", "retries", "timeout"})
"""Options of all requests of a client, by their fields."""

_REQUEST_FIELDS = frozenset(option.name for option in fields(RequestOptions))


def parse_cell_keywords(path: str, given: Mapping[str, Any]) -> CellCommand:
    """What a call says about a step at ``path``; its prompt and paths are taken as they are.

    Raises:
        InputError: a keyword is no option, or its value cannot be meant.
    """
    arguments = _read(given, Scope.CELL, CELL_REFUSALS)
    check_together(arguments)
    return CellCommand(path=path, mode=TemplateMode.RAW, is_quiet=True, **arguments)


def parse_client_keywords(given: Mapping[str, Any]) -> RequestOptions:
    """What a call says about all requests of a client: what travels in their headers, and how patient it is.

    Raises:
        InputError: a keyword is no such option, or its value cannot be meant.
    """
    named = {build_keyword(option): option.field for option in list_options(Scope.CELL)}
    for word in given:
        if word in named and named[word] not in CLIENT_FIELDS:
            takes = ", ".join(keyword for keyword, name in named.items() if name in CLIENT_FIELDS)
            raise InputError(
                f"{word!r} is nothing that a client has.", hint=f"say it in the request; here stand {takes}"
            )
    options: RequestOptions = _read(given, Scope.CELL, {})["options"]
    return options


def parse_session_keywords(name: str, given: Mapping[str, Any]) -> SessionCommand:
    """What a call says about the session ``name``.

    Raises:
        InputError: a keyword is no option, or its value cannot be meant.
    """
    arguments = _read(given, Scope.SESSION, SESSION_REFUSALS)
    check_lesson(arguments["options"])
    return SessionCommand(title=name, **arguments)


def build_keyword(option: Option) -> str:
    """The keyword of an option: its long name, or the plural of one that gathers pairs.

    >>> [build_keyword(option) for option in list_options(Scope.CELL)][:6]
    ['model', 'system', 'temperature', 'parameters', 'properties', 'user']
    """
    if option.gathers == "pairs":
        return option.field
    word = option.names[-1].lstrip("-").replace("-", "_")
    return f"{word}_" if keyword.iskeyword(word) else word


def _read(given: Mapping[str, Any], scope: Scope, refusals: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of the command that the keywords fill; those of a request in its ``options``."""
    known = {build_keyword(option): option for option in list_options(scope)}
    found: dict[str, Any] = {}
    groups: dict[str, str] = {}
    for word, value in given.items():
        option = known.get(word)
        if option is None:
            raise _build_unknown(word, value, known)
        if option.field in refusals:
            raise InputError(f"{word!r} is no option in Python.", hint=refusals[option.field])
        if value is False and (not option.metavar or option.may_take_value):
            option = _find_opposite(option, scope)
        if value is None or option is None:
            continue
        other = groups.setdefault(option.group or option.field, word)
        if other != word:
            raise InputError(f"{other} and {word} contradict each other.", hint="keep one of them")
        found[option.field] = option.flag_value if value is False else _convert(option, word, value)
    request = {name: value for name, value in found.items() if name in _REQUEST_FIELDS}
    others = {name: value for name, value in found.items() if name not in _REQUEST_FIELDS}
    return {**others, "options": RequestOptions(**request)}


def _find_opposite(option: Option, scope: Scope) -> Option | None:
    """The option that says the contrary, as ``--no-keep`` of ``--keep``: what False means, where it means anything."""
    return next((each for each in list_options(scope) if each.names[-1] == f"--no-{option.names[-1][2:]}"), None)


def _convert(option: Option, word: str, value: Any) -> Any:
    if value is True and (not option.metavar or option.may_take_value):
        return option.flag_value
    if not option.metavar:
        raise InputError(f"{word} takes True or False, not {value!r}.", hint=f"type {word}=True")
    if option.gathers == "pairs":
        return dict(_convert_pairs(option, word, value))
    if option.gathers == "values":
        values = value if isinstance(value, list | tuple) else [value]
        return tuple(_convert_one(option, word, each) for each in values)
    return _convert_one(option, word, value)


def _convert_one(option: Option, word: str, value: Any) -> Any:
    if option.names_value and not isinstance(value, str):
        return value
    return _parse(option, word, value, _spell(option, word, value))


def _convert_pairs(option: Option, word: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        raise InputError(f"{word} takes a dict, not {value!r}.", hint=f"type {_build_example(option, word)}")
    for key, each in value.items():
        if not isinstance(key, str) or "=" in key:
            raise InputError(f"{key!r} cannot be a name in {word}.", hint=f"type {_build_example(option, word)}")
        if option.metavar == "KEY VALUE":
            yield _parse(option, word, each, key, _spell_json(word, key, each))
        else:
            yield _parse(option, word, each, f"{key}={_spell(option, word, each)}")


def _parse(option: Option, word: str, value: Any, *texts: str) -> Any:
    """The value as the option's own parser reads it, so that a call and a line have the same checks."""
    try:
        return option.parse(*texts)
    except ValueError as error:
        message = f"{word} {error}, not {value!r}."
        raise InputError(message, hint=f"type {_build_example(option, word)}") from error


def _spell(option: Option, word: str, value: Any) -> str:
    """A single value as it would be typed on a line."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    raise InputError(f"{word} cannot be {value!r}.", hint=f"type {_build_example(option, word)}")


def _spell_json(word: str, key: str, value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the value of {key!r} in {word} cannot be sent as JSON: {value!r}.",
            hint="use numbers, text, True, False, None, lists and dicts",
            cause=str(error),
        ) from error


def _build_example(option: Option, word: str) -> str:
    if option.gathers == "pairs":
        key, _, value = option.example.replace(" ", "=").partition("=")
        return f"{word}={{{key!r}: {int(value) if value.isdecimal() else value!r}}}"
    example = option.example.strip('"')
    return f"{word}={example}" if example.replace(".", "", 1).isdecimal() else f"{word}={example!r}"


def _build_unknown(word: str, value: Any, known: Mapping[str, Option]) -> InputError:
    message = f"{word!r} is not an option."
    if word in PARAMETERS:
        return InputError(message, hint=f"it is a request parameter: type parameters={{{word!r}: {value!r}}}")
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.7)
    if close:
        return InputError(message, hint=f"did you mean {close[0]}=…?")
    hint = f"for a request parameter type parameters={{{word!r}: …}}; %%llm --help-all lists the options"
    return InputError(message, hint=hint)
