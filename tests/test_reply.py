"""What a stream builds up, and what the notebook gets of it."""

from __future__ import annotations

from typing import Any

import pytest

from heliconemagic.errors import IncompleteAnswerError, InputError
from heliconemagic.records import Step, StepStatus
from heliconemagic.redaction import Redactor, Secret
from heliconemagic.reply import Reply, ReplyState
from heliconemagic.usage import Usage

KEY = "sk-helicone-fakefak-efakefa-kefakef-akefake"


def build_chunk(delta: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A chunk as a server sends it."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": fields.pop("finish_reason", None)}
    return {"model": fields.pop("model", "gpt-4o-mini"), "choices": [choice], "usage": fields.pop("usage", None)}


def build_step(text: str = "", **fields: Any) -> Step:
    """A finished step."""
    return Step(
        id="s", session_id="x", path="/a", status=fields.pop("status", StepStatus.DONE), gateway="demo", model="demo",
        messages=({"role": "user", "content": "hi"},), started_at=10.0, ended_at=12.5, text=text, **fields,
    )  # fmt: skip


def test_pieces_add_up() -> None:
    """Text, reasoning, refusal, finish reason and usage are read from the deltas."""
    state = ReplyState(Redactor([]))
    for chunk in (
        build_chunk({"content": None, "reasoning_content": "hm"}),
        build_chunk({"content": "Hel"}),
        build_chunk({"content": "lo"}, finish_reason="stop"),
        build_chunk(usage={"prompt_tokens": 5, "completion_tokens": 2}),
    ):
        state.handle_chunk(chunk)
    fields = state.read_fields()
    assert (fields["text"], fields["reasoning"], fields["finish_reason"]) == ("Hello", "hm", "stop")
    assert fields["usage"].total_tokens == 7


def test_chunk_without_choices_carries_usage() -> None:
    """The last chunk of Helicone's AI gateway has no choices."""
    state = ReplyState(Redactor([]))
    state.handle_chunk({"model": "m", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    assert state.usage is not None


def test_key_in_an_answer_is_taken_out() -> None:
    """Also where its halves come in two chunks; what only looked like a key's beginning comes at the end."""
    state = ReplyState(Redactor([Secret(KEY)]))
    for piece in ("your key is " + KEY[:20], KEY[20:] + "! sk-heli"):
        state.handle_chunk(build_chunk({"content": piece}))
    assert state.text == "your key is [redacted]! "
    state.finish()
    assert state.text == "your key is [redacted]! sk-heli"


def test_key_in_any_other_place_of_an_answer_is_taken_out() -> None:
    """A hostile server can name the model, the reason it stopped or a function after it."""
    state = ReplyState(Redactor([Secret(KEY)]))
    for name in (KEY[:20], KEY[20:]):
        call = {"index": 0, "id": KEY, "function": {"name": name, "arguments": name}}
        state.handle_chunk(build_chunk({"tool_calls": [call]}, model=KEY, finish_reason=KEY))
    assert KEY not in repr(state.read_fields())


@pytest.mark.parametrize("wrong", [5, True, {"a": 1}, [[1]], [None], "text", float("nan"), -(10**300)])
def test_wrong_types_are_nothing(wrong: object) -> None:
    """The SDK checks nothing that it passes on, and the step must not end with a traceback of ours."""
    state = ReplyState(Redactor([]))
    call = {"index": wrong, "id": wrong, "function": {"name": wrong, "arguments": wrong}}
    fields = {"content": wrong, "refusal": wrong, "reasoning_content": wrong, "tool_calls": [call]}
    usage = {"prompt_tokens": 1, "completion_tokens": str(wrong), "prompt_tokens_details": wrong}
    for chunk in (
        wrong,
        {"model": wrong, "choices": wrong, "usage": wrong},
        build_chunk({"tool_calls": wrong}),
        build_chunk(fields, finish_reason=wrong, usage=usage),
    ):
        state.handle_chunk(chunk)
    assert state.text == (wrong if isinstance(wrong, str) else "")
    assert state.usage == Usage(prompt_tokens=1, completion_tokens=0)


def test_content_may_come_in_parts() -> None:
    """Some servers send a list of them; only their texts are read."""
    state = ReplyState(Redactor([]))
    state.handle_chunk(build_chunk({"content": [{"type": "text", "text": "Hel"}, {"type": "x"}, {"text": "lo"}]}))
    assert state.text == "Hello"


def test_tool_calls_are_put_together_by_index() -> None:
    """Their arguments come in pieces."""
    state = ReplyState(Redactor([]))
    for arguments in ('{"city"', ': "Oslo"}'):
        call = {"index": 0, "id": "c1", "function": {"name": None, "arguments": arguments}}
        state.handle_chunk(build_chunk({"content": None, "tool_calls": [call]}))
    assert state.read_fields()["tool_calls"][0].arguments == '{"city": "Oslo"}'


@pytest.mark.parametrize("text", ['{"a": 1}', 'Here:\n```json\n{"a": 1}\n```\nDone.'])
def test_json_is_read_from_the_text_or_its_fence(text: str) -> None:
    """Models like to wrap JSON in a fence."""
    assert Reply(build_step(text)).json() == {"a": 1}


def test_json_of_prose_says_what_to_ask_for() -> None:
    """Not a bare JSONDecodeError."""
    with pytest.raises(InputError, match="--json"):
        Reply(build_step("Sorry.")).json()


def test_code_is_the_first_fenced_block() -> None:
    """Without its fence, whatever kind of fence it is."""
    reply = Reply(build_step("Text\n~~~python\nprint(1)\n~~~\n```\nno\n```"))
    assert reply.code == "print(1)\n"
    assert Reply(build_step("none")).code is None


def test_figures_come_from_the_step() -> None:
    """Latencies are seconds; an answer cut off at its limit is partial."""
    reply = Reply(build_step("x", first_token_at=10.5, finish_reason="length", cost=0.01))
    assert (reply.latency, reply.time_to_first_token, reply.cost, reply.is_partial) == (2.5, 0.5, 0.01, True)


def test_text_is_what_prints() -> None:
    """So that {{ steps["/a"] }} and print(_) give the answer."""
    assert f"{Reply(build_step('Hello'))}" == "Hello"
    assert "Hello" in repr(Reply(build_step("Hello")))


@pytest.mark.parametrize("text", ["`" * 1_000_000, "".join("`" * count + "\n" for count in range(1_000, 2, -1))])
def test_fences_that_nothing_closes_are_no_code(text: str) -> None:
    """Nor do they take forever to look through."""
    assert Reply(build_step(text)).code is None


def test_endless_answer_has_an_end() -> None:
    """What had arrived is kept; the kernel's memory is not filled with the rest."""
    state = ReplyState(Redactor([]))
    with pytest.raises(IncompleteAnswerError, match="answer is longer than 10,000,000 characters"):
        for _ in range(3):
            state.handle_chunk(build_chunk({"content": "word " * 800_000}))
    assert len(state.text) == 12_000_000


def test_endless_calls_have_an_end() -> None:
    """Their arguments are no text of the answer, and fill the memory as well."""
    state = ReplyState(Redactor([]))
    call = {"index": 0, "id": "", "function": {"name": "", "arguments": "1" * 50_000}}
    with pytest.raises(IncompleteAnswerError, match="calls of tools are longer than 1,000,000 characters"):
        for _ in range(30):
            state.handle_chunk(build_chunk({"tool_calls": [call]}))
