"""What could be typed after ``-a`` and ``--messages``: the notebook's fitting variables, and the files beside it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from heliconemagic.attachments.values import is_of_class
from heliconemagic.prompt.value_text import is_table

_MOST_FILES = 200


def iterate_attachable(names: Mapping[str, Any], folder: Path | None, typed: str) -> Iterator[str]:
    """Variables that can be attached, then files in the folder that ``typed`` leads to, and its folders."""
    yield from (name for name in names if not name.startswith("_") and is_attachable(names[name]))
    if folder is not None:
        yield from _iterate_files(folder, typed.lstrip("\"'"))


def iterate_lists(names: Mapping[str, Any]) -> Iterator[str]:
    """Variables that may hold role messages."""
    return (
        name
        for name in names
        if not name.startswith("_") and isinstance(names[name], list | tuple) and len(names[name]) > 0
    )


def is_attachable(value: Any) -> bool:
    """Whether a value would be taken; texts, which may be anything, are not offered."""
    if isinstance(value, bytes | bytearray | memoryview | Path | io.BytesIO):
        return True
    return is_of_class(value, "PIL", "Image") or is_of_class(value, "matplotlib", "Figure") or is_table(value)


def _iterate_files(folder: Path, typed: str) -> Iterator[str]:
    """Hidden ones are left out."""
    start = typed[: typed.rfind("/") + 1]
    try:
        with os.scandir(folder / start) as entries:
            found = sorted(
                entry.name + ("/" if entry.is_dir() else "") for entry in entries if not entry.name.startswith(".")
            )
    except OSError:
        return
    yield from (start + name for name in found[:_MOST_FILES])
