"""What differs between two answers, word by word. Bounded in time and size, whatever the answers are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
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
_PIECE = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of the comparison: the same words in both, or other ones in each."""

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
    """How ``new`` differs from ``old``; blanks don't count.

    >>> [(change.same, change.removed, change.added) for change in compare_words("a b c", "a x c").changes]
    [(('a',), (), ()), ((), ('b',), ('x',)), (('c',), (), ())]
    """
    before, after = _PIECE.findall(old), _PIECE.findall(new)
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


def _count_pairs(before: Sequence[str], after: Sequence[str]) -> int:
    counted = Counter(after)
    return sum(count * counted[word] for word, count in Counter(before).items())


def build_diff_html(diff: WordDiff) -> str:
    """What was removed in ``<del>``, what was added in ``<ins>``; long stretches without a difference shortened."""
    words = _write(diff, escape, "<del>{}</del>", "<ins>{}</ins>")
    note = f"<p><em>{escape(diff.note)}</em></p>" if diff.note else ""
    return f"<p>{words}</p>{note}" if words else note


def build_diff_markdown(diff: WordDiff) -> str:
    """The same with ``~~ ~~`` and ``** **``."""
    note = f"*{escape_markdown(diff.note)}*" if diff.note else ""
    return "\n\n".join(part for part in (_write(diff, escape_markdown, "~~{}~~", "**{}**"), note) if part)


def build_diff_text(diff: WordDiff) -> str:
    """The same as ``wdiff`` writes it: ``[-removed-] {+added+}``."""
    words = _write(diff, make_safe_text, "[-{}-]", "{{+{}+}}")
    return "\n".join(part for part in (words, make_safe_text(diff.note)) if part)


def build_diff_bundle(diff: WordDiff) -> dict[str, str]:
    """All forms by their MIME types, for one display."""
    page = add_style(f'<div class="hm {NO_MATH}"><div class="hm-body hm-diff">{build_diff_html(diff)}</div></div>')
    return {"text/html": page, "text/markdown": build_diff_markdown(diff), "text/plain": build_diff_text(diff)}


def _write(diff: WordDiff, make_safe: Callable[[str], str], removed: str, added: str) -> str:
    """All words, those of a difference in their forms."""
    parts = []
    for position, change in enumerate(diff.changes):
        if change.same:
            parts.append(make_safe(_shorten(change.same, *_find_ends(diff, position))))
        for words, form in ((change.removed, removed), (change.added, added)):
            if words:
                parts.append(form.format(make_safe(" ".join(words))))
    return " ".join(parts)


def _find_ends(diff: WordDiff, position: int) -> tuple[bool, bool]:
    return position == 0, position == len(diff.changes) - 1


def _shorten(words: Sequence[str], is_first: bool, is_last: bool) -> str:
    """The words next to a difference; between them how many were left out."""
    before = 0 if is_first else CONTEXT
    after = 0 if is_last else CONTEXT
    left_out = len(words) - before - after
    if left_out <= CONTEXT:
        return " ".join(words)
    tail = words[len(words) - after :]
    return " ".join([*words[:before], f"[… {format_count(left_out, 'word')} …]", *tail])
