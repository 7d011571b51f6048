"""The steps so far, as planning asks for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from heliconemagic.errors import JournalError
from heliconemagic.planning.keeping import FindReply, find_own_reply
from heliconemagic.records import Step
from heliconemagic.session_state import Session
from heliconemagic.steps.conversation import Place, Wish, build_chain, find_place
from heliconemagic.steps.tree import find_stale

Kept = tuple[Step | None, tuple[str, ...]]
"""The answer that stands for a request, if there is one, and what has to be said about the search."""


class History(Protocol):
    """What planning asks: of a whole session for one step, or of its index for thousands."""

    @property
    def spent(self) -> float:
        """USD that all steps cost."""

    def find_place(self, wish: Wish) -> Place:
        """Where the step stands, once what it continues has ended in the background.

        Raises:
            InputError: what it was to continue isn't there, or failed.
        """

    def build_chain(self, parent: Step | None) -> Sequence[Step]:
        """The steps whose turns are sent, oldest first."""

    def is_stale(self, step: Step) -> bool:
        """Whether it continues an answer that was replaced."""

    def find_kept(self, step: Step, *, keep: bool | None, find_reply: FindReply) -> Kept:
        """The answer that stands for the step's request; ``keep`` is --keep (False: never)."""


class SessionHistory:
    """All steps of a session, looked through anew for each question."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def spent(self) -> float:
        """USD that all steps cost, and the prompts under way."""
        return self._session.committed

    def find_place(self, wish: Wish) -> Place:
        """Where the step stands (see `heliconemagic.steps.conversation`)."""
        place = find_place(self._session.steps, wish)
        if place.parent is None or place.parent.id not in self._session.running:
            return place
        self._session.wait_for(place.parent.id)
        return find_place(self._session.steps, wish)

    def build_chain(self, parent: Step | None) -> Sequence[Step]:
        """The steps whose turns are sent."""
        return build_chain(self._session.steps, parent)

    def is_stale(self, step: Step) -> bool:
        """Whether it continues a superseded step, directly or through others."""
        return step.id in find_stale(self._session.steps)

    def find_kept(self, step: Step, *, keep: bool | None, find_reply: FindReply) -> Kept:
        """After a restart the cell's own answer; under --keep anybody's."""
        if keep is False:
            return None, ()
        resumed = self._session.find_kept(step.cell, step.path, step.fingerprint)
        if resumed is not None or not keep or not step.is_recorded:
            return resumed, ()
        return search_replies(lambda: find_own_reply(self._session, step.fingerprint) or find_reply(step.fingerprint))


def search_replies(search: Callable[[], Step | None]) -> Kept:
    """What ``search`` finds in the journal; one that cannot be read stops no prompt."""
    try:
        return search(), ()
    except JournalError as error:
        return None, (f"--keep found nothing: {error.message}",)
