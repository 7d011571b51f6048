"""The bytes of attachments that this session has sent or may send again, within a bound."""

from __future__ import annotations

import threading
from collections.abc import Mapping

MOST_KEPT = 256_000_000
"""Bytes. What is let go of is read from the journal again."""


class AttachmentStore:
    """Bytes by their hash; the least recently used are let go of. Safe to use from any thread."""

    def __init__(self, limit: int = MOST_KEPT) -> None:
        self._limit = limit
        self._bytes: dict[str, bytes] = {}
        self._size = 0
        self._lock = threading.Lock()

    def find(self, sha256: str) -> bytes | None:
        """The bytes with this hash, if they are still here."""
        with self._lock:
            data = self._bytes.pop(sha256, None)
            if data is not None:
                self._bytes[sha256] = data  # the newest again
            return data

    def put(self, attachments: Mapping[str, bytes]) -> None:
        """Takes bytes by their hashes; the newest stay even if they alone are too many."""
        with self._lock:
            for sha256, data in attachments.items():
                if self._bytes.pop(sha256, None) is None:
                    self._size += len(data)
                self._bytes[sha256] = data
            while self._size > self._limit and len(self._bytes) > len(attachments):
                oldest = next(iter(self._bytes))
                self._size -= len(self._bytes.pop(oldest))
