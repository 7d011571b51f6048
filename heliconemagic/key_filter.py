"""Keys stay out of the logs of the libraries that send: at DEBUG these tell headers, where a server may repeat a key.

What a notebook logs of its own is its own business; no handler and no level is touched.
"""

from __future__ import annotations

import logging
import traceback

from heliconemagic.redaction import Redactor

_LIBRARIES = frozenset(["httpcore2", "httpx2", "openai", "h2", "hpack"])


class KeyFilter(logging.Filter):
    """Takes configured keys out of records, which it lets all through."""

    def __init__(self) -> None:
        super().__init__()
        self._redactor = Redactor([])
        self._watched: list[logging.Logger] = []

    def take(self, redactor: Redactor) -> None:
        """Takes out what ``redactor`` knows as well: answers to requests with older keys may still be under way."""
        self._redactor = self._redactor.join(redactor)

    def watch(self) -> None:
        """Watches the libraries' loggers: each by itself, for a record passes no filter of those above its own."""
        for name, logger in list(logging.root.manager.loggerDict.items()):
            is_library = name.partition(".")[0] in _LIBRARIES
            if is_library and isinstance(logger, logging.Logger) and self not in logger.filters:
                logger.addFilter(self)
                self._watched.append(logger)

    def close(self) -> None:
        """Leaves the loggers as they were; idempotent."""
        while self._watched:
            self._watched.pop().removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrites what the record says, if a key is in it."""
        try:
            said = record.getMessage()
        except (TypeError, ValueError, KeyError):  # whoever handles the record tells of it
            return True
        redacted = self._redactor.redact(said)
        if redacted != said:
            record.msg, record.args = redacted, None
        if record.exc_info and record.exc_info[0] is not None:
            self._redact_traceback(record)
        return True

    def _redact_traceback(self, record: logging.LogRecord) -> None:
        assert record.exc_info is not None
        said = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        redacted = self._redactor.redact(said)
        if redacted != said:
            record.exc_info, record.exc_text = None, redacted
