"""``heliconemagic sessions`` and ``show``: the journal as text for reading and as JSON for programs."""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from heliconemagic.cli.attached import describe_attachments, find_missing, save_attachments, strip_step
from heliconemagic.errors import InputError
from heliconemagic.journal.journal import Journal, default_folder
from heliconemagic.records import Attempt, SessionRecord, Step, StepStatus, sum_steps
from heliconemagic.render.card import Card, build_text
from heliconemagic.render.clock import format_clock
from heliconemagic.render.feedback_words import NO_FEEDBACK, FeedbackOf, list_feedback_lines
from heliconemagic.render.figures import format_seconds
from heliconemagic.render.session import build_session_text
from heliconemagic.render.session_list import build_sessions_text
from heliconemagic.render.session_table import build_step_table, write_table_text
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.schemas.answer_form import find_recorded_fault
from heliconemagic.steps.feedback import group_feedback
from heliconemagic.steps.traced import is_model_call, is_traced

Write = Callable[[str], None]

NO_NAMES: Mapping[str, str] = MappingProxyType({})
_RULE = "─" * 78


def open_journal(environ: Mapping[str, str]) -> AbstractContextManager[Journal]:
    """The user's journal, closed on leaving."""
    return closing(Journal(default_folder(environ)))


def print_sessions(journal: Journal, *, as_json: bool, write: Write) -> None:
    """Prints the sessions, newest first."""
    summaries = journal.list_sessions()
    if as_json:
        write(_dump([asdict(summary) for summary in summaries]))
    else:
        write(build_sessions_text(summaries) + "\n")


def print_session(journal: Journal, reference: str, *, as_json: bool, write: Write) -> None:
    """Prints the session of this id or name, with its steps.

    Raises:
        InputError: there is none.
    """
    record, steps = find_recorded(journal, reference)
    feedback = journal.load_feedback(record.id)
    if as_json:
        beside = {"feedback": [asdict(one) for one in feedback], "attachments": describe_attachments(journal, steps)}
        write(_dump({**build_session_json(record, steps), **beside}))
    else:
        missing = find_missing(journal, steps)
        write(build_full_text(record, steps, missing, group_feedback(feedback)) + "\n")


def print_table(journal: Journal, reference: str, *, write: Write) -> None:
    """Prints the steps of the session of this id or name, a row for each.

    Raises:
        InputError: there is none.
    """
    record, steps = find_recorded(journal, reference)
    feedback = group_feedback(journal.load_feedback(record.id))
    write(write_table_text(build_step_table(record, steps, feedback=feedback)) + "\n")


def save_session_files(journal: Journal, reference: str, folder: Path, write: Write) -> None:
    """Writes what was attached in the session of this id or name into ``folder``.

    Raises:
        InputError: there is none, or the folder cannot be written.
    """
    _, steps = find_recorded(journal, reference)
    save_attachments(journal, steps, folder, write)


def find_recorded(journal: Journal, reference: str) -> tuple[SessionRecord, list[Step]]:
    """The session of this id or name, and its steps.

    Raises:
        InputError: there is none; the hint is for a command line.
    """
    with speaking_of_commands():
        record = journal.find_session(reference)
    return journal.load_session(record.id) or (record, [])  # forgotten by another process a moment ago


@contextlib.contextmanager
def speaking_of_commands() -> Iterator[None]:
    """Errors whose hints are for a session line say what to type in a terminal."""
    try:
        yield
    except InputError as error:
        error.hint = (error.hint or "").replace("%helicone_session list", "heliconemagic sessions") or None
        raise


def _dump(value: Any) -> str:
    """JSON of plain ASCII: whatever a model wrote cannot steer the terminal it is printed in."""
    return json.dumps(value, indent=1) + "\n"


def build_session_json(record: SessionRecord, steps: Sequence[Step]) -> dict[str, Any]:
    """A session with everything that is recorded of it. Times are seconds since the epoch, costs USD."""
    return {
        **asdict(record),
        "totals": asdict(sum_steps(list(steps))),
        "steps": [_describe_step(step) for step in steps],
    }


def _describe_step(step: Step) -> dict[str, Any]:
    times = {"latency": step.latency, "time_to_first_token": step.time_to_first_token}
    return {**asdict(strip_step(step)), **times, "helicone_id": step.helicone_id}


def build_full_text(
    record: SessionRecord,
    steps: Sequence[Step],
    missing: Mapping[str, str] = NO_NAMES,
    feedback: FeedbackOf = NO_FEEDBACK,
) -> str:
    """The session's tree, then each step with its prompt, its answer, what was thought of it, and its attempts.

    ``missing`` names attachments, by hash, whose bytes are not in the journal.
    """
    paths = {step.id: step.path for step in steps}
    calls: dict[str, list[Step]] = defaultdict(list)  # of tools, by the step that asked for them
    for step in steps:
        if is_model_call(step) and step.parent_id:
            calls[step.parent_id].append(step)
    notes = {step.id: (*_list_notes(step), *list_feedback_lines(feedback.get(step.id, ()))) for step in steps}
    sections = [f"{_RULE}\n{_build_step_text(step, paths, calls[step.id], notes[step.id])}" for step in steps]
    started = f"session {record.id}, started {format_clock(record.started_at)}, gateway {record.gateway}"
    lost = make_safe_text(f"not in the journal: {', '.join(missing.values())}") if missing else ""
    head = [build_session_text(record, steps, feedback=feedback), make_safe_text(started), *([lost] if lost else [])]
    return "\n\n".join([*head, *sections])


def _build_step_text(step: Step, paths: Mapping[str, str], calls: Sequence[Step], notes: tuple[str, ...]) -> str:
    parent = paths.get(step.parent_id or "")
    word = "for" if is_model_call(step) else "inside" if is_traced(step) else "after"
    context = f"{word} {parent}" if parent else "" if is_traced(step) else "no context"
    card = Card(step=step, trail=tuple(calls), context=context, notes=notes, error=find_recorded_fault(step))
    return "\n\n".join([*_list_messages(step), build_text(card), *_list_attempts(step.attempts)])


def _list_notes(step: Step) -> Iterator[str]:
    if step.status is not StepStatus.DONE:
        yield f"state: {step.status.value}"
    if step.comparison:
        yield f"answer {step.variant} of those that were compared{', picked' if step.is_picked else ''}"
    if step.is_superseded:
        yield "superseded: its cell ran again"


def _list_messages(step: Step) -> Iterator[str]:
    """The system prompt and the step's own prompt; the turns between them stand at the steps they come from."""
    for message in step.messages[:-1]:
        if message.get("role") in ("system", "developer"):
            yield make_safe_text(f"system: {message.get('content')}")
    if not is_traced(step):
        yield make_safe_text(f"prompt: {step.prompt}")


def _list_attempts(attempts: Sequence[Attempt]) -> Iterator[str]:
    if attempts:
        yield "\n".join(make_safe_text(_describe_attempt(number, one)) for number, one in enumerate(attempts, start=1))


def _describe_attempt(number: int, attempt: Attempt) -> str:
    ended = "never ended" if attempt.ended_at is None else format_seconds(attempt.ended_at - attempt.started_at)
    logged = f"logged as {attempt.helicone_id}" if attempt.helicone_id else ""
    told = (str(attempt.status_code or "no answer"), ended, attempt.error or "", logged)
    return f"attempt {number}: {attempt.request_id} · " + " · ".join(part for part in told if part)
