"""What differs between two answers, word by word. Bounded in time and size, whatever the answers are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from heliconemagic.render.figures import format_count
from heliconemagic.render.markup import NO_MATH, escape, escape_markdown
from heliconemagic.render.style import add_style
from heliconemagic.render.terminal import make_safe_text

MAX_WORDS = 2_000
"""Words of each answer that are compared."""
MAX_PAIRS = 150_000
"""Pairs of equal words: the work that a search through them is. Texts that repeat one word for ever have millions."""
CONTEXT = 12
"""Words that are shown before and after a difference."""
MAX_INDENT = 16
"""Blanks at the beginning of a line that count."""
LINE_END, PARAGRAPH_END = "↵", "¶"
"""How a line's end shows that is itself a difference."""
_PIECE = re.compile(r"(\s*)(\S+)")
_BLOCK_SIGN = re.compile(r"\A[-+#>=]")
_NUMBER = re.compile(r"\A(\d{1,9})([.)])")


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of the comparison: the same words in both, or other ones in each.

    A word that begins a line has the line end before it: ``"\\n- milk"``, or ``"\\n\\nThen"`` for a paragraph.
    """

    same: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WordDiff:
    """The difference between two texts."""

    changes: tuple[Change, ...]
    note: str = ""  # what was left out, or why nothing was compared

    @property
    def summary(self) -> str:
        """``84 words the same, 12 only in the first, 9 only in the second``."""
        same, removed, added = (
            sum(len(getattr(change, name)) for change in self.changes) for name in ("same", "removed", "added")
        )
        if not self.changes:
            return self.note or "both are empty"
        if not removed and not added:
            return f"the same {format_count(same, 'word')}"
        return f"{format_count(same, 'word')} the same, {removed:,} removed, {added:,} added"


def compare_words(old: str, new: str) -> WordDiff:
    """How ``new`` differs from ``old``; line ends count, and blanks within a line don't.

    >>> [(change.same, change.removed, change.added) for change in compare_words("a b c", "a x c").changes]
    [(('a',), (), ()), ((), ('b',), ('x',)), (('c',), (), ())]
    >>> compare_words("a\\n\\n  b", "a b").changes[1]
    Change(same=(), removed=('\\n\\n  b',), added=('b',))
    """
    before, after = _list_words(old), _list_words(new)
    longest = max(len(before), len(after))
    before, after = before[:MAX_WORDS], after[:MAX_WORDS]
    if _count_pairs(before, after) > MAX_PAIRS:
        return WordDiff(changes=(), note="not compared: the answers repeat the same words too often")
    note = f"only the first {MAX_WORDS:,} words are compared" if longest > MAX_WORDS else ""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    changes = tuple(
        Change(same=tuple(before[a:b])) if kind == "equal" else Change((), tuple(before[a:b]), tuple(after[c:d]))
        for kind, a, b, c, d in matcher.get_opcodes()
    )
    return WordDiff(changes=changes, note=note)


def _list_words(text: str) -> list[str]:
    """The words, each with the line end before it: as a word of its own that would be equal to all others."""
    return [_read_break(gap) + word for gap, word in _PIECE.findall(text.strip())]


def _read_break(gap: str) -> str:
    """One line end, two for a paragraph, and the indent that follows; nothing between the words of a line."""
    if "\n" not in gap and "\r" not in gap:
        return ""
    *above, indent = gap.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n" * min(len(above), 2) + " " * min(len(indent.expandtabs(4)), MAX_INDENT)


def _count_pairs(before: Sequence[str], after: Sequence[str]) -> int:
    counted = Counter(after)
    return sum(count * counted[word] for word, count in Counter(before).items())


def build_diff_html(diff: WordDiff) -> str:
    """What was removed in ``<del>``, what was added in ``<ins>``; long stretches without a difference shortened."""
    words = _write(diff, _HTML)
    note = f"<p><em>{escape(diff.note)}</em></p>" if diff.note else ""
    return f"<p>{words}</p>{note}" if words else note


def build_diff_markdown(diff: WordDiff) -> str:
    """The same with ``~~ ~~`` and ``** **``."""
    note = f"*{escape_markdown(diff.note)}*" if diff.note else ""
    return "\n\n".join(part for part in (_write(diff, _MARKDOWN), note) if part)


def build_diff_text(diff: WordDiff) -> str:
    """The same as ``wdiff`` writes it: ``[-removed-] {+added+}``."""
    return "\n".join(part for part in (_write(diff, _TEXT), make_safe_text(diff.note)) if part)


def build_diff_bundle(diff: WordDiff) -> dict[str, str]:
    """All forms by their MIME types, for one display."""
    page = add_style(f'<div class="hm {NO_MATH}"><div class="hm-body hm-diff">{build_diff_html(diff)}</div></div>')
    return {"text/html": page, "text/markdown": build_diff_markdown(diff), "text/plain": build_diff_text(diff)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How the words and line ends of one form of display are written."""

    make_safe: Callable[[str], str]
    begin_line: Callable[[str], str] = str  # of words that were made safe, and stand unmarked at a line's beginning
    removed: str
    added: str
    line_end: str
    paragraph_end: str
    blank: str  # of an indent

    def write(self, kind: str, words: str, *, is_first: bool) -> str:
        """Words of one line, of which ``kind`` says where they are from."""
        safe = self.make_safe(words)
        if kind == "same":
            return self.begin_line(safe) if is_first else safe
        return (self.removed if kind == "removed" else self.added).format(safe)

    def write_break(self, line_break: str) -> str:
        """A line's end, and the indent of the next."""
        ends = line_break.count("\n")
        return (self.paragraph_end if ends > 1 else self.line_end) + self.blank * (len(line_break) - ends)


def _escape_block(line: str) -> str:
    """A line of Markdown that begins no list, heading, rule or quotation."""
    return _NUMBER.sub(r"\1\\\2", _BLOCK_SIGN.sub(r"\\\g<0>", line))


_HTML = _Form(
    make_safe=escape,
    removed="<del>{}</del>",
    added="<ins>{}</ins>",
    line_end="<br>\n",
    paragraph_end="</p>\n<p>",
    blank="&nbsp;",
)
_MARKDOWN = _Form(
    make_safe=escape_markdown,
    begin_line=_escape_block,
    removed="~~{}~~",
    added="**{}**",
    line_end="  \n",
    paragraph_end="\n\n",
    blank="\u00a0",
)
_TEXT = _Form(
    make_safe=make_safe_text, removed="[-{}-]", added="{{+{}+}}", line_end="\n", paragraph_end="\n\n", blank=" "
)


def _write(diff: WordDiff, form: _Form) -> str:
    """All words, line by line, those of a difference marked."""
    parts, is_first = [], True
    for kind, text in _iterate_parts(diff):
        if kind == "break":
            parts.append(form.write_break(text))
        else:
            parts.append(("" if is_first else " ") + form.write(kind, text, is_first=is_first))
        is_first = kind == "break"
    return "".join(parts)


def _iterate_parts(diff: WordDiff) -> Iterator[tuple[str, str]]:
    """Words of one line with where they are from, and the ends of lines as ``break``."""
    for position, change in enumerate(diff.changes):
        removed, added = change.removed, change.added
        shared = _cut(removed[0])[0] if removed and added else ""
        if shared and _cut(added[0])[0] == shared:  # both begin the line: its end is no difference
            yield "break", shared
            removed, added = ((_cut(words[0])[1], *words[1:]) for words in (removed, added))
        yield from _iterate_lines("same", _shorten(change.same, *_find_ends(diff, position)))
        yield from _iterate_lines("removed", _sign(removed, breaks=False))
        yield from _iterate_lines("added", _sign(added, breaks=True))


def _iterate_lines(kind: str, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    line: list[str] = []
    for word in words:
        line_break, bare = _cut(word)
        if line_break:
            if line:
                yield kind, " ".join(line)
            yield "break", line_break
            line = []
        line.append(bare)
    if line:
        yield kind, " ".join(line)


def _cut(word: str) -> tuple[str, str]:
    """The line end before a word, and the word."""
    bare = word.lstrip("\n ")
    return word[: len(word) - len(bare)], bare


def _sign(words: Sequence[str], *, breaks: bool) -> Sequence[str]:
    """With a sign for the line end that they begin with; one that was removed ends no line any more."""
    line_break, bare = _cut(words[0]) if words else ("", "")
    if not line_break:
        return words
    sign = PARAGRAPH_END if line_break.startswith("\n\n") else LINE_END
    return (sign, words[0] if breaks else bare, *words[1:])


def _find_ends(diff: WordDiff, position: int) -> tuple[bool, bool]:
    return position == 0, position == len(diff.changes) - 1


def _shorten(words: Sequence[str], is_first: bool, is_last: bool) -> Sequence[str]:
    """The words next to a difference; between them how many were left out."""
    before = 0 if is_first else CONTEXT
    after = 0 if is_last else CONTEXT
    left_out = len(words) - before - after
    if left_out <= CONTEXT:
        return words
    return [*words[:before], f"[… {format_count(left_out, 'word')} …]", *words[len(words) - after :]]
