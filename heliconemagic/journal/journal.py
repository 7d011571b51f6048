"""The record on disk of every session and step, kept by a thread that never holds up a prompt.

A step's row is committed before its first byte is sent, its text within a quarter of a second. A
journal that is locked, full, damaged or read-only stops nothing: `Journal.warning` says why
nothing is recorded. Callers hand in text that is redacted already.
"""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from heliconemagic.errors import JournalError
from heliconemagic.journal import figures as journal_figures
from heliconemagic.journal import queries as journal_queries
from heliconemagic.journal import rows as journal_rows
from heliconemagic.journal.files import default_folder
from heliconemagic.journal.owner import Owner
from heliconemagic.journal.schema import Connect, connect_file, describe_failure
from heliconemagic.journal.store import JournalStore
from heliconemagic.journal.writer import MAX_QUEUED, RETRY_SECONDS, Change, JournalWriter, Key
from heliconemagic.records import Attempt, Delivery, Feedback, SessionRecord, SessionSummary, Step

if TYPE_CHECKING:
    import sqlite3

    from heliconemagic.statistics.figures import SessionFigures, StepFigures

__all__ = ["Journal", "default_folder"]

OPEN_SECONDS = 1.0  # the longest a step waits for its pending row
_TEXT_DELAY = 0.025  # seconds for which text gathers; with the 200 ms it gathers in the engine, within the promised 250
NO_ATTACHMENTS: Mapping[str, bytes] = MappingProxyType({})
_AT_ONCE = 500  # steps that wait for the thread, where there are many
_SESSION, _STEP, _TEXT, _ATTEMPT, _SUPERSEDED, _PICKED, _DELIVERY, _FEEDBACK, _SIGN = range(
    9
)  # the order in which changes are written


class Journal:
    """The journal in ``folder``; touches no disk until its first use.

    ``connect`` makes the connections that write; ``retry_seconds`` lie between tries while writing
    fails, and up to ``max_queued`` changes wait for it. Safe to use from any thread, and in a
    forked child, which gets a connection, a thread and an owner of its own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float] = time.time,
        owner: Owner | None = None,
        connect: Connect = connect_file,
        retry_seconds: float = RETRY_SECONDS,
        max_queued: int = MAX_QUEUED,
    ) -> None:
        self._build_store = partial(JournalStore, folder, clock=clock, connect=connect)
        self._build_writer = partial(JournalWriter, retry_seconds=retry_seconds, max_queued=max_queued)
        self._inherited: list[JournalWriter] = []
        self._begin(owner or Owner())
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(_begin_in_child, weakref.ref(self)))

    def _begin(self, owner: Owner) -> None:
        self._store = self._build_store(owner=owner)
        self._writer = self._build_writer(self._store)
        self._finish = weakref.finalize(self, self._writer.close)  # at the latest when the interpreter ends

    def begin_in_child(self) -> None:
        """Start anew in a forked child, where the parent's thread is missing and its connection must not be used."""
        self._finish.detach()
        self._inherited.append(self._writer)  # kept, for even closing its connection would harm the parent's
        self._store.owner.abandon()
        self._begin(Owner())

    @property
    def warning(self) -> str | None:
        """Why nothing is recorded now; None when all is well.

        What is over already (a damaged file was moved aside) is told as well, until it was read
        and the next step begins.
        """
        return self._writer.failure or self._writer.notice

    # Writing: never raises.

    def put_session(self, session: SessionRecord) -> None:
        """Insert or update a session."""
        key, change = (_SESSION, session.id), partial(journal_rows.write_session, session=session)
        self._store.keep(key, change)
        self._writer.put(key, change)

    def open_step(self, step: Step, attachments: Mapping[str, bytes] = NO_ATTACHMENTS) -> bool:
        """Commit the row of a step that is about to be sent; False if that failed, for `warning`'s reason.

        ``attachments`` are the bytes that its messages refer to, by their hashes; each is stored once.
        False as well for a step that is not to be recorded; nothing of it is written.
        """
        if not step.is_recorded:
            return False
        return self.wait(self._writer.put(*self._begin_step(step, attachments)))

    def begin_step(self, step: Step, attachments: Mapping[str, bytes] = NO_ATTACHMENTS) -> int | None:
        """The same for an event loop: mostly commits at once, and gives None; else a ticket for `wait`.

        Not for the main thread, where it might be interrupted.
        """
        key, change = self._begin_step(step, attachments)
        return self._writer.put(key, change) if attachments else self._writer.put_through(key, change)

    def _begin_step(self, step: Step, attachments: Mapping[str, bytes]) -> tuple[Key, Change]:
        self._writer.drop_told()
        key, change = (_STEP, step.id), partial(self._store.write_step, step, attachments)
        self._store.keep(key, change)
        return key, change

    def wait(self, ticket: int) -> bool:
        """Whether what the ticket stands for was committed; False if not, for `warning`'s reason."""
        return self._writer.wait(ticket, OPEN_SECONDS)

    def put_text(self, step_id: str, text: str, reasoning: str = "", *, first_token_at: float | None = None) -> None:
        """The whole text so far and when it began; on disk within 250 ms, if no newer one comes first."""
        change = partial(self._store.write_text, step_id, text, reasoning, first_token_at)
        self._writer.put((_TEXT, step_id), change, delay=_TEXT_DELAY)

    def put_attempt(self, step_id: str, attempt: Attempt) -> None:
        """Insert or update an attempt, by its request id."""
        self._writer.put(*_build_attempt(step_id, attempt))

    def begin_attempt(self, step_id: str, attempt: Attempt) -> int | None:
        """Commit an attempt that is about to be sent, as `begin_step` does a step."""
        return self._writer.put_through(*_build_attempt(step_id, attempt))

    def close_step(self, step: Step, attachments: Mapping[str, bytes] = NO_ATTACHMENTS) -> None:
        """The final state of a step, with everything there is to say of it."""
        self.put_end(step, attachments)
        self.hurry()

    def put_end(self, step: Step, attachments: Mapping[str, bytes] = NO_ATTACHMENTS) -> None:
        """The same, written when `hurry` is called: waking the thread can wait until nobody waits for the step."""
        if step.is_recorded:
            self._store.let_go((_STEP, step.id))
            self._writer.put_quietly((_STEP, step.id), partial(self._store.write_step, step, attachments))

    def hurry(self, delay: float = 0.0) -> None:
        """What is queued is to be written within ``delay`` seconds; nobody waits for it."""
        self._writer.hurry(delay)

    def close_steps(self, steps: Iterable[Step], timeout: float = 30.0) -> bool:
        """Write many finished steps, some at a time, so that the queue holds them; whether all are on disk."""
        for number, step in enumerate(steps, 1):
            self.close_step(step)
            if number % _AT_ONCE == 0 and not self.flush(timeout):
                return False
        return self.flush(timeout)

    def supersede(self, step_ids: Sequence[str]) -> None:
        """Mark steps whose cells ran again."""
        for step_id in step_ids:
            self._writer.put((_SUPERSEDED, step_id), partial(journal_rows.write_superseded, step_id=step_id))

    def pick(self, step_id: str, comparison: str) -> None:
        """Mark a step as the chosen one of its comparison."""
        change = partial(journal_rows.write_picked, step_id=step_id, comparison=comparison)
        self._writer.put((_PICKED, comparison), change)

    def put_delivery(self, step_id: str, delivery: Delivery) -> None:
        """How far a step that is no request is on its way to Helicone."""
        change = partial(journal_rows.write_delivery, step_id=step_id, delivery=delivery)
        self._writer.put((_DELIVERY, step_id), change)

    def put_feedback(self, feedback: Feedback) -> None:
        """Insert or update what somebody thought."""
        write = partial(journal_rows.write_feedback, feedback=feedback, owner_id=self._store.owner.id)
        self._writer.put((_FEEDBACK, feedback.id), write)

    def flush(self, timeout: float = 1.0) -> bool:
        """Whether everything queued is on disk; waits at most ``timeout`` seconds for it."""
        return self._writer.flush(timeout)

    def close(self) -> None:
        """Write what is queued and end the thread; a second call does nothing."""
        self._finish()

    def check(self) -> str | None:
        """Why the journal cannot be written now, found by trying; None if it can."""
        return self._writer.try_now((_SIGN, ""), self._store.write_sign_of_life, OPEN_SECONDS)

    # Reading: sees everything queued before, if it can be written.

    def list_sessions(
        self, *, limit: int | None = None, name: str | None = None, notebook: str | None = None
    ) -> list[SessionSummary]:
        """The sessions, newest first, of this name and notebook where they are given.

        Raises:
            JournalError: the journal cannot be read; so do all that follow.
        """
        with self._reading() as connection:
            return journal_queries.list_sessions(connection, limit=limit, name=name, notebook=notebook)

    def load_session(self, session_id: str) -> tuple[SessionRecord, list[Step]] | None:
        """A session and its steps in the order they started; None if there is none of this id.

        A step that cannot be read is left out; `warning` says so.
        """
        with self._reading() as connection:
            session = journal_queries.find_session(connection, session_id)
            if session is None:
                return None
            return session, journal_queries.load_steps(connection, session_id, self._note_left_out)

    def _note_left_out(self, step_id: str, error: Exception) -> None:
        self._writer.note(f"the step {step_id[:36]!r} cannot be read and was left out ({str(error)[:100]})")

    def load_steps_of_others(self, session_id: str, since: float) -> list[Step]:
        """What other processes have written of a session since that time (seconds since the epoch)."""
        with self._reading() as connection:
            return journal_queries.load_steps_of_others(connection, session_id, self._store.owner.id, since)

    def load_feedback(self, session_id: str) -> list[Feedback]:
        """What was thought of a session and its steps, oldest first."""
        with self._reading() as connection:
            return journal_queries.load_feedback(connection, session_id)

    def load_figures(self, name: str) -> tuple[list[SessionFigures], list[StepFigures]]:
        """The figures of all sessions of this name, oldest first, and of their steps.

        A step that cannot be read is left out; `warning` says so.
        """
        with self._reading() as connection:
            return journal_figures.load_figures(connection, name, self._note_left_out)

    def find_attachment(self, sha256: str) -> bytes | None:
        """The bytes with this hash; None if none of the journal's steps needs them."""
        with self._reading() as connection:
            return journal_queries.find_attachment(connection, sha256)

    def find_recorded(self, hashes: Iterable[str]) -> set[str]:
        """Those of ``hashes`` of attachments that there are bytes of."""
        with self._reading() as connection:
            return journal_queries.find_recorded(connection, hashes)

    def find_session(self, reference: str) -> SessionRecord:
        """The session of this id, of the one id that begins so (4 characters at least), or the newest of this name.

        Raises:
            InputError: there is none, or more than one id begins so.
        """
        with self._reading() as connection:
            return journal_queries.resolve_session(connection, reference.strip())

    def find_newest(self, notebook: str, *, name: str | None = None, besides: str = "") -> SessionSummary | None:
        """The newest session with steps in this notebook, of this name if one is given; not the one of id ``besides``.

        Every run of a session line records a session: one without steps is nothing to go back to. Nor is one that
        came from elsewhere, unless somebody names it.
        """
        with self._reading() as connection:
            found = journal_queries.list_sessions(connection, limit=2, name=name, notebook=notebook, is_resumable=True)
            return next((summary for summary in found if summary.id != besides), None)

    def find_reply(self, fingerprint: str) -> Step | None:
        """The newest whole answer to the very same request, in any session; None if there is none."""
        with self._reading() as connection:
            return journal_queries.find_reply(connection, fingerprint)

    def load_rounds(self, step: Step) -> list[Step]:
        """The requests of the session of ``step`` that began as it did, in order: its turn's, where it called tools."""
        with self._reading() as connection:
            return journal_queries.load_rounds(connection, step)

    def find_step(self, reference: str) -> Step | None:
        """The step of this id, or of the request with this id; None if there is none."""
        with self._reading() as connection:
            return journal_queries.find_step(connection, reference)

    def forget(self, session_id: str) -> int:
        """Delete a session for good, its text out of the files too; returns the number of its steps.

        A damaged file that was moved aside earlier is not touched.

        Raises:
            JournalError: it could not be deleted, or another program still reads what was deleted.
        """
        self.flush()
        with self._translating("written"):
            count = self._store.forget(session_id)
        self._store.let_go((_SESSION, session_id))
        return count

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for one question, which sees one state of the journal."""
        self.flush()
        with self._translating("read"), contextlib.closing(self._store.open_reading()) as connection:
            connection.execute("BEGIN")
            yield connection

    @contextlib.contextmanager
    def _translating(self, done: str) -> Iterator[None]:
        import sqlite3

        try:
            yield
        except (sqlite3.Error, OSError, ValueError, TypeError, RecursionError) as error:  # the last three: strange rows
            raise JournalError(
                f"the journal {str(self._store.path)!r} cannot be {done}.",
                hint="`%helicone_session doctor` tells what is wrong with it",
                cause=describe_failure(error, self._store.path),
            ) from error


def _build_attempt(step_id: str, attempt: Attempt) -> tuple[Key, Change]:
    return (_ATTEMPT, attempt.request_id), partial(journal_rows.write_attempt, step_id=step_id, attempt=attempt)


def _begin_in_child(reference: weakref.ref[Journal]) -> None:
    journal = reference()
    if journal is not None:
        journal.begin_in_child()
