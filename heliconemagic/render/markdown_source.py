r"""A model's answer as Markdown that may be rendered by anyone, without sanitising.

JupyterLab renders ``text/markdown`` outputs with raw HTML, remote images and all, and parsers differ
in the corners, so the answer is parsed here and written anew: a small regular Markdown in which

* no ``<`` that could begin an element stands anywhere but in top-level fences, which every parser
  sees alike; code elsewhere that has one is written as escaped ``<code>``;
* every link leads to http, https or mailto, is written inline, and images are links;
* dollar signs that aren't math are escaped. JupyterLab cuts math out before it parses and puts it
  back afterwards, also into attributes, so quotation marks in math, or near it and a URL, are
  written so that they cannot end one.

An answer that holds nothing of this is returned as it is; a fence that it breaks off in is closed, for what a
page has below the answer is none of its code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from heliconemagic.render.inline_source import InlineWriter, escape_code, is_plain_code, write_math
from heliconemagic.render.markdown_html import MAX_RENDERED, clean_source, read_language
from heliconemagic.render.markdown_parser import find_parser

if TYPE_CHECKING:
    from markdown_it.token import Token

_SUSPECT = re.compile(r"<[A-Za-z/!?]|\]\s*[(\[:]|!\[|\\[(\[]")  # the last: math that most programs don't know
_MATH = re.compile(r"[$\\]")
_ADDRESS = re.compile(r"://|www\.|@")


def make_safe_markdown(text: str) -> str:
    """``text``, safe to be rendered by a program that doesn't sanitise. It renders to the same words."""
    source = clean_source(text)
    if len(source) > MAX_RENDERED:
        return build_fence(source)
    source = _close_fence(source)
    has_quoted_address = '"' in source and _ADDRESS.search(source) is not None
    if not _SUSPECT.search(source) and not (has_quoted_address and _MATH.search(source)):
        return source
    return MarkdownWriter(hides_quotes=has_quoted_address).write(find_parser().parse(source)) + "\n"


def _close_fence(source: str) -> str:
    if "```" not in source and "~~~" not in source:
        return source
    last = find_parser().parse(f"{source}\n\nbelow")[-1]
    return f"{source.rstrip(chr(10))}\n{last.markup}\n" if last.type == "fence" else source


def demote_headings(source: str, levels: int) -> str:
    """``source``, safe Markdown, with its headings ``levels`` deeper: they stand below one of the page's own."""
    tokens = find_parser().parse(source)
    if len(source) > MAX_RENDERED or not any(token.type == "heading_open" for token in tokens):
        return source
    for token in tokens:
        if token.type == "heading_open":
            token.tag = f"h{min(int(token.tag[1]) + levels, 6)}"
    return MarkdownWriter(hides_quotes='"' in source).write(tokens) + "\n"


class MarkdownWriter:
    """Writes tokens as Markdown again. ``hides_quotes`` spells quotation marks as entities."""

    def __init__(self, *, hides_quotes: bool = False) -> None:
        self._inline = InlineWriter(hides_quotes=hides_quotes)

    def write(self, tokens: Sequence[Token], depth: int = 0) -> str:
        """The blocks of ``tokens``; ``depth`` counts the lists and quotes around them."""
        return "\n\n".join(self._write_blocks(tokens, depth))

    def _write_blocks(self, tokens: Sequence[Token], depth: int) -> list[str]:
        return [written for block in split_blocks(tokens) if (written := self._write_block(block, depth))]

    def _write_block(self, block: Sequence[Token], depth: int) -> str:
        first, inside = block[0], block[1:-1]
        match first.type:
            case "paragraph_open":
                return self._inline.write(inside[0].children or ())
            case "heading_open":
                return f"{'#' * int(first.tag[1])} {self._write_line(inside[0])}"
            case "blockquote_open":
                return "\n".join(f"> {line}".rstrip() for line in self.write(inside, depth + 1).split("\n"))
            case "bullet_list_open" | "ordered_list_open":
                return self._write_list(block, depth)
            case "table_open":
                return self._write_table(block)
            case "fence" | "code_block":
                return build_fence(first.content, read_language(first)) if not depth else _write_nested(first)
            case "math_block":
                return f"$${write_math(first.content)}$$"
            case _:
                return "___"

    def _write_line(self, inline: Token) -> str:
        return self._inline.write(inline.children or ()).replace("\\\n", " ").replace("\n", " ")

    def _write_list(self, block: Sequence[Token], depth: int) -> str:
        items = split_blocks(block[1:-1])
        is_tight = all(token.hidden for item in items for token in item if token.type == "paragraph_open")
        between = "\n" if is_tight else "\n\n"
        number = int(block[0].attrs.get("start", 1))
        written = []
        for position, item in enumerate(items):
            marker = f"{number + position}{item[0].markup}" if block[0].tag == "ol" else item[0].markup
            content = between.join(self._write_blocks(item[1:-1], depth + 1))
            written.append(_indent(content, f"{marker} "))
        return between.join(written)

    def _write_table(self, block: Sequence[Token]) -> str:
        rows: list[list[str]] = []
        sides: list[str] = []
        for token in block:
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "th_open":
                sides.append(_RULERS[str(token.attrs.get("align", ""))])
            elif token.type == "inline":
                rows[-1].append(self._inline.write(token.children or (), is_cell=True).replace("\n", " "))
        lines = [f"| {' | '.join(cells)} |" for cells in rows]
        return "\n".join([lines[0], f"| {' | '.join(sides)} |", *lines[1:]])


_RULERS = {"": "---", "left": ":--", "right": "--:", "center": ":-:"}


def split_blocks(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    """The outermost blocks of ``tokens``, each with everything inside it."""
    blocks, start, depth = [], 0, 0
    for position, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            blocks.append(tokens[start : position + 1])
            start = position + 1
    return blocks


def build_fence(code: str, language: str = "") -> str:
    """A fenced block that nothing in ``code`` can end."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    name = language if re.fullmatch(r"[\w+#.-]*", language) else ""
    return f"{fence}{name}\n{code}{'' if code.endswith(chr(10)) or not code else chr(10)}{fence}"


def _write_nested(token: Token) -> str:
    """Code in a list or a quote, where parsers disagree on what ends a fence."""
    if is_plain_code(token.content):
        return build_fence(token.content, read_language(token))
    return f"<pre><code>{escape_code(token.content)}</code></pre>"


def _indent(content: str, marker: str) -> str:
    lines = content.split("\n")
    blank = " " * len(marker)
    return "\n".join([f"{marker}{lines[0]}".rstrip(), *(f"{blank}{line}".rstrip() for line in lines[1:])])
