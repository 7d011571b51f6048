"""Cells with `--tools`: the loop, what is recorded and shown of it, and what continues it."""

from __future__ import annotations

import io
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from fake_helicone import HELICONE_KEY, PROVIDER_KEY, FakeHelicone
from notebooks_in_process import BOTH_KEYS, Bench
from shells import Ran, Shell

from heliconemagic.cli.main import main
from heliconemagic.errors import BudgetError, IncompleteAnswerError, InputError, StepInterrupted

DEFINE = '''
called = []
def weather(city: str) -> dict:
    """The weather."""
    called.append(city)
    if city == "Oslo":
        raise ValueError("no such city")
    return {"city": city, "degrees": 18}
async def later(city: str) -> str:
    """The weather, later."""
    called.append(city)
    return f"mild in {city}"
'''


@pytest.fixture
def room(shell: Shell, helicone: FakeHelicone, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell whose session is at the fake Helicone, with functions to offer."""
    monkeypatch.setenv("OPENAI_API_KEY", PROVIDER_KEY)
    monkeypatch.setenv("HELICONE_API_KEY", HELICONE_KEY)
    shell.run(f'%helicone_session "Tools" --gateway {helicone.url}')
    shell.run(DEFINE)
    return shell


def run(shell: Shell, line: str, prompt: str = "How is it in Paris?") -> Ran:
    """Runs a cell that must succeed."""
    ran = shell.run(f"%%llm {line}\n{prompt}")
    assert ran.error is None, ran.printed
    return ran


def list_roles(body: dict[str, Any]) -> list[str]:
    """Who speaks in a request."""
    return [message["role"] for message in body["messages"]]


def test_the_loop_ends_with_an_answer(room: Shell, helicone: FakeHelicone) -> None:
    """The function is called, its result sent with the call it belongs to, and the answer is the cell's."""
    run(room, "/plan --tools weather -m toolcall-1")
    first, second = (sent.json for sent in helicone.completions)
    assert first["tools"][0]["function"]["name"] == "weather"
    assert list_roles(second) == ["user", "assistant", "tool"]
    assert second["messages"][1]["tool_calls"][0]["id"] == second["messages"][2]["tool_call_id"] == "call_1"
    assert second["messages"][2]["content"] == '{"city": "Paris", "degrees": 18}'
    assert (room.variables["called"], room.variables["_"].text) == (["Paris"], "Hello!")


def test_one_card_with_the_sums(room: Shell) -> None:
    """Calls are folded in the card, and the figures are those of all requests."""
    ran = run(room, "/plan --tools weather -m toolcall-2")
    (display,) = ran.displays
    html = display.bundle["text/html"]
    assert html.count("<details") - html.count('<details class="hm-call') == 2
    assert html.count("<code>weather(city=&quot;Paris&quot;)</code>") == 2
    assert "3 requests, 2 tool calls" in html
    assert room.variables["_"].usage.total_tokens == 24
    assert "nothing answered" not in html


def test_an_error_is_told_to_the_model(room: Shell, helicone: FakeHelicone) -> None:
    """The cell goes on; the card shows the error and where it was raised."""
    ran = run(room, "/plan --tools weather -m twocalls")
    results = [message["content"] for message in helicone.completions[1].json["messages"] if message["role"] == "tool"]
    assert results == ['{"city": "Paris", "degrees": 18}', "error: ValueError: no such city"]
    assert "raised in line 6 of weather()" in ran.text("text/html")


@pytest.mark.parametrize(
    ("model", "told", "path"),
    [
        ("badcall", "error: the arguments are not valid JSON", "/plan/tools/weather"),
        ("oddcall", "error: there is no such tool; there is weather", "/plan/tools/unknown"),
    ],
)
def test_calls_that_cannot_be_made(room: Shell, helicone: FakeHelicone, model: str, told: str, path: str) -> None:
    """The model is told; nothing is called, and the failed call is a step all the same."""
    ran = run(room, f"/plan --tools weather -m {model}")
    assert helicone.completions[1].json["messages"][-1]["content"].startswith(told)
    assert room.variables["called"] == []
    assert path in room.run("%helicone_session show").text()
    assert "<b>" not in ran.text("text/html")


def test_the_loop_has_a_limit(room: Shell, helicone: FakeHelicone) -> None:
    """A model that never stops fails the cell; what was called is kept."""
    ran = room.run("%%llm /plan --tools weather --tool-rounds 3 -m toolcall\nGo")
    assert isinstance(ran.error, IncompleteAnswerError)
    assert "--tool-rounds 6" in str(ran.error)
    assert (len(helicone.completions), room.variables["called"]) == (3, ["Paris", "Paris"])
    assert ran.text("text/html").count('class="hm-call') == 2
    assert "failed" in room.run("%helicone_session show").text()


def test_more_calls_than_anyone_means_are_not_made(room: Shell, helicone: FakeHelicone) -> None:
    """Each is a function that runs: an answer with hundreds of calls fails the cell before the first."""
    ran = room.run("%%llm /plan --tools weather -m manycalls\nGo")
    assert isinstance(ran.error, IncompleteAnswerError)
    assert "200 calls in one answer" in str(ran.error)
    assert (len(helicone.completions), room.variables["called"]) == (1, [])


def test_error_of_a_tool_is_told_in_part(room: Shell, helicone: FakeHelicone) -> None:
    """An error that quotes megabytes doesn't cost them at each round, and neither text nor card has the key in it."""
    room.run(f"def weather(city): raise ValueError('y' * 1_990 + {PROVIDER_KEY!r} + 'z' * 1_000_000)")
    ran = run(room, "/plan --tools weather -m toolcall-1")
    told = helicone.completions[1].json["messages"][-1]["content"]
    assert len(told) < 2_100 and PROVIDER_KEY[:8] not in told
    assert "1,002,0" in ran.text("text/html") and PROVIDER_KEY[:8] not in ran.text("text/html")


def test_a_forced_choice_holds_once(room: Shell, helicone: FakeHelicone) -> None:
    """Forced at every round, no answer would come."""
    run(room, "/plan --tools weather -o tool_choice required -m toolcall-1")
    assert [sent.json["tool_choice"] for sent in helicone.completions] == ["required", "auto"]


def test_async_functions(room: Shell, helicone: FakeHelicone) -> None:
    """They are awaited, also where the cell cannot be."""
    room.run("weather = later")
    run(room, "/plan --tools weather -m twocalls")
    results = [message["content"] for message in helicone.completions[1].json["messages"] if message["role"] == "tool"]
    assert results == ["mild in Paris", "mild in Oslo"]


def test_functions_run_on_the_thread_of_the_cell(room: Shell) -> None:
    """Prints, plots and connections of a thread work as in a cell."""
    room.variables["threading"] = threading
    room.run("def weather(city): print('here', threading.current_thread().name)")
    assert "here MainThread" in run(room, "/plan --tools weather -m toolcall-1").printed


def test_the_next_step_continues_the_whole_turn(room: Shell, helicone: FakeHelicone) -> None:
    """A conversation with calls and without their results would be refused."""
    run(room, "/plan --tools weather -m toolcall-1")
    run(room, "/plan/next", "And?")
    body = helicone.completions[2].json
    assert list_roles(body) == ["user", "assistant", "tool", "assistant", "user"]
    assert body["messages"][3]["content"] == "Hello!"
    assert "tools" not in body


def test_running_again_replaces_the_whole_turn(room: Shell) -> None:
    """Requests and calls of the earlier run are superseded, and nothing of it is sent."""
    room.run('%helicone_session "Again" --gateway demo -m demo-fast')
    for _ in range(2):
        run(room, "/plan --tools weather")
    assert room.run("%helicone_session show").text().count("· superseded") == 3  # two requests and a call
    assert list_roles({"messages": room.variables["_"].messages}) == ["user", "assistant", "tool"]


def test_keys_stay_out_of_results(room: Shell, helicone: FakeHelicone) -> None:
    """A result that holds a key reaches neither model nor notebook."""
    room.variables["key"] = PROVIDER_KEY
    room.run("def weather(city): return {'config': key}")
    ran = run(room, "/plan --tools weather -m toolcall-1")
    assert helicone.completions[1].json["messages"][-1]["content"] == '{"config": "[redacted]"}'
    assert PROVIDER_KEY not in str(ran.shown)


def test_a_call_is_a_step_of_its_own(room: Shell) -> None:
    """The tree has it below the cell's path, and `show` brings it back."""
    run(room, "/plan --tools weather -m toolcall-1")
    assert "Tool · done" in room.run("%helicone_session show").text()
    shown = room.run("%helicone_session show /plan/tools/weather").text()
    assert 'weather(city="Paris") → {"city": "Paris", "degrees": 18}' in shown


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--tools nope", "the notebook has no 'nope'"),
        ("--tools weather -o tools []", "--tools and -o tools contradict"),
        ("--approve", "there are none"),
        ("--tool-rounds 3", "there are none"),
        ("--tools weather --approve -q", "-q shows nothing"),
        ("--tools weather --approve", "nobody sits here"),
        ("--tools weather --bg", "keep one of them"),
        ("--tools weather --tool-rounds 0", "from 1 to 100"),
        ("--tools weather, --dry-run", "names of functions"),
    ],
)
def test_what_makes_no_sense_is_refused(room: Shell, helicone: FakeHelicone, line: str, message: str) -> None:
    """Before anything is sent."""
    ran = room.run(f"%%llm /plan {line}\nGo")
    assert isinstance(ran.error, InputError)
    assert message in str(ran.error)
    assert helicone.completions == []


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        """They sit there."""
        return True


@pytest.mark.parametrize(
    ("typed", "told", "called"),
    [
        ("r\ns\n", ['{"city": "Paris", "degrees": 18}', "The user declined this call."], ["Paris"]),
        ("what?\nSKIP\nyes\n", ["The user declined this call.", "error: ValueError: no such city"], ["Oslo"]),
    ],
)
def test_asking_in_words(
    room: Shell, helicone: FakeHelicone, monkeypatch: pytest.MonkeyPatch, typed: str, told: list[str], called: list[str]
) -> None:
    """Where no button can be clicked the question is typed, until the answer is one."""
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    ran = run(room, "/plan --tools weather --approve -m twocalls")
    results = [message["content"] for message in helicone.completions[1].json["messages"] if message["role"] == "tool"]
    assert (results, room.variables["called"]) == (told, called)
    assert 'weather(city="Paris")' in ran.printed
    assert "→ skipped" in ran.text()


def test_stopping_in_words(room: Shell, helicone: FakeHelicone, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing more is called or sent, and the cell fails."""
    monkeypatch.setattr(sys, "stdin", Terminal("r\nx\n"))
    ran = room.run("%%llm /plan --tools weather --approve -m twocalls\nGo")
    assert isinstance(ran.error, StepInterrupted)
    assert (room.variables["called"], len(helicone.completions)) == (["Paris"], 1)
    assert "asked for weather" in ran.text()


def test_functions_from_python(room: Shell, helicone: FakeHelicone) -> None:
    """`ask` takes the functions themselves, and awaits those that are async."""
    room.run("import heliconemagic\nsession = heliconemagic.session()")
    ran = room.run("reply = session.ask('/plan', 'Go', tools=[weather, later], model='toolcall-1')")
    assert ran.error is None, ran.printed
    assert [tool["function"]["name"] for tool in helicone.completions[0].json["tools"]] == ["weather", "later"]
    assert (room.variables["reply"].text, room.variables["called"]) == ("Hello!", ["Paris"])


def test_kept_answers_keep_their_calls(room: Shell, helicone: FakeHelicone) -> None:
    """The very same request is answered from the journal: nothing is sent or called, and the calls are shown."""
    run(room, "/plan --fresh --tools weather -m toolcall-1")
    ran = run(room, "/other --fresh --keep --tools weather -m toolcall-1")
    assert (len(helicone.completions), room.variables["called"]) == (2, ["Paris"])
    assert 'weather(city="Paris") → {"city": "Paris", "degrees": 18}' in ran.text()
    assert list_roles({"messages": room.variables["_"].messages}) == ["user", "assistant", "tool"]


@pytest.mark.parametrize("title", ["Tools", "Later"])
def test_kept_answers_say_what_their_whole_turn_took(room: Shell, helicone: FakeHelicone, title: str) -> None:
    """In this session and in the next, and when what was kept is kept again."""
    live = run(room, "/plan --fresh --tools weather -m toolcall-1 --out live")
    room.run(f'%helicone_session "{title}" --gateway {helicone.url} --keep')
    for path in ("/other", "/third"):
        ran = run(room, f"{path} --fresh --tools weather -m toolcall-1 --out kept")
        assert "10 → 6 tokens" in live.text() and "10 → 6 tokens" in ran.text()
        assert room.variables["kept"].usage == room.variables["live"].usage
    assert len(helicone.completions) == 2


def test_the_turn_survives_a_restart(room: Shell, helicone: FakeHelicone) -> None:
    """Resumed from the journal, a step continues the turn with its calls, and the first run shows it again."""
    source = "%%llm /plan --tools weather -m toolcall-1\nGo"
    room.run(source)
    room.run("%unload_ext heliconemagic\n%load_ext heliconemagic")
    room.run(f'%helicone_session "Tools" --gateway {helicone.url} --resume')
    again = room.run(source)
    assert 'weather(city="Paris")' in again.text()
    run(room, "/plan/next", "And?")
    assert len(helicone.completions) == 3
    assert list_roles(helicone.completions[2].json) == ["user", "assistant", "tool", "assistant", "user"]


def test_each_round_is_checked(tmp_path: Path, helicone: FakeHelicone) -> None:
    """What tools gave may be too dear to send on, or hold a key: it is refused like any request."""
    bench = Bench(tmp_path, helicone, BOTH_KEYS)
    bench.open('"Tools" --gateway oai --budget 0.001 -m gpt-4o-mini')
    plan = bench.plan("/plan --tools weather", names={"weather": lambda city: city})
    bench.notebook.plan_round(plan, [{"role": "tool", "content": "rain"}])
    with pytest.raises(BudgetError, match="would be exceeded"):
        bench.notebook.plan_round(plan, [{"role": "tool", "content": "rain " * 40_000}])
    with pytest.raises(InputError, match="one of your keys"):
        bench.notebook.plan_round(plan, [{"role": "tool", "content": PROVIDER_KEY}])
    bench.close()


def test_a_schema_and_tools_together(room: Shell, helicone: FakeHelicone) -> None:
    """The answer after the calls is the one that has to fit."""
    helicone.gateway.text = '{"city": "Paris", "degrees": 18}'
    ran = run(room, '/plan --tools weather --schema "city, degrees int" -m toolcall-1')
    assert room.variables["_"].parsed == {"city": "Paris", "degrees": 18}
    assert [("tools" in sent.json, "response_format" in sent.json) for sent in helicone.completions] == [
        (True, True)
    ] * 2
    assert 'class="hm-call' in ran.text("text/html")


def test_what_tools_give_is_escaped(room: Shell) -> None:
    """Hostile results are text in every form."""
    room.run("def weather(city): return '<img src=x onerror=alert(1)>\\x1b[31m `rm` | ![x](http://evil.example/x)'")
    ran = run(room, "/plan --tools weather -m toolcall-1")
    assert "<img src=x" not in ran.text("text/html")
    outside = ran.text("text/markdown").split("```")[::2]
    assert not any("<img" in part or "![x]" in part for part in outside)
    assert "\x1b" not in ran.text()


def test_the_command_shows_calls(room: Shell, world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a terminal a request has its calls below it, and each call its own section with the whole error."""
    run(room, "/plan --tools weather -m twocalls")
    room.run("%unload_ext heliconemagic\n%load_ext heliconemagic")  # what was queued is on disk
    assert main(["show", "Tools"]) == 0
    shown = capsys.readouterr().out
    assert "nothing answered" not in shown
    assert "1 request, 2 tool calls" in shown
    assert "for /plan" in shown and "raised in line 6 of weather()" in shown
