"""What was thought of a session and its steps, in memory: each name has one value on each step, the newest.

Safe to use from several threads: how a rating gets on at Helicone is noted on the engine's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace

from heliconemagic.records import Delivery, DeliveryState, Feedback

RATING, NOTE = "rating", "note"
"""The names of a thumb, and of a note that stands alone."""
LOST = "its kernel ended before Helicone had it; rate it again"


class FeedbackBook:
    """The feedback of one session. ``step_id`` None is the session itself."""

    def __init__(self, feedback: Iterable[Feedback] = ()) -> None:
        self._lock = threading.Lock()
        self._by_step: dict[str | None, dict[str, Feedback]] = {}
        for one in feedback:
            self.put(_close(one))

    def put(self, feedback: Feedback) -> None:
        """Takes it in place of what had its name on its step."""
        with self._lock:
            self._by_step.setdefault(feedback.step_id, {})[feedback.name] = feedback

    def take(self, feedback: Iterable[Feedback]) -> None:
        """Takes what another process wrote, where it is newer than what is here."""
        for one in feedback:
            known = self.find(one.step_id, one.name)
            if known is None or known.given_at < one.given_at:
                self.put(one)

    def note(self, feedback: Feedback, delivery: Delivery) -> Feedback | None:
        """``feedback`` with how far it is on its way; None if it was given anew since."""
        with self._lock:
            named = self._by_step.get(feedback.step_id, {})
            known = named.get(feedback.name)
            if known is None or known.given_at != feedback.given_at:
                return None
            named[feedback.name] = replace(known, delivery=delivery)
            return named[feedback.name]

    def is_current(self, feedback: Feedback) -> bool:
        """Whether nothing has taken its place."""
        return self.find_current(feedback) is not None

    def find_current(self, feedback: Feedback) -> Feedback | None:
        """How it stands now; None if it was given anew since."""
        known = self.find(feedback.step_id, feedback.name)
        return known if known is not None and known.given_at == feedback.given_at else None

    def find(self, step_id: str | None, name: str) -> Feedback | None:
        """What stands under ``name`` on that step."""
        with self._lock:
            return self._by_step.get(step_id, {}).get(name)

    def list_of(self, step_id: str | None) -> list[Feedback]:
        """All of one step: the thumb, the scores by name, the note."""
        with self._lock:
            found = list(self._by_step.get(step_id, {}).values())
        return sorted(found, key=_find_order)

    def group(self) -> Mapping[str | None, list[Feedback]]:
        """All of it by step."""
        with self._lock:
            step_ids = list(self._by_step)
        return {step_id: self.list_of(step_id) for step_id in step_ids}


def group_feedback(feedback: Iterable[Feedback]) -> Mapping[str | None, list[Feedback]]:
    """Recorded feedback by step, each name once."""
    return FeedbackBook(feedback).group()


def _find_order(feedback: Feedback) -> tuple[int, str]:
    return {RATING: 0, NOTE: 2}.get(feedback.name, 1), feedback.name


def _close(feedback: Feedback) -> Feedback:
    """What was on its way in a kernel that has ended: nobody sends it any more."""
    if feedback.delivery is None or feedback.delivery.state is not DeliveryState.WAITING:
        return feedback
    return replace(feedback, delivery=replace(feedback.delivery, state=DeliveryState.REFUSED, reason=LOST))
