"""The handle of a session: what `heliconemagic.session()` gives.

Thin: it reads what was meant and leaves the work to the notebook's use cases. It holds no key and can be pickled.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from heliconemagic.errors import InputError, StepInterrupted
from heliconemagic.lines.keywords import parse_cell_keywords
from heliconemagic.lines.rating import SESSION_WORD, build_rating
from heliconemagic.notebook.ratings import Rated
from heliconemagic.prefixes import use_prefix
from heliconemagic.python.base_handle import Join
from heliconemagic.python.client_handle import ClientHandle
from heliconemagic.python.hosts import Host
from heliconemagic.python.reading import find_rated
from heliconemagic.python.reading_handle import ReadingHandle
from heliconemagic.python.ticket import Ticket, build_ticket
from heliconemagic.python.traced_handle import TracedHandle
from heliconemagic.reply import Reply
from heliconemagic.running.cell_run import CellInput
from heliconemagic.running.runner import CellRunner
from heliconemagic.session_state import Session


class SessionHandle(TracedHandle, ClientHandle, ReadingHandle):
    """A session in Python: ask it, read its replies, lend its name to other libraries, take it to other processes.

    Paths start with a slash. Below ``with session.at("/lesson/1"):`` they all are below that one.
    """

    def __init__(self, host: Host, session: Session, join: Join, *, prefix: str = "") -> None:
        super().__init__(host, session, join, prefix=prefix)
        self._entered = ExitStack()

    # ---- asking

    def ask(self, path: str, prompt: str, /, **options: Any) -> Reply:
        """Sends ``prompt`` as a step at ``path`` and waits for the reply; safe to call from many threads at once.

        The options are those of ``%%llm`` by their long names: ``model="…"``, ``temperature=0.2``, ``fresh=True``,
        ``after="/abstract"`` (or a reply), ``parameters={"max_tokens": 200}``, ``schema=Lesson``, ``tools=[weather]``,
        ``attach=["plot.png"]``. Nothing is filled in: use f-strings.

        Raises:
            InputError, CredentialError: nothing was sent; the message says what to type instead.
            GatewayError: it was refused or broke off; what had arrived is in the journal.
            StepInterrupted: the kernel was interrupted.
        """
        given = self._build_input(path, prompt, options)
        try:
            reply: Reply = self._build_runner().run_blocking(given)
        finally:
            if self._host.is_worker:
                self._host.notebook.journal.flush()
        return reply

    async def aask(self, path: str, prompt: str, /, **options: Any) -> Reply:
        """`ask`, awaited on any event loop; cancelling the awaiting task stops the request."""
        given = self._build_input(path, prompt, options)
        try:
            reply: Reply = await self._build_runner().run(given)
        except StepInterrupted:
            _raise_if_cancelled()
            raise
        finally:
            if self._host.is_worker:
                await asyncio.to_thread(self._host.notebook.journal.flush)
        _raise_if_cancelled()
        return reply

    def _build_runner(self) -> CellRunner:
        from heliconemagic.views.plain import QuietView

        return CellRunner(
            self._host.notebook,
            lambda stop, command: QuietView(),
            lambda stops, command: QuietView(),
            lambda bundle, **placed: None,
            self._host.note_change,
        )

    def _build_input(self, path: str, prompt: str, options: dict[str, Any]) -> CellInput:
        session = self._find_open()
        _check_prompt(prompt)
        after = options.get("after")
        if after is not None:
            options = {**options, "after": after.path if isinstance(after, Reply) else str(self._place(after))}
        command = parse_cell_keywords(str(self._place(path)), options)
        if command.options.system is None:
            command = replace(command, options=replace(command.options, system=self._host.fill_system(session)))
        return CellInput(
            command=command,
            prompt=prompt,
            names=self._host.read_names(),
            cell=self._host.find_cell(),
            is_shown=lambda: False,
        )

    # ---- rating

    def rate(self, what: str | Reply, thumb: bool | None = None, /, *, note: str = "", **scores: bool | int) -> Rated:
        """Keeps what somebody thinks of the current step of a path, of a reply, or of the whole ``"session"``.

        ``session.rate("/outline", True, note="clear", accuracy=4)``: True is a thumb up, False one down; scores are
        whole numbers, True or False. What had the same name is replaced. Helicone is told in the background.

        Raises:
            InputError: it cannot be meant, or there is no such step; nothing was kept.
        """
        session, ratings = self._read_session(), self._host.notebook.ratings
        rating = build_rating(thumb, note, scores)
        rated = (
            ratings.rate_session(session, rating)
            if what == SESSION_WORD
            else ratings.rate_step(session, find_rated(session, what, self._place), rating)
        )
        self._host.note_change()
        return rated

    # ---- exporting

    def export(self, path: str | os.PathLike[str], /) -> Path:
        """Writes the session to a file in the form of its suffix: .html, .md, .csv, .jsonl, .otlp.jsonl, .py or .ts.

        An earlier export is replaced; gives the file's path.

        Raises:
            InputError: there is no such form, something else is in the file, or it cannot be written.
        """
        return self._host.notebook.exports.write(os.fspath(path), session=self._read_session()).path

    def to_dataframe(self) -> Any:
        """The session's table, a row for each step, as a pandas DataFrame with the columns of the CSV.

        Raises:
            InputError: pandas is not installed.
        """
        from heliconemagic.export.frame import build_dataframe

        return build_dataframe(self._host.notebook.exports.build(session=self._read_session()))

    # ---- prefixes

    def at(self, path: str) -> SessionHandle:
        """A handle whose paths are below ``path``; as ``with session.at(path):`` all paths in the block are.

        The block's prefix holds on this thread and in this task. Threads of one's own take the handle along.
        """
        return SessionHandle(self._host, self._session, self._join, prefix=str(self._place(path)))

    def close(self) -> None:
        """Ends a program's session and its connections; at the end of the program that happens by itself.

        A notebook's session goes on: ``%helicone_session end`` ends it.
        """
        self._host.close()

    def __enter__(self) -> SessionHandle:
        if self._prefix:
            self._entered.enter_context(use_prefix(self.id, self._prefix))
        else:
            self._entered.callback(self.close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entered.pop_all().__exit__(kind, error, trace)

    # ---- other processes

    def __reduce__(self) -> tuple[Join, tuple[Ticket]]:
        """Pickles as a ticket to the session. Keys stay here: the other process finds its own.

        Raises:
            InputError: an option of the session holds the value of a key.
        """
        session = self._find_open()
        ticket = build_ticket(self._host, session, self.prefix)
        session.is_shared = True
        self._host.notebook.journal.flush()  # the other process finds the session there
        self._host.note_shared()
        return self._join, (ticket,)


def _check_prompt(prompt: object) -> None:
    if not isinstance(prompt, str) or not prompt.strip():
        raise InputError(f"{prompt!r} is not a prompt.", hint='type session.ask("/path", "the prompt")')


def _raise_if_cancelled() -> None:
    """A cancelled task ends as one, also where the wait inside took the cancellation for Stop."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
