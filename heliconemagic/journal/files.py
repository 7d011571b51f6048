"""Where the journal lies, who may read it, and on what kind of file system.

Knows paths and modes; knows nothing of SQLite's content.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

FILE_NAME = "journal.sqlite3"
_NO_HOME = Path("/nonexistent")
_COMPANIONS = ("", "-wal", "-shm", "-journal")  # SQLite's own files beside the first

# A write-ahead log needs memory shared by all its users, which none of these gives to two machines.
_NETWORK_TYPES = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "davfs", "drvfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs"}
    | {"nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "pvfs2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs"}
)


def default_folder(environ: Mapping[str, str]) -> Path:
    """The journal's folder: ``HELICONEMAGIC_HOME``, else ``heliconemagic`` in the user's data folder.

    >>> default_folder({"HELICONEMAGIC_HOME": "/data/records"}).as_posix()
    '/data/records'
    """
    chosen = environ.get("HELICONEMAGIC_HOME")
    if chosen:
        return _find_or(lambda: Path(chosen).expanduser(), Path(chosen))
    return _find_data_folder(environ, sys.platform) / "heliconemagic"


def _find_or(find: Callable[[], Path], otherwise: Path) -> Path:
    """``otherwise`` where nobody knows the home of a user: that it cannot be kept there is told with the steps."""
    try:
        return find()
    except RuntimeError:
        return otherwise


def _find_data_folder(environ: Mapping[str, str], platform: str) -> Path:
    named = environ.get("HOME") or environ.get("USERPROFILE")
    home = Path(named) if named else _find_or(Path.home, _NO_HOME)
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if platform == "darwin":
        return home / "Library" / "Application Support"
    data = Path(environ.get("XDG_DATA_HOME") or "")
    return data if data.is_absolute() else home / ".local" / "share"  # the XDG rule: relative ones are ignored


def create_private(path: Path) -> None:
    """Make the file ``path`` if it is missing, for its owner alone, in a folder for its owner alone.

    Raises:
        OSError: it cannot be made there.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if sys.platform != "win32" and os.fstat(descriptor).st_mode & 0o077:
            with contextlib.suppress(PermissionError):  # someone else's file: theirs to open up
                os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def move_aside(path: Path, stamp: str) -> Path:
    """Rename the damaged ``path`` and SQLite's files beside it; returns the new name.

    The log goes along: left behind, SQLite would replay it into the next journal.

    Raises:
        OSError: it cannot be renamed.
    """
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    for companion in _COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + companion).rename(aside.with_name(aside.name + companion))
    return aside


def find_identity(path: Path) -> tuple[int, int] | None:
    """What tells this file from another of the same name; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_on_network(folder: Path) -> bool:
    """Whether ``folder`` lies on a network file system, as far as this platform tells (Linux)."""
    try:
        mounts = Path("/proc/self/mounts").read_text(errors="surrogateescape")
    except OSError:
        return False
    return is_network_type(find_mount_type(folder.resolve(), mounts))


def is_network_type(kind: str) -> bool:
    """Whether file systems of this ``kind`` may be shared by machines; "fuseblk" is a local disk.

    >>> is_network_type("fuse.sshfs"), is_network_type("ext4")
    (True, False)
    """
    return kind in _NETWORK_TYPES or kind == "fuse" or kind.startswith("fuse.")


def find_mount_type(folder: Path, mounts: str) -> str:
    """The type of the file system that holds ``folder``, by the lines of ``/proc/self/mounts``.

    >>> find_mount_type(Path("/home/ann/data"), "/dev/sda / ext4 rw 0 0\\nsrv:/h /home nfs4 rw 0 0")
    'nfs4'
    """
    found, longest = "", -1
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), point)
        if len(point) >= longest and folder.is_relative_to(point):  # of equals the later one covers
            found, longest = kind, len(point)
    return found
