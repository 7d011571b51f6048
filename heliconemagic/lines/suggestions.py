"""What could be typed next on a magic's line: the pure part of tab completion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from heliconemagic.lines.option_table import VERBS, Magic, Option, Scope, Verb, find_option, find_verb, list_options
from heliconemagic.lines.option_values import PARAMETERS
from heliconemagic.records import KIND_WORDS
from heliconemagic.settings import Context


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A whole word, and what it is ("option", "path", "model" …), as a front end may show beside it."""

    text: str
    kind: str


@dataclass(slots=True)
class _Line:
    """What stands before the word that is being typed."""

    stray: list[str] = field(default_factory=list)  # words that are no options and no values
    used: list[Option] = field(default_factory=list)
    waiting: Option | None = None  # the option whose value comes next
    waits_for_second: bool = False  # … of two


def suggest(
    magic: Magic,
    words: Sequence[str],
    word: str,
    *,
    paths: Iterable[str] = (),
    models: Iterable[str] = (),
    gateways: Iterable[str] = (),
    sessions: Iterable[str] = (),
    files: Iterable[str] = (),
    lists: Iterable[str] = (),
    schemas: Iterable[str] = (),
    functions: Iterable[str] = (),
    variables: Iterable[str] = (),
) -> list[Suggestion]:
    """The words that could stand in place of ``word``, which follows ``words`` on the magic's line.

    ``word`` may be empty or begin with a quote; names with blanks are suggested in quotes. What is known is
    looked at only if it is asked for.
    """
    known = {
        "paths": paths,
        "models": models,
        "gateways": gateways,
        "sessions": sessions,
        "files": files,
        "lists": lists,
        "schemas": schemas,
        "functions": functions,
        "variables": variables,
        "kinds": KIND_WORDS,
        "contexts": Context,
        "parameters": PARAMETERS,
    }
    line = _read_line(magic, words)
    found = _suggest_value(line, word, known) if line.waiting else _suggest_word(magic, line, word, known)
    return [suggestion for suggestion in found if _fits(suggestion.text, word)]


def _read_line(magic: Magic, words: Sequence[str]) -> _Line:
    line = _Line()
    for word in words:
        option = _find_option(magic, _find_verb(magic, line), word.partition("=")[0])
        if line.waiting:
            takes_another = line.waiting.metavar == "KEY VALUE" and not line.waits_for_second and "=" not in word
            line.waiting, line.waits_for_second = (line.waiting, True) if takes_another else (None, False)
        elif option:
            line.used.append(option)
            line.waiting = option if option.takes_value and "=" not in word else None
        else:
            line.stray.append(word)
    return line


def _suggest_value(line: _Line, word: str, known: Mapping[str, Iterable[str]]) -> list[Suggestion]:
    if line.waiting is None or line.waits_for_second:
        return []
    return _list_values(line.waiting.completes, known)


def _suggest_word(magic: Magic, line: _Line, word: str, known: Mapping[str, Iterable[str]]) -> list[Suggestion]:
    name, equals, _ = word.partition("=")
    option = _find_option(magic, _find_verb(magic, line), name)
    if equals and option:
        values = _list_values(option.completes, known)
        return [Suggestion(f"{name}={value.text}", value.kind) for value in values]
    options = [] if _is_prompt(magic, line) else _list_free_options(magic, line, word)
    return _list_stray(magic, line, known) + options


def _is_prompt(magic: Magic, line: _Line) -> bool:
    """In the line form, words after the path are the prompt."""
    return magic == "llm" and any(not word.startswith("/") for word in line.stray)


def _list_stray(magic: Magic, line: _Line, known: Mapping[str, Iterable[str]]) -> list[Suggestion]:
    """Paths, verbs, names: what isn't an option and may come next."""
    if magic != "helicone_session":
        return [] if line.stray else _list_values("paths", known)
    if not line.stray:
        return [Suggestion(verb.name, "verb") for verb in VERBS] + _list_values("sessions", known)
    verb = find_verb(line.stray[0])
    if verb is None or (verb.most_arguments is not None and len(line.stray) > 1):
        return []
    return [Suggestion(word, "verb") for word in verb.words] or _list_values(verb.completes, known)


def _list_free_options(magic: Magic, line: _Line, word: str) -> list[Suggestion]:
    """The options that can still be given; the short names only once a dash stands there."""
    verb = _find_verb(magic, line)
    options = list_options(Scope.of(magic))
    if verb is not None:
        options = (*verb.own_options, *(option for option in options if option.field in verb.option_fields))
    taken = {
        option.group or option.field
        for option in line.used
        if not (option.is_repeatable or (option.several and magic == "llm"))
    }
    return [
        Suggestion(name, "option")
        for option in options
        if (option.group or option.field) not in taken
        for name in option.names
        if name.startswith("--") or word.startswith("-")
    ]


def _find_verb(magic: Magic, line: _Line) -> Verb | None:
    return find_verb(line.stray[0]) if magic == "helicone_session" and line.stray else None


def _find_option(magic: Magic, verb: Verb | None, name: str) -> Option | None:
    return (verb.find_own_option(name) if verb else None) or find_option(name, Scope.of(magic))


def _list_values(kind: str, known: Mapping[str, Iterable[str]]) -> list[Suggestion]:
    values = dict.fromkeys(known.get(kind, ()))
    return [Suggestion(_quote(str(value)), kind.removesuffix("s")) for value in values]


def _quote(text: str) -> str:
    if not any(char.isspace() for char in text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _fits(text: str, word: str) -> bool:
    """Whether ``text`` begins with what was typed; quotes and case of names don't matter."""
    return text.lstrip('"').casefold().startswith(word.lstrip("\"'").casefold()) and text != word
