"""Reads the first line of a ``%%helicone_step`` cell; every mistake is an InputError, and nothing has run by then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from heliconemagic.errors import InputError
from heliconemagic.lines.reader import LineReader
from heliconemagic.records import StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCommand:
    """What the line asks for."""

    path: str = ""  # as typed, ``{{ … }}`` and all
    kind: StepKind = StepKind.TOOL
    name: str = ""
    inputs: tuple[str, ...] = ()  # variables; none: the code is the input
    output: str | None = None  # a variable
    is_logged: bool = True
    is_quiet: bool = False
    help: Literal["short", "all"] | None = None


def parse_step_line(line: str) -> StepCommand:
    """The first line of a ``%%helicone_step`` cell.

    Raises:
        InputError: something on the line cannot be meant, or the path is missing.
    """
    reader = LineReader(line, "helicone_step", is_prose=False)
    path = ""
    while token := reader.read_word():
        if path:
            raise InputError(
                f"{token.text!r} cannot stand on the first line: the code goes below it.",
                hint=f"type %%helicone_step {path}, and the code on the next line",
            )
        if not token.text.startswith("/"):
            raise InputError(
                f"{token.text!r} is not a path: paths start with a slash.",
                hint=f"did you mean /{token.text}? The code goes below the first line",
            )
        path = token.text
    if not path and not reader.is_help:
        raise InputError("the step has no path.", hint="type %%helicone_step /retrieve, and the code below it")
    given = {name: value for name, value in reader.build_arguments().items() if name != "options"}
    return StepCommand(path=path, **given)
