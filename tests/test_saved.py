"""Saved notebooks as sessions: what students handed in, and what somebody sent to be continued."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from journal_builders import build_session, build_step
from notebooks_in_process import Bench
from render_samples import ATTACKS, build_card, list_dangers
from saved_notebooks import build_cell, build_cells, build_form, write_forms, write_notebook
from shells import Shell

from heliconemagic.errors import CredentialError, InputError, JournalError
from heliconemagic.journal.journal import Journal
from heliconemagic.lessons.line_values import LineError
from heliconemagic.lines.options import parse_session_line
from heliconemagic.notebook.across import build_statistics
from heliconemagic.notebook.importing import Imported, import_notebooks
from heliconemagic.records import SessionRecord, Step, StepKind, StepStatus
from heliconemagic.render.batch_card import build_batch_json
from heliconemagic.render.batch_state import BatchCard, BatchCounts
from heliconemagic.render.card import build_json
from heliconemagic.render.comparison import build_comparison_bundle
from heliconemagic.render.comparison_state import build_comparison
from heliconemagic.render.notice import build_notice_html, build_notice_text
from heliconemagic.render.step_line import build_line_bundle
from heliconemagic.saved.files import find_files
from heliconemagic.saved.notebooks import read_notebook
from heliconemagic.saved.replies import DEEPEST, decode_replies
from heliconemagic.saved.sessions import build_sessions
from heliconemagic.statistics.grouping import parse_grouping
from heliconemagic.verbs.across import build_import_notice, resume_file


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A teacher's journal."""
    opened = Journal(tmp_path / "records")
    yield opened
    opened.close()


def open_bench(folder: Path, title: str = "homework", environ: Mapping[str, str] | None = None) -> Any:
    """Somebody's notebook, with a journal of its own."""
    folder.mkdir(exist_ok=True)
    return closing(Bench(folder, None, environ or {}, title))


def hand_in(folder: Path, name: str) -> Path:
    """A notebook in which a session of three steps ran, one of them failed."""
    with open_bench(folder / f"at-{name}") as bench:
        bench.open('"Course Creation" --gateway demo')
        bench.run("/abstract", f"An abstract for {name}.")
        bench.run("/outline", "Now an outline.")
        with pytest.raises(Exception, match="500"):
            bench.run("/quiz -m demo-500 --retries 0", "A quiz.")
        return write_notebook(folder / "in" / f"{name}.ipynb", build_cells(bench))


# ---- the reply's JSON


def test_json_says_where_it_belongs() -> None:
    """A reply names its session, its user and its properties; what is empty takes no room."""
    session = SessionRecord(id="5f1d", name="Cafe", title="Café", gateway="oai", notebook="nb", started_at=1.0)
    form = build_json(build_card(session=session, user="ada", properties={"team": "blue"}))
    assert (form["session_name"], form["session_title"], form["notebook"]) == ("Cafe", "Café", "nb")
    assert (form["user"], form["properties"]) == ("ada", {"team": "blue"})
    bare = build_json(build_card(session=replace(session, title="Cafe", notebook="")))
    assert {"session_title", "notebook", "user", "properties", "is_aside"} & set(bare) == set()
    assert "session_name" not in build_json(build_card())


def test_a_batch_is_one_step() -> None:
    """Of a batch a notebook has no answers but the sums: it counts as a step beside the conversation."""
    first = build_step(path="/quiz", model="demo", started_at=100.0, user="ada")
    card = BatchCard(
        id="b", path="/quiz/{{ row }}", status=StepStatus.FAILED, origin="demo", counts=BatchCounts(total=9, failed=2),
        seconds=30.0, cost=0.5, prompt_tokens=90, completion_tokens=10, step_ids=("x", "y"), first=first,
        session=build_session(),
    )  # fmt: skip
    (saved,) = decode_replies(json.loads(json.dumps(build_batch_json(card))))
    step = saved.step
    assert (step.tokens, step.cost, step.latency, step.user, step.is_aside) == (100, 0.5, 30.0, "ada", True)
    assert (step.error, step.text, saved.session_name) == ("2 of 9 rows failed", "", "Course")


def test_the_card_of_a_rerun_is_no_reply(tmp_path: Path) -> None:
    """It has the form of a batch that belongs to no session of the notebook: nothing is left out, nothing is told."""
    card = BatchCard(id="b", path="rerun of Course", status=StepStatus.DONE, origin="demo", step_ids=("x", "y"))
    found = read_notebook(write_forms(tmp_path / "a.ipynb", build_batch_json(card), build_form(id="good")))
    assert ([reply.step.id for reply in found.replies], found.faults) == (["good"], ())


def test_a_saved_session_comes_back(tmp_path: Path) -> None:
    """What was shown is read as it ran: paths, prompts, answers, parents, tokens, failures, times."""
    path = hand_in(tmp_path, "ada")
    (session,) = build_sessions(read_notebook(path))
    abstract, outline, quiz = session.steps
    assert (session.record.name, session.record.notebook, session.record.source) == (
        "Course Creation",
        "ada",
        "ada.ipynb",
    )
    assert [step.path for step in session.steps] == ["/abstract", "/outline", "/quiz"]
    assert (outline.parent_id, outline.prompt, outline.cell) == (abstract.id, "Now an outline.", "cell-2")
    assert abstract.tokens > 0 and abstract.latency is not None and abstract.text
    assert (quiz.status, quiz.text) == (StepStatus.FAILED, "")


def test_compared_answers_come_back(tmp_path: Path) -> None:
    """All answers of a comparison are steps, as the cell shows them; the current one is picked."""
    cards = [build_card(id=f"v{n}", comparison="v1", variant=n, is_picked=n == 2) for n in (1, 2)]
    bundle = build_comparison_bundle(build_comparison(cards, 2))
    path = write_notebook(tmp_path / "a.ipynb", [build_cell(1, bundle)])
    (session,) = build_sessions(read_notebook(path))
    assert [(step.id, step.variant, step.is_picked) for step in session.steps] == [("v1", 1, False), ("v2", 2, True)]


def test_tools_come_back() -> None:
    """A reply's calls of tools are steps below it."""
    call = {"id": "c1", "name": "weather", "arguments": "{}"}
    result = {"id": "c1", "path": "/a/tools/weather", "status": "done", "text": "sun", "started_at": 1.0}
    (reply,) = decode_replies(build_form(tool_calls=[call], tool_results=[result]))
    (tool,) = reply.calls
    assert (tool.kind, tool.parent_id, tool.text, tool.path) == (StepKind.TOOL, "reply-1", "sun", "/a/tools/weather")


def test_steps_that_are_no_prompts_come_back(journal: Journal, tmp_path: Path) -> None:
    """What a cell with ``%%helicone_step`` shows is read with what went in and came out, and has its column."""
    step = build_card(
        id="r", kind=StepKind.VECTOR_DB, path="/retrieve", messages=(), input='{"query": "x"}', text='["a"]', usage=None
    )
    path = write_notebook(tmp_path / "a.ipynb", [build_cell(1, build_line_bundle(step))])
    (found,) = build_sessions(read_notebook(path))[0].steps
    assert (found.kind, found.input, found.text) == (StepKind.VECTOR_DB, '{"query": "x"}', '["a"]')
    assert "/retrieve" in build_import_notice(import_notebooks(journal, [str(path)], None)).columns


# ---- hostile files

WRONG = {
    "a number": 7,
    "a list": [],
    "no id": build_form(id=...),
    "an id of another kind": build_form(id=["x"]),
    "an endless id": build_form(id="x" * 500),
    "no session": build_form(session_id=...),
    "no path": build_form(path=...),
    "a path outside": build_form(path="../../etc/passwd"),
    "a path with a line break": build_form(path="/a\nb"),
    "an unknown status": build_form(status="great"),
    "an unknown kind": build_form(kind=["LLM"]),
    "no messages": build_form(messages=...),
    "messages by name": build_form(messages=["sha256:1"]),
    "a message of a strange role": build_form(messages=[{"role": "root", "content": "x"}]),
    "a text of numbers": build_form(text=[1, 2]),
    "a start in words": build_form(started_at="soon"),
    "a start before time": build_form(started_at=-1),
    "a start after all time": build_form(started_at=1e300),
    "no start": build_form(started_at=None),
    "true tokens": build_form(usage={"prompt_tokens": True}),
    "endless tokens": build_form(usage={"prompt_tokens": 10**30}),
    "a negative cost": build_form(cost=-1),
    "a cost in words": build_form(cost="cheap"),
    "properties in a list": build_form(properties=["a"]),
    "properties that are numbers": build_form(properties={"a": 1}),
    "a call without a name": build_form(tool_calls=[{"id": "x"}]),
    "a result of nothing": build_form(tool_results=[7]),
    "an origin of nowhere": build_form(origin={"kind": "stolen", "answered_at": 1}),
    "of a later format": build_form(version=99),
    "replies that are none": {"version": 1, "replies": "x"},
    "a batch without ids": {**build_form(), "kind": "batch"},
}  # fmt: skip


@pytest.mark.parametrize("form", WRONG.values(), ids=WRONG)
def test_what_cannot_be_meant_is_left_out(form: Any, tmp_path: Path) -> None:
    """A reply that is wrong somewhere is told of, by its cell, and the others are read."""
    found = read_notebook(write_forms(tmp_path / "a.ipynb", form, build_form(id="good")))
    assert [reply.step.id for reply in found.replies] == ["good"]
    assert len(found.faults) == 1 and found.faults[0].startswith("cell 2 ")


def test_what_is_nested_too_deeply(tmp_path: Path) -> None:
    """A reply that could not be written again is not read, whatever of it is so deep."""
    deep: Any = "x"
    for _ in range(DEEPEST):
        deep = [deep]
    with pytest.raises(LineError, match="deeply"):
        decode_replies(build_form(parameters={"stop": deep}))
    path = tmp_path / "deep.ipynb"
    path.write_text('{"cells": ' + "[" * 200_000 + "]" * 200_000 + "}")
    with pytest.raises(InputError, match="deeply"):
        read_notebook(path)


def test_numbers_that_are_none(tmp_path: Path) -> None:
    """NaN and infinity, which other programs write into notebooks, spoil no file; in a reply they are nothing."""
    text = json.dumps({"cells": [{"outputs": [{"data": {"plot": [float("nan"), float("inf")]}}]}]})
    path = write_forms(tmp_path / "a.ipynb", build_form(cost=7.125, ended_at=8.125))
    path.write_text(path.read_text().replace("7.125", "NaN").replace("8.125", "1e999"))
    (reply,) = read_notebook(path).replies
    assert (reply.step.cost, reply.step.ended_at) == (None, None)
    other = tmp_path / "plot.ipynb"
    other.write_text(text)
    assert read_notebook(other).replies == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '{"cells": 7}',
        '{"worksheets": []}',
        '{"cells": [], "x": ' + "9" * 5000 + "}",
        "\xff\xfe",
        "{}",
    ],
)
def test_what_is_no_notebook(text: str, tmp_path: Path) -> None:
    """Any other file is refused in one sentence with its name."""
    path = tmp_path / "strange.ipynb"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"strange\.ipynb"):
        read_notebook(path)


def test_strange_cells_are_passed_over(tmp_path: Path) -> None:
    """Cells and outputs of any shape that aren't replies are nobody's business."""
    path = tmp_path / "a.ipynb"
    cells: list[Any] = [None, 7, "x", {}, {"outputs": 7}, {"outputs": [7, {"data": []}, {"data": {"text/plain": 1}}]}]
    path.write_text(json.dumps({"cells": cells}))
    found = read_notebook(path)
    assert (found.replies, found.faults) == ((), ())


def test_nothing_is_its_own_ancestor(tmp_path: Path) -> None:
    """Parents that stand after their children, or elsewhere, are dropped; so is an end before the start."""
    forms = [
        build_form(id="a", parent_id="b"),
        build_form(id="b", parent_id="a", ended_at=3.0),
        build_form(id="c", parent_id="x"),
    ]
    (session,) = build_sessions(read_notebook(write_forms(tmp_path / "a.ipynb", *forms)))
    assert [(step.id, step.parent_id) for step in session.steps] == [("a", None), ("b", "a"), ("c", None)]
    assert session.steps[1].latency == 0.0


# ---- import


def load_all(journal: Journal) -> dict[str, tuple[SessionRecord, list[Step]]]:
    """Every session of a journal with its steps, by its id."""
    return {summary.id: journal.load_session(summary.id) for summary in journal.list_sessions()}


def test_import_makes_sessions(journal: Journal, tmp_path: Path) -> None:
    """Each notebook is a session of its own, of the same name, its steps its student's; statistics tell them apart."""
    for name in ("ada", "ben"):
        hand_in(tmp_path, name)
    imported = import_notebooks(journal, ["in/*.ipynb"], tmp_path)
    assert [(one.student, len(one.steps), one.totals.errors) for one in imported.submissions] == [
        ("ada", 3, 1),
        ("ben", 3, 1),
    ]
    found = load_all(journal)
    assert sorted((record.source, record.notebook) for record, _ in found.values()) == [
        ("ada.ipynb", "ada"),
        ("ben.ipynb", "ben"),
    ]
    groups = build_statistics(journal, "Course Creation", parse_grouping("user")).groups
    assert [(row["user"], row["steps"], row["errors"]) for row in groups] == [("ada", 3, 1), ("ben", 3, 1)]


def test_importing_again_changes_nothing(journal: Journal, tmp_path: Path) -> None:
    """The same file gives the same sessions and steps, and the report says that it was there."""
    write_forms(tmp_path / "ada.ipynb", build_form(), build_form(id="reply-2", parent_id="reply-1", started_at=1100.0))
    first = import_notebooks(journal, ["ada.ipynb"], tmp_path)
    before = load_all(journal)
    second = import_notebooks(journal, ["*.ipynb"], tmp_path)
    assert load_all(journal) == before
    assert [first.submissions[0].is_known, second.submissions[0].is_known] == [False, True]
    ((_, [parent, child]),) = before.values()
    assert child.parent_id == parent.id and parent.id != "reply-1"


def test_a_newer_version_supersedes(journal: Journal, tmp_path: Path) -> None:
    """Of a notebook that is handed in again, what is no longer in it stays in the journal as superseded."""
    write_forms(tmp_path / "ada.ipynb", build_form(), build_form(id="old", path="/quiz"))
    import_notebooks(journal, ["ada.ipynb"], tmp_path)
    write_forms(tmp_path / "ada.ipynb", build_form(), build_form(id="new", path="/quiz"))
    imported = import_notebooks(journal, ["ada.ipynb"], tmp_path)
    ((_, steps),) = load_all(journal).values()
    assert [(step.path, step.is_superseded) for step in steps].count(("/quiz", True)) == 1
    assert (len(steps), imported.submissions[0].dropped) == (3, 1)


def test_a_copy_is_told_beside_many_broken_files(journal: Journal, tmp_path: Path) -> None:
    """Not all that is wrong with single files is said."""
    for name in ("ada", "ben"):
        write_forms(tmp_path / f"{name}.ipynb", build_form())
    for number in range(20):
        (tmp_path / f"{number}.ipynb").write_text("{")
    text = build_notice_text(build_import_notice(import_notebooks(journal, ["*.ipynb"], tmp_path)))
    assert "the very same 1 reply in 2 notebooks: ada.ipynb, ben.ipynb" in text and "13 more remarks" in text


def test_a_copy_is_noticed(journal: Journal, tmp_path: Path) -> None:
    """Two notebooks with the very same replies are told, and both are there; alike ones are none of it."""
    write_forms(tmp_path / "ada.ipynb", build_form(), build_form(id="reply-2"))
    write_forms(tmp_path / "ben.ipynb", build_form(), build_form(id="reply-2"), build_form(id="own"))
    write_forms(tmp_path / "eve.ipynb", build_form(id="alike", session_id="other"))
    imported = import_notebooks(journal, ["*.ipynb"], tmp_path)
    assert imported.shared == [(("ada.ipynb", "ben.ipynb"), 2)]
    assert len(load_all(journal)) == 3
    assert "the very same 2 replies in 2 notebooks: ada.ipynb, ben.ipynb" in build_notice_text(
        build_import_notice(imported)
    )


def test_a_folder_for_each_student(journal: Journal, tmp_path: Path) -> None:
    """Notebooks of one name belong to the folders that tell them apart; Jupyter's own copies are left out."""
    for name in ("ada", "ben"):
        write_forms(tmp_path / "in" / name / "hw" / "hw.ipynb", build_form())
        write_forms(tmp_path / "in" / name / "hw" / ".ipynb_checkpoints" / "hw-checkpoint.ipynb", build_form())
    imported = import_notebooks(journal, ["in"], tmp_path)
    assert [one.student for one in imported.submissions] == ["ada", "ben"]
    assert {step.user for _, steps in load_all(journal).values() for step in steps} == {"ada", "ben"}
    assert imported.shared == [(("ada/hw.ipynb", "ben/hw.ipynb"), 1)]


def test_users_that_are_named(journal: Journal, tmp_path: Path) -> None:
    """A step's own user stays; ``--user`` says whose notebook it is where the file's name doesn't."""
    write_forms(tmp_path / "upload-77.ipynb", build_form(), build_form(id="own", user="Ada L."))
    import_notebooks(journal, ["upload-77.ipynb"], tmp_path, student="ada")
    assert [step.user for _, steps in load_all(journal).values() for step in steps] == ["ada", "Ada L."]


def test_users_that_are_named_differently_are_the_same_notebook(journal: Journal, tmp_path: Path) -> None:
    """Imported again it takes the place of what was there, whoever's it is said to be."""
    write_forms(tmp_path / "ada.ipynb", build_form())
    import_notebooks(journal, ["ada.ipynb"], tmp_path)
    import_notebooks(journal, ["ada.ipynb"], tmp_path, student="all")
    assert [step.user for _, steps in load_all(journal).values() for step in steps] == ["all"]


def test_bad_files_are_named_and_skipped(journal: Journal, tmp_path: Path) -> None:
    """The others are imported; only where none can be read does the line fail, and says of each why."""
    (tmp_path / "bad.ipynb").write_text("{")
    with pytest.raises(InputError, match="nothing was imported") as raised:
        import_notebooks(journal, ["bad.ipynb", "missing.ipynb"], tmp_path)
    assert "bad.ipynb" in str(raised.value) and "missing.ipynb" in str(raised.value)
    write_forms(tmp_path / "good.ipynb", build_form(), 7)
    imported = import_notebooks(journal, ["*.ipynb"], tmp_path)
    text = build_notice_text(build_import_notice(imported))
    assert "skipped: 'bad.ipynb' is no notebook" in text and "good.ipynb: left out a reply: cell 3" in text


def test_patterns_in_a_folder_with_brackets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what was typed is a pattern: not the notebook's own folder, and not the home folder."""
    folder = tmp_path / "[2024] course"
    path = folder / "students" / "a.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    for word in ("students/*.ipynb", "students", "**/[a-c].ipynb", "~/students/*.ipynb", f"{tmp_path}/*/*/*.ipynb"):
        assert find_files([word], folder) == [path]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("no/*.ipynb", "no .ipynb file has a name like 'no/*.ipynb'"),
        ("no/*.jsonl", "no .jsonl file has a name like"),
        ("empty", "the folder 'empty' has no notebooks (.ipynb)"),
        ("nowhere", "there is no file or folder 'nowhere'"),
        ("notes.txt", "'notes.txt' is neither a notebook (.ipynb) nor an exported session (.jsonl)"),
    ],
)
def test_patterns_without_a_file(journal: Journal, tmp_path: Path, word: str, said: str) -> None:
    """What names no notebook is refused in plain words, with what to type."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        import_notebooks(journal, [word], tmp_path)
    assert caught.value.hint and caught.value.cause is None


def test_a_file_cannot_reach_into_the_journal(journal: Journal, tmp_path: Path) -> None:
    """Ids that stand for the teacher's own session, step or comparison change nothing of them."""
    journal.put_session(build_session())
    journal.close_step(build_step(status=StepStatus.DONE, text="Mine.", fingerprint="f", comparison="c"))
    before = journal.load_session("5e551011")
    forged = build_form(id="step-1", session_id="5e551011", text="Forged.", comparison="c", fingerprint="f")
    import_notebooks(journal, [str(write_forms(tmp_path / "eve.ipynb", forged))], tmp_path)
    assert journal.load_session("5e551011") == before
    assert journal.find_reply("f") == before[1][0]
    assert journal.find_session("Course").id == "5e551011"
    assert journal.find_newest("eve", name="Course") is None


def test_a_journal_that_cannot_be_written(tmp_path: Path) -> None:
    """Import is for the journal: where that fails, so does the line."""
    (tmp_path / "records").write_text("a file in the folder's place")
    write_forms(tmp_path / "ada.ipynb", build_form())
    with closing(Journal(tmp_path / "records")) as broken, pytest.raises(JournalError):
        import_notebooks(broken, ["ada.ipynb"], tmp_path)


def test_many_replies_fit_the_queue(tmp_path: Path) -> None:
    """A large notebook is written whole, however few changes the journal's queue holds."""
    write_forms(tmp_path / "ada.ipynb", *(build_form(id=f"r{n}", started_at=1000.0 + n) for n in range(1500)))
    with closing(Journal(tmp_path / "records", max_queued=1200)) as journal:
        import_notebooks(journal, ["ada.ipynb"], tmp_path)
        ((_, steps),) = load_all(journal).values()
        assert (len(steps), journal.warning) == (1500, None)


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_words(journal: Journal, tmp_path: Path, attack: str) -> None:
    """Whatever a notebook says of itself is shown as text."""
    form = build_form(user=attack, session_name=attack, session_title=attack, gateway=attack, text=attack)
    imported = import_notebooks(
        journal, [str(write_forms(tmp_path / "eve.ipynb", form, {**form, "path": attack}))], None
    )
    notice = build_import_notice(replace_students(imported, attack))
    assert list_dangers(build_notice_html(notice)) == []
    ((record, _),) = load_all(journal).values()
    assert record.name.isascii() and record.gateway == ""


def replace_students(imported: Imported, name: str) -> Imported:
    """The same, of students with another name."""
    submissions = [replace(one, student=name, file=name) for one in imported.submissions]
    return Imported(submissions=submissions, unread=[(name, name)], shared=[((name, name), 1)])


# ---- resume FILE


def test_resume_goes_on_where_it_was(tmp_path: Path) -> None:
    """In a place without its journal, the same session goes on: context, recorded replies, and the next --resume."""
    path = hand_in(tmp_path, "ada")
    with open_bench(tmp_path / "elsewhere", "received") as bench:
        resumed = resume_file(bench.notebook, str(path), parse_session_line("resume x").options)
        session = resumed.session
        assert (session.record.name, session.choice.gateway.label, session.is_resumed) == (
            "Course Creation",
            "demo",
            True,
        )
        assert resumed.lines[0].startswith("resumed from ada.ipynb: 3 steps, begun ")
        kept = bench.plan("/outline", "Now an outline.").kept
        assert kept is not None and kept.text == session.find_step("/outline").text
        went_on = bench.run("/lesson", "A lesson.")
        assert session.find_parent(went_on).path == "/outline"
        assert bench.notebook.journal.find_newest("received", name="Course Creation").id == session.record.id


def test_resume_again_adds_nothing(tmp_path: Path) -> None:
    """The journal that has the session keeps its own steps; only what it lacks is added."""
    path = hand_in(tmp_path, "ada")
    with open_bench(tmp_path / "elsewhere") as bench:
        options = parse_session_line("resume x").options
        first = resume_file(bench.notebook, str(path), options).session.steps
        bench.run("/lesson", "A lesson.")
        second = resume_file(bench.notebook, str(path), options).session.steps
        assert [step.id for step in second[:3]] == [step.id for step in first]
        assert len(second) == 4
    with open_bench(tmp_path / "at-ada") as home:
        resumed = resume_file(home.notebook, str(path), options)
        assert [step.attempts for step in resumed.session.steps if not step.attempts] == []
        assert "0 of them new in this journal" in resumed.lines[0]


@pytest.mark.parametrize("label", ["https://evil.example/v1", "direct:https://evil.example", "replay", ""])
def test_a_file_doesnt_say_where_keys_go(tmp_path: Path, label: str) -> None:
    """A gateway that is an address has to be named by whoever continues the session."""
    path = write_forms(tmp_path / "a.ipynb", build_form(gateway=label))
    with open_bench(tmp_path / "here") as bench:
        with pytest.raises(InputError, match="where your keys go") as raised:
            resume_file(bench.notebook, str(path), parse_session_line("resume x").options)
        assert "add --gateway oai" in str(raised.value)  # the file is elsewhere: a line with its name alone finds none
        assert bench.notebook.session is None
        resumed = resume_file(bench.notebook, str(path), parse_session_line("resume x --gateway demo").options)
        assert resumed.session.steps[0].fingerprint == ""


def test_keys_that_are_missing(tmp_path: Path) -> None:
    """Where the session's gateway needs keys that aren't here, the error says how to go on without."""
    path = write_forms(tmp_path / "a.ipynb", build_form(gateway="oai"))
    with open_bench(tmp_path / "here") as bench, pytest.raises(CredentialError) as raised:
        resume_file(bench.notebook, str(path), parse_session_line("resume x").options)
    assert "--gateway demo" in str(raised.value)


def test_what_a_file_lacks_is_said(tmp_path: Path) -> None:
    """Attachments are known by name only; of several sessions the last is continued; broken replies are told."""
    part = {"type": "attachment", "sha256": "a" * 64, "media_type": "image/png", "name": "x.png", "size": 3}
    pictured = build_form(id="p", session_id="s2", started_at=5000.0, messages=[{"role": "user", "content": [part]}])
    path = write_forms(tmp_path / "a.ipynb", build_form(), pictured, 7)
    with open_bench(tmp_path / "here") as bench:
        resumed = resume_file(bench.notebook, str(path), parse_session_line("resume x").options)
    said = "\n".join(resumed.lines)
    assert resumed.session.record.id == "s2"
    assert "1 attachment known by name only" in said
    assert "the file has 2 sessions" in said and "left out a reply: cell 4" in said


def test_another_name_for_a_known_id(tmp_path: Path) -> None:
    """An id and a name belong together: a file that gives another one to a session here is refused."""
    with open_bench(tmp_path / "here") as bench:
        bench.open('"Mine" --gateway demo')
        bench.run("/a")
        path = write_forms(tmp_path / "a.ipynb", build_form(session_id=bench.notebook.session.record.id))
        with pytest.raises(InputError, match="is recorded as 'Mine'"):
            resume_file(bench.notebook, str(path), parse_session_line("resume x").options)
        assert bench.notebook.session is not None


def test_resume_wants_one_notebook(tmp_path: Path) -> None:
    """Several files, or one without replies, are refused."""
    write_forms(tmp_path / "a.ipynb")
    write_forms(tmp_path / "b.ipynb", build_form())
    with open_bench(tmp_path / "here") as bench:
        options = parse_session_line("resume x").options
        with pytest.raises(InputError, match="are several"):
            resume_file(bench.notebook, str(tmp_path / "*.ipynb"), options)
        with pytest.raises(InputError, match="has no session"):
            resume_file(bench.notebook, str(tmp_path / "a.ipynb"), options)


# ---- in a shell


def test_import_on_the_session_line(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named as seen from the notebook's folder; without one the line says what to type."""
    monkeypatch.chdir(tmp_path)
    write_forms(tmp_path / "students" / "ada.ipynb", build_form())
    ran = shell.run("%helicone_session import students/*.ipynb --user ada")
    assert "imported 1 notebook" in ran.text() and "✓" in ran.text()
    assert "(from ada.ipynb)" in shell.run("%helicone_session list").text()
    assert "students/*.ipynb" in str(shell.run("%helicone_session import").error)
    assert "resumed from ada.ipynb" in shell.run("%helicone_session resume students/ada.ipynb").text()
