"""openai clients of the session, and its headers: what they send, what is recorded, what is refused."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import pickle
from dataclasses import replace
from typing import Any

import openai
import pytest
from fake_helicone import HELICONE_KEY, PROVIDER_KEY, Answer, FakeHelicone, reply_json
from fixtures_python import get_steps
from shells import Shell

import heliconemagic
from heliconemagic.errors import BudgetError, CredentialError, InputError
from heliconemagic.journal.journal import Journal, default_folder
from heliconemagic.python.handle import SessionHandle
from heliconemagic.records import StepStatus
from heliconemagic.transport.answer_reader import AnswerReader, read_messages

HI = [{"role": "user", "content": "hi"}]
EVENTS = (("Content-Type", "text/event-stream"),)


def ask(client: openai.OpenAI, **given: Any) -> Any:
    """One chat completion."""
    return client.chat.completions.create(**{"model": "gpt-4o-mini", "messages": HI, **given})


def build_events(*events: dict[str, Any]) -> Answer:
    """A stream of events as the responses API sends them."""
    return Answer(200, EVENTS, tuple(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events))


# ---- what is sent and recorded


def test_request_of_a_client_is_a_step(program: SessionHandle, helicone: FakeHelicone) -> None:
    """Tagged as a cell's is, with a request id of its own, and recorded with its figures."""
    client = program.client("/agent", user="ada", properties={"team": "blue"})
    assert isinstance(client, openai.OpenAI)
    assert ask(client, temperature=0.2).choices[0].message.content == "Hello!"
    sent, (step,) = helicone.completions[0], get_steps(program)
    tags = [sent.header(f"helicone-{tag}") for tag in ("session-id", "session-name", "session-path", "user-id")]
    assert tags == [program.id, "Nightly", "/agent", "ada"]
    assert sent.header("helicone-auth") == f"Bearer {HELICONE_KEY}"
    assert step.attempts[0].request_id == sent.header("helicone-request-id") == step.helicone_id
    assert (step.text, step.messages, step.parameters) == ("Hello!", tuple(HI), {"temperature": 0.2})
    assert step.usage is not None and step.usage.total_tokens == 8
    assert step.cost == pytest.approx(5 * 0.15e-6 + 3 * 0.6e-6)
    assert program["/agent"].text == "Hello!"


def test_row_is_there_before_the_first_byte(program: SessionHandle, helicone: FakeHelicone) -> None:
    """As for a cell: a killed process loses nothing that was asked."""
    found: list[Any] = []

    def look(received: Any) -> None:
        import os

        with_steps = Journal(default_folder(os.environ)).load_session(program.id)
        found.extend((step.status, step.path) for step in with_steps[1]) if with_steps else None

    helicone.respond = look
    ask(program.client("/agent"))
    assert found == [(StepStatus.PENDING, "/agent")]


def test_stream_is_read_as_it_passes(program: SessionHandle, helicone: FakeHelicone) -> None:
    """The client gets every chunk; tokens are known where it asked for them."""
    stream = ask(program.client("/agent"), stream=True, stream_options={"include_usage": True})
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "Hello!"
    ask(program.client("/agent"), stream=True).close()
    first, second = get_steps(program)
    assert (first.text, first.status, first.usage and first.usage.total_tokens) == ("Hello!", StepStatus.DONE, 8)
    assert first.first_token_at is not None
    assert (second.status, second.cost) == (StepStatus.INTERRUPTED, None)


def test_error_within_a_stream_is_recorded(program: SessionHandle, helicone: FakeHelicone) -> None:
    """As a failure in the server's words, with the text that had come; the client has the SDK's own error."""
    with pytest.raises(openai.APIError):
        list(ask(program.client("/agent"), model="stream-error", stream=True))
    (step,) = get_steps(program)
    assert step.status is StepStatus.FAILED
    assert (step.text, step.error) == ("A beginning ", "upstream died")


def test_error_within_a_stream_is_recorded_without_keys(program: SessionHandle, helicone: FakeHelicone) -> None:
    """They are taken out before its words are cut: of a key that is cut nobody would know the rest as one."""
    error = b"%s %s %s" % (b"x" * 292, PROVIDER_KEY.encode(), b"y" * 300)
    event = b'data: {"error": "%s"}\n\n' % error
    helicone.respond = lambda _: Answer(200, (("content-type", "text/event-stream"),), (event,))
    with pytest.raises(openai.APIError):
        list(ask(program.client("/agent"), stream=True))
    (step,) = get_steps(program)
    assert step.error and step.error.endswith("xxx [redact")


def test_stream_that_is_left_closes_its_connection(program: SessionHandle, helicone: FakeHelicone) -> None:
    """What had arrived is kept."""
    with ask(program.client("/agent"), model="slow-400", stream=True) as stream:
        for _ in zip(range(3), stream, strict=False):
            pass
    assert helicone.wait_for(lambda: helicone.disconnects == 1)
    (step,) = get_steps(program)
    assert (step.status, "word0" in step.text) == (StepStatus.INTERRUPTED, True)


def test_retries_are_attempts_of_one_step(program: SessionHandle, helicone: FakeHelicone) -> None:
    """The SDK's own retry loop; each attempt has its own request id."""
    ask(program.client("/agent"), model="flaky-1")
    (step,) = get_steps(program)
    assert (step.status, [attempt.status_code for attempt in step.attempts]) == (StepStatus.DONE, [500, 200])
    assert len({received.header("helicone-request-id") for received in helicone.completions}) == 2


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("fail400", openai.BadRequestError),
        ("fail500", openai.InternalServerError),
        ("malformed", Exception),
        ("stream-error", openai.APIError),
        ("cut", openai.APIError),
    ],
)
def test_errors_are_the_sdks_own(program: SessionHandle, model: str, error: type[Exception]) -> None:
    """The step says what went wrong, too."""
    with pytest.raises(error):
        list(ask(program.client("/agent", retries=0), model=model, stream=True))
    (step,) = get_steps(program)
    assert step.status in (StepStatus.FAILED, StepStatus.INTERRUPTED)
    assert step.ended_at is not None
    with pytest.raises(KeyError):
        program["/agent"]


def test_error_that_repeats_keys_is_told_without_them(program: SessionHandle) -> None:
    """The traceback of the SDK's error stands in the notebook."""
    with pytest.raises(openai.AuthenticationError) as caught:
        ask(program.client("/agent"), model="echo-key-error")
    told = f"{caught.value} {caught.value.body} {caught.value.response.text} {get_steps(program)[0].error}"
    assert "[redacted]" in told
    assert PROVIDER_KEY not in told and HELICONE_KEY not in told


@pytest.mark.parametrize("cut", [1, 45, 1000])
def test_error_within_a_stream_is_told_without_keys(program: SessionHandle, helicone: FakeHelicone, cut: int) -> None:
    """Wherever the network cuts it."""
    data = b'data: {"error": {"message": "no %s"}}\n\ndata: [DONE]' % PROVIDER_KEY.encode()
    pieces = tuple(data[start : start + cut] for start in range(0, len(data), cut))
    helicone.respond = lambda _: Answer(200, (("content-type", "text/event-stream"),), pieces)
    with pytest.raises(openai.APIError) as caught:
        list(ask(program.client("/agent"), stream=True))
    assert f"{caught.value} {caught.value.body}".count("no [redacted]") == 2


def test_client_is_otherwise_the_sdks(program: SessionHandle, helicone: FakeHelicone) -> None:
    """with_options, with blocks, several clients of one session."""
    with program.client("/a") as client:
        ask(client.with_options(timeout=7, max_retries=0, default_headers={"X-Mine": "1"}))
        ask(client, extra_headers={"Helicone-Session-Path": "/b"})
        client.models.list()
    assert client.is_closed()
    assert helicone.completions[0].header("x-mine") == "1"
    assert [reply.path for reply in program.steps] == ["/a", "/b", "/a"]
    ask(program.client("/c"))
    assert program["/c"].text == "Hello!"


def test_async_client_on_one_loop_after_the_other(program: SessionHandle) -> None:
    """The engine's loop sends, so that none of the caller's holds its connections."""
    client = program.async_client("/agent")

    async def ask_both() -> list[Any]:
        asked = (client.chat.completions.create(model="gpt-4o-mini", messages=HI) for _ in range(2))  # type: ignore[arg-type]
        return [answer.choices[0].message.content for answer in await asyncio.gather(*asked)]

    assert asyncio.run(ask_both()) + asyncio.run(ask_both()) == ["Hello!"] * 4
    assert [step.status for step in get_steps(program)] == [StepStatus.DONE] * 4


def test_cancelled_request_of_an_async_client(program: SessionHandle, helicone: FakeHelicone) -> None:
    """Its connection is closed, and the step is interrupted."""

    async def give_up() -> None:
        asked = program.async_client("/agent").chat.completions.create(model="silent", messages=HI)  # type: ignore[arg-type]
        task = asyncio.create_task(asked)
        await asyncio.to_thread(helicone.wait_for, lambda: bool(helicone.completions))
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(give_up())
    assert helicone.wait_for(lambda: helicone.disconnects == 1)
    assert helicone.wait_for(lambda: get_steps(program)[0].status is StepStatus.INTERRUPTED)


def test_clients_work_at_the_demo() -> None:
    """Offline, streamed or not."""
    with heliconemagic.session("Offline", gateway="demo") as session:
        client = session.client("/agent")
        assert "not a language model" in ask(client, model="demo-fast", max_tokens=20).choices[0].message.content
        assert len(list(ask(client, model="demo-fast", max_tokens=20, stream=True))) > 3
        assert [step.status for step in get_steps(session)] == [StepStatus.DONE] * 2


# ---- other endpoints


def test_responses_are_read(program: SessionHandle, helicone: FakeHelicone) -> None:
    """Streamed and whole: text, calls, tokens."""
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
    text = {"type": "message", "content": [{"type": "output_text", "text": "Good day"}]}
    usage = {"input_tokens": 4, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}}
    ended = {"object": "response", "status": "completed", "model": "gpt-4o", "output": [text, call], "usage": usage}
    helicone.respond = lambda received: (
        build_events(
            {"type": "response.output_text.delta", "delta": "Good "},
            {"type": "response.output_text.delta", "delta": "day"},
            {"type": "response.output_item.done", "output_index": 1, "item": call},
            {"type": "response.completed", "response": ended},
        )
        if received.json.get("stream")
        else reply_json(ended)
    )
    client = program.client("/agent")
    client.responses.create(model="gpt-4o", instructions="Be kind.", input="Hello")
    list(client.responses.create(model="gpt-4o", instructions="Be kind.", input="Hello", stream=True))
    whole, streamed = get_steps(program)
    for step in (whole, streamed):
        assert (step.text, step.tool_calls[0].name, step.finish_reason) == ("Good day", "look", "stop")
        assert step.usage is not None and (step.usage.total_tokens, step.usage.reasoning_tokens) == (6, 1)
        assert [message["role"] for message in step.messages] == ["system", "user"]
    assert streamed.answered_by == "gpt-4o"


def test_embeddings_are_recorded_with_what_they_say(program: SessionHandle, helicone: FakeHelicone) -> None:
    """Tokens and cost; there is no text, so that nothing continues them."""
    usage = {"prompt_tokens": 6, "total_tokens": 6}
    data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
    helicone.respond = lambda _: reply_json(
        {"object": "list", "model": "text-embedding-3-small", "data": data, "usage": usage}
    )
    client = program.client("/embed")
    answer = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"], encoding_format="float")
    assert answer.data[0].embedding == [0.5, 0.25]
    reply = program["/embed"]
    assert (reply.text, reply.usage and reply.usage.total_tokens) == ("", 6)
    assert reply.cost is not None and reply.cost > 0
    assert reply.messages[0]["content"] == '["a", "b"]'


def test_files_are_recorded_by_their_size(program: SessionHandle, helicone: FakeHelicone) -> None:
    """And the text that a transcription gives."""
    helicone.respond = lambda _: reply_json({"text": "spoken words"})
    client = program.client("/listen")
    assert client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF" * 99)).text == "spoken words"
    reply = program["/listen"]
    assert reply.text == "spoken words"
    assert "bytes of multipart/form-data" in reply.messages[0]["content"]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_reader_takes_pieces_of_any_size(size: int) -> None:
    """Nothing depends on where the network cuts, and a byte order mark is none of the first line's."""
    chunk = {"choices": [{"index": 0, "delta": {"content": "Grüße"}}]}
    data = (
        b"\xef\xbb\xbfdata: "
        + json.dumps(chunk, ensure_ascii=False).encode()
        + b"\r\n\r\n: comment\r\n\r\ndata: [DONE]\n\n"
    )
    reader = AnswerReader("text/event-stream; charset=utf-8")
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    chunks = [chunk for piece in pieces for chunk in reader.feed(piece)] + list(reader.finish())
    assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks] == ["Grüße"]


@pytest.mark.parametrize("data", [b"", b"[1]", b"nonsense", b'{"choices": 5}', b'{"usage": "much"}', b"[" * 100_000])
def test_reader_survives_anything(data: bytes) -> None:
    """What cannot be read is left out."""
    for kind in ("application/json", "text/event-stream", "audio/mpeg"):
        reader = AnswerReader(kind)
        assert len([*reader.feed(b"data: " + data + b"\n"), *reader.finish()]) <= 1


def test_inputs_of_other_endpoints_become_messages() -> None:
    """Text, items with a role, and items of other kinds."""
    items: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "b"},
        {"type": "item_reference", "id": "x"},
    ]
    messages, others = read_messages({"model": "m", "input": items, "store": False})
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert messages[0]["content"] == [{"type": "text", "text": "a"}]
    assert messages[1]["tool_calls"][0]["function"]["name"] == "look"
    assert others == {"store": False}
    assert read_messages({"prompt": "a"})[0] == ({"role": "user", "content": "a"},)


# ---- its place in the session


def test_step_of_a_client_is_beside_the_conversation(
    asking_shell: Shell, session: SessionHandle, helicone: FakeHelicone
) -> None:
    """Its messages are the caller's own: no cell continues it but those below its path, with its last turn."""
    calls = [{"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
    turns = [*HI, {"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_call_id": "c", "content": "1"}]
    ask(session.client("/agent"), messages=turns)
    assert "no context" in asking_shell.run("%%llm /next\nhi").text("text/html")
    asking_shell.run("%%llm /agent/below\nGo on.")
    sent = helicone.completions[-1].json["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "assistant", "user"]


def test_cell_run_again_supersedes_its_clients_steps(asking_shell: Shell, session: SessionHandle) -> None:
    """They are that cell's steps as any other, and in the tree."""
    cell = (
        'answer = session.client("/agent").chat.completions.create(\n'
        '    model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])'
    )
    for _ in range(2):
        assert asking_shell.run(cell).error is None
    assert [step.is_superseded for step in get_steps(session)] == [True, False]
    assert "agent" in asking_shell.run("%helicone_session show").text()


# ---- keys


def test_keys_go_where_they_belong(
    program: SessionHandle, helicone: FakeHelicone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Helicone's goes to its gateway only, and headers from the SDK's environment to nobody."""
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Other-Key: {PROVIDER_KEY}")
    client = program.client("/agent")
    ask(client)
    assert helicone.completions[0].header("x-other-key") is None
    with FakeHelicone() as elsewhere:
        ask(client.with_options(base_url=elsewhere.direct_url))
    assert elsewhere.completions[0].header("helicone-auth") is None


def test_openai_alone_is_told_whose_account_it_is(helicone: FakeHelicone, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client for some other server doesn't name OpenAI's organisation there."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-fake")
    with heliconemagic.session("Nightly", gateway=f"direct:{helicone.direct_url}") as handle:
        ask(handle.client("/agent"))
    assert helicone.completions[0].header("openai-organization") is None


def test_helicone_key_is_in_no_log_and_not_in_the_client(
    program: SessionHandle, helicone: FakeHelicone, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither shows what goes out besides the tags, nor where a server repeats it."""
    client = program.client("/agent")
    completion = {"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}
    answer = reply_json(completion)
    helicone.respond = lambda _: replace(answer, headers=(*answer.headers, ("X-Echo", HELICONE_KEY)))
    with caplog.at_level(logging.DEBUG):
        ask(client)
    assert "Sending HTTP Request" in caplog.text
    assert HELICONE_KEY not in caplog.text + repr(client) + repr(client.default_headers)


def test_redirect_is_not_followed(program: SessionHandle, helicone: FakeHelicone) -> None:
    """Keys and prompt would go along."""
    with FakeHelicone() as elsewhere:
        helicone.respond = lambda received: Answer(307, (("Location", elsewhere.url + received.path),), (b"moved",))
        with pytest.raises(openai.APIStatusError):
            ask(program.client("/agent", retries=0))
    assert elsewhere.requests == []


def test_key_in_a_body_is_refused(program: SessionHandle, helicone: FakeHelicone) -> None:
    """It would be logged there."""
    with pytest.raises(InputError, match="contains the value of one of your keys"):
        ask(program.client("/agent"), messages=[{"role": "user", "content": f"my key is {PROVIDER_KEY}"}])
    assert (helicone.requests, program.steps) == ([], [])


def test_key_in_what_is_attached_to_a_body_is_refused(program: SessionHandle, helicone: FakeHelicone) -> None:
    """Base64 hides it from nobody."""
    data = base64.b64encode(f"%PDF-1.4 {PROVIDER_KEY}".encode()).decode()
    file = {"filename": "notes.pdf", "file_data": f"data:application/pdf;base64,{data}"}
    with pytest.raises(InputError, match=r"'notes\.pdf' contains the value of one of your keys"):
        ask(program.client("/agent"), messages=[{"role": "user", "content": [{"type": "file", "file": file}]}])
    assert (helicone.requests, program.steps) == ([], [])


def test_budget_holds_for_clients(both_keys: None, helicone: FakeHelicone) -> None:
    """What would exceed it isn't sent."""
    with (
        heliconemagic.session("Nightly", gateway=helicone.url, budget=0.00000001) as session,
        pytest.raises(BudgetError, match="would be exceeded"),
    ):
        ask(session.client("/agent"))
    assert helicone.requests == []


def test_client_of_a_closed_session_says_so(both_keys: None, helicone: FakeHelicone) -> None:
    """Instead of waiting for ever."""
    with heliconemagic.session("Nightly", gateway=helicone.url) as session:
        client = session.client("/agent")
    with pytest.raises(InputError, match="has ended; no session is open now"):
        ask(client)
    with pytest.raises(InputError, match="has ended"):
        session.client("/agent")


@pytest.mark.parametrize("line", ['"Another"', "end"])
def test_client_of_an_ended_session_sends_nothing(
    asking_shell: Shell, session: SessionHandle, helicone: FakeHelicone, line: str
) -> None:
    """It would be a step of what is over; taken up again, the session has its clients back."""
    client, awaiting = session.client("/agent"), session.async_client("/agent")
    ask(client)
    asking_shell.run(f"%helicone_session {line}")
    with pytest.raises(InputError, match=r"'Course Creation' .* has ended"):
        ask(client)
    with pytest.raises(InputError, match=r"'Course Creation' .* has ended"):
        asyncio.run(awaiting.chat.completions.create(model="gpt-4o-mini", messages=HI))  # type: ignore[arg-type]
    assert len(helicone.completions) == 1
    asking_shell.run(f'%helicone_session "Course Creation" --gateway {helicone.url} --resume')
    ask(client)
    assert [step.path for step in get_steps(heliconemagic.session())] == ["/agent", "/agent"]


@pytest.mark.parametrize("options", [{"model": "gpt-4o"}, {"after": "/a"}, {"temperature": 1}, {"usr": "x"}])
def test_clients_take_what_their_headers_say(program: SessionHandle, options: dict[str, Any]) -> None:
    """Everything else is said in the request."""
    with pytest.raises(InputError):
        program.client("/agent", **options)


# ---- headers


def test_headers_for_any_library(program: SessionHandle, helicone: FakeHelicone) -> None:
    """A dict of its own each time, below the prefix, without a key."""
    with program.at("/lesson"):
        headers = program.headers("/x", properties={"team": "blue"})
    assert headers == {
        "Helicone-Session-Id": program.id,
        "Helicone-Session-Path": "/lesson/x",
        "Helicone-Session-Name": "Nightly",
        "Helicone-Property-team": "blue",
    }
    assert program.headers("/x") is not program.headers("/x")
    assert pickle.loads(pickle.dumps(headers)) == headers
    assert program.base_url == helicone.self_hosted_url


def test_headers_with_a_key_do_not_show_it(program: SessionHandle) -> None:
    """Nor are they pickled."""
    headers = program.headers("/x", auth=True)
    assert headers["Helicone-Auth"] == f"Bearer {HELICONE_KEY}"
    assert HELICONE_KEY not in repr(headers) + str(headers) + f"{headers}"
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(headers)


def test_headers_are_empty_where_nobody_reads_them() -> None:
    """And say why."""
    with heliconemagic.session("Offline", gateway="demo") as session:
        assert session.headers("/x") == {}
        assert "not Helicone's" in repr(session.headers("/x", auth=True))


def test_missing_key_is_named(both_keys: None, helicone: FakeHelicone, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the client is taken, not deep inside the SDK."""
    with heliconemagic.session("Nightly", gateway=helicone.url) as session:
        monkeypatch.delenv("OPENAI_API_KEY")
        with pytest.raises(CredentialError, match="OPENAI_API_KEY is not set"):
            session.client("/agent")
