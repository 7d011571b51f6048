"""A model's answer as HTML: rendered by markdown-it, coloured by pygments, sanitised by nh3.

Math stays ``$…$`` for the page's own MathJax.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from heliconemagic.render.highlight import build_code_block
from heliconemagic.render.markdown_parser import build_parser
from heliconemagic.render.sanitise import Sanitiser
from heliconemagic.render.terminal import drop_controls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

_MATH_MARKS = re.compile(r"\$|(?<=\\)[(\[]")


MAX_RENDERED = 200_000
"""Characters; a longer answer is shown as it was written, for rendering could hold up the kernel for many seconds."""


def render_markdown(text: str) -> str:
    """Sanitised HTML of a model's answer."""
    if len(text) > MAX_RENDERED:
        return build_code_block(clean_source(text))
    return find_renderer().render(text)


@cache
def find_renderer() -> MarkdownRenderer:
    """The renderer that all threads share, built at its first use: that takes as long as rendering a short answer."""
    return MarkdownRenderer()


class MarkdownRenderer:
    """A parser and a sanitiser, built once for many texts; holds no state of a text."""

    def __init__(self) -> None:
        self._parser = build_parser()
        self._sanitiser = Sanitiser()
        for name, rule in _RULES.items():
            self._parser.add_render_rule(name, rule)

    def render(self, text: str) -> str:
        """Sanitised HTML of the whole ``text``."""
        return self.render_tokens(self.parse(clean_source(text)))

    def parse(self, source: str) -> list[Token]:
        """The tokens of a cleaned ``source``."""
        return self._parser.parse(source)

    def render_tokens(self, tokens: Sequence[Token]) -> str:
        """Sanitised HTML of complete blocks."""
        return self._sanitiser.clean(self._parser.renderer.render(tokens, self._parser.options, {}))


def read_language(token: Token) -> str:
    """The language that a fence names; empty if it names none."""
    words = token.info.split()
    return words[0] if words else ""


def clean_source(text: str) -> str:
    r"""``text`` with ``\n`` line ends and no control or bidi characters."""
    return drop_controls(text.replace("\r\n", "\n").replace("\r", "\n"))


def _render_text(self: Any, tokens: Sequence[Token], index: int, *_: Any) -> str:
    """Text; what would look like math to the page's MathJax, and wasn't, stands alone in a span."""
    return _MATH_MARKS.sub(lambda mark: f"<span>{mark[0]}</span>", _escape(tokens[index].content))


def _render_code(self: Any, tokens: Sequence[Token], index: int, *_: Any) -> str:
    return build_code_block(tokens[index].content, read_language(tokens[index]))


def _render_inline_math(self: Any, tokens: Sequence[Token], index: int, *_: Any) -> str:
    return f"${_escape(tokens[index].content)}$"


def _render_display_math(self: Any, tokens: Sequence[Token], index: int, *_: Any) -> str:
    return f"$${_escape(tokens[index].content)}$$"


def _render_math_block(self: Any, tokens: Sequence[Token], index: int, *_: Any) -> str:
    return f'<div class="hm-math">$${_escape(tokens[index].content)}$$</div>\n'


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


_RULES = {
    "text": _render_text,
    "fence": _render_code,
    "code_block": _render_code,
    "math_inline": _render_inline_math,
    "math_inline_double": _render_display_math,
    "math_block": _render_math_block,
}
