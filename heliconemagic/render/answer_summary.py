"""An answer as one line for a table: its words, without what only means something once it is rendered. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_OBJECT = 20_000
"""Characters of JSON that are read; a longer answer stays as it is."""
MAX_READ = 2_000
"""Characters of any other answer that are read: far more than one line holds."""

_REMARK = re.compile(r"\s*\*[^*\n]+\*\s*\n\s*(?=\S)")
_MARKS = re.compile(r"^[ ]{0,3}(?:#{1,6}[ ]+|>[ ]?|```.*$)|\*\*|__|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)|`", re.MULTILINE)


def summarise(text: str) -> str:
    """``text`` without Markdown's marks and without a remark in italics above the answer; an object as its fields.

    >>> summarise("*A note.*\\n\\n## Bees\\n\\nThey **dance**.")
    'Bees\\n\\nThey dance.'
    >>> summarise('{"question": "Why?", "options": ["a", "b"], "note": null}')
    'question: Why? · options: a, b'
    """
    value = _read_object(text)
    if value is not None:
        return " · ".join(f"{name}: {written}" for name, one in value.items() if (written := _write(one)))
    return _MARKS.sub("", _REMARK.sub("", text[:MAX_READ], count=1))


def _read_object(text: str) -> dict[str, Any] | None:
    if len(text) > MAX_OBJECT or not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _write(value: Any) -> str:
    """A value in plain words; lists and objects inside another one as JSON."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
