"""What is recorded comes back as it was: sessions, steps, attempts, messages, replies."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import pytest
from journal_builders import build_session, build_step

from heliconemagic.errors import InputError, JournalError
from heliconemagic.journal import queries as journal_queries
from heliconemagic.journal.journal import Journal
from heliconemagic.journal.schema import connect_file, open_readable
from heliconemagic.records import (
    Attempt,
    Delivery,
    DeliveryState,
    Feedback,
    Origin,
    OriginKind,
    SessionSummary,
    Step,
    StepKind,
    StepStatus,
    ToolCall,
)
from heliconemagic.usage import Usage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that does not exist yet."""
    return tmp_path / "records"


@pytest.fixture
def journal(folder: Path) -> Iterator[Journal]:
    """A journal in it, closed at the end."""
    opened = Journal(folder)
    yield opened
    opened.close()


def count(folder: Path, table: str) -> int:
    """How many rows another program sees."""
    with closing(sqlite3.connect(folder / "journal.sqlite3")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def build_full_step() -> Step:
    """A step in which every field is set."""
    return Step(
        id="full",
        session_id="5e551011",
        path="/outline/lesson-1",
        kind=StepKind.TOOL,
        status=StepStatus.FAILED,
        gateway="https://gateway.example/v1",
        model="gpt-4o-mini",
        messages=(
            {"role": "system", "content": "Be brief. ü"},
            {"role": "user", "content": [{"type": "text", "n": 1}]},
        ),
        parameters={"temperature": 0.2, "stop": ["\n"], "nested": {"a": None}},
        input='{"q": "é"}',
        user="ada",
        properties={"team": "blue"},
        delivery=Delivery(state=DeliveryState.REFUSED, reason="401", helicone_id="helicone-3"),
        fingerprint="f00d",
        cell="cell-9",
        run=7,
        parent_id="parent",
        is_superseded=True,
        is_aside=True,
        comparison="step-1",
        variant=2,
        is_picked=True,
        started_at=101.25,
        first_token_at=101.5,
        ended_at=103.75,
        text="Half a\0 ans\ud83d wer 🎓",
        reasoning="Let me think",
        refusal="I cannot",
        tool_calls=(ToolCall(id="call-1", name="search", arguments='{"q": "é"}'),),
        finish_reason="length",
        answered_by="gpt-4o-mini-2024-07-18",
        usage=Usage(prompt_tokens=10, completion_tokens=20, cached_tokens=3, reasoning_tokens=4),
        cost=0.0025,
        error="429 Too Many Requests",
        origin=Origin(kind=OriginKind.FALLBACK, answered_at=90.5, source="lesson.jsonl"),
        attempts=(
            Attempt(request_id="request-1", started_at=101.25, ended_at=101.3, status_code=500, error="bad gateway"),
            Attempt(
                request_id="request-2",
                started_at=101.4,
                first_byte_at=101.5,
                ended_at=103.7,
                status_code=429,
                helicone_id="helicone-2",
                headers={"retry-after": "3"},
                error="too many",
            ),
        ),
    )


def test_full_step_sets_every_field() -> None:
    """The step of the round trip differs from a bare one in every field but the recorded mark."""
    bare, full = build_step(), build_full_step()
    same = {field.name for field in fields(Step) if getattr(bare, field.name) == getattr(full, field.name)}
    assert same == {"session_id", "is_recorded"}


def test_round_trip(journal: Journal) -> None:
    """A step comes back equal, whatever its fields hold."""
    session = build_session(ended_at=200.0, source="us.helicone.ai")
    journal.put_session(session)
    journal.close_step(build_full_step())
    assert journal.load_session("5e551011") == (session, [build_full_step()])


FEEDBACK = (
    Feedback(id="1", session_id="5e551011", step_id="full", name="rating", value=True, note="clear 🎓", given_at=104.0),
    Feedback(id="2", session_id="5e551011", step_id="full", name="accuracy", value=0, given_at=105.0),
    Feedback(id="3", session_id="5e551011", name="rating", value=False, given_at=106.0),
    Feedback(id="4", session_id="5e551011", name="note", note="FORGOTTEN-MARK", given_at=107.0),
)


def test_feedback_round_trip(journal: Journal) -> None:
    """Thumbs come back as thumbs and scores as numbers; a newer state takes the older one's place."""
    journal.put_session(build_session())
    for feedback in FEEDBACK:
        journal.put_feedback(feedback)
    accepted = replace(FEEDBACK[1], delivery=Delivery(state=DeliveryState.ACCEPTED))
    journal.put_feedback(accepted)
    found = journal.load_feedback("5e551011")
    assert found == [FEEDBACK[0], accepted, *FEEDBACK[2:]]
    assert [type(each.value) for each in found] == [bool, int, bool, type(None)]


def test_delivery_is_noted(journal: Journal) -> None:
    """What Helicone says of a step is written beside it, whenever it comes."""
    journal.put_session(build_session())
    journal.close_step(build_step(status=StepStatus.DONE))
    journal.put_delivery("step-1", Delivery(state=DeliveryState.ACCEPTED, helicone_id="helicone-1"))
    (step,) = journal.load_session("5e551011")[1]
    assert step.helicone_id == "helicone-1"


def test_bare_step_round_trip(journal: Journal) -> None:
    """A pending step without a reply comes back equal."""
    journal.put_session(build_session())
    assert journal.open_step(build_step())
    assert journal.load_session("5e551011") == (build_session(), [build_step()])


def test_untouched_disk(folder: Path) -> None:
    """Making and closing a journal, and reading where nothing was recorded, leaves no file."""
    journal = Journal(folder)
    assert journal.list_sessions() == []
    assert journal.load_session("nowhere") is None
    journal.close()
    assert not folder.exists()


def test_pending_row_is_committed(journal: Journal, folder: Path) -> None:
    """When `open_step` returns, another program sees the pending row."""
    journal.put_session(build_session())
    assert journal.open_step(build_step())
    with closing(sqlite3.connect(folder / "journal.sqlite3")) as connection:
        assert connection.execute("SELECT id, status FROM steps").fetchall() == [("step-1", "pending")]


def test_newest_text_wins(journal: Journal) -> None:
    """Of the texts of a running step the last one is kept, with its reasoning."""
    journal.put_session(build_session())
    journal.open_step(build_step())
    for length in range(1, 6):
        journal.put_text("step-1", "word " * length, "hm " * length)
    _, [step] = journal.load_session("5e551011")
    assert (step.text, step.reasoning, step.status) == ("word " * 5, "hm " * 5, StepStatus.PENDING)


def test_first_token_goes_with_the_text(journal: Journal) -> None:
    """A running step says when its text began, and goes on saying so."""
    journal.put_session(build_session())
    journal.open_step(build_step())
    journal.put_text("step-1", "half", first_token_at=101.5)
    journal.flush()
    journal.put_text("step-1", "half and more")
    _, [step] = journal.load_session("5e551011")
    assert (step.text, step.first_token_at) == ("half and more", 101.5)


def test_late_text_changes_nothing(journal: Journal) -> None:
    """Text that comes after a step was closed does not replace the final text."""
    journal.put_session(build_session())
    journal.put_text("step-1", "ha")
    journal.close_step(build_step(status=StepStatus.DONE, text="half and more"))
    journal.put_text("step-1", "half")
    _, [step] = journal.load_session("5e551011")
    assert step.text == "half and more"


def test_attempts_only_learn(journal: Journal) -> None:
    """An attempt is updated by its request id, and an older state takes nothing away."""
    opened = Attempt(request_id="request-1", started_at=101.0)
    ended = replace(opened, ended_at=102.0, status_code=200, helicone_id="helicone-1", headers={"server": "x"})
    journal.put_session(build_session())
    journal.open_step(build_step())
    journal.begin_attempt("step-1", opened)
    journal.put_attempt("step-1", ended)
    journal.flush()
    journal.close_step(build_step(attempts=(opened,)))
    assert journal.load_session("5e551011")[1][0].attempts == (ended,)


def test_attempts_stay_with_their_step(journal: Journal) -> None:
    """The same request id from another step changes nothing of what was recorded."""
    attempt = Attempt(request_id="request-1", started_at=101.0, status_code=200)
    journal.put_session(build_session())
    journal.close_step(build_step(attempts=(attempt,)))
    journal.close_step(build_step("step-2", attempts=(replace(attempt, status_code=599, error="strange"),)))
    assert [step.attempts for step in journal.load_session("5e551011")[1]] == [(attempt,), ()]


def test_attempt_without_step(journal: Journal, folder: Path) -> None:
    """An attempt whose step was never recorded is not recorded either."""
    journal.begin_attempt("unknown", Attempt(request_id="request-1", started_at=101.0))
    journal.flush()
    assert count(folder, "attempts") == 0


def test_unrecorded_step(journal: Journal, folder: Path) -> None:
    """Nothing of a step that is not to be recorded reaches the disk."""
    step = build_step(is_recorded=False)
    assert not journal.open_step(step)
    journal.put_text(step.id, "secret plans")
    journal.close_step(replace(step, status=StepStatus.DONE, text="secret plans"))
    assert journal.flush()
    assert (count(folder, "steps"), count(folder, "messages"), journal.warning) == (0, 0, None)


def test_superseded_stays(journal: Journal) -> None:
    """A superseded step stays superseded when its final state comes later."""
    journal.put_session(build_session())
    journal.open_step(build_step())
    journal.supersede(["step-1"])
    journal.flush()
    journal.close_step(build_step(status=StepStatus.DONE))
    assert journal.load_session("5e551011")[1][0].is_superseded


def test_bodies_are_stored_once(journal: Journal, folder: Path) -> None:
    """Steps of one conversation share the bodies of their messages, whatever order their keys have."""
    turns = tuple({"role": "user", "content": f"turn {number}"} for number in range(10))
    journal.put_session(build_session())
    for length in range(1, 11):
        journal.close_step(replace(build_step(f"step-{length}"), messages=turns[:length]))
    journal.close_step(replace(build_step("turned"), messages=({"content": "turn 0", "role": "user"},)))
    assert [len(step.messages) for step in journal.load_session("5e551011")[1]] == [*range(1, 11), 1]
    assert (count(folder, "messages"), count(folder, "step_messages")) == (10, 56)


def test_summaries(journal: Journal) -> None:
    """A listed session says what its steps add up to; a pending or unpriced one adds nothing it lacks."""
    usage = Usage(prompt_tokens=10, completion_tokens=5)
    journal.put_session(build_session(ended_at=150.0))
    journal.close_step(build_step("1", status=StepStatus.DONE, usage=usage, cost=0.5))
    journal.close_step(build_step("2", status=StepStatus.FAILED, usage=usage, cost=None))
    journal.close_step(build_step("3", status=StepStatus.INTERRUPTED, cost=0.25))
    journal.open_step(build_step("4"))
    journal.close_step(build_step("5", status=StepStatus.DONE, cost=None))
    journal.close_step(build_step("6", status=StepStatus.DONE, cost=None, kind=StepKind.TOOL))
    session = build_session(ended_at=150.0)
    known = {field.name: getattr(session, field.name) for field in fields(session)}
    assert journal.list_sessions() == [SessionSummary(**known, steps=6, errors=2, cost=0.75, unpriced=1, tokens=30)]


def test_lists_choose(journal: Journal) -> None:
    """Sessions come newest first, by name, by notebook and no more than asked for."""
    for number in range(6):
        changes = {"name": "ab"[number % 2], "notebook": "xyz"[number % 3], "started_at": float(number)}
        journal.put_session(build_session(f"session-{number}", **changes))

    def ids(**wanted: object) -> list[str]:
        return [session.id[-1] for session in journal.list_sessions(**wanted)]

    assert (ids(), ids(limit=2), ids(limit=0)) == (list("543210"), ["5", "4"], [])
    assert (ids(name="a"), ids(notebook="x"), ids(name="a", notebook="x")) == (list("420"), ["3", "0"], ["0"])


def test_newest_has_steps(journal: Journal) -> None:
    """The newest session of a notebook is one that something ran in, and not the one that is left out."""
    for number in range(6):
        journal.put_session(build_session(f"session-{number}", name="ab"[number % 2], started_at=float(number)))
    for number in (0, 1, 3):
        journal.close_step(build_step(str(number), session_id=f"session-{number}", status=StepStatus.DONE))

    def find(**wanted: str) -> str:
        newest = journal.find_newest(build_session().notebook, **wanted)
        return newest.id[-1] if newest else ""

    assert (find(), find(name="a"), find(name="b"), find(name="c")) == ("3", "0", "3", "")
    assert (find(name="b", besides="session-3"), find(name="a", besides="session-0")) == ("1", "")
    assert journal.find_newest("elsewhere") is None
    assert journal.find_session("b").id == "session-3"


def test_find_session(journal: Journal) -> None:
    """A session is found by its id, by the beginning of it, and by its name, the newest first."""
    for session_id, name, start in [
        ("aaaa-1111", "Course", 1.0),
        ("aabb-2222", "Course", 2.0),
        ("cccc-3", "Café", 3.0),
    ]:
        journal.put_session(build_session(session_id, name=name.replace("é", "e"), started_at=start))
    assert journal.find_session("aaaa-1111").id == "aaaa-1111"
    assert journal.find_session(" AAbb ").id == "aabb-2222"
    assert journal.find_session("Course").id == "aabb-2222"
    assert journal.find_session("Café").id == "cccc-3"


@pytest.mark.parametrize(
    ("reference", "said"),
    [("Curse", 'did you mean "Course"'), ("zzz", "%helicone_session list"), ("aaaa", "several sessions"), ("", "list")],
)
def test_find_session_fails(journal: Journal, reference: str, said: str) -> None:
    """What names no session, or several, is refused with what to type instead."""
    for session_id in ("aaaa-1", "aaaa-2"):
        journal.put_session(build_session(session_id))
    with pytest.raises(InputError, match=re.escape(said)):
        journal.find_session(reference)


def test_questions_use_indexes(journal: Journal, folder: Path) -> None:
    """No question reads a whole table: steps are searched, and sessions at most walked in order."""
    journal.put_session(build_session())
    journal.close_step(build_step(status=StepStatus.DONE, fingerprint="f"))
    journal.flush()
    asked: list[str] = []
    with closing(open_readable(folder / "journal.sqlite3")) as connection:
        connection.set_trace_callback(asked.append)
        for wanted in ({}, {"name": "Course"}, {"notebook": "course"}, {"name": "Course", "notebook": "course"}):
            journal_queries.list_sessions(connection, **{"limit": None, "name": None, "notebook": None, **wanted})
        journal_queries.load_steps(connection, "5e551011")
        journal_queries.resolve_session(connection, "5e55")
        journal_queries.find_step(connection, "0c4f1f9e")
        connection.set_trace_callback(None)
        plans = [row[3] for statement in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert len(asked) > 10
    assert {plan for plan in plans if plan.startswith("SCAN")} == {"SCAN sessions USING INDEX sessions_by_time"}


def test_close_is_idempotent(journal: Journal, folder: Path) -> None:
    """Closing writes what is queued, leaves one file, and may be repeated; later calls say that it is closed."""
    journal.put_session(build_session())
    journal.close()
    journal.close()
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["journal.sqlite3"]
    assert not journal.open_step(build_step())
    assert journal.warning == journal.check() == "the journal is closed"
    assert [session.id for session in journal.list_sessions()] == ["5e551011"]


def test_dropped_journal_is_closed(folder: Path) -> None:
    """A journal that nobody holds any more writes what was queued and ends its thread."""
    journal = Journal(folder)
    journal.put_session(build_session())
    thread = journal._writer._thread
    del journal
    assert thread is not None
    assert not thread.is_alive()
    assert count(folder, "sessions") == 1


def test_check(journal: Journal) -> None:
    """A journal that can be written says so."""
    assert journal.check() is None


def test_unstorable_change_is_left_out(journal: Journal) -> None:
    """A value that SQLite cannot hold is told once and holds up nothing else."""
    journal.put_session(build_session(title=object()))
    journal.put_session(build_session("other"))
    assert journal.flush()
    assert "cannot hold" in journal.warning
    assert [session.id for session in journal.list_sessions()] == ["other"]


def record_mixed(journal: Journal, shared: dict[str, str]) -> None:
    """Steps of two sessions in turn, of very different lengths, so that rows move between pages."""
    chance = random.Random(38)
    for number in range(150):
        mark, session = chance.choice([("FORGOTTEN-MARK ", "5e551011"), ("kept ", "other")])
        step = build_step(str(number), session_id=session, fingerprint=mark + str(chance.random()), cell=mark)
        prompt = {"role": "user", "content": mark * chance.choice([1, 5, 50, 300, 2000])}
        step = replace(step, messages=(shared, prompt), error=mark * chance.choice([1, 9]))
        journal.open_step(step)
        journal.put_text(step.id, mark * chance.choice([1, 10, 80, 200, 700]))
        journal.put_attempt(step.id, Attempt(request_id=str(number), started_at=1.0, error=mark * 30))
        journal.flush()
        journal.close_step(replace(step, text=mark * chance.choice([1, 400]), status=StepStatus.DONE))


def read_files(folder: Path) -> bytes:
    """The bytes of all files."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def connect_careless(path: Path) -> sqlite3.Connection:
    """A connection that leaves what it deletes in the file, as SQLite does by default."""
    connection = connect_file(path)
    connection.execute("PRAGMA secure_delete = OFF")
    return connection


def test_forget_leaves_no_trace(folder: Path) -> None:
    """After `forget` no file has a byte of the session's text, and other sessions keep what they share."""
    journal = Journal(folder, connect=connect_careless)
    shared = {"role": "system", "content": "SHARED-MARK"}
    journal.put_session(build_session(name="FORGOTTEN-MARK"))
    journal.put_session(build_session("other"))
    record_mixed(journal, shared)
    journal.put_feedback(FEEDBACK[3])
    steps, kept = len(journal.load_session("5e551011")[1]), journal.load_session("other")
    assert b"FORGOTTEN-MARK" in read_files(folder)
    assert journal.forget("5e551011") == steps
    assert b"FORGOTTEN-MARK" not in read_files(folder)
    assert b"SHARED-MARK" in read_files(folder)
    assert (journal.load_session("5e551011"), journal.load_session("other")) == (None, kept)
    journal.close()


def test_forget_tells_of_a_reader(journal: Journal, folder: Path) -> None:
    """Where another program keeps the deleted text in the log, that is said, and a second try clears it."""
    journal.put_session(build_session(name="FORGOTTEN-MARK"))
    journal.flush()
    with closing(sqlite3.connect(folder / "journal.sqlite3", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM sessions").fetchall()
        with pytest.raises(JournalError, match="still in the journal's files"):
            journal.forget("5e551011")
    assert journal.list_sessions() == []
    assert journal.forget("5e551011") == 0
    assert b"FORGOTTEN-MARK" not in read_files(folder)


def test_forgotten_step_does_not_return(journal: Journal, folder: Path) -> None:
    """A step that was running when its session was forgotten writes nothing more."""
    journal.put_session(build_session())
    journal.open_step(build_step())
    assert journal.forget("5e551011") == 1
    journal.put_text("step-1", "more")
    journal.close_step(build_step(status=StepStatus.DONE, text="more"))
    journal.flush()
    assert (count(folder, "steps"), count(folder, "messages")) == (0, 0)
    assert journal.forget("5e551011") == 0
