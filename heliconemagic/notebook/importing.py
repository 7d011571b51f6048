"""Sessions out of saved notebooks, into the journal: what students handed in, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from heliconemagic.errors import InputError, JournalError
from heliconemagic.journal.journal import Journal
from heliconemagic.records import SessionTotals, Step, sum_steps
from heliconemagic.saved.files import find_files
from heliconemagic.saved.reading import SavedFile, read_sessions
from heliconemagic.saved.sessions import SavedSession, claim, find_shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One notebook that was read."""

    student: str
    file: str
    sessions: tuple[SavedSession, ...]
    faults: tuple[str, ...] = ()  # replies that were left out
    is_known: bool = False  # an earlier import had it already
    dropped: int = 0  # steps of that import which the notebook has no longer

    @property
    def steps(self) -> list[Step]:
        """Those of all its sessions."""
        return [step for session in self.sessions for step in session.steps]

    @property
    def totals(self) -> SessionTotals:
        """Their sums."""
        return sum_steps(self.steps)


@dataclass(slots=True, kw_only=True)
class Imported:
    """What became of the files that a line named."""

    submissions: list[Submission] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)  # files, and why
    shared: list[tuple[tuple[str, ...], int]] = field(default_factory=list)  # files with the same replies, how many

    @property
    def names(self) -> list[str]:
        """The names of the sessions, each once."""
        return list(dict.fromkeys(session.record.name for one in self.submissions for session in one.sessions))


def import_notebooks(
    journal: Journal, words: Sequence[str], folder: Path | None, *, student: str | None = None
) -> Imported:
    """Reads the notebooks that ``words`` name into the journal; all of them are ``student``'s, else each its file's.

    Raises:
        InputError: none of them could be read, or none has a reply.
        JournalError: the journal cannot be written.
    """
    imported = Imported()
    read: list[tuple[Path, SavedFile]] = []
    paths = find_files(words, folder)
    for path in paths:
        try:
            read.append((path, read_sessions(path)))
        except InputError as error:
            if len(paths) == 1:
                raise
            imported.unread.append((path.name, error.message))
    owners = name_students([path for path, _ in read])
    for (path, found), owner in zip(read, owners, strict=True):
        imported.submissions.append(_import_file(journal, found, student or owner or path.stem, owner))
    _check_found(imported)
    labels = name_files([path for path, _ in read])
    by_file = {label: one.sessions for label, one in zip(labels, imported.submissions, strict=True)}
    imported.shared.extend(find_shared(by_file))
    return imported


def _check_found(imported: Imported) -> None:
    if any(one.sessions for one in imported.submissions):
        return
    reasons = [why for _, why in imported.unread]
    reasons += [f"{one.file}: {fault}" for one in imported.submissions for fault in one.faults]
    count = len(imported.submissions) + len(imported.unread)
    what = "the file" if count == 1 else f"the {count:,} files"
    raise InputError(
        f"nothing was imported: no reply of a %%llm cell could be read in {what}.",
        hint="a notebook has its replies in its outputs: it must have been saved with them",
        cause="; ".join(reasons[:5]) or None,
    )


def _import_file(journal: Journal, found: SavedFile, student: str, owner: str) -> Submission:
    sessions = tuple(claim(session, student, owner) for session in found.sessions)
    known, dropped = False, 0
    for session in sessions:
        earlier = journal.load_session(session.record.id)
        gone = _list_gone(earlier[1], session.steps) if earlier else []
        known, dropped = known or earlier is not None, dropped + len(gone)
        write_session(journal, session, gone)
    return Submission(
        student=student,
        file=found.file,
        sessions=sessions,
        faults=found.faults,
        is_known=known,
        dropped=dropped,
    )


def _list_gone(earlier: Sequence[Step], steps: Sequence[Step]) -> list[str]:
    """The steps of an earlier import that the notebook has no longer: their cells ran again, or were deleted."""
    ids = {step.id for step in steps}
    return [step.id for step in earlier if step.id not in ids and not step.is_superseded]


def write_session(journal: Journal, session: SavedSession, superseded: Sequence[str] = ()) -> None:
    """Writes a session that came from a file.

    Raises:
        JournalError: it cannot be written.
    """
    journal.put_session(session.record)
    journal.supersede(superseded)
    for given in session.feedback:
        journal.put_feedback(given)
    if not journal.close_steps(session.steps):
        raise JournalError(
            "the sessions cannot be written into the journal.",
            hint="`%helicone_session doctor` tells what is wrong with it",
            cause=journal.warning,
        )


def name_students(paths: Sequence[Path]) -> list[str]:
    """A name for each notebook: its stem; where several are called the same, the folder that tells them apart.

    >>> name_students([Path("in/ada.ipynb"), Path("in/ben.ipynb")])
    ['ada', 'ben']
    >>> name_students([Path("in/ada/hw/hw.ipynb"), Path("in/ben/hw/hw.ipynb"), Path("in/other.ipynb")])
    ['ada', 'ben', 'other']
    """
    counts = Counter(path.stem for path in paths)
    return [
        path.stem if counts[path.stem] == 1 else _find_own_folder(path, [p for p in paths if p.stem == path.stem])
        for path in paths
    ]


def _find_own_folder(path: Path, namesakes: Sequence[Path]) -> str:
    """The nearest folder that no namesake's place has in the same position; else both names."""
    for depth, folder in enumerate(path.parent.parts[::-1]):
        others = [other.parent.parts[::-1] for other in namesakes if other != path]
        if all(depth >= len(parts) or parts[depth] != folder for parts in others):
            return folder
    return f"{path.parent.name}/{path.stem}"


def name_files(paths: Sequence[Path]) -> list[str]:
    """The files by name; those called the same with the folder that tells them apart.

    >>> name_files([Path("in/ada/hw.ipynb"), Path("in/ben/hw.ipynb")])
    ['ada/hw.ipynb', 'ben/hw.ipynb']
    """
    names = Counter(path.name for path in paths)
    students = name_students(paths)
    return [
        path.name if names[path.name] == 1 else f"{student}/{path.name}"
        for path, student in zip(paths, students, strict=True)
    ]
