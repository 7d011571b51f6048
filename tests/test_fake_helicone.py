"""The fake Helicone answers as the running one did, and misbehaves as it is told to."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path
from typing import Any

import openai
import pytest
from fake_helicone import HELICONE_KEY, PROVIDER_KEY, FakeHelicone, reply_text

HERE = Path(__file__).parent
SHARED = HERE.parent.parent / "shared" / "recordings"
RECORDINGS = sorted((SHARED if SHARED.is_dir() else HERE / "data" / "recordings").glob("*.json"))
# What must have been sent before, on the same server.
BEFORE = {"ai-gateway-cache-hit": "ai-gateway-cache-miss", "gateway-ratelimited-2": "gateway-ratelimited-1"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TRANSPORT = {"transfer-encoding"}


@pytest.fixture
def fake():
    """A running fake."""
    with FakeHelicone() as server:
        yield server


def load(name: str) -> dict[str, Any]:
    """The recording of that name."""
    return json.loads(next(path for path in RECORDINGS if path.stem == name).read_text(encoding="utf-8"))


def replay(fake: FakeHelicone, recording: dict[str, Any]) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of the recorded request against the fake."""
    request, name = recording["request"], recording["name"]
    prefix = "/ai" if name.startswith("ai-") else "/target" if name.startswith("gateway") else ""
    connection = http.client.HTTPConnection(fake.url.removeprefix("http://"), timeout=10)
    headers = {key: value.replace("<HELICONE_API_KEY>", HELICONE_KEY) for key, value in request["headers"]}
    connection.request(request["method"], prefix + request["path"], json.dumps(request["json"]), headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, {key.lower(): value for key, value in response.getheaders()}, body


def send(base_url: str, model: str, **more: Any) -> Any:
    """A completion through the openai client, closed afterwards."""
    with openai.OpenAI(
        base_url=base_url, api_key=PROVIDER_KEY, max_retries=more.pop("retries", 0), timeout=5
    ) as client:
        messages = [{"role": "user", "content": "hi"}]
        answer = client.chat.completions.create(model=model, messages=messages, **more)
        return list(answer) if more.get("stream") else answer


def spell(chunks: list[Any]) -> str:
    """The text that the chunks add up to."""
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_recorded_request_gets_the_recorded_answer(fake, path):
    """Status, headers and body are those of the recording, ids and durations apart."""
    recording = json.loads(path.read_text(encoding="utf-8"))
    if recording["name"] in BEFORE:
        replay(fake, load(BEFORE[recording["name"]]))
    status, headers, body = replay(fake, recording)
    wanted = {name.lower(): value for name, value in recording["response"]["headers"]}
    assert status == recording["response"]["status"]
    assert headers.keys() - TRANSPORT == wanted.keys()
    assert not UUID.fullmatch(wanted.get("helicone-id", "")) or UUID.fullmatch(headers["helicone-id"])
    assert {**headers, "helicone-id": ""}.items() >= {**wanted, "helicone-id": ""}.items()
    assert body == "".join(recording["response"]["chunks"])


@pytest.mark.parametrize(
    ("request_id", "is_kept"),
    [("0c4f1f9e-7f1e-4c5f-9a63-0f9c2e6c7a11", True), ("01930c2a-7f00-7abc-8def-0123456789ab", False), ("x", False)],
)
def test_request_id_is_kept_only_if_it_is_a_uuid_up_to_5(fake, request_id, is_kept):
    """Anything else is replaced silently, and logged under the new id."""
    headers = {"Helicone-Auth": f"Bearer {HELICONE_KEY}", "Helicone-Request-Id": request_id}
    send(fake.oai_url, "gpt-4o-mini", extra_headers=headers)
    assert (request_id in fake.logged) is is_kept
    assert len(fake.logged) == 1


def test_unknown_helicone_key_is_proxied_and_not_logged(fake):
    """On the OpenAI proxy a 200 does not prove logging."""
    answer = send(fake.oai_url, "gpt-4o-mini", extra_headers={"Helicone-Auth": "Bearer sk-helicone-unknown"})
    assert answer.choices[0].message.content == "Hello!"
    assert fake.logged == {}


@pytest.mark.parametrize(("options", "has_usage"), [({}, False), ({"stream_options": {"include_usage": True}}, True)])
def test_usage_comes_only_where_it_is_asked_for(fake, options, has_usage):
    """The older gateways add the usage chunk on request."""
    chunks = send(fake.oai_url, "gpt-4o-mini", stream=True, **options)
    assert spell(chunks) == "Hello!"
    assert any(chunk.usage for chunk in chunks) is has_usage


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("fail400", openai.BadRequestError),
        ("nope", openai.NotFoundError),
        ("fail429", openai.RateLimitError),
        ("fail429-wait-7", openai.RateLimitError),
        ("fail500", openai.InternalServerError),
        ("fail502", openai.InternalServerError),
        ("silent", openai.APITimeoutError),
        ("echo-key-error", openai.AuthenticationError),
    ],
)
def test_failing_models_fail(fake, model, error):
    """Each kind of failure is the SDK's own for it."""
    with pytest.raises(error):
        send(fake.oai_url, model, **({"timeout": 0.2} if model == "silent" else {}))


@pytest.mark.parametrize(("model", "asked"), [("fail429", None), ("fail429-wait-7", "7")])
def test_retry_after_comes_only_where_the_name_says_so(fake, model, asked):
    """429 is sent with the header and without it."""
    with pytest.raises(openai.RateLimitError) as caught:
        send(fake.oai_url, model)
    assert caught.value.response.headers.get("retry-after") == asked


@pytest.mark.parametrize(("model", "attempts"), [("flaky-1", 2), ("retry-after-1", 2), ("gpt-4o-mini", 1)])
def test_flaky_models_answer_in_the_end(fake, model, attempts):
    """They fail as often as their name says, then answer."""
    assert send(fake.oai_url, model, retries=2).choices[0].message.content == "Hello!"
    assert len(fake.completions) == attempts


@pytest.mark.parametrize("model", ["cut", "stall"])
def test_broken_streams_break(fake, model):
    """What came before the break has arrived."""
    texts = []
    with openai.OpenAI(base_url=fake.oai_url, api_key=PROVIDER_KEY, max_retries=0, timeout=0.3) as client:
        stream = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}], stream=True)
        with pytest.raises(openai.APIConnectionError):
            texts.extend(chunk.choices[0].delta.content for chunk in stream)
    assert "".join(texts) == "A beginning "


def test_malformed_stream_has_broken_json(fake):
    """One `data:` line cannot be parsed."""
    with pytest.raises(json.JSONDecodeError):
        send(fake.oai_url, "malformed", stream=True)


def test_leaving_client_is_counted(fake):
    """A stream that is closed before its end is one disconnect; one that was read to its end is none."""
    send(fake.oai_url, "gpt-4o-mini", stream=True)
    with openai.OpenAI(base_url=fake.oai_url, api_key=PROVIDER_KEY, max_retries=0) as client:
        messages = [{"role": "user", "content": "hi"}]
        with client.chat.completions.create(model="slow", messages=messages, stream=True) as stream:
            next(iter(stream))
        assert fake.wait_for(lambda: fake.disconnects == 1)
    assert fake.disconnects == 1


def test_echoed_key_is_spread_over_chunks(fake):
    """The key is in the answer, and in no single chunk."""
    chunks = send(fake.oai_url, "echo-key", stream=True)
    assert PROVIDER_KEY in spell(chunks)
    assert not any(PROVIDER_KEY in chunk.model_dump_json() for chunk in chunks)


def test_special_answers_have_their_shape(fake):
    """Reasoning, refusal, tool calls, cut-off and empty answers look as providers send them."""
    assert send(fake.oai_url, "reasoning").choices[0].message.reasoning_content == "Two and two make four."
    assert send(fake.oai_url, "refusal").choices[0].message.refusal == "I can't help with that."
    call = send(fake.oai_url, "toolcall").choices[0]
    assert (call.finish_reason, call.message.tool_calls[0].function.arguments) == ("tool_calls", '{"city": "Paris"}')
    assert send(fake.oai_url, "length").choices[0].finish_reason == "length"
    assert send(fake.oai_url, "empty").choices[0].message.content == ""


def test_test_may_answer_itself(fake):
    """`respond` takes precedence where it gives an answer."""
    fake.respond = lambda received: reply_text("teapot", 418) if received.json["model"] == "gpt-4o" else None
    with pytest.raises(openai.APIStatusError) as caught:
        send(fake.oai_url, "gpt-4o")
    assert caught.value.response.text == "teapot"
    assert send(fake.oai_url, "gpt-4o-mini").model == "gpt-4o-mini"


def test_connection_is_kept_for_the_next_request(fake):
    """Two requests of one client come over one connection."""
    with openai.OpenAI(base_url=fake.ai_url, api_key=HELICONE_KEY, max_retries=0) as client:
        client.models.list()
        client.models.list()
    assert (fake.connections, len(fake.requests)) == (1, 2)
