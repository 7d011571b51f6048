"""What was attached to a session's steps, out of the journal: a list for programs, and the files themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from heliconemagic.attachments.attachment import Attachment, drop_thumbnails, iterate_attachments
from heliconemagic.errors import InputError
from heliconemagic.journal.journal import Journal
from heliconemagic.records import Step
from heliconemagic.render.figures import format_count
from heliconemagic.render.terminal import make_safe_text


def list_unique(steps: Iterable[Step]) -> dict[str, Attachment]:
    """What the steps refer to, by hash, each once."""
    return {found.sha256: found for step in steps for found in iterate_attachments(step.messages)}


def describe_attachments(journal: Journal, steps: Iterable[Step]) -> list[dict[str, Any]]:
    """A row for each, and whether the journal has its bytes."""
    found = list_unique(steps)
    recorded = journal.find_recorded(found)
    return [
        {**replace(attachment, thumbnail="").build_part(), "is_recorded": sha256 in recorded}
        for sha256, attachment in found.items()
    ]


def strip_step(step: Step) -> Step:
    """The step without thumbnails, which are for cards."""
    return replace(step, messages=tuple(drop_thumbnails(step.messages)))


def save_attachments(journal: Journal, steps: Iterable[Step], folder: Path, write: Callable[[str], None]) -> None:
    """Writes the files into ``folder``, under names of their own; says which are missing.

    Raises:
        InputError: the folder cannot be written.
    """
    found = list_unique(steps)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        missing = [each.name for each in found.values() if not _save(journal, each, folder)]
    except OSError as error:
        raise InputError(f"{str(folder)!r} cannot be written.", cause=error.strerror or str(error)) from error
    write(make_safe_text(f"{format_count(len(found) - len(missing), 'file')} in {folder}") + "\n")
    for name in missing:
        write(make_safe_text(f"not in the journal: {name}") + "\n")


def _save(journal: Journal, attachment: Attachment, folder: Path) -> bool:
    data = journal.find_attachment(attachment.sha256)
    if data is None:
        return False
    path = _find_free(folder, attachment, data)
    if not path.exists():
        path.write_bytes(data)
    return True


def _find_free(folder: Path, attachment: Attachment, data: bytes) -> Path:
    """A name that no other file has: its own, else one with the beginning of its hash. Hidden it is never."""
    name = attachment.name.lstrip(".") or "attachment"
    path = folder / name
    if path.exists() and not (path.is_file() and path.read_bytes() == data):
        return path.with_name(f"{path.stem}-{attachment.sha256[:8]}{path.suffix}")
    return path


def find_missing(journal: Journal, steps: Iterable[Step]) -> Mapping[str, str]:
    """The names of what the journal has no bytes of, by hash."""
    found = list_unique(steps)
    recorded = journal.find_recorded(found)
    return {sha256: attachment.name for sha256, attachment in found.items() if sha256 not in recorded}
