"""Batches from their rows to the list of replies: real engine, client and journal against the fake Helicone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from batches_in_process import BatchBench
from fake_helicone import Answer, FakeHelicone, reply_json

from heliconemagic.batches.result import BatchResult
from heliconemagic.errors import BatchError, CredentialError, InputError, StepInterrupted, TemplateError
from heliconemagic.lines.options import parse_cell_line
from heliconemagic.records import StepStatus
from heliconemagic.reply import Reply

TOPICS = [{"topic": name} for name in ("bees", "reefs", "stars", "tides", "moss", "clay")]


@pytest.fixture
def bench(tmp_path: Path, helicone: FakeHelicone) -> Iterator[BatchBench]:
    """A notebook with an open session at the fake."""
    made = BatchBench(tmp_path, helicone)
    yield made
    made.close()


def read_paths(helicone: FakeHelicone) -> list[str | None]:
    """The paths of the requests, in the order of the alphabet."""
    return sorted(str(request.header("helicone-session-path")) for request in helicone.completions)


def read_prompts(helicone: FakeHelicone) -> list[str]:
    """What was asked, in the order of the alphabet."""
    return sorted(request.json["messages"][-1]["content"] for request in helicone.completions)


def refuse(*words: str) -> Callable[[Any], Answer | None]:
    """Refuses requests that name one of these words, in a way that is not retried."""
    error = reply_json({"error": {"message": "out of range", "type": "invalid_request_error"}}, 400)
    return lambda received: error if any(word in json.dumps(received.json) for word in words) else None


def test_each_row_is_a_step_at_its_path(bench: BatchBench, helicone: FakeHelicone) -> None:
    """The replies come as a list in the order of the rows, each with its own request."""
    replies = bench.batch(rows=TOPICS)
    assert [reply.path for reply in replies] == [f"/quiz/{row['topic']}" for row in TOPICS]
    assert {reply.text for reply in replies} == {"Hello!"}
    assert read_prompts(helicone) == sorted(f"Ask about {row['topic']}." for row in TOPICS)
    assert read_paths(helicone) == sorted(reply.path for reply in replies)
    assert len({request.header("helicone-session-id") for request in helicone.completions}) == 1


def test_rows_do_not_see_each_other(bench: BatchBench, helicone: FakeHelicone) -> None:
    """All continue what ran before the batch; what runs after it continues that as well."""
    abstract = bench.run("/abstract")
    bench.batch(rows=TOPICS)
    after = bench.run("/summary")
    below = bench.run("/quiz/bees/hint")
    assert {len(request.json["messages"]) for request in helicone.completions[1:7]} == {3}
    assert after.parent_id == abstract.id
    assert bench.notebook.session is not None
    assert below.parent_id == bench.notebook.session.find_step("/quiz/bees").id


@pytest.mark.parametrize("jobs", [1, 3])
def test_no_more_at_a_time_than_asked_for(bench: BatchBench, helicone: FakeHelicone, jobs: int) -> None:
    """`--jobs N` is the most that is under way, and it is reached."""
    bench.batch(f"/quiz --for rows --jobs {jobs} -m slow-3 --anew", "{{ row }}", rows=range(12))
    steps = bench.notebook.session.steps
    moments = sorted([(step.started_at, 1) for step in steps] + [(step.ended_at, -1) for step in steps])
    at_once = [sum(change for _, change in moments[: index + 1]) for index in range(len(moments))]
    assert max(at_once) == jobs


def test_failed_rows_are_named_and_retried_alone(bench: BatchBench, helicone: FakeHelicone) -> None:
    """Running the cell again sends what failed, and nothing that is answered already."""
    helicone.respond = refuse("reefs", "moss")
    with pytest.raises(BatchError, match="2 of 6 rows failed") as caught:
        bench.batch(rows=TOPICS)
    assert [failed.row["topic"] for failed in caught.value.result.failed] == ["reefs", "moss"]
    helicone.respond = None
    sent = len(helicone.completions)
    replies = bench.batch(rows=TOPICS)
    assert len(helicone.completions) - sent == 2
    assert [reply.path for reply in replies] == [f"/quiz/{row['topic']}" for row in TOPICS]
    assert (bench.card.counts.kept, bench.card.counts.answered) == (4, 2)
    standing = [step for step in bench.notebook.session.steps if not step.is_superseded]
    assert [step.status for step in standing] == [StepStatus.DONE] * 6


def test_changed_rows_are_sent_and_replace_the_others(bench: BatchBench, helicone: FakeHelicone) -> None:
    """A row whose request is another one is sent; the step that it replaces is superseded, and no other."""
    bench.batch(rows=TOPICS)
    changed = [{"topic": "bees", "level": "hard"}, *({**row, "level": ""} for row in TOPICS[1:])]
    bench.batch("/quiz/{{ row.topic }} --for rows", "Ask about {{ row.topic }}.{{ row.level }}", rows=changed)
    assert len(helicone.completions) == 7
    superseded = [step.path for step in bench.notebook.session.steps if step.is_superseded]
    assert superseded == ["/quiz/bees"]


def test_a_rerun_continues_what_the_first_run_did(bench: BatchBench, helicone: FakeHelicone) -> None:
    """Cells that ran in between don't change the request of a row, or all would be paid for again."""
    bench.run("/abstract")
    bench.batch(rows=TOPICS)
    bench.run("/notes")
    sent = len(helicone.completions)
    bench.batch(rows=TOPICS)
    assert len(helicone.completions) == sent


def test_anew_sends_all(bench: BatchBench, helicone: FakeHelicone) -> None:
    """`--anew` pays for every row once more, and the earlier answers are superseded."""
    bench.batch(rows=TOPICS)
    bench.batch("/quiz/{{ row.topic }} --for rows --anew", rows=TOPICS)
    assert len(helicone.completions) == 12
    assert sum(step.is_superseded for step in bench.notebook.session.steps) == 6


def test_identical_rows_are_each_sent_once(bench: BatchBench, helicone: FakeHelicone) -> None:
    """Two rows that ask the same are two requests, and neither is sent again."""
    rows = [{"topic": "bees"}, {"topic": "bees"}]
    bench.batch(rows=rows)
    assert len(helicone.completions) == 2
    bench.batch(rows=rows)
    assert len(helicone.completions) == 2


def test_finished_rows_are_kept_after_a_restart(tmp_path: Path, helicone: FakeHelicone) -> None:
    """With --resume a new kernel sends only the rows without an answer."""
    first = BatchBench(tmp_path, helicone)
    helicone.respond = refuse("clay")
    with pytest.raises(BatchError):
        first.batch(rows=TOPICS)
    first.close()
    helicone.respond = None
    second = BatchBench(tmp_path, helicone, '"Quiz" --resume')
    second.skip_runs(100)
    sent = len(helicone.completions)
    replies = second.batch(rows=TOPICS, cell="another id")
    second.close()
    assert len(helicone.completions) - sent == 1
    assert all(replies)


def test_rows_of_a_list_are_all_checked_first(bench: BatchBench, helicone: FakeHelicone) -> None:
    """A row that cannot be filled in is named before anything is sent."""
    with pytest.raises(TemplateError, match=r"row 3: .* has no 'topic'"):
        bench.batch(rows=[*TOPICS[:2], {"title": "stars"}])
    assert not helicone.requests


def test_row_of_a_generator_fails_alone(bench: BatchBench, helicone: FakeHelicone) -> None:
    """A generator's rows are known only when they come: the others are answered."""
    with pytest.raises(BatchError, match="1 of 3 rows failed") as caught:
        bench.batch(rows=(row for row in [TOPICS[0], {"title": "stars"}, TOPICS[1]]))
    assert [bool(item) for item in caught.value.result] == [True, False, True]
    assert "has no 'topic'" in caught.value.result.failed[0].error
    assert len(helicone.completions) == 2


def test_generator_that_breaks_keeps_what_is_done(bench: BatchBench) -> None:
    """What the notebook's own code raises ends the batch, and is told."""

    def read() -> Iterator[dict[str, str]]:
        yield from TOPICS[:2]
        raise OSError("disk gone")

    with pytest.raises(BatchError, match="broke off after 2 rows") as caught:
        bench.batch(rows=read())
    assert "OSError: disk gone" in str(caught.value)
    assert len(caught.value.result) == 2
    assert all(caught.value.result)


def test_function_gives_its_rows_anew(bench: BatchBench, helicone: FakeHelicone) -> None:
    """A generator's function can be named, so that the cell can run again."""
    bench.batch(rows=lambda: iter(TOPICS))
    bench.batch(rows=lambda: iter(TOPICS))
    assert len(helicone.completions) == 6


def test_generator_is_read_no_further_than_needed(bench: BatchBench) -> None:
    """Ten thousand rows are not planned before the first is sent."""
    taken = []

    def read() -> Iterator[dict[str, int]]:
        for number in range(10_000):
            taken.append(number)
            yield {"topic": number}

    bench.view.on_update = lambda card: bench.stop()
    with pytest.raises(StepInterrupted):
        bench.batch("/quiz --for rows --jobs 2 -m slow-40", rows=read())
    assert len(taken) <= 20


def test_stop_keeps_what_is_done(bench: BatchBench, helicone: FakeHelicone) -> None:
    """What is under way is cancelled, the rest is not sent, and the next run sends just those."""
    bench.view.on_update = lambda card: bench.stop() if card.counts.done >= 2 else None
    helicone.respond = lambda received: None
    with pytest.raises(StepInterrupted, match=r"of 40 rows are done and kept") as caught:
        bench.batch("/quiz --for rows --jobs 2 -m slow-6", "{{ row }}", rows=range(40))
    result = caught.value.result
    done = {str(row) for row, reply in enumerate(result) if reply}
    assert 2 <= len(done) < 40
    assert {failed.status for failed in result.failed} <= {"interrupted", "not sent"}
    assert len(result) == 40
    bench.view.on_update = lambda card: None
    assert all(bench.batch("/quiz --for rows --jobs 8 -m slow-6", "{{ row }}", rows=range(40)))
    # By prompts: what a cancelled row had sent may reach the server long after the stop.
    asked = Counter(one.json["messages"][-1]["content"] for one in helicone.completions)
    assert set(asked) == {str(row) for row in range(40)}
    assert {row for row in done if asked[row] > 1} == set()
    assert asked.total() <= 40 + 2


def test_engine_that_closes_ends_the_batch(bench: BatchBench) -> None:
    """As when the extension is unloaded: nothing waits for rows that nobody sends, and what is done is kept."""
    bench.view.on_update = lambda card: bench.notebook.engine.close() if card.counts.done else None
    with pytest.raises(StepInterrupted) as caught:
        bench.batch("/quiz --for rows --jobs 2 -m slow-6", "{{ row }}", rows=range(40))
    assert 1 <= sum(map(bool, caught.value.result)) < 40


def test_budget_is_exceeded_by_no_more_than_what_is_in_flight(bench: BatchBench, helicone: FakeHelicone) -> None:
    """The batch stops taking rows, says so, and keeps what is done."""
    price = 0.00000255  # of 5 and 3 tokens of gpt-4o-mini
    bench.open(f'"Quiz" --budget {10 * price:.9f}')
    with pytest.raises(BatchError, match=r"the budget of .* is used up") as caught:
        bench.batch("/quiz --for rows --jobs 4", "{{ row }}", rows=range(100))
    assert 8 <= len(helicone.completions) <= 10
    assert sum(map(bool, caught.value.result)) == len(helicone.completions)
    assert bench.notebook.session.totals.cost <= 10 * price * 1.01


def test_refused_key_is_not_tried_for_every_row(bench: BatchBench, helicone: FakeHelicone) -> None:
    """A few refusals one after the other are enough to know."""
    with pytest.raises(BatchError, match="one after the other in the same way") as caught:
        bench.batch("/quiz --for rows --jobs 2 -m echo-key-error", "{{ row }}", rows=range(1000))
    assert len(helicone.completions) <= 5
    assert len(caught.value.result) == 1000
    assert {failed.status for failed in caught.value.result.failed} == {"failed", "not sent"}


def test_rate_limit_slows_all_rows_down(bench: BatchBench, helicone: FakeHelicone) -> None:
    """While one row waits after a 429, no other is begun."""
    counts = []
    bench.view.on_update = lambda card: counts.append(card.waiting)
    bench.batch("/quiz --for rows --jobs 4 -m retry-after-1", "{{ row }}", rows=range(8))
    assert any("429" in waiting for waiting in counts)
    assert bench.card.counts.done == 8


def test_paths_are_spelled_in_ascii(bench: BatchBench, helicone: FakeHelicone) -> None:
    """A value becomes one segment that can travel, and it is said."""
    bench.batch(rows=[{"topic": "Café au lait"}, {"topic": "a/b 50%"}])
    assert read_paths(helicone) == ["/quiz/Cafe au lait", "/quiz/a-b 50 percent"]
    assert "'Café au lait' stands there as 'Cafe au lait', and 1 other" in " ".join(bench.card.notes)


def test_value_that_no_path_can_have_is_refused(bench: BatchBench, helicone: FakeHelicone) -> None:
    """The row is named, and what to type."""
    with pytest.raises(InputError, match="row 2: '日本' cannot stand in a path") as caught:
        bench.batch(rows=[{"topic": "bees"}, {"topic": "日本"}])
    assert "row_number" in (caught.value.hint or "")
    assert not helicone.requests


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("a text", "is a text"), ({"a": 1}, "two kinds"), ([], "has no rows"), (7, "is of type int, which has no rows"),
        (iter(()), "has no rows"),
    ],
)  # fmt: skip
def test_what_has_no_rows_is_refused(bench: BatchBench, helicone: FakeHelicone, rows: Any, words: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InputError, match=words):
        bench.batch("/quiz --for rows", "{{ row }}", rows=rows)
    assert not helicone.requests


def test_rows_may_be_an_expression(bench: BatchBench, helicone: FakeHelicone) -> None:
    """A few rows to try with, before all of them."""
    assert len(bench.batch("/quiz/{{ row.topic }} --for rows[:2]", rows=TOPICS)) == 2


def test_prompt_that_names_no_row_is_refused(bench: BatchBench, helicone: FakeHelicone) -> None:
    """Every row would be asked the same."""
    with pytest.raises(InputError, match="nothing in this cell names the row"):
        bench.batch("/quiz --for rows", "Ask something.", rows=TOPICS)
    with pytest.raises(InputError, match="nothing in this cell names the row") as caught:
        bench.batch("/quiz --for rows --raw", "{{ row }}", rows=TOPICS)
    assert "--raw" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "line", ["/a --jobs 4", "/a --anew", "/a --for rows --jobs 0", "/a --for rows --jobs 65", "/a --for rows --live",
             "/a --for {{rows}}"],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(line: str) -> None:
    """On the line, before anything is looked up."""
    with pytest.raises(InputError):
        parse_cell_line(line, is_cell=True)


def test_missing_key_is_told_before_anything_is_sent(tmp_path: Path, helicone: FakeHelicone) -> None:
    """As for a single step."""
    bench = BatchBench(tmp_path, helicone)
    bench.notebook.surroundings.environ.pop("OPENAI_API_KEY")
    with pytest.raises(CredentialError):
        bench.batch(rows=TOPICS)
    bench.close()
    assert not helicone.requests


def test_dry_run_shows_the_first_row_and_sends_nothing(bench: BatchBench, helicone: FakeHelicone) -> None:
    """With the number of rows."""
    assert bench.batch("/quiz/{{ row.topic }} --for rows --dry-run", rows=TOPICS) is None
    assert "row 1 of 6" in bench.published[-1]["text/plain"]
    assert "Ask about bees." in bench.published[-1]["text/plain"]
    assert not helicone.requests


def test_records_have_the_rows_own_values(bench: BatchBench, helicone: FakeHelicone) -> None:
    """One mapping for each row; a row's value that is named like one of ours gets another name."""
    helicone.respond = refuse("reefs")
    with pytest.raises(BatchError) as caught:
        bench.batch(rows=[{"topic": "bees", "text": "own"}, {"topic": "reefs", "text": "own"}])
    bees, reefs = caught.value.result.records
    assert (bees["topic"], bees["row_text"], bees["text"], bees["tokens"]) == ("bees", "own", "Hello!", 8)
    assert (bees["status"], reefs["status"], bees["error"]) == ("done", "failed", None)
    assert "refused the request (400)" in reefs["error"]


def test_answers_of_another_form_are_failed_rows(bench: BatchBench, helicone: FakeHelicone) -> None:
    """With --json a row whose answer is no JSON has failed, and is asked again by the next run."""
    line = "/quiz/{{ row.topic }} --for rows --json"
    with pytest.raises(BatchError, match="2 of 2 rows failed") as caught:
        bench.batch(line, "A question on {{ row.topic }} as JSON.", rows=TOPICS[:2])
    assert [failed.text for failed in caught.value.result.failed] == ["Hello!", "Hello!"]
    helicone.gateway.text = '{"question": 1}'
    replies = bench.batch(line, "A question on {{ row.topic }} as JSON.", rows=TOPICS[:2])
    assert [reply.parsed for reply in replies] == [{"question": 1}] * 2
    assert sum(step.is_superseded for step in bench.notebook.session.steps) == 2


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        (
            "rowz",
            "--for 'rowz' cannot be computed: 'rowz' is not defined in the notebook.\n  hint: did you mean 'rows'?",
        ),
        ("nothing", "is not defined in the notebook.\n  hint: name a list"),
        ("rows[", "--for 'rows[' cannot be computed."),
        ("rows.nope", "the list has no 'nope'"),
        ("enumerate(rows)", "len str round sorted min max; else compute it in a cell"),
    ],
)
def test_expression_without_a_value_is_named(bench: BatchBench, expression: str, says: str) -> None:
    """As typed, without the braces that nobody typed."""
    with pytest.raises(InputError) as caught:
        bench.batch(f"/quiz --for {expression}", "{{ row }}", rows=TOPICS)
    assert says in str(caught.value)
    assert "{{" not in str(caught.value)


def test_cost_of_answers_without_a_price_is_not_known(bench: BatchBench) -> None:
    """Nothing would read as free."""
    (priced,) = bench.batch("/quiz/{{ row }} --for rows", "{{ row }}", rows=[1])
    unpriced = Reply(replace(priced._step, cost=None))
    assert BatchResult([unpriced]).cost is None
    assert BatchResult([unpriced, priced]).cost == priced.cost != 0


def test_rows_that_only_count(bench: BatchBench, helicone: FakeHelicone) -> None:
    """``range`` needs no cell of its own; the notebook's own of that name comes first."""
    assert bench.batch("/quiz/{{ row }} --for range(1,3)", "Question {{ row }}.", rows=()).rows == [1, 2]
    mine = bench.batch("/mine/{{ row }} --for range(9)", "{{ row }}", rows=(), range=lambda count: ["a"])
    assert mine.rows == ["a"]


class Frame:
    """A table as pandas has it, as far as its rows are concerned."""

    columns = ("topic", "level")

    def __len__(self) -> int:
        return 2

    def itertuples(self, *, index: bool, name: str | None) -> Iterator[tuple[str, str]]:
        """The rows, as tuples."""
        assert (index, name) == (False, None)
        return iter([("bees", "easy"), ("reefs", "hard")])


def test_rows_of_a_table_have_its_columns(bench: BatchBench, helicone: FakeHelicone) -> None:
    """By name, with a dot or in brackets; the table is known by its methods alone."""
    replies = bench.batch("/quiz/{{ row.topic }} --for rows", "A {{ row['level'] }} one.", rows=Frame())
    assert [reply.path for reply in replies] == ["/quiz/bees", "/quiz/reefs"]
    assert read_prompts(helicone) == ["A easy one.", "A hard one."]
    assert bench.card.counts.total == 2
