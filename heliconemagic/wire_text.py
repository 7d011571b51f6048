"""What may stand in a Helicone header value, and what to type where something may not.

The gateway validates nothing: a bad value is stored garbled, breaks the dashboard's links or
fails deep inside the HTTP client, so every name, id, path, user and property passes here first.
"""

from __future__ import annotations

import re
import unicodedata

from heliconemagic.errors import InputError

MAX_VALUE_LENGTH = 256
_PLAIN = re.compile(r"[!-$&-~](?:[ -$&-~]*[!-$&-~])?")  # printable ASCII but for %, no blank at an end

_LETTERS = {
    "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
    "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"',
    "”": '"', "…": "...", "·": "-", "%": " percent ",
}  # fmt: skip


def build_ascii_form(text: str) -> str:
    """The nearest text that can travel: accents dropped, blanks single, the rest left out.

    >>> build_ascii_form("  Café – Übung 50% ")
    'Cafe - Ubung 50 percent'
    """
    spelled = "".join(_LETTERS.get(char, char) for char in text)
    decomposed = unicodedata.normalize("NFKD", spelled)
    blanks = "".join(" " if char.isspace() or not char.isprintable() else char for char in decomposed)
    return " ".join(blanks.encode("ascii", "ignore").decode("ascii").split())[:MAX_VALUE_LENGTH].strip()


def fit_header_value(text: str, max_length: int = MAX_VALUE_LENGTH) -> str:
    """``text`` if it can travel, else its nearest form that can; empty where nothing of it can.

    >>> fit_header_value("plain"), fit_header_value("José"), fit_header_value("日本")
    ('plain', 'Jose', '')
    """
    return text if find_fault(text, max_length) is None else build_ascii_form(text)[:max_length].strip()


def find_fault(value: str, max_length: int = MAX_VALUE_LENGTH) -> str | None:
    """What is wrong with ``value`` as a header value, as the end of a sentence; None if nothing is."""
    if _PLAIN.fullmatch(value) and len(value) <= max_length:  # as nearly all are
        return None
    if not value.strip():
        return "is empty"
    if any(char in "\r\n\u2028\u2029\x85" for char in value):
        return "has a line break"
    if any(unicodedata.category(char) in {"Cc", "Cf"} for char in value):
        return "has a control character"
    if value != value.strip():
        return "has blanks at its ends"
    if not value.isascii():
        return "has characters outside ASCII, which HTTP headers cannot carry"
    if "%" in value:
        return "has a '%', which breaks the links of Helicone's dashboard"
    if len(value) > max_length:
        return f"is {len(value):,} characters long; {max_length} is the most"
    return None


def check_header_value(what: str, value: str, *, option: str = "", max_length: int = MAX_VALUE_LENGTH) -> str:
    """``value`` if it can be sent; ``what`` names it in the error and ``option`` how to type it.

    Raises:
        InputError: with an ASCII form to type instead, where there is one.
    """
    fault = find_fault(value, max_length)
    if fault is None:
        return value
    shown = value if len(value) <= 60 else value[:57] + "..."
    instead = build_ascii_form(value)[:max_length].rstrip()
    is_any = any(char.isalnum() for char in instead)  # "/" is nothing to type for "/日本"
    typed = f'{option} "{instead}"'.strip() if is_any else ""
    raise InputError(
        f"the {what} {shown!r} {fault}.", hint=f"type {typed}" if typed else f"give a {what} in plain ASCII"
    )
