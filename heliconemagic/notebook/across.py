"""Sessions side by side: those of one name, whoever ran them."""

from __future__ import annotations

from dataclasses import replace

from heliconemagic.errors import InputError
from heliconemagic.journal.journal import Journal
from heliconemagic.render.statistics import build_statistics_bundle
from heliconemagic.statistics.grouping import Grouping
from heliconemagic.statistics.result import Statistics
from heliconemagic.statistics.summary import summarise


def build_statistics(journal: Journal, reference: str | None, grouping: Grouping | None) -> Statistics:
    """The statistics of all sessions that are called ``reference``, or like the session with this id.

    Raises:
        InputError: there is no name, no such session, or none of them has a step.
        JournalError: the journal cannot be read.
    """
    if reference is None:
        raise InputError(
            "no session is open, so it isn't known whose statistics are meant.",
            hint='name it: %helicone_session stats "Course Creation"',
        )
    name = journal.find_session(reference).name
    sessions, steps = journal.load_figures(name)
    if not steps:
        raise InputError(
            f"nothing has run in a session called {name!r} yet.",
            hint="`%helicone_session list` shows the sessions with their steps",
        )
    summary = replace(summarise(name, sessions, steps, grouping), note=journal.warning or "")
    return Statistics(summary, build_bundle=build_statistics_bundle)
