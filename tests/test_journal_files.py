"""Where the journal lies, who may read it, and what is a network."""

from __future__ import annotations

import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest
from journal_builders import build_session, build_step

from heliconemagic.journal.files import create_private, find_mount_type, is_network_type, move_aside
from heliconemagic.journal.journal import Journal, default_folder
from heliconemagic.journal.schema import MIGRATIONS

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="file modes are POSIX")


@posix_only
def test_private_files(tmp_path: Path) -> None:
    """While a journal is open its folder and every file in it belong to their owner alone."""
    folder = tmp_path / "data" / "records"
    journal = Journal(folder)
    assert journal.open_step(build_step())
    modes = {path.name.split(".")[-1]: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    journal.close()
    assert stat.S_IMODE(folder.stat().st_mode) == modes.pop("owners") == 0o700
    assert modes == dict.fromkeys(["sqlite3", "sqlite3-wal", "sqlite3-shm", "lock"], 0o600)


@posix_only
def test_open_file_is_made_private(tmp_path: Path) -> None:
    """A journal that others could read is closed to them."""
    path = tmp_path / "journal.sqlite3"
    path.touch(0o644)
    create_private(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_log_goes_along(tmp_path: Path) -> None:
    """The log of a damaged file is moved aside with it, so that it is not replayed into the next one."""
    folder = tmp_path / "records"
    folder.mkdir()
    for ending in ("", "-wal", "-shm"):
        (folder / f"journal.sqlite3{ending}").write_text(ending)
    aside = move_aside(folder / "journal.sqlite3", "now")
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        f"journal.sqlite3.corrupt-now{ending}": ending for ending in ("", "-wal", "-shm")
    }
    assert aside.name == "journal.sqlite3.corrupt-now"


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "fuse", "9p", "virtiofs"])
def test_network_types(kind: str) -> None:
    """What several machines may share is a network."""
    assert is_network_type(kind)


@pytest.mark.parametrize("kind", ["ext4", "tmpfs", "overlay", "fuseblk", "btrfs", ""])
def test_local_types(kind: str) -> None:
    """Local disks, containers' layers and the unknown are none."""
    assert not is_network_type(kind)


def test_mounts() -> None:
    """The innermost mount decides, of several on one place the last, and blanks are spelled as octal codes."""
    points = [("/", "ext4"), (r"/mnt/my\040files", "nfs4"), (r"/mnt/my\040files/b", "cifs")]
    mounts = "".join(
        f"device {point} {kind} rw 0 0\n" for point, kind in [*points, ("/tmp", "btrfs"), ("/tmp", "tmpfs")]
    )
    found = [
        find_mount_type(Path(path), mounts) for path in ("/mnt/my files/a", "/mnt/my files/b/c", "/mnt/my", "/tmp")
    ]
    assert found == ["nfs4", "cifs", "ext4", "tmpfs"]


def test_log_mode_and_version(tmp_path: Path) -> None:
    """A local journal has a write-ahead log and the version of its format."""
    journal = Journal(tmp_path)
    journal.put_session(build_session())
    journal.flush()
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    journal.close()


def test_journal_of_an_older_version_is_read_and_brought_up_to_date(tmp_path: Path) -> None:
    """Reading leaves the file as it is; the first session that is written adds what is missing."""
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1")
        connection.execute("INSERT INTO sessions VALUES ('5e551011', 'Course', 'Course', 'demo', 'course', 1.0, NULL)")
        connection.commit()
    journal = Journal(tmp_path)
    assert [session.steps for session in journal.list_sessions()] == [0]
    journal.put_session(build_session("5e551012"))
    assert journal.open_step(build_step(session_id="5e551012"))
    assert [session.steps for session in journal.list_sessions()] == [1, 0]
    journal.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the folder's rule is the platform's own")
@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"HELICONEMAGIC_HOME": "/data", "XDG_DATA_HOME": "/xdg"}, "/data"),
        ({"HELICONEMAGIC_HOME": "", "XDG_DATA_HOME": "/xdg"}, "/xdg/heliconemagic"),
        ({"XDG_DATA_HOME": "relative", "HOME": "/home/ann"}, "/home/ann/.local/share/heliconemagic"),
        ({"HOME": "/home/ann"}, "/home/ann/.local/share/heliconemagic"),
    ],
)
def test_default_folder(environ: dict[str, str], folder: str) -> None:
    """The folder is what HELICONEMAGIC_HOME says, else a place in the user's data folder."""
    assert default_folder(environ) == Path(folder)


def test_home_sign() -> None:
    """A tilde in HELICONEMAGIC_HOME is the home folder."""
    assert default_folder({"HELICONEMAGIC_HOME": "~/records"}) == Path.home() / "records"


def test_home_of_nobody() -> None:
    """A home that cannot be found leaves the journal in a folder that isn't there; nothing fails before it is used."""
    assert default_folder({"HELICONEMAGIC_HOME": "~nobody-of-this-name/x"}) == Path("~nobody-of-this-name/x")


@pytest.mark.parametrize("is_locked", [False, True])
def test_file_of_an_earlier_version_can_be_read(tmp_path: Path, *, is_locked: bool) -> None:
    """What an earlier version wrote is read as it stands today, also while the file cannot be brought up to date."""
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in (*MIGRATIONS[0].split(";"), "PRAGMA user_version = 1"):
            connection.execute(statement)
        connection.execute("INSERT INTO sessions VALUES ('5e551011', 'Course', 'Course', 'demo', '', 100.0, NULL)")
        values = "1, 'step', '5e551011', '', '/a', 'LLM', 'done', 'demo', 'demo', '', '', 1, NULL, 0, 101.0"
        values += ", NULL" * 2 + ", 101.0" + ", NULL" * 10 + ", '', '', 'whole text'"
        connection.execute(f"INSERT INTO steps VALUES ({values})")
        if is_locked:
            connection.execute("BEGIN IMMEDIATE")
        journal = Journal(tmp_path)
        assert [step.text for step in journal.load_session("5e551011")[1]] == ["whole text"]
        journal.close()
