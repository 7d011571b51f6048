"""The Markdown that models write, parsed: CommonMark, tables, strikethrough, math, and no HTML.

Math keeps its own kind of token, so that its underscores and backslashes survive. Links other than
http, https and mailto lose their target, and images become links: showing an answer loads nothing.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from heliconemagic.render.sanitise import URL_SCHEMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_SCHEME = re.compile(rf"(?:{'|'.join(sorted(URL_SCHEMES, reverse=True))}):(?!//$)[^\s]", re.IGNORECASE)
# Neither kind goes past another mark of its sort: else each of many that nothing ends would be sought to the very end.
_TEX = r"(?:[^$\\]|\\[^()\[\]])+?"
_BRACKETED_MATH = re.compile(rf"\\\((?P<inline>{_TEX})\\\)|(?<![^\n])\\\[(?P<display>{_TEX})\\\](?![^\n])", re.DOTALL)


@cache
def find_parser() -> MarkdownIt:
    """The parser that all threads share, built at its first use."""
    return build_parser()


def build_parser() -> MarkdownIt:
    """A new parser, which takes about half a millisecond. It holds no state of a text, so threads may share it."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.use(
        dollarmath_plugin,
        allow_labels=False,
        allow_space=False,  # "$5 and $6" is money
        allow_digits=False,
        allow_blank_lines=False,
        double_inline=True,
    )
    parser.inline.ruler.before("escape", "bracketed_math", _parse_bracketed_math)
    parser.core.ruler.push("defuse", _defuse)
    # With its first text it fills its lists of rules, in place: another thread would parse with half of them.
    parser.parse("text")
    return parser


def is_safe_url(url: str) -> bool:
    """Whether a link may lead to ``url``."""
    return _SCHEME.match(url) is not None


def _parse_bracketed_math(state: StateInline, silent: bool) -> bool:
    r"""``\(…\)``, and ``\[…\]`` on lines of its own: the way some models mark math."""
    if state.src[state.pos] != "\\":
        return False
    found = _BRACKETED_MATH.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        is_display = found["display"] is not None
        token = state.push("math_inline_double" if is_display else "math_inline", "math", 0)
        token.content = (found["display"] if is_display else found["inline"]).strip()
    state.pos = found.end()
    return True


def _defuse(state: StateCore) -> None:
    for token in state.tokens:
        if token.type in ("th_open", "td_open"):
            _keep_alignment(token)
        elif token.type == "inline":
            token.children = list(_defuse_inline(token.children or ()))


def _keep_alignment(token: Token) -> None:
    """An attribute where the parser wrote a style, which no sanitiser lets through."""
    style = str(token.attrs.pop("style", ""))
    if style:
        token.attrs["align"] = style.removeprefix("text-align:")


def _defuse_inline(tokens: Sequence[Token]) -> Iterator[Token]:
    is_linked = False
    is_dropped = False
    for token in tokens:
        if token.type == "link_open":
            is_dropped = not is_safe_url(str(token.attrs.get("href", "")))
            is_linked = not is_dropped
            token.attrs.pop("title", None)
        if token.type == "image":
            yield from _replace_image(token, is_linked=is_linked)
        elif not (is_dropped and token.type in ("link_open", "link_close")):
            yield token
        if token.type == "link_close":
            is_linked = is_dropped = False


def _replace_image(token: Token, *, is_linked: bool) -> Iterator[Token]:
    """The alternative text, as a link to the image where it has an address of its own."""
    url = str(token.attrs.get("src", ""))
    is_link = is_safe_url(url) and not is_linked
    if is_link:
        yield _build_token("link_open", "a", 1, attrs={"href": url})
    yield _build_token("text", "", 0, content=token.content or "image")
    if is_link:
        yield _build_token("link_close", "a", -1)


def _build_token(kind: str, tag: str, nesting: int, **fields: Any) -> Token:
    from markdown_it.token import Token

    return Token(kind, tag, nesting, **fields)  # type: ignore[arg-type]
