"""What every test stands on: an empty world of its own, no way off the machine, nothing left running."""

from __future__ import annotations

import builtins
import io
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import network_guard  # noqa: F401  # guards from here on
import pytest
from environs import is_foreign
from fake_helicone import FakeHelicone
from fixtures_helicone import fake  # noqa: F401
from fixtures_kernel import (  # noqa: F401
    kernel,
    kernel_pair,
    kernel_python,
    leave_out_other_kernels,
    shared_kernel,
    start_kernel,
)
from fixtures_node import node_folder  # noqa: F401
from fixtures_python import asking_shell, both_keys, program, session  # noqa: F401
from shells import Shell

_SLOW_FIRST = ("browser", "kernel", "")  # by mark
_ENDING_SECONDS = 5.0  # for a thread that is about to end


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that no version of the kernel can change run on one alone: each of the others costs minutes.

    Files that take long come first: at the end, one of them alone would keep a single core busy.
    """
    config.hook.pytest_deselected(items=leave_out_other_kernels(items))
    items.sort(key=lambda item: _SLOW_FIRST.index(next(filter(item.get_closest_marker, _SLOW_FIRST), "")))


@pytest.fixture(autouse=True)
def world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, a journal of its own, and none of the developer's keys; gives the journal's."""
    for name in os.environ:
        if is_foreign(name):
            monkeypatch.delenv(name)
    monkeypatch.delattr(builtins, "_", raising=False)  # a doctest's: beside it a shell keeps no last result
    # Not tmp_path, which is the test's own and empty; nor a numbered folder, for which all others would be looked at.
    folder = tmp_path_factory.mktemp(f"world-{uuid.uuid4().hex}", numbered=False)
    (folder / "place").mkdir()
    for place in (folder, tmp_path_factory.getbasetemp()):
        (place / ".env").touch()  # the nearest one: whatever lies further up is not looked for
    monkeypatch.chdir(folder / "place")
    monkeypatch.setenv("HELICONEMAGIC_HOME", str(folder / "journal"))
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(folder / "jupyter"))
    return folder / "journal"


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """A test ends with the threads it began with."""
    yield
    end = time.monotonic() + _ENDING_SECONDS
    left = [thread for thread in threading.enumerate() if thread.name.startswith("heliconemagic")]
    for thread in left:
        thread.join(max(0.0, end - time.monotonic()))
    alive = [thread.name for thread in left if thread.is_alive()]
    assert not alive, f"left running: {alive}"


@pytest.fixture
def helicone(fake: FakeHelicone) -> FakeHelicone:  # noqa: F811
    """A Helicone on loopback."""
    return fake


@pytest.fixture
def bare_shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A shell where nobody sits, without the extension."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    shell = Shell()
    yield shell
    shell.close()


@pytest.fixture
def shell(bare_shell: Shell) -> Iterator[Shell]:
    """A shell with the extension loaded, and unloaded at the end."""
    bare_shell.run("%load_ext heliconemagic")
    yield bare_shell
    bare_shell.run("%unload_ext heliconemagic")
