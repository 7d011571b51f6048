"""What a session is on its way to another process: all it takes to join it there, and no key."""

from __future__ import annotations

from dataclasses import dataclass, replace

from heliconemagic.errors import InputError
from heliconemagic.python.hosts import Host
from heliconemagic.redaction import Redactor
from heliconemagic.session_state import Session
from heliconemagic.settings import RequestOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a pickled handle is: all it takes to join the session elsewhere, and no key."""

    id: str
    name: str
    title: str
    notebook: str
    options: RequestOptions  # the session's own, its gateway named
    prefix: str


def build_ticket(host: Host, session: Session, prefix: str) -> Ticket:
    """The ticket to ``session`` of ``host``. Keys stay here: the other process finds its own.

    Raises:
        InputError: an option of the session holds the value of a key.
    """
    record = session.record
    named = replace(session.options, gateway=session.choice.gateway.label, system=host.fill_system(session))
    secrets = host.notebook.access.find_keys().secrets
    if Redactor(secrets).redact(repr(named)) != repr(named):
        raise InputError(
            "the session's options contain the value of one of your keys: it cannot be pickled.",
            hint="take the key out of the session line",
        )
    return Ticket(
        id=record.id,
        name=record.name,
        title=record.title,
        notebook=record.notebook,
        options=named,
        prefix=prefix,
    )
