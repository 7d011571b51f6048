"""Text from elsewhere, made safe: for a terminal, and one character at a time for everything else.

A terminal obeys escape sequences (they can retitle it, move the cursor, write to the clipboard),
and bidirectional controls let a text read differently from what it says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS: titles, clipboard
    r"|\x1b[ -/]*[0-~]?"  # the rest
)
_CONTROLS = "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f"
_BIDI = "\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069"
_UNSAFE = re.compile(f"[{_CONTROLS}{_BIDI}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def make_safe_text(text: str) -> str:
    r"""``text`` without escape sequences, control characters other than ``\n`` and ``\t``, and bidi controls.

    >>> make_safe_text("a\x1b[31mred\x1b[0m\x07 \u202egnp.exe")
    'ared gnp.exe'
    """
    return drop_controls(_ESCAPE_SEQUENCE.sub("", text))


def drop_controls(text: str) -> str:
    """``text`` without control and bidi characters, each looked at alone, so that a text may be cleaned in pieces.

    What follows an escape character stays, visible; a lone surrogate, which no encoding can carry,
    becomes U+FFFD.
    """
    return _SURROGATE.sub("\ufffd", _UNSAFE.sub("", text))


def replace_surrogates(value: Any) -> Any:
    """A JSON value whose texts can be encoded; a notebook with a lone surrogate in it could not be saved."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {str(replace_surrogates(name)): replace_surrogates(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [replace_surrogates(item) for item in value]
    return value
