"""Secrets that do not print, and their removal from text that might repeat them.

Configured keys are replaced wherever they appear, whole, even where a server splits one over the
chunks of a stream. Look-alikes are replaced only in errors, logs and URLs (`redact_lookalikes`):
in an answer they may be what the person asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

REDACTED = "[redacted]"
MIN_SECRET_LENGTH = 8
"""Shorter values would eat ordinary words; no provider issues such keys."""

_LOOKALIKE = re.compile(
    r"(?<![A-Za-z0-9])(?:sk|pk|rk)-(?:helicone-)?[A-Za-z0-9_-]{8,}"  # OpenAI, Helicone, Anthropic, OpenRouter
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}"
    r"|AIza[A-Za-z0-9_-]{20,}|gsk_[A-Za-z0-9]{16,}|hf_[A-Za-z0-9]{16,}|xai-[A-Za-z0-9]{16,}"
    r"|(?<=[?&](?:key|sig)=)[^&\s]+|(?<=[?&]api[_-]key=)[^&\s]+"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # credentials in a URL
)
_MARKS = ("sk-", "pk-", "rk-", "earer ", "AIza", "gsk_", "hf_", "xai-", "key=", "sig=", "://")
"""One of them stands in every look-alike, or right before it: a text without any needs no search, which is slow."""


class Secret:
    """A key that shows as ``**********`` in every form of printing; `reveal` gives its value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __str__(self) -> str:
        return "**********"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret is never pickled")


class Redactor:
    """Replaces the exact values of a set of keys by ``[redacted]``; like them, it neither prints nor is pickled."""

    __slots__ = ("_pattern", "_values")

    def __init__(self, secrets: Iterable[Secret]) -> None:
        values = {secret.reveal() for secret in secrets}
        self._values = sorted((value for value in values if len(value) >= MIN_SECRET_LENGTH), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, self._values))) if self._values else None

    def join(self, other: Redactor) -> Redactor:
        """One that knows the keys of both."""
        if set(other._values) <= set(self._values):
            return self
        return Redactor(map(Secret, {*self._values, *other._values}))

    def redact(self, text: str) -> str:
        """``text`` without the configured keys."""
        return self._pattern.sub(REDACTED, text) if self._pattern else text

    def redact_lookalikes(self, text: str) -> str:
        """``text`` without the configured keys and without anything shaped like a key."""
        safe = self.redact(text)
        return _LOOKALIKE.sub(REDACTED, safe) if any(mark in safe for mark in _MARKS) else safe

    def redact_beginning(self, text: str) -> str:
        """``text``, the end of an answer, unless it is most of a key that was cut off."""
        is_key = any(len(text) > len(value) / 2 and value.startswith(text) for value in self._values)
        return REDACTED if is_key else text

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Redactor is never pickled")

    def find_held_back(self, text: str) -> int:
        """How many characters at the end of ``text`` may be the beginning of a key."""
        longest = 0
        for value in self._values:
            start = text.find(value[0], max(0, len(text) - len(value) + 1))
            while start >= 0 and not value.startswith(text[start:]):
                start = text.find(value[0], start + 1)
            if start >= 0:  # the earliest beginning is the longest
                longest = max(longest, len(text) - start)
        return longest


class StreamRedactor:
    """A `Redactor` for text that arrives in pieces: what may begin a key waits for the next piece."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._waiting = ""

    def feed(self, piece: str) -> str:
        """The text that is safe to show now."""
        text = self._redactor.redact(self._waiting + piece)
        cut = len(text) - self._redactor.find_held_back(text)
        self._waiting = text[cut:]
        return text[:cut]

    def flush(self) -> str:
        """What still waited, once no more can come."""
        waiting, self._waiting = self._waiting, ""
        return self._redactor.redact_beginning(waiting)
