"""The fixture `node_folder`: import it in `conftest.py`."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

PACKAGES = ("openai@6", "marked@17", "typescript@5", "@types/node@20")
_LONGEST = 300.0  # seconds that an installation may take


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where Node finds npm's ``openai``, ``marked`` and TypeScript's compiler; filled once for all workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    folder, done = shared / "node", shared / "node-is-filled"
    try:
        folder.mkdir()
    except FileExistsError:
        _wait_for(done)
    else:
        _fill(folder)
        done.touch()
    return folder


def _fill(folder: Path) -> None:
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        _give_up("node and npm are needed to run TypeScript's form")
    command = [str(npm), "install", "--silent", "--no-audit", "--no-fund", *PACKAGES]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_LONGEST)
    if ran.returncode:
        _give_up(f"npm could not install {', '.join(PACKAGES)}: {ran.stderr[-300:]}")


def _wait_for(done: Path) -> None:
    """Until another worker has filled the folder."""
    end = time.monotonic() + _LONGEST
    while not done.exists():
        if time.monotonic() > end:
            _give_up("another worker was to install npm's packages, and has not")
        time.sleep(0.1)


def _give_up(reason: str) -> None:
    """Where everything should be there, a missing tool is a failure."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
