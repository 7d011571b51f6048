"""The handle of a session: what `heliconemagic.session()` gives.

Thin: it reads what was meant and leaves the work to the notebook's use cases. It holds no key and can be pickled.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from heliconemagic.cards import build_reply, find_session_url
from heliconemagic.errors import InputError, StepInterrupted, UnknownPathError
from heliconemagic.gateways.choice import build_credentials
from heliconemagic.lines.keywords import parse_cell_keywords, parse_client_keywords
from heliconemagic.lines.rating import SESSION_WORD, build_rating
from heliconemagic.notebook.ratings import Rated
from heliconemagic.paths import SessionPath
from heliconemagic.planning.tags import build_tags
from heliconemagic.prefixes import find_prefix, use_prefix
from heliconemagic.python.hosts import Host
from heliconemagic.python.reading import find_finished, find_rated, iterate_finished_paths
from heliconemagic.python.ticket import Ticket, build_ticket
from heliconemagic.python.traced_handle import TracedHandle
from heliconemagic.records import SessionTotals
from heliconemagic.render.figures import format_count
from heliconemagic.reply import Reply
from heliconemagic.running.cell_run import CellInput
from heliconemagic.running.runner import CellRunner
from heliconemagic.session_state import Session
from heliconemagic.settings import RequestOptions

if TYPE_CHECKING:
    import openai

    from heliconemagic.python.clients import ClientParts, SessionHeaders

MOST_KNOWN = 12
"""Paths that an error names."""


Join = Callable[[Ticket], "SessionHandle"]
"""Gives the handle of a session in whatever process it is called; a function that can be pickled by its name."""


class SessionHandle(TracedHandle):
    """A session in Python: ask it, read its replies, lend its name to other libraries, take it to other processes.

    Paths start with a slash. Below ``with session.at("/lesson/1"):`` they all are below that one.
    """

    def __init__(self, host: Host, session: Session, join: Join, *, prefix: str = "") -> None:
        self._host = host
        self._session = session
        self._join = join
        self._prefix = prefix
        self._pid = os.getpid()
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

    # ---- other libraries

    def client(self, path: str, /, **options: Any) -> openai.OpenAI:
        """A client of the openai SDK whose requests are steps at ``path``: tagged, journalled, in the tree.

        It is configured for the session's gateway, and is otherwise the SDK's own. Options: ``user``, ``properties``,
        ``cache``, ``retries``, ``timeout``.

        Raises:
            InputError, CredentialError: it cannot be had; the message says why.
        """
        from heliconemagic.python.clients import build_client

        return build_client(self._prepare_client(path, options))

    def async_client(self, path: str, /, **options: Any) -> openai.AsyncOpenAI:
        """The same for ``await``, on any event loop."""
        from heliconemagic.python.clients import build_async_client

        return build_async_client(self._prepare_client(path, options))

    def headers(self, path: str, /, *, auth: bool = False, **options: Any) -> SessionHeaders:
        """The headers that make any library's request to `base_url` a step at ``path``, at Helicone.

        A fresh dict for each call, empty where the gateway isn't Helicone's. ``auth=True`` adds the headers that hold
        keys (``Helicone-Auth``); they don't print. What is sent with them is not in the journal.
        """
        from heliconemagic.python.clients import SessionHeaders

        session = self._find_open()
        gateway = session.choice.gateway
        tags = build_tags(session, gateway, self._place(path), self._read_client_options(session, options))
        if not gateway.is_helicone:
            return SessionHeaders({}, {}, note=f"{gateway.label} is not Helicone's: nothing reads such headers there")
        credentials = build_credentials(gateway, self._host.notebook.access.find_keys()) if auth else None
        return SessionHeaders(tags, credentials.reveal_headers() if credentials else {})

    @property
    def base_url(self) -> str:
        """Where the session's gateway takes requests: the base URL for an OpenAI-compatible library."""
        return self._session.choice.gateway.base_url

    def _read_client_options(self, session: Session, options: dict[str, Any]) -> RequestOptions:
        return parse_client_keywords(options).over(session.options)

    def _prepare_client(self, path: str, given: dict[str, Any]) -> ClientParts:
        """What both kinds of client are built of."""
        from heliconemagic.python.client_steps import ClientSteps
        from heliconemagic.python.clients import ClientParts

        session = self._find_open()
        options = self._read_client_options(session, given)
        gateway, place, notebook = session.choice.gateway, self._place(path), self._host.notebook
        steps = ClientSteps(self._host, session, place, gateway)
        return ClientParts(
            gateway=gateway,
            credentials=build_credentials(gateway, notebook.access.find_keys()),
            tags=build_tags(session, gateway, place, options),
            options=options,
            environ=notebook.surroundings.environ,
            submit=notebook.engine.submit,
            open_transport=steps.open_transport,
        )

    # ---- reading

    def __getitem__(self, path: str) -> Reply:
        """The current reply at ``path``, from the journal: also one that another process wrote.

        Raises:
            UnknownPathError: nothing has finished there.
        """
        place = self._place(path)
        step = find_finished(self._read_session(), place)
        if step is None:
            known = ", ".join([*list(self)[:MOST_KNOWN], *(["…"] if len(self) > MOST_KNOWN else [])]) or "none yet"
            raise UnknownPathError(f"no finished step at {str(place)!r}.", hint=f"paths with one: {known}")
        return build_reply(self._session, step)

    def __contains__(self, path: object) -> bool:
        """Whether a step has finished at ``path``."""
        return path in set(self)

    def __iter__(self) -> Iterator[str]:
        """The paths with a finished step, newest first, as they are written here."""
        prefix = self.prefix
        for path in iterate_finished_paths(self._read_session()):
            if path.startswith(f"{prefix}/"):
                yield path.removeprefix(prefix)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True  # also without steps

    def keys(self) -> list[str]:
        """The paths with a finished step, newest first; so ``dict(session)`` gives all current replies."""
        return list(self)

    @property
    def steps(self) -> list[Reply]:
        """What every step gave, oldest first, the failed and the superseded ones included."""
        session = self._read_session()
        return [build_reply(session, step) for step in session.steps if f"{step.path}/".startswith(f"{self.prefix}/")]

    @property
    def totals(self) -> SessionTotals:
        """Sums over all steps of the session: steps, errors, seconds, tokens, cost in USD."""
        return self._read_session().totals

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

    # ---- what it is

    @property
    def id(self) -> str:
        """The session's id, as Helicone has it."""
        return self._session.record.id

    @property
    def name(self) -> str:
        """The session's name, as Helicone has it."""
        return self._session.record.name

    @property
    def url(self) -> str | None:
        """The session's page at Helicone; None where no Helicone logs it."""
        return find_session_url(self._session)

    @property
    def gateway(self) -> str:
        """Where requests go: a preset or URL, as ``--gateway`` takes it."""
        return self._session.choice.gateway.label

    @property
    def prefix(self) -> str:
        """What the paths given to this handle are below; empty mostly."""
        return self._prefix or find_prefix(self.id)

    def __repr__(self) -> str:
        count = format_count(len(self._session.steps), "step")
        below = f", below {self.prefix}" if self.prefix else ""
        return f"<session {self._session.record.title!r} at {self.gateway}: {count}{below}>"

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

    def _place(self, path: str) -> SessionPath:
        given = _parse_path(path)
        return SessionPath.parse(self.prefix + given) if self.prefix else given

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

    # ---- the session behind it

    def _find_open(self) -> Session:
        """The session, which must still be the one of its notebook.

        Raises:
            InputError: another was opened since, or it was ended.
        """
        self._arrive()
        current = self._host.notebook.session
        if current is None or current.record.id != self.id:
            now = f"the notebook's is {current.record.title!r} now" if current else "no session is open now"
            raise InputError(
                f"the session {self._session.record.title!r} ({self.id[:8]}) has ended; {now}.",
                hint="take the new one: session = heliconemagic.session()",
            )
        self._session = current
        return current

    def _read_session(self) -> Session:
        """The session with what other processes have written of it; also one that has ended."""
        self._arrive()
        current = self._host.notebook.session
        if current is not None and current.record.id == self.id:
            self._session = current
        self._host.notebook.sessions.take_others(self._session)
        return self._session

    def _arrive(self) -> None:
        """In a forked child the handle was inherited, but not the threads behind it: it joins anew."""
        if self._pid != os.getpid():
            joined = self._join(build_ticket(self._host, self._session, self.prefix))
            self._host, self._session, self._pid = joined._host, joined._session, os.getpid()


def _check_prompt(prompt: object) -> None:
    if not isinstance(prompt, str) or not prompt.strip():
        raise InputError(f"{prompt!r} is not a prompt.", hint='type session.ask("/path", "the prompt")')


def _parse_path(path: object) -> SessionPath:
    if not isinstance(path, str):
        raise InputError(f"{path!r} is not a path.", hint='paths are text that starts with a slash: "/abstract"')
    return SessionPath.parse(path)


def _raise_if_cancelled() -> None:
    """A cancelled task ends as one, also where the wait inside took the cancellation for Stop."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
