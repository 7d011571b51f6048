"""Reads a magic's line word by word: takes the options out, and says what a mistaken one should be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.lines.option_table import Magic, Option, Scope, Verb, find_option, list_options
from heliconemagic.lines.tokens import Token, find_closing_quote, read_token
from heliconemagic.settings import RequestOptions

CURLY_QUOTES = "“”„‟‘’‚«»"
_UNICODE_DASHES = "‐‑‒–—―−"
_OPTION_LIKE = re.compile(r"-{1,2}[A-Za-z]")
_REQUEST_FIELDS = frozenset(option.name for option in fields(RequestOptions))


class LineReader:
    """Reads a line word by word, gathering its options on the way.

    ``is_prose``: words that are no options are a prompt, which may hold any quotes.
    """

    def __init__(self, line: str, magic: Magic, *, is_prose: bool) -> None:
        self._line = line
        self._position = 0
        self._magic: Magic = magic
        self._is_prose = is_prose
        self._given: dict[str, Any] = {}
        self._spellings: dict[str, tuple[Option, str]] = {}  # by field or group
        self._is_after_options = False
        self._verb: Verb | None = None

    def use_verb(self, verb: Verb) -> None:
        """From here on the line is about ``verb``: its own options may follow."""
        self._verb = verb

    @property
    def is_help(self) -> bool:
        """Whether ``--help`` was met; nothing after it is read."""
        return "help" in self._given

    @property
    def spellings(self) -> Mapping[str, str]:
        """The options met, as typed, by the field they fill."""
        return {option.field: spelling for option, spelling in self._spellings.values()}

    def read_word(self) -> Token | None:
        """The next word that is no option; None at the end of the line."""
        while not self.is_help and (token := self._read_token()):
            if self._is_after_options or token.was_quoted or not self._read_option(token):
                return token
        return None

    def read_prompt(self, first: Token) -> str:
        """The prompt that begins with ``first``: a quoted text, or all the rest of the line as it stands."""
        rest = self._line[first.end :].lstrip()
        if first.was_quoted and (not rest or _OPTION_LIKE.match(rest)):
            return first.text
        self._position = len(self._line)
        prompt = self._line[first.start :].strip()
        if not self._is_after_options:
            _check_prose(prompt, list_options(Scope.of(self._magic)))
        return prompt

    def build_arguments(self) -> dict[str, Any]:
        """The options met, as arguments of the command; those of a request in its ``options``."""
        request = {name: value for name, value in self._given.items() if name in _REQUEST_FIELDS}
        others = {name: value for name, value in self._given.items() if name not in _REQUEST_FIELDS}
        return {**others, "options": RequestOptions(**request)}

    def _read_token(self) -> Token | None:
        try:
            token = read_token(self._line, self._position)
        except InputError:
            token = self._read_prose()
        self._position = token.end if token else len(self._line)
        return token

    def _read_prose(self) -> Token:
        """A word of a prompt without quotes of its own, as in ``"Hello", she said`` and ``'tis``."""
        start = len(self._line) - len(self._line[self._position :].lstrip())
        is_unclosed = self._line[start] != "'" and find_closing_quote(self._line, start) < 0
        if is_unclosed or not self._is_prose:
            read_token(self._line, start)  # raises
        return Token(self._line[start:], False, start, len(self._line))

    def _read_option(self, token: Token) -> bool:
        """Takes the option that ``token`` is, with its value; False if it is none."""
        if token.text == "--":
            self._is_after_options = True
            return True
        _check_dash(token.text, self._magic)
        if not _OPTION_LIKE.match(token.text):
            return False
        spelling, equals, attached = token.text.partition("=")
        own = self._verb.find_own_option(spelling) if self._verb else None
        option = own or _find_option_for(spelling, attached if equals else None, self._magic, self._verb)
        is_one_of_several = bool(option.several) and self._magic == "llm"
        self._check_once(option, spelling, is_repeatable=option.is_repeatable or is_one_of_several)
        value = self._read_value(option, spelling, attached if equals else None)
        if is_one_of_several:
            self._add_value(option, spelling, value)
        elif option.gathers == "pairs":
            self._given[option.field] = {**self._given.get(option.field, {}), value[0]: value[1]}
        elif option.gathers == "values":
            self._given[option.field] = (*self._given.get(option.field, ()), value)
        else:
            self._given[option.field] = value
        return True

    def _add_value(self, option: Option, spelling: str, value: Any) -> None:
        """Takes a value of an option that compares: the first is the option's own, two or more are gathered too."""
        if option.field not in self._given:
            self._given[option.field] = value
            return
        others = self._given.get(option.several, (self._given[option.field],))
        if value in others:
            raise InputError(
                f"{spelling} {value} is given twice.",
                hint=f"to ask it for several answers type {spelling} {value} -n 2",
            )
        self._given[option.several] = (*others, value)

    def _check_once(self, option: Option, spelling: str, *, is_repeatable: bool) -> None:
        if is_repeatable:
            self._spellings[option.field] = (option, spelling)
            return
        other, other_spelling = self._spellings.setdefault(option.group or option.field, (option, spelling))
        if other is not option:
            raise InputError(f"{other_spelling} and {spelling} contradict each other.", hint="keep one of them")
        if option.field in self._given:
            hint = f"a session has one; a cell compares several: %%llm /path {spelling} A {spelling} B"
            raise InputError(f"{spelling} is given twice.", hint=hint if option.several else "keep one of them")

    def _read_value(self, option: Option, spelling: str, attached: str | None) -> Any:
        if not option.metavar:
            if attached is not None:
                raise InputError(f"{spelling} takes no value, but has {attached!r}.", hint=f"type {spelling}")
            return option.flag_value
        if option.may_take_value and attached is None and not self._is_number_next():
            return option.flag_value
        texts = [attached if attached is not None else self._read_value_word(option, spelling)]
        if option.metavar == "KEY VALUE":
            key, equals, value = texts[0].partition("=")
            texts = [key, value] if equals else [key, self._read_value_word(option, spelling)]
        return _convert(option, spelling, texts)

    def _is_number_next(self) -> bool:
        return re.match(r"\s*-?\d+(?!\S)", self._line[self._position :]) is not None

    def _read_value_word(self, option: Option, spelling: str) -> str:
        """The word after an option. It may begin with a dash, but not be an option itself."""
        token = read_token(self._line, self._position)
        if token is None or (not token.was_quoted and _is_option_name(token.text)):
            raise InputError(f"{spelling} needs a value.", hint=f"type {spelling} {option.example}")
        if not token.was_quoted and token.text[0] in CURLY_QUOTES:
            raise InputError(f"{spelling} has curly quotes: {token.text!r}", hint='type straight ones: "…"')
        self._position = token.end
        return token.text


def _convert(option: Option, spelling: str, texts: list[str]) -> Any:
    try:
        return option.parse(*texts)
    except ValueError as error:
        given = " ".join(texts)
        message = f"{spelling} {error}, not {given!r}." if given.strip() else f"{spelling} needs a value."
        raise InputError(message, hint=f"type {spelling} {option.example}") from error


def _is_option_name(text: str) -> bool:
    name = text.partition("=")[0]
    return find_option(name) is not None or re.match(r"--[A-Za-z]", text) is not None


def _find_option_for(spelling: str, attached: str | None, magic: Magic, verb: Verb | None) -> Option:
    """The option ``spelling`` of this magic, or the error that says what was meant."""
    option = find_option(spelling, Scope.of(magic))
    if option is None and verb is not None:
        raise _build_unknown_verb_option(spelling, verb)
    if option is None:
        raise _build_unknown_option(spelling, attached, magic)
    if option.scope & Scope.of(magic):
        return option
    if option.scope is Scope.SESSION:
        raise InputError(
            f"{spelling} is the session's.", hint=f"type %helicone_session {spelling} {option.example}".rstrip()
        )
    where, whose = ("%%helicone_step", "a step's") if option.scope is Scope.STEP else ("%%llm", "a cell's")
    raise InputError(f"{spelling} is {whose}.", hint=f"type {where} /path {spelling} {option.example}".rstrip())


def _build_unknown_option(spelling: str, attached: str | None, magic: Magic) -> InputError:
    message = f"{spelling!r} is not an option of %{magic}."
    short = find_option(spelling[:2])
    if (
        short
        and short.metavar
        and not spelling.startswith("--")
        and len(spelling) > 2
        and not _find_meant(spelling, magic)
    ):
        return InputError(message, hint=f"did you mean `{spelling[:2]} {spelling[2:]}`?")
    if meant := _find_meant(spelling, magic):
        return InputError(message, hint=f"did you mean `{meant}`?")
    if magic == "helicone_step":
        return InputError(message, hint="%%helicone_step? lists its options")
    parameter = spelling.lstrip("-").replace("-", "_")
    value = attached or "VALUE"
    return InputError(
        message, hint=f"for a request parameter type -o {parameter} {value}; --help-all lists the options"
    )


def _build_unknown_verb_option(spelling: str, verb: Verb) -> InputError:
    taken = [option for option in list_options(Scope.SESSION) if option.field in verb.option_fields]
    options = (*verb.own_options, *taken)
    meant = _find_alike(spelling, options)
    listed = ", ".join(option.names[-1] for option in options)
    hint = f"did you mean `{meant}`?" if meant else f"it takes {listed or 'no options'}"
    return InputError(f"{spelling!r} is not an option of `{verb.name}`.", hint=hint)


def _find_meant(spelling: str, magic: Magic) -> str | None:
    """The long option of this magic that looks like ``spelling``."""
    return _find_alike(spelling, list_options(Scope.of(magic)))


def _find_alike(spelling: str, options: tuple[Option, ...]) -> str | None:
    """The long option that looks like ``spelling``, whatever its dashes."""
    import difflib

    long_names = {name.lstrip("-"): name for option in options for name in option.names if name[:2] == "--"}
    bare = spelling.lstrip("-").replace("_", "-").casefold()
    close = difflib.get_close_matches(bare, long_names, n=1, cutoff=0.7)
    return long_names[close[0]] if close else None


def _check_dash(text: str, magic: Magic) -> None:
    """Refuses an option whose dash was made typographic by a text processor."""
    bare = text.lstrip("-" + _UNICODE_DASHES)
    is_typographic = bool(set(text[: len(text) - len(bare)]) & set(_UNICODE_DASHES))
    if not is_typographic or not bare:
        return
    dashes = "-" if len(bare.partition("=")[0]) == 1 else "--"
    option = find_option(dashes + bare.partition("=")[0], Scope.of(magic))
    if option and option.scope & Scope.of(magic):
        raise InputError(f"{text!r} begins with a typographic dash.", hint=f"type {dashes}{bare}")


def _check_prose(prompt: str, options: tuple[Option, ...]) -> None:
    """An option inside a prompt without quotes would silently be sent to the model."""
    names = {name for option in options for name in option.names}
    for word in prompt.split():
        if word.partition("=")[0] in names:
            raise InputError(
                f"{word!r} stands inside the prompt.", hint="put options before the prompt, or the prompt in quotes"
            )
