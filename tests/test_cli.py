"""The command line: its output, its exit codes, what it leaves on disk."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from environs import build_environ
from journal_builders import build_session, build_step, start_python

from heliconemagic import __version__
from heliconemagic.cli.demo import find_free_stem
from heliconemagic.cli.main import main
from heliconemagic.journal.journal import Journal
from heliconemagic.records import Attempt, SessionRecord, Step, StepStatus
from heliconemagic.usage import Usage

TREE_FILES = (Path(__file__).parent / "data" / "trees.json", Path(__file__).parents[2] / "shared" / "trees.json")
TREES = [case for file in TREE_FILES if file.exists() for case in json.loads(file.read_text())]

STREAM = """
import sys, time
from pathlib import Path
from journal_builders import build_session, build_step
from heliconemagic.journal.journal import Journal

journal = Journal(Path(sys.argv[1]))
journal.put_session(build_session())
journal.open_step(build_step())
journal.put_text("step-1", "the first half")
journal.flush()
time.sleep(0.3)
print("flushed", flush=True)
time.sleep(60)
"""


def build_done(**changes: object) -> Step:
    """A finished step with an attempt."""
    values = {
        "status": StepStatus.DONE,
        "ended_at": 103.5,
        "first_token_at": 101.4,
        "text": "A course on stars.",
        "usage": Usage(prompt_tokens=10, completion_tokens=5),
        "attempts": (Attempt(request_id="a1b2", started_at=101.0, ended_at=103.5, status_code=200),),
    }
    return build_step(**{**values, **changes})


def record(folder: Path, session: SessionRecord, *steps: Step) -> None:
    """Puts a session into the journal of ``folder``."""
    journal = Journal(folder)
    journal.put_session(session)
    for step in steps:
        journal.close_step(step)
    journal.close()


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command as a process of its own, at home in ``folder``."""
    return subprocess.Popen(
        [sys.executable, "-m", "heliconemagic", *arguments],
        cwd=folder,
        env=build_environ(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# ---- the command itself


def test_version_imports_nothing_heavy(tmp_path: Path) -> None:
    """`--version` answers without importing a library that it doesn't need."""
    script = (
        "import sys, heliconemagic.cli.main\n"
        "try: heliconemagic.cli.main.main(['--version'])\n"
        "except SystemExit: pass\n"
        "heavy = {'openai', 'IPython', 'ipywidgets', 'httpx2', 'jinja2', 'sqlite3', 'asyncio', 'nbclient'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    printed = subprocess.check_output([sys.executable, "-c", script], env=build_environ(tmp_path), text=True)
    assert printed.splitlines() == [f"heliconemagic {__version__}", "[]"]


def test_no_command_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command, the commands are listed."""
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(command in printed for command in ("demo", "sessions", "show", "tree"))


def test_unknown_command_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that isn't there ends with 2, as argparse has it."""
    with pytest.raises(SystemExit) as ended:
        main(["plya"])
    assert ended.value.code == 2
    assert "plya" in capsys.readouterr().err


def test_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    """A reader that has seen enough ends the command quietly."""
    record(tmp_path / "journal", build_session(), build_done())
    process = start(tmp_path, "show", "Course")
    assert process.stdout is not None
    process.stdout.close()  # long before there is anything to write
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait() == 1


# ---- sessions and show


@pytest.mark.parametrize("word", ["sessions", "list"])
def test_sessions_lists_the_journal(word: str, world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both words list the sessions, newest first."""
    record(world, build_session("aaaa1111", title="Older", started_at=50.0))
    record(world, build_session("bbbb2222"), build_done(session_id="bbbb2222"))
    assert main([word]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["id", "bbbb2222", "aaaa1111"]


def test_sessions_as_json(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON has id, name and sums of each session."""
    record(world, build_session(title="Kurs über Sterne"), build_done())
    main(["sessions", "--json"])
    (session,) = json.loads(capsys.readouterr().out)
    assert (session["id"], session["name"], session["title"]) == ("5e551011", "Course", "Kurs über Sterne")
    assert (session["steps"], session["tokens"], session["errors"]) == (1, 15, 0)


def test_sessions_of_a_new_machine(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing was recorded, looking makes no journal."""
    assert main(["sessions"]) == 0
    assert capsys.readouterr().out == "no sessions recorded yet\n"
    assert not world.exists()


def test_show_prints_prompts_and_replies(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text form has the tree, and each step's prompt, reply and attempts."""
    record(world, build_session(), build_done())
    assert main(["show", "Course"]) == 0
    printed = capsys.readouterr().out
    for part in ("/abstract  done", "prompt: Write an abstract.", "A course on stars.", "a1b2"):
        assert part in printed


def test_show_as_a_table(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each step and nothing else."""
    record(world, build_session(), build_done())
    assert main(["show", "Course", "--table"]) == 0
    title, head, *rows = capsys.readouterr().out.splitlines()
    assert title == "Course" and head.split()[:2] == ["#", "path"]
    assert [row.split()[1] for row in rows] == ["/abstract"]


def test_show_as_json_has_everything(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON has messages, replies, attempts and the sums."""
    record(world, build_session(), build_done(), build_step("step-2", parent_id="step-1", status=StepStatus.FAILED))
    assert main(["show", "5e55", "--json"]) == 0
    session = json.loads(capsys.readouterr().out)
    first, second = session["steps"]
    assert first["messages"] == [{"role": "user", "content": "Write an abstract."}]
    assert (first["text"], first["latency"]) == ("A course on stars.", 2.5)
    assert first["attempts"][0]["status_code"] == 200
    assert (second["status"], second["parent_id"]) == ("failed", "step-1")
    assert (session["totals"]["steps"], session["totals"]["errors"]) == (2, 1)


def test_show_says_what_was_interrupted(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The step of a kernel that was killed is shown as interrupted, with the text it had."""
    with start_python(STREAM, world) as process:
        assert process.stdout is not None and process.stdout.readline() == "flushed\n"
        process.kill()
    main(["show", "Course", "--json"])
    (step,) = json.loads(capsys.readouterr().out)["steps"]
    assert (step["status"], step["text"]) == ("interrupted", "the first half")
    main(["show", "Course"])
    assert "state: interrupted" in capsys.readouterr().out


def test_show_of_an_unknown_session(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that isn't there is bad input; the error says how to find the right one, in this command's words."""
    record(world, build_session())
    assert main(["show", "Curse"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("heliconemagic: no session is called 'Curse'.\n  hint: did you mean \"Course\"?")
    assert "`heliconemagic sessions`" in captured.err and "Traceback" not in captured.err


def test_show_of_a_broken_journal(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A journal that is no journal is a failure, said without a traceback."""
    world.mkdir()
    (world / "journal.sqlite3").write_bytes(b"not a database" * 1000)
    assert main(["show", "Course"]) == 1
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("form", [["show", "Course"], ["show", "Course", "--json"], ["sessions"]])
def test_answers_cannot_steer_the_terminal(form: list[str], world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences and bidi controls of a model's answer, a prompt or a title don't reach the terminal."""
    attack = "x\x1b]0;owned\x07y\x9b31mz\u202egnp.exe\r"
    steps = build_done(text=attack, prompt=attack), build_done(step_id="s2", reasoning=attack, error=attack)
    record(world, build_session(title=attack), *steps)
    assert main(form) == 0
    printed = capsys.readouterr().out
    assert not set("\x1b\x07\x9b\u202e\r") & set(printed)


# ---- tree


def run_tree(requests: object, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    """The command with ``requests`` as JSON (or a text as it is) on standard input."""
    text = requests if isinstance(requests, str) else json.dumps(requests)
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    return main(["tree", "-", *options])


@pytest.mark.parametrize("case", TREES, ids=lambda case: case["name"])
def test_tree_has_the_dashboards_shape(
    case: dict[str, object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The nested form equals the recorded tree, to the order of its keys."""
    assert run_tree(case["requests"], monkeypatch, "--json") == 0
    assert json.dumps(json.loads(capsys.readouterr().out)) == json.dumps(case["tree"])


def test_tree_for_reading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json, folders and requests stand one below the other; a byte order mark is no harm."""
    requests = [{"id": "r1", "path": "/a/b", "start": 1000, "end": 2900, "model": "tool:weather"}]
    (tmp_path / "requests.json").write_text(json.dumps(requests), encoding="utf-8-sig")
    assert main(["tree", str(tmp_path / "requests.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["/", "1.9", "s"], ["a/", "1.9", "s"], ["b/", "1.9", "s"], ["r1", "(Tool)", "1.9", "s"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('[{"id": "r", "path": "/a", "start": NaN, "end": 1}]', "is not JSON"),
        ("{}", "holds an object, not a list"),
        ([1], "entry 0 is not an object"),
        ([{"id": "r1", "path": "/a", "start": 1}], "entry 0 has no 'end'"),
        ([{"id": "r1", "path": "/a", "start": "1", "end": 2}], "not a number of milliseconds"),
        ([{"id": "r1", "path": 7, "start": 1, "end": 2}], "not a text"),
        ([{"id": "r1", "path": "/a" * 3000, "start": 1, "end": 2}], "more than 200 segments"),
    ],
)
def test_tree_refuses_what_is_no_list_of_requests(
    given: object, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever else is given is bad input: the error says what is wrong and what it should be."""
    assert run_tree(given, monkeypatch, "--json") == 2
    captured = capsys.readouterr()
    assert said in captured.err and "hint: it should be" in captured.err
    assert captured.out == ""


def test_tree_of_a_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that isn't there is bad input."""
    assert main(["tree", "missing.json"]) == 2
    assert "'missing.json' cannot be read" in capsys.readouterr().err


# ---- demo


def test_demo_plays_the_session(capsys: pytest.CaptureFixture[str], world: Path) -> None:
    """The demo streams three steps, shows their tree, and records them in the user's journal."""
    assert main(["demo", "--fast", "--no-notebook"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("Demo text, not a language model.") == 3
    assert "satellite navigation" in printed and "after /abstract" in printed and "after /outline" in printed
    (summary,) = Journal(world).list_sessions()
    assert (summary.name, summary.steps, summary.errors) == ("Course Creation", 3, 0)
    assert f"show {summary.id[:8]}" in printed
    assert list(Path().iterdir()) == []


def test_demo_without_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the libraries for notebooks are missing, it plays all the same and says what to install."""
    monkeypatch.setitem(sys.modules, "nbclient", None)  # how Python itself marks what cannot be imported
    assert main(["demo", "--fast"]) == 0
    assert capsys.readouterr().out.endswith("-m pip install nbclient\n")
    assert list(Path().iterdir()) == []


def test_demo_refuses_a_folder_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that cannot be made is said before anything is played."""
    (tmp_path / "taken").write_text("mine")
    assert main(["demo", "--folder", str(tmp_path / "taken")]) == 2
    captured = capsys.readouterr()
    assert "cannot be made" in captured.err and captured.out == ""


def test_demo_takes_a_free_name(tmp_path: Path) -> None:
    """No file is overwritten: a name is free if neither notebook nor page has it."""
    assert find_free_stem(tmp_path) == "course-creation"
    (tmp_path / "course-creation.html").touch()
    (tmp_path / "course-creation-2.ipynb").touch()
    assert find_free_stem(tmp_path) == "course-creation-3"


@pytest.mark.kernel
def test_demo_writes_an_executed_notebook(tmp_path: Path) -> None:
    """The notebook has outputs of every step, no widget state, and its page loads nothing."""
    process = start(tmp_path, "demo", "--fast", "--folder", "made/here")
    printed, complained = process.communicate()
    assert (process.returncode, complained) == (0, "")
    assert f"open {Path('made/here/course-creation.html')} in a browser" in printed
    notebook = nbformat.read(tmp_path / "made/here/course-creation.ipynb", as_version=4)
    nbformat.validate(notebook)
    answers = [cell for cell in notebook.cells if cell.source.startswith("%%llm")]
    assert len(answers) == 3 and all("text/html" in cell.outputs[0].data for cell in answers)
    assert "widgets" not in notebook.metadata and str(tmp_path) not in nbformat.writes(notebook)
    page = (tmp_path / "made/here/course-creation.html").read_text()
    assert "Lesson 1" in page and "<script" not in page and 'src="http' not in page and "url(http" not in page


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent as a signal")
def test_demo_stops_at_ctrl_c(tmp_path: Path) -> None:
    """Ctrl-C in mid-answer ends the demo with one line and 130; the step is kept, no file is written."""
    process = start(tmp_path, "demo")
    assert process.stdout is not None
    seen = ""
    while "Demo text" not in seen:
        seen += process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    _, complained = process.communicate()
    assert process.returncode == 130
    assert complained.startswith("heliconemagic: /abstract was stopped after") and complained.count("\n") == 1
    (summary,) = Journal(tmp_path / "journal").list_sessions(notebook="course-creation")
    assert summary.errors == 1
    assert not list(tmp_path.glob("*.ipynb"))
