"""A recorded request once more: exactly as it was, in place of the answer there is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_helicone import HELICONE_KEY, FakeHelicone, reply_json
from notebooks_in_process import BOTH_KEYS, Bench

from heliconemagic.errors import BudgetError, InputError
from heliconemagic.records import Step, StepKind, StepStatus


@pytest.fixture
def bench(tmp_path: Path, helicone: FakeHelicone) -> Iterator[Bench]:
    """A notebook with a session at the fake Helicone."""
    bench = Bench(tmp_path, helicone, BOTH_KEYS)
    bench.open(f'"Course" --gateway {helicone.url} -s "You teach."')
    yield bench
    bench.close()


def run_again(bench: Bench, step: Step) -> Step:
    """The step that comes of it, when it has ended."""
    session, ended = bench.notebook.session, threading.Event()
    assert session is not None
    begun = bench.notebook.run_again(session, step, ended.set)
    assert begun.status is StepStatus.PENDING
    assert ended.wait(30)
    found = session.find_by_id(begun.id)
    assert found is not None
    return found


def test_same_request_in_place_of_the_old_answer(bench: Bench, helicone: FakeHelicone) -> None:
    """Body and session headers are equal; the new answer is current, and the old one superseded, on disk too."""
    bench.run("/abstract")
    old = bench.run("/outline -o max_tokens 50", "Go on.")
    helicone.gateway.text = "Better."
    new = run_again(bench, old)
    first, second = helicone.completions[-2:]
    assert first.json == second.json
    for name in ("helicone-session-id", "helicone-session-path", "helicone-session-name"):
        assert first.header(name) == second.header(name)
    session = bench.notebook.session
    assert session is not None
    assert (new.text, new.parent_id, new.cell) == ("Better.", old.parent_id, old.cell)
    assert session.find_step("/outline") == new
    recorded = bench.notebook.journal.load_session(session.record.id)
    assert recorded is not None
    assert [step.is_superseded for step in recorded[1]] == [False, True, False]


def test_cell_that_runs_again_replaces_it(bench: Bench) -> None:
    """It counts as a run of that cell."""
    old = bench.run("/outline", cell="cell-1")
    new = run_again(bench, old)
    latest = bench.run("/outline", cell="cell-1")
    session = bench.notebook.session
    assert session is not None and session.find_step("/outline") == latest
    assert session.find_by_id(new.id).is_superseded  # type: ignore[union-attr]


def test_replaced_answer_asked_again_takes_the_place_of_the_newer_ones(bench: Bench, helicone: FakeHelicone) -> None:
    """One answer of a cell at a path is current, on disk too; a failure changes nothing."""
    first, second = (bench.run("/outline", cell="cell-1") for _ in range(2))
    other = bench.run("/outline", cell="cell-2")
    new = run_again(bench, first)
    newest = run_again(bench, second)
    helicone.respond = lambda received: reply_json({"error": {"message": "no"}}, 400)
    run_again(bench, first)
    session = bench.notebook.session
    assert session is not None
    standing = [step.id for step in session.steps if step.status is StepStatus.DONE and not step.is_superseded]
    assert standing == [other.id, newest.id] and new.id != newest.id
    recorded = bench.notebook.journal.load_session(session.record.id)
    assert recorded is not None
    assert [step.id for step in recorded[1] if step.status is StepStatus.DONE and not step.is_superseded] == standing


def test_failure_leaves_the_old_answer(bench: Bench, helicone: FakeHelicone) -> None:
    """It stays the current one; the failed step is there to be seen."""
    old = bench.run("/outline")
    helicone.respond = lambda received: reply_json({"error": {"message": "no"}}, 400)
    new = run_again(bench, old)
    session = bench.notebook.session
    assert session is not None and new.status is StepStatus.FAILED
    assert session.find_step("/outline") == old


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": StepKind.TOOL, "gateway": "notebook"}, "is no request to a model"),
        ({"status": StepStatus.PENDING}, "is still running"),
        ({"parameters": {"tools": [{}]}}, "calls functions of the notebook"),
        ({"comparison": "x"}, "one of several answers"),
        ({"gateway": "replay"}, "a recorded lesson answers"),
        ({"gateway": "nowhere"}, "'nowhere' is not a gateway"),
        ({"gateway": "http://127.0.0.1:9"}, "isn't this session's gateway"),  # a file may have said so
        ({"gateway": "direct:http://127.0.0.1:9/v1"}, "isn't this session's gateway"),
        ({"messages": ({"role": "user", "content": HELICONE_KEY},)}, "one of your keys"),
    ],
)
def test_what_is_not_sent(bench: Bench, helicone: FakeHelicone, changes: dict[str, Any], message: str) -> None:
    """It says why; nothing was sent, and no step begun."""
    step = replace(bench.run("/outline"), **changes)
    session, sent = bench.notebook.session, len(helicone.requests)
    assert session is not None
    with pytest.raises(InputError, match=message):
        bench.notebook.run_again(session, step, lambda: None)
    assert (len(helicone.requests), len(session.steps)) == (sent, 1)


def test_budget_holds(bench: Bench, helicone: FakeHelicone) -> None:
    """As for any request of the session."""
    step = bench.run("/outline -m gpt-4o", "word " * 2_000)
    bench.open(f'"Course" --gateway {helicone.url} --budget 0.001')
    session = bench.notebook.session
    assert session is not None
    with pytest.raises(BudgetError):
        bench.notebook.run_again(session, step, lambda: None)
