"""An answer that grows, as HTML in segments: finished blocks are rendered once, only the rest again.

Markdown's block structure is decided line by line, so a top-level block that another one follows is
finished for good. What would keep the rest long is cut: an open fence at line ends, a list between
its items; anything else that grows very long is rendered again only when it has grown by a tenth, or doubled.
So the work, and what is sent to the page, is proportional to the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heliconemagic.render.highlight import build_code_block
from heliconemagic.render.markdown_html import MAX_RENDERED, clean_source, find_renderer, read_language

if TYPE_CHECKING:
    from markdown_it.token import Token

MAX_OPEN_CODE = 400
"""Characters of an open fence before it is cut: coloured code is several times as long as HTML."""
MAX_OPEN_LIST = 1_500
MAX_EAGER = 2_000
"""Characters of an unfinished block up to which every update is rendered."""

MAX_PATIENT = 20_000
"""Characters of it up to which a tenth more is worth rendering all of it again."""

_PART = "highlight hm-part"
_ENDED_BY_BLANK_LINE = frozenset(
    {"paragraph_open", "heading_open", "table_open", "blockquote_open", "hr", "fence", "math_block"}
)


@dataclass(frozen=True, slots=True)
class _Block:
    """A top-level block: its tokens, and its lines from ``start`` up to ``end``."""

    tokens: Sequence[Token]
    start: int
    end: int

    @property
    def kind(self) -> str:
        return self.tokens[0].type


class SegmentedMarkdown:
    """The HTML of a growing answer: ``closed`` only ever gets longer, ``tail`` is the rest.

    Link definitions of other blocks are not looked up: the final rendering of the whole does that.
    """

    def __init__(self) -> None:
        self.closed: list[str] = []
        self.tail = ""
        self._renderer = find_renderer()
        self._seen = 0  # characters of the answer taken in
        self._source = ""  # the part of it that isn't closed, cleaned
        self._rendered = 0  # characters of that part in the tail
        self._opener = ""  # first line of the fence that was cut and goes on
        self._next_number: int | None = None  # of the ordered list that was cut and goes on

    def update(self, text: str) -> None:
        """Takes the whole answer so far; it only ever gets longer.

        Where the unfinished block is very long, the tail may lag behind by a tenth of it until `finish`, or by more.
        """
        self._take(text)
        waiting = len(self._source) - self._rendered
        share = 10 if self._rendered < MAX_PATIENT else 1
        if waiting > max(0, self._rendered - MAX_EAGER) // share:
            self._render()

    def finish(self, text: str) -> None:
        """Takes the whole answer at its end: the tail now shows all of it."""
        self._take(text)
        self._render()

    def _take(self, text: str) -> None:
        piece = text[self._seen :]
        if piece.endswith("\r"):  # perhaps half of a line end
            piece = piece[:-1]
        self._seen += len(piece)
        self._source += clean_source(piece)

    def _render(self) -> None:
        if len(self._source) > MAX_RENDERED:
            self.tail = build_code_block(self._source)
        else:
            self._render_blocks()
        self._rendered = len(self._source)

    def _render_blocks(self) -> None:
        blocks = self._parse()
        finished = self._count_finished(blocks)
        if finished:
            self._close(blocks[:finished], blocks[finished].start if finished < len(blocks) else blocks[-1].end)
            blocks = self._parse()
        if len(blocks) == 1 and self._cut(blocks[0]):
            blocks = self._parse()
        self.tail = self._build_html(blocks)

    def _parse(self) -> list[_Block]:
        blocks = list(_split_blocks(self._renderer.parse(self._opener + self._source)))
        if self._next_number is not None and blocks and blocks[0].kind == "ordered_list_open":
            blocks[0].tokens[0].attrs["start"] = self._next_number
        return blocks

    def _count_finished(self, blocks: Sequence[_Block]) -> int:
        """How many of the first blocks no further text can change. A last line without its end decides nothing."""
        lines = (self._opener + self._source).split("\n")[:-1]
        for index, block in enumerate(blocks):
            is_followed = index + 1 < len(blocks) and blocks[index + 1].start < len(lines)
            is_ended = block.kind in _ENDED_BY_BLANK_LINE and block.end < len(lines) and not lines[block.end].strip()
            if not (is_followed or is_ended):
                return index
        return len(blocks)

    def _close(self, blocks: Sequence[_Block], line: int) -> None:
        """Renders ``blocks`` for good; the source goes on at ``line``."""
        for position, block in enumerate(blocks):
            self._append(self._build_block(block, is_first=position == 0))
        self._drop_lines(line)
        self._opener = ""
        self._next_number = None

    def _append(self, html: str) -> None:
        if html:
            self.closed.append(html)

    def _drop_lines(self, line: int) -> None:
        lines = self._source.split("\n")
        self._source = "\n".join(lines[line - bool(self._opener) :])

    def _cut(self, block: _Block) -> bool:
        """Closes the finished part of a long unfinished block; False where nothing can be cut."""
        if block.kind == "fence":
            return self._cut_fence(block)
        if block.kind in ("bullet_list_open", "ordered_list_open"):
            return self._cut_list(block)
        return False

    def _cut_fence(self, block: _Block) -> bool:
        code = block.tokens[0].content
        complete = code[: code.rfind("\n") + 1]
        if len(complete) <= MAX_OPEN_CODE or _is_closed_fence(block):
            return False
        self._append(build_code_block(complete, read_language(block.tokens[0]), _PART))
        lines = (self._opener + self._source).split("\n")
        self._opener, self._source = lines[block.start] + "\n", lines[-1]
        return True

    def _cut_list(self, block: _Block) -> bool:
        """Closes all items before the last whose first line is complete."""
        if len(self._source) <= MAX_OPEN_LIST:
            return False
        complete = self._source.count("\n")
        items = [at for at, token in enumerate(block.tokens) if token.type == "list_item_open" and token.level == 1]
        begun = [at for at in items if (block.tokens[at].map or [complete])[0] < complete]
        if len(begun) < 2:
            return False
        last = begun[-1]
        self._append(self._renderer.render_tokens([*block.tokens[:last], block.tokens[-1]]))
        if block.kind == "ordered_list_open":
            self._next_number = int(block.tokens[0].attrs.get("start", 1)) + len(begun) - 1
        self._drop_lines((block.tokens[last].map or [0])[0])
        return True

    def _build_html(self, blocks: Sequence[_Block]) -> str:
        return "".join(self._build_block(block, is_first=position == 0) for position, block in enumerate(blocks))

    def _build_block(self, block: _Block, *, is_first: bool) -> str:
        if is_first and self._opener:
            code = block.tokens[0].content
            return build_code_block(code, read_language(block.tokens[0]), _PART) if code else ""
        return self._renderer.render_tokens(block.tokens)


def _split_blocks(tokens: Sequence[Token]) -> Iterator[_Block]:
    start = 0
    for position, token in enumerate(tokens):
        if token.level == 0 and token.nesting <= 0:
            lines = tokens[start].map or [0, 0]
            yield _Block(tokens[start : position + 1], lines[0], lines[1])
            start = position + 1


def _is_closed_fence(block: _Block) -> bool:
    """Whether the lines of the block are its opening line, its code, and a closing line."""
    code = block.tokens[0].content
    return code.count("\n") == block.end - block.start - 2 and (not code or code.endswith("\n"))
