"""Sessions as Python has them: a notebook's handle, and a program's own. Import them in `conftest.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fake_helicone import HELICONE_KEY, PROVIDER_KEY, FakeHelicone
from shells import Shell

import heliconemagic
from heliconemagic.python.handle import SessionHandle
from heliconemagic.records import Step


@pytest.fixture
def both_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both keys in the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", PROVIDER_KEY)
    monkeypatch.setenv("HELICONE_API_KEY", HELICONE_KEY)


@pytest.fixture
def asking_shell(shell: Shell, helicone: FakeHelicone, both_keys: None) -> Shell:
    """A notebook with a session at the fake Helicone, and its handle in ``session``."""
    shell.run("import heliconemagic")
    shell.run(f'%helicone_session "Course Creation" --gateway {helicone.url}')
    shell.run("session = heliconemagic.session()")
    return shell


@pytest.fixture
def session(asking_shell: Shell) -> SessionHandle:
    """The handle of that session."""
    handle: SessionHandle = asking_shell.variables["session"]
    return handle


@pytest.fixture
def program(helicone: FakeHelicone, both_keys: None) -> Iterator[SessionHandle]:
    """The session of a program: no shell has the extension."""
    with heliconemagic.session("Nightly", gateway=helicone.url) as handle:
        yield handle


def get_steps(session: SessionHandle) -> list[Step]:
    """The session's steps, as they are recorded."""
    return [reply._step for reply in session.steps]


def get_sent(helicone: FakeHelicone) -> list[Any]:
    """The paths of the requests for completions, in the order they came."""
    return [one.header("helicone-session-path") for one in helicone.completions]
