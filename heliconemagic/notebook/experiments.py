"""Recorded sessions as the matter of experiments: played again with changes, and set side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from heliconemagic.errors import InputError
from heliconemagic.gateways.choice import Choice
from heliconemagic.journal.journal import Journal
from heliconemagic.notebook.access import Access
from heliconemagic.notebook.sessions import Sessions
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.paths import SessionPath
from heliconemagic.planning.rerunning import BuildSetting, RerunPlanner
from heliconemagic.records import RERUN_OF, SessionRecord, Step
from heliconemagic.saved.sessions import is_trusted
from heliconemagic.session_state import Session
from heliconemagic.settings import RequestOptions
from heliconemagic.steps.rerunning import Script, build_script


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSession:
    """A session as it was: its record, and its steps in the order in which they ran."""

    record: SessionRecord
    steps: Sequence[Step]


class Experiments:
    """Finds recorded sessions, and what plays them again."""

    def __init__(
        self,
        surroundings: Surroundings,
        access: Access,
        sessions: Sessions,
        journal: Journal,
        *,
        build_setting: BuildSetting,
    ) -> None:
        self._surroundings = surroundings
        self._access = access
        self._sessions = sessions
        self._journal = journal
        self._build_setting = build_setting

    def find(self, reference: str | None) -> RecordedSession:
        """The session of an id or a name; without one, the one that is open.

        Raises:
            InputError: there is none.
        """
        current = self._sessions.current
        if reference is None and current is None:
            raise InputError("no session is open.", hint="say which one: `%helicone_session list` shows them")
        if current is not None and (reference is None or reference in (current.record.id, current.record.id[:8])):
            self._sessions.take_others(current)
            return RecordedSession(record=current.record, steps=current.steps_by_start)
        assert reference is not None
        record = self._journal.find_session(reference)
        if current is not None and current.record.id == record.id:
            return self.find(None)
        loaded = self._journal.load_session(record.id)
        return RecordedSession(record=record, steps=loaded[1] if loaded else ())

    def find_rerun(self, recorded: RecordedSession) -> RecordedSession:
        """The newest rerun of a session.

        Raises:
            InputError: there is none.
        """
        source = f"{RERUN_OF}{recorded.record.id}"
        summaries = self._journal.list_sessions(name=recorded.record.name)
        newest = next((summary.id for summary in summaries if summary.source == source), None)
        if newest is None:
            raise InputError(
                f"{recorded.record.title!r} was not played again yet: there is nothing to set beside it.",
                hint="type %helicone_session rerun -m MODEL; or name two sessions: %helicone_session diff ID ID",
            )
        return self.find(newest)

    def open_rerun(
        self, recorded: RecordedSession, given: RequestOptions, start_at: SessionPath | None
    ) -> RerunPlanner:
        """What plays ``recorded`` again, in a session of its own; nothing is sent or recorded yet.

        Raises:
            InputError, CredentialError: nothing can be played, or nobody can be asked.
        """
        script = build_script(recorded.steps, start_at)
        given = self._add_defaults(given)
        choices = self._find_choices(script, recorded.record, given.gateway)
        choice = choices[script.live[0].step.gateway]
        session = self._sessions.build_rerun(recorded.record, given, choice)
        current = self._sessions.current
        if current is not None and current.record.id == recorded.record.id:
            session.attachments = current.attachments  # those of --no-log are nowhere else
        return RerunPlanner(recorded.record, script, session, given, choices=choices, build_setting=self._build_setting)

    def begin(self, session: Session) -> None:
        """Puts the session of a rerun into the journal."""
        self._journal.put_session(session.record)

    def end(self, session: Session) -> None:
        """The rerun is over; its session can be resumed like any other."""
        self._journal.put_session(replace(session.record, ended_at=self._surroundings.clock()))

    def _add_defaults(self, given: RequestOptions) -> RequestOptions:
        """How patient requests are, and the budget of the open session; what is asked is as recorded."""
        defaults, current = self._surroundings.find_defaults(), self._sessions.current
        budget = current.options.budget if current else None
        return given.over(RequestOptions(retries=defaults.retries, timeout=defaults.timeout, budget=budget))

    def _find_choices(self, script: Script, record: SessionRecord, given: str | None) -> dict[str, Choice]:
        """Who is asked, by the gateways that were asked then."""
        labels = dict.fromkeys(scene.step.gateway for scene in script.live)
        if given is not None and given != "replay":
            return dict.fromkeys(labels, self._access.choose_gateway(given))
        for label in [given] if given else labels:
            _check_known(label, record)
        return {label: replace(self._access.choose_gateway(label), reason="as recorded") for label in labels}


def _check_known(label: str, record: SessionRecord) -> None:
    """Refuses to ask a gateway that only a recording names: keys would go there.

    Raises:
        InputError: a lesson answered, or the session is from elsewhere and its gateway is none of the user's own.
    """
    if label == "replay":
        raise InputError(
            "a recorded lesson answered there, and a rerun asks anew.",
            hint="say who answers now: add --gateway demo, or another one",
        )
    if record.source and not (label and label == record.gateway) and not is_trusted(label):
        told = f"its answers came from {label!r}" if label else "it doesn't say where its answers came from"
        raise InputError(
            f"the session {record.title!r} ({record.source}) doesn't decide where your keys go: {told}.",
            hint="say who answers now: add --gateway oai, or another one",
        )
