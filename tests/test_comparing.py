"""Cells that compare: several answers to one prompt, which of them is current, and what is shown and given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_helicone import FakeHelicone
from notebooks_in_process import BOTH_KEYS, Bench
from shells import Shell

from heliconemagic.engine.following import RunGroup, follow_blocking
from heliconemagic.errors import BudgetError, InputError, UnknownModelError
from heliconemagic.lines.options import parse_cell_line, parse_session_line
from heliconemagic.paths import SessionPath
from heliconemagic.planning.plan import Plan
from heliconemagic.records import Cell, Step

FIRST = "%helicone_session Course --gateway demo"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A notebook on the demo."""
    bench = Bench(tmp_path, None, {})
    bench.open("Course --gateway demo")
    yield bench
    bench.close()


@pytest.fixture
def sent(tmp_path: Path, helicone: FakeHelicone) -> Iterator[Bench]:
    """A notebook on the fake Helicone, whose requests can be looked at."""
    bench = Bench(tmp_path, helicone, BOTH_KEYS)
    bench.open("Course")
    yield bench
    bench.close()


def plan(bench: Bench, line: str, prompt: str = "hi", cell: str = "") -> list[Plan]:
    """The plans of a cell that compares."""
    bench.skip_runs(bench._run + 1)
    given = Cell(id=cell or line, run=bench._run)
    return bench.notebook.plan_variants(parse_cell_line(line, is_cell=True), prompt, names={}, cell=given)


def compare(bench: Bench, line: str, prompt: str = "hi", cell: str = "") -> list[Step]:
    """Runs such a cell to its end."""
    plans = plan(bench, line, prompt, cell)
    runs = [None if one.kept else bench.notebook.steps.start(one) for one in plans]
    follow_blocking(RunGroup([run for run in runs if run]), lambda: None)
    return [
        bench.notebook.steps.finish(one, run) if run else bench.notebook.steps.keep(one, one.kept)
        for one, run in zip(plans, runs, strict=True)
    ]


def pick(bench: Bench, path: str, number: int) -> Step:
    """Makes an answer the current one."""
    return bench.notebook.pick(SessionPath(path), number)


# ---- the requests


def test_models_and_samples_are_all_asked(bench: Bench) -> None:
    """Each model as often as -n says, at one path, of one run, with one parent."""
    before = bench.run("/before")
    steps = compare(bench, "/x -m demo -m demo-fast -n 2")
    assert [(step.variant, step.model) for step in steps] == [
        (1, "demo"), (2, "demo"), (3, "demo-fast"), (4, "demo-fast"),
    ]  # fmt: skip
    assert {(step.path, step.run, step.parent_id, step.comparison) for step in steps} == {
        ("/x", steps[0].run, before.id, steps[0].comparison)
    }
    assert len({step.id for step in steps}) == 4


def test_model_that_the_gateway_did_not_list_stops_all(sent: Bench, helicone: FakeHelicone) -> None:
    """Before anything is paid for; a name with a provider in it the gateway may well understand."""
    plan(sent, "/x -m gpt-4o -m gpt-4o-minni")  # nobody has asked yet
    assert "gpt-4o" in sent.notebook.models.fetch(None)[1]
    with pytest.raises(UnknownModelError, match="nothing was sent") as caught:
        plan(sent, "/x -m gpt-4o -m gpt-4o-minni")
    assert "did you mean 'gpt-4o-mini'?" in str(caught.value)
    assert len(plan(sent, "/x -m gpt-4o -m openai/gpt-4o-minni")) == 2
    assert helicone.completions == []


def test_each_answer_is_a_request_of_its_own(sent: Bench, helicone: FakeHelicone) -> None:
    """Tagged like any other, with its own request id; -n is no parameter of the request."""
    compare(sent, "/x -n 3")
    assert [received.header("helicone-session-path") for received in helicone.completions] == ["/x"] * 3
    assert len({received.header("helicone-request-id") for received in helicone.completions}) == 3
    assert not [received for received in helicone.completions if "n" in received.json]


def test_cached_samples_have_caches_of_their_own(sent: Bench, helicone: FakeHelicone) -> None:
    """Else Helicone's cache would give the first answer to all of them."""
    compare(sent, "/x -n 2 --cache")
    seeds = {received.header("helicone-cache-seed") for received in helicone.completions}
    assert seeds == {None, "sample-2"}


def test_template_is_filled_once(bench: Bench) -> None:
    """What a template draws is the same for all answers, or they could not be compared."""
    drawn = iter("abc")
    line = parse_cell_line("/x -n 3", is_cell=True)
    plans = bench.notebook.plan_variants(
        line, "{{ draw() }}", names={"draw": lambda: next(drawn)}, cell=Cell(id="c", run=1)
    )
    assert [one.step.prompt for one in plans] == ["a", "a", "a"]


def test_samples_of_the_demo_differ_and_are_the_same_again(bench: Bench) -> None:
    """A comparison looks like one, and a notebook that is run again has the same answers."""
    first = [step.text for step in compare(bench, "/x -n 3 --fresh", "Write an abstract.")]
    again = [step.text for step in compare(bench, "/x -n 3 --fresh", "Write an abstract.")]
    assert len(set(first)) == 3
    assert first == again


def test_a_model_that_cannot_be_fails_before_anything_is_sent(bench: Bench) -> None:
    """Whichever of them it is."""
    with pytest.raises(UnknownModelError, match="nope"):
        plan(bench, "/x -m demo -m nope")
    assert bench.notebook.session is not None
    assert bench.notebook.session.steps == ()


def test_budget_counts_all_prompts(sent: Bench) -> None:
    """What fits once may not fit ten times."""
    prompt = "word " * 1000
    sent.open("Course --budget 0.0004")
    sent.plan("/x", prompt)
    with pytest.raises(BudgetError, match="10 prompts alone cost"):
        plan(sent, "/x -n 10", prompt)


def test_budget_holds_for_what_was_planned_at_the_same_moment(sent: Bench, helicone: FakeHelicone) -> None:
    """Each of three fits into it, and so do two: the third isn't sent."""
    sent.open("Course --budget 0.0004")
    first, second, third = (sent.plan(f"/x/{number}", "word " * 1000) for number in range(3))
    runs = [sent.notebook.steps.start(first), sent.notebook.steps.start(second)]
    with pytest.raises(BudgetError, match="this prompt alone costs"):
        sent.notebook.steps.start(third)
    for run in runs:
        run.done.result(30)
    assert len(helicone.completions) == 2


# ---- which of them is current


def test_first_answer_is_current_until_another_is_picked(bench: Bench) -> None:
    """Children continue the current one, by the tree and by "the step that ran last"."""
    steps = compare(bench, "/x -n 3")
    assert bench.plan("/x/child").step.parent_id == steps[0].id
    assert bench.plan("/other").step.parent_id == steps[0].id
    pick(bench, "/x", 2)
    assert bench.plan("/x/child").step.parent_id == steps[1].id
    assert bench.plan("/other").step.parent_id == steps[1].id
    assert bench.plan("/y --after /x").step.parent_id == steps[1].id


def test_first_that_finished_is_current_if_the_first_failed(bench: Bench) -> None:
    """A failed answer is never a parent."""
    steps = compare(bench, "/x -m demo-500 -m demo --retries 0")
    assert bench.plan("/x/child").step.parent_id == steps[1].id


def test_child_run_again_continues_the_picked_answer(bench: Bench) -> None:
    """It becomes stale by the pick, and is not any more once its cell ran again."""
    from heliconemagic.steps.tree import find_stale

    steps = compare(bench, "/x -n 2")
    child = bench.run("/x/child")
    pick(bench, "/x", 2)
    assert bench.notebook.session is not None
    assert find_stale(bench.notebook.session.steps) == {child.id}
    again = bench.run("/x/child")
    assert again.parent_id == steps[1].id
    assert find_stale(bench.notebook.session.steps) == {child.id}  # the superseded one


def test_running_again_supersedes_all_answers(bench: Bench) -> None:
    """All of the cell's earlier ones, with the same parent, and what was picked is forgotten."""
    before = bench.run("/before")
    old = compare(bench, "/x -n 3", cell="c")
    pick(bench, "/x", 3)
    bench.run("/after")
    new = compare(bench, "/x -n 2", cell="c")
    assert bench.notebook.session is not None
    states = {step.id: step.is_superseded for step in bench.notebook.session.steps}
    assert [states[step.id] for step in (*old, *new)] == [True] * 3 + [False] * 2
    assert {step.parent_id for step in new} == {before.id}
    assert bench.notebook.session.find_step("/x") == new[0]


def test_one_answer_again_supersedes_the_comparison(bench: Bench) -> None:
    """A cell that no longer compares, and one that begins to."""
    compare(bench, "/x -n 2", cell="c")
    one = bench.run("/x", cell="c")
    assert bench.notebook.session is not None
    assert [step.id for step in bench.notebook.session.steps if not step.is_superseded] == [one.id]
    two = compare(bench, "/x -n 2", cell="c")
    assert [step for step in bench.notebook.session.steps if not step.is_superseded] == two


def test_comparisons_in_a_loop_keep_their_places(bench: Bench) -> None:
    """Each comparison of one run counts as one step when the cell runs again."""
    bench.run("/start")

    def run_cell(run: int) -> list[list[Step]]:
        groups = []
        for prompt in ("one", "two"):
            bench.skip_runs(run - 1)
            groups.append(compare(bench, "/x -n 2 -m demo", prompt, cell="loop"))
        return groups

    first, again = run_cell(50), run_cell(60)
    assert [group[0].parent_id for group in first] == [group[0].parent_id for group in again]


@pytest.mark.parametrize(
    ("path", "number", "message"),
    [
        ("/x", 3, "has no answer 3"),
        ("/bad", 2, "cannot be continued"),
        ("/one", 1, "has one answer"),
        ("/none", 1, "no finished step"),
    ],
)
def test_what_cannot_be_picked(bench: Bench, path: str, number: int, message: str) -> None:
    """Each error says what there is instead."""
    bench.run("/one")
    compare(bench, "/x -n 2")
    compare(bench, "/bad -m demo -m demo-500 --retries 0")
    with pytest.raises(InputError, match=message) as caught:
        pick(bench, path, number)
    assert caught.value.hint


# ---- after a restart


def restart(tmp_path: Path) -> Bench:
    """Another kernel on the same journal."""
    bench = Bench(tmp_path, None, {})
    bench.skip_runs(1_000)
    bench.open("Course --gateway demo --resume")
    return bench


def test_resumed_session_remembers_the_pick(bench: Bench, tmp_path: Path) -> None:
    """Nothing is sent again, and the picked answer is still current, also after its cell."""
    old = compare(bench, "/x -n 3")
    pick(bench, "/x", 2)
    bench.close()
    later = restart(tmp_path)
    assert later.plan("/y").step.parent_id == old[1].id
    kept = compare(later, "/x -n 3")
    assert [step.id for step in kept] == [step.id for step in old]
    assert later.plan("/y").step.parent_id == old[1].id
    later.close()


def test_resumed_session_asks_only_for_what_is_missing(bench: Bench, tmp_path: Path) -> None:
    """An answer that failed is asked for again; those that were paid for are kept, and stay together with it."""
    old = compare(bench, "/x -m demo-cut -m demo", cell="c")
    assert [step.status.value for step in old] == ["failed", "done"]
    bench.close()
    later = restart(tmp_path)
    again = compare(later, "/x -m demo-fast -m demo", cell="c")
    assert again[1].id == old[1].id
    assert later.notebook.session is not None
    current = [step for step in later.notebook.session.steps if not step.is_superseded]
    assert {step.id for step in current} == {step.id for step in again}
    assert {step.comparison for step in current} == {old[1].comparison}
    later.close()


# ---- what the cell shows and gives


def test_replies_are_a_list(shell: Shell) -> None:
    """In `_` and under --out; shown once; with a word diff between any two."""
    shell.run(FIRST)
    ran = shell.run("%%llm /x -m demo-fast -n 2 --out answers\nWrite an abstract.")
    assert [reply.variant for reply in ran.value] == [1, 2]
    assert len(ran.shown) == 1
    assert shell.run("answers is _").value is True
    assert "<4 replies" not in repr(ran.value) and repr(ran.value).startswith("<2 replies of /x by 1: demo-fast")
    assert "{+" in repr(ran.value.diff(1, 2))
    again = shell.run("answers")
    assert again.text("text/html").count("<h4") == 2


def test_failed_answer_fails_the_cell_and_keeps_the_others(shell: Shell) -> None:
    """One short error names it; the finished replies are under --out all the same."""
    shell.run(FIRST)
    ran = shell.run("%%llm /x -m demo-fast -m demo-500 --retries 0 --out answers\nHi")
    assert type(ran.error).__name__ == "ComparisonError"
    assert "answer 2 of 2 (demo-500) failed; the others are kept" in str(ran.error)
    assert shell.run("[reply.model for reply in answers]").value == ["demo-fast"]
    page = ran.text("text/html")
    assert "always fails" in page or "failed (500)" in page
    assert "Demo text" in page


def test_dry_run_shows_each_model(shell: Shell) -> None:
    """Identical requests are shown once, with how often they would be sent."""
    shell.run(FIRST)
    ran = shell.run("%%llm /x -m demo -m demo-fast -n 3 --dry-run\nHi")
    assert len(ran.shown) == 2
    assert ran.text().count("3 times at once") == 2
    assert "no steps yet" in shell.run("%helicone_session show").text()


def test_pick_is_said_in_the_tree_and_the_card(shell: Shell) -> None:
    """Which one is current, what became stale by it, and where to read it again."""
    for cell in (FIRST, "%%llm /x -m demo-fast -n 2\nHi", "%%llm /x/child -m demo-fast\nGo on."):
        shell.run(cell)
    said = shell.run("%helicone_session pick /x 2").text()
    assert "answer 2 · demo-fast is current" in said
    assert "stale now, as they continue another answer: /x/child" in said
    tree = shell.run("%helicone_session show").text()
    assert "/x · 2 · demo-fast" in tree and "done · current" in tree and "done · stale" in tree
    assert "steps continue answer 2" in shell.run("%helicone_session show /x").text()
    assert shell.run('%llm /y --fresh --dry-run "{{ steps["/x"].variant }}"').text().count('"content": "2"') == 1


# ---- what can go wrong on the line


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("/x -m a -m a", "-m a is given twice", "-m a -n 2"),
        ("/x -n 1", "-n takes a whole number from 2 to 10, not '1'", "-n 3"),
        ("/x -n 11", "-n takes a whole number from 2 to 10, not '11'", "-n 3"),
        ("/x -n two", "-n takes a whole number from 2 to 10, not 'two'", "-n 3"),
        ("/x -m a -m b -n 10", "are 20 answers at once: more than 12", "-n 6"),
        ("/x -o n 3", "'n' cannot be set with -o", "-n 3"),
        ("/x -n 2 --tools f", "--tools calls functions for one answer", "leave out --tools"),
        ("/x -n 2 --for rows", "--for asks each row once", "compare on one row first"),
        ("/x -m a -m b --to-cell", "--to-cell takes the code of one answer", "use -x"),
    ],
)
def test_what_a_comparing_line_cannot_say(line: str, message: str, hint: str) -> None:
    """Each mistake says what to type instead."""
    with pytest.raises(InputError) as caught:
        parse_cell_line(line, is_cell=True)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_session_has_one_model() -> None:
    """Several are a cell's; the hint says so."""
    with pytest.raises(InputError, match="-m is given twice") as caught:
        parse_session_line("Course -m a -m b")
    assert "a cell compares several" in (caught.value.hint or "")


@pytest.mark.parametrize("line", ["pick", "pick /x", "pick /x two"])
def test_pick_wants_a_path_and_a_number(shell: Shell, line: str) -> None:
    """Without both it says what to type."""
    shell.run(FIRST)
    ran = shell.run(f"%helicone_session {line}")
    assert "wants a path and the number" in str(ran.error)
    assert "pick /path 2" in str(ran.error) or "pick /x 2" in str(ran.error)


def test_answers_of_another_form_fail_as_others_do(shell: Shell) -> None:
    """With --schema each answer must fit; those that do are given."""
    shell.run(FIRST)
    ran = shell.run(
        '%%llm /x -m demo-fast -m demo-length --schema "title, minutes int" --out answers\nA lesson, as JSON.'
    )
    assert "2 (demo-length) isn't what the cell asks for" in str(ran.error)
    assert shell.run("[reply.parsed is not None for reply in answers]").value == [True]
