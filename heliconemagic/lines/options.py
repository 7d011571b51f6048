"""Reads the first line of a ``%%llm`` cell, a ``%llm`` line and a ``%helicone_session`` line.

Every mistake is an InputError that says what to type instead; nothing has been sent by then. What
options there are stands in `heliconemagic.lines.option_table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from heliconemagic.errors import InputError
from heliconemagic.lines.option_help import build_help, build_option_table, build_verb_help
from heliconemagic.lines.option_table import VERB_SYNONYMS, VERBS, Verb, find_verb
from heliconemagic.lines.reader import CURLY_QUOTES, LineReader
from heliconemagic.lines.tokens import Token
from heliconemagic.prompt.templates import TemplateMode
from heliconemagic.settings import RequestOptions

__all__ = [
    "CellCommand",
    "SessionCommand",
    "build_help",
    "build_option_table",
    "build_verb_help",
    "parse_cell_line",
    "parse_session_line",
]

Help = Literal["short", "all"]

MOST_VARIANTS = 12
"""Answers that one cell compares."""

_SHORTEST_VERB_MATCH = 0.75  # difflib's ratio; `shwo` against `show`


@dataclass(frozen=True, slots=True, kw_only=True)
class CellCommand:
    """What a ``%%llm`` cell's first line, or a ``%llm`` line, asks for."""

    path: str | None = None  # as typed, ``{{ … }}`` and all
    text: str = ""  # the prompt of the line form
    options: RequestOptions = field(default_factory=RequestOptions)
    models: tuple[str, ...] = ()  # where there are two or more; the first is that of `options`
    samples: int = 1  # answers of each model
    out: str | None = None
    mode: TemplateMode = TemplateMode.SPANS
    rows: str | None = None  # the expression after --for
    jobs: int | None = None
    is_anew: bool = False
    is_dry_run: bool = False
    continues: bool = False
    after: str | None = None  # as typed
    is_fresh: bool = False
    attachments: tuple[Any, ...] = ()  # as typed; from Python the values themselves
    allows_url: bool = False
    examples: Any = None  # the variable with messages that are sent first; from Python the list itself
    streams: bool = True
    is_logged: bool = True
    is_live: bool = False
    is_quiet: bool = False
    is_background: bool = False
    schema: Any = None  # as typed; from Python the class itself, or a JSON schema
    is_json: bool = False
    extracts: bool = False
    fills_cell: bool = False
    tools: Any = ()  # names of functions, as typed; from Python functions as well
    approves: bool = False
    tool_rounds: int | None = None
    help: Help | None = None

    @property
    def is_comparison(self) -> bool:
        """Whether it asks for several answers to be compared."""
        return len(self.models) > 1 or self.samples > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCommand:
    """What a ``%helicone_session`` line asks for: a verb, or a session of this name."""

    verb: str | None = None
    arguments: tuple[str, ...] = ()  # of the verb
    extras: Mapping[str, Any] = field(default_factory=dict)  # the verb's own options, by their fields
    name: str | None = None  # as sent, where it differs from the title; else the title is sent
    title: str | None = None  # as typed first, for our own display
    options: RequestOptions = field(default_factory=RequestOptions)
    is_new: bool = False
    id: str | None = None
    resumes: bool = False
    help: Help | None = None


def parse_cell_line(line: str, *, is_cell: bool) -> CellCommand:
    """The first line of a cell (``is_cell``), or a whole ``%llm`` line with its prompt.

    Raises:
        InputError: something on the line cannot be meant.
    """
    reader = LineReader(line, "llm", is_prose=not is_cell)
    given: dict[str, Any] = {}
    while token := reader.read_word():
        if "path" not in given and "text" not in given and _is_path(token, is_cell=is_cell):
            given["path"] = token.text
        elif is_cell:
            raise _build_stray_word(token, given.get("path"))
        elif "text" in given:
            raise InputError(
                f"{token.text!r} stands after the prompt.", hint="put the whole prompt into one pair of quotes"
            )
        else:
            given["text"] = reader.read_prompt(token)
    if not is_cell and not reader.is_help and not given.get("text", "").strip():
        raise InputError("there is no prompt.", hint='type %llm /path "text", or %%llm with the prompt below it')
    arguments = reader.build_arguments()
    check_together(arguments)
    return CellCommand(**given, **arguments)


def parse_session_line(line: str) -> SessionCommand:
    """A ``%helicone_session`` line.

    Raises:
        InputError: something on the line cannot be meant.
    """
    reader = LineReader(line, "helicone_session", is_prose=False)
    words: list[str] = []
    while token := reader.read_word():
        words.append(token.text)
        if len(words) == 1 and (verb := find_verb(token.text)):
            reader.use_verb(verb)
    arguments = reader.build_arguments()
    check_lesson(arguments["options"])
    verb = find_verb(words[0]) if words else None
    if reader.is_help and verb is not None:
        return SessionCommand(verb=verb.name, help=arguments["help"])
    if reader.is_help or not words:
        return SessionCommand(**arguments)
    if verb is not None:
        _check_verb(verb, words, reader)
        return SessionCommand(
            verb=verb.name,
            arguments=tuple(words[1:]),
            options=arguments["options"],
            extras={option.field: arguments[option.field] for option in verb.own_options if option.field in arguments},
        )
    return SessionCommand(title=_check_name(words), **arguments)


def check_together(arguments: Mapping[str, Any]) -> None:
    """Refuses options of one cell that make no sense together."""
    if arguments["options"].keep and not arguments.get("is_logged", True):
        raise InputError(
            "--keep takes an answer from the journal, and --no-log keeps the cell away from it.",
            hint="keep one of them",
        )
    if arguments.get("allows_url") and not arguments.get("attachments") and "examples" not in arguments:
        raise InputError(
            "--allow-url is about what -a or --messages bring along, and there is neither.",
            hint="type -a https://example.com/chart.png --allow-url",
        )
    _check_form(arguments)
    if "tools" in arguments:
        _check_tools(arguments)
    elif "approves" in arguments:
        raise InputError("--approve asks before tools are called, and there are none.", hint="add --tools f,g")
    elif "tool_rounds" in arguments:
        raise InputError("--tool-rounds limits the calls of tools, and there are none.", hint="add --tools f,g")
    _check_batch(arguments)
    _check_comparison(arguments)


def _check_comparison(arguments: Mapping[str, Any]) -> None:
    """What cannot be said of several answers at once."""
    models, samples = arguments.get("models", ()), arguments.get("samples", 1)
    if not models and samples == 1:
        return
    if "rows" in arguments:
        raise InputError(
            "--for asks each row once, and this cell asks for several answers.",
            hint="compare on one row first, with -n or several -m; then run all rows with the better model",
        )
    if "fills_cell" in arguments:
        raise InputError(
            "--to-cell takes the code of one answer, and this cell asks for several.",
            hint="use -x: each reply in the list has its .code",
        )
    if "tools" in arguments:
        raise InputError(
            "--tools calls functions for one answer, and this cell asks for several.",
            hint="leave out --tools, or ask one model once",
        )
    count = max(len(models), 1) * samples
    if count > MOST_VARIANTS:
        raise InputError(
            f"{len(models)} models, {samples} times each, are {count} answers at once: more than {MOST_VARIANTS}.",
            hint=f"type -n {max(2, MOST_VARIANTS // len(models))}, or leave models out",
        )


def _check_form(arguments: Mapping[str, Any]) -> None:
    """An answer has one form, asked for in one way."""
    form = "--schema" if "schema" in arguments else "--json" if "is_json" in arguments else ""
    code = "-x" if "extracts" in arguments else "--to-cell" if "fills_cell" in arguments else ""
    if form and "response_format" in arguments["options"].parameters:
        raise InputError(f"{form} and -o response_format say the same thing twice.", hint="keep one of them")
    if form and code:
        raise InputError(f"{form} asks for JSON and {code} for code.", hint="keep one of them")
    if "fills_cell" in arguments and "is_background" in arguments:
        raise InputError("--to-cell needs the answer while the cell runs, and --bg doesn't wait.", hint="use -x --bg")


def _check_tools(arguments: Mapping[str, Any]) -> None:
    """Refuses what makes no sense beside ``--tools``."""
    if "tools" in arguments["options"].parameters:
        raise InputError("--tools and -o tools contradict each other.", hint="keep one of them")
    if arguments.get("is_background"):
        raise InputError(
            "--bg goes on in a thread of its own, and --tools calls functions in the notebook's.",
            hint="keep one of them",
        )
    if arguments.get("approves") and arguments.get("is_quiet"):
        raise InputError("--approve has to ask, and -q shows nothing.", hint="keep one of them")


def _check_batch(arguments: Mapping[str, Any]) -> None:
    """What belongs to a batch, and what makes no sense in one."""
    alone = "--jobs" if "jobs" in arguments else "--anew" if arguments.get("is_anew") else ""
    usage = f"--jobs {arguments['jobs']}" if "jobs" in arguments else alone
    if "rows" not in arguments and alone:
        raise InputError(f"{alone} is for the rows of --for, and there is no --for.", hint=f"type --for rows {usage}")
    if "rows" not in arguments:
        return
    if arguments.get("is_live"):
        raise InputError("--live keeps one answer's card, and --for has many.", hint="leave out --live")
    if arguments.get("fills_cell"):
        raise InputError("--to-cell makes one new cell, and --for has many answers.", hint="use -x: each has its .code")
    if "tools" in arguments:
        raise InputError("--tools asks back and forth, and --for asks each row once.", hint="keep one of them")


def check_lesson(options: RequestOptions) -> None:
    """What is said about a lesson needs one."""
    if options.pace is not None and options.replay is None and options.fallback is None:
        raise InputError("--pace is about a recorded lesson, and there is none.", hint="add --replay lesson.jsonl")
    if options.fallback_after is not None and options.fallback is None:
        raise InputError("--fallback-after needs a lesson to fall back on.", hint="add --fallback lesson.jsonl")


def _is_path(token: Token, *, is_cell: bool) -> bool:
    """In the line form a quoted text is the prompt, even if it begins with a slash."""
    return token.text.startswith("/") and (is_cell or not token.was_quoted)


def _build_stray_word(token: Token, path: str | None) -> InputError:
    if path is None and not token.was_quoted:
        return InputError(
            f"{token.text!r} is not a path: paths start with a slash.",
            hint=f"did you mean /{token.text}? The prompt goes below the first line",
        )
    return InputError(
        f"{token.text!r} cannot stand on the first line: the prompt goes below the first line.",
        hint=f'for a prompt on one line type %llm {path or "/path"} "…"',
    )


def _check_verb(verb: Verb, words: list[str], reader: LineReader) -> None:
    if verb.most_arguments is not None and len(words) - 1 > verb.most_arguments:
        takes = f"takes only {verb.metavar}" if verb.metavar else "takes nothing after it"
        hint = f"type %helicone_session {verb.usage}"
        if "NAME" in verb.metavar:
            hint = f'put the name in quotes: %helicone_session {words[0]} "{" ".join(words[1:])}"'
        raise InputError(f"`{words[0]}` {takes}, not {' '.join(words[1:])!r}.", hint=hint)
    if verb.words and words[1:] and words[1] not in verb.words:
        hint = f"type %helicone_session {verb.usage}"
        raise InputError(f"`{words[0]}` takes {' or '.join(verb.words)}, not {words[1]!r}.", hint=hint)
    if verb.metavar.split()[:1] in (["/PATH"], ["[/PATH]"]) and words[1:] and not words[1].startswith("/"):
        raise InputError(
            f"{words[1]!r} is not a path: paths start with a slash.",
            hint=f"type %helicone_session {' '.join([verb.name, f'/{words[1]}', *words[2:]])}",
        )
    taken = verb.option_fields | {option.field for option in verb.own_options}
    for name, spelling in reader.spellings.items():
        if name not in taken or (verb.words and words[1:]):
            raise InputError(f"`{' '.join(words)}` takes no {spelling}.", hint=f"type %helicone_session {verb.usage}")


def _check_name(words: list[str]) -> str:
    """The name that a session line begins with."""
    name = " ".join(words)
    _check_no_verb(words[0], name)
    straight = name.strip(CURLY_QUOTES)
    if straight.casefold() == "help":
        raise InputError("'help' is not a verb.", hint="type %helicone_session --help; for a name: --name help")
    if len(words) > 1:
        raise InputError(f"{name!r} has more than one word.", hint=f'put it in quotes: %helicone_session "{straight}"')
    if name.startswith(tuple(CURLY_QUOTES)):
        raise InputError(f"{name!r} has curly quotes.", hint=f'type straight ones: %helicone_session "{straight}"')
    if name.startswith("/"):
        hint = f"type %helicone_session show {name}, or %%llm {name}"
        raise InputError(f"{name!r} is a path, and a session has a name.", hint=hint)
    if not name.strip():
        raise InputError("the session's name is empty.", hint='type %helicone_session "Course Creation"')
    if "{{" in name:
        raise InputError(f"a session's name is sent as it stands, and {name!r} has {{{{ in it.", hint="type the name")
    return name


def _check_no_verb(word: str, name: str) -> None:
    """Refuses what looks like a mistyped verb."""
    as_name = f'for a name: --name "{name}"' if " " in name else f"for a name: --name {name}"
    if verb := _find_close_verb(word):
        raise InputError(f"{word!r} looks like a verb.", hint=f"did you mean `{verb}`? F{as_name[1:]}")


def _find_close_verb(name: str) -> str | None:
    """The verb that ``name``, a single word, misspells."""
    if len(name.split()) != 1:
        return None
    verbs = [word for word in [*(verb.name for verb in VERBS), *VERB_SYNONYMS] if abs(len(word) - len(name)) <= 1]
    import difflib

    close = difflib.get_close_matches(name.casefold(), verbs, n=1, cutoff=_SHORTEST_VERB_MATCH)
    return close[0] if close else None
