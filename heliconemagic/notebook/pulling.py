"""A session on its way from Helicone into the journal: which of its requests are new here, and which are not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from heliconemagic.errors import InputError
from heliconemagic.helicone_api.addresses import Reference
from heliconemagic.helicone_api.hosts import HeliconeHosts
from heliconemagic.helicone_api.questions import PAGE, Requests
from heliconemagic.helicone_api.rows import UNNAMED, RequestRow
from heliconemagic.helicone_api.steps import build_step_id
from heliconemagic.records import DeliveryState, Feedback, SessionRecord, Step
from heliconemagic.steps.lineage import find_lineage


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """A session that was brought into the journal, as it is there now, and what became of its requests."""

    record: SessionRecord
    steps: tuple[Step, ...]
    hosts: HeliconeHosts
    new: int
    updated: int
    own: int  # that ran here, and are recorded better than Helicone could tell
    unchanged: int  # that are here already, with more than came now
    bodiless: int  # whose bodies could not be had
    under_way: int  # without an answer as yet: left out
    is_whole: bool


class Pull:
    """A session on its way into the journal."""

    def __init__(self, record: SessionRecord, known: Sequence[Step], requests: Requests, label: str) -> None:
        self.record = record
        self.requests = requests
        self.label = label
        self.bodiless = self.new = self.updated = self.unchanged = 0
        self.written: list[Step] = []
        self.feedback: list[Feedback] = []
        self._known = {step.id: step for step in known}
        pulled = {build_step_id(record.id, row.id) for row in requests.rows}
        ran_here = {request_id for step in known if step.id not in pulled for request_id in _iterate_ids(step)}
        self.own = sum(row.id in ran_here for row in requests.rows)
        self.under_way = sum(row.is_under_way for row in requests.rows)
        self._rows = [row for row in requests.rows if row.id not in ran_here and not row.is_under_way]

    def iterate_pages(self) -> Iterator[Sequence[RequestRow]]:
        """The requests that are to be written, some at a time."""
        for start in range(0, len(self._rows), PAGE):
            yield self._rows[start : start + PAGE]

    def has_bodies(self, row: RequestRow) -> bool:
        """Whether the journal has more of a request than its row tells."""
        known = self._known.get(build_step_id(self.record.id, row.id))
        return known is not None and bool(known.messages or known.text or known.input)

    def put(self, step: Step) -> None:
        """Takes a step as it is now."""
        is_known = step.id in self._known
        self.updated += is_known
        self.new += not is_known
        self.written.append(step)

    def settle(self) -> list[Step]:
        """The steps that are to be written, each with the one that it continues."""
        everything = {**self._known, **{step.id: step for step in self.written}}
        parents = find_lineage(sorted(everything.values(), key=lambda step: step.started_at))
        self.written = [replace(step, parent_id=parents.get(step.id)) for step in self.written]
        return self.written


def merge_feedback(known: Iterable[Feedback], found: Iterable[Feedback]) -> Iterator[Feedback]:
    """What is new in ``found``, which Helicone has, beside the ``known``: what was said here since then stays.

    Each name has one record on each step, also where it was given here, and notes are only here.
    """
    by_place = {(one.step_id, one.name): one for one in known}
    for one in found:
        earlier = by_place.get((one.step_id, one.name))
        if earlier is None:
            yield one
        elif earlier.given_at <= one.given_at and (
            earlier.delivery is None or earlier.delivery.state is DeliveryState.ACCEPTED
        ):
            yield replace(one, id=earlier.id, note=earlier.note)


def _iterate_ids(step: Step) -> Iterator[str]:
    """The ids under which Helicone may have the requests of a step."""
    for attempt in step.attempts:
        yield attempt.request_id
        if attempt.helicone_id:
            yield attempt.helicone_id
    if step.delivery and step.delivery.helicone_id:
        yield step.delivery.helicone_id


def find_only_name(requests: Requests, reference: Reference, hosts: HeliconeHosts, name: str | None) -> str:
    """The name of the session; ``name`` is the one that was asked for, if one was.

    Raises:
        InputError: there is no such session, or several of this id.
    """
    names = list(dict.fromkeys(row.session_name for row in requests.rows))
    if len(names) == 1:
        return names[0]
    session_id = reference.session_id
    if not names and name is not None:
        raise InputError(
            f"{hosts.label} has no session {session_id[:80]!r} that is called {name[:80]!r}.",
            hint=f"leave out the name: %helicone_session pull {session_id[:80]}",
        )
    if not names:
        raise InputError(
            f"{hosts.label} has no session {session_id[:80]!r}.",
            hint="`%helicone_session find` lists those of the last 7 days; an id is typed whole, and a new session "
            "lands there after some seconds",
        )
    named = ", ".join(repr(name) for name in names[:5])
    raise InputError(
        f"{len(names)} sessions have the id {session_id[:80]!r}: {named}.",
        hint=f'say which: %helicone_session pull {session_id[:80]} --name "{names[0]}"',
    )


def check_same_name(known: tuple[SessionRecord, list[Step]] | None, name: str) -> None:
    """Refuses a session whose id the journal has under another name.

    Raises:
        InputError: with what to do about it.
    """
    if known is not None and known[0].name != name:
        raise InputError(
            f"the journal has a session of this id already: {known[0].name!r}, and this one is {name!r}.",
            hint=f"%helicone_session forget {known[0].id} makes place for it",
        )


def build_record(
    session_id: str, name: str, rows: Sequence[RequestRow], hosts: HeliconeHosts, label: str
) -> SessionRecord:
    """The record of a session that is new here."""
    return SessionRecord(
        id=session_id,
        name=name,
        title=name or UNNAMED,
        gateway=label,
        source=hosts.label,
        started_at=min(row.started_at for row in rows),
        ended_at=max(row.ended_at for row in rows),
    )


def lengthen(known: SessionRecord, found: SessionRecord) -> SessionRecord:
    """The record that the journal has; of a session from elsewhere, as long as it is by now."""
    if not known.source or known.ended_at is None:  # it ran here, or goes on here
        return known
    ends = [known.ended_at, found.ended_at or 0.0]
    return replace(known, started_at=min(known.started_at, found.started_at), ended_at=max(ends))
