"""Splits the first line of a cell, or a magic's line, into words.

`shlex` is wrong here: it breaks on ``O'Brien`` and on backslashes, and tears ``{{ row.topic }}``
apart. A template span is one piece wherever it stands. A quote counts only where it opens a word
or the value of ``key=``; inside double quotes ``\\"`` and ``\\\\`` are escapes and nothing else
is, so Windows paths and LaTeX survive; inside single quotes nothing is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from heliconemagic.errors import InputError

_KEY = re.compile(r"-{0,2}[A-Za-z_][\w.-]*=")
_ESCAPED = re.compile(r'\\(["\\])')
_QUOTED_OR_BRACE = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{}]""")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a line: its text without quotes, and the slice ``[start:end]`` it was read from."""

    text: str
    was_quoted: bool  # a quote opened the word
    start: int
    end: int


def split_line(line: str) -> list[Token]:
    r"""The words of ``line``.

    >>> [token.text for token in split_line(r'''/quiz/{{ row.topic }} -s "C:\new" O'Brien''')]
    ['/quiz/{{ row.topic }}', '-s', 'C:\\new', "O'Brien"]

    Raises:
        InputError: a quote is never closed, or something sticks to a closing one.
    """
    tokens = []
    position = 0
    while token := read_token(line, position):
        tokens.append(token)
        position = token.end
    return tokens


def read_token(line: str, position: int) -> Token | None:
    """The first word of ``line`` at or after ``position``; None if only blanks are left.

    Raises:
        InputError: as `split_line`.
    """
    start = _skip_blanks(line, position)
    if start == len(line):
        return None
    if line[start] in "\"'":
        return _read_quoted(line, start)
    key = _KEY.match(line, start)
    if key and line[key.end() : key.end() + 1] in {'"', "'"}:
        value = _read_quoted(line, key.end())
        return Token(key[0] + value.text, False, start, value.end)
    end = _find_word_end(line, start)
    return Token(line[start:end], False, start, end)


def find_span_end(line: str, start: int) -> int:
    """Where the ``{{`` at ``start`` is closed (the index after its ``}}``); -1 if it never is."""
    depth = 0
    for piece in _QUOTED_OR_BRACE.finditer(line, start):
        depth += {"{": 1, "}": -1}.get(piece[0], 0)
        if depth == 0 and piece[0] == "}":
            return piece.end()
    plain_end = line.find("}}", start + 2)  # a stray apostrophe or brace inside
    return plain_end + 2 if plain_end >= 0 else -1


def _skip_blanks(line: str, position: int) -> int:
    while position < len(line) and line[position].isspace():
        position += 1
    return position


def _find_word_end(line: str, position: int) -> int:
    while position < len(line) and not line[position].isspace():
        position = _next_position(line, position)
    return position


def _next_position(line: str, position: int) -> int:
    """The index after the character, or after the whole template span, at ``position``."""
    if line.startswith("{{", position):
        return max(find_span_end(line, position), position + 1)
    return position + 1


def _read_quoted(line: str, start: int) -> Token:
    end = find_closing_quote(line, start)
    if end < 0:
        raise InputError(
            f"the quote at column {start + 1} is never closed: {_show(line[start:])}",
            hint=f"close it with {line[start]}, or write \\{line[start]} for a quote inside"
            if line[start] == '"'
            else 'close it with \', or put the words in double quotes: "…"',
        )
    if end < len(line) and not line[end].isspace():
        raise InputError(
            f"{_show(line[end:])} sticks to the closing quote at column {end}.",
            hint='put a blank after the quote, or write \\" for a quote inside double quotes',
        )
    return Token(_unquote(line[start:end]), True, start, end)


def find_closing_quote(line: str, start: int) -> int:
    """The index after the quote that closes the one at ``start``; -1 if there is none."""
    quote, position = line[start], start + 1
    while position < len(line):
        if line[position] == quote:
            return position + 1
        is_escape = quote == '"' and _ESCAPED.match(line, position)
        position = position + 2 if is_escape else _next_position(line, position)
    return -1


def _unquote(quoted: str) -> str:
    """``quoted`` without its quotes and escapes; template spans stay as they are."""
    inner = quoted[1:-1]
    if quoted[0] == "'":
        return inner
    pieces, position = [], 0
    while (start := inner.find("{{", position)) >= 0 and (end := find_span_end(inner, start)) >= 0:
        pieces += [_ESCAPED.sub(r"\1", inner[position:start]), inner[start:end]]
        position = end
    return "".join([*pieces, _ESCAPED.sub(r"\1", inner[position:])])


def _show(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
