"""How an export is told from other files: a mark in its first lines, with a hash of everything else.

So that exporting again replaces what an earlier export has written, as it was written, and nothing else.
"""

from __future__ import annotations

import hashlib
import re

MARK = "heliconemagic export"
BLANK = f"{MARK} {'0' * 16}"
"""The mark in a form that has no place for a comment, until `seal` puts the hash into it."""

_SIGNED = re.compile(rb"\A(?:[^\n]*\n)?[^\n]*heliconemagic export ([0-9a-f]{16})[^\n]*\n")
_SEALED = re.compile(rb'\A(?:\{"|\xef\xbb\xbfnumber,)[^\n]*?heliconemagic export ([0-9a-f]{16})')


def sign(text: str, *, opening: str, closing: str = "", before: str = "") -> str:
    """``text`` below a line that names it an export and holds its hash; ``before`` is what has to come first."""
    return f"{before}{opening}{MARK} {_hash(_encode(text))}{closing}\n{text}"


def seal(text: str) -> str:
    """``text``, in whose first line `BLANK` stands, with its hash there."""
    return text.replace(BLANK, f"{MARK} {_hash(_encode(text))}", 1)


def is_export(data: bytes) -> bool:
    """Whether a file's bytes are an export, as it was written."""
    if found := _SEALED.match(data):
        begin, end = found.span(1)
        return _hash(data[:begin] + b"0" * (end - begin) + data[end:]) == found[1].decode()
    found = _SIGNED.match(data)
    return found is not None and _hash(data[found.end() :]) == found[1].decode()


def is_changed_export(data: bytes) -> bool:
    """Whether they are one that somebody has changed since."""
    return _SIGNED.match(data) is not None and not is_export(data)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
