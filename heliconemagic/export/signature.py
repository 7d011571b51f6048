"""How an export is told from other files: a mark in it, and where people edit such files, a hash of the rest.

So that exporting again replaces what an earlier export has written, and nothing else.
"""

from __future__ import annotations

import hashlib
import re

MARK = "heliconemagic export"

_SIGNED = re.compile(rb"\A(?:[^\n]*\n)?[^\n]*heliconemagic export ([0-9a-f]{16})[^\n]*\n")
_BEGINNINGS = (
    b'{"heliconemagic_lesson":1,"session":',
    b'{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"heliconemagic"}}',
    b"\xef\xbb\xbfnumber,path,kind,status,",
)
"""Of the forms that have no place for a comment."""


def sign(text: str, *, opening: str, closing: str = "", before: str = "") -> str:
    """``text`` below a line that names it an export and holds its hash; ``before`` is what has to come first."""
    return f"{before}{opening}{MARK} {_hash(text.encode('utf-8', 'replace'))}{closing}\n{text}"


def is_export(data: bytes) -> bool:
    """Whether a file's bytes are an export, as it was written."""
    if data.startswith(_BEGINNINGS):
        return True
    found = _SIGNED.match(data)
    return found is not None and _hash(data[found.end() :]) == found[1].decode()


def is_changed_export(data: bytes) -> bool:
    """Whether they are one that somebody has changed since."""
    return _SIGNED.match(data) is not None and not is_export(data)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
