"""The sessions in a file, by its suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from heliconemagic.errors import InputError
from heliconemagic.records import StepKind
from heliconemagic.saved.lines import read_session_file
from heliconemagic.saved.notebooks import read_notebook
from heliconemagic.saved.sessions import SavedSession, build_saved, build_sessions

NAMES_HINT = 'names are seen from the folder of this notebook: "students/*.ipynb", or the folder "students"'


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFile:
    """What a file has of sessions."""

    file: str  # its name, without its folders
    sessions: tuple[SavedSession, ...] = ()  # the one that ran last stands last
    faults: tuple[str, ...] = ()  # what is wrong with what was left out


def read_sessions(path: Path) -> SavedFile:
    """The sessions in ``path``.

    Raises:
        InputError: the file cannot be read, or is none that has sessions.
    """
    read = READERS.get(path.suffix)
    if read is None and not path.exists():
        raise InputError(
            f"there is no file or folder {path.name!r}.",
            hint=NAMES_HINT,
        )
    if read is None:
        raise InputError(
            f"{path.name!r} is neither a notebook (.ipynb) nor an exported session (.jsonl).",
            hint="name a notebook that was saved with its outputs, or a session that was exported as .jsonl",
        )
    return read(path)


def _read_notebook(path: Path) -> SavedFile:
    notebook = read_notebook(path)
    return SavedFile(file=path.name, sessions=tuple(build_sessions(notebook)), faults=notebook.faults)


def _read_lines(path: Path) -> SavedFile:
    record, steps, feedback = read_session_file(path)
    if not steps:
        return SavedFile(file=path.name)
    record = replace(record, source=path.name, notebook=record.notebook or path.stem)
    originals = [step.id for step in steps if step.kind is StepKind.LLM]
    ordered = sorted(steps, key=lambda step: step.started_at)
    return SavedFile(file=path.name, sessions=(build_saved(record, ordered, originals=originals, feedback=feedback),))


READERS: Mapping[str, Callable[[Path], SavedFile]] = MappingProxyType({".ipynb": _read_notebook, ".jsonl": _read_lines})
"""What reads a file, by its suffix."""
