"""Who writes a step, and whether that process still lives.

A process proves that it lives by holding a lock on a small file of its own, for life. The kernel
gives the lock back at death, `kill -9` and unreaped zombies included. A process id with a start
time says less: ids of another container on the same host name cannot be looked up, ids of a
rebuilt container are never seen again, and only Linux tells start times to the standard library.
SQLite needs working locks in the same folder anyway. The file is locked with `flock`, not with
POSIX record locks: those vanish as soon as the process closes any descriptor of that file, and
never conflict within one process. Knows nothing of SQLite.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import uuid
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


_FOLDER = "owners"


class Owner:
    """One writing process (more exactly: one open journal of it), with the lock that says it lives."""

    __slots__ = ("_descriptor", "_path", "host", "id", "pid", "started_at")

    def __init__(self) -> None:
        import socket

        self.id = uuid.uuid4().hex
        self.host = socket.gethostname()
        self.pid = os.getpid()
        self.started_at = time.time()
        self._descriptor: int | None = None
        self._path: Path | None = None

    def hold(self, folder: Path) -> None:
        """Take the lock in the journal's ``folder``; a second call changes nothing.

        Where the file system has no locks it goes on without: nobody is then ever judged dead.

        Raises:
            OSError: the file cannot be made.
        """
        if self._path is not None and self._path.exists():
            return
        self.release()
        path = folder / _FOLDER / f"{self.id}.lock"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        self._descriptor = _open_locked(path)
        self._path = path

    def release(self) -> None:
        """Give the lock back and remove its file: what is still pending was abandoned."""
        path = self._path
        if path is not None:
            with contextlib.suppress(OSError):  # Windows removes no open file
                path.unlink()
        self.abandon()
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Close the file only: in a forked child, where the lock belongs to the parent."""
        descriptor, self._descriptor, self._path = self._descriptor, None, None
        if descriptor is not None:
            os.close(descriptor)


def _open_locked(path: Path) -> int:
    """A descriptor that holds the lock on ``path``, which another process may just be sweeping away."""
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        _try_lock(descriptor)
        if path.exists():
            return descriptor
        os.close(descriptor)


def is_alive(folder: Path, owner_id: str) -> bool:
    """Whether the process that wrote under ``owner_id`` still runs; True if that cannot be told."""
    try:
        descriptor = os.open(folder / _FOLDER / f"{owner_id}.lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove the lock files of the dead."""
    for path in (folder / _FOLDER).glob("*.lock"):
        if not is_alive(folder, path.stem):
            with contextlib.suppress(OSError):  # another process was quicker, or may not
                path.unlink(missing_ok=True)
