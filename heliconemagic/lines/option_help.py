"""The help of the magics, from the one table of options: everyday options on one screen, or all."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from heliconemagic.lines.option_table import VERBS, Magic, Scope, Verb, list_options

WIDTH = 100
_INDENT = 30

_HEADS = {
    "llm": """\
%%llm [/path] [options]         the prompt goes below; {{ name }} is filled from the notebook
%llm [/path] [options] "text"   the same on one line; gives the reply

  %%llm /outline --out outline -t 0.3
  %llm /title "A title for {{ outline }}"
""",
    "helicone_session": """\
%helicone_session "Name" [options]   open the session, or change its options
%helicone_session VERB               see below; with nothing: the current session

  %helicone_session "Course Creation" -m gpt-4o-mini -s "You write for beginners."
""",
    "helicone_step": """\
%%helicone_step /path [options]   the Python below is a step of the session; it runs as in any cell

  %%helicone_step /retrieve --kind vector_db --input question
  documents = index.search(question, k=3)
""",
}


_POWERS = ("--schema", "--tools", "-a", "-n", "--for", "--bg", "--keep")
"""What a cell can do besides, named in the everyday help and explained in the long one."""


def build_help(magic: Magic, *, everything: bool) -> str:
    """The help of a magic: at most 24 lines of 100 columns for the everyday form."""
    tables = [build_option_table(magic, everything=everything)]
    if magic == "helicone_session":
        tables.insert(0, build_verb_table(everything=everything))
        tables.append(build_verb_option_table() if everything else [])
    parts = [_HEADS[magic].rstrip("\n"), *map(_print_rows, filter(None, tables))]
    if magic == "llm" and not everything:
        parts.append(_name_besides(_POWERS))
    if magic == "helicone_session" and not everything:
        parts[1] += "\n" + _name_besides(verb.name for verb in VERBS if not verb.is_everyday)
    return "\n\n".join(parts)


def _name_besides(names: Iterable[str]) -> str:
    return f"  besides: {', '.join(names)} (see --help-all)"


def build_verb_help(verb: Verb) -> str:
    """The help of one verb, with the options that it takes."""
    taken = [option for option in list_options(Scope.SESSION) if option.field in verb.option_fields]
    rows = [(option.usage, option.help) for option in (*verb.own_options, *taken)]
    head = f"%helicone_session {verb.usage}{' [options]' if rows else ''}"
    return "\n\n".join([f"{head}\n  {verb.help}", *([_print_rows(rows)] if rows else [])])


def build_option_table(magic: Magic, *, everything: bool = True) -> list[tuple[str, str]]:
    """How each option is typed, and what it does, in the order of the help."""
    return [(option.usage, option.help) for option in list_options(Scope.of(magic)) if everything or option.is_everyday]


def build_verb_table(*, everything: bool = True) -> list[tuple[str, str]]:
    """How each verb of ``%helicone_session`` is typed, and what it does."""
    return [(verb.usage, verb.help) for verb in VERBS if everything or verb.is_everyday]


def build_verb_option_table() -> list[tuple[str, str]]:
    """How each option that belongs to one verb is typed after it, and what it does."""
    return [(f"{verb.name} {option.usage}", option.help) for verb in VERBS for option in verb.own_options]


def _print_rows(rows: list[tuple[str, str]]) -> str:
    return "\n".join(_print_row(usage, text) for usage, text in rows)


def _print_row(usage: str, text: str) -> str:
    first, *rest = textwrap.wrap(text, WIDTH - _INDENT)
    head = f"  {usage:<{_INDENT - 3}} {first}"
    return "\n".join([head, *(" " * _INDENT + line for line in rest)])
