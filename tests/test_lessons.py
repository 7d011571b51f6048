"""Recorded lessons: written while a session runs, played again elsewhere, or where the network fails."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_helicone import HELICONE_KEY, PROVIDER_KEY, FakeHelicone
from journal_builders import build_step
from notebooks_in_process import BOTH_KEYS, Bench
from shells import Shell

from heliconemagic.cards import build_recorded_card
from heliconemagic.engine.following import RunGroup, follow_blocking
from heliconemagic.errors import CredentialError, GatewayError, IncompleteAnswerError, InputError, UnreachableError
from heliconemagic.lessons.files import LessonWriter
from heliconemagic.lessons.lesson import LessonHead
from heliconemagic.lessons.portable import Portable
from heliconemagic.lines.options import parse_cell_line
from heliconemagic.records import Cell, OriginKind, Step, StepStatus, ToolCall
from heliconemagic.redaction import Redactor
from heliconemagic.render.card import build_text

TEACHER, STUDENT = {"HOME": "/home/ann"}, {"HOME": "/home/bob"}
CELLS = (("/abstract", "An abstract."), ("/outline", "An outline."), ("/outline/lesson-1", "The first lesson."))

BuildBench = Callable[..., Bench]


@pytest.fixture
def build_bench(tmp_path: Path) -> Iterator[BuildBench]:
    """Makes notebooks in one folder; without a fake, only the demo and lessons answer."""
    made: list[Bench] = []

    def build(environ: dict[str, str] | None = None, fake: FakeHelicone | None = None) -> Bench:
        made.append(Bench(tmp_path, fake, environ or {}))
        made[-1].skip_runs(1000 * len(made))
        return made[-1]

    yield build
    for bench in made:
        bench.close()


def run_all(bench: Bench, line: str, cells: tuple[tuple[str, str], ...] = CELLS) -> list[Step]:
    """Opens a session and runs its cells."""
    bench.open(line)
    return [bench.run(path, prompt) for path, prompt in cells]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Step]]:
    """A folder with a session, recorded to ``lesson.jsonl``: its first step ran before that began."""
    folder = tmp_path_factory.mktemp("recording")
    bench = Bench(folder, None, TEACHER)
    first = run_all(bench, '"Course" --gateway demo -s Briefly.', CELLS[:1])
    bench.notebook.sessions.record("lesson.jsonl")
    steps = [*first, *(bench.run(path, prompt) for path, prompt in CELLS[1:])]
    bench.close()
    return folder, steps


@pytest.fixture
def recorded(recording: tuple[Path, list[Step]], tmp_path: Path) -> list[Step]:
    """The steps of that session; its lesson and its journal are in the test's own folder."""
    shutil.copytree(recording[0], tmp_path, dirs_exist_ok=True)
    return recording[1]


def read_lines(folder: Path) -> list[dict[str, Any]]:
    """The lines of the lesson."""
    return [json.loads(line) for line in (folder / "lesson.jsonl").read_text(encoding="utf-8").splitlines()]


def write_lines(folder: Path, lines: list[dict[str, Any]]) -> None:
    """The lesson anew."""
    (folder / "lesson.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


# ---- playing


def test_lesson_answers_the_same_cells_without_key_or_network(build_bench: BuildBench, recorded: list[Step]) -> None:
    """Its options stand in where the student's line says nothing; every step is free and says where it is from."""
    steps = run_all(build_bench(STUDENT), '"Lesson" --replay lesson.jsonl')
    assert [step.text for step in steps] == [step.text for step in recorded]
    assert [step.messages for step in steps] == [step.messages for step in recorded]
    assert {(step.gateway, step.cost, step.model) for step in steps} == {("replay", 0.0, "demo")}
    assert {step.origin.kind for step in steps if step.origin} == {OriginKind.REPLAYED}
    assert [step.usage for step in steps] == [step.usage for step in recorded]


def test_card_and_tree_say_replayed(build_bench: BuildBench, recorded: list[Step]) -> None:
    """With the file, the moment and the model; the session's sums have no cost and no tokens."""
    bench = build_bench()
    step = run_all(bench, '"Lesson" --replay lesson.jsonl')[0]
    assert bench.notebook.session is not None
    text = build_text(build_recorded_card(bench.notebook.session, step))
    assert "replayed from lesson.jsonl (recorded " in text and "by demo), free" in text
    assert (bench.notebook.session.totals.tokens, bench.notebook.session.totals.cost) == (0, 0.0)


@pytest.mark.parametrize(("pace", "share"), [("", 1.0), ("--pace 2", 0.5), ("--pace 0", 0.0)])
def test_pace_is_that_of_the_recording(
    build_bench: BuildBench, recorded: list[Step], tmp_path: Path, pace: str, share: float
) -> None:
    """The pieces come when they came; a step that ran before the recording has even ones; 0 is at once."""
    lines = read_lines(tmp_path)
    lines[2] |= {"text": "abcdef", "first_token": 1.0, "seconds": 4.0, "pieces": [[1.0, 0, 2], [3.0, 0, 4]]}
    write_lines(tmp_path, lines)
    bench = build_bench()
    run_all(bench, f'"Lesson" --replay lesson.jsonl {pace}', CELLS[:1])
    bench.naps.clear()
    assert bench.run(*CELLS[1]).text == "abcdef"
    # Each is what is left until its moment by a clock that stands still, the end twice: its text, then its close.
    assert bench.naps == [moment * share for moment in (1.0, 3.0, 4.0, 4.0) if share]


def test_recording_has_the_pieces_of_what_ran_meanwhile(recorded: list[Step], tmp_path: Path) -> None:
    """Not of what ran before: there only the first token and the end are known."""
    _, before, meanwhile, _ = read_lines(tmp_path)
    assert "pieces" not in before and before["seconds"] > 0
    assert meanwhile["pieces"][0][2] > 0 and meanwhile["pieces"][0][0] <= meanwhile["seconds"]


def test_one_piece_or_many_the_answer_is_the_same(build_bench: BuildBench, recorded: list[Step]) -> None:
    """A cell that doesn't stream gets it whole."""
    bench = build_bench()
    bench.open('"Lesson" --replay lesson.jsonl')
    step = bench.run("/abstract --no-stream", "An abstract.")
    assert (step.text, step.usage) == (recorded[0].text, recorded[0].usage)


@pytest.mark.parametrize(
    ("line", "prompt", "said"),
    [
        ("/abstract", "Another.", "the prompt was changed"),
        ("/abstract -s Other.", "An abstract.", "the system prompt was changed"),
        ("/abstract -m demo-fast", "An abstract.", "it asks 'demo-fast'"),
        ("/abstract -t 0.5", "An abstract.", "its options were changed"),
        ("/new", "Something new.", "no answer at '/new'"),
        ("/outline --fresh", "An outline.", "what it continues was changed"),
    ],
)
def test_changed_cell_is_refused_with_a_clear_word(
    build_bench: BuildBench, recorded: list[Step], line: str, prompt: str, said: str
) -> None:
    """What was changed, what was recorded, and how to have it answered live."""
    bench = build_bench()
    run_all(bench, '"Lesson" --replay lesson.jsonl', CELLS[:1])
    with pytest.raises(InputError, match=said) as caught:
        bench.run(line, prompt)
    assert "--gateway" in str(caught.value)
    assert "An " in str(caught.value) or "/new" in line


def test_changed_cell_is_answered_live_if_a_gateway_is_set(build_bench: BuildBench, recorded: list[Step]) -> None:
    """Labelled so; what continues it differs from the recording, and is live as well."""
    bench = build_bench()
    bench.open('"Lesson" --replay lesson.jsonl --gateway demo')
    plans = [bench.plan("/abstract", "Another."), bench.plan("/abstract", "An abstract.")]
    assert [plan.request.gateway.label for plan in plans] == ["demo", "replay"]
    assert "live, not from lesson.jsonl: the prompt was changed" in plans[0].notes
    bench.run("/abstract", "Another.")
    child = bench.plan("/outline", "An outline.")
    assert child.request.gateway.label == "demo" and "what it continues was changed" in "".join(child.notes)


def test_cells_own_gateway_needs_no_key_while_the_lesson_answers(build_bench: BuildBench, tmp_path: Path) -> None:
    """Its key is asked for once the cell is changed."""
    bench = build_bench()
    bench.open('"Course" --gateway demo')
    bench.notebook.sessions.record("lesson.jsonl")
    bench.run("/a --gateway direct:http://localhost:9 -m demo", "Ask.")
    student = build_bench()
    student.open('"Lesson" --replay lesson.jsonl')
    assert student.run("/a --gateway direct -m demo", "Ask.").origin is not None
    with pytest.raises(CredentialError):
        student.run("/a --gateway direct -m demo", "Ask more.")


def test_identical_requests_are_answered_in_their_order(build_bench: BuildBench, tmp_path: Path) -> None:
    """By different cells or runs of a loop; running one again gives the same again, and the last one is repeated."""
    bench = build_bench()
    bench.open('"Course" --gateway demo')
    bench.notebook.sessions.record("lesson.jsonl")
    for _ in "ab":
        bench.run("/a --fresh", "Ask.", cell=f"cell-{_}")
    lines = read_lines(tmp_path)
    lines[1]["text"], lines[2]["text"] = "one", "two"
    write_lines(tmp_path, lines)
    student = build_bench()
    student.open('"Lesson" --replay lesson.jsonl')
    given = [student.run("/a --fresh", "Ask.", cell=cell).text for cell in ("x", "y", "x", "z")]
    assert given == ["one", "two", "one", "two"]


def compare(bench: Bench, line: str, prompt: str) -> list[tuple[str, str]]:
    """Model and text of each answer of a cell that compares."""
    command, cell = parse_cell_line(line, is_cell=True), Cell(id=line, run=1)
    plans = bench.notebook.plan_variants(command, prompt, names={}, cell=cell)
    runs = [bench.notebook.steps.start(plan) for plan in plans]
    follow_blocking(RunGroup(runs), lambda: None)
    steps = [bench.notebook.steps.finish(plan, run) for plan, run in zip(plans, runs, strict=True)]
    return [(step.model, step.text) for step in steps]


def test_compared_answers_are_replayed_each(build_bench: BuildBench) -> None:
    """Several models and several samples; one that wasn't recorded is refused."""
    line = "/a -m demo -m demo-fast -n 2"
    bench = build_bench()
    bench.open('"Course" --gateway demo')
    bench.notebook.sessions.record("lesson.jsonl")
    compared = compare(bench, line, "Ask.")
    student = build_bench()
    student.open('"Lesson" --replay lesson.jsonl')
    assert sorted(compare(student, line, "Ask.")) == sorted(compared)
    with pytest.raises(InputError, match="'demo-slow'"):
        compare(student, f"{line} -m demo-slow", "Ask.")


def test_attachment_matches_by_its_content(build_bench: BuildBench, tmp_path: Path) -> None:
    """The file has its hash, not its bytes; another file of the same name is another request."""
    (tmp_path / "notes.txt").write_text("Some notes.")
    bench = build_bench()
    bench.open('"Course" --gateway demo')
    bench.notebook.sessions.record("lesson.jsonl")
    bench.run("/a -a notes.txt", "Sum up.")
    assert "Some notes" not in json.dumps(read_lines(tmp_path)[1]["messages"])
    student = build_bench()
    student.open('"Lesson" --replay lesson.jsonl')
    assert student.run("/a -a notes.txt", "Sum up.").origin is not None
    (tmp_path / "notes.txt").write_text("Other notes.")
    with pytest.raises(InputError, match="no answer to this prompt"):
        student.run("/a -a notes.txt", "Sum up.")


def test_home_folders_differ_and_prompts_still_match(build_bench: BuildBench, tmp_path: Path) -> None:
    """The file has ~ where the teacher's folder stood, and . for the folder of the notebook."""
    bench = build_bench(TEACHER)
    bench.open('"Course" --gateway demo')
    bench.notebook.sessions.record("lesson.jsonl")
    bench.run("/a", f"Read /home/ann/data.csv, {tmp_path}/x.csv and /home/anna/y.csv.")
    assert read_lines(tmp_path)[1]["messages"][-1]["content"] == "Read ~/data.csv, ./x.csv and /home/anna/y.csv."
    student = build_bench(STUDENT)
    student.open('"Lesson" --replay lesson.jsonl')
    assert student.run("/a", f"Read /home/bob/data.csv, {tmp_path}/x.csv and /home/anna/y.csv.").origin is not None


def test_head_of_a_lesson_has_neither_keys_nor_folders(helicone: FakeHelicone, tmp_path: Path) -> None:
    """A session line may say what no request of it is sent with."""
    bench = Bench(tmp_path, helicone, BOTH_KEYS | {"HOME": "/home/ada"})
    bench.open(f'"In /home/ada" -s "See /home/ada/x, {PROVIDER_KEY}" -o hint {HELICONE_KEY} --gateway {helicone.url}')
    bench.notebook.sessions.record("lesson.jsonl")
    bench.close()
    head = read_lines(tmp_path)[0]
    assert (head["title"], head["options"]["system"]) == ("In ~", "See ~/x, [redacted]")
    assert head["options"]["parameters"] == {"hint": "[redacted]"}


def test_calls_of_tools_are_recorded_without_folders(tmp_path: Path) -> None:
    """Models repeat in arguments what prompts have."""
    call = ToolCall(id="c", name="read", arguments='{"file": "/home/ada/notes.txt"}')
    head, portable = LessonHead(id="x", title="T", recorded_at=1.0), Portable({"/home/ada": "~"}, Redactor([]))
    writer = LessonWriter(path=tmp_path / "lesson.jsonl", head=head, portable=portable)
    writer.begin([build_step(status=StepStatus.DONE, tool_calls=(call,))])
    assert read_lines(tmp_path)[1]["tool_calls"][0]["arguments"] == '{"file": "~/notes.txt"}'


def test_system_prompt_of_a_lesson_is_never_a_template(
    build_bench: BuildBench, recorded: list[Step], tmp_path: Path
) -> None:
    """It comes from elsewhere: nothing of it is evaluated, it is sent as it stands."""
    lines = read_lines(tmp_path)
    lines[0]["options"]["system"] = "{{ secret }}"
    write_lines(tmp_path, lines)
    bench = build_bench()
    bench.open('"Lesson" --replay lesson.jsonl --gateway demo')
    plan = bench.plan("/abstract", "An abstract.", names={"secret": "told"})
    assert plan.step.messages[0]["content"] == "{{ secret }}"


def record_with_system(bench: Bench, system: str) -> None:
    """Records an answer and one that continues it, in a session whose line has ``system``."""
    bench.open(f'"Course" --gateway demo -s "{system}"')
    bench.notebook.sessions.record("lesson.jsonl")
    for path in ("/a", "/a/b"):
        bench.run(path, f"Ask {path}.", names={"who": "pupils"})


@pytest.mark.parametrize("system", ["By {{ who }}.", "Be brief."])
def test_replay_needs_no_system_prompt_on_its_line(build_bench: BuildBench, system: str) -> None:
    """One that is a template is in the recorded messages only; a line that has one must fill in the same."""
    record_with_system(build_bench(), system)
    student = build_bench()
    student.open('"Lesson" --replay lesson.jsonl --pace 0')
    assert [student.run(path, f"Ask {path}.").origin is not None for path in ("/a", "/a/b")] == [True, True]
    with pytest.raises(InputError, match="the system prompt was changed"):
        student.run("/a -s Other.", "Ask /a.", cell="other")
    with pytest.raises(InputError, match="the prompt was changed"):
        student.run("/a", "Ask more.", cell="more")
    student.open(f'"Again" --replay lesson.jsonl --pace 0 -s "{system}"')
    assert student.run("/a", "Ask /a.", names={"who": "pupils"}).origin is not None


@pytest.mark.parametrize("system", ["By {{ who }}.", "Be brief."])
def test_fallback_needs_no_system_prompt_on_its_line(build_bench: BuildBench, system: str) -> None:
    """The same prompts at the same path are enough; another system prompt asks for something else."""
    record_with_system(build_bench(), system)
    presenter = build_bench()
    presenter.open('"Talk" --fallback lesson.jsonl -m other --gateway direct:http://127.0.0.1:9/v1')
    assert presenter.plan("/a", "Ask /a.").request.fallback is not None
    assert presenter.plan("/a -s Other.", "Ask /a.").request.fallback is None


def test_replay_without_a_file_says_what_to_type(build_bench: BuildBench) -> None:
    """On the session line and in a cell."""
    bench = build_bench()
    with pytest.raises(InputError, match=r"--replay lesson\.jsonl"):
        bench.open('"Lesson" --gateway replay')
    bench.open('"Course" --gateway demo')
    with pytest.raises(InputError, match=r"--replay lesson\.jsonl"):
        bench.run("/a --gateway replay")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('"L" --pace 2', "add --replay"),
        ('"L" --fallback-after 2', "add --fallback"),
        ('"L" --replay a --fallback b', "contradict"),
        ('"L" --replay a --pace -1', "from 0"),
        ('"L" --replay nowhere.jsonl', "there is no such file"),
        ('"L" --replay .', "it is a folder"),
    ],
)
def test_line_that_cannot_be_meant(build_bench: BuildBench, line: str, said: str) -> None:
    """Each mistake has its own word, before anything is changed."""
    bench = build_bench()
    with pytest.raises(InputError, match=said):
        bench.open(line)
    assert bench.notebook.session is None


# ---- files that others wrote


HEAD = {"heliconemagic_lesson": 1, "id": "x", "title": "T", "recorded_at": 1.0}
LINE = {
    "id": "y", "path": "/a", "model": "m", "recorded_at": 1.0,
    "messages": [{"role": "user", "content": "hi"}], "text": "ho",
}  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["hello"], "line 1 is not valid JSON"),
        ([""], "line 1 is not valid JSON"),
        ([{}], "line 1 is not the first line of a lesson"),
        ([HEAD | {"heliconemagic_lesson": 2}], "line 1 is of format 2.*update"),
        ([HEAD | {"options": {"context": "all"}}], "line 1 has a context 'all'"),
        ([HEAD | {"options": {"parameters": {"messages": []}}}], "line 1 has a parameter 'messages'"),
        ([HEAD, LINE | {"text": None}], "line 2 has no 'text'"),
        ([HEAD, LINE | {"path": "/a\x1b[2J"}], "line 2 has a path '/a.*' that no step can have"),
        ([HEAD, LINE | {"text": 5}], "line 2 has a 'text' that is no text"),
        ([HEAD, LINE, "{"], "line 3 is not valid JSON"),
        ([HEAD, "[" * 100_000], "line 2 is nested too deeply"),
        ([HEAD, LINE | {"messages": ["sha256:00"]}], "line 2 names a message"),
        ([HEAD, LINE | {"messages": [{"role": "root", "content": "x"}]}], "line 2 has a message of the role 'root'"),
        ([HEAD, LINE | {"messages": [{"role": "user", "content": 7}]}], "neither text nor a list"),
        ([HEAD, LINE | {"seconds": 1e9}], "line 2 has a 'seconds' that is no number from 0 to 86400"),
        ([HEAD, LINE | {"pieces": [[1, 2]]}], "line 2 has a piece"),
        ([HEAD, json.dumps(LINE)[:-1] + ', "cost": NaN}'], "line 2 is not valid JSON"),
        ([HEAD, LINE | {"usage": {"prompt_tokens": 1e300}}], "line 2 has a 'prompt_tokens'"),
        ([HEAD, LINE | {"tool_calls": [{"id": "a"}]}], "line 2 has no 'name'"),
    ],
)
def test_malformed_lesson_is_refused_with_its_line(
    build_bench: BuildBench, tmp_path: Path, lines: list[Any], said: str
) -> None:
    """And nothing of it is used."""
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (tmp_path / "lesson.jsonl").write_text(text)
    with pytest.raises(InputError, match=said):
        build_bench().open('"L" --replay lesson.jsonl')


def test_lines_of_kinds_to_come_are_passed_over(build_bench: BuildBench, tmp_path: Path) -> None:
    """And fields, and blank lines."""
    (tmp_path / "lesson.jsonl").write_text(
        "\n".join([json.dumps(HEAD | {"more": 1}), '{"note": "hello"}', "", json.dumps(LINE | {"more": 2}), ""])
    )
    bench = build_bench()
    bench.open('"L" --replay lesson.jsonl')
    assert bench.run("/a", "hi").text == "ho"


# ---- recording


def test_recording_holds_no_ids_no_user_and_no_gateway(build_bench: BuildBench, tmp_path: Path) -> None:
    """What a lesson needs, and nothing that ties it to a person or a machine; a system template is left out."""
    bench = build_bench(TEACHER)
    bench.open('"Course" --gateway direct:http://intern.example:9/v1 -m demo --user ann -p team=blue -s "By {{ me }}"')
    bench.notebook.sessions.record("lesson.jsonl")
    step = bench.run("/a", "Ask.", names={"me": "Ann"})
    text = (tmp_path / "lesson.jsonl").read_text()
    assert bench.notebook.session is not None
    for hidden in (step.id, step.session_id, "intern.example", '"ann"', "blue", str(tmp_path), "{{"):
        assert hidden not in text
    assert read_lines(tmp_path)[0]["options"] == {"model": "demo"}
    assert read_lines(tmp_path)[0]["fills_system"] is True


def test_answer_of_a_cell_run_again_takes_the_place_of_the_first(build_bench: BuildBench, tmp_path: Path) -> None:
    """Every student sees the run that the teacher's notebook ended with; stopped and hidden steps are not in it."""
    bench = build_bench()
    bench.open('"Course" --gateway demo')
    bench.run("/a", "Old.", cell="a")
    bench.run("/a", "Older.", cell="a")
    writer, begun = bench.notebook.sessions.record("lesson.jsonl")
    bench.run("/a", "New.", cell="a")
    bench.run("/b --no-log", "Hidden.")
    assert (begun.answers, writer.answers) == (1, 1)
    student = build_bench()
    student.open('"Lesson" --replay lesson.jsonl')
    assert student.run("/a", "New.").origin is not None
    with pytest.raises(InputError):
        student.run("/a", "Older.", cell="other")


def test_what_continues_a_hidden_step_has_its_turn(build_bench: BuildBench, tmp_path: Path) -> None:
    """As the docs warn: a request is recorded whole. One that begins anew has nothing of it."""
    bench = build_bench()
    bench.open('"Course" --gateway demo')
    bench.notebook.sessions.record("lesson.jsonl")
    bench.run("/a --no-log", "Hidden.")
    bench.run("/b --fresh", "Seen.")
    assert "Hidden." not in (tmp_path / "lesson.jsonl").read_text()
    bench.run("/a/c", "And?")
    assert "Hidden." in (tmp_path / "lesson.jsonl").read_text()


def test_recording_goes_on_in_the_same_file(build_bench: BuildBench, recorded: list[Step], tmp_path: Path) -> None:
    """Of the same session; the recorded times stay, also if the last line was cut off."""
    before = read_lines(tmp_path)
    bench = build_bench(TEACHER)
    bench.open(f'"Course" --gateway demo -s Briefly. --id {recorded[0].session_id}')
    _, begun = bench.notebook.sessions.record("lesson.jsonl")
    assert begun.answers == 3 and begun.is_continued
    assert read_lines(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("notes.txt", "is no lesson"),
        ("lesson.jsonl", "the lesson of another session, 'Course'"),
        ("nowhere/lesson.jsonl", "no folder 'nowhere'"),
        ("folder.d", "it is a folder"),
        ("a.pipe", "it is a device, a pipe"),
    ],
)
def test_recording_overwrites_nothing(
    build_bench: BuildBench, recorded: list[Step], tmp_path: Path, name: str, said: str
) -> None:
    """It is refused, and everything is left as it was."""
    (tmp_path / "notes.txt").write_text("my notes")
    (tmp_path / "folder.d").mkdir()
    os.mkfifo(tmp_path / "a.pipe")
    before = sorted((path.name, path.is_file() and path.read_bytes()) for path in tmp_path.glob("*.*"))
    bench = build_bench()
    bench.open('"Another" --gateway demo')
    with pytest.raises(InputError, match=said):
        bench.notebook.sessions.record(name)
    assert sorted((path.name, path.is_file() and path.read_bytes()) for path in tmp_path.glob("*.*")) == before


def test_lesson_that_can_no_longer_be_written_fails_no_cell(build_bench: BuildBench, tmp_path: Path) -> None:
    """The writer says why answers are missing; the card shows it."""
    bench = build_bench()
    bench.open('"Course" --gateway demo')
    writer, _ = bench.notebook.sessions.record("lesson.jsonl")
    (tmp_path / "lesson.jsonl").unlink()
    assert bench.run("/a", "Ask.").text
    assert writer.fault is not None and "not added to lesson.jsonl" in writer.fault


def test_full_disk_leaves_whole_lines(tmp_path: Path, recorded: list[Step], build_bench: BuildBench) -> None:
    """What doesn't fit isn't begun."""
    bench = build_bench(TEACHER)
    bench.open(f'"Course" --gateway demo -s Briefly. --id {recorded[0].session_id}')
    writer, _ = bench.notebook.sessions.record("lesson.jsonl")
    full = LessonWriter(path=Path("/dev/full"), head=writer.head, portable=writer.portable)
    full.add(recorded[0])
    assert full.fault is not None and full.answers == 0


def test_session_that_is_played_is_not_recorded(build_bench: BuildBench, recorded: list[Step]) -> None:
    """There is nothing new in it."""
    bench = build_bench()
    bench.open('"Lesson" --replay lesson.jsonl')
    with pytest.raises(InputError, match="copy that file"):
        bench.notebook.sessions.record("other.jsonl")


def test_record_says_how_it_stands(shell: Shell) -> None:
    """Begun, asked, stopped; and what to type where there is nothing to stop, or no session."""
    assert "no session is open" in shell.run("%helicone_session record lesson.jsonl").printed
    shell.run('%helicone_session "Course" --gateway demo')
    assert "not recorded" in shell.run("%helicone_session record").text()
    assert "--replay lesson.jsonl" in shell.run("%helicone_session record lesson.jsonl").text()
    shell.run("%%llm /a -m demo-fast\nAsk.")
    assert "1 answer" in shell.run("%helicone_session record").text()
    assert "stopped" in shell.run("%helicone_session record stop").text()
    assert "nothing is being recorded" in shell.run("%helicone_session record stop").printed


# ---- falling back


@pytest.fixture
def presenter(build_bench: BuildBench, helicone: FakeHelicone) -> Bench:
    """A session that was recorded live, opened again with its recording to fall back on."""
    bench = build_bench(BOTH_KEYS, helicone)
    bench.open('"Talk"')
    bench.notebook.sessions.record("lesson.jsonl")
    bench.run("/a", "Ask.")
    bench.run("/b", "Go on.")
    bench.open('"Talk" --new --fallback lesson.jsonl --retries 0')
    return bench


def test_live_answer_comes_first(presenter: Bench, helicone: FakeHelicone) -> None:
    """While the network works, nothing is taken from the recording."""
    sent = len(helicone.completions)
    step = presenter.run("/a", "Ask.")
    assert step.origin is None and len(helicone.completions) == sent + 1


def open_without_network(bench: Bench) -> None:
    """The presenter's line again, where nobody listens any more."""
    bench.open('"Talk" --fallback lesson.jsonl --retries 0 -m gpt-4o-mini --gateway direct:http://127.0.0.1:9/v1')


def test_recording_answers_where_the_network_fails(presenter: Bench) -> None:
    """Labelled in the card; the attempt that failed stays told; later steps continue what was answered."""
    presenter.run("/a", "Ask.")
    open_without_network(presenter)
    step = presenter.run("/b", "Go on.")
    assert step.origin is not None and step.origin.kind is OriginKind.FALLBACK
    assert [attempt.error for attempt in step.attempts] == ["ConnectError", None]
    assert presenter.notebook.session is not None and (step.cost, step.error) == (0.0, None)
    text = build_text(build_recorded_card(presenter.notebook.session, step))
    assert "the network failed; answered from lesson.jsonl (recorded " in text
    assert presenter.plan("/b/c", "More.").step.parent_id == step.id


def test_recording_answers_although_the_answers_before_it_were_live(presenter: Bench) -> None:
    """No live answer is ever again what was recorded: the path and the prompts decide."""
    presenter.run("/a -m slow-3", "Ask.")
    open_without_network(presenter)
    assert presenter.run("/b", "Go on.").is_whole
    with pytest.raises(UnreachableError):
        presenter.run("/b", "Go on, but differently.")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("silent", "no text came within 0.1 s"),
        ("fail429", r"the gateway failed (429)"),
        ("fail500", r"the gateway failed (500)"),
    ],
)
def test_gateway_that_stays_silent_or_fails_is_given_up(
    presenter: Bench, helicone: FakeHelicone, model: str, reason: str
) -> None:
    """It was asked once, and its connection is closed: nothing is asked, or paid for, twice."""
    presenter.open('"Talk" --fallback lesson.jsonl --fallback-after 0.1 --retries 0')
    if model != "silent":
        presenter.open('"Talk" --fallback lesson.jsonl --retries 0')
    sent = len(helicone.completions)
    step = presenter.run(f"/a -m {model}", "Ask.")
    assert step.origin is not None and step.origin.reason == reason
    assert len(helicone.completions) == sent + 1
    assert helicone.wait_for(lambda: helicone.disconnects == (model == "silent"))


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("-m no-such-model", GatewayError),
        ("-m cut", IncompleteAnswerError),
        ("-m stall --timeout 0.3", IncompleteAnswerError),
    ],
)
def test_what_is_no_failure_of_the_network_stays_an_error(
    presenter: Bench, line: str, kind: type[GatewayError]
) -> None:
    """A refused request, and an answer that broke off in its middle: its text is kept, and run again it falls back."""
    presenter.open('"Talk" --fallback lesson.jsonl --fallback-after 0.2 --retries 0')
    with pytest.raises(kind):
        presenter.run(f"/a {line}", "Ask.")
    assert presenter.last.origin is None and bool(presenter.last.text) == (kind is IncompleteAnswerError)


def test_lesson_without_an_answer_says_so_before_it_is_needed(presenter: Bench) -> None:
    """In the rehearsal, while the network still works."""
    plan = presenter.plan("/new", "Something new.")
    assert plan.request.fallback is None
    assert "lesson.jsonl has no answer to this prompt" in plan.notes


def test_answer_of_a_recording_is_never_kept_as_the_gateways(presenter: Bench) -> None:
    """--keep is about what a server answered."""
    open_without_network(presenter)
    presenter.run("/a", "Ask.")
    assert presenter.plan("/a --keep", "Ask.").kept is None
