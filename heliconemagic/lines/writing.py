"""Words for a magic's line, quoted so that `heliconemagic.lines.tokens` reads back exactly what was written.

What is written may come from anybody: nothing of it can become an option, a template or another line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.lines.tokens import read_token

LONGEST_WORD = 20_000
"""Characters: a longer one is no line for people."""

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:@+,-]*")


def write_word(text: str) -> str | None:
    """``text`` as one word of a line; None where no line can hold it as it is.

    >>> write_word("gpt-4o-mini"), write_word('say "hi"'), write_word("two\\nlines")
    ('gpt-4o-mini', '"say \\\\"hi\\\\""', None)
    """
    if not text or text != text.strip() or not text.isprintable() or "{{" in text or len(text) > LONGEST_WORD:
        return None
    return next((word for word in _iterate_spellings(text) if _reads_back(word, text)), None)


def _iterate_spellings(text: str) -> Iterator[str]:
    if _PLAIN.fullmatch(text):
        yield text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    yield from (f'"{text}"', f'"{escaped}"', f"'{text}'")


def _reads_back(word: str, text: str) -> bool:
    try:
        token = read_token(f"{word} -x", 0)
    except InputError:
        return False
    return token is not None and (token.text, token.end) == (text, len(word))


def write_json(value: Any) -> str | None:
    """``value`` as the word of an option that reads JSON; None where it is none."""
    try:
        spelled = json.dumps(value, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return None
    # Both stand only inside strings, where an escape means the same.
    spelled = spelled.replace("'", "\\u0027").replace("{{", "{\\u007b")
    word = spelled if _PLAIN.fullmatch(spelled) else f"'{spelled}'"
    return word if len(word) <= LONGEST_WORD and _reads_back(word, spelled) else None
