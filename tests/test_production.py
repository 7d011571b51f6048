"""Sessions at Helicone: found, pulled, edited; everything that comes from there is anybody's."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fake_helicone import HELICONE_EU_KEY, HELICONE_KEY, PROVIDER_KEY, FakeHelicone, reply_json
from fake_logging import Logged
from fake_rest import SESSION_ID, SESSION_NAME, SESSION_PATH
from notebooks_in_process import BOTH_KEYS, Bench

from heliconemagic.errors import CredentialError, GatewayError, HeliconeMagicError, InputError, UnreachableError
from heliconemagic.lines.options import parse_session_line
from heliconemagic.lines.rating import Rating
from heliconemagic.notebook.importing import import_notebooks
from heliconemagic.notebook.pulling import merge_feedback
from heliconemagic.records import Delivery, DeliveryState, Feedback, Step, StepKind, StepStatus
from heliconemagic.render.session_list import build_sessions_text
from heliconemagic.verbs.editing import EditLine
from heliconemagic.verbs.experiments import ExperimentLine
from heliconemagic.verbs.production import ProductionLine
from heliconemagic.views.batch import QuietBatchView

DESK = "0c4f1f9e-7f1e-4c5f-9a63-0f9c2e6c7a11"
SYSTEM = "You sort tickets.\nAnswer with one word."


def build_logged(
    number: int, path: str = "/triage", *, session: str = DESK, name: str = "Support desk", **given: Any
) -> Logged:
    """A request that ran in production."""
    prompt = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": f"ticket {number}"}]
    message = {"role": "assistant", "content": f"answer {number}"}
    fields: dict[str, Any] = {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "model": "gpt-4o-mini",
        "request": {"model": "gpt-4o-mini", "messages": prompt, "temperature": 0.2},
        "response": {"model": "gpt-4o-mini", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]},
        "properties": {SESSION_ID: session, SESSION_NAME: name, SESSION_PATH: path, "team": "blue"},
        "user": "ada",
        "started_at": time.time() - 3600 + number,
        "ended_at": time.time() - 3599 + number,
        "first_token_ms": 300,
        "cost": 0.002,
        "usage": {"prompt_tokens": 20, "completion_tokens": 5},
    }
    return Logged(**{**fields, **given})


class Desk(Bench):
    """A notebook beside a Helicone where something ran in production."""

    def __init__(self, folder: Path, fake: FakeHelicone | None, environ: dict[str, str] | None = None) -> None:
        super().__init__(folder, fake, BOTH_KEYS if environ is None else environ)
        if fake is not None:
            self.helicone = fake
        self.cells: list[str] = []
        self.variables: dict[str, Any] = {}
        self.line = ProductionLine(self.notebook)
        self.edit_line = EditLine(self.notebook, put_next_cell=self.cells.append, variables=self.variables)

    def say(self, line: str) -> str:
        """What a session line shows, as text."""
        command = parse_session_line(line)
        line_of = {"find": self.line.find, "pull": self.line.pull, "edit": self.edit_line.edit}
        return str(line_of[command.verb or ""](command)["text/plain"])

    def load(self, session_id: str = DESK) -> list[Step]:
        """The steps in the journal."""
        loaded = self.notebook.journal.load_session(session_id)
        return loaded[1] if loaded else []


@pytest.fixture
def desk(tmp_path: Path, helicone: FakeHelicone) -> Iterator[Desk]:
    """A notebook whose session is at the fake, where two requests ran in production."""
    helicone.rest.own += [build_logged(1), build_logged(2, "/triage/answer")]
    desk = Desk(tmp_path, helicone)
    desk.open(f'"Debugging" --gateway {helicone.url}')
    yield desk
    desk.close()


# ---- find


def test_find_lists_sessions(desk: Desk) -> None:
    """One line a session with its sums, the newest first, and how far back was looked."""
    desk.helicone.rest.own.append(build_logged(9, session="later", name="Course"))
    shown = desk.say("find")
    head, columns, *lines = shown.splitlines()
    assert head.startswith("2 sessions at 127.0.0.1:3000 · last 7 days")
    assert columns.split() == ["session", "started", "requests", "tokens", "cost", "id"]
    assert [line.split()[0] for line in lines[:2]] == ["Course", "Support"]
    assert "2      50  $0.004" in shown and DESK in shown


def test_find_names_sessions_without_a_price(desk: Desk) -> None:
    """What Helicone sums up as 0 is no gift: it knows no price."""
    desk.helicone.rest.own = [build_logged(9, session="later", name="Course", cost=0)]
    assert "unpriced" in desk.say("find") and "unpriced" in desk.say("find --user ada")


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("--name support", 1),
        ("--name nothing", 0),
        ("--since 30m", 0),
        ("--since 24h", 1),
        ("--user ada", 1),
        ("--user bob", 0),
        ("-p Team=blue", 1),
        ("-p team=red", 0),
        ("--errors", 0),
        ("--name desk --user ada -p team=blue", 1),
    ],
)
def test_find_narrows(desk: Desk, line: str, count: int) -> None:
    """Each option leaves out what doesn't fit; an empty result says what to try."""
    shown = desk.say(f"find {line}")
    assert shown.startswith(f"{count} session")
    assert ("--since 30d" in shown) is (count == 0)


def test_find_errors_counts_failed_requests(desk: Desk) -> None:
    """Refused ones and those that never got an answer; the others of their session aren't counted."""
    desk.helicone.rest.own += [build_logged(3, status=429), build_logged(4, status=-1), build_logged(5, status=-2)]
    shown = desk.say("find --errors")
    assert "failed" in shown.splitlines()[1]
    assert "requests  failed" in shown.splitlines()[1]
    assert " 2       2 " in shown.splitlines()[2]


def test_find_pages_through_requests(desk: Desk) -> None:
    """More than 500 requests that fit are asked for page by page."""
    desk.helicone.rest.own += [build_logged(100 + number) for number in range(600)]
    assert "602" in desk.say("find --user ada")
    asked = [received.json["offset"] for received in desk.helicone.requests]
    assert asked == [0, 500]


def test_find_is_hostile_proof(desk: Desk) -> None:
    """Names are text: neither HTML nor a terminal's escapes."""
    desk.helicone.rest.own.append(build_logged(3, session="x<b>", name="<img src=x onerror=alert(1)>\x1b[31m"))
    bundle = desk.line.find(parse_session_line("find"))
    assert "<img" not in bundle["text/html"] and "&lt;img" in bundle["text/html"]
    assert "\x1b" not in bundle["text/plain"]


# ---- pull


def test_pull_brings_a_session(desk: Desk) -> None:
    """Its requests are steps with figures, properties and messages; the tree is shown at once."""
    shown = desk.say(f"pull {DESK}")
    first, second = desk.load()
    assert (first.path, first.text, first.model, first.user) == ("/triage", "answer 1", "gpt-4o-mini", "ada")
    assert (first.cost, first.tokens, first.properties) == (0.002, 25, {"team": "blue"})
    assert round(first.latency or 0, 3) == 1.0 and round(first.time_to_first_token or 0, 3) == 0.3
    assert first.messages[0] == {"role": "system", "content": SYSTEM}
    assert (second.parameters, second.helicone_id) == ({"temperature": 0.2}, second.attempts[0].request_id)
    assert "/triage/answer" in shown and "from 127.0.0.1:3000: 2 new" in shown
    record = desk.notebook.journal.find_session(DESK)
    assert (record.name, record.source, record.gateway) == ("Support desk", "127.0.0.1:3000", desk.helicone.url)


def test_list_says_where_a_session_was_pulled_from(desk: Desk) -> None:
    """Beside the gateway, which all sessions have; one that ran here says nothing."""
    desk.open('"Here" --gateway oai')
    desk.say(f"pull {DESK}")
    shown = build_sessions_text(desk.notebook.journal.list_sessions())
    assert "Support desk (from us.helicone.ai)  " in shown and "Here  " in shown
    assert shown.count("(from") == 1


def test_pulling_again_updates(desk: Desk) -> None:
    """Nothing is there twice; what came since is added, and a body that came once stays."""
    desk.say(f"pull {DESK}")
    desk.helicone.rest.own.append(build_logged(3))
    desk.helicone.rest.bodies_are_gone = True
    shown = desk.say(f"pull {DESK}")
    assert [step.text for step in desk.load()] == ["answer 1", "answer 2", ""]
    assert "1 new" in shown and "3 requests without prompt and answer" in shown


def test_pull_without_bodies_asks_for_none(desk: Desk) -> None:
    """The figures alone; a later pull fills them in."""
    desk.say(f"pull {DESK} --no-bodies")
    assert [step.messages for step in desk.load()] == [(), ()]
    assert not any("/signed/" in received.path for received in desk.helicone.requests)
    desk.say(f"pull {DESK}")
    assert [step.text for step in desk.load()] == ["answer 1", "answer 2"]


def test_pull_without_bodies_after_a_whole_one_says_what_is_here(desk: Desk) -> None:
    """Requests whose bodies are here stay as they are: they are no requests without an answer."""
    desk.say(f"pull {DESK}")
    shown = desk.say(f"pull {DESK} --no-bodies")
    assert "from 127.0.0.1:3000: 2 here already, with prompt and answer" in shown
    assert "no answered request" not in shown and [step.text for step in desk.load()] == ["answer 1", "answer 2"]


def test_pull_knows_failures_tools_and_streams(desk: Desk) -> None:
    """Statuses, kinds and stored streams become what they are here."""
    chunks = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in ("str", "eamed")]
    failed = {"error": {"message": "slow down"}}
    tool = {"_type": "tool", "toolName": "lookup", "input": {"id": 7}}
    desk.helicone.rest.own[:] = [
        build_logged(1, response={"streamed_data": chunks}),
        build_logged(2, status=429, response=failed),
        build_logged(3, status=-3),
        build_logged(4, model="tool:lookup", request=tool, response={"_type": "tool", "output": "found"}),
        build_logged(5, status=-2),
    ]
    shown = desk.say(f"pull {DESK}")
    streamed, refused, left, called = desk.load()
    assert streamed.text == "streamed"
    assert (refused.status, refused.error) == (StepStatus.FAILED, "status 429 slow down")
    assert left.status is StepStatus.INTERRUPTED
    assert (called.kind, called.input, called.text) == (StepKind.TOOL, '{"id": 7}', "found")
    assert "1 request still without an answer" in shown


def test_pull_finds_what_a_request_continued(desk: Desk) -> None:
    """A conversation that goes on in a later request has its earlier one as parent, so it can be continued here."""
    first = build_logged(1)
    messages = [
        *first.request["messages"],
        {"role": "assistant", "content": "answer 1"},
        {"role": "user", "content": "why?"},
    ]
    desk.helicone.rest.own[:] = [first, build_logged(2, request={"model": "gpt-4o-mini", "messages": messages})]
    desk.say(f"pull {DESK}")
    one, two = desk.load()
    assert (one.parent_id, two.parent_id) == (None, one.id)


def test_what_ran_here_stays(desk: Desk) -> None:
    """Of a session of this notebook only the requests that were made elsewhere are brought in."""
    own = desk.run("/own -m gpt-4o-mini")
    session = desk.notebook.session
    assert session is not None
    desk.helicone.rest.own[:] = [build_logged(7, "/elsewhere", session=session.record.id, name="Debugging")]
    shown = desk.say(f"pull {session.record.id}")
    assert "1 new, 1 ran here and stay as they are" in shown
    assert {step.path for step in desk.load(session.record.id)} == {"/own", "/elsewhere"}
    assert {step.path for step in session.steps} == {"/own", "/elsewhere"}
    assert session.record.source == "" and own in session.steps


def test_one_id_under_two_names_asks_which(desk: Desk) -> None:
    """They are two sessions; the address of a page says which, and so does --name."""
    desk.helicone.rest.own.append(build_logged(3, name="Another desk"))
    with pytest.raises(InputError, match="2 sessions have the id") as caught:
        desk.say(f"pull {DESK}")
    assert '--name "' in str(caught.value)
    assert "1 new" in desk.say(f'pull {DESK} --name "Another desk"')
    with pytest.raises(InputError, match="'Another desk', and this one is 'Support desk'"):
        desk.say(f"pull http://127.0.0.1:3000/sessions/Support%20desk/{DESK}")


def test_pull_takes_the_address_of_a_request(desk: Desk) -> None:
    """The session that it belongs to comes."""
    request_id = desk.helicone.rest.own[0].id
    assert "2 new" in desk.say(f"pull http://127.0.0.1:3000/requests?requestId={request_id}")


def test_pulled_session_is_no_session_to_resume_unasked(desk: Desk) -> None:
    """Only somebody who names it goes on with it."""
    desk.say(f"pull {DESK}")
    assert desk.notebook.journal.find_newest("", name="Support desk") is None
    desk.notebook.sessions.resume(DESK, parse_session_line("resume x").options)
    step = desk.run("/triage/again -m gpt-4o-mini", "and now?")
    assert [message["content"] for message in step.messages] == ["ticket 1", "answer 1", "and now?"]


@pytest.mark.parametrize(
    "row",
    [
        {"properties": {SESSION_ID: DESK, SESSION_NAME: "Support desk", SESSION_PATH: "no slash \u202e"}},
        {"request": "no json", "response": [1, 2]},
        {"request": {"messages": [{"role": 5}, {"content": {"a": 1}, "role": "user"}, 7]}, "response": {"choices": 5}},
        {"request": {"messages": "x"}, "response": {"choices": [{"message": {"content": 7, "tool_calls": "no"}}]}},
        {"request": None, "response": None},
        {"cost": -1.0, "first_token_ms": -5, "usage": {"prompt_tokens": -3}},
        {"response": {"streamed_data": [None, 3, {"choices": [None]}, "x"]}},
        {"response": {"choices": [{"message": {"content": "x", "w": math.inf}}]}, "usage": {"prompt_tokens": 10**400}},
        {"request": {"messages": [{"role": "user", "content": "x"}], "max_tokens": math.inf, "seed": 10**400}},
        {"request": '{"messages": [{"role": "user", "content": "x"}], "max_tokens": 1e999, "seed": NaN}'},
        {"scores": {"tone of\u200dvoice \ue000": 1, "tone of voice": 2}},
        {"cost": 10**400, "first_token_ms": 10**400, "status": 10**400, "scores": {"a": 10**400}},
        {"user": "\ud800", "request": {"messages": [{"role": "user", "content": "\ud83d cut"}]}},
    ],
)
def test_strange_rows_and_bodies_are_readable(desk: Desk, row: dict[str, Any]) -> None:
    """Whatever stands in a row or a body, the session comes, is shown and is loaded again."""
    desk.helicone.rest.own[:] = [build_logged(1, **row)]
    desk.say(f"pull {DESK}")
    (step,) = desk.load()
    assert step.path.startswith("/") and (step.cost is None or step.cost >= 0)
    json.dumps([dict(step.parameters), *(dict(message) for message in step.messages)], allow_nan=False)
    for suffix in (".jsonl", ".otlp.jsonl", ".csv", ".py"):
        desk.notebook.exports.write(f"desk{suffix}", DESK)
    assert import_notebooks(desk.notebook.journal, ["desk.jsonl"], desk.folder).submissions


def test_scores_and_thumbs_come_along(desk: Desk) -> None:
    """What somebody thought of a request at Helicone, once, however often it is pulled."""
    scores = {"accuracy": 92, "helicone-score-feedback": 0, "polite": {"value": 1, "valueType": "boolean"}, "x": "no"}
    desk.helicone.rest.own[:] = [build_logged(1, scores=scores)]
    for _ in range(2):
        desk.say(f"pull {DESK}")
    found = {feedback.name: feedback.value for feedback in desk.notebook.journal.load_feedback(DESK)}
    assert found == {"accuracy": 92, "rating": False, "polite": True}
    assert len(desk.notebook.journal.load_feedback(DESK)) == 3


def test_pulling_again_keeps_what_was_said_here(desk: Desk) -> None:
    """Newer ratings and all notes; what was changed at Helicone since it was pulled comes along."""
    row = build_logged(1, scores={"helicone-score-feedback": 1, "accuracy": 92})
    desk.helicone.rest.own[:] = [row]
    desk.say(f"pull {DESK}")
    notebook = desk.notebook
    session = notebook.sessions.resume(DESK, parse_session_line("resume x").options)
    notebook.ratings.rate_step(session, session.require_step("/triage"), Rating(thumb=False, note="bad answer"))
    row.scores = {"helicone-score-feedback": 1, "accuracy": 7}
    desk.say(f"pull {DESK}")
    told = notebook.journal.load_feedback(DESK)
    assert {(one.name, one.value, one.note) for one in told} == {("rating", False, "bad answer"), ("accuracy", 7, "")}
    assert len(told) == 2
    assert {one.name: one.value for one in session.feedback.list_of(session.steps[0].id)} == {
        "rating": False,
        "accuracy": 7,
    }


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"given_at": 1.0, "note": "why", "delivery": Delivery(state=DeliveryState.ACCEPTED)}, "why"),
        ({"given_at": 1.0, "note": "why"}, "why"),
        ({"given_at": 3.0}, None),
        ({"given_at": 1.0, "delivery": Delivery(state=DeliveryState.WAITING)}, None),
        ({"given_at": 1.0, "delivery": Delivery(state=DeliveryState.REFUSED)}, None),
    ],
)
def test_what_helicone_has_takes_the_place_of_what_it_knew(earlier: dict[str, Any], later: str | None) -> None:
    """Under the id that it has here, with the note of it; never of what is later or hasn't arrived there."""
    found = Feedback(id="theirs", session_id=DESK, step_id="s", name="rating", value=True, given_at=2.0)
    merged = list(merge_feedback([replace(found, id="ours", value=False, **earlier)], [found]))
    assert merged == ([] if later is None else [replace(found, id="ours", note=later)])


def test_body_that_is_too_deep_is_left_out(desk: Desk) -> None:
    """One that was made to break its reader; the rest of the session comes."""
    deep: Any = "x"
    for _ in range(400):
        deep = [deep]
    desk.helicone.rest.own[:] = [build_logged(1, request={"messages": deep}, response=deep), build_logged(2)]
    desk.say(f"pull {DESK}")
    assert [step.text for step in desk.load()] == ["", "answer 2"]


def test_row_of_a_request_that_another_session_has_takes_nothing_from_it(desk: Desk) -> None:
    """An exchange stays with the step that made it, whatever a row says."""
    own = desk.run("/own -m gpt-4o-mini")
    (attempt,) = own.attempts
    desk.helicone.rest.own[:] = [build_logged(1, id=attempt.request_id)]
    desk.helicone.gateway.exchanges.clear()
    desk.say(f"pull {DESK}")
    found = desk.notebook.journal.find_step(attempt.request_id)
    assert found is not None and found.session_id == own.session_id


@pytest.mark.parametrize(("key", "host"), [(HELICONE_KEY, "api.helicone.ai"), (HELICONE_EU_KEY, "eu.api.helicone.ai")])
def test_region_is_that_of_the_key(tmp_path: Path, helicone: FakeHelicone, key: str, host: str) -> None:
    """Without a session at a Helicone, the key says which one is asked, and where its dashboard is."""
    desk = Desk(tmp_path, helicone, {"HELICONE_API_KEY": key})
    shown = desk.say("find")
    desk.close()
    assert helicone.requests[0].header("host") == host
    assert shown.startswith(f"0 sessions at {'eu' if 'eu' in host else 'us'}.helicone.ai")


# ---- errors


def test_unknown_id_says_what_to_do(desk: Desk) -> None:
    """Nothing is written."""
    with pytest.raises(InputError, match="has no session 'nope'") as caught:
        desk.say("pull nope")
    assert "find" in str(caught.value) and desk.load("nope") == []


def test_wrong_name_is_told_from_an_unknown_id(desk: Desk) -> None:
    """The id may well be there: under another name."""
    with pytest.raises(InputError, match="that is called 'Nobody'") as caught:
        desk.say(f'pull {DESK} --name "Nobody"')
    assert f"pull {DESK}" in str(caught.value)


@pytest.mark.parametrize("line", ["find", "find --errors", "pull nope"])
def test_answer_without_rows_is_not_taken_for_nothing(desk: Desk, helicone: FakeHelicone, line: str) -> None:
    """Another server may answer in JSON, too."""
    helicone.respond = lambda received: reply_json({"data": {"rows": []}})
    with pytest.raises(GatewayError, match="not as Helicone does"):
        desk.say(line)


def test_write_only_key_is_told_before_anything_is_asked(tmp_path: Path, helicone: FakeHelicone) -> None:
    """A pk- key reads nothing."""
    environ = {"OPENAI_API_KEY": PROVIDER_KEY, "HELICONE_API_KEY": HELICONE_KEY.replace("sk-", "pk-", 1)}
    desk = Desk(tmp_path, helicone, environ)
    with pytest.raises(CredentialError, match="begins with pk-"):
        desk.say(f"find --gateway {helicone.url}")
    desk.close()
    assert helicone.requests == []


def test_no_key_and_a_wrong_key_are_told(tmp_path: Path, helicone: FakeHelicone) -> None:
    """Without one, how to give one; with an unknown one, that Helicone refused it, and none of it is shown."""
    desk = Desk(tmp_path / "a", helicone, {})
    with pytest.raises(CredentialError, match="HELICONE_API_KEY is not set"):
        desk.say("find")
    desk.close()
    wrong = "sk-helicone-unknown-unknown-unknown-unknown"
    desk = Desk(tmp_path / "b", helicone, {"HELICONE_API_KEY": wrong})
    with pytest.raises(CredentialError, match=r"refused the key \(401\)") as caught:
        desk.say(f"find --gateway {helicone.url}")
    desk.close()
    assert wrong not in str(caught.value)


@pytest.mark.parametrize("line", ["pull {}", "edit {}", "find --name {}", "pull x --name {}"])
def test_key_typed_for_an_id_goes_nowhere(desk: Desk, line: str) -> None:
    """It is neither sent nor shown."""
    with pytest.raises(InputError) as caught:
        desk.say(line.format(HELICONE_KEY))
    assert HELICONE_KEY not in str(caught.value)
    assert desk.helicone.requests == []


def test_key_that_stands_in_a_row_or_body_is_taken_out(desk: Desk) -> None:
    """Somebody may have sent it in production; it is neither shown nor written down here."""
    said = [{"role": "user", "content": f"my key is {PROVIDER_KEY}"}]
    named = {SESSION_ID: DESK, SESSION_NAME: f"Desk {HELICONE_KEY}", SESSION_PATH: "/a", "key": PROVIDER_KEY}
    desk.helicone.rest.own[:] = [build_logged(1, request={"messages": said}, properties=named)]
    shown = desk.say("find") + desk.say(f"pull {DESK}") + desk.say("edit /a")
    (step,) = desk.load()
    assert HELICONE_KEY not in shown and PROVIDER_KEY not in shown + str(step) + desk.cells[0]
    assert step.messages[0]["content"] == "my key is [redacted]"


def test_misshapen_key_is_told(tmp_path: Path, helicone: FakeHelicone) -> None:
    """Before it is put into a header."""
    desk = Desk(tmp_path, helicone, {"HELICONE_API_KEY": "sk-helicone-short\n"})
    with pytest.raises(CredentialError, match="line break"):
        desk.say("find")
    desk.close()


def test_network_that_is_down_is_told(tmp_path: Path) -> None:
    """In two lines, with the host that was asked."""
    desk = Desk(tmp_path, None)

    desk.network = httpx2.AsyncHTTPTransport()
    with pytest.raises(UnreachableError, match=r"cannot be reached at http://127\.0\.0\.1:9"):
        desk.say("find --gateway http://127.0.0.1:9")
    desk.close()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pull", "pull wants the id"),
        ("pull https://us.helicone.ai/settings", "of no session's page"),
        (f"pull https://eu.helicone.ai/sessions/Desk/{DESK}", "that page is at eu.helicone.ai"),
        ("pull https://us.helicone.ai/requests?requestId=nope", "that page is at us.helicone.ai"),
        ("find --since soon", "--since takes a length of time"),
        ("find --since 0h", "--since takes a length of time"),
        ("edit", "edit wants a path"),
        ("edit /nowhere", "no request at '/nowhere'"),
        ("edit nope", "has no request 'nope'"),
        (f"edit https://us.helicone.ai/sessions/Desk/{DESK}", "and edit wants a request's"),
    ],
)
def test_mistakes_are_explained(desk: Desk, line: str, words: str) -> None:
    """Each with what to type."""
    with pytest.raises(HeliconeMagicError) as caught:
        desk.say(line)
    assert words in caught.value.message and caught.value.hint


# ---- played again


def test_a_pulled_session_can_be_played_again(desk: Desk) -> None:
    """At the same Helicone, with a change, as a session of its own: what ran in production is the original."""
    desk.say(f"pull {DESK}")
    line = ExperimentLine(desk.notebook, lambda bundle: None, lambda stop, command: QuietBatchView())
    report = line.rerun(parse_session_line(f"rerun {DESK} -m gpt-4o"))["text/plain"]
    sent = desk.helicone.completions
    assert [one.header("helicone-session-path") for one in sent] == ["/triage", "/triage/answer"]
    assert [one.header("helicone-session-name") for one in sent] == ["Support desk"] * 2
    assert [message["content"] for message in sent[0].json["messages"]] == [SYSTEM, "ticket 1"]
    assert (sent[0].json["temperature"], sent[0].header("helicone-property-team")) == (0.2, "blue")
    assert "gpt-4o-mini → gpt-4o" in report
