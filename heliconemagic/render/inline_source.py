r"""The inside of a paragraph, written as Markdown again so that no parser reads more into it.

See `heliconemagic.render.markdown_source` for what is guarded against, and why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from heliconemagic.render.markup import URL_CHARACTERS

if TYPE_CHECKING:
    from markdown_it.token import Token

_TAG_BEGIN = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_SPECIAL = re.compile(
    r"[`$]|(?<!\s)\*|\*(?!\s)|(?<!\s)~|~(?!\s)"
    r"|(?<![^\W_])_|_(?![^\W_])"  # an underscore inside a word is one anyway
    r"|\](?=[(\[:]|\Z)|\\(?=[!-/:-@\[-`{-~])|\\$",
    re.MULTILINE,
)
_BRACKET = re.compile(r"(?<!\\)[\[\]]")
_LINE_BEGIN = re.compile(
    r"^(?=(?:#{1,6}|[+-])(?:\s|$)|>|=+\s*$|[|:-][|: -]*$)|^(\d{1,9})(?=[.)](?:\s|$))", re.MULTILINE
)
_CODE_ENTITIES = {ord(char): f"&#{ord(char)};" for char in "&<>\"'$\\`*_[]{}|~:@\n"}


class InlineWriter:
    """Writes inline tokens. ``hides_quotes`` spells quotation marks as entities."""

    def __init__(self, *, hides_quotes: bool = False) -> None:
        self._hides_quotes = hides_quotes

    def write(self, tokens: Sequence[Token], *, is_cell: bool = False) -> str:
        """One paragraph, heading or table cell; a cell has no bare ``|``."""
        parts: list[str] = []
        targets: list[str] = []
        for token in tokens:
            if token.type == "link_open":
                targets.append(str(token.attrs.get("href", "")))
                parts.append("[")
            elif token.type == "link_close":
                parts.append(f"]({quote(targets.pop(), safe=URL_CHARACTERS)})")
            else:
                parts.append(self._write_token(token, is_linked=bool(targets)))
        written = _LINE_BEGIN.sub(lambda found: f"{found[1] or ''}\\", "".join(parts))
        return written.replace("|", "\\|") if is_cell else written

    def _write_token(self, token: Token, *, is_linked: bool) -> str:
        match token.type:
            case "text":
                return self._escape(token.content, is_linked=is_linked)
            case "softbreak":
                return "\n"
            case "hardbreak":
                return "\\\n"
            case "code_inline":
                return _write_code(token.content)
            case "math_inline":
                return f"${write_math(token.content)}$"
            case "math_inline_double":
                return f"$${write_math(token.content)}$$"
            case _:
                return token.markup  # of emphasis and the like

    def _escape(self, text: str, *, is_linked: bool) -> str:
        text = _SPECIAL.sub(_escape_special, _ENTITY.sub("&amp;", text))
        text = _TAG_BEGIN.sub("&lt;", text)
        if text.endswith("<"):
            text = f"{text[:-1]}&lt;"
        if is_linked:
            text = _BRACKET.sub(r"\\\g<0>", text)
        return text.replace('"', "&quot;") if self._hides_quotes else text


def _escape_special(found: re.Match[str]) -> str:
    r"""A backslash before the character; one before a bracket is an entity, for ``\\(`` is math to JupyterLab."""
    following = found.string[found.end() : found.end() + 1]
    return "&#92;" if found[0] == "\\" and following in ("(", ")", "[", "]") else f"\\{found[0]}"


def write_math(content: str) -> str:
    """TeX that means the same and holds nothing that HTML or Markdown would read."""
    spaced = re.sub(r"\](?=[(\[:])", "] ", _TAG_BEGIN.sub("< ", content))
    return spaced.replace('"', "''").replace("`", "'").replace("|", r"\vert ")


def is_plain_code(code: str) -> bool:
    """Whether ``code`` holds nothing that would matter, should a parser not see that it is code."""
    return not (_TAG_BEGIN.search(code) or "$" in code or re.search(r"\][(\[:]", code))


def escape_code(code: str) -> str:
    """``code`` for an HTML element in Markdown, on one line."""
    return code.translate(_CODE_ENTITIES)


def _write_code(code: str) -> str:
    """A code span, or an element where a span could be taken apart."""
    if not is_plain_code(code) or "|" in code:
        return f"<code>{escape_code(code)}</code>"
    runs = {len(run) for run in re.findall(r"`+", code)}
    fence = next("`" * length for length in range(1, len(runs) + 2) if length not in runs)
    blank = " " if code[:1] in ("`", " ") or code[-1:] in ("`", " ") else ""
    return f"{fence}{blank}{code}{blank}{fence}"
