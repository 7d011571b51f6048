"""HTML by hand: escaped text and elements. Everything that isn't a model's answer goes through here."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from urllib.parse import quote

from heliconemagic.render.terminal import drop_controls, make_safe_text

SEPARATOR = '<span class="hm-sep"> · </span>'
"""Between the figures of a line; unseen where the style sheet, whose gaps replace it, is there."""


def escape(text: object) -> str:
    """``text`` for any place in an HTML document, an attribute's value included."""
    return html.escape(drop_controls(str(text)))


NO_MATH = "tex2jax_ignore mathjax_ignore"
"""Classes of elements where a dollar sign is money: MathJax leaves them alone."""


def build_span(css: str, content: str) -> str:
    """A span of class ``css``; ``content`` is HTML. Nothing for nothing."""
    return f'<span class="{css}">{content}</span>' if content else ""


def build_link(url: str | None, label: str) -> str:
    """A link that opens in a new tab; nothing without a http(s) ``url``. ``label`` is text."""
    if not url or not re.match(r"https?://", url):
        return ""
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{escape(label)}</a>'


def build_row(cells: Iterable[object], sides: str, tag: str = "td") -> str:
    """A table's row of texts; ``sides`` has an ``l`` or an ``r`` for each. The attribute outlives a style sheet."""
    starts = {"l": f"<{tag}>", "r": f'<{tag} align="right">'}
    return "".join(f"{starts[side]}{escape(cell)}</{tag}>" for cell, side in zip(cells, sides, strict=True))


def join_parts(parts: Iterable[str]) -> str:
    """The parts that aren't empty, as one line of HTML."""
    return SEPARATOR.join(part for part in parts if part)


def build_markdown_link(url: str | None, label: str) -> str:
    """The same link in Markdown."""
    if not url or not re.match(r"https?://", url):
        return ""
    return f"[{escape_markdown(label)}]({quote(drop_controls(url), safe=URL_CHARACTERS)})"


URL_CHARACTERS = "/:?#@!&=+,;%~-._"
"""What may stand in a link's target as it is: nothing that ends it, and nothing that looks like math."""

_INLINE_MARKDOWN = re.compile(r"[\\`*_\[\]<&$~|!\"]")
_ENTITIES = {"<": "&lt;", '"': "&quot;"}


def escape_markdown(text: object) -> str:
    """``text`` as one line of Markdown that means nothing but itself."""
    line = " ".join(make_safe_text(str(text)).split())
    return _INLINE_MARKDOWN.sub(lambda char: _ENTITIES.get(char[0], f"\\{char[0]}"), line)
