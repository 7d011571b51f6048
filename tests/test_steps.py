"""Steps from plan to reply: real engine, client and journal against the fake Helicone."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
import time
import traceback
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import httpx2
import pytest
from fake_helicone import HELICONE_EU_KEY, HELICONE_KEY, PROVIDER_KEY, Answer, Ending, FakeHelicone
from notebooks_in_process import BOTH_KEYS, Bench

from heliconemagic.cards import find_session_url
from heliconemagic.client import Client
from heliconemagic.engine.engine import Engine
from heliconemagic.engine.following import follow_blocking
from heliconemagic.engine.run import Run
from heliconemagic.errors import (
    BudgetError,
    CredentialError,
    GatewayError,
    HeliconeMagicError,
    IncompleteAnswerError,
    InputError,
    RateLimitError,
    UnknownModelError,
)
from heliconemagic.key_filter import KeyFilter
from heliconemagic.records import StepStatus
from heliconemagic.render.code import build_python
from heliconemagic.transport.event_stream import EventStream


class NoMoreThreads(httpx2.AsyncBaseTransport):
    """A network as it is while the interpreter ends."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Finds no thread for its work."""
        raise RuntimeError("cannot schedule new futures after shutdown")


SESSION_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

BuildBench = Callable[..., Bench]


@pytest.fixture
def build_bench(tmp_path: Path, helicone: FakeHelicone) -> Iterator[BuildBench]:
    """Makes notebooks whose network leads to the fake; closes them."""
    made: list[Bench] = []

    def build(environ: dict[str, str] | None = None, **given: str) -> Bench:
        made.append(Bench(tmp_path, helicone, BOTH_KEYS if environ is None else environ, **given))
        return made[-1]

    yield build
    for bench in made:
        bench.close()


@pytest.fixture
def bench(build_bench: BuildBench) -> Bench:
    """A notebook with both keys and an open session."""
    bench = build_bench()
    bench.open('"Course Creation"')
    return bench


def test_every_request_of_a_session_carries_its_headers(bench: Bench, helicone: FakeHelicone) -> None:
    """The same id and name, the normalised path, user and properties."""
    bench.open('"Course Creation" --user ada -p team=blue')
    bench.run("//abstract/")
    bench.run("/outline")
    sent = [[one.header(f"helicone-session-{part}") for part in ("id", "name", "path")] for one in helicone.completions]
    assert sent[0][0] == sent[1][0]
    assert SESSION_ID.fullmatch(sent[0][0] or "")
    assert [one[1:] for one in sent] == [["Course Creation", "/abstract"], ["Course Creation", "/outline"]]
    assert helicone.completions[1].header("helicone-user-id") == "ada"
    assert helicone.completions[1].header("helicone-property-team") == "blue"


def test_answer_becomes_a_step_with_its_figures(bench: Bench) -> None:
    """Text, tokens, an estimated price, times and the id under which Helicone logged it."""
    step = bench.run("/abstract -m gpt-4o-mini")
    assert (step.status, step.text, step.finish_reason) == (StepStatus.DONE, "Hello!", "stop")
    assert step.usage is not None and step.usage.total_tokens == 8
    assert step.cost == pytest.approx(5 * 0.15e-6 + 3 * 0.6e-6)
    assert step.helicone_id == step.attempts[0].request_id
    assert 0 <= (step.time_to_first_token or -1) <= (step.latency or -1)


def test_answer_at_once_is_the_same_answer(bench: Bench, helicone: FakeHelicone) -> None:
    """--no-stream asks for a whole completion."""
    assert bench.run("/abstract --no-stream").text == "Hello!"
    assert not helicone.completions[0].json.get("stream")


@pytest.mark.parametrize("line", ["/abstract", "/abstract --no-stream -o seed 1"])
def test_what_is_shown_is_what_is_sent(bench: Bench, helicone: FakeHelicone, line: str) -> None:
    """The dry run and the code of a card have the whole body, with whether it streams."""
    form = bench.plan(line).form
    bench.run(line)
    assert form.body == helicone.completions[0].json
    assert f"stream={form.body['stream']}" in build_python(form)


@pytest.mark.parametrize(
    ("gateway", "environ", "bearer", "auth"),
    [
        ("oai", BOTH_KEYS, PROVIDER_KEY, f"Bearer {HELICONE_KEY}"),
        ("helicone", BOTH_KEYS, HELICONE_KEY, None),
        ("direct", BOTH_KEYS, PROVIDER_KEY, None),
    ],
)
def test_keys_go_where_the_gateway_wants_them(
    build_bench: BuildBench,
    helicone: FakeHelicone,
    gateway: str,
    environ: dict[str, str],
    bearer: str,
    auth: str | None,
) -> None:
    """And nowhere else: OpenAI itself never gets a Helicone header."""
    bench = build_bench(environ)
    bench.open(f'"Course" --gateway {gateway}')
    bench.run("/abstract")
    request = helicone.completions[0]
    assert request.header("authorization") == f"Bearer {bearer}"
    assert request.header("helicone-auth") == auth
    assert any(name.startswith("helicone") for name, _ in request.headers) == (gateway != "direct")


def test_target_gateway_gets_origin_and_path_apart(build_bench: BuildBench, helicone: FakeHelicone) -> None:
    """The origin goes in a header, the path in the base URL."""
    bench = build_bench({**BOTH_KEYS, "GROQ_API_KEY": "gsk_fakefakefakefakefakefake"})
    bench.open('"Course" --gateway target:https://api.groq.com/openai/v1 -m gpt-4o-mini')
    bench.run("/abstract")
    assert helicone.completions[0].header("helicone-target-url") == "https://api.groq.com"


def test_self_hosted_helicone_is_a_url(bench: Bench, helicone: FakeHelicone) -> None:
    """Its origin is enough; the path of its OpenAI proxy is known."""
    bench.open(f'"Own" --gateway {helicone.url}')
    assert bench.run("/abstract").text == "Hello!"
    assert helicone.completions[0].path.startswith("/v1/gateway/oai/v1/")


def test_eu_key_leads_to_the_eu_dashboard(build_bench: BuildBench) -> None:
    """The gateway's host stays; only the links change."""
    bench = build_bench({**BOTH_KEYS, "HELICONE_API_KEY": HELICONE_EU_KEY})
    bench.open('"Course Creation"')
    session = bench.notebook.session
    assert session is not None
    url = find_session_url(session)
    assert url == f"https://eu.helicone.ai/sessions/Course%20Creation/{session.record.id}"


def test_each_attempt_has_its_own_request_id(bench: Bench, helicone: FakeHelicone) -> None:
    """openai would send the same one again, and Helicone would have two rows of one id."""
    step = bench.run("/abstract -m flaky-2", "hi")
    ids = [request.header("helicone-request-id") for request in helicone.completions]
    assert len(set(ids)) == 3
    assert [attempt.request_id for attempt in step.attempts] == ids
    assert [attempt.status_code for attempt in step.attempts] == [500, 500, 200]


def test_hidden_client_error_is_not_retried(build_bench: BuildBench, helicone: FakeHelicone) -> None:
    """The AI gateway says 500 for an unknown model; asking again is of no use."""
    bench = build_bench()
    bench.open('"Course" --gateway helicone')
    with pytest.raises(UnknownModelError, match=r"did you mean 'gpt-4o-mini'") as caught:
        bench.run("/abstract -m gpt-4o-minni")
    assert len(helicone.completions) == 1
    assert caught.value.status_code == 400
    assert bench.last.status is StepStatus.FAILED


def test_retry_after_is_obeyed_and_told(bench: Bench, helicone: FakeHelicone) -> None:
    """While it waits, the run says for what."""
    plan = bench.plan("/abstract -m retry-after-1")
    run = bench.notebook.steps.start(plan)
    assert helicone.wait_for(lambda: run.describe_waiting() != "" or run.is_done)
    said = run.describe_waiting()
    follow_blocking(run, lambda: None)
    assert re.fullmatch(r"retrying in [01] s \(429\)", said)
    assert bench.notebook.steps.finish(plan, run).text == "Hello!"
    assert helicone.completions[1].at - helicone.completions[0].at >= 1.0


@pytest.mark.parametrize(
    ("model", "kind", "said"),
    [
        ("fail429", RateLimitError, "asked too often"),
        ("fail500", GatewayError, r"failed \(500\)"),
        ("fail502", GatewayError, r"failed \(502\)"),
        ("cut", IncompleteAnswerError, "closed the connection"),
        ("no-done", IncompleteAnswerError, "closed the connection"),
        ("malformed", IncompleteAnswerError, "not valid JSON"),
        ("stream-error", IncompleteAnswerError, "reported an error"),
        ("stall --timeout 0.3", IncompleteAnswerError, "fell silent"),
        ("silent --timeout 0.3", GatewayError, "sent nothing for 0.3 s"),
    ],
)
def test_failure_names_its_cause_and_keeps_what_arrived(
    bench: Bench, model: str, kind: type[HeliconeMagicError], said: str
) -> None:
    """The cell fails with a short error; the step, its partial text and its attempts are recorded."""
    with pytest.raises(kind, match=said) as caught:
        bench.run(f"/abstract -m {model} --retries 0")
    assert caught.value.hint
    session = bench.notebook.session
    assert session is not None
    recorded = bench.notebook.journal.load_session(session.record.id)
    assert recorded is not None
    step = recorded[1][0]
    assert (step.status, step.text, len(step.attempts)) == (StepStatus.FAILED, bench.last.text, 1)
    assert bool(step.text) == (kind is IncompleteAnswerError)


def test_page_that_is_no_api_is_named(bench: Bench, helicone: FakeHelicone) -> None:
    """A web server that answers 200 to everything is not a gateway."""
    helicone.respond = lambda received: Answer(200, (("Content-Type", "text/html"),), (b"<html>hello</html>",))
    with pytest.raises(GatewayError, match="not with a chat completion"):
        bench.run("/abstract --retries 0")
    with pytest.raises(GatewayError, match="not with a chat completion") as caught:
        bench.run("/abstract --no-stream")
    assert caught.value.cause == "<html>hello</html>"


WHOLE = {"model": "m", "choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON", "text/plain", "application/octet-stream", ""])
def test_answer_at_once_is_read_whatever_it_is_called(bench: Bench, helicone: FakeHelicone, kind: str) -> None:
    """Some servers name no type, or a wrong one."""
    headers = (("content-type", kind),) if kind else ()
    helicone.respond = lambda _: Answer(200, headers, (json.dumps(WHOLE).encode(),))
    step = bench.run("/abstract --no-stream", "hi")
    assert (step.text, step.status) == ("Hi", StepStatus.DONE)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": {"message": "no such deployment"}}', "no such deployment"),
        (b'{"detail": "not here"}', "not here"),
        (b"[]", "[]"),
        (b"", "JSONDecodeError"),
    ],
)
def test_what_is_no_answer_is_quoted(bench: Bench, helicone: FakeHelicone, body: bytes, said: str) -> None:
    """A 200 that holds no completion fails the cell, with the server's own words."""
    helicone.respond = lambda _: Answer(200, (("content-type", "application/json"),), (body,))
    with pytest.raises(GatewayError) as caught:
        bench.run("/abstract --no-stream -o seed 1", "hi")
    assert said in str(caught.value.cause or "")
    assert "partial text" not in str(caught.value)


EVENTS = (("content-type", "text/event-stream"),)
JSON = (("content-type", "application/json"),)
SAID = [
    ({"code": "invalid_api_key", "message": "wrong key"}, CredentialError, r"refused the key \(invalid_api_key\)"),
    ({"code": 429, "message": "slow down"}, RateLimitError, r"asked too often \(429\)"),
    ({"type": "rate_limit_error", "message": "slow"}, RateLimitError, r"too often \(rate_limit_error\)"),
    ({"code": "model_not_found", "type": "invalid_request_error"}, UnknownModelError, "is not a model"),
    ({"code": "503", "message": "full"}, GatewayError, r"failed \(503\)"),
    ({"type": "overloaded_error", "message": "full"}, GatewayError, r"failed \(overloaded_error\)"),
    ("out of paper", GatewayError, r"refused the request\."),
]


@pytest.mark.parametrize(
    ("error", "kind", "told", "form"),
    [*((*case, "event") for case in SAID), *((*SAID[1], form) for form in ("events after a role", "body", "whole"))],
)
def test_error_with_the_status_of_none_is_the_servers(
    bench: Bench, helicone: FakeHelicone, error: object, kind: type[HeliconeMagicError], told: str, form: str
) -> None:
    """Before a stream's first text, in place of the stream, or of an answer in one piece: its words, as any other's."""
    said = json.dumps({"error": error}, indent=None if "event" in form else 2).encode()
    role = b'data: {"choices": [{"delta": {"role": "assistant", "content": ""}}]}\n\n' if "role" in form else b""
    body = role + b"data: %s\n\n" % said if "event" in form else said
    helicone.respond = lambda _: Answer(200, EVENTS if "event" in form else JSON, (body[:3], body[3:]))
    with pytest.raises(kind, match=told) as caught:
        bench.run("/abstract --no-stream" if form == "whole" else "/abstract", "hi")
    words = error.get("message", "") if isinstance(error, dict) else error
    assert str(words) in str(caught.value.cause)
    assert "partial text" not in str(caught.value)
    assert "--retries" not in str(caught.value)


def test_error_in_the_middle_has_the_servers_words(bench: Bench, helicone: FakeHelicone) -> None:
    """What had come is kept; also an error that is just a text is quoted."""
    text = b'data: {"choices": [{"delta": {"content": "Hello"}}]}\n\n'
    helicone.respond = lambda _: Answer(200, EVENTS, (text, b'data: {"error": "out of paper"}\n\n'))
    with pytest.raises(IncompleteAnswerError, match="in the middle") as caught:
        bench.run("/abstract", "hi")
    assert (bench.last.text, caught.value.cause) == ("Hello", "out of paper")
    assert "partial text is kept" in str(caught.value)


def test_keys_are_taken_out_before_words_are_cut(bench: Bench, helicone: FakeHelicone) -> None:
    """Of a key that is cut nobody would know the rest as one."""
    text = b'data: {"choices": [{"delta": {"content": "Hello"}}]}\n\n'
    error = b"%s %s %s" % (b"x" * 292, PROVIDER_KEY.encode(), b"y" * 300)
    helicone.respond = lambda _: Answer(200, EVENTS, (text, b'data: {"error": "%s"}\n\n' % error))
    with pytest.raises(GatewayError) as caught:
        bench.run("/abstract", "hi")
    assert "xxx [reda" in str(caught.value.cause)
    assert PROVIDER_KEY[:5] not in f"{caught.value} {bench.last.error}"


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_byte_order_mark_before_a_stream_is_none_of_it(bench: Bench, helicone: FakeHelicone, size: int) -> None:
    """Wherever the network cuts."""
    chunks = [{"content": "Hello"}, {"content": "!"}]
    events = b"".join(b"data: %s\n\n" % json.dumps({"choices": [{"delta": chunk}]}).encode() for chunk in chunks)
    data = b"\xef\xbb\xbf" + events + b"data: [DONE]\n\n"
    pieces = tuple(data[start : start + size] for start in range(0, len(data), size))
    helicone.respond = lambda _: Answer(200, EVENTS, pieces)
    assert bench.run("/abstract", "hi").text == "Hello!"


@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
def test_blanks_before_an_answer_are_not_gathered(begin: bytes) -> None:
    """However many come: to look through all of them at each piece would stop the loop that sends every request."""

    async def send() -> AsyncIterator[bytes]:
        for piece in (begin, *[b" \n"] * 10, b'{"error"', b': "no"}'):
            yield piece

    async def read() -> list[bytes]:
        return [piece async for piece in EventStream(httpx2.Response(200, content=send()).stream)]  # type: ignore[arg-type]

    assert asyncio.run(read()) == [b"data: ", b'{"error"', b': "no"}', b"\n\n"]


def test_compressed_stream_is_read(bench: Bench, helicone: FakeHelicone) -> None:
    """Nothing is looked for in its bytes before they are unpacked."""
    choice = {"delta": {"content": "Hi"}, "finish_reason": "stop"}
    packed = zlib.compress(b"data: %s\n\n" % json.dumps({"choices": [choice]}).encode(), wbits=31)
    helicone.respond = lambda _: Answer(200, (*EVENTS, ("content-encoding", "gzip")), (packed,))
    assert bench.run("/abstract", "hi").text == "Hi"


@pytest.mark.parametrize("kind", [JSON, EVENTS, ()])
def test_answer_in_one_piece_in_place_of_a_stream_is_one(bench: Bench, helicone: FakeHelicone, kind: Any) -> None:
    """A server that cannot stream has answered all the same."""
    helicone.respond = lambda _: Answer(200, kind, (json.dumps(WHOLE, indent=1).encode(),))
    assert bench.run("/abstract", "hi").text == "Hi"


@pytest.mark.parametrize(
    "body", ['{"detail": "not here"}', '[{"detail": "not here"}]', '{"object": "error", "message": "not here"}']
)
def test_json_in_place_of_a_stream_is_quoted(bench: Bench, helicone: FakeHelicone, body: str) -> None:
    """With its own words for what is wrong."""
    helicone.respond = lambda _: Answer(200, JSON, (body.encode(),))
    with pytest.raises(GatewayError, match="not with a chat completion") as caught:
        bench.run("/abstract", "hi")
    assert "not here" in (caught.value.cause or "")


def test_message_beside_deltas_is_not_added(bench: Bench, helicone: FakeHelicone) -> None:
    """Some servers send both, and a last delta that is empty."""
    pieces = [
        {"delta": {"content": "Hi "}, "message": {"content": "Hi "}},
        {"delta": {"content": "there"}, "message": {"content": "Hi there"}},
        {"delta": {}, "message": {"content": "Hi there"}, "finish_reason": "stop"},
        {"delta": None, "message": {"content": "Hi there"}},
    ]
    events = b"".join(b"data: %s\n\n" % json.dumps({"choices": [piece]}).encode() for piece in pieces)
    helicone.respond = lambda _: Answer(200, (("content-type", "text/event-stream"),), (events, b"data: [DONE]\n\n"))
    assert bench.run("/abstract", "hi").text == "Hi there"


def test_engine_that_cannot_begin_fails_the_step(tmp_path: Path) -> None:
    """A library that doesn't import is an error in the cell, not a cell that waits for ever."""
    bench = Bench(tmp_path, None, {})
    bench.open('"Course" --gateway demo')
    plan = bench.plan("/abstract")
    engine = Engine(_refuse)
    run = Run(plan.step, plan.request, journal=None, redactor=plan.redactor)
    engine.start(run, plan.redactor)
    follow_blocking(run, lambda: None)
    engine.close()
    bench.close()
    assert isinstance(run.error, ImportError)
    assert run.read_step().status is StepStatus.FAILED


def test_step_that_the_closing_engine_never_began_ends(bench: Bench) -> None:
    """Nobody waits for ever for a request that was handed over just before."""
    plan = bench.plan("/abstract")
    first, second = (Run(plan.step, plan.request, journal=None, redactor=plan.redactor) for _ in range(2))
    gate = threading.Event()

    def refuse() -> Client:
        gate.wait(10)
        raise ImportError

    engine = Engine(refuse)
    for run in (first, second):
        engine.start(run, plan.redactor)
    closing = threading.Thread(target=engine.close)
    closing.start()
    while not engine._is_closed:
        time.sleep(0.001)
    gate.set()
    closing.join()
    follow_blocking(second, lambda: None)
    assert second.read_step().status is StepStatus.INTERRUPTED


def _refuse() -> Client:
    raise ImportError("no openai here")


def test_headers_of_the_environment_go_nowhere(
    bench: Bench, helicone: FakeHelicone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK would add them for every gateway: a Helicone key for a server of someone else, or another bearer."""
    monkeypatch.setenv(
        "OPENAI_CUSTOM_HEADERS", "helicone-auth: Bearer stray\nauthorization: Bearer stray\nX-Any: stray"
    )
    bench.open(f'"Own" --gateway direct:{helicone.direct_url}')
    bench.run("/abstract -m gpt-4o-mini")
    bench.notebook.models.fetch(None)
    assert [request.header("authorization") for request in helicone.requests] == [f"Bearer {PROVIDER_KEY}"] * 2
    assert "stray" not in str([request.headers for request in helicone.requests])


@pytest.mark.parametrize(
    ("gateway", "sent"),
    [
        ("direct", True), ("oai", True), ("target:https://api.openai.com/v1", True), ("{url}/v1/gateway/oai/v1", True),
        ("helicone", False), ("target:https://api.groq.com/openai/v1", False), ("direct:{url}/direct/v1", False),
        ("{url}/v1", False),
    ],
)  # fmt: skip
def test_openai_alone_is_told_whose_account_it_is(
    build_bench: BuildBench, helicone: FakeHelicone, monkeypatch: pytest.MonkeyPatch, gateway: str, sent: bool
) -> None:
    """The SDK would tell organisation and project to every server."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-fake")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-fake")
    bench = build_bench({**BOTH_KEYS, "GROQ_API_KEY": "gsk_fakefakefakefakefakefake"})
    bench.open(f'"Own" --gateway {gateway.format(url=helicone.url)}')
    bench.run("/abstract -m gpt-4o-mini")
    told = [helicone.completions[0].header(name) for name in ("openai-organization", "openai-project")]
    assert told == (["org-fake", "proj-fake"] if sent else [None, None])


def test_key_that_a_server_repeats_is_in_no_log(
    build_bench: BuildBench, helicone: FakeHelicone, caplog: pytest.LogCaptureFixture
) -> None:
    """The libraries log the headers of answers at DEBUG; once the notebook is closed their loggers are as before."""
    bench = build_bench()
    echo = ((PROVIDER_KEY, "x"), ("X-Any", f"{HELICONE_KEY} {PROVIDER_KEY}"), *JSON)
    helicone.respond = lambda _: Answer(200, echo, (json.dumps(WHOLE).encode(),))
    with caplog.at_level(logging.DEBUG):
        bench.run("/abstract --no-stream", "hi")
    assert "[redacted] [redacted]" in caplog.text
    assert [key for key in (PROVIDER_KEY, HELICONE_KEY) if key in caplog.text] == []
    bench.close()
    filters = [kept for name in logging.root.manager.loggerDict for kept in logging.getLogger(name).filters]
    assert not any(isinstance(kept, KeyFilter) for kept in filters)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(bench: Bench, helicone: FakeHelicone, status: int) -> None:
    """Keys and prompt would go to whatever host the server names; it is told instead."""
    with FakeHelicone() as elsewhere:
        target = elsewhere.url.replace("127.0.0.1", "localhost")
        helicone.respond = lambda request: Answer(status, (("Location", target + request.path),), (b"moved",))
        with pytest.raises(GatewayError, match=rf"redirects elsewhere \({status}\)") as caught:
            bench.run("/abstract")
        with pytest.raises(GatewayError, match="redirects elsewhere"):
            bench.notebook.models.fetch(None)
    assert target in (caught.value.cause or "")
    assert (len(helicone.completions), elsewhere.requests) == (1, [])


def test_unreachable_gateway_says_so(bench: Bench) -> None:
    """A port where nobody listens."""
    bench.open('"Own" --gateway direct:http://127.0.0.1:9/v1 -m x')
    with pytest.raises(GatewayError, match=r"cannot be reached at http://127\.0\.0\.1:9/v1") as caught:
        bench.run("/abstract --retries 0")
    assert "--gateway demo" in (caught.value.hint or "")


@pytest.mark.parametrize("model", ["slow-200", "silent", "stall"])
def test_cancelling_closes_the_connection_at_once(bench: Bench, helicone: FakeHelicone, model: str) -> None:
    """The server sees it leave; the partial text is kept and marked."""
    plan = bench.plan(f"/abstract -m {model}")
    run = bench.notebook.steps.start(plan)
    assert helicone.wait_for(lambda: bool(helicone.completions) and (model == "silent" or run.has_text.is_set()))
    run.cancel()
    follow_blocking(run, lambda: None)
    step = bench.notebook.steps.finish(plan, run)
    assert helicone.wait_for(lambda: helicone.disconnects == 1)
    assert step.status is StepStatus.INTERRUPTED
    assert bool(step.text) == (model != "silent")


def test_cancelling_before_the_start_sends_nothing(bench: Bench, helicone: FakeHelicone) -> None:
    """A click on Stop may come before the engine has begun."""
    plan = bench.plan("/abstract")
    run = Run(plan.step, plan.request, journal=bench.notebook.journal, redactor=plan.redactor)
    run.cancel()
    bench.notebook.engine.start(run, plan.redactor)
    follow_blocking(run, lambda: None)
    assert run.read_step().status is StepStatus.INTERRUPTED
    assert not helicone.requests


@pytest.mark.parametrize("line", ["echo-key", "echo-key-error"])
def test_key_that_the_server_repeats_is_taken_out(bench: Bench, tmp_path: Path, line: str) -> None:
    """From answers split over chunks and from errors; it is in no file either."""
    try:
        said = bench.run(f"/abstract -m {line} --retries 0").text
    except CredentialError as error:
        said = str(error)
    assert "[redacted]" in said
    bench.notebook.journal.flush()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "journal").rglob("*") if path.is_file())
    for key in (PROVIDER_KEY, HELICONE_KEY):
        assert key not in said
        assert key.encode() not in kept


@pytest.mark.parametrize("status", [200, 400, 401, 404, 429, 500])
def test_key_that_a_server_repeats_anywhere_is_taken_out(bench: Bench, helicone: FakeHelicone, status: int) -> None:
    """From headers, from every field of an error, and from the traceback that a program would log."""
    names = ("Helicone-Id", "Retry-After", "Helicone-RateLimit-Policy", "X-Any", PROVIDER_KEY)
    error = {"message": [HELICONE_KEY], "code": HELICONE_KEY, "type": HELICONE_KEY}
    answer = Answer(status, tuple((name, HELICONE_KEY) for name in names), (json.dumps({"error": error}).encode(),))
    helicone.respond = lambda _: answer
    with pytest.raises(HeliconeMagicError) as caught:
        bench.run("/abstract --retries 0")
    surfaces = [*traceback.format_exception(caught.value), repr(vars(caught.value)), repr(bench.last)]
    assert [key for key in (PROVIDER_KEY, HELICONE_KEY) if key in "".join(surfaces)] == []


@pytest.mark.parametrize("status", [200, 500])
def test_small_answer_that_unpacks_to_a_huge_one_is_not_read_to_its_end(
    bench: Bench, helicone: FakeHelicone, status: int
) -> None:
    """Hundreds of megabytes of nothing, sent as a few hundred kilobytes, fail the step and nothing else."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join([packer.compress(bytes(1 << 20)) for _ in range(300)] + [packer.flush()])
    pieces = tuple(packed[start : start + 10_000] for start in range(0, len(packed), 10_000))
    helicone.respond = lambda _: Answer(status, (("Content-Encoding", "gzip"),), (*pieces, Ending.HANG))
    with pytest.raises(GatewayError, match=r"not read to its end|failed \(500\)"):
        bench.run("/abstract --retries 0 --timeout 20")


def test_half_an_emoji_fails_no_later_step(bench: Bench, helicone: FakeHelicone) -> None:
    """An answer may be cut in the middle of one; what is sent of it can be encoded, and so can a prompt."""
    chunk = b'data: {"choices":[{"index":0,"finish_reason":"stop","delta":{"content":"well \\ud83d"}}]}\n\n'
    helicone.respond = lambda _: Answer(200, (("Content-Type", "text/event-stream"),), (chunk, b"data: [DONE]\n\n"))
    bench.run("/abstract")
    helicone.respond = None
    bench.run("/outline", "and \ud83d?")
    sent = helicone.completions[-1].json["messages"]
    assert [message["content"] for message in sent] == ["hi", "well \ufffd", "and \ufffd?"]


def test_error_too_deep_to_read_is_an_error_of_the_gateway(bench: Bench, helicone: FakeHelicone) -> None:
    """JSON of a hundred thousand brackets ends the parser, not the cell."""
    helicone.respond = lambda _: Answer(500, (("Content-Type", "application/json"),), (b"[" * 100_000,))
    with pytest.raises(GatewayError, match=r"failed \(500\)"):
        bench.run("/abstract --retries 0")


def test_key_in_a_prompt_is_refused(bench: Bench, helicone: FakeHelicone) -> None:
    """A body is logged at Helicone; a key must not be in it."""
    with pytest.raises(InputError, match="one of your keys"):
        bench.run("/abstract", "my key is {{ key }}", names={"key": PROVIDER_KEY})
    assert not helicone.requests


@pytest.mark.parametrize(
    "line",
    [
        "/{{ key }}%",
        "/a --after /{{ key }}",
        f"/a -m {PROVIDER_KEY} --gateway demo",
        f"/a --gateway direct:http://127.0.0.1:9/{PROVIDER_KEY}",
    ],
)
def test_refusal_does_not_quote_a_key(bench: Bench, helicone: FakeHelicone, line: str) -> None:
    """A template in a path may be filled with one, and an address may have one in it."""
    with pytest.raises(HeliconeMagicError) as caught:
        bench.run(line, names={"key": PROVIDER_KEY})
    assert PROVIDER_KEY not in repr(vars(caught.value)) + str(caught.value)
    assert not helicone.requests


@pytest.mark.parametrize(
    "line", ["nopath", "/a%b", "/a/ b", "/ümlaut", "/", "/a -p Session-Id=x", "/a --user Zoë", "/a --cache 5", "/a\x07"]
)
def test_what_cannot_be_sent_is_refused_before_anything_is(bench: Bench, helicone: FakeHelicone, line: str) -> None:
    """Each refusal says what to type instead, and no step is left behind."""
    with pytest.raises(InputError) as caught:
        bench.run(line)
    assert caught.value.hint
    assert not helicone.requests
    assert bench.notebook.session is not None and not bench.notebook.session.steps


def test_budget_stops_before_it_is_exceeded(bench: Bench, helicone: FakeHelicone) -> None:
    """And where no price is known, it says that it cannot be kept."""
    bench.open('"Course Creation" --budget 0.000001')
    with pytest.raises(BudgetError, match=r"budget of \$0\.000001 would be exceeded: \$0 is spent or under way"):
        bench.run("/abstract", "word " * 400)
    with pytest.raises(BudgetError, match="no price is known"):
        bench.run("/abstract -m slow-1")
    assert not helicone.requests


def test_missing_key_is_refused_before_anything_is_sent(build_bench: BuildBench, helicone: FakeHelicone) -> None:
    """The variable is named, and the way out."""
    bench = build_bench({"OPENAI_API_KEY": PROVIDER_KEY})
    with pytest.raises(CredentialError, match="HELICONE_API_KEY is not set") as caught:
        bench.open('"Course" --gateway oai')
    assert "login" in (caught.value.hint or "")
    assert not helicone.requests


def test_no_log_keeps_a_step_out_of_the_journal(bench: Bench) -> None:
    """It still is part of the conversation in this kernel."""
    secret = bench.run("/abstract --no-log")
    child = bench.run("/outline")
    session = bench.notebook.session
    assert session is not None
    recorded = bench.notebook.journal.load_session(session.record.id)
    assert recorded is not None
    assert [step.path for step in recorded[1]] == ["/outline"]
    assert child.parent_id == secret.id


def test_cell_with_another_gateway_uses_its_default_model(bench: Bench, helicone: FakeHelicone) -> None:
    """The session's model would be unknown there."""
    bench.open('"Course Creation" -m gpt-4o')
    assert bench.run("/abstract --gateway demo").model == "demo"
    assert not helicone.requests


def test_parameters_travel_with_their_types(bench: Bench, helicone: FakeHelicone) -> None:
    """Numbers, lists and objects are JSON; the cell's win over the session's."""
    bench.open('"Course Creation" -t 0.2 -o max_tokens 5 -o stop \'["a"]\'')
    bench.run("/abstract -t 0.9")
    body = helicone.completions[0].json
    assert (body["temperature"], body["max_tokens"], body["stop"]) == (0.9, 5, ["a"])


def test_cache_is_asked_of_helicone(bench: Bench, helicone: FakeHelicone) -> None:
    """The second identical prompt is a hit, and its step says so."""
    bench.open('"Course Creation" --cache 600')
    bench.run("/abstract -m cached")
    again = bench.run("/abstract -m cached --fresh", cell="other")
    assert helicone.completions[0].header("cache-control") == "max-age=600"
    assert again.attempts[0].headers["helicone-cache"] == "HIT"
    assert again.cost == 0.0


def test_system_prompt_is_a_template_too(bench: Bench, helicone: FakeHelicone) -> None:
    """As the path and the prompt are."""
    bench.run('/abstract -s "Be {{ manner }}."', names={"manner": "brief"})
    assert helicone.completions[0].json["messages"][0] == {"role": "system", "content": "Be brief."}


def test_options_that_are_helicones_are_not_lost_silently(bench: Bench, helicone: FakeHelicone) -> None:
    """Another gateway gets none of them, and the card says so."""
    bench.open(f'"Course" --gateway direct:{helicone.direct_url} -m gpt-4o-mini --user ada --cache')
    plan = bench.plan("/abstract")
    assert any("--user and --cache not sent" in note for note in plan.notes)
    assert not plan.request.headers


class _Odd(BaseException):
    """Something that is no Exception."""


def test_anything_raised_while_sending_fails_the_step(bench: Bench) -> None:
    """No error ends as an empty answer."""
    plan = bench.plan("/abstract")
    run = Run(plan.step, plan.request, journal=None, redactor=plan.redactor)
    engine = Engine(_Breaking)
    engine.start(run, plan.redactor)
    follow_blocking(run, lambda: None)
    engine.close()
    assert isinstance(run.error, _Odd)
    assert run.read_step().status is StepStatus.FAILED


class _Breaking(Client):
    def __init__(self) -> None:
        super().__init__(_raise_odd)


def _raise_odd(gateway: object) -> NoReturn:
    raise _Odd


def test_step_ends_in_the_session_that_it_began_in(bench: Bench) -> None:
    """Another one may have been opened meanwhile, over a subshell."""
    plan = bench.plan("/abstract")
    run = bench.notebook.steps.start(plan)
    bench.open('"Another"')
    follow_blocking(run, lambda: None)
    bench.notebook.steps.finish(plan, run)
    assert bench.notebook.session is not None and not bench.notebook.session.steps
    assert [step.status for step in plan.session.steps] == [StepStatus.DONE]


def test_what_runs_while_the_interpreter_ends_was_interrupted(bench: Bench) -> None:
    """It did not fail: neither the gateway nor the cell is at fault."""
    bench.network = NoMoreThreads()
    step = bench.run("/a --retries 0")
    assert (step.status, step.error) == (StepStatus.INTERRUPTED, None)


def test_prompts_under_way_count_in_the_budget(build_bench: BuildBench) -> None:
    """Many that are sent at once would each find it untouched; when they end, what they cost takes their place."""
    bench = build_bench()
    bench.open('"Course" --budget 0.000001')
    first = bench.plan("/a -m gpt-4o-mini", "hi")
    run = bench.notebook.steps.start(first)
    assert bench.notebook.session is not None and bench.notebook.session.committed > 0
    with pytest.raises(BudgetError, match="under way"):
        bench.plan("/b -m gpt-4o-mini --fresh", "hi")
    follow_blocking(run, lambda: None)
    bench.notebook.steps.finish(first, run)
    assert bench.notebook.session.committed == bench.notebook.session.spent > 0
