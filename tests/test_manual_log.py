"""Traced steps at Helicone: what its log is told, whether it took it, and what is said where it didn't."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from environs import build_environ
from fake_helicone import HELICONE_KEY, FakeHelicone, Received, reply_json, reply_text
from fixtures_python import get_steps
from notebooks_in_process import BOTH_KEYS, Bench
from shells import Shell
from test_fake_helicone import load

from heliconemagic.helicone_api.log import MAX_VALUE, build_log_body
from heliconemagic.journal.journal import Journal
from heliconemagic.python.handle import SessionHandle
from heliconemagic.records import UNSENT, Cell, Delivery, DeliveryState, Step, StepKind, StepStatus
from heliconemagic.steps.traced import TracedForm


@pytest.fixture
def bench(tmp_path: Path, helicone: FakeHelicone) -> Iterator[Bench]:
    """A notebook whose network leads to the fake."""
    bench = Bench(tmp_path, helicone, BOTH_KEYS)
    yield bench
    bench.close()


def run_step(bench: Bench, **form: Any) -> Step:
    """A traced step from its beginning to its end."""
    session = bench.notebook.session
    assert session is not None
    opened = bench.notebook.traced.open(session, TracedForm(path="/retrieve", **form), Cell(id="", run=0))
    return opened.end(text=form.get("name") or "sunny")


def get_delivery(bench: Bench) -> Delivery | None:
    """That of the newest step, once Helicone has answered."""
    bench.notebook.helicone.flush(10)
    return bench.last.delivery


def build_step(**fields: Any) -> Step:
    """A finished tool."""
    given = {
        "id": "0c4f1f9e-7f1e-4c5f-9a63-0f9c2e6c7a11", "session_id": "s", "path": "/weather", "kind": StepKind.TOOL,
        "status": StepStatus.DONE, "gateway": "notebook", "model": "tool:weather", "messages": (),
        "input": '{"city": "Paris"}', "text": "sunny", "started_at": 1763000000.1, "ended_at": 1763000001.3,
    }  # fmt: skip
    return Step(**(given | fields))


def test_body_is_the_recorded_one() -> None:
    """Of the log that the running worker took: the same parts, the same times."""
    assert build_log_body(build_step()) == load("manual-log-ok")["request"]["json"]


@pytest.mark.parametrize(
    ("fields", "asked", "given"),
    [
        (
            {
                "kind": StepKind.VECTOR_DB,
                "model": "vector_db:search",
                "input": '{"q": "tide", "k": 3}',
                "text": "[1]",
            },
            {"_type": "vector_db", "operation": "search", "text": "tide", "topK": 3, "input": {"q": "tide", "k": 3}},
            {"_type": "vector_db", "operation": "search", "results": [1]},
        ),
        (
            {"kind": StepKind.DATA, "model": "data:load", "input": "", "text": ""},
            {"_type": "data", "name": "load", "input": {}},
            {"_type": "data", "name": "load", "output": ""},
        ),
    ],
)
def test_kinds(fields: dict[str, Any], asked: Any, given: Any) -> None:
    """Each in the words of Helicone's log."""
    body = build_log_body(build_step(**fields))
    assert (body["providerRequest"]["json"], body["providerResponse"]["json"]) == (asked, given)


def test_numbers_that_no_json_has_stay_text() -> None:
    """Else the whole log would be refused."""
    body = build_log_body(build_step(input='{"a": NaN}', text="-Infinity"))
    assert body["providerRequest"]["json"]["input"] == '{"a": NaN}'
    assert body["providerResponse"]["json"]["output"] == "-Infinity"
    json.dumps(body, allow_nan=False)


def test_failure_and_interrupt() -> None:
    """The status is no success, and the error is told."""
    failed = build_log_body(build_step(status=StepStatus.FAILED, text="", error="ValueError: no"))["providerResponse"]
    stopped = build_log_body(build_step(status=StepStatus.INTERRUPTED, text=""))["providerResponse"]
    assert (failed["status"], failed["json"]["error"]) == (500, "ValueError: no")
    assert (stopped["status"], stopped["json"]["status"]) == (499, "interrupted")


def test_never_more_than_helicone_takes() -> None:
    """10 MB, however much went in and came out, in whatever letters."""
    body = build_log_body(build_step(input=json.dumps("🌊" * MAX_VALUE * 2), text="🌊" * MAX_VALUE * 2))
    assert len(json.dumps(body)) < 10_000_000


@pytest.mark.parametrize("gateway", ["oai", "helicone", "target:https://api.openai.com/v1"])
def test_helicones_worker_takes_it(bench: Bench, helicone: FakeHelicone, gateway: str) -> None:
    """With session, user, properties and request id as headers; the key goes nowhere else."""
    bench.open(f'"Course Creation" --gateway {gateway} --user ada -p Team=blue')
    step = run_step(bench, kind=StepKind.VECTOR_DB, input='"tides"')
    assert get_delivery(bench) == Delivery(state=DeliveryState.ACCEPTED, helicone_id=step.id)
    (log,) = helicone.logs
    sent = [log.header(f"helicone-{name}") for name in ("session-path", "session-name", "user-id", "property-team")]
    assert (log.path, sent) == ("/custom/v1/log", ["/retrieve", "Course Creation", "ada", "blue"])
    assert log.header("helicone-request-id") == step.id and log.header("authorization") == f"Bearer {HELICONE_KEY}"
    assert HELICONE_KEY.encode() not in log.body and helicone.logged.keys() == {step.id}


def test_self_hosted_helicone_takes_it(bench: Bench, helicone: FakeHelicone) -> None:
    """At its own host alone, and without a word: the id is the one that was sent."""
    bench.open(f'"Course Creation" --gateway {helicone.url}')
    step = run_step(bench)
    assert get_delivery(bench) == Delivery(state=DeliveryState.ACCEPTED, helicone_id=step.id)
    assert [log.path for log in helicone.logs] == ["/v1/trace/custom/v1/log"]


@pytest.mark.parametrize("gateway", ["demo", "direct", "direct:http://localhost:9/v1", "ollama"])
def test_others_are_told_nothing(bench: Bench, helicone: FakeHelicone, gateway: str) -> None:
    """No Helicone, no log."""
    bench.open(f'"Course Creation" --gateway {gateway}')
    run_step(bench)
    assert (get_delivery(bench), helicone.requests) == (None, [])


@pytest.mark.parametrize("where", ["oai", "self-hosted"])
def test_unknown_key(bench: Bench, helicone: FakeHelicone, where: str) -> None:
    """Helicone's worker answers 200 to it: the step isn't there, and that is said once."""
    bench.open(f'"Course Creation" --gateway {helicone.url if where == "self-hosted" else where}')
    helicone.gateway.known_keys.clear()
    run_step(bench)
    run_step(bench)
    delivery = get_delivery(bench)
    assert delivery is not None and delivery.state == "refused"
    (warning,) = bench.notebook.deliveries.take_warnings()
    assert warning == f"not at Helicone: /retrieve. {delivery.reason}" and "key" in warning
    assert bench.notebook.deliveries.take_warnings() == ()
    assert bench.notebook.deliveries.describe().startswith("2 refused: ")


@pytest.mark.parametrize(
    "answer", [reply_text("ok"), reply_json({"error": "the database is full"}), reply_text("busy", 503)]
)
def test_no_proof_is_no_success(bench: Bench, helicone: FakeHelicone, answer: Any) -> None:
    """An answer that doesn't prove it is tried again."""
    answers = [answer]
    helicone.respond = lambda received: answers.pop() if answers else None
    bench.open('"Course Creation" --gateway oai')
    run_step(bench)
    delivery = get_delivery(bench)
    assert delivery is not None and delivery.state == "accepted"
    assert len(helicone.logs) == 2


def test_delivery_is_in_the_journal(bench: Bench) -> None:
    """Whoever reads the session later knows whether Helicone has it."""
    bench.open('"Course Creation" --gateway oai')
    step = run_step(bench)
    get_delivery(bench)
    loaded = bench.notebook.journal.load_session(step.session_id)
    assert loaded is not None and loaded[1][0].delivery == bench.last.delivery
    assert loaded[1][0].helicone_id == step.id


def test_end_waits_a_little_and_tells_the_truth(bench: Bench, helicone: FakeHelicone, monkeypatch: Any) -> None:
    """What is still on its way when the kernel ends has not arrived."""
    monkeypatch.setattr("heliconemagic.notebook.notebook.FLUSH_SECONDS", 0.05)
    helicone.respond = lambda received: reply_text("busy", 503)
    bench.open('"Course Creation" --gateway oai')
    step = run_step(bench)
    assert step.delivery is None and bench.last.delivery is not None
    bench.close()
    assert bench.last.delivery == Delivery(
        state=DeliveryState.REFUSED, reason="the kernel ended before Helicone had it"
    )


def test_nobody_waits_for_helicone(bench: Bench, helicone: FakeHelicone) -> None:
    """A step ends while its log hangs."""
    held = threading.Event()

    def wait(received: Received) -> None:
        held.wait(10)

    helicone.respond = wait
    bench.open('"Course Creation" --gateway oai')
    assert run_step(bench).status == "done"
    assert bench.last.delivery == Delivery(state=DeliveryState.WAITING)
    held.set()
    assert get_delivery(bench) != Delivery(state=DeliveryState.WAITING)


def test_calls_of_tools_are_told_too(asking_shell: Shell, helicone: FakeHelicone, session: SessionHandle) -> None:
    """So that Helicone's tree has them; what a tool calls inside is inside of it."""
    asking_shell.run(
        "@session.traced\ndef look(city): return 'sunny'\n"
        "def weather(city: str) -> str:\n    'The weather.'\n    return look(city)"
    )
    asking_shell.run("%%llm /plan --tools weather -m toolcall-1\nWhat is the weather?")
    asking_shell.variables["session"]._host.notebook.helicone.flush(10)
    paths = [log.header("helicone-session-path") for log in helicone.logs]
    tool, inner = [step for step in get_steps(session) if step.kind is StepKind.TOOL]
    assert sorted(paths) == ["/plan/tools/weather", "/plan/tools/weather/look"]
    assert inner.parent_id == tool.id and tool.delivery is not None and tool.delivery.state == "accepted"


def test_refusal_is_said_at_the_next_cell(asking_shell: Shell, helicone: FakeHelicone, session: SessionHandle) -> None:
    """Once, whatever that cell is; doctor says it again."""
    helicone.gateway.known_keys.clear()
    said = asking_shell.run("with session.step('/retrieve'): pass").text()
    session._host.notebook.helicone.flush(10)
    said += asking_shell.run("1").text() + asking_shell.run("1").text()
    assert said.count("not at Helicone: /retrieve. Helicone refused the key") == 1
    assert "1 refused: Helicone refused the key" in asking_shell.run("%helicone_session doctor").text()


def test_line_below_a_cell_says_how_it_went(asking_shell: Shell, helicone: FakeHelicone) -> None:
    """At once where nobody sits, which is where notebooks are saved."""
    accepted = asking_shell.run("%%helicone_step /retrieve\n5").displays[0].bundle
    assert "at Helicone" in accepted["text/plain"] and "request ↗" in accepted["text/html"]
    helicone.gateway.known_keys.clear()
    refused = asking_shell.run("%%helicone_step /retrieve\n5").text()
    assert refused.count("not at Helicone") == 1 and "not at Helicone: Helicone refused the key" in refused


def test_async_steps_are_told_from_any_loop(program: SessionHandle, helicone: FakeHelicone) -> None:
    """A program's steps reach Helicone before it ends."""

    async def run() -> None:
        async with program.step("/a", kind="data") as step:
            step.output = 1

    asyncio.run(run())
    program.close()
    assert [log.json["providerRequest"]["json"]["_type"] for log in helicone.logs] == ["data"]


def test_program_logs_what_was_refused(
    program: SessionHandle, helicone: FakeHelicone, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody watches it: its log says so when it ends, without the key."""
    helicone.gateway.known_keys.clear()
    with program.step("/a"):
        pass
    program.close()
    assert [record.getMessage().partition(".")[0] for record in caplog.records] == ["not at Helicone: /a"]
    assert HELICONE_KEY not in caplog.text


KILLED = """
import heliconemagic, os, signal, sys
session = heliconemagic.session("Agent", gateway=sys.argv[1])
with session.step("/slow"):
    pass
session._host.notebook.journal.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_on_its_way(tmp_path: Path, helicone: FakeHelicone) -> None:
    """The next one to write the journal says that it didn't arrive."""
    helicone.respond = lambda received: reply_text("busy", 503)
    environ = build_environ(tmp_path, **BOTH_KEYS)
    subprocess.run([sys.executable, "-c", KILLED, helicone.url], env=environ, check=False, timeout=60)
    journal = Journal(Path(environ["HELICONEMAGIC_HOME"]))
    journal.check()
    loaded = journal.load_session(journal.list_sessions()[0].id)
    journal.close()
    assert loaded is not None and loaded[1][0].status == "done"
    assert loaded[1][0].delivery == Delivery(state=DeliveryState.REFUSED, reason=UNSENT)
