"""Ratings: kept in the session and the journal, and told to Helicone where it answered."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heliconemagic.delivery.outbox import Parcel, Send
from heliconemagic.errors import InputError
from heliconemagic.gateways.choice import Gateway, build_gateway
from heliconemagic.gateways.providers import HELICONE_VARIABLE
from heliconemagic.helicone_api.hosts import find_hosts
from heliconemagic.journal.journal import Journal
from heliconemagic.lines.rating import Rating
from heliconemagic.notebook.access import Access
from heliconemagic.notebook.helicone import HeliconeLine
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.planning.checks import check_no_secret
from heliconemagic.records import Delivery, DeliveryState, Feedback, Step, StepStatus
from heliconemagic.render.feedback_words import describe_deliveries, describe_feedback
from heliconemagic.session_state import Session
from heliconemagic.steps.feedback import LOST, NOTE, RATING, FeedbackBook
from heliconemagic.steps.rounds import HERE

if TYPE_CHECKING:
    from heliconemagic.helicone_api.api import HeliconeApi

REPLACED = "rated again since"
NO_NOTES = "Helicone takes no notes on an answer: the note is kept here"


@dataclass(frozen=True, slots=True)
class Rated:
    """What a rating left: all that is thought of its step or session, and what Helicone is told and isn't, and why."""

    what: str  # a path, or "this session"
    feedback: tuple[Feedback, ...]
    book: FeedbackBook  # knows how far what is told has come
    told: tuple[Feedback, ...] = ()
    untold: str = ""

    @property
    def head(self) -> str:
        """What is thought of what."""
        return f"{self.what}: {describe_feedback(self.feedback)}"

    @property
    def is_told(self) -> bool:
        """Whether Helicone is told of any of it."""
        return bool(self.told)

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """How far what Helicone is told has come by now; nothing of what was given anew since."""
        return tuple(one.delivery for one in self._list_current() if one.delivery is not None)

    @property
    def lines(self) -> tuple[str, ...]:
        """Whether Helicone has it by now, and what it isn't told."""
        current = self._list_current()
        replaced = (REPLACED,) if len(current) < len(self.told) else ()
        return (*describe_deliveries(current), *replaced, *((self.untold,) if self.untold else ()))

    def _list_current(self) -> list[Feedback]:
        return [found for one in self.told if (found := self.book.find_current(one)) is not None]

    def __repr__(self) -> str:
        return f"<rated {self.head} ({'; '.join(self.lines)})>"


class Ratings:
    """What a person can think of answers."""

    def __init__(self, surroundings: Surroundings, access: Access, journal: Journal, helicone: HeliconeLine) -> None:
        self._surroundings = surroundings
        self._access = access
        self._journal = journal
        self._helicone = helicone
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[Session, Feedback]] = {}  # what is on its way to Helicone, by its id

    def rate_step(self, session: Session, step: Step, rating: Rating) -> Rated:
        """Keeps what is thought of an answer; Helicone is told in the background.

        Raises:
            InputError: the answer isn't there yet, or the note holds a key; nothing was kept.
        """
        if step.status is StepStatus.PENDING:
            raise InputError(f"{step.path} is still running.", hint="rate it when it has ended")
        given = self._keep(session, step, rating)
        label = session.choice.gateway.label if step.gateway == HERE else step.gateway
        gateway = self._find_gateway(session, label)
        obstacle = self._find_obstacle(gateway, label, step.helicone_id)
        thumbs = [one for one in given if one.name == RATING]
        scores = [one for one in given if one.name not in (RATING, NOTE)]
        if gateway is not None and step.helicone_id and not obstacle:
            self._tell(session, gateway, thumbs, _build_thumb_sender(session, thumbs, step.helicone_id))
            self._tell(session, gateway, scores, _build_score_sender(session, scores, step.helicone_id))
        untold = NO_NOTES if rating.note and not obstacle else obstacle
        told = () if obstacle else (*thumbs, *scores)
        return Rated(step.path, tuple(session.feedback.list_of(step.id)), session.feedback, told, untold)

    def rate_session(self, session: Session, rating: Rating) -> Rated:
        """The same of a whole session: Helicone has one tag for it, which says all of it.

        Raises:
            InputError: the note holds a key; nothing was kept.
        """
        given = self._keep(session, None, rating)
        gateway = session.choice.gateway
        answered = next((step.helicone_id for step in session.steps if step.gateway == gateway.label), None)
        obstacle = self._find_obstacle(gateway, gateway.label, answered)
        if not obstacle:
            self._tell(session, gateway, given, _build_tag_sender(session, given))
        told = () if obstacle else tuple(given)
        return Rated("this session", tuple(session.feedback.list_of(None)), session.feedback, told, obstacle)

    def _keep(self, session: Session, step: Step | None, rating: Rating) -> list[Feedback]:
        check_no_secret([rating.note, list(rating.scores)], self._access.find_keys().secrets)
        given = _build_feedback(session, step.id if step else None, rating, now=self._surroundings.clock())
        for feedback in given:
            session.feedback.put(feedback)
            self._record(session, feedback)
        return given

    def _record(self, session: Session, feedback: Feedback) -> None:
        """Puts it into the journal, unless its step stays out of it."""
        step = session.find_by_id(feedback.step_id) if feedback.step_id else None
        if step is None or step.is_recorded:
            self._journal.put_feedback(feedback)

    def _find_gateway(self, session: Session, label: str) -> Gateway | None:
        """The gateway that answered, or one of the Helicone that a step was pulled from; None where there is none.

        An address counts only as the session's own: a step may come from a file, and the key would go where that says.
        """
        own, keys = session.choice.gateway, self._access.find_keys()
        if label == own.label:
            return own
        for gateway in (own, build_gateway("oai", self._surroundings.environ)):
            if gateway.is_helicone and find_hosts(gateway, keys).label == label:
                return gateway
        try:
            gateway = build_gateway(label, self._surroundings.environ)
        except InputError:
            return None
        return None if gateway.preset == "url" else gateway

    def _find_obstacle(self, gateway: Gateway | None, label: str, helicone_id: str | None) -> str:
        """Why Helicone cannot be told; empty if it can."""
        if gateway is None:
            return f"kept here; Helicone isn't told: gateway {label} isn't this session's"
        if not gateway.is_helicone:
            return f"kept here; Helicone isn't told: gateway {label}"
        if not helicone_id:
            return "kept here; Helicone isn't told: it has no request of this"
        if self._access.find_keys().helicone is None:
            return f"kept here; Helicone isn't told: {HELICONE_VARIABLE} is not set"
        return ""

    def _tell(self, session: Session, gateway: Gateway, told: Sequence[Feedback], send: Send) -> None:
        if not told:
            return
        note = self._build_note(session, told)
        note(Delivery(state=DeliveryState.WAITING))
        if not self._helicone.tell(gateway, Parcel(send, note, may_land_later=True)):
            note(Delivery(state=DeliveryState.REFUSED, reason="the Helicone key is gone"))

    def _build_note(self, session: Session, told: Sequence[Feedback]) -> Callable[[Delivery], None]:
        def note(delivery: Delivery) -> None:
            for feedback in told:
                self._note(session, feedback, delivery)

        return note

    def _note(self, session: Session, feedback: Feedback, delivery: Delivery) -> None:
        noted = session.feedback.note(feedback, delivery)
        if noted is None:  # a newer one took its place, and its id
            return
        with self._lock:
            if delivery.state is DeliveryState.WAITING:
                self._waiting[noted.id] = (session, noted)
            else:
                self._waiting.pop(noted.id, None)
        self._record(session, noted)

    def close(self) -> None:
        """What is still on its way will not arrive: its records say so. For after the engine's end."""
        with self._lock:
            waiting = list(self._waiting.values())
        for session, feedback in waiting:
            self._note(session, feedback, Delivery(state=DeliveryState.REFUSED, reason=LOST))


def _build_feedback(session: Session, step_id: str | None, rating: Rating, *, now: float) -> list[Feedback]:
    """The records of a rating; one that takes another's place keeps its id, so that the journal has it once."""

    def build(name: str, value: bool | int | None, note: str = "") -> Feedback:
        known = session.feedback.find(step_id, name)
        return Feedback(
            id=known.id if known else str(uuid.uuid4()),
            session_id=session.record.id,
            step_id=step_id,
            name=name,
            value=value,
            note=note,
            given_at=max(now, known.given_at + 1e-6) if known else now,
        )

    given = [build(RATING, rating.thumb, rating.note)] if rating.thumb is not None else []
    given += [build(name, value) for name, value in rating.scores.items()]
    return given + ([build(NOTE, None, rating.note)] if rating.note and rating.thumb is None else [])


def _build_thumb_sender(session: Session, thumbs: Sequence[Feedback], request_id: str) -> Send:
    async def send(api: HeliconeApi) -> str:
        from heliconemagic.helicone_api.feedback import send_thumb

        for thumb in thumbs:
            if session.feedback.is_current(thumb):  # else a newer one is on its way, and must not be overtaken
                await send_thumb(api, request_id, bool(thumb.value))
        return request_id

    return send


def _build_score_sender(session: Session, scores: Sequence[Feedback], request_id: str) -> Send:
    async def send(api: HeliconeApi) -> str:
        from heliconemagic.helicone_api.feedback import send_scores

        if any(session.feedback.is_current(score) for score in scores):
            everything = session.feedback.list_of(scores[0].step_id)
            values = {one.name: one.value for one in everything if one.value is not None and one.name != RATING}
            await send_scores(api, request_id, values)
        return request_id

    return send


def _build_tag_sender(session: Session, given: Sequence[Feedback]) -> Send:
    async def send(api: HeliconeApi) -> str:
        from heliconemagic.helicone_api.feedback import send_tag

        if any(session.feedback.is_current(one) for one in given):
            await send_tag(api, session.record.id, describe_feedback(session.feedback.list_of(None)))
        return ""

    return send
