"""Tab completion of the magics' lines in IPython and Jupyter. Knows IPython, as `magics` and `extension` do.

A matcher of IPython's completion API 2 (8.6 and later), appended to the completer of one shell. On
an older IPython there is none, and the magics work without.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heliconemagic.errors import InputError
from heliconemagic.lines.suggestions import Suggestion
from heliconemagic.lines.tokens import read_token

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult

    from heliconemagic.lines.option_table import Magic

Suggest = Callable[["Magic", Sequence[str], str], Sequence[Suggestion]]
"""Magic, words before the cursor's, the cursor's word as typed → what could stand there."""

_CELL_MAGIC = re.compile(r"\s*%%(?P<magic>llm|helicone_step|helicone)(?=\s)")
_LINE_MAGIC = re.compile(r"\s*(?:[\w.\[\]'\"]+\s*=\s*)?%(?P<magic>llm|helicone_session|helicone)(?=\s)")


@dataclass(frozen=True, slots=True)
class TypedLine:
    """A magic's line up to the cursor."""

    magic: Magic
    words: list[str]
    word: str  # the one at the cursor, as typed


class _Nothing(list[Any]):
    """No completions, and nobody else's: IPython lets only a matcher suppress the others that has some."""

    def __len__(self) -> int:
        return 1


def install(ip: Any, suggest: Suggest) -> Callable[[], None]:
    """Completes the magics' lines in the shell ``ip``; returns what takes it away again."""
    matchers = getattr(getattr(ip, "Completer", None), "custom_matchers", None)
    try:
        from IPython.core.completer import SimpleCompletion, context_matcher
    except ImportError:  # IPython before 8.6
        return _do_nothing
    if matchers is None:
        return _do_nothing

    @context_matcher(identifier="heliconemagic")  # type: ignore[untyped-decorator]
    def match_magic_line(context: CompletionContext) -> SimpleMatcherResult:
        return _match(context, suggest, SimpleCompletion)

    matchers.append(match_magic_line)

    def uninstall() -> None:
        if match_magic_line in matchers:
            matchers.remove(match_magic_line)

    return uninstall


def find_typed_line(text: str, cursor_line: int, cursor_column: int) -> TypedLine | None:
    """The magic's line in which the cursor of a cell's ``text`` stands; None if it stands in none."""
    lines = text.split("\n")
    typed = lines[cursor_line][:cursor_column]
    is_first = not any(line.strip() for line in lines[:cursor_line])
    found = (is_first and _CELL_MAGIC.match(typed)) or _LINE_MAGIC.match(typed)
    if not found:
        return None
    words, word = _split_typed(typed[found.end() :])
    own: dict[str, Magic] = {"helicone_session": "helicone_session", "helicone_step": "helicone_step"}
    return TypedLine(own.get(found["magic"], "llm"), words, word)


def _match(context: CompletionContext, suggest: Suggest, build: Callable[..., SimpleCompletion]) -> SimpleMatcherResult:
    """What IPython is told: our suggestions alone on a magic's line, nothing elsewhere."""
    line = find_typed_line(context.full_text, context.cursor_line, context.cursor_position)
    if line is None:
        return {"completions": [], "suppress": False}
    rest = context.line_with_cursor[context.cursor_position :]
    found = suggest(line.magic, line.words, line.word)
    completions = [build(_join_quote(suggestion.text, rest), type=suggestion.kind) for suggestion in found]
    return {
        "completions": completions or _Nothing(),
        "matched_fragment": line.word,
        "ordered": True,
        "suppress": True,
    }


def _split_typed(typed: str) -> tuple[list[str], str]:
    """The finished words, and the one that is being typed: an open quote or span goes on to the cursor."""
    words: list[str] = []
    position = 0
    try:
        while (token := read_token(typed, position)) and token.end < len(typed):
            words.append(token.text)
            position = token.end
    except InputError:
        pass  # the word at the cursor has a quote that is still open
    return words, typed[position:].lstrip()


def _join_quote(text: str, rest: str) -> str:
    """Front ends close a quote as it is opened: not a second one then."""
    return text[:-1] if text.endswith('"') and rest.startswith('"') else text


def _do_nothing() -> None:
    """There was nothing to install."""
