"""Code with colours: pygments' class-based spans, which JupyterLab's style sheet knows."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pygments.lexer import Lexer  # type: ignore[import-untyped]

MAX_HIGHLIGHTED = 50_000
"""Characters; longer code is shown plain: colours would make the saved notebook several times as large."""


def highlight_code(code: str, language: str) -> str:
    """``code`` as the inside of a ``<pre>``: escaped, with spans where ``language`` is known."""
    lexer = _find_lexer(language) if language and len(code) <= MAX_HIGHLIGHTED else None
    if lexer is None:
        return html.escape(code)
    from pygments import highlight  # type: ignore[import-untyped]
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]

    coloured: str = highlight(code, lexer, HtmlFormatter(nowrap=True))
    return coloured if code.endswith("\n") else coloured.removesuffix("\n")


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
