"""Rows that an event loop commits by itself: mostly at once, and never by waiting."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from journal_builders import build_session, build_step

from heliconemagic.journal.journal import Journal
from heliconemagic.journal.schema import connect_file
from heliconemagic.journal.writer import SLOW_SECONDS
from heliconemagic.records import Attempt, Step, StepStatus


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal with a session on disk, whose file is open."""
    journal = Journal(tmp_path, retry_seconds=0.1)
    journal.put_session(build_session())
    assert journal.flush()
    yield journal
    journal.close()


def read_steps(folder: Path) -> list[str]:
    """The ids of the steps that another program sees."""
    with closing(sqlite3.connect(folder / "journal.sqlite3")) as connection:
        return [step_id for (step_id,) in connection.execute("SELECT id FROM steps ORDER BY number")]


def begin_at_once(journal: Journal, step: Step) -> None:
    """Begin a step on this thread, as soon as the journal's is done with what it was at."""
    deadline = time.monotonic() + 20
    while journal.begin_step(step) is not None:
        assert time.monotonic() < deadline
        journal.flush()


def test_pending_row_is_committed_at_once(journal: Journal, tmp_path: Path) -> None:
    """Another program sees it when the call returns, with the attempt, and with what was queued before."""
    journal.close_step(build_step("earlier", status=StepStatus.DONE))
    begin_at_once(journal, build_step())
    journal.begin_attempt("step-1", Attempt(request_id="request-1", started_at=101.0))
    assert sorted(read_steps(tmp_path)) == ["earlier", "step-1"]


def test_rows_of_the_thread_wait_for_locks(journal: Journal, tmp_path: Path) -> None:
    """And shorten the log; before and after, on the same connection, a row of a loop does neither."""
    connection = journal._store._connection
    assert connection is not None

    def find_patience() -> list[int]:
        names = ("busy_timeout", "wal_autocheckpoint")
        return [int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in names]

    begin_at_once(journal, build_step())
    assert find_patience() == [0, 0]
    with journal._store.waiting(connection):
        assert find_patience() == [250, 1000]
    assert find_patience() == [0, 0]


def test_connection_that_broke_hides_no_error(journal: Journal, tmp_path: Path) -> None:
    """What went wrong first is what is told."""
    connection = connect_file(tmp_path / "other.sqlite3")
    with pytest.raises(KeyError), journal._store.waiting(connection):
        connection.close()
        raise KeyError


def test_first_row_is_left_to_the_thread(tmp_path: Path) -> None:
    """Opening the file may take long."""
    with closing(Journal(tmp_path)) as journal:
        journal.put_session(build_session())
        ticket = journal.begin_step(build_step())
        assert ticket is not None
        assert journal.wait(ticket)
    assert read_steps(tmp_path) == ["step-1"]


def test_attachments_are_left_to_the_thread(journal: Journal) -> None:
    """They may have megabytes."""
    ticket = journal.begin_step(build_step(), {"00" * 32: b"bytes"})
    assert ticket is not None
    assert journal.wait(ticket)


def test_lock_is_not_waited_for(journal: Journal, tmp_path: Path) -> None:
    """The thread goes on trying; the row is there when the lock is gone."""
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ticket = journal.begin_step(build_step())
        assert ticket is not None
    assert journal.wait(ticket)
    assert journal.warning is None
    begin_at_once(journal, build_step("step-2"))


def test_file_that_was_removed_is_begun_anew(journal: Journal, tmp_path: Path) -> None:
    """By the thread: nothing is written into the file that nobody finds any more."""
    for path in tmp_path.glob("journal.sqlite3*"):
        path.unlink()
    ticket = journal.begin_step(build_step())
    assert ticket is not None
    assert journal.wait(ticket)
    assert read_steps(tmp_path) == ["step-1"]


def test_full_disk_is_told(tmp_path: Path) -> None:
    """What fails here the thread finds out, too, and says why."""

    def connect(path: Path) -> sqlite3.Connection:
        connection = connect_file(path)
        connection.execute("PRAGMA max_page_count = 60")
        return connection

    with closing(Journal(tmp_path, connect=connect, retry_seconds=0.1)) as journal:
        journal.put_session(build_session())
        journal.flush()
        ticket = journal.begin_step(build_step(prompt="long " * 100_000))
        assert ticket is not None
        assert not journal.wait(ticket)
        assert "full" in (journal.warning or "")


def test_log_is_shortened_by_the_thread(journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That takes the disk's time."""
    monkeypatch.setattr("heliconemagic.journal.writer.SLOW_SECONDS", 60.0)  # however busy the machine is
    path = tmp_path / "journal.sqlite3"
    before = path.stat().st_size
    for number in range(25):
        begin_at_once(journal, build_step(str(number), prompt=f"{number} " * 70_000))
    assert path.stat().st_size == before
    journal.put_session(build_session())
    assert journal.flush()
    assert path.stat().st_size > before


def test_slow_disk_is_left_to_the_thread(journal: Journal) -> None:
    """One that held up the loop is given to it no more for a while."""
    written: list[int] = []

    def write(connection: sqlite3.Connection) -> None:
        written.append(threading.get_ident())
        time.sleep(SLOW_SECONDS * 1.1)

    begin_at_once(journal, build_step("before"))
    assert journal._writer.put_through((8, "slow"), write) is None
    ticket = journal.begin_step(build_step())
    assert ticket is not None
    assert journal.wait(ticket)
    assert written == [threading.get_ident()]


def test_threads_lose_nothing(journal: Journal, tmp_path: Path) -> None:
    """Rows of several loops and of the thread, in any order."""

    def write(number: int) -> None:
        step = build_step(str(number))
        ticket = journal.begin_step(step)
        assert ticket is None or journal.wait(ticket)
        journal.close_step(build_step(str(number), status=StepStatus.DONE, text=f"{number}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(200)))
    _, steps = journal.load_session("5e551011") or (None, [])
    assert {(step.id, step.text, step.status) for step in steps} == {
        (str(number), str(number), StepStatus.DONE) for number in range(200)
    }
