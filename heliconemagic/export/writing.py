"""Puts an export into its file: whole or not at all, and over nothing but an earlier export."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from pathlib import Path

from heliconemagic.errors import InputError
from heliconemagic.export.signature import is_changed_export, is_export
from heliconemagic.lessons.files import check_regular

MOST_REPLACED = 200_000_000
"""Bytes of a file that is read to see whether it may be replaced."""


def write_export(path: Path, text: str) -> int:
    """Writes ``text`` to ``path`` and gives its size in bytes.

    Raises:
        InputError: something else is there, or it cannot be written; nothing was changed.
    """
    data = text.encode("utf-8", "replace")
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        _check_replaceable(path)
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        raise _explain(path, error) from error
    finally:  # an interrupt leaves no half of a file, either
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    return len(data)


def _check_replaceable(path: Path) -> None:
    """An earlier export may be replaced, as long as nobody has changed it; so may an empty file."""
    check_regular(path)
    if not path.exists() or not path.stat().st_size:
        return
    data = path.read_bytes() if path.stat().st_size <= MOST_REPLACED else b""
    if is_export(data):
        return
    what = "was changed since it was exported" if is_changed_export(data) else "is no export of a session"
    raise InputError(
        f"{path.name!r} is there already, and {what}: it was left as it is.", hint="name another file, or delete it"
    )


def _explain(path: Path, error: OSError) -> InputError:
    reasons = {
        errno.ENOENT: f"there is no folder {path.parent.name!r}",
        errno.ENOTDIR: f"{path.parent.name!r} is no folder",
        errno.EISDIR: "it is a folder",
        errno.EACCES: "it may not be written",
        errno.EPERM: "it may not be written",
        errno.EROFS: "its disk is read-only",
        errno.ENOSPC: "its disk is full",
        errno.ENAMETOOLONG: "its name is too long",
    }
    reason = reasons.get(error.errno or 0, error.strerror or str(error))
    return InputError(f"{path.name!r} cannot be written: {reason}.", hint="name a file in a folder that is there")
