"""Statistics from Python: ``heliconemagic.stats("Course Creation", by="user")``."""

from __future__ import annotations

import os

from heliconemagic.errors import InputError
from heliconemagic.journal.journal import Journal, default_folder
from heliconemagic.notebook.across import build_statistics
from heliconemagic.python.opening import find_workbench
from heliconemagic.statistics.grouping import Grouping, parse_grouping
from heliconemagic.statistics.result import Statistics


def find_statistics(name: str | None, by: str | None) -> Statistics:
    """The statistics of the sessions of this name; without one of those called like the notebook's.

    Raises:
        InputError: there are none, or ``by`` cannot be meant.
        JournalError: the journal cannot be read.
    """
    if not (name is None or isinstance(name, str)):
        raise InputError(f"{name!r} is not a session's name.", hint='type heliconemagic.stats("Course Creation")')
    grouping = None if by is None else _parse_by(by)
    workbench = find_workbench()
    if workbench is not None:
        session = workbench.notebook.session
        own = session.record.name if session else None
        return build_statistics(workbench.notebook.journal, name or own, grouping)
    journal = Journal(default_folder(os.environ))
    try:
        return build_statistics(journal, name, grouping)
    finally:
        journal.close()


def _parse_by(by: object) -> Grouping:
    try:
        return parse_grouping(str(by))
    except ValueError as error:
        raise InputError(f"by {error}, not {by!r}.", hint='type by="user"') from None
