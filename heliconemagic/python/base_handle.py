"""What every part of a session's handle rests on: the session, found in whatever process, and where its paths are."""

from __future__ import annotations

import os
from collections.abc import Callable

from heliconemagic.cards import find_session_url
from heliconemagic.errors import InputError
from heliconemagic.paths import SessionPath
from heliconemagic.prefixes import find_prefix
from heliconemagic.python.hosts import Host
from heliconemagic.python.ticket import Ticket, build_ticket
from heliconemagic.render.figures import format_count
from heliconemagic.session_state import Session

Join = Callable[[Ticket], "BaseHandle"]
"""Gives the handle of a session in whatever process it is called; a function that can be pickled by its name."""


class BaseHandle:
    """A session of a process's host; it joins anew in a forked child."""

    def __init__(self, host: Host, session: Session, join: Join, *, prefix: str = "") -> None:
        self._host = host
        self._session = session
        self._join = join
        self._prefix = prefix
        self._pid = os.getpid()

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

    def _place(self, path: str) -> SessionPath:
        given = _parse_path(path)
        return SessionPath.parse(self.prefix + given) if self.prefix else given

    def _find_open(self) -> Session:
        """The session, which must still be the one of its notebook.

        Raises:
            InputError: another was opened since, or it was ended.
        """
        self._arrive()
        current = find_open(self._host, self._session)
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


def find_open(host: Host, session: Session) -> Session:
    """``session`` as ``host`` has it now: taken up again it is another object.

    Raises:
        InputError: another was opened since, or it was ended.
    """
    current, record = host.notebook.session, session.record
    if current is None or current.record.id != record.id:
        now = f"the notebook's is {current.record.title!r} now" if current else "no session is open now"
        raise InputError(
            f"the session {record.title!r} ({record.id[:8]}) has ended; {now}.",
            hint="take the new one: session = heliconemagic.session()",
        )
    return current


def _parse_path(path: object) -> SessionPath:
    if not isinstance(path, str):
        raise InputError(f"{path!r} is not a path.", hint='paths are text that starts with a slash: "/abstract"')
    return SessionPath.parse(path)
