"""The thread that writes the journal, and the queue before it.

Callers leave changes and go on; the thread writes what has gathered in one transaction. A newer
state of the same thing replaces the older one in the queue. What cannot be written stays queued
and is tried again; nobody waits for it meanwhile. Knows nothing of what the changes say.

Who needs a change on disk before it goes on writes the queue itself, if that takes no waiting: a
row takes less than waking the thread does. Whatever is not as usual (a lock, an error, a file that
is not open yet) is left to the thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from heliconemagic.journal.schema import describe_failure, is_busy, is_corrupt

if TYPE_CHECKING:
    import sqlite3

Key = tuple[int, str]
"""What a change is about: its place in the order of writing (sessions before steps …), and an id."""

Change = Callable[["sqlite3.Connection"], None]

RETRY_SECONDS = 2.0
MAX_QUEUED = 10_000
_SOON_TRIES = 3  # one after another, of 0.25 s each where the file is locked, before callers are told
SLOW_SECONDS = 0.1
"""A write on a caller's own thread that takes longer is the last one there for `SLOW_PAUSE` seconds."""
SLOW_PAUSE = 10.0


class Target(Protocol):
    """What is written to; its methods are called from one thread at a time."""

    path: Path

    def connect(self) -> sqlite3.Connection:
        """A connection ready for writing: the same while all is well."""

    def find_quick(self) -> sqlite3.Connection | None:
        """The connection, if it is open and ready and a commit waits for no disk."""

    def waiting(self, connection: sqlite3.Connection) -> AbstractContextManager[None]:
        """While it lasts, writing waits for locks and does what could be done later; else it does neither."""

    def disconnect(self) -> None:
        """Close the connection; the next `connect` makes another."""

    def replace(self) -> str | None:
        """See to it that the damaged file makes way for a new one; returns what to say of it."""

    def close(self) -> None:
        """The end of writing."""


class JournalWriter:
    """A queue of changes and the daemon thread that writes them; the thread starts with the first change."""

    def __init__(self, target: Target, *, retry_seconds: float = RETRY_SECONDS, max_queued: int = MAX_QUEUED) -> None:
        self._target = target
        self._retry_seconds = retry_seconds
        self._max_queued = max_queued
        lock = threading.RLock()
        self._changed = threading.Condition(lock)  # callers wait here for what is written
        self._called = threading.Condition(lock)  # and the thread for something to write
        self._writing = threading.Lock()  # held while the queue is taken and written; never waited for under `_changed`
        self._quick_from = 0.0  # monotonic time from which callers may write on their own threads
        self._thread: threading.Thread | None = None
        self._queue: dict[Key, Change] = {}
        self._due: float | None = None  # monotonic time of the next try; None: nothing to do
        self._wakes_at: float | None = None  # when the thread looks by itself; None: when it is called
        self._put_count = 0  # changes ever queued
        self._done_count = 0  # the value of `_put_count` at which everything before was written
        self._try_count = 0
        self._failure_count = 0  # tries that failed, since one that did not
        self._is_closing = False
        self._failure: str | None = None
        self._notices: list[str] = []
        self._told_count = 0  # of the notices

    def put(self, key: Key, change: Change, *, delay: float = 0.0) -> int:
        """Queue a change, to be written within ``delay`` seconds; returns a ticket for `wait`."""
        with self._changed:
            if self._enqueue(key, change) and self._failure is None:
                self._bring_forward(time.monotonic() + delay)
            return self._put_count

    def put_quietly(self, key: Key, change: Change) -> None:
        """Queue a change without waking the thread: `hurry` has to follow."""
        with self._changed:
            self._enqueue(key, change)

    def hurry(self, delay: float = 0.0) -> None:
        """See to it that what is queued is written within ``delay`` seconds."""
        with self._changed:
            if self._queue and self._failure is None:
                self._bring_forward(time.monotonic() + delay)

    def put_through(self, key: Key, change: Change) -> int | None:
        """Queue a change and write it on this thread, if that takes no waiting; else a ticket for `wait`.

        Not for the main thread, where an interrupt may come between any two steps.
        """
        if self._writing.acquire(blocking=False):
            try:
                if self._write_here(key, change):
                    return None
            finally:
                self._writing.release()
        return self.put(key, change)

    def _write_here(self, key: Key, change: Change) -> bool:
        """Whether the change, and all that was queued before it, is on disk; if not, nothing of it is."""
        if self._is_stuck or time.monotonic() < self._quick_from or (connection := self._target.find_quick()) is None:
            return False
        with self._changed:
            if not self._enqueue(key, change):
                return False
            batch, count = self._take()
        began = time.monotonic()
        is_written = self._try_quickly(connection, batch)
        if (ended := time.monotonic()) - began > SLOW_SECONDS:
            self._quick_from = ended + SLOW_PAUSE
        with self._changed:
            if is_written:
                self._done_count = count
                self._changed.notify_all()
            else:
                self._queue = {**batch, **self._queue}  # what came meanwhile is newer
        return is_written

    def _try_quickly(self, connection: sqlite3.Connection, batch: dict[Key, Change]) -> bool:
        """Whether ``batch`` was written without waiting; what went wrong the thread will find out, and tell."""
        try:
            self._write(connection, batch)
        except Exception:  # noqa: BLE001 - as in `_try`
            if connection.in_transaction:
                self._target.disconnect()
            return False
        return True

    def _enqueue(self, key: Key, change: Change) -> bool:
        self._put_count += 1
        if self._is_closing:
            return False
        self._queue[key] = change
        if len(self._queue) > self._max_queued:
            self._drop_oldest()
        return True

    def _drop_oldest(self) -> None:
        del self._queue[next(iter(self._queue))]
        self.note(f"more than {self._max_queued:,} changes waited for the journal: the oldest were dropped")

    def _bring_forward(self, due: float) -> None:
        if self._due is None or due < self._due:
            self._due = due
            if self._wakes_at is None or due < self._wakes_at:  # waking it takes time from who sends requests
                self._called.notify()
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="heliconemagic-journal", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the interpreter is shutting down
            self._failure = f"the journal cannot be written any more: {error}"
        else:
            self._thread = thread

    def wait(self, ticket: int, timeout: float) -> bool:
        """Whether everything up to ``ticket`` is on disk; returns at once while writing fails.

        A wait that lasts the whole ``timeout`` (seconds) counts as such a failure.
        """
        with self._changed:
            if self._changed.wait_for(lambda: self._done_count >= ticket or self._is_stuck, timeout):
                return self._done_count >= ticket
            self._failure = f"the journal did not answer within {timeout:g} s: {self._target.path}"
            return False

    @property
    def _is_stuck(self) -> bool:
        return self._failure is not None or self._is_closing

    def flush(self, timeout: float) -> bool:
        """Write everything queued now; whether that worked."""
        with self._changed:
            ticket = self._put_count
            self.hurry()
            self._changed.wait_for(lambda: self._done_count >= ticket or self._is_stuck, timeout)
            return self._done_count >= ticket

    def try_now(self, key: Key, change: Change, timeout: float) -> str | None:
        """Write a change at once, even while writing fails; returns why that did not work."""
        ticket = self.put(key, change)
        with self._changed:
            tries = self._try_count
            if not self._is_closing:
                self._bring_forward(time.monotonic())
            self._changed.wait_for(lambda: self._is_answered(ticket, tries), timeout)
            if self._done_count >= ticket:
                return None
            return self.failure or f"the journal did not answer within {timeout:g} s: {self._target.path}"

    def _is_answered(self, ticket: int, tries: int) -> bool:
        return self._done_count >= ticket or self._is_closing or (self._is_stuck and self._try_count > tries)

    @property
    def failure(self) -> str | None:
        """Why nothing is written now; None if nothing is known against it."""
        return "the journal is closed" if self._is_closing else self._failure

    @property
    def notice(self) -> str | None:
        """What went wrong and is over; the same until `drop_told`."""
        with self._changed:
            self._told_count = len(self._notices)
            return "; ".join(self._notices) or None

    def note(self, notice: str) -> None:
        """Add something to be told; the same is told once."""
        with self._changed:
            if notice not in self._notices:
                self._notices.append(notice)

    def drop_told(self) -> None:
        """Be done with the notices that somebody has read."""
        if self._told_count:
            with self._changed:
                del self._notices[: self._told_count]
                self._told_count = 0

    def close(self, timeout: float = 2.0) -> None:
        """Write what waits, once more if need be, and end the thread."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
            self._called.notify()
        if self._thread not in (None, threading.current_thread()):  # the last reference may go in the thread itself
            self._thread.join(timeout)

    # The thread.

    def _run(self) -> None:
        while self._wait_until_due():
            with self._writing:
                with self._changed:
                    batch, count = self._take()
                self._settle(batch, count, self._try(batch))
        with self._writing:
            self._target.close()
        with self._changed:
            self._changed.notify_all()

    def _wait_until_due(self) -> bool:
        """Whether there is something to write; False at the end."""
        with self._changed:
            while not self._is_closing and (self._due is None or self._due > time.monotonic()):
                self._wakes_at = self._due
                self._called.wait(None if self._due is None else self._due - time.monotonic())
            return bool(self._queue) or not self._is_closing

    def _take(self) -> tuple[dict[Key, Change], int]:
        """All that is queued, and how many changes were until now."""
        batch, self._queue, self._due = self._queue, {}, None
        return batch, self._put_count

    def _try(self, batch: dict[Key, Change]) -> Exception | None:
        """Write ``batch`` in one transaction; returns what went wrong."""
        try:
            connection = self._target.connect()
            with self._target.waiting(connection):
                self._write(connection, batch)
        except Exception as error:  # noqa: BLE001 - whatever it is must not end the thread: `failure` tells it
            self._target.disconnect()
            return error
        return None

    def _write(self, connection: sqlite3.Connection, batch: dict[Key, Change]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for key in sorted(batch, key=lambda key: key[0]):
            self._write_change(connection, batch[key])
        connection.execute("COMMIT")

    def _write_change(self, connection: sqlite3.Connection, change: Change) -> None:
        """Write one change; one that can never be written is left out, so that it holds up no other."""
        import sqlite3

        unstorable = (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.IntegrityError, sqlite3.DataError)
        try:
            change(connection)
        except (*unstorable, TypeError, ValueError, OverflowError) as error:
            self.note(f"the journal left something out that it cannot hold: {error}")

    def _settle(self, batch: dict[Key, Change], count: int, error: Exception | None) -> None:
        """Take note of how a try ended."""
        is_replaced = error is not None and is_corrupt(error) and self._replace(error)
        with self._changed:
            self._try_count += 1
            if error is None:
                self._done_count, self._failure, self._failure_count = count, None, 0
                if self._queue and self._due is None:  # came while writing failed
                    self._due = time.monotonic()
            else:
                self._queue = {**batch, **self._queue}  # what came meanwhile is newer
                self._failure_count += 1
                self._plan_retry(error, is_soon=is_replaced or is_busy(error))
            self._changed.notify_all()

    def _replace(self, error: Exception) -> bool:
        """Whether a new file can take the place of the damaged one."""
        try:
            notice = self._target.replace()
        except OSError as failed:
            error.args = (f"{error}; it cannot be moved aside: {failed}",)
            return False
        if notice is not None:
            self.note(notice)
        return True

    def _plan_retry(self, error: Exception, *, is_soon: bool) -> None:
        if is_soon and self._failure_count < _SOON_TRIES:
            self._due = time.monotonic()
            return
        self._failure = describe_failure(error, self._target.path)
        self._due = time.monotonic() + self._retry_seconds
        if self._is_closing:  # that was the last try
            self._queue.clear()
