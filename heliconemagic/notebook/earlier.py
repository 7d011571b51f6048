"""The earlier sessions of a notebook, as far as a later one speaks of them."""

from __future__ import annotations

from heliconemagic.errors import JournalError
from heliconemagic.journal.journal import Journal
from heliconemagic.planning.plan import Plan
from heliconemagic.records import Feedback, SessionRecord, SessionSummary, Step
from heliconemagic.session_state import Session


class EarlierSessions:
    """What this notebook did before its session; read for notes alone: a journal that cannot be read stops nothing."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._paths: dict[str, tuple[str, ...]] = {}  # by session

    def find(self, session: Session) -> SessionSummary | None:
        """The newest other session of the same name and notebook that has steps."""
        record = session.record
        try:
            return self._journal.find_newest(record.notebook, name=record.name, besides=record.id)
        except JournalError:
            return None

    def describe_missing(self, plan: Plan) -> tuple[str, ...]:
        """Names an ancestor that only an earlier session of this notebook has."""
        session = plan.session
        ancestors = {str(ancestor) for ancestor in plan.place.path.ancestors()}
        if plan.place.label != "no context" and plan.place.parent and plan.place.parent.path in ancestors:
            return ()
        if not ancestors or any(session.find_step(path) for path in ancestors) or plan.place.label == "fresh":
            return ()
        found = next((path for path in self._list_paths(session) if path in ancestors), None)
        if found is None:
            return ()
        return (f"no context from {found}: it is in an earlier session; add --resume to the session line",)

    def _list_paths(self, session: Session) -> tuple[str, ...]:
        """The paths of this notebook's earlier session, newest first; read once for each session."""
        if session.record.id not in self._paths:
            earlier = self.find(session)
            recorded = load_recorded(self._journal, earlier.id) if earlier else None
            steps = recorded[1] if recorded else []
            self._paths[session.record.id] = tuple(dict.fromkeys(step.path for step in reversed(steps)))
        return self._paths[session.record.id]


def load_recorded(journal: Journal, session_id: str) -> tuple[SessionRecord, list[Step]] | None:
    """A recorded session; None also where the journal cannot be read: that stops no prompt."""
    try:
        return journal.load_session(session_id)
    except JournalError:
        return None


def load_feedback(journal: Journal, session_id: str) -> list[Feedback]:
    """What was thought of a recorded session; nothing where the journal cannot be read."""
    try:
        return journal.load_feedback(session_id)
    except JournalError:
        return []
