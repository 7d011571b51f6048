"""``--keep``: what was answered once isn't paid for again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_helicone import FakeHelicone
from notebooks_in_process import BOTH_KEYS, Bench
from shells import Shell

from heliconemagic.errors import BudgetError, InputError
from heliconemagic.lines.options import parse_cell_line
from heliconemagic.records import OriginKind, Step

BuildBench = Callable[[], Bench]


@pytest.fixture
def build_bench(tmp_path: Path, helicone: FakeHelicone) -> Iterator[BuildBench]:
    """Makes notebooks on one journal, as kernels one after the other would; closes them."""
    made: list[Bench] = []

    def build() -> Bench:
        for earlier in made:
            earlier.notebook.journal.flush()
        made.append(Bench(tmp_path, helicone, BOTH_KEYS))
        made[-1].skip_runs(1000 * len(made))
        return made[-1]

    yield build
    for bench in made:
        bench.close()


def run_all(bench: Bench, line: str = '"Course" --keep') -> list[Step]:
    """Opens a session and runs the README's three cells."""
    bench.open(line)
    return [bench.run(path, f"prompt of {path}") for path in ("/abstract", "/outline", "/outline/lesson-1")]


def test_run_all_on_a_kept_notebook_sends_nothing(build_bench: BuildBench, helicone: FakeHelicone) -> None:
    """In the same kernel the steps stay what they are; in a new one each becomes a step of the new session."""
    bench = build_bench()
    first = run_all(bench)
    sent = len(helicone.completions)
    again, later = run_all(bench), run_all(build_bench())
    assert len(helicone.completions) == sent == 3
    assert [step.id for step in again] == [step.id for step in first]
    assert [step.text for step in later] == [step.text for step in first]
    assert not {step.id for step in later} & {step.id for step in first}


def test_kept_answer_is_shown_and_rerun_where_it_began(build_bench: BuildBench) -> None:
    """A new cell continues it, for it ran last; what is drawn, exported or played again goes by the time."""
    bench = build_bench()
    steps = run_all(bench)
    kept = bench.run("/abstract", "prompt of /abstract")
    session = bench.notebook.session
    assert session is not None
    assert session.steps[-1].id == kept.id == steps[0].id
    begun = [step.id for step in steps]
    assert [step.id for step in session.steps_by_start] == begun
    assert [step.id for step in bench.notebook.experiments.find(None).steps] == begun


def test_kept_answer_of_another_session_is_continued(build_bench: BuildBench, helicone: FakeHelicone) -> None:
    """A new cell's context has the kept turns; the tree has one step for each cell."""
    run_all(build_bench())
    bench = build_bench()
    run_all(bench)
    new = bench.run("/outline/lesson-2", "Go on.")
    assert json.loads(helicone.completions[-1].body)["messages"] == [dict(message) for message in new.messages]
    assert [message["role"] for message in new.messages] == ["user", "assistant", "user", "assistant", "user"]
    assert bench.notebook.session is not None and len(bench.notebook.session.steps) == 4


def test_kept_answer_costs_nothing_and_says_when_it_was_given(build_bench: BuildBench) -> None:
    """Its cost and its tokens are in the totals of the session that paid, also in the journal's list."""
    first = run_all(build_bench())
    bench = build_bench()
    later = run_all(bench)
    assert later[0].origin is not None and later[0].origin.kind is OriginKind.KEPT
    assert later[0].origin.answered_at == first[0].started_at
    bench.notebook.journal.flush()
    here, there = bench.notebook.journal.list_sessions()
    assert (here.steps, here.cost, here.tokens) == (3, 0.0, 0)
    assert there.tokens > 0 and later[0].usage == first[0].usage


@pytest.mark.parametrize(
    "line", ["--no-keep", "--no-log", "-t 0.1", "-m gpt-4o", "-s Briefly.", "-o seed 1", "--gateway helicone"]
)
def test_whatever_is_changed_is_sent(build_bench: BuildBench, helicone: FakeHelicone, line: str) -> None:
    """Model, parameters, system prompt, server; and what asks for it."""
    run_all(build_bench())
    bench = build_bench()
    bench.open('"Course" --keep')
    bench.run(f"/abstract {line}", "prompt of /abstract")
    assert len(helicone.completions) == 4


def test_without_keep_every_run_is_sent(build_bench: BuildBench, helicone: FakeHelicone) -> None:
    """And one cell can ask for it."""
    bench = build_bench()
    run_all(bench, '"Course"')
    run_all(bench, '"Course"')
    assert len(helicone.completions) == 6
    bench.run("/abstract --keep", "prompt of /abstract")
    assert len(helicone.completions) == 6


@pytest.mark.parametrize("line", ["-m demo-length", "-m demo-empty", "--no-log"])
def test_only_whole_answers_are_kept(tmp_path: Path, line: str) -> None:
    """Not one that was cut off, nor an empty one; and nothing of a cell that was kept out of the journal."""
    bench = Bench(tmp_path, None, {})
    bench.open('"Course" --gateway demo')
    bench.run(f"/a {line}")
    assert bench.plan(f"/a {line.replace('--no-log', '')} --keep").kept is None
    bench.close()


def test_own_answer_from_before_a_change_comes_back(build_bench: BuildBench, helicone: FakeHelicone) -> None:
    """It is a new step, and replaces the one in between."""
    bench = build_bench()
    bench.open('"Course" --keep')
    first = bench.run("/abstract", "one")
    second = bench.run("/abstract", "two")
    third = bench.run("/abstract", "one")
    assert len(helicone.completions) == 2
    assert third.text == first.text and third.id not in {first.id, second.id}
    assert bench.notebook.session is not None
    assert [step.is_superseded for step in bench.notebook.session.steps] == [True, True, False]


def test_budget_that_is_used_up_still_shows_what_is_kept(build_bench: BuildBench) -> None:
    """It costs nothing."""
    run_all(build_bench())
    bench = build_bench()
    run_all(bench, '"Course" --keep --budget 0.00000001')
    with pytest.raises(BudgetError):
        bench.run("/new", "a new prompt")


def test_journal_that_cannot_be_read_keeps_no_prompt_from_being_sent(build_bench: BuildBench, tmp_path: Path) -> None:
    """The card says why nothing was found."""
    run_all(build_bench())
    bench = build_bench()
    bench.open('"Course" --keep')
    bench.notebook.journal.flush()
    for file in (tmp_path / "journal").glob("journal.sqlite3*"):
        file.unlink()
    (tmp_path / "journal" / "journal.sqlite3").mkdir()
    plan = bench.plan("/abstract", "prompt of /abstract")
    assert plan.kept is None
    assert any(note.startswith("--keep found nothing") for note in plan.notes)


def test_keep_without_the_journal_is_refused() -> None:
    """In one cell; a session's --keep leaves a --no-log cell alone."""
    with pytest.raises(InputError, match="keep one of them"):
        parse_cell_line("/a --keep --no-log", is_cell=True)
    with pytest.raises(InputError, match="contradict"):
        parse_cell_line("/a --keep --no-keep", is_cell=True)


def test_card_says_kept(shell: Shell) -> None:
    """In a notebook: the time, no cost, no request; the tree says it too."""
    shell.run('%helicone_session "Course" --gateway demo --keep')
    shell.run("%%llm /a -m demo-fast\nSay it.")
    shell.run('%helicone_session "Course" --new --gateway demo --keep')
    ran = shell.run("%%llm /a -m demo-fast --out reply\nSay it.")
    for kind in ("text/html", "text/markdown", "text/plain"):
        assert re.search(r"kept from \d\d:\d\d, free", ran.text(kind))
    assert shell.variables["reply"].cost == 0.0
    assert "kept" in shell.run("%helicone_session show").text()
