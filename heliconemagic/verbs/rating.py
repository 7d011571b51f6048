"""``%helicone_session rate``: what somebody thinks of an answer, or of the whole session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from heliconemagic.lines.rating import read_rating
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.notebook.ratings import Rated
from heliconemagic.records import Delivery
from heliconemagic.render.notice import Notice, build_notice_bundle
from heliconemagic.session_state import Session


@dataclass(frozen=True, slots=True)
class RatedLine:
    """The notice of a rating, which follows it to Helicone."""

    rated: Rated

    def list_deliveries(self) -> tuple[Delivery, ...]:
        """How far the rating is now."""
        return self.rated.deliveries

    def build_bundle(self) -> dict[str, Any]:
        """What is thought of what, and whether Helicone has it."""
        return build_notice_bundle(Notice(head=self.rated.head, lines=self.rated.lines))


def rate(notebook: Notebook, session: Session, words: tuple[str, ...]) -> RatedLine:
    """Takes what the words after ``rate`` say.

    Raises:
        InputError: they cannot be meant, or there is no such step; nothing was kept.
    """
    path, rating = read_rating(words)
    if path is None:
        return RatedLine(notebook.ratings.rate_session(session, rating))
    return RatedLine(notebook.ratings.rate_step(session, session.require_step(path), rating))
