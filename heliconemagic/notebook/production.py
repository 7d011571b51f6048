"""Sessions that ran elsewhere: found at Helicone, brought into the journal, and the proof that one's own is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from heliconemagic.errors import InputError, JournalError
from heliconemagic.helicone_api.addresses import Reference, check_same_place, parse_reference
from heliconemagic.helicone_api.bodies import read_exchange
from heliconemagic.helicone_api.hosts import HeliconeHosts
from heliconemagic.helicone_api.questions import (
    PAGE,
    Found,
    Search,
    find_landed,
    find_request,
    find_sessions,
    load_bodies,
    load_session,
)
from heliconemagic.helicone_api.rows import RequestRow
from heliconemagic.helicone_api.steps import build_feedback, build_step
from heliconemagic.journal.journal import Journal
from heliconemagic.notebook.access import Access
from heliconemagic.notebook.helicone import HeliconeLine
from heliconemagic.notebook.pulling import (
    Pull,
    Pulled,
    build_record,
    check_same_name,
    find_only_name,
    lengthen,
    merge_feedback,
)
from heliconemagic.notebook.sessions import Sessions
from heliconemagic.planning.checks import check_no_secret
from heliconemagic.records import Step
from heliconemagic.redaction import Redactor
from heliconemagic.session_state import Session
from heliconemagic.steps.tree import parse_kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Of the requests of a session, how many answered ones are at Helicone."""

    sent: int
    landed: int
    hosts: HeliconeHosts


class Production:
    """What can be done with sessions at Helicone; every question blocks the calling thread."""

    def __init__(
        self,
        helicone: HeliconeLine,
        journal: Journal,
        sessions: Sessions,
        access: Access,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._helicone = helicone
        self._journal = journal
        self._sessions = sessions
        self._access = access
        self._sleep = sleep
        self.last_pulled: str | None = None
        """The id of the session that was pulled last, in this kernel."""

    def find(self, search: Search, spec: str | None) -> tuple[Found, HeliconeHosts]:
        """The sessions at Helicone that fit ``search``; ``spec`` names another Helicone than the session's.

        Raises:
            InputError, CredentialError, GatewayError: it cannot be asked.
        """
        self._check_no_secret(search.name, *search.properties.values())
        hosts = self._helicone.find_readable_hosts(spec, self._sessions.current)
        return self._helicone.ask(hosts, lambda api: find_sessions(api, search)), hosts

    def pull(self, text: str, *, name: str | None, with_bodies: bool, spec: str | None) -> Pulled:
        """Brings the session that ``text`` names into the journal; what ran here stays as it is.

        Raises:
            InputError: there is none, or several of this id.
            CredentialError, GatewayError: Helicone cannot be asked.
            JournalError: it cannot be written down.
        """
        self._check_no_secret(text, name)
        hosts = self._helicone.find_readable_hosts(spec, self._sessions.current)
        reference = self._find_session_reference(parse_reference(text), hosts)
        wanted_name = name if name is not None else reference.name
        requests = self._helicone.ask(hosts, lambda api: load_session(api, reference.session_id, wanted_name))
        found_name = find_only_name(requests, reference, hosts, wanted_name)
        known = self._journal.load_session(reference.session_id)
        check_same_name(known, found_name)
        label = self._helicone.find_label(spec, self._sessions.current)
        record = build_record(reference.session_id, found_name, requests.rows, hosts, label)
        record = lengthen(known[0], record) if known else record
        pull = Pull(record, known[1] if known else [], requests, label)
        for rows in pull.iterate_pages():
            self._take(pull, rows, hosts, with_bodies=with_bodies)
        pulled = self._finish(pull, hosts)
        self.last_pulled = record.id
        return pulled

    def _find_session_reference(self, reference: Reference, hosts: HeliconeHosts) -> Reference:
        """The session; where a request was named, the one that it belongs to."""
        check_same_place(reference, hosts)
        if not reference.request_id:
            return reference
        row = self._find_row(reference.request_id, hosts)
        if not row.session_id:
            raise InputError(
                f"the request {row.id!r} belongs to no session.",
                hint=f"%helicone_session edit {row.id} puts it into a new cell",
            )
        return Reference(session_id=row.session_id, name=row.session_name)

    def _find_row(self, request_id: str, hosts: HeliconeHosts) -> RequestRow:
        self._check_no_secret(request_id)
        row = self._helicone.ask(hosts, lambda api: find_request(api, request_id))
        if row is None:
            raise InputError(
                f"{hosts.label} has no request {request_id[:80]!r}.",
                hint="a new one lands there after some seconds; an EU account's are found with its own key alone",
            )
        return row

    def find_step(self, request_id: str, hosts: HeliconeHosts) -> Step:
        """A request at Helicone as a step, with its bodies; nothing is written down.

        Raises:
            InputError: there is none, or its bodies cannot be had.
            CredentialError, GatewayError: Helicone cannot be asked.
        """
        row = self._find_row(request_id, hosts)
        bodies = self._helicone.ask(hosts, lambda api: load_bodies(api, [row]))
        if row.id not in bodies:
            raise InputError(
                f"the bodies of the request {row.id!r} cannot be had.",
                hint="they expired, were never stored, or lie in a store that is not reached from here",
            )
        exchange = read_exchange(bodies[row.id], parse_kind(row.model), self._build_redactor())
        label = self._helicone.find_label(None, self._sessions.current)
        return build_step(row, exchange, session_id=row.session_id, gateway=label)

    def prove_logging(self, session: Session) -> Proof | None:
        """Whether the newest requests of ``session`` are at Helicone by now; None if none was answered through it.

        Raises:
            InputError, CredentialError, GatewayError: Helicone cannot be asked.
        """
        sent = frozenset(list(_iterate_logged(session))[-PAGE:])
        hosts = self._helicone.find_readable_hosts(None, session)
        if not sent:
            return None
        landed = self._helicone.ask(hosts, lambda api: find_landed(api, session.record.id, sent, self._sleep))
        return Proof(sent=len(sent), landed=len(landed), hosts=hosts)

    # ---- one page of a session

    def _take(self, pull: Pull, rows: Sequence[RequestRow], hosts: HeliconeHosts, *, with_bodies: bool) -> None:
        """Writes a page of requests down as steps."""
        bodies = self._helicone.ask(hosts, lambda api: load_bodies(api, rows)) if with_bodies else {}
        redactor = self._build_redactor()
        for row in rows:
            body = bodies.get(row.id)
            exchange = read_exchange(body, parse_kind(row.model), redactor) if body else None
            pull.bodiless += with_bodies and exchange is None
            pull.feedback += build_feedback(row, session_id=pull.record.id)
            if exchange is None and pull.has_bodies(row):
                pull.unchanged += 1
                continue
            pull.put(build_step(row, exchange, session_id=pull.record.id, gateway=pull.label))

    def _finish(self, pull: Pull, hosts: HeliconeHosts) -> Pulled:
        if not self._write(pull):
            raise JournalError(
                "the session was read, but cannot be written down.",
                hint="`%helicone_session doctor` tells what is wrong with the journal",
                cause=self._journal.warning,
            )
        self._show_in_open_session(pull)
        loaded = self._journal.load_session(pull.record.id)
        record, steps = loaded or (pull.record, [])
        return Pulled(
            record=record,
            steps=tuple(steps),
            hosts=hosts,
            new=pull.new,
            updated=pull.updated,
            own=pull.own,
            unchanged=pull.unchanged,
            bodiless=pull.bodiless,
            under_way=pull.under_way,
            is_whole=pull.requests.is_whole,
        )

    def _write(self, pull: Pull) -> bool:
        """Whether all of it is on disk now."""
        self._journal.put_session(pull.record)
        self._journal.flush()  # a rating of a moment ago is known, too
        pull.feedback = list(merge_feedback(self._journal.load_feedback(pull.record.id), pull.feedback))
        for feedback in pull.feedback:
            self._journal.put_feedback(feedback)
        return self._journal.close_steps(pull.settle())

    def _show_in_open_session(self, pull: Pull) -> None:
        """A session that is open here has its new steps, and what was thought of them, at once."""
        current = self._sessions.current
        if current is None or current.record.id != pull.record.id:
            return
        known = {step.id for step in current.steps}
        current.take_others(step for step in pull.written if step.id not in known)
        for step in pull.written:
            if step.id in known:
                current.put_step(step)
        for feedback in pull.feedback:
            current.feedback.put(feedback)

    # ---- what it needs to know

    def _check_no_secret(self, *texts: str | None) -> None:
        """Refuses a key that was typed where an id or a name belongs: it would be sent, and shown."""
        check_no_secret(texts, self._access.find_keys().secrets)

    def _build_redactor(self) -> Redactor:
        return Redactor(self._access.find_keys().secrets)


def _iterate_logged(session: Session) -> Iterator[str]:
    """The ids of the requests that Helicone answered, and so should have logged."""
    for step in session.steps:
        if step.gateway != session.choice.gateway.label or step.origin is not None:
            continue
        # What Helicone's own limit refused is logged elsewhere.
        answered = (attempt for attempt in step.attempts if attempt.status_code != 429)
        yield from (attempt.helicone_id for attempt in answered if attempt.helicone_id)
        if step.delivery and step.delivery.helicone_id:
            yield step.delivery.helicone_id
