"""What a docstring says of a function and its parameters: Google's, NumPy's and reST's style, or just prose."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_PARAMETERS = r"(?:other |keyword )?(?:args|arguments|parameters|params)"
_OTHERS = r"returns?|yields?|raises|warns|warnings|examples?|notes?|see also|references|attributes|todo"
_GOOGLE_HEAD = re.compile(rf"(?P<parameters>{_PARAMETERS})?(?:{_OTHERS})?:", re.IGNORECASE)
_NUMPY_HEAD = re.compile(rf"(?P<parameters>{_PARAMETERS})?(?:{_OTHERS})?", re.IGNORECASE)
_REST_FIELD = re.compile(r":(?P<field>\w+)(?:\s+(?P<words>[^:]*))?:\s*(?P<text>.*)")
_REST_PARAMETERS = ("param", "parameter", "arg", "argument", "key", "keyword")
_ENTRY = re.compile(r"\*{0,2}(?P<name>\w+)\s*(?:\([^)]*\))?\s*:\s*(?P<text>.*)")
_NUMPY_ENTRY = re.compile(r"(?P<names>\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?")


@dataclass(frozen=True, slots=True)
class Docstring:
    """The text before the first section, and a description for each parameter that has one."""

    summary: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_docstring(text: str | None) -> Docstring:
    r"""Reads ``text`` in whichever style it is.

    >>> parse_docstring("The weather.\n\nArgs:\n    city (str): Where,\n        in English.")
    Docstring(summary='The weather.', parameters={'city': 'Where, in English.'})
    """
    lines = inspect.cleandoc(text or "").splitlines()
    starts = [number for number in range(len(lines)) if _find_section(lines, number) is not None]
    summary = "\n".join(lines[: starts[0] if starts else None]).strip()
    described: dict[str, str] = {}
    for start, end in itertools.pairwise([*starts, len(lines)]):
        described |= dict(_read_section(lines[start:end]))
    return Docstring(summary, {name: text for name, text in described.items() if text})


def _find_section(lines: Sequence[str], number: int) -> str | None:
    """The style of the section that begins at a line; None where none does."""
    line = lines[number]
    if _REST_FIELD.fullmatch(line):
        return "reST"
    if _GOOGLE_HEAD.fullmatch(line.rstrip()) and line != ":":
        return "Google"
    underline = lines[number + 1] if number + 1 < len(lines) else ""
    is_numpy = line.strip() and re.fullmatch(r"-{3,}\s*", underline) and _NUMPY_HEAD.fullmatch(line.strip())
    return "NumPy" if is_numpy else None


def _read_section(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    match _find_section(lines, 0):
        case "reST":
            yield from _read_rest(lines)
        case "Google" if (found := _GOOGLE_HEAD.fullmatch(lines[0].rstrip())) and found["parameters"]:
            yield from _read_google(lines[1:])
        case "NumPy" if (found := _NUMPY_HEAD.fullmatch(lines[0].strip())) and found["parameters"]:
            yield from _read_numpy(lines[2:])


def _read_rest(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """One field, ``:param int days: How many.``, with the lines below it."""
    found = _REST_FIELD.fullmatch(lines[0])
    if found and found["field"] in _REST_PARAMETERS and (found["words"] or "").strip():
        below = [line for line in lines[1:] if line.startswith(" ")]
        yield found["words"].split()[-1].lstrip("*"), _join([found["text"], *below])


def _read_google(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Entries at the first indentation, each with the deeper lines below it."""
    indented = [line for line in lines if line.startswith((" ", "\t"))]
    depth = min((_measure_indent(line) for line in indented if line.strip()), default=0)
    name, text = "", list[str]()
    for line in indented:
        found = _ENTRY.fullmatch(line.strip()) if _measure_indent(line) == depth else None
        if found:
            yield name, _join(text)
            name, text = found["name"], []
        text.append(found["text"] if found else line)
    yield name, _join(text)


def _read_numpy(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Entries ``name : type`` without indentation, each with the indented lines below it."""
    names, text = list[str](), list[str]()
    for line in lines:
        found = _NUMPY_ENTRY.fullmatch(line.rstrip()) if line[:1].strip() else None
        if found:
            yield from ((name, _join(text)) for name in names)
            names, text = [name.strip().lstrip("*") for name in found["names"].split(",")], []
        else:
            text.append(line)
    yield from ((name, _join(text)) for name in names)


def _measure_indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _join(lines: Sequence[str]) -> str:
    return " ".join(" ".join(lines).split())
