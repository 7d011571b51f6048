"""What became of the traced steps that Helicone was told of: on record with each, and never silently lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial

from heliconemagic.delivery.outbox import Parcel
from heliconemagic.errors import InputError
from heliconemagic.gateways.choice import Gateway
from heliconemagic.helicone_api.log import build_log_send
from heliconemagic.journal.journal import Journal
from heliconemagic.notebook.helicone import HeliconeLine
from heliconemagic.records import UNSENT, Delivery, DeliveryState, Step
from heliconemagic.session_state import Session

MOST_PATHS = 3
"""Paths that a warning names."""


class Deliveries:
    """Tells Helicone of traced steps in the background, and remembers how that went. Safe to use from any thread."""

    def __init__(self, helicone: HeliconeLine, journal: Journal) -> None:
        self._helicone = helicone
        self._journal = journal
        self._lock = threading.Lock()
        self._waiting: dict[str, Session] = {}  # by step
        self._untold: dict[str, tuple[str, str]] = {}  # by step: path and reason, if refused since the last warning
        self._reasons: Counter[str] = Counter()
        self._accepted_count = 0

    def send(self, session: Session, step: Step, gateway: Gateway) -> None:
        """Tells Helicone of an ended step, if ``gateway`` is Helicone's; returns at once and never raises."""
        if not self._helicone.can_tell(gateway):
            return
        try:
            send = build_log_send(session.record, step)
        except InputError as error:
            self._note(session, step, Delivery(state=DeliveryState.REFUSED, reason=error.message))
            return
        self._note(session, step, Delivery(state=DeliveryState.WAITING))
        if not self._helicone.tell(gateway, Parcel(send, partial(self._note, session, step))):
            self._note(session, step, Delivery(state=DeliveryState.REFUSED, reason="the Helicone key is gone"))

    def _note(self, session: Session, step: Step, delivery: Delivery) -> None:
        with self._lock:
            self._count(session, step, delivery)
        session.put_delivery(step.id, delivery)
        if step.is_recorded:
            self._journal.put_delivery(step.id, delivery)

    def _count(self, session: Session, step: Step, delivery: Delivery) -> None:
        if delivery.state is DeliveryState.WAITING:
            self._waiting[step.id] = session
            return
        self._waiting.pop(step.id, None)
        if delivery.state is DeliveryState.ACCEPTED:
            self._accepted_count += 1
        else:
            self._reasons[delivery.reason] += 1
            self._untold[step.id] = (step.path, delivery.reason)

    def take_warnings(self) -> tuple[str, ...]:
        """What Helicone refused since this was asked last, a sentence for each reason."""
        with self._lock:
            untold, self._untold = list(self._untold.values()), {}
        return tuple(_describe_refused(untold))

    def note_told(self, step_id: str) -> None:
        """Somebody has read that a step was refused: no warning is needed."""
        with self._lock:
            self._untold.pop(step_id, None)

    def describe(self) -> str:
        """How many steps Helicone has, waits for and refused, for ``doctor``; empty before the first."""
        with self._lock:
            counts = {"at Helicone": self._accepted_count, "on their way": len(self._waiting)}
            refused = [f"{count:,} refused: {reason}" for reason, count in self._reasons.most_common(MOST_PATHS)]
        return "; ".join([*(f"{count:,} {words}" for words, count in counts.items() if count), *refused])

    def close(self) -> None:
        """What is still on its way will not arrive: its records say so. For after the engine's end."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for step_id, session in waiting.items():
            delivery = Delivery(state=DeliveryState.REFUSED, reason=UNSENT)
            session.put_delivery(step_id, delivery)
            self._journal.put_delivery(step_id, delivery)
            found = session.find_by_id(step_id)
            self._untold[step_id] = (found.path if found else step_id, UNSENT)


def _describe_refused(refused: list[tuple[str, str]]) -> Iterator[str]:
    for reason in dict.fromkeys(reason for _, reason in refused):
        paths = list(dict.fromkeys(path for path, why in refused if why == reason))
        named = ", ".join([*paths[:MOST_PATHS], *(["…"] if len(paths) > MOST_PATHS else [])])
        yield f"not at Helicone: {named}. {reason}"
