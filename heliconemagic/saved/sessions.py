"""The replies of saved notebooks as sessions, with ids of their own that come out the same each time. Pure."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from heliconemagic.gateways.presets import PRESETS
from heliconemagic.records import Feedback, SessionRecord, Step
from heliconemagic.saved.notebooks import SavedNotebook
from heliconemagic.saved.replies import SavedReply
from heliconemagic.wire_text import build_ascii_form, find_fault

_NAMESPACE = uuid.UUID("0c7d2f3e-6b0a-5c58-9d1e-2a4f6b8c1d35")


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSession:
    """A session as one notebook has it: what its steps were is still told by ``originals``."""

    record: SessionRecord
    steps: tuple[Step, ...]  # in the order in which they started
    originals: tuple[str, ...] = ()  # the ids of the replies in the notebook
    gateway: str = ""  # as the notebook calls it; the record has it only if it is one of ours by name
    feedback: tuple[Feedback, ...] = ()  # what somebody thought of it, where the file tells that


def build_sessions(notebook: SavedNotebook) -> list[SavedSession]:
    """The sessions in ``notebook``, with the ids that it names; the one that ran last stands last."""
    found: dict[str, list[SavedReply]] = defaultdict(list)
    for reply in notebook.replies:
        found[reply.step.session_id].append(reply)
    sessions = [_build_session(session_id, replies, notebook) for session_id, replies in found.items()]
    return sorted(sessions, key=lambda session: session.steps[-1].started_at)


def _build_session(session_id: str, replies: Sequence[SavedReply], notebook: SavedNotebook) -> SavedSession:
    steps = sorted((step for reply in replies for step in (reply.step, *reply.calls)), key=lambda step: step.started_at)
    name = next((reply.session_name for reply in replies if reply.session_name), "")
    title = next((reply.session_title for reply in replies if reply.session_title), "") or name or notebook.stem
    gateway = next((reply.step.gateway for reply in reversed(replies) if reply.step.gateway), "")
    record = SessionRecord(
        id=session_id,
        name=name,
        title=title,
        gateway=gateway,
        notebook=notebook.stem,
        source=notebook.file,
        started_at=steps[0].started_at,
        ended_at=max(step.ended_at or step.started_at for step in steps),
    )
    return build_saved(record, steps, originals=[reply.step.id for reply in replies])


def build_saved(
    record: SessionRecord, steps: Sequence[Step], *, originals: Sequence[str], feedback: Sequence[Feedback] = ()
) -> SavedSession:
    """A session out of a file, whose steps come in the order in which they started: what it says of itself is checked.

    Nothing of it waits to be sent to Helicone from here.
    """
    name = build_ascii_form(record.title) or "notebook" if find_fault(record.name) else record.name
    gateway = record.gateway if is_trusted(record.gateway) else ""
    return SavedSession(
        record=replace(record, name=name, gateway=gateway),
        steps=tuple(replace(step, delivery=None) for step in _drop_strange_parents(steps)),
        originals=tuple(originals),
        gateway=record.gateway,
        feedback=tuple(replace(given, delivery=None) for given in feedback),
    )


def _drop_strange_parents(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps, each with its parent only if that stands before it: so nothing can be its own ancestor."""
    seen: set[str] = set()
    for step in steps:
        yield step if step.parent_id in seen else replace(step, parent_id=None)
        seen.add(step.id)


def is_trusted(label: str) -> bool:
    """Whether a gateway may be used because a file says so: never an address, to which keys would go."""
    return label in PRESETS and ":" not in label and label != "replay"


def rename(session: SavedSession, session_id: str) -> SavedSession:
    """``session`` under another id, with ids of steps and of their attempts that belong to it alone.

    A file could name ids that stand for something else in the journal; these cannot.
    """

    steps = _rename_steps(session.steps, session_id)
    return replace(
        session,
        record=replace(session.record, id=session_id),
        steps=tuple(steps),
        feedback=tuple(_rename_feedback(session.feedback, session_id)),
    )


def _find_id(session_id: str, old: str, known: Container[str] = ()) -> str:
    return old if not old or old in known else str(uuid.uuid5(_NAMESPACE, json.dumps([session_id, old])))


def _rename_feedback(feedback: Iterable[Feedback], session_id: str, known: Container[str] = ()) -> Iterator[Feedback]:
    for given in feedback:
        step_id = _find_id(session_id, given.step_id, known) if given.step_id else None
        yield replace(given, id=_find_id(session_id, given.id), session_id=session_id, step_id=step_id)


def _rename_steps(steps: Iterable[Step], session_id: str, known: Container[str] = ()) -> Iterator[Step]:
    def find_id(old: str) -> str:
        return _find_id(session_id, old, known)

    for step in steps:
        yield replace(
            step,
            id=find_id(step.id),
            session_id=session_id,
            parent_id=find_id(step.parent_id) if step.parent_id else None,
            comparison=find_id(step.comparison),
            attempts=tuple(
                replace(attempt, request_id=_find_id(session_id, attempt.request_id)) for attempt in step.attempts
            ),
        )


def list_missing(session: SavedSession, known: Sequence[Step]) -> list[Step]:
    """The steps of ``session`` that aren't among the ``known`` ones of the same session, ready to stand beside them."""
    ids = {step.id for step in known} | {step.comparison for step in known}
    return [step for step in _rename_steps(session.steps, session.record.id, ids) if step.id not in ids]


def list_unsaid(session: SavedSession, steps: Sequence[Step], said: Iterable[Feedback]) -> list[Feedback]:
    """What the file thinks of the session, known by ``steps``, and nobody has ``said`` here."""
    taken = {(one.step_id, one.name) for one in said}
    renamed = _rename_feedback(session.feedback, session.record.id, {step.id for step in steps})
    return [one for one in renamed if (one.step_id, one.name) not in taken]


def claim(session: SavedSession, student: str, owner: str) -> SavedSession:
    """``session`` as what ``student`` handed in; the same notebook of one ``owner`` gets the same ids each time."""
    key = json.dumps([owner, session.record.notebook, session.record.id])
    renamed = rename(session, str(uuid.uuid5(_NAMESPACE, key)))
    return replace(renamed, steps=tuple(replace(step, user=step.user or student) for step in renamed.steps))


def find_shared(notebooks: Mapping[str, Sequence[SavedSession]]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Which of ``notebooks``, by their names, have the same replies, and how many; the largest number first."""
    holders: dict[str, list[str]] = defaultdict(list)
    for name, sessions in notebooks.items():
        for original in {original for session in sessions for original in session.originals}:
            holders[original].append(name)
    counts: dict[tuple[str, ...], int] = defaultdict(int)
    for names in holders.values():
        if len(names) > 1:
            counts[tuple(names)] += 1
    yield from sorted(counts.items(), key=lambda item: -item[1])
