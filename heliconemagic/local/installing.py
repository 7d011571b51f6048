"""Installs the local model: fetches what is missing, checks it, and moves it into place in one go.

Whenever it breaks off, what is installed is either all there or not there; the rest lies in a
folder of its own that goes at the end, or with the next run if the process was killed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from heliconemagic.errors import LocalModelError
from heliconemagic.journal.owner import Owner, is_alive
from heliconemagic.local.fetching import fetch
from heliconemagic.local.packages import MEGABYTE, Package
from heliconemagic.local.store import LocalStore, check_file

_STAGING = ".fetch-"


def install(store: LocalStore, missing: Sequence[Package], note_bytes: Callable[[int], None]) -> None:
    """Fetches ``missing`` (see `LocalStore.find_missing`) and puts it into the store.

    Args:
        note_bytes: called a few times a second with the bytes on disk so far.

    Raises:
        LocalModelError: no room, no network, a wrong sum; nothing is left behind.
    """
    owner = Owner()
    try:
        store.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner.hold(store.folder)
        sweep(store.folder)
        check_room(store.folder, missing)
        staging = store.folder / f"{_STAGING}{owner.id}"
        staging.mkdir(mode=0o700)
        try:
            _put(store, missing, fetch(missing, staging, note_bytes))
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise LocalModelError(
            f"the local model cannot be put into {str(store.folder)!r}.",
            hint="HELICONEMAGIC_HOME names another folder",
            cause=str(error),
        ) from error
    finally:
        owner.release()


def _put(store: LocalStore, fetched: Sequence[Package], unpacked: Path) -> None:
    if store.model.weights in fetched:
        weights = unpacked / store.model.file
        check_file(weights, store.model)
        weights.chmod(0o600)
        weights.replace(store.weights_path)
        for path in unpacked.glob(f"{store.model.weights.name.replace('-', '_')}*"):
            shutil.rmtree(path)
    if store.model.library in fetched and not store.has_own_library():  # else another process was quicker
        shutil.rmtree(store.library_folder, ignore_errors=True)  # half of one: somebody deleted files
        unpacked.rename(store.library_folder)


def check_room(folder: Path, packages: Sequence[Package]) -> None:
    """Looks whether ``packages`` fit, packed and unpacked at once.

    Raises:
        LocalModelError: they don't.
    """
    needed = sum(package.fetched_size + package.size for package in packages)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise LocalModelError(
            f"{free // MEGABYTE:,} MB are free for {str(folder)!r}, and {needed // MEGABYTE:,} MB are needed.",
            hint="make room, or name a folder elsewhere with HELICONEMAGIC_HOME",
        )


def sweep(folder: Path) -> None:
    """Removes what installs that were killed left behind."""
    for path in folder.glob(f"{_STAGING}*"):
        if not is_alive(folder, path.name.removeprefix(_STAGING)):
            shutil.rmtree(path, ignore_errors=True)
