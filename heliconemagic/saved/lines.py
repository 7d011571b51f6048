"""Reads a session from a file that was exported as JSON lines, or recorded as a lesson."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from heliconemagic.errors import InputError
from heliconemagic.lessons.files import MAX_ANSWERS, read_file_lines
from heliconemagic.lessons.lesson import LessonHead, Recording
from heliconemagic.lessons.line_values import LineError, parse_line, read_value
from heliconemagic.lessons.lines import MessageShelf, decode_head, decode_recording, decode_superseded
from heliconemagic.lessons.step_lines import build_played_step, decode_feedback, decode_session, decode_step
from heliconemagic.records import Feedback, SessionRecord, Step, StepStatus
from heliconemagic.steps.turns import Conversations
from heliconemagic.wire_text import build_ascii_form

_HINT = "export it again with %helicone_session export session.jsonl"
_LESSON = uuid.UUID("6f1c4a52-0b0e-5d57-9a55-3d4c3c0f8a11")  # of the ids of steps that a lesson doesn't name

Value = TypeVar("Value")


@dataclass(slots=True, kw_only=True)
class _Reading:
    """What has been read of a file so far."""

    record: SessionRecord
    shelf: MessageShelf = field(default_factory=MessageShelf)
    aside: MessageShelf
    steps: list[Step] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)  # the place of each step by the name that corrections use
    feedback: list[Feedback] = field(default_factory=list)
    conversations: Conversations = field(default_factory=Conversations)  # of a lesson


def read_session_file(path: Path) -> tuple[SessionRecord, list[Step], list[Feedback]]:
    """The session in ``path``, its steps as they stand there, and what was thought of them.

    A lesson has only its answers: their ids are made here, the same ones each time, and each continues the earlier
    answer that its messages repeat.

    Raises:
        InputError: it isn't there, cannot be read, is too large, or has a line that is none of a session.
    """
    first, *others = read_file_lines(path, "session")
    head, own = _name_line(path, 1, partial(_decode_first, first))
    shelf = MessageShelf()
    reading = _Reading(record=own or _build_record(head, path), shelf=shelf, aside=MessageShelf(shelf))
    for number, text in enumerate(others, start=2):
        if text.strip():
            _name_line(path, number, partial(_read_line, reading, text))
        if len(reading.steps) > MAX_ANSWERS:
            raise InputError(f"{path.name!r} has more than {MAX_ANSWERS:,} steps.", hint=_HINT)
    return reading.record, reading.steps, reading.feedback


def _name_line(path: Path, number: int, read: Callable[[], Value]) -> Value:
    try:
        return read()
    except (LineError, RecursionError) as error:
        said = str(error) if isinstance(error, LineError) else "is nested too deeply"
        raise InputError(f"the session {path.name!r} cannot be read: line {number} {said}.", hint=_HINT) from None


def _decode_first(text: bytes) -> tuple[LessonHead, SessionRecord | None]:
    line = parse_line(text)
    session = read_value(line, "session", dict)
    return decode_head(line), None if session is None else decode_session(session)


def _build_record(head: LessonHead, path: Path) -> SessionRecord:
    """The session that a lesson is of: it doesn't say its id or its name."""
    return SessionRecord(
        id=str(uuid.uuid5(_LESSON, head.id)),
        name=build_ascii_form(head.title) or "lesson",
        title=head.title,
        gateway="replay",
        source=path.name,
        started_at=head.recorded_at,
    )


def _read_line(reading: _Reading, text: bytes) -> None:
    line = parse_line(text)
    superseded = decode_superseded(line)
    feedback = read_value(line, "feedback", dict)
    if superseded is not None:
        _supersede(reading, superseded)
    elif feedback is not None:
        reading.feedback.append(decode_feedback(feedback, reading.record.id))
    elif "messages" in line or "unplayed" in line:
        _read_step(reading, line)


def _read_step(reading: _Reading, line: Mapping[str, Any]) -> None:
    unplayed, more = read_value(line, "unplayed", dict), read_value(line, "step", dict)
    if unplayed is None:
        recording = decode_recording(line, reading.shelf)
    else:
        recording = decode_recording(unplayed, reading.aside, is_played=False)
    if more is None:
        step = _build_step(recording, reading.record, reading.conversations)
        reading.conversations.put(step)
    else:
        step = decode_step(more, recording, reading.record.id)
        if step.status is StepStatus.PENDING:  # exported in the middle of it: nobody will end it
            step = replace(step, status=StepStatus.INTERRUPTED)
    reading.names[recording.id] = len(reading.steps)
    reading.steps.append(step)


def _supersede(reading: _Reading, names: Sequence[str]) -> None:
    for name in names:
        place = reading.names.get(name)
        if place is not None:
            reading.steps[place] = replace(reading.steps[place], is_superseded=True)


def _build_step(recording: Recording, record: SessionRecord, earlier: Conversations) -> Step:
    """The step that an answer of a lesson was."""
    started_at = recording.recorded_at
    first, seconds = recording.first_token, recording.seconds
    step = build_played_step(
        recording,
        id=str(uuid.uuid5(_LESSON, f"{record.id} {recording.id}")),
        session_id=record.id,
        status=StepStatus.DONE,
        gateway=record.gateway,
        started_at=started_at,
        first_token_at=None if first is None else started_at + first,
        ended_at=started_at + (seconds or 0.0),
    )
    parent = earlier.find_continued(step)
    return replace(step, parent_id=parent.id if parent else None)
