"""Code with colours: pygments' class-based spans, which JupyterLab's style sheet knows.

pygments' own formatter puts every comma and name into a span. Here only what has a colour gets one, for the saved
notebook holds two such blocks for each cell.
"""

from __future__ import annotations

import html
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pygments.lexer import Lexer  # type: ignore[import-untyped]
    from pygments.token import _TokenType  # type: ignore[import-untyped]

MAX_HIGHLIGHTED = 50_000
"""Characters; longer code is shown plain: colours would make the saved notebook several times as large."""

_CLASSES = {
    "Token.Keyword": "k",
    "Token.Operator.Word": "ow",
    "Token.Literal.String": "s",
    "Token.Literal.Number": "m",
    "Token.Comment": "c",
    "Token.Name.Function": "nf",
    "Token.Name.Class": "nc",
    "Token.Name.Decorator": "nd",
    "Token.Name.Builtin": "nb",
    "Token.Name.Tag": "nt",
    "Token.Name.Attribute": "na",
    "Token.Generic.Inserted": "gi",
    "Token.Generic.Deleted": "gd",
    "Token.Generic.Heading": "gh",
    "Token.Generic.Subheading": "gu",
}
"""pygments' short names of the kinds of token that style sheets colour; a kind that isn't here has its parent's."""


def highlight_code(code: str, language: str) -> str:
    """``code`` as the inside of a ``<pre>``: escaped, with spans where ``language`` is known."""
    lexer = _find_lexer(language) if language and len(code) <= MAX_HIGHLIGHTED else None
    if lexer is None:
        return _escape(code)
    tokens = ((_find_class(kind), text) for kind, text in lexer.get_tokens(code))
    runs = ((css, "".join(text for _, text in run)) for css, run in groupby(tokens, key=itemgetter(0)))
    return "".join(f'<span class="{css}">{_escape(text)}</span>' if css else _escape(text) for css, text in runs)


def build_code_block(code: str, language: str = "", css: str = "highlight") -> str:
    """``code`` as a block of its own, the way JupyterLab marks one."""
    return f'<div class="{css}"><pre>{highlight_code(code, language)}</pre></div>\n'


def _find_lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@lru_cache(maxsize=256)
def _find_class(kind: _TokenType) -> str:
    """The class of the nearest kind above that has one; empty for plain text."""
    return next((_CLASSES[str(one)] for one in reversed(kind.split()) if str(one) in _CLASSES), "")


def _escape(code: str) -> str:
    """For the content of an element alone: a quotation mark in place of ``&quot;``."""
    return html.escape(code, quote=False)
