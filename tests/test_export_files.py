"""Exports as files: the verb, the command and Python; what is replaced and what is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from export_samples import build_sample
from notebooks_in_process import Bench
from shells import Shell

from heliconemagic.cli.main import main
from heliconemagic.errors import InputError, StepInterrupted
from heliconemagic.export.formats import FORMATS, find_format
from heliconemagic.export.writing import write_export
from heliconemagic.notebook.exports import Exports

SUFFIXES = [form.suffix for form in FORMATS]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A notebook in which two cells have run."""
    bench = Bench(tmp_path, None, {"HOME": str(tmp_path.parent)})
    bench.open('"Course" --gateway demo')
    bench.run("/abstract", "An abstract.")
    bench.run("/outline", "An outline.")
    yield bench
    bench.close()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_each_form_replaces_its_own_export(bench: Bench, tmp_path: Path, suffix: str) -> None:
    """A notebook that runs again exports again; nothing lies about beside the file."""
    first = bench.notebook.exports.write(f"course{suffix}")
    assert first.path.stat().st_size == first.size > 0
    bench.run("/outline/lesson-1", "A lesson.")
    assert bench.notebook.exports.write(f"course{suffix}").size > first.size
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"course{suffix}", "journal"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_no_export_stays(bench: Bench, tmp_path: Path, suffix: str) -> None:
    """Somebody's own file of the same name is left as it is."""
    path = tmp_path / f"course{suffix}"
    path.write_text("my own work\n")
    with pytest.raises(InputError, match="is no export of a session: it was left as it is"):
        bench.notebook.exports.write(path.name)
    assert path.read_text() == "my own work\n"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "change", [lambda data: data + b"\n", lambda data: data.replace(b"An abstract.", b"An abstract")]
)
def test_a_changed_export_stays(bench: Bench, tmp_path: Path, suffix: str, change: Callable[[bytes], bytes]) -> None:
    """What people go on with by hand isn't lost."""
    path = bench.notebook.exports.write(f"course{suffix}").path
    data = path.read_bytes()
    path.write_bytes(change(data))
    assert path.read_bytes() != data
    with pytest.raises(InputError, match="was changed since it was exported"):
        bench.notebook.exports.write(path.name)


@pytest.mark.parametrize(
    ("name", "said", "hint"),
    [
        ("course.htlm", "'.htlm' is no form", "did you mean 'course.html'?"),
        ("course.json", "'.json' is no form", "did you mean 'course.jsonl'?"),
        ("course", "it has no suffix", "type course.html"),
        (".csv", "it has no suffix", "type session.html"),
        ("course.docx", "'.docx' is no form", ".md (a Markdown document)"),
    ],
)
def test_unknown_suffixes_say_which_there_are(name: str, said: str, hint: str) -> None:
    """The nearest one, if one is near."""
    with pytest.raises(InputError, match=said) as caught:
        find_format(Path(name))
    assert hint in (caught.value.hint or "")


def test_the_longer_suffix_wins() -> None:
    """Traces are lines, too."""
    assert find_format(Path("A.OTLP.JSONL")).suffix == ".otlp.jsonl"
    assert find_format(Path("otlp.jsonl")).suffix == ".jsonl"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing/course.md", "there is no folder 'missing'"),
        ("folder.md", "it is a folder"),
        ("file/a.md", "'file' is no folder"),
        ("pipe.md", "it is a device, a pipe"),
    ],
)
def test_files_that_cannot_be_written(tmp_path: Path, name: str, said: str) -> None:
    """The message says why; nothing is left behind."""
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe.md")
    with pytest.raises(InputError, match=said):
        write_export(tmp_path / name, "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.md", "pipe.md"]


def test_the_lesson_that_is_recorded_is_not_replaced(bench: Bench, tmp_path: Path) -> None:
    """Nor is a lesson that was recorded before, nor does a recording go on in an export."""
    bench.notebook.sessions.record("lesson.jsonl")
    with pytest.raises(InputError, match="is being recorded now"):
        bench.notebook.exports.write("lesson.jsonl")
    bench.notebook.exports.write("export.jsonl")
    with pytest.raises(InputError, match="is an export of this session"):
        bench.notebook.sessions.record("export.jsonl")


def test_verb_says_what_it_wrote(shell: Shell) -> None:
    """The open session, and a recorded one by its name; without one there is an error."""
    assert "no session is open" in str(shell.run("%helicone_session export a.md").error)
    shell.run('%helicone_session "Course" --gateway demo')
    shell.run("%%llm /abstract\nAn abstract.")
    told = shell.run("%helicone_session export course.md").text()
    assert "exported to course.md" in told and "1 step of 'Course'" in told and Path("course.md").exists()
    shell.run("%helicone_session end")
    assert "exported to b.csv" in shell.run("%helicone_session export b.csv Course").text()
    assert "wants the name of a file" in str(shell.run("%helicone_session export").error)


def test_command_exports_a_recorded_session(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its errors speak of the command line."""
    bench.notebook.journal.flush()
    monkeypatch.setenv("HELICONEMAGIC_HOME", str(tmp_path / "journal"))
    assert main(["export", "Course", str(tmp_path / "c.jsonl")]) == 0
    assert "exported to c.jsonl\n  2 steps of 'Course'" in capsys.readouterr().out
    assert json.loads((tmp_path / "c.jsonl").read_text().splitlines()[0])["session"]["name"] == "Course"
    assert main(["export", "Nothing", "c.jsonl"]) == 2
    assert "heliconemagic sessions" in capsys.readouterr().err


def test_steps_kept_out_of_the_journal_are_not_exported(bench: Bench) -> None:
    """--no-log keeps a step off the disk; the notice says that one is missing."""
    bench.run("/secret --no-log", "A secret.")
    written = bench.notebook.exports.write("course.jsonl")
    assert "/secret" not in written.path.read_text()
    assert "left out, as --no-log asks: 1 of its steps" in written.session.notes


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.suffix)
def test_keys_and_folders_are_in_no_export(form: object) -> None:
    """Neither a configured key nor what looks like one, nor the home folder, wherever it stands."""
    from dataclasses import replace

    from export_samples import KEY, build_steps, export, user

    dirty = f"{KEY} sk-helicone-abcdefg-abcdefg-abcdefg-abcdefg /home/ann/course/data.csv /home/ann/x"
    step = replace(
        build_steps()[1], messages=(user(dirty),), text=dirty, reasoning=dirty, error=dirty, user=dirty,
        properties={"a": dirty}, parameters={"stop": [dirty]}, input=dirty, refusal=dirty,
    )  # fmt: skip
    text = form.build(export([step]))  # type: ignore[attr-defined]
    assert not any(secret in text for secret in (KEY, "sk-helicone-abc", "/home/ann"))
    assert "./data.csv" in text


def test_python_exports_and_says_where(shell: Shell) -> None:
    """As the verb does; a handle whose session has ended still can."""
    shell.run('%helicone_session "Course" --gateway demo\nimport heliconemagic\nsession = heliconemagic.session()')
    shell.run('session.ask("/abstract", "An abstract.")')
    shell.run("%helicone_session end")
    ran = shell.run('session.export("course.html")')
    assert ran.value is not None and ran.value.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_sample_has_every_kind_of_step() -> None:
    """What the other tests stand on."""
    assert len({(step.kind, step.status) for step in build_sample().steps}) == 5


class StoppingPath(type(Path())):  # type: ignore[misc]
    """A path that is interrupted half way through writing."""

    def write_bytes(self, data: bytes) -> int:
        """Writes half of it."""
        super().write_bytes(data[: len(data) // 2])
        raise KeyboardInterrupt


def test_an_interrupt_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    """Neither under the file's name nor beside it."""
    with pytest.raises(KeyboardInterrupt):
        write_export(StoppingPath(tmp_path / "a.md"), "whole")
    assert not list(tmp_path.iterdir())


class StoppedJournal:
    """A journal that is read when the kernel's interrupt comes."""

    def find_session(self, reference: str) -> object:
        """Is interrupted."""
        raise KeyboardInterrupt


def test_an_export_that_is_stopped_says_so_in_a_line(bench: Bench) -> None:
    """And fails the cell, so that Run All doesn't go on."""
    notebook = bench.notebook
    exports = Exports(notebook.surroundings, notebook.access, StoppedJournal(), lambda: None)  # type: ignore[arg-type]
    with pytest.raises(StepInterrupted, match="was left as it was"):
        exports.write("a.md", "Course")
    assert not (bench.folder / "a.md").exists()
