"""What somebody thinks of answers: how it is typed, kept, told to Helicone and shown."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from environs import build_environ
from fake_answers import Answer, Received
from fake_helicone import HELICONE_KEY, FakeHelicone, reply_text
from notebooks_in_process import BOTH_KEYS, Bench
from shells import Shell

from heliconemagic.errors import InputError
from heliconemagic.journal.journal import Journal
from heliconemagic.lines.rating import Rating, build_rating, read_rating
from heliconemagic.notebook.ratings import Rated
from heliconemagic.python.handle import SessionHandle
from heliconemagic.records import Delivery, DeliveryState, Feedback
from heliconemagic.render.feedback_words import describe_feedback, describe_marks, list_feedback_lines
from heliconemagic.session_state import Session
from heliconemagic.steps.feedback import LOST, FeedbackBook

OpenBench = Callable[..., Bench]
WRITE_ONLY_KEY = HELICONE_KEY.replace("sk-", "pk-", 1)


@pytest.fixture
def open_bench(tmp_path: Path, helicone: FakeHelicone) -> Iterator[OpenBench]:
    """Notebooks of one journal, each with a session and an answer at /plan."""
    benches: list[Bench] = []

    def build(line: str = "", environ: dict[str, str] = BOTH_KEYS) -> Bench:
        bench = Bench(tmp_path, helicone, environ)
        benches.append(bench)
        bench.open(line or f'"Course" --gateway {helicone.url}')
        bench.run("/plan")
        return bench

    yield build
    for bench in benches:
        bench.close()


def get_session(bench: Bench) -> Session:
    """The session that is open."""
    assert bench.notebook.session is not None
    return bench.notebook.session


def rate(bench: Bench, *words: str, waits: bool = True) -> Rated:
    """Rates as the line's words say, and waits until Helicone was told."""
    path, rating = read_rating(words)
    session, ratings = get_session(bench), bench.notebook.ratings
    rated = (
        ratings.rate_step(session, session.require_step(path), rating)
        if path
        else (ratings.rate_session(session, rating))
    )
    assert not waits or bench.notebook.helicone.flush(30)
    return rated


def list_states(bench: Bench, step_id: str | None) -> dict[str, str | None]:
    """How far each rating of a step is, by its name, in memory and on disk alike."""
    session = get_session(bench)
    recorded = bench.notebook.journal.load_feedback(session.record.id)
    states = {one.name: one.delivery and one.delivery.state.value for one in recorded if one.step_id == step_id}
    assert states == {one.name: one.delivery and one.delivery.state.value for one in session.feedback.list_of(step_id)}
    return states


# ---- how it is typed


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["/a", "+", "clear"], Rating(thumb=True, note="clear")),
        (["/a", "-", "too long"], Rating(thumb=False, note="too long")),
        (["/a", "–"], Rating(thumb=False)),
        (["/a", "👍"], Rating(thumb=True)),
        (["/a", "accuracy=4", "tone=true"], Rating(scores={"accuracy": 4, "tone": True})),
        (["/a", "off=-3", "+", "Fine=FALSE"], Rating(thumb=True, scores={"off": -3, "Fine": False})),
        (["/a", "so = so", "x=1"], Rating(scores={"x": 1}, note="so = so")),
        (["/a", "just a note"], Rating(note="just a note")),
        (["/a", "see https://x.example/?a=b"], Rating(note="see https://x.example/?a=b")),
        (["/a", "https://x.example/?a=b"], Rating(note="https://x.example/?a=b")),
    ],
)  # fmt: skip
def test_what_words_mean(words: list[str], meant: Rating) -> None:
    """A thumb, scores and a note, in any order."""
    assert read_rating(words) == ("/a", meant)


def test_whole_session() -> None:
    """A word in place of the path."""
    assert read_rating(["session", "-"]) == (None, Rating(thumb=False))


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ([], "what is rated", "rate /path +"),
        (["plan", "+"], "'plan' is not a path", "rate /plan"),
        (["/a"], "says nothing", "type + or -"),
        (["/a", "accuracy=4.5"], "has decimals", "accuracy=450"),
        (["/a", "accuracy=,5"], "accuracy=0.5 has decimals", "accuracy=50"),
        (["/a", "accuracy=good"], "accuracy=good is not a score", "accuracy=4"),
        (["/a", "accuracy="], "is not a score", "accuracy=4"),
        (["/a", "4"], "'4' is a number without a name", "accuracy=4"),
        (["/a", "=4"], "'=4' is a number without a name", "accuracy=4"),
        (["/a", "rating=true"], "'rating' is no name", "type + or -"),
        (["/a", "a!b=3"], "'a!b' is not a score's name", "accuracy=3"),
        (["/a", "+clear"], "a thumb and a note in one", 'type + "clear"'),
        (["/a", "/b", "+"], "'/b' is a second path", "one after the other"),
        (["/a", "1st=4"], "'1st' is no name", "a letter first"),
        (["/a", "size=99999999999"], "too large", "2,147,483,647"),
        (["/a", "+", "-"], "thumb is given twice", "keep one"),
        (["/a", "x=1", "x=2"], "'x' is given twice", "keep one"),
        (["/a", "+", "very", "clear"], "two notes", "into quotes"),
        (["/a", "x" * 2_001], "2,001 characters", "shorten"),
    ],
)
def test_what_is_refused(words: list[str], message: str, hint: str) -> None:
    """With what to type instead."""
    with pytest.raises(InputError, match=message) as caught:
        read_rating(words)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("thumb", "note", "scores", "message"),
    [
        (4, "", {}, "4 is no thumb"),
        (None, 4, {}, "4 is no note"),
        (None, "", {"accuracy": 0.9}, "accuracy=0.9 has decimals"),
        (None, "", {"accuracy": "4"}, "accuracy='4' is not a score"),
        (None, " ", {}, "says nothing"),
    ],
)
def test_what_python_refuses(thumb: Any, note: Any, scores: dict[str, Any], message: str) -> None:
    """Values that Helicone would not take, before anything is kept."""
    with pytest.raises(InputError, match=message):
        build_rating(thumb, note, scores)


# ---- where it goes


def test_helicone_is_told(open_bench: OpenBench, helicone: FakeHelicone) -> None:
    """The thumb and the scores of the request that answered; the note stays."""
    bench = open_bench()
    rated = rate(bench, "/plan", "+", "clear", "accuracy=4", "tone=true")
    request_id = bench.last.helicone_id
    opinions = helicone.gateway.rest
    assert (opinions.feedback, opinions.scores) == ({request_id: True}, {request_id: {"accuracy": 4, "tone": True}})
    assert list_states(bench, bench.last.id) == dict.fromkeys(("rating", "accuracy", "tone"), "accepted")
    assert rated.lines == ("Helicone has it", "Helicone takes no notes on an answer: the note is kept here")


def test_session_is_told_as_a_tag(open_bench: OpenBench, helicone: FakeHelicone) -> None:
    """Helicone has one for each session: it says all that is thought of it."""
    bench = open_bench()
    rate(bench, "session", "+", "good lesson")
    rate(bench, "session", "pace=3")
    assert helicone.gateway.rest.tags == {get_session(bench).record.id: "👍 good lesson · pace 3"}
    assert list_states(bench, None) == {"rating": "accepted", "pace": "accepted"}


def test_row_that_lands_later(open_bench: OpenBench, helicone: FakeHelicone) -> None:
    """Helicone refuses what it doesn't have yet: it is told again until it has."""
    helicone.gateway.rest.queries_until_landed = 1
    bench = open_bench()
    rate(bench, "/plan", "-", waits=False)
    assert helicone.wait_for(lambda: helicone.gateway.rest.queries_until_landed == 0)
    bench.notebook.journal.flush()
    assert bench.notebook.helicone.flush(30)
    assert helicone.gateway.rest.feedback == {bench.last.helicone_id: False}
    assert list_states(bench, bench.last.id) == {"rating": "accepted"}


def test_refusal_is_told(open_bench: OpenBench, helicone: FakeHelicone) -> None:
    """A write-only key may not rate: it isn't tried again, and the card says so."""
    helicone.gateway.known_keys.add(WRITE_ONLY_KEY)
    bench = open_bench(environ={**BOTH_KEYS, "HELICONE_API_KEY": WRITE_ONLY_KEY})
    rate(bench, "/plan", "+")
    assert list_states(bench, bench.last.id) == {"rating": "refused"}
    lines = list_feedback_lines(get_session(bench).feedback.list_of(bench.last.id))
    assert lines[0] == "rated: 👍"
    assert "not at Helicone: Helicone refused the key (401)" in lines[1]
    assert WRITE_ONLY_KEY not in lines[1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('"Course" --gateway demo', "gateway demo"),
        ('"Course" --gateway direct', "gateway direct"),
        ('"Course" --gateway demo --id 3f0c1d2e-5a6b-4c7d-8e9f-0a1b2c3d4e5f', "gateway demo"),
    ],
)
def test_nobody_to_tell(open_bench: OpenBench, helicone: FakeHelicone, line: str, reason: str) -> None:
    """Where no Helicone answered, it is kept and that is said."""
    bench = open_bench(line)
    sent = len(helicone.requests)
    for target in ("/plan", "session"):
        assert rate(bench, target, "+").lines == (f"kept here; Helicone isn't told: {reason}",)
    assert (len(helicone.requests), list_states(bench, bench.last.id)) == (sent, {"rating": None})


def test_pulled_request(open_bench: OpenBench, helicone: FakeHelicone) -> None:
    """A step that was brought from the session's Helicone is rated there."""
    bench = open_bench()
    pulled = replace(bench.last, id="pulled", path="/pulled", gateway="127.0.0.1:3000")
    get_session(bench).put_step(pulled)
    assert rate(bench, "/pulled", "+").is_told
    assert helicone.gateway.rest.feedback == {pulled.helicone_id: True}


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}", "http://localhost:{port}/v1/gateway/oai/v1"])
def test_address_that_only_a_step_names(open_bench: OpenBench, helicone: FakeHelicone, address: str) -> None:
    """It may come from a file: no key goes there."""
    bench = open_bench('"Course" --gateway oai')
    label, sent = address.format(port=helicone.url.rpartition(":")[2]), len(helicone.requests)
    get_session(bench).put_step(replace(bench.last, id="imported", path="/imported", gateway=label))
    rated = rate(bench, "/imported", "+")
    assert rated.lines == (f"kept here; Helicone isn't told: gateway {label} isn't this session's",)
    assert len(helicone.requests) == sent


def test_no_request_there(open_bench: OpenBench) -> None:
    """A step that Helicone never answered has no row that could be rated."""
    bench = open_bench()
    kept = bench.run("/plan --keep", cell="another")
    assert kept.helicone_id is None
    assert rate(bench, "/plan", "+").lines == ("kept here; Helicone isn't told: it has no request of this",)


def test_rating_again_replaces(open_bench: OpenBench, helicone: FakeHelicone) -> None:
    """A name has one value on each step; the others stay, and Helicone gets all scores each time."""
    bench = open_bench()
    rate(bench, "/plan", "+", "clear", "accuracy=4")
    rate(bench, "/plan", "-", "tone=true")
    recorded = bench.notebook.journal.load_feedback(get_session(bench).record.id)
    assert {one.name: (one.value, one.note) for one in recorded} == {
        "rating": (False, ""), "accuracy": (4, ""), "tone": (True, ""),
    }  # fmt: skip
    assert helicone.gateway.rest.scores == {bench.last.helicone_id: {"accuracy": 4, "tone": True}}


def test_older_thumb_does_not_overtake(open_bench: OpenBench, helicone: FakeHelicone) -> None:
    """One that waits for its row gives way to the newer one."""
    helicone.gateway.rest.queries_until_landed = 1
    bench = open_bench()
    older = rate(bench, "/plan", "+", waits=False)
    assert helicone.wait_for(lambda: helicone.gateway.rest.queries_until_landed == 0)
    newer = rate(bench, "/plan", "-")
    told = [received.json["rating"] for received in helicone.requests if received.path.endswith("/feedback")]
    assert told == [True, False]
    assert (older.lines, newer.lines) == (("rated again since",), ("Helicone has it",))
    assert list_states(bench, bench.last.id) == {"rating": "accepted"}


def test_key_in_a_note(open_bench: OpenBench) -> None:
    """It is not kept, nor sent."""
    bench = open_bench()
    with pytest.raises(InputError, match="one of your keys"):
        rate(bench, "/plan", "+", f"why {HELICONE_KEY}?")
    assert list_states(bench, bench.last.id) == {}


def test_resumed_session_knows(open_bench: OpenBench) -> None:
    """What was thought in an earlier kernel is there; what was on its way then says so."""
    bench = open_bench()
    rate(bench, "/plan", "+", "clear")
    session = get_session(bench)
    lost = Feedback(id="7", session_id=session.record.id, step_id=bench.last.id, name="tone", value=1, given_at=9.0,
                    delivery=Delivery(state=DeliveryState.WAITING))  # fmt: skip
    bench.notebook.journal.put_feedback(lost)
    later = open_bench(f'"Course" --id {session.record.id} --gateway demo')
    told = list_feedback_lines(get_session(later).feedback.list_of(bench.last.id))
    assert told[0] == "rated: 👍 clear · tone 1"
    assert told[1:] == (
        "rating: Helicone has it", "tone: not at Helicone: its kernel ended before Helicone had it; rate it again",
    )  # fmt: skip


def test_waiting_at_the_end(
    open_bench: OpenBench, helicone: FakeHelicone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was on its way when the kernel ended is marked so in the journal."""
    monkeypatch.setattr("heliconemagic.notebook.notebook.FLUSH_SECONDS", 0.05)
    bench = open_bench()
    helicone.respond = lambda received: reply_text("busy", 503)
    rate(bench, "/plan", "+", "accuracy=4", waits=False)
    bench.close()
    with closing(Journal(tmp_path / "journal")) as journal:
        found = journal.load_feedback(get_session(bench).record.id)
    assert [one.delivery for one in found] == [Delivery(state=DeliveryState.REFUSED, reason=LOST)] * 2


KILLED = """
import heliconemagic, os, signal, sys
session = heliconemagic.session("Agent", gateway=sys.argv[1])
reply = session.ask("/plan", "A plan.", model="gpt-4o-mini")
session.rate("/plan", True)
session._host.notebook.journal.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_on_its_way(tmp_path: Path, helicone: FakeHelicone) -> None:
    """The next one to read the journal is told that it didn't arrive; a living kernel's still waits."""
    helicone.respond = lambda received: reply_text("busy", 503) if received.path.endswith("/feedback") else None
    environ = build_environ(tmp_path, **BOTH_KEYS)
    subprocess.run([sys.executable, "-c", KILLED, helicone.url], env=environ, check=False, timeout=60)
    waiting = Delivery(state=DeliveryState.WAITING)
    with (
        closing(Journal(Path(environ["HELICONEMAGIC_HOME"]))) as living,
        closing(Journal(Path(environ["HELICONEMAGIC_HOME"]))) as reader,
    ):
        session_id = living.list_sessions()[0].id
        given = Feedback(id="f", session_id=session_id, name="rating", value=True, given_at=9e9, delivery=waiting)
        living.put_feedback(given)
        assert living.flush()
        found = reader.load_feedback(session_id)
    assert [one.delivery for one in found] == [Delivery(state=DeliveryState.REFUSED, reason=LOST), waiting]


def test_step_that_stays_out_of_the_journal(open_bench: OpenBench, helicone: FakeHelicone) -> None:
    """So does what is thought of it; this kernel and Helicone have it."""
    bench = open_bench()
    step = bench.run("/secret --no-log")
    rate(bench, "/secret", "+", "clear")
    session = get_session(bench)
    assert bench.notebook.journal.load_feedback(session.record.id) == []
    assert [one.note for one in session.feedback.list_of(step.id)] == ["clear"]
    assert helicone.gateway.rest.feedback == {step.helicone_id: True}


def test_running_step(open_bench: OpenBench) -> None:
    """What isn't there yet cannot be rated."""
    bench = open_bench()
    plan = bench.plan("/slow")
    get_session(bench).put_step(plan.step)
    with pytest.raises(InputError, match="/slow is still running"):
        rate(bench, "/slow", "+")


# ---- memory


def test_other_processes_feedback() -> None:
    """The newer one counts, wherever it was given."""
    mine, theirs = (
        Feedback(id=str(at), session_id="s", step_id="a", name="rating", value=at > 5, given_at=at) for at in (2.0, 9.0)
    )
    book = FeedbackBook([mine])
    book.take([theirs])
    book.take([mine])
    assert book.list_of("a") == [theirs]
    assert book.note(mine, Delivery(state=DeliveryState.ACCEPTED)) is None


# ---- how it is shown


def test_words() -> None:
    """The thumb first, then scores, then the note; rows of a table leave notes out."""
    given = [("note", None, "a\nb"), ("tone", False, ""), ("accuracy", 1_204, ""), ("rating", False, "x" * 300)]
    book = FeedbackBook(
        Feedback(id=name, session_id="s", name=name, value=value, note=note, given_at=1.0)
        for name, value, note in given
    )
    assert describe_feedback(book.list_of(None)) == f"👎 {'x' * 199}… · accuracy 1,204 · tone false · a b"
    assert describe_marks(book.list_of(None)) == "👎 · accuracy 1,204 · tone false · note"


def test_rated_in_a_notebook(shell: Shell) -> None:
    """The line says what is kept; the tree on the page has the mark at once, and the step's card the note."""
    shell.run('%helicone_session "Course" --gateway demo -m demo-fast')
    shell.run("%%llm /plan\nPlan a trip.")
    tree = shell.run("%helicone_session show").displays[0]
    rated = shell.run('%helicone_session rate /plan + "<b>clear</b>" accuracy=4')
    assert rated.error is None
    assert "/plan: 👍 <b>clear</b> · accuracy 4\n  kept here; Helicone isn't told: gateway demo" in rated.text()
    assert "👍 · accuracy 4" in tree.bundle["text/html"] and "clear" not in tree.bundle["text/html"]
    card = shell.run("%helicone_session show /plan")
    assert "rated: 👍 &lt;b&gt;clear&lt;/b&gt; · accuracy 4" in card.text("text/html")
    shell.run('%helicone_session rate session - "too fast"')
    assert "this session: 👎 too fast" in shell.run("%helicone_session show").text()


@pytest.mark.parametrize(("status", "end"), [(200, "Helicone has it"), (401, "not at Helicone: Helicone refused")])
def test_notice_follows(asking_shell: Shell, helicone: FakeHelicone, status: int, end: str) -> None:
    """What Helicone says later stands in the notice, in the place of what it said first."""
    asking_shell.run("%%llm /plan\nPlan a trip.")
    asked = threading.Event()
    answers = iter([reply_text("busy", 503), None if status == 200 else reply_text("no", status)])

    def respond(received: Received) -> Answer | None:
        asked.set()
        return next(answers) if received.path.endswith("/feedback") else None

    helicone.respond = respond
    rated = asking_shell.run("%helicone_session rate /plan +").displays
    assert "on its way to Helicone" in rated[0].bundle["text/plain"] and asked.is_set()
    asking_shell.run("session._host.notebook.helicone.flush(30)")
    assert f"/plan: 👍\n  {end}" in rated[0].bundle["text/plain"] and len(rated) == 1
    assert end in rated[0].bundle["text/html"]


def test_rated_from_python(session: SessionHandle, helicone: FakeHelicone) -> None:
    """By path, by reply, or the whole session."""
    first = session.ask("/plan", "one")
    session.ask("/plan", "two")
    assert repr(session.rate("/plan", True, note="clear")).startswith("<rated /plan: 👍 clear (on its way")
    session.rate(first, False, accuracy=4)
    session.rate("session", note="good lesson")
    assert session._host.notebook.helicone.flush(30)
    opinions = helicone.gateway.rest
    assert opinions.feedback == {session["/plan"].id: True, first.id: False}
    assert opinions.tags == {session.id: "good lesson"}


def test_python_names_what_isnt_there(session: SessionHandle) -> None:
    """No such path; a number where a path should be."""
    with pytest.raises(InputError, match="no step at '/nowhere'"):
        session.rate("/nowhere", True)
    with pytest.raises(InputError, match="4 is not a path"):
        session.rate(4, True)  # type: ignore[arg-type]
