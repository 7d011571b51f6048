"""The short form of a schema: ``title, minutes int, level: easy|hard, topics: list[str]``.

    fields   field ("," field)*                          ";" and line ends separate, too
    field    NAME "?"? ":"? type? "?"? TEXT?             without a type: text; "?": may be null; TEXT describes it
    type     one ("|" one)*
    one      NAME | list "[" type "]" | "[" type "]" | "{" fields "}" | TEXT | NUMBER, each with any "[]" after it

A word in an alternative that names no type stands for itself (``easy|hard``).
"""

from __future__ import annotations

import difflib
import re
from typing import Any, NamedTuple

from heliconemagic.errors import InputError

EXAMPLE = "title, minutes int, level: easy|hard, topics: list[str]"

TYPES: dict[str, dict[str, str]] = {
    **{name: {"type": "string"} for name in ("str", "string", "text")},
    **{name: {"type": "integer"} for name in ("int", "integer")},
    **{name: {"type": "number"} for name in ("float", "number")},
    **{name: {"type": "boolean"} for name in ("bool", "boolean")},
    **{name: {"type": "null"} for name in ("null", "None")},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "time": {"type": "string", "format": "time"},
}
"""The words for single values, and the JSON schema that each stands for."""
_LISTS = ("list", "array", "List", "tuple", "set")
_UNTYPED = ("dict", "Dict", "object", "any", "Any")
_TOKEN = re.compile(
    r"""(?P<blank>[^\S\n]+)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>-?\d+(?:\.\d+)?(?![\w.]))
    |(?P<name>[^\W\d][\w-]*)
    |(?P<mark>[][{}:,;|?\n])
    |(?P<end>\Z)""",
    re.VERBOSE,
)
_SEPARATORS = frozenset(",;\n")


class _Token(NamedTuple):
    kind: str
    text: str
    start: int


def parse_short_form(text: str) -> dict[str, Any]:
    """The JSON schema of an object that ``text`` describes.

    Raises:
        InputError: it says where the form cannot be read, and what could stand there.
    """
    parser = _Parser(text)
    schema = parser.read_fields("end")
    if not schema["properties"]:
        raise InputError("--schema names no field.", hint=f'type --schema "{EXAMPLE}"')
    return schema


class _Parser:
    """Reads the form from left to right; one look ahead decides."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _split(text)
        self._at = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _take_mark(self, *marks: str) -> bool:
        if self._next.text not in marks or self._next.kind != "mark":
            return False
        self._at += 1
        return True

    def read_fields(self, closer: str) -> dict[str, Any]:
        """An object's fields, up to ``closer``: the end, or a brace."""
        properties: dict[str, Any] = {}
        while True:
            while self._take_mark(*_SEPARATORS):
                pass
            if self._is_closed(closer):
                break
            name, schema = self._read_field()
            if name in properties:
                raise InputError(f"--schema has the field {name!r} twice.", hint="give each field a name of its own")
            properties[name] = schema
            if not (self._is_closed(closer) or self._next.text in _SEPARATORS):
                raise self._build_error(f"after the field {name!r}", "a comma")
        self._take()
        return {"type": "object", "properties": properties, "required": list(properties)}

    def _is_closed(self, closer: str) -> bool:
        if self._next.kind == "end" and closer != "end":
            raise self._build_error("at the end", f"the closing {closer}")
        return self._next.kind == "end" or (self._next.kind == "mark" and self._next.text == closer)

    def _read_field(self) -> tuple[str, dict[str, Any]]:
        token = self._take()
        if token.kind not in ("name", "text"):
            raise self._build_error("where a field begins", "a name", token)
        name = _unquote(token)
        is_optional = self._take_mark("?")
        has_colon = self._take_mark(":")
        schema: dict[str, Any] = {"type": "string"}
        if self._is_type_next(has_colon=has_colon):
            schema = self._read_type(name)
        if self._take_mark("?") or is_optional:
            schema = _allow_null(schema)
        if self._next.kind == "text":
            schema = {**schema, "description": _unquote(self._take())}
        return name, schema

    def _is_type_next(self, *, has_colon: bool) -> bool:
        """Text is a description, but in an alternative it stands for itself."""
        token = self._next
        if token.kind == "text":
            return self._tokens[self._at + 1].text == "|"
        if token.kind in ("name", "number") or (token.kind == "mark" and token.text in "[{"):
            return True
        if has_colon:
            raise self._build_error("after a colon", "a type")
        return False

    def _read_type(self, field: str) -> dict[str, Any]:
        first = self._next
        parts = [self._read_one(field)]
        while self._take_mark("|"):
            parts.append(self._read_one(field))
        return _join(self._check_words(parts, field, first))

    def _check_words(self, parts: list[Any], field: str, first: _Token) -> list[Any]:
        """One word that is no type is a mistake; several are what the field can be."""
        if len(parts) > 1 or not isinstance(parts[0], _Word):
            return parts
        word = str(parts[0])
        if self._next.kind == "name":  # several words: somebody describes the field
            rest = re.split(r"[,;\n\]}]", self._text[first.start :])[0].strip()
            raise InputError(f"{rest!r} is not a type, for the field {field!r} of --schema.",
                             hint=f"for a description put it in quotes: {field} str \"{rest}\"")  # fmt: skip
        raise _build_unknown_type(word, field)

    def _read_one(self, field: str) -> Any:
        token = self._take()
        if token.kind == "mark" and token.text == "{":
            part: Any = self.read_fields("}")
        elif token.kind == "mark" and token.text == "[":
            part = self._read_items(field)
        elif token.kind in ("text", "number"):
            part = {"const": _unquote(token) if token.kind == "text" else _read_number(token.text)}
        elif token.kind == "name":
            part = self._read_name(token, field)
        else:
            raise self._build_error(f"in the type of {field!r}", "a type", token)
        return self._read_brackets(part, field)

    def _read_name(self, token: _Token, field: str) -> Any:
        name = token.text
        if name in _LISTS:
            return self._read_items(field) if self._take_mark("[") else _build_list({"type": "string"})
        if name in ("Optional", "Literal") and self._take_mark("["):
            return self._read_generic(name, field)
        if name in _UNTYPED:
            raise InputError(f"the field {field!r} of --schema is a {name!r}: its fields must have names.",
                             hint=f"name them in braces: {field}: {{name, value float}}")  # fmt: skip
        return dict(TYPES[name]) if name in TYPES else _Word(name)

    def _read_generic(self, name: str, field: str) -> Any:
        """``Optional[int]`` and ``Literal["a", "b"]``, as they are written in Python."""
        parts = [self._read_type(field) if name == "Optional" else self._read_one(field)]
        while name == "Literal" and self._take_mark(","):
            parts.append(self._read_one(field))
        self._close("]", field)
        return _allow_null(parts[0]) if name == "Optional" else _join(parts)

    def _read_items(self, field: str) -> dict[str, Any]:
        items = self._read_type(field)
        self._close("]", field)
        return _build_list(items)

    def _read_brackets(self, part: Any, field: str) -> Any:
        """``str[]``: a list of what stands before."""
        while self._take_mark("["):
            self._close("]", field)
            if isinstance(part, _Word):
                raise _build_unknown_type(part, field)
            part = _build_list(part)
        return part

    def _close(self, mark: str, field: str) -> None:
        if not self._take_mark(mark):
            raise self._build_error(f"in the type of {field!r}", f"the closing {mark}")

    def _build_error(self, where: str, wanted: str, token: _Token | None = None) -> InputError:
        token = token or self._next
        found = "the end" if token.kind == "end" else "a line end" if token.text == "\n" else repr(token.text)
        place = "" if token.kind == "end" else f" (character {token.start + 1})"
        return InputError(
            f"--schema cannot be read {where}: {found}{place} stands where {wanted} should.",
            hint=f'a form to follow: --schema "{EXAMPLE}"',
        )


class _Word(str):
    """A name that is no type; in an alternative it stands for itself."""


def _split(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while not tokens or tokens[-1].kind != "end":
        found = _TOKEN.match(text, at)
        if found is None:
            raise InputError(
                f"--schema cannot be read at {text[at : at + 20]!r} (character {at + 1}).",
                hint=f'a form to follow: --schema "{EXAMPLE}"',
            )
        if found.lastgroup != "blank":
            tokens.append(_Token(str(found.lastgroup), found[0], at))
        at = found.end()
    return tokens


def _unquote(token: _Token) -> str:
    return re.sub(r"\\(.)", r"\1", token.text[1:-1]) if token.kind == "text" else token.text


def _read_number(text: str) -> float:
    return float(text) if "." in text else int(text)


def _build_list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _join(parts: list[Any]) -> dict[str, Any]:
    """One schema of alternatives: what stands for itself is gathered in an enum."""
    fixed = [str(part) if isinstance(part, _Word) else part.get("const") for part in parts if _is_fixed(part)]
    types = [part for part in parts if not _is_fixed(part)]
    joined = [*([_build_enum(fixed)] if fixed else []), *types]
    return joined[0] if len(joined) == 1 else {"anyOf": joined}


def _is_fixed(part: Any) -> bool:
    return isinstance(part, _Word) or "const" in part


def _build_enum(values: list[Any]) -> dict[str, Any]:
    kinds = {str: "string", int: "integer", float: "number"}
    types = list(dict.fromkeys(kinds[type(value)] for value in values))
    return {"type": types[0] if len(types) == 1 else types, "enum": list(dict.fromkeys(values))}


def _allow_null(schema: dict[str, Any]) -> dict[str, Any]:
    alternatives = schema.get("anyOf", [schema])
    return schema if {"type": "null"} in alternatives else {"anyOf": [*alternatives, {"type": "null"}]}


def _build_unknown_type(word: str, field: str) -> InputError:
    close = difflib.get_close_matches(word, [*TYPES, *_LISTS[:2]], n=1, cutoff=0.6)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return InputError(
        f"{word!r} is not a type, for the field {field!r} of --schema.",
        hint=f"{meant}there are str, int, float, bool, date, list[…], a|b|c, {{…}}; ? after it: may be null",
    )
