"""Several processes and one journal: killed ones, living ones, forked ones."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from journal_builders import build_session, build_step, start_python

from heliconemagic.journal.journal import Journal
from heliconemagic.journal.owner import Owner, is_alive, sweep
from heliconemagic.records import StepStatus

STREAM = """
import sys, time
from pathlib import Path
from journal_builders import build_session, build_step
from heliconemagic.journal.journal import Journal

journal = Journal(Path(sys.argv[1]))
journal.put_session(build_session())
assert journal.open_step(build_step())
text = "first half "
journal.put_text("step-1", text)
time.sleep(0.25)
print("flushed", flush=True)
while True:
    text += "and more "
    journal.put_text("step-1", text)
    time.sleep(0.001)
"""

FORK_AND_DIE = """
import os, signal, sys, time
from pathlib import Path
from journal_builders import build_session, build_step
from heliconemagic.journal.journal import Journal

journal = Journal(Path(sys.argv[1]))
journal.put_session(build_session())
assert journal.open_step(build_step())
reading, writing = os.pipe()
if os.fork():
    os.read(reading, 1)
    os.kill(os.getpid(), signal.SIGKILL)
print(os.getpid(), flush=True)
os.write(writing, b".")
time.sleep(60)
"""

WRITE_MANY = """
import sys
from pathlib import Path
from journal_builders import build_session, build_step
from heliconemagic.journal.journal import Journal
from heliconemagic.records import StepStatus

folder, name = Path(sys.argv[1]), sys.argv[2]
journal = Journal(folder)
journal.put_session(build_session(name))
input()
for number in range(200):
    step = build_step(f"{name}-{number}", session_id=name, prompt=f"prompt {number}", started_at=float(number))
    assert journal.open_step(step), journal.warning
    journal.put_text(step.id, "text")
    journal.close_step(build_step(step.id, session_id=name, status=StepStatus.DONE, text="whole text"))
journal.close()
"""


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal, closed at the end."""
    opened = Journal(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def streaming(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of an answer whose first half was handed in a quarter of a second ago."""
    with start_python(STREAM, tmp_path) as process:
        assert process.stdout.readline() == "flushed\n"
        yield process
        process.kill()


def read_status(folder: Path) -> str:
    """The status on disk, as another program sees it."""
    with closing(sqlite3.connect(folder / "journal.sqlite3")) as connection:
        return connection.execute("SELECT status FROM steps WHERE id = 'step-1'").fetchone()[0]


def test_killed_in_mid_stream(journal: Journal, streaming: subprocess.Popen[str]) -> None:
    """After `kill -9` a step is interrupted and has its text of 250 ms before, though its process is a zombie."""
    streaming.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, streaming.pid, os.WEXITED | os.WNOWAIT)
    _, [step] = journal.load_session("5e551011")
    assert (step.status, step.text[:11]) == (StepStatus.INTERRUPTED, "first half ")
    assert step.ended_at > step.started_at
    assert journal.list_sessions()[0].errors == 1


def test_writing_marks_interrupted(journal: Journal, streaming: subprocess.Popen[str], tmp_path: Path) -> None:
    """The next process that writes marks the dead one's steps on disk, and removes its lock."""
    streaming.kill()
    streaming.wait()
    assert journal.open_step(build_step("step-2"))
    assert read_status(tmp_path) == "interrupted"
    assert len(list((tmp_path / "owners").iterdir())) == 1


def test_living_are_left_alone(journal: Journal, streaming: subprocess.Popen[str], tmp_path: Path) -> None:
    """The pending step of another living process stays pending, whoever opens the journal."""
    assert journal.open_step(build_step("step-2"))
    assert {step.status for step in journal.load_session("5e551011")[1]} == {StepStatus.PENDING}
    assert read_status(tmp_path) == "pending"
    assert streaming.poll() is None


def test_own_other_journal_is_left_alone(journal: Journal, tmp_path: Path) -> None:
    """A second journal of the same process leaves the first one's pending step alone, until that is closed."""
    second = Journal(tmp_path)
    second.put_session(build_session())
    assert second.open_step(build_step())
    assert journal.load_session("5e551011")[1][0].status is StepStatus.PENDING
    second.close()
    assert journal.load_session("5e551011")[1][0].status is StepStatus.INTERRUPTED


def test_two_write_at_once(journal: Journal, tmp_path: Path) -> None:
    """Two processes that write at the same time lose nothing."""
    names = ["aaaa", "bbbb"]
    processes = [start_python(WRITE_MANY, tmp_path, name) for name in names]
    for process in processes:
        process.communicate("\n", timeout=60)
    assert [process.returncode for process in processes] == [0, 0]
    for name in names:
        steps = journal.load_session(name)[1]
        assert {step.id for step in steps} == {f"{name}-{number}" for number in range(200)}
        assert {(step.status, step.text) for step in steps} == {(StepStatus.DONE, "whole text")}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child(journal: Journal, tmp_path: Path) -> None:
    """A forked child records with a thread, a connection and an owner of its own; the parent goes on."""

    def record_in_child() -> None:
        if not journal.open_step(build_step("child")):
            os._exit(1)
        os._exit(0)

    journal.put_session(build_session())
    assert journal.open_step(build_step("before"))
    child = multiprocessing.get_context("fork").Process(target=record_in_child)
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert journal.open_step(build_step("after"))
    statuses = {step.id: step.status.value for step in journal.load_session("5e551011")[1]}
    assert statuses == {"before": "pending", "child": "interrupted", "after": "pending"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_child_does_not_keep_parent_alive(journal: Journal, tmp_path: Path) -> None:
    """The steps of a killed process are interrupted even while a child it forked lives on."""
    with start_python(FORK_AND_DIE, tmp_path) as process:
        orphan = int(process.stdout.readline())
        process.wait()
        try:
            os.kill(orphan, 0)
            assert journal.load_session("5e551011")[1][0].status is StepStatus.INTERRUPTED
        finally:
            os.kill(orphan, signal.SIGKILL)


def test_owner_lives_while_it_holds(tmp_path: Path) -> None:
    """An owner is alive from `hold` to `release`, seen from the same process too, and leaves no file."""
    owner = Owner()
    assert not is_alive(tmp_path, owner.id)
    owner.hold(tmp_path)
    owner.hold(tmp_path)
    sweep(tmp_path)
    assert is_alive(tmp_path, owner.id)
    owner.release()
    owner.release()
    assert not is_alive(tmp_path, owner.id)
    assert list((tmp_path / "owners").iterdir()) == []


def test_sweep_removes_the_dead(tmp_path: Path) -> None:
    """The lock files of dead processes are removed."""
    (tmp_path / "owners").mkdir()
    (tmp_path / "owners" / "dead.lock").touch()
    sweep(tmp_path)
    assert list((tmp_path / "owners").iterdir()) == []
