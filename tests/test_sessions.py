"""The notebook's one session: the declarative line, joining, resuming, restarting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_helicone import FakeHelicone
from notebooks_in_process import BOTH_KEYS, Bench

from heliconemagic.errors import CredentialError, InputError, UnknownModelError
from heliconemagic.lines.options import parse_session_line
from heliconemagic.records import StepStatus
from heliconemagic.session_state import Session
from heliconemagic.settings import RequestOptions
from heliconemagic.verbs.showing import find_shown

BuildBench = Callable[..., Bench]


@pytest.fixture
def build_bench(tmp_path: Path, helicone: FakeHelicone) -> Iterator[BuildBench]:
    """Makes notebooks on one journal, as kernels one after the other would; closes them."""
    made: list[Bench] = []

    def build(title: str = "lesson", first_run: int = 0) -> Bench:
        for earlier in made:
            earlier.notebook.journal.flush()
        made.append(Bench(tmp_path, helicone, BOTH_KEYS, title))
        made[-1].skip_runs(first_run)
        return made[-1]

    yield build
    for bench in made:
        bench.close()


def open_session(bench: Bench, line: str) -> Session:
    """Runs a session line and gives the session."""
    bench.open(line)
    assert bench.notebook.session is not None
    return bench.notebook.session


def run_course(bench: Bench) -> None:
    """The three cells of the README."""
    for line in ("/abstract", "/outline", "/outline/lesson-1"):
        bench.run(line, f"prompt of {line}")


def test_line_run_again_keeps_the_session_and_takes_its_options(build_bench: BuildBench) -> None:
    """What the line no longer says is gone."""
    bench = build_bench()
    first = open_session(bench, '"Course" -m gpt-4o -t 0.2')
    again = open_session(bench, '"Course" -m gpt-4.1')
    assert again is first
    assert (again.options.model, again.options.temperature) == ("gpt-4.1", None)


@pytest.mark.parametrize("line", ['"Course" --new', '"Another"', '"Course" --id my-own-id'])
def test_other_lines_start_another_session(build_bench: BuildBench, line: str) -> None:
    """The one before is ended in the journal."""
    bench = build_bench()
    first = open_session(bench, '"Course"')
    second = open_session(bench, line)
    assert second.record.id != first.record.id
    ended = bench.notebook.journal.load_session(first.record.id)
    assert ended is not None and ended[0].ended_at is not None


def test_joining_by_id_brings_the_recorded_steps(build_bench: BuildBench) -> None:
    """Another notebook joins the same session; both names and ids are sent alike."""
    first = build_bench()
    session = open_session(first, '"Course"')
    run_course(first)
    joined = open_session(build_bench("other"), f'"Course" --id {session.record.id}')
    assert [step.path for step in joined.steps] == ["/abstract", "/outline", "/outline/lesson-1"]


def test_title_outside_ascii_needs_a_name_and_is_kept(build_bench: BuildBench) -> None:
    """The refusal offers the ASCII form; the original stays on our own display."""
    bench = build_bench()
    with pytest.raises(InputError, match='"Ubung"'):
        bench.open('"Übung"')
    record = open_session(bench, '"Übung" --name Ubung').record
    assert (record.title, record.name) == ("Übung", "Ubung")


def test_cell_without_a_session_starts_one_named_after_the_notebook(build_bench: BuildBench) -> None:
    """In the ASCII form of its stem."""
    bench = build_bench("Élan vital")
    bench.run("/abstract")
    assert bench.notebook.session is not None
    assert bench.notebook.session.record.name == "Elan vital"


def test_missing_key_leaves_the_open_session_alone(build_bench: BuildBench) -> None:
    """An error changes nothing."""
    bench = build_bench()
    first = open_session(bench, '"Course"')
    with pytest.raises(CredentialError):
        bench.open('"Another" --gateway target:https://api.groq.com/openai/v1')
    assert bench.notebook.session is first


def test_new_kernel_says_what_was_there(build_bench: BuildBench) -> None:
    """A new session starts; the last one of this name and notebook is named."""
    run_first = build_bench()
    open_session(run_first, '"Course"')
    run_course(run_first)
    bench = build_bench()
    session = open_session(bench, '"Course"')
    earlier = bench.notebook.earlier.find(session)
    assert not session.steps
    assert earlier is not None and earlier.steps == 3


def test_run_all_after_a_restart_pays_nothing_again(build_bench: BuildBench, helicone: FakeHelicone) -> None:
    """With --resume, identical requests show their recorded replies."""
    before = build_bench()
    open_session(before, '"Course"')
    run_course(before)
    sent = len(helicone.completions)
    after = build_bench(first_run=100)
    session = open_session(after, '"Course" --resume')
    run_course(after)
    assert len(helicone.completions) == sent
    assert len(session.steps) == 3


def test_second_run_of_a_cell_after_a_resume_asks_again(build_bench: BuildBench, helicone: FakeHelicone) -> None:
    """Only the first run of each cell in the new kernel is answered from the record."""
    before = build_bench()
    open_session(before, '"Course"')
    before.run("/abstract")
    after = build_bench(first_run=100)
    open_session(after, '"Course" --resume')
    after.run("/abstract")
    after.run("/abstract")
    assert len(helicone.completions) == 2


def test_changed_cell_after_a_resume_is_sent_with_its_context(build_bench: BuildBench, helicone: FakeHelicone) -> None:
    """The kept steps before it are its context, as if they had just run."""
    before = build_bench()
    open_session(before, '"Course"')
    run_course(before)
    after = build_bench(first_run=100)
    open_session(after, '"Course" --resume')
    after.run("/abstract", "prompt of /abstract")
    after.run("/outline", "another prompt")
    contents = [message["content"] for message in helicone.completions[-1].json["messages"]]
    assert contents == ["prompt of /abstract", "Hello!", "another prompt"]


def test_new_cell_between_kept_ones_continues_the_one_above(build_bench: BuildBench, helicone: FakeHelicone) -> None:
    """A kept step counts as run now, so "the step that ran last" is the cell above."""
    before = build_bench()
    open_session(before, '"Course"')
    run_course(before)
    after = build_bench(first_run=100)
    open_session(after, '"Course" --resume')
    after.run("/abstract", "prompt of /abstract")
    inserted = after.run("/between", "new")
    assert len(inserted.messages) == 3


def test_resume_without_a_record_starts_a_session(build_bench: BuildBench) -> None:
    """The first run of a notebook may already say --resume."""
    session = open_session(build_bench(), '"Course" --resume')
    assert (session.is_resumed, session.steps) == (False, ())


def test_resume_added_to_the_line_goes_back_to_the_session_it_was_advised_for(build_bench: BuildBench) -> None:
    """The line without it has just begun an empty session: that one is not the newest."""
    before = build_bench()
    recorded = open_session(before, '"Course"').record
    run_course(before)
    open_session(build_bench(), '"Course"')  # a kernel in which nothing ran
    after = build_bench()
    open_session(after, '"Course"')
    session = open_session(after, '"Course" --resume')
    assert (session.record.id, len(session.steps)) == (recorded.id, 3)
    assert open_session(after, '"Course" --resume') is session


def test_resume_takes_name_id_or_nothing(build_bench: BuildBench) -> None:
    """Nothing means this notebook's newest."""
    first = build_bench()
    record = open_session(first, '"Course"').record
    first.run("/abstract")
    for reference in (record.name, record.id[:8], None):
        bench = build_bench()
        assert bench.notebook.sessions.resume(reference, RequestOptions()).record.id == record.id


def test_resumed_session_is_read_once(build_bench: BuildBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """`show` reads what other processes have written since, not all of it again; nothing of that is missed."""
    monkeypatch.setattr("heliconemagic.notebook.sessions.CLOCK_SLACK", 0.0)
    before = build_bench()
    open_session(before, '"Course"')
    run_course(before)
    bench = build_bench()
    session = bench.notebook.sessions.resume("Course", RequestOptions())
    monkeypatch.setattr(session, "take_others", lambda found: read.append([step.path for step in found]))
    read: list[list[str]] = []
    bench.notebook.sessions.take_others(session)
    before.run("/quiz")
    before.notebook.journal.flush()
    bench.notebook.sessions.take_others(session)
    assert read == [[], ["/quiz"]]


def test_resumed_session_stays_at_its_gateway(build_bench: BuildBench) -> None:
    """What the last line said of it counts; another one is taken only where it is named."""
    before = build_bench()
    open_session(before, '"Course"')
    open_session(before, '"Course" --gateway demo')
    before.run("/abstract")
    resumed = build_bench().notebook.sessions.resume("Course", RequestOptions())
    assert (resumed.choice.gateway.label, resumed.choice.reason) == ("demo", "gateway as before")
    moved = build_bench().notebook.sessions.resume("Course", RequestOptions(gateway="direct"))
    assert moved.choice.gateway.label == "direct"


def test_ancestor_in_an_earlier_session_is_named(build_bench: BuildBench) -> None:
    """Never silently missing."""
    before = build_bench()
    open_session(before, '"Course"')
    run_course(before)
    after = build_bench()
    open_session(after, '"Course"')
    plan = after.plan("/outline/lesson-2")
    assert any("no context from /outline" in note and "--resume" in note for note in plan.notes)


def test_rerun_supersedes_in_the_journal_too(build_bench: BuildBench) -> None:
    """After a restart the dimmed step is still dimmed, and its child stale."""
    bench = build_bench()
    session = open_session(bench, '"Course"')
    bench.run("/abstract")
    bench.run("/outline")
    bench.run("/abstract", "another prompt")
    recorded = bench.notebook.journal.load_session(session.record.id)
    assert recorded is not None
    assert [step.is_superseded for step in recorded[1]] == [True, False, False]
    assert "stale" in " ".join(bench.plan("/outline/x", cell="new").notes)


def test_unknown_path_is_told_in_a_line_of_any_session(build_bench: BuildBench) -> None:
    """Some of the paths that there are, the newest first."""
    bench = build_bench()
    session = open_session(bench, '"Course" --gateway demo')
    step = bench.run("/quiz/0")
    for number in range(1, 1_000):
        session.put_step(replace(step, id=f"s{number}", path=f"/quiz/{number}"))
    for line in ("/nowhere", "/nowhere --table"):
        with pytest.raises(InputError) as caught:
            find_shown(bench.notebook, session, parse_session_line(f"show {line}"))
        assert "/quiz/999, /quiz/998" in str(caught.value) and len(str(caught.value)) < 400


def test_forget_deletes_from_memory_and_disk(build_bench: BuildBench, tmp_path: Path) -> None:
    """The text is in no file any more."""
    bench = build_bench()
    session = open_session(bench, '"Course"')
    bench.run("/abstract", "an unmistakable prompt")
    assert bench.notebook.sessions.forget(session.record) == 1
    assert bench.notebook.session is None
    files = [path for path in (tmp_path / "journal").rglob("*") if path.is_file()]
    assert not any(b"unmistakable" in path.read_bytes() for path in files)


def test_steps_are_names_in_templates(build_bench: BuildBench) -> None:
    """steps["/abstract"] is the current reply of that path."""
    bench = build_bench()
    open_session(bench, '"Course"')
    bench.run("/abstract")
    step = bench.run("/title", 'Title for: {{ steps["/abstract"] }}', cell="t")
    assert step.prompt == "Title for: Hello!"
    assert step.status is StepStatus.DONE


def test_joining_under_another_name_is_refused(build_bench: BuildBench) -> None:
    """A session's id and name belong together: under another name it would be another session."""
    first = build_bench()
    session_id = open_session(first, '"Course"').record.id
    with pytest.raises(InputError, match="recorded as 'Course'"):
        build_bench().open(f'"Another" --id {session_id}')


def test_joining_asks_again(build_bench: BuildBench, helicone: FakeHelicone) -> None:
    """Only --resume shows recorded replies; a second notebook in the same session gets its own."""
    first = build_bench()
    session_id = open_session(first, '"Course"').record.id
    first.run("/abstract")
    joined = build_bench("other")
    open_session(joined, f'"Course" --id {session_id}')
    joined.run("/abstract", cell="its own")
    assert len(helicone.completions) == 2


def test_session_left_and_resumed_in_one_kernel_asks_again(build_bench: BuildBench, helicone: FakeHelicone) -> None:
    """Its cells have run in this kernel already."""
    bench = build_bench()
    session_id = open_session(bench, '"Course"').record.id
    bench.run("/abstract")
    bench.notebook.sessions.resume(session_id, RequestOptions())
    bench.run("/abstract")
    assert len(helicone.completions) == 2


def test_model_that_a_gateway_cannot_have_is_refused_on_the_line(build_bench: BuildBench) -> None:
    """Not at every cell after it."""
    with pytest.raises(UnknownModelError, match="'gpt-4o'"):
        build_bench().open('"Course" --gateway demo -m gpt-4o')
