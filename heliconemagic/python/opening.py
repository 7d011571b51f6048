"""How code comes by a session: the notebook's, a program's own, or the one that a pickled handle is of."""

from __future__ import annotations

import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.lines.keywords import parse_session_keywords
from heliconemagic.lines.options import SessionCommand
from heliconemagic.python.handle import SessionHandle
from heliconemagic.python.hosts import Host, NotebookHost, ProgramHost
from heliconemagic.python.ticket import Ticket
from heliconemagic.workbench import Workbench

MOST_HOSTS = 4
"""Sessions that a worker keeps ready between its tasks; a further one takes the place of the oldest."""


def open_handle(name: str | None, given: Mapping[str, Any]) -> SessionHandle:
    """The notebook's session; in a program, which has none, one that is opened now.

    Raises:
        InputError: there is no notebook and no name, or a name and a notebook; or an option cannot be meant.
        CredentialError: a key is missing or misshapen.
    """
    workbench = find_workbench()
    if workbench is None:
        return _open_program(name, given)
    if name is not None or given:
        raise InputError(
            "in a notebook the session line opens sessions and sets their options.",
            hint=f"run %helicone_session {_quote(name)}, then heliconemagic.session()",
        )
    session = workbench.open_session()
    return SessionHandle(NotebookHost(workbench), session, join)


def _open_program(name: str | None, given: Mapping[str, Any]) -> SessionHandle:
    if name is None:
        raise InputError(
            "there is no notebook session: the extension is not loaded in this process.",
            hint='in a notebook run %load_ext heliconemagic first; in a program type session("Course Creation")',
        )
    command = parse_session_keywords(name, given)
    host = ProgramHost(os.environ)
    session = host.open(command)
    _find_hosts(os.getpid()).keep(session.record.id, host)
    return SessionHandle(host, session, join)


def join(ticket: Ticket) -> SessionHandle:
    """The handle that a ticket stands for, in whatever process it arrives.

    Raises:
        CredentialError: this process has not the keys that the session's gateway needs.
    """
    workbench = find_workbench()
    if workbench is not None:
        session = workbench.notebook.session
        if session is not None and session.record.id == ticket.id:
            return SessionHandle(NotebookHost(workbench), session, join, prefix=ticket.prefix)
    host = _find_hosts(os.getpid()).find(ticket)
    assert host.notebook.session is not None
    return SessionHandle(host, host.notebook.session, join, prefix=ticket.prefix)


def find_workbench() -> Workbench | None:
    """The workbench of this process's shell, if it has one; where there is none IPython isn't even imported."""
    if "IPython" not in sys.modules:
        return None
    from heliconemagic.extension import find_workbench

    return find_workbench()


class Hosts:
    """The sessions of this process that no notebook holds, by id: all tasks of a worker share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hosts: OrderedDict[str, ProgramHost] = OrderedDict()

    def find(self, ticket: Ticket) -> Host:
        """The host of the ticket's session; joins it on the first call."""
        with self._lock:
            host = self._hosts.get(ticket.id)
            if host is None or host.notebook.session is None:
                host = ProgramHost(os.environ, title=ticket.notebook, is_worker=True)
                host.join(SessionCommand(id=ticket.id, name=ticket.name, title=ticket.title, options=ticket.options))
                self._put(ticket.id, host)
            return host

    def keep(self, session_id: str, host: ProgramHost) -> None:
        """Lets handles that arrive here by pickling find a program's own session."""
        with self._lock:
            self._put(session_id, host)

    def _put(self, session_id: str, host: ProgramHost) -> None:
        self._hosts[session_id] = host
        while len(self._hosts) > MOST_HOSTS:
            self._hosts.popitem(last=False)  # closed once no handle uses it


@cache
def _find_hosts(pid: int) -> Hosts:
    """One for each process: a forked child begins anew, for it has none of the threads."""
    return Hosts()


def _quote(name: str | None) -> str:
    return f'"{name or "Name"}"'
