"""JSON values as source code: literals of Python and TypeScript, one line where they fit, indented where not.

Strings come from models and people: they are escaped so that no content can end the literal, and
characters that would not show are spelled as escapes, which both languages read alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_WIDTH = 96

_UNSEEN = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ud800-\udfff]"
)
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def write_string(text: str) -> str:
    r"""A double-quoted literal of either language.

    >>> print(write_string('say "hi"\n\u202e'), write_string("\u3164\u180e\u1160\uffa0"))
    "say \"hi\"\n\u202e" "\u3164\u180e\u1160\uffa0"
    """
    return _UNSEEN.sub(lambda char: f"\\u{ord(char[0]):04x}", json.dumps(text, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class Expression:
    """Source code that stands where a value would; it can be joined with texts."""

    source: str

    def __radd__(self, text: str) -> Expression:
        return Expression(f"{write_string(text)} + {self.source}")

    def __add__(self, text: str) -> Expression:
        return Expression(f"{self.source} + {write_string(text)}")


@dataclass(frozen=True, slots=True)
class Mixture:
    """A text with the values of expressions in it."""

    parts: tuple[str | Expression, ...]

    def split_lines(self) -> list[list[str | Expression]]:
        """The parts of each line; its end belongs to a line."""
        lines: list[list[str | Expression]] = [[]]
        for part in self.parts:
            if isinstance(part, Expression):
                lines[-1].append(part)
                continue
            for piece in part.splitlines(keepends=True):
                lines[-1].append(piece)
                if piece.splitlines()[0] != piece:
                    lines.append([])
        return [line for line in lines if line]


@dataclass(frozen=True, slots=True)
class Language:
    """How one language spells what JSON holds."""

    indent: str
    constants: Mapping[Any, str]
    write_key: Callable[[str], str]
    join_lines: Callable[[list[str], str], str]  # the lines of a long string, and the indentation around them
    fill: Callable[[list[str | Expression]], str]  # a string with the values of expressions in it

    def write(self, value: Any, indent: str = "") -> str:
        """``value`` as a literal whose first line is already indented by ``indent``."""
        if value is None or isinstance(value, bool):
            return self.constants[value]
        if isinstance(value, Expression):
            return value.source
        if isinstance(value, str):
            return self._write_text(value, indent)
        if isinstance(value, Mixture):
            lines = value.split_lines()
            written = [self.fill(line) for line in lines]
            return written[0] if len(written) == 1 else self.join_lines(written, indent + self.indent)
        if isinstance(value, Mapping):
            return self._write_items("{}", self.write_entries(value, indent + self.indent), indent)
        if isinstance(value, list):
            return self._write_items("[]", (self.write(item, indent + self.indent) for item in value), indent)
        return json.dumps(value)

    def write_entries(self, mapping: Mapping[str, Any], indent: str) -> list[str]:
        """``key: value`` for each entry, the way this language spells keys."""
        written = ((self.write_key(key), self.write(value, indent)) for key, value in mapping.items())
        return [f"{key}:{value}" if value.startswith("\n") else f"{key}: {value}" for key, value in written]

    def _write_text(self, text: str, indent: str) -> str:
        lines = text.splitlines(keepends=True)
        if len(lines) < 2:
            return write_string(text)
        return self.join_lines([write_string(line) for line in lines], indent + self.indent)

    def _write_items(self, brackets: str, items: Iterable[str], indent: str) -> str:
        written = list(items)
        padding = " " if brackets == "{}" and self is TYPESCRIPT and written else ""
        line = f"{brackets[0]}{padding}{', '.join(written)}{padding}{brackets[1]}"
        if "\n" not in line and len(indent) + len(line) <= MAX_WIDTH:
            return line
        inner = "".join(f"{indent}{self.indent}{item},\n" for item in written)
        return f"{brackets[0]}\n{inner}{indent}{brackets[1]}"


def _join_python(lines: list[str], indent: str) -> str:
    outer = indent.removesuffix("    ")
    return "(\n" + "".join(f"{indent}{line}\n" for line in lines) + f"{outer})"


def _join_typescript(lines: list[str], indent: str) -> str:
    return "\n" + " +\n".join(f"{indent}{line}" for line in lines)


def _fill_python(parts: list[str | Expression]) -> str:
    if all(isinstance(part, str) for part in parts):
        return write_string("".join(map(str, parts)))
    return f'f"{"".join(map(_write_python_span, parts))}"'


def _write_python_span(part: str | Expression) -> str:
    if isinstance(part, Expression):
        return f"{{{part.source}}}"
    return write_string(part)[1:-1].replace("{", "{{").replace("}", "}}")


def _fill_typescript(parts: list[str | Expression]) -> str:
    if all(isinstance(part, str) for part in parts):
        return write_string("".join(map(str, parts)))
    return f"`{''.join(map(_write_typescript_span, parts))}`"


def _write_typescript_span(part: str | Expression) -> str:
    if isinstance(part, Expression):
        return f"${{{part.source}}}"
    return re.sub(r"([`$])", r"\\\1", write_string(part)[1:-1])


def _write_typescript_key(key: str) -> str:
    if key == "__proto__":  # as a plain key it would set the prototype
        return '["__proto__"]'
    return key if _IDENTIFIER.fullmatch(key) else write_string(key)


PYTHON = Language("    ", {True: "True", False: "False", None: "None"}, write_string, _join_python, _fill_python)
TYPESCRIPT = Language(
    "  ", {True: "true", False: "false", None: "null"}, _write_typescript_key, _join_typescript, _fill_typescript
)
