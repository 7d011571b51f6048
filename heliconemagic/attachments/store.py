"""The bytes of attachments that a session has sent or may send again: the newest in memory, all in the journal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

MOST_KEPT = 256_000_000
"""Bytes. What is let go of is read from the journal again."""


class AttachmentStore:
    """Bytes by their hash; the least recently used are let go of. Safe to use from any thread.

    ``load`` looks up what is not in memory.
    """

    def __init__(self, load: Callable[[str], bytes | None] = lambda sha256: None, *, limit: int = MOST_KEPT) -> None:
        self._load = load
        self._limit = limit
        self._bytes: dict[str, bytes] = {}
        self._size = 0
        self._lock = threading.Lock()

    def find(self, sha256: str) -> bytes | None:
        """The bytes with this hash; None if they are nowhere."""
        with self._lock:
            data = self._bytes.pop(sha256, None)
            if data is not None:
                self._bytes[sha256] = data  # the newest again
                return data
        return self._load(sha256)

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
