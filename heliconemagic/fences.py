"""Fenced blocks of an answer's Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})")


@dataclass(frozen=True, slots=True)
class Fence:
    """A block that is closed: what its first line calls the language ("" if nothing), and what stands in it."""

    language: str
    code: str


def find_fence(text: str) -> Fence | None:
    """The first fence that is closed; line by line, for a pattern over many lines may take forever.

    In a list a fence is indented; its code loses as much.
    """
    indent, mark, language, code = "", "", "", list[str]()
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line)
        rest = line[found.end() :].strip() if found else ""
        if not mark:
            if found and "`" not in rest:
                indent, mark, language = found[1], found[2], _read_language(rest)
        elif found and found[2].startswith(mark) and not rest:
            return Fence(language, "".join(code))
        else:
            code.append(line.removeprefix(indent))
    return None


def _read_language(rest: str) -> str:
    words = rest.strip("{}").split()
    return words[0].lstrip(".").casefold() if words else ""
