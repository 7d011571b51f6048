"""What the session line says of sessions that others ran: ``import``, and ``resume`` with a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heliconemagic.attachments.attachment import iterate_attachments
from heliconemagic.errors import CredentialError, InputError
from heliconemagic.lines.options import SessionCommand
from heliconemagic.notebook.importing import Imported, Submission, import_notebooks
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.records import Step, StepKind, StepStatus
from heliconemagic.render.clock import format_clock
from heliconemagic.render.figures import format_count, format_total_cost
from heliconemagic.render.notice import Notice, build_notice_bundle
from heliconemagic.saved.files import find_files
from heliconemagic.saved.reading import READERS, read_sessions
from heliconemagic.saved.sessions import SavedSession
from heliconemagic.session_state import Session
from heliconemagic.settings import RequestOptions
from heliconemagic.steps.traced import is_model_call

Bundle = dict[str, Any]

MOST_PATHS = 8
"""Paths that have a column of their own; of more only their number is told."""
MOST_LINES = 8
ANSWERED, FAILED = "✓", "✗"


def import_files(notebook: Notebook, command: SessionCommand) -> Bundle:
    """Reads submitted notebooks into the journal; a row for each.

    Raises:
        InputError: no file is named, or nothing could be imported.
        JournalError: the journal cannot be written.
    """
    if not command.arguments:
        raise InputError(
            "import wants to know which notebooks.", hint='type %helicone_session import "students/*.ipynb"'
        )
    folder = notebook.surroundings.find_folder()
    imported = import_notebooks(notebook.journal, command.arguments, folder, student=command.options.user)
    return build_notice_bundle(build_import_notice(imported))


def build_import_notice(imported: Imported) -> Notice:
    """Who handed in what, how far it goes, and what is wrong with it."""
    paths = sorted({step.path for one in imported.submissions for step in one.steps if not is_model_call(step)})
    shown = paths if len(paths) <= MOST_PATHS else []
    columns = ("student", "notebook", *(shown or ["paths"]), "steps", "failed", "tokens", "cost", "first", "last")
    sessions = sum(len(one.sessions) for one in imported.submissions)
    known = sum(one.is_known for one in imported.submissions)
    return Notice(
        head=f"imported {format_count(len(imported.submissions), _name_kind(imported))}",
        facts=(
            format_count(sessions, "session"),
            f"{known:,} imported before: brought up to date" if known else "",
            f"{format_count(len(imported.unread), 'file')} skipped" if imported.unread else "",
        ),
        lines=tuple(_list_import_lines(imported, has_marks=bool(shown))),
        columns=columns,
        rows=tuple(_describe_submission(one, shown) for one in imported.submissions),
    )


def _name_kind(imported: Imported) -> str:
    return "notebook" if all(one.file.endswith(".ipynb") for one in imported.submissions) else "file"


def _list_import_lines(imported: Imported, *, has_marks: bool) -> list[str]:
    lines = [  # first: they are seldom, and what is wrong with single files may be said of many
        f"the very same {format_count(count, 'reply', 'replies')} in {len(names):,} notebooks: {_shorten(names)}"
        for names, count in imported.shared
    ]
    lines += [f"skipped: {why}" for _, why in imported.unread]
    lines += [f"{one.file}: left out a reply: {fault}" for one in imported.submissions for fault in one.faults]
    lines += [
        f"{one.file}: {format_count(one.dropped, 'step')} of the last import no longer in it: marked as superseded"
        for one in imported.submissions
        if one.dropped
    ]
    rest = len(lines) - MOST_LINES
    lines = lines[:MOST_LINES] + ([f"{rest:,} more remarks like these"] if rest > 0 else [])
    lines += [f"{ANSWERED} answered, {FAILED} failed"] if has_marks else []
    return lines + [f"%helicone_session stats {_quote(name)} --by user" for name in imported.names[:3]]


def _quote(name: str) -> str:
    return f"'{name}'" if '"' in name else f'"{name}"'


def _shorten(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _describe_submission(one: Submission, paths: Sequence[str]) -> tuple[str, ...]:
    totals, steps = one.totals, one.steps
    first = min((step.started_at for step in steps), default=None)
    last = max((step.ended_at or step.started_at for step in steps), default=None)
    reached = {step.path for step in steps if not is_model_call(step) and step.status is StepStatus.DONE}
    return (
        one.student,
        one.file,
        *([_mark(steps, path) for path in paths] or [f"{len(reached):,}"]),
        f"{totals.steps:,}",
        f"{totals.errors:,}" if totals.errors else "",
        f"{totals.tokens:,}",
        format_total_cost(totals.cost, totals.unpriced),
        "" if first is None else format_clock(first),
        "" if last is None else format_clock(last),
    )


def _mark(steps: Sequence[Step], path: str) -> str:
    """Whether a path was answered in the end, or only failed; nothing where it wasn't reached."""
    found = [step.status for step in steps if step.path == path and not is_model_call(step)]
    if StepStatus.DONE in found:
        return ANSWERED
    return FAILED if found else ""


# ---- resume FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A session that goes on here, and what there is to say of where it came from."""

    session: Session
    lines: tuple[str, ...]


def is_session_file(reference: str) -> bool:
    """Whether what stands after ``resume`` is a file."""
    return Path(reference).suffix in READERS


def resume_file(notebook: Notebook, reference: str, given: RequestOptions) -> Resumed:
    """Goes on with the session that ran last in a notebook file.

    Raises:
        InputError: it has none, or it cannot be continued here.
        CredentialError: its gateway needs keys that aren't here.
    """
    (path, *others) = find_files([reference], notebook.surroundings.find_folder())
    if others:
        raise InputError(f"resume goes on with one notebook, and {reference!r} are several.", hint="name one of them")
    found = read_sessions(path)
    sessions = found.sessions
    if not sessions:
        raise InputError(
            f"{path.name!r} has no session: no reply of a %%llm cell could be read in it.",
            hint="a notebook has its replies in its outputs: it must have been saved with them",
            cause="; ".join(found.faults[:3]) or None,
        )
    saved = sessions[-1]
    try:
        session, missing = notebook.sessions.take_up_saved(saved, given)
    except CredentialError as error:
        error.hint = (
            f'{error.hint}; or let another gateway go on: %helicone_session resume "{reference}" --gateway demo'
        )
        raise
    lines = _list_resumed_lines(notebook, saved, missing, session)
    faults = tuple(f"left out a reply: {fault}" for fault in found.faults[:MOST_LINES])
    several = f"the file has {len(sessions):,} sessions: this is the one that ran last" if len(sessions) > 1 else ""
    return Resumed(session=session, lines=tuple(line for line in (*lines, several, *faults) if line))


def _list_resumed_lines(
    notebook: Notebook, saved: SavedSession, missing: Sequence[Step], session: Session
) -> tuple[str, ...]:
    count = len(saved.steps)
    new = "" if len(missing) == count else f", {len(missing):,} of them new in this journal"
    bare = sum(1 for step in missing if step.kind is StepKind.LLM and not step.fingerprint)
    needed = {attached.sha256 for step in saved.steps for attached in iterate_attachments(step.messages)}
    lacking = sum(session.attachments.find(sha256) is None for sha256 in needed)
    return (
        f"resumed from {saved.record.source}: {format_count(count, 'step')}, begun "
        f"{format_clock(saved.record.started_at)}{new}",
        "a cell whose request is the same shows the recorded reply; run the session line for model and system prompt",
        f"{format_count(bare, 'reply', 'replies')} of a batch, or of a gateway that isn't known here: shown, "
        "but the same request is sent again"
        if bare
        else "",
        f"{format_count(lacking, 'attachment')} known by name only, for a notebook doesn't hold the bytes: "
        "attach again what is needed"
        if lacking
        else "",
    )
