"""A journal that cannot be written stops no prompt, says why, and goes on when it can."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from journal_builders import build_session, build_step

from heliconemagic.errors import JournalError
from heliconemagic.journal.journal import Journal
from heliconemagic.journal.schema import connect_file
from heliconemagic.records import Attempt, StepStatus

Open = Callable[..., Journal]


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[Open]:
    """Journals in a folder of the test's own, tried again quickly and closed at the end."""
    opened: list[Journal] = []

    def build(folder: Path = tmp_path / "records", **options: object) -> Journal:
        opened.append(Journal(folder, **{"retry_seconds": 0.1, **options}))
        return opened[-1]

    yield build
    for journal in opened:
        journal.close()


def mount_or_skip(point: Path, options: str) -> None:
    """Mount a file system in memory, where this user and machine allow it."""
    point.mkdir(exist_ok=True)
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root may mount")
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(point)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    mount_or_skip(tmp_path / "disk", "size=512k")
    yield tmp_path / "disk"
    subprocess.run(["umount", "-l", str(tmp_path / "disk")], check=True)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for something that comes by itself; fail if it takes very long."""
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def lock(tmp_path: Path, open_journal: Open) -> Iterator[sqlite3.Connection]:
    """Another program's exclusive lock on a journal that has its tables."""
    first = open_journal()
    first.put_session(build_session())
    first.close()
    with closing(sqlite3.connect(tmp_path / "records" / "journal.sqlite3", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield connection


def test_locked(open_journal: Open, lock: sqlite3.Connection) -> None:
    """While another program holds the file a step is refused with the reason; afterwards it is written."""
    journal = open_journal()
    assert not journal.open_step(build_step())
    assert journal.warning.startswith("the journal is locked by another program: ")
    assert journal.check() == journal.warning
    journal.put_text("step-1", "written later")
    lock.execute("ROLLBACK")
    wait_until(lambda: journal.warning is None)
    assert journal.flush()
    assert journal.load_session("5e551011")[1][0].text == "written later"


def test_locked_returns_at_once(open_journal: Open, lock: sqlite3.Connection) -> None:
    """After one failure nobody waits, and nothing is tried before it is time."""
    tries: list[Path] = []

    def connect(path: Path) -> sqlite3.Connection:
        tries.append(path)
        return connect_file(path)

    journal = open_journal(connect=connect, retry_seconds=1000)
    assert not journal.open_step(build_step())
    before = len(tries)
    assert not any(journal.open_step(build_step(str(number))) or journal.flush() for number in range(1000))
    assert len(tries) == before


def test_lock_is_ridden_out(open_journal: Open, lock: sqlite3.Connection) -> None:
    """A lock that goes away while a step waits costs nothing but the wait."""
    journal = open_journal()
    journal.put_session(build_session("other"))
    lock.execute("ROLLBACK")
    assert journal.open_step(build_step())
    assert journal.warning is None


def test_check_tries_again(open_journal: Open, lock: sqlite3.Connection) -> None:
    """`check` does not wait for the next try: it makes one."""
    journal = open_journal(retry_seconds=1000)
    assert not journal.open_step(build_step())
    lock.execute("ROLLBACK")
    assert journal.check() is None
    assert journal.warning is None
    assert journal.open_step(build_step("step-2"))


def test_queue_is_bounded(open_journal: Open, lock: sqlite3.Connection) -> None:
    """What waits for a locked journal is limited; that something was dropped is said when it works again."""
    journal = open_journal(max_queued=5)
    assert not journal.open_step(build_step())
    for number in range(20):
        journal.put_session(build_session(f"session-{number}"))
    lock.execute("ROLLBACK")
    wait_until(journal.flush)
    assert journal.warning == "more than 5 changes waited for the journal: the oldest were dropped"
    assert {f"session-{number}" for number in range(15, 20)} <= {session.id for session in journal.list_sessions()}


def test_close_gives_up(open_journal: Open, lock: sqlite3.Connection) -> None:
    """Closing does not wait for a lock that stays."""
    journal = open_journal()
    journal.put_session(build_session("never"))
    journal.close()
    lock.execute("ROLLBACK")
    assert "never" not in {session.id for session in journal.list_sessions()}


@pytest.mark.parametrize("content", [b"This is no database, but it is long enough to be taken for one. " * 100, None])
def test_corrupt_file(open_journal: Open, tmp_path: Path, content: bytes | None) -> None:
    """A damaged file is kept beside a new one, which is said once; recording goes on."""
    path = tmp_path / "records" / "journal.sqlite3"
    first = open_journal()
    first.close_step(build_step("old", text="lost " * 5000))
    first.close()
    damaged = content or path.read_bytes()[:4096] + bytes(range(256)) * 400
    path.write_bytes(damaged)
    journal = open_journal()
    journal.put_session(build_session())
    assert journal.open_step(build_step())
    [aside] = path.parent.glob("journal.sqlite3.corrupt-*")
    assert aside.read_bytes() == damaged
    assert str(aside) in journal.warning == journal.warning
    assert journal.open_step(build_step("step-2"))
    assert journal.warning is None
    assert [step.id for step in journal.load_session("5e551011")[1]] == ["step-1", "step-2"]


def test_damage_under_way(open_journal: Open, tmp_path: Path) -> None:
    """In the file begun after damage, the session and the step under way are recorded anew."""
    path = tmp_path / "records" / "journal.sqlite3"
    journal = open_journal()
    journal.put_session(build_session())
    journal.open_step(build_step())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.write(b"\xff" * path.stat().st_size)
    journal.put_text("step-1", "half an answer")
    wait_until(lambda: journal.flush() and journal.load_session("5e551011") is not None)
    assert journal.load_session("5e551011")[1][0].text == "half an answer"
    assert "was damaged" in journal.warning


def test_removed_file(open_journal: Open, tmp_path: Path) -> None:
    """A journal whose folder is removed under it begins a new one that has the session and the running step."""
    journal = open_journal()
    journal.put_session(build_session())
    journal.open_step(build_step())
    wait_until(journal.flush)
    for path in sorted((tmp_path / "records").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    journal.close_step(build_step("step-2", status=StepStatus.DONE))
    assert [step.id for step in journal.load_session("5e551011")[1]] == ["step-1", "step-2"]


def test_file_removed_while_it_is_opened(open_journal: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was to be written isn't written to the file that has no name any more."""
    path, removed = tmp_path / "records" / "journal.sqlite3", []

    def remove_once(folder: Path) -> None:
        if not removed:
            removed.append(folder)
            path.unlink()

    monkeypatch.setattr("heliconemagic.journal.store.sweep", remove_once)  # the last thing before it is open
    journal = open_journal()
    journal.put_session(build_session())
    journal.open_step(build_step())
    wait_until(journal.flush)
    assert [step.id for step in journal.load_session("5e551011")[1]] == ["step-1"]


def test_corrupt_file_is_not_read(open_journal: Open, tmp_path: Path) -> None:
    """Reading a damaged file fails with the reason and what to type, and leaves the file alone."""
    path = tmp_path / "records" / "journal.sqlite3"
    path.parent.mkdir()
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(JournalError, match="damaged") as caught:
        open_journal().list_sessions()
    assert "doctor" in caught.value.hint
    assert [found.name for found in path.parent.iterdir()] == ["journal.sqlite3"]


def test_newer_version(open_journal: Open, tmp_path: Path) -> None:
    """A file of a newer version is neither written nor read nor changed."""
    path = tmp_path / "records" / "journal.sqlite3"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    journal = open_journal()
    assert not journal.open_step(build_step())
    assert "newer heliconemagic" in journal.warning
    with pytest.raises(JournalError, match="newer heliconemagic"):
        journal.list_sessions()
    assert path.read_bytes() == before


def test_failed_migration(open_journal: Open, tmp_path: Path) -> None:
    """A file with tables of the same names, but not ours, is left as it is."""
    path = tmp_path / "records" / "journal.sqlite3"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE messages (theirs)")
    journal = open_journal()
    assert not journal.open_step(build_step())
    assert "already exists" in journal.warning
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("messages",)]


def test_pages_run_out(open_journal: Open) -> None:
    """A step that no longer fits is refused with the reason, and written when there is room."""
    pages = [60]

    def connect(path: Path) -> sqlite3.Connection:
        connection = connect_file(path)
        connection.execute(f"PRAGMA max_page_count = {pages[0]}")
        return connection

    journal = open_journal(connect=connect)
    journal.put_session(build_session())
    assert not journal.open_step(build_step(prompt="long " * 100_000))
    assert journal.warning.startswith("the disk that holds the journal is full: ")
    pages[0] = 1000
    wait_until(journal.flush)
    assert journal.warning is None
    assert len(journal.load_session("5e551011")[1]) == 1


@pytest.mark.skipif(os.name != "posix", reason="a VFS of Unix")
def test_without_shared_memory(open_journal: Open, tmp_path: Path) -> None:
    """Where the file system allows no write-ahead log everything works without one."""

    def connect(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(f"{path.as_uri()}?vfs=unix-dotfile", uri=True, timeout=0.25, isolation_level=None)

    journal = open_journal(connect=connect)
    journal.put_session(build_session())
    assert journal.open_step(build_step(prompt="FORGOTTEN-MARK"))
    assert len(journal.load_session("5e551011")[1]) == 1
    assert not (tmp_path / "records" / "journal.sqlite3-wal").exists()
    assert journal.forget("5e551011") == 1
    assert b"FORGOTTEN-MARK" not in (tmp_path / "records" / "journal.sqlite3").read_bytes()


def test_full_disk(open_journal: Open, small_disk: Path) -> None:
    """On a full disk a step is refused with the reason, and written when there is room."""
    journal = open_journal(small_disk / "records")
    journal.put_session(build_session())
    assert journal.open_step(build_step())
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(bytes(2**20))
    assert not journal.open_step(build_step("step-2", prompt="long " * 10_000))
    assert "full" in journal.warning
    filler.unlink()
    wait_until(journal.flush)
    assert [step.id for step in journal.load_session("5e551011")[1]] == ["step-1", "step-2"]


def test_full_disk_from_the_start(open_journal: Open, small_disk: Path) -> None:
    """A journal that cannot even be begun on a full disk says so, and begins when there is room."""
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(bytes(2**20))
    journal = open_journal(small_disk / "records")
    journal.put_session(build_session())
    assert not journal.open_step(build_step())
    assert "full" in journal.warning
    filler.unlink()
    wait_until(journal.flush)
    assert journal.warning is None


def test_impossible_folder(open_journal: Open, tmp_path: Path) -> None:
    """Where no folder can be made a step is refused with the reason."""
    (tmp_path / "file").write_text("not a folder")
    journal = open_journal(tmp_path / "file" / "records")
    assert not journal.open_step(build_step())
    assert journal.warning.startswith("the journal cannot be kept in its folder: ")
    assert journal.check() == journal.warning
    assert journal.list_sessions() == []


def test_read_only_folder(open_journal: Open, tmp_path: Path) -> None:
    """On a read-only file system nothing is recorded, which is said, and what is there can be read."""
    mount_or_skip(tmp_path / "disk", "size=2m")
    try:
        first = open_journal(tmp_path / "disk" / "records")
        first.put_session(build_session())
        first.close()
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
        journal = open_journal(tmp_path / "disk" / "records")
        assert not journal.open_step(build_step())
        assert "read-only" in journal.warning.lower()
        assert [session.id for session in journal.list_sessions()] == ["5e551011"]
    finally:
        subprocess.run(["umount", "-l", str(tmp_path / "disk")], check=True)


def test_session_that_another_program_forgot(open_journal: Open, tmp_path: Path) -> None:
    """Its later steps are not recorded, and that is said: nobody could find them to forget them again."""
    journal, other = open_journal(), open_journal()
    journal.put_session(build_session())
    journal.open_step(build_step())
    assert other.forget("5e551011") == 1
    journal.close_step(build_step(status=StepStatus.DONE, text="too late"))
    journal.open_step(build_step("step-2"))
    assert "another program has forgotten" in journal.warning
    with closing(sqlite3.connect(tmp_path / "records" / "journal.sqlite3")) as connection:
        assert connection.execute("SELECT id FROM steps").fetchall() == []


def change_file(journal: Journal, path: Path, change: str) -> None:
    """What another program does to the journal's file."""
    journal.flush()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(change)
        connection.commit()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE steps SET started_at = 'yesterday' WHERE id = 'step-1'",
        "UPDATE steps SET ended_at = 1e308 WHERE id = 'step-1'",
        "UPDATE steps SET cost = 'much' WHERE id = 'step-1'",
        "UPDATE steps SET path = x'ff' WHERE id = 'step-1'",
        "UPDATE steps SET status = 'bogus' WHERE id = 'step-1'",
        "UPDATE steps SET parameters = '[1]' WHERE id = 'step-1'",
        "UPDATE steps SET tool_calls = '[[1]]' WHERE id = 'step-1'",
        "UPDATE attempts SET ended_at = 'never'",
        "UPDATE messages SET body = 'null' WHERE body LIKE '%STRANGE%'",
        "UPDATE messages SET body = '{' WHERE body LIKE '%STRANGE%'",
        "DELETE FROM messages WHERE body LIKE '%STRANGE%'",
    ],
)
def test_step_that_another_program_wrote(open_journal: Open, tmp_path: Path, change: str) -> None:
    """SQLite puts anything anywhere; the session can be read without it, and that is said."""
    journal = open_journal()
    journal.put_session(build_session())
    attempt = Attempt(request_id="request-1", started_at=101.0)
    journal.close_step(build_step(status=StepStatus.DONE, prompt="STRANGE", attempts=(attempt,)))
    journal.close_step(build_step("step-2", status=StepStatus.DONE))
    change_file(journal, tmp_path / "records" / "journal.sqlite3", change)
    _, steps = journal.load_session("5e551011") or (None, [])
    assert [step.id for step in steps] == ["step-2"]
    assert journal.warning.startswith("the step 'step-1' cannot be read and was left out (")


def test_session_that_another_program_wrote(open_journal: Open, tmp_path: Path) -> None:
    """Reading it is an error of the journal, not of whoever shows it."""
    journal = open_journal()
    journal.put_session(build_session())
    change_file(journal, tmp_path / "records" / "journal.sqlite3", "UPDATE sessions SET started_at = 'yesterday'")
    with pytest.raises(JournalError, match="cannot be read"):
        journal.load_session("5e551011")
