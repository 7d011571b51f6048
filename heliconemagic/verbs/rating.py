"""``%helicone_session rate``: what somebody thinks of an answer, or of the whole session."""

from __future__ import annotations

from heliconemagic.lines.rating import read_rating
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.render.notice import Notice
from heliconemagic.session_state import Session


def rate(notebook: Notebook, session: Session, words: tuple[str, ...]) -> Notice:
    """Takes what the words after ``rate`` say.

    Raises:
        InputError: they cannot be meant, or there is no such step; nothing was kept.
    """
    path, rating = read_rating(words)
    if path is None:
        rated = notebook.ratings.rate_session(session, rating)
    else:
        rated = notebook.ratings.rate_step(session, session.require_step(path), rating)
    return Notice(head=rated.head, lines=rated.lines)
