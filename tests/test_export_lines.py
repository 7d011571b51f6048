"""A session as JSON lines: read back whole, played as a lesson, and never trusted."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from export_samples import RECORD, build_feedback, build_long, build_sample, build_steps, export
from notebooks_in_process import Bench

from heliconemagic.errors import InputError
from heliconemagic.export.session_lines import build_lines
from heliconemagic.lessons.files import read_lesson
from heliconemagic.lessons.lesson import list_current
from heliconemagic.lessons.portable import Portable
from heliconemagic.lines.options import parse_session_line
from heliconemagic.lines.rating import Rating
from heliconemagic.notebook.importing import import_notebooks
from heliconemagic.records import Delivery, DeliveryState, OriginKind, StepKind, StepStatus
from heliconemagic.redaction import Redactor
from heliconemagic.saved.lines import read_session_file
from heliconemagic.verbs.across import resume_file

PORTABLE = Portable({}, Redactor(()))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The small session's file."""
    path = tmp_path / "course.jsonl"
    path.write_text(build_lines(build_sample()), encoding="utf-8")
    return path


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A notebook that has only lessons and the demo."""
    bench = Bench(tmp_path, None, {})
    yield bench
    bench.close()


def test_everything_comes_back(path: Path) -> None:
    """Session, steps and feedback are what they were; only the fingerprints, which would answer others, aren't."""
    record, steps, feedback = read_session_file(path)
    assert record == RECORD
    assert steps == [replace(step, fingerprint="") for step in build_steps()]
    assert feedback == build_feedback()


def test_a_lesson_has_the_current_answers(path: Path) -> None:
    """As `record` writes them: nothing that failed, was stopped or superseded, and no tool."""
    lesson = read_lesson(path, PORTABLE)
    assert [recording.path for recording in lesson.recordings] == [step.path for step in list_current(build_steps())]
    assert lesson.head.options.model == "gpt-4o-mini" and lesson.head.options.system == "Answer briefly."


def test_an_older_reader_passes_over_what_it_doesnt_know(path: Path) -> None:
    """Without the lines and fields of exports every line still reads, and means the same."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    known = [
        {name: value for name, value in line.items() if name not in ("session", "step")}
        for line in lines
        if "unplayed" not in line and "feedback" not in line
    ]
    whole = read_lesson(path, PORTABLE)
    path.write_text("".join(json.dumps(line) + "\n" for line in known), encoding="utf-8")
    assert read_lesson(path, PORTABLE).recordings == whole.recordings


def test_replay_plays_an_export(bench: Bench, tmp_path: Path) -> None:
    """The same cells get the same answers, offline; one that ran again its newer one."""
    bench.open('"Course" --gateway demo')
    bench.run("/abstract", "An old abstract.", cell="a")
    abstract = bench.run("/abstract", "An abstract.", cell="a")
    outline = bench.run("/outline", "An outline.", cell="b")
    bench.notebook.exports.write("course.jsonl")
    bench.open('"Again" --replay course.jsonl --pace 0')
    played = [bench.run("/abstract", "An abstract.", cell="a"), bench.run("/outline", "An outline.", cell="b")]
    assert [step.text for step in played] == [abstract.text, outline.text]
    assert {step.origin.kind for step in played if step.origin} == {OriginKind.REPLAYED}
    with pytest.raises(InputError, match="has no answer to this prompt"):
        bench.run("/abstract", "An old abstract.", cell="c")


def test_a_recorded_lesson_is_read_as_a_session(bench: Bench, tmp_path: Path) -> None:
    """Its steps have ids of their own, the same each time, and continue each other."""
    bench.open('"Course" --gateway demo')
    bench.notebook.sessions.record("lesson.jsonl")
    ran = [bench.run("/abstract", "An abstract.", cell="a"), bench.run("/outline", "An outline.", cell="b")]
    bench.run("/outline", "Another outline.", cell="b")
    record, steps, feedback = read_session_file(tmp_path / "lesson.jsonl")
    assert (record.title, record.source, feedback) == ("Course", "lesson.jsonl", [])
    assert [step.text for step in steps[:2]] == [step.text for step in ran]
    assert [step.parent_id for step in steps] == [None, steps[0].id, steps[0].id]
    assert [step.is_superseded for step in steps] == [False, True, False]
    assert read_session_file(tmp_path / "lesson.jsonl")[1] == steps


def test_import_reads_exports_and_lessons(bench: Bench, tmp_path: Path) -> None:
    """With ids of their own and all that was thought of them; what waited to be sent waits no more."""
    journal = bench.notebook.journal
    waiting = Delivery(state=DeliveryState.WAITING)
    steps = [replace(step, delivery=waiting) if step.kind is not StepKind.LLM else step for step in build_steps()]
    feedback = [replace(given, delivery=waiting) for given in build_feedback()]
    (tmp_path / "course.jsonl").write_text(build_lines(export(steps, feedback)), encoding="utf-8")
    for _ in range(2):  # an import that is repeated adds nothing
        (submission,) = import_notebooks(journal, ["*.jsonl"], tmp_path, student="bob").submissions
    (saved,) = submission.sessions
    record, found = journal.load_session(saved.record.id) or pytest.fail("it is not there")
    assert (record.source, record.title, record.gateway) == ("course.jsonl", RECORD.title, "oai")
    assert [step.path for step in found] == [step.path for step in steps] and found[0].id != steps[0].id
    assert found[2].parent_id == found[1].id and {step.user for step in found} == {"ada", "bob"}
    told = journal.load_feedback(record.id)
    assert [given.step_id for given in told[:2]] == [found[1].id] * 2 and len(told) == 3
    assert {one.delivery for one in (*found, *told)} == {None}


def test_import_leaves_the_original_as_it_was(bench: Bench, tmp_path: Path) -> None:
    """Of a session of one's own: the copy has attempts of its own, whatever the file says of them."""
    bench.open('"Course" --gateway demo')
    ran = bench.run("/abstract", "An abstract.")
    path = bench.notebook.exports.write("course.jsonl").path
    path.write_text(path.read_text().replace('"status_code":200', '"status_code":599'))
    (submission,) = import_notebooks(bench.notebook.journal, ["course.jsonl"], tmp_path).submissions
    journal = bench.notebook.journal
    for session_id, status in ((ran.session_id, 200), (submission.sessions[0].record.id, 599)):
        _, (found,) = journal.load_session(session_id) or pytest.fail("it is not there")
        assert [attempt.status_code for attempt in found.attempts] == [status]


def test_resume_brings_what_was_thought_of_it(bench: Bench, tmp_path: Path) -> None:
    """Where nobody has said anything since: resuming again takes no newer word back."""
    bench.open('"Course" --gateway demo')
    step = bench.run("/abstract", "An abstract.")
    session = bench.notebook.session
    assert session is not None
    bench.notebook.ratings.rate_step(session, step, Rating(thumb=True, note="good"))
    path = bench.notebook.exports.write("course.jsonl").path
    with closing(Bench(tmp_path / "elsewhere", None, {})) as elsewhere:
        options = parse_session_line("resume x").options
        resumed = resume_file(elsewhere.notebook, str(path), options).session
        mine = resumed.require_step("/abstract")
        (found,) = resumed.feedback.list_of(mine.id)
        assert (found.value, found.note) == (True, "good")
        elsewhere.notebook.ratings.rate_step(resumed, mine, Rating(thumb=False))
        again = resume_file(elsewhere.notebook, str(path), options).session
        assert [one.value for one in again.feedback.list_of(mine.id)] == [False]


def test_a_folder_is_searched_for_notebooks_alone(path: Path, bench: Bench) -> None:
    """Lines of JSON may be anything: they are named."""
    with pytest.raises(InputError, match="has no notebooks"):
        import_notebooks(bench.notebook.journal, ["."], path.parent)


def test_shared_messages_are_spelled_out_once() -> None:
    """A long conversation doesn't grow with its square."""
    short, long = (len(build_lines(build_long(count))) for count in (100, 200))
    assert long < 2.1 * short


def _spoil(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda line: line["step"].update({name: value})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_spoil("id", "a\nb"), "has a 'id' that is no id"),
        (_spoil("id", "x" * 200), "has a 'id' that is no id"),
        (_spoil("status", "great"), "has a 'status' 'great', which there isn't"),
        (_spoil("kind", []), "has a 'kind' that is no text"),
        (_spoil("started_at", -1), "has a 'started_at' that is no number"),
        (_spoil("started_at", 9.3e9), "has a 'started_at' that is no number"),
        (_spoil("attempts", [1]), "has an attempt that is no object"),
        (_spoil("attempts", [{"request_id": "a"}]), "has no 'started_at'"),
        (_spoil("properties", {"a": 1}), "has one of 'properties' that is no text"),
        (_spoil("is_superseded", "no"), "has a 'is_superseded' that is neither true nor false"),
        (_spoil("origin", {"kind": "kept"}), "has no 'at'"),
        (lambda line: line.update(path="no path"), "has a path 'no path' that no step can have"),
        (lambda line: line.update(messages=["sha256:0"]), "names a message that no earlier line has"),
    ],
)
def test_hostile_steps_are_refused(path: Path, spoil: Callable[[dict[str, Any]], None], said: str) -> None:
    """The error names the line and what is wrong with it."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    spoil(lines[2])
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_session_file(path)
    assert f"the session 'course.jsonl' cannot be read: line 3 {said}" in caught.value.message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            {"feedback": {"id": "f", "name": "rating", "given_at": 1, "value": "5"}},
            "neither a thumb nor a whole number",
        ),
        ({"feedback": {"id": "f", "given_at": 1}}, "has no 'name'"),
        ({"feedback": {"id": "f", "given_at": 1, "name": "bad\x1b[2J", "value": 3}}, "has a name that no score can"),
        ({"feedback": 1}, "has a 'feedback' that is no object"),
        ({"unplayed": {"id": "a"}}, "has no 'model'"),
        ({"superseded": [1]}, "has an id that is no text"),
    ],
)
def test_hostile_lines_are_refused(path: Path, line: dict[str, Any], said: str) -> None:
    """Those that aren't steps as well."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    with pytest.raises(InputError, match=said):
        read_session_file(path)


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("{}", "line 1 is not the first line of a lesson"),
        ("not json", "line 1 is not valid JSON"),
        ('{"heliconemagic_lesson": 2}', "is of format 2"),
        ('{"heliconemagic_lesson": 1, "session": {"id": "a", "name": " "}}', "has no 'id'"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, first: str, said: str) -> None:
    """So are those that begin otherwise, and those that aren't there."""
    (tmp_path / "a.jsonl").write_text(first, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_session_file(tmp_path / "a.jsonl")
    with pytest.raises(InputError, match="cannot be read: there is no such file"):
        read_session_file(tmp_path / "b.jsonl")


def test_a_day_of_waiting_can_still_be_played(tmp_path: Path) -> None:
    """A laptop that slept through an answer writes a file that a lesson's reader takes."""
    step = replace(build_steps()[1], ended_at=build_steps()[1].started_at + 3 * 24 * 3600)
    (tmp_path / "a.jsonl").write_text(build_lines(export([step])), encoding="utf-8")
    assert read_lesson(tmp_path / "a.jsonl", PORTABLE).recordings[0].seconds == 24 * 3600
    assert read_session_file(tmp_path / "a.jsonl")[1][0].ended_at == step.ended_at


def test_what_ran_elsewhere_comes_back_too(tmp_path: Path) -> None:
    """A step of another program, without bodies or with a path that no cell has, isn't played and isn't lost."""
    pulled = [
        replace(build_steps()[1], id="a", messages=()),
        replace(build_steps()[1], id="b", path="/é", messages=({"role": "critic", "content": "No."},), started_at=0.0),
    ]
    (tmp_path / "a.jsonl").write_text(build_lines(export(pulled)), encoding="utf-8")
    assert read_session_file(tmp_path / "a.jsonl")[1] == [replace(step, fingerprint="") for step in pulled]
    assert read_lesson(tmp_path / "a.jsonl", PORTABLE).recordings == ()


def test_whatever_was_pulled_comes_back(tmp_path: Path) -> None:
    """Sessions of other programs have names, ids and paths of their own; numbers that are none are nothing."""
    steps = [
        replace(
            build_steps()[0],
            path="/👩‍👧\ue000",
            parameters={"seed": 10**400, "top_p": math.nan, "max_tokens": math.inf},
        ),
        replace(build_steps()[1], messages=({"role": "user", "content": "x", "weight": math.inf},) * 2),
    ]
    for changes in ({"name": "", "id": "x" * 300}, {"name": "é\ue000", "id": "ü 1"}):
        exported = export(steps)
        record = replace(exported.record, **changes)
        path = tmp_path / "pulled.jsonl"
        path.write_text(build_lines(replace(exported, record=record)), encoding="utf-8")
        found, (first, second), _ = read_session_file(path)
        assert found.name == changes["name"] and found.id.isascii() and len(found.id) == 36
        assert first.parameters == {"seed": 10**400, "top_p": None, "max_tokens": None}
        assert first.path == steps[0].path and second.messages[1]["weight"] is None


def test_numbers_without_end_in_a_file_are_nothing(path: Path) -> None:
    """They couldn't be written again."""
    text = path.read_text(encoding="utf-8")
    assert '{"temperature":0.2}' in text
    path.write_text(text.replace('{"temperature":0.2}', '{"temperature":1e999}'), encoding="utf-8")
    assert [step.parameters for step in read_session_file(path)[1]][1] == {"temperature": None}


def test_a_running_step_was_interrupted(tmp_path: Path) -> None:
    """What is under way is in the file as it stands; nothing plays it, and whoever reads it waits for nothing."""
    step = replace(build_steps()[1], status=StepStatus.PENDING, ended_at=None, finish_reason=None)
    (tmp_path / "a.jsonl").write_text(build_lines(export([step])), encoding="utf-8")
    assert '"status":"pending"' in (tmp_path / "a.jsonl").read_text(encoding="utf-8")
    assert read_session_file(tmp_path / "a.jsonl")[1][0].status is StepStatus.INTERRUPTED
    assert read_lesson(tmp_path / "a.jsonl", PORTABLE).recordings == ()
