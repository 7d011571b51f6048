"""``--messages NAME``: role messages that are sent before the conversation."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attachment_samples import build_png
from notebooks_in_process import Bench
from openai.types.chat import ChatCompletionMessage

from heliconemagic.attachments.attachment import list_attachments
from heliconemagic.attachments.recognising import recognise_messages
from heliconemagic.attachments.wire import build_wire_messages
from heliconemagic.cards import build_reply
from heliconemagic.errors import InputError
from heliconemagic.lines.keywords import parse_cell_keywords
from heliconemagic.planning.describing import describe_plan
from heliconemagic.records import Cell

SHOTS = [{"role": "user", "content": "2 + 2"}, {"role": "assistant", "content": "four"}]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A notebook with the demo."""
    opened = Bench(tmp_path, None, {})
    opened.open('"Lesson" --gateway demo')
    yield opened
    opened.close()


def plan_messages(bench: Bench, shots: Any, line: str = "/x --messages shots", prompt: str = "3 + 3") -> list[Any]:
    """What would be sent."""
    return list(bench.plan(line, prompt, names={"shots": shots}).request.messages)


def test_examples_stand_between_system_prompt_and_conversation(bench: Bench) -> None:
    """System prompt, examples, the chain of earlier turns, the prompt."""
    bench.run("/sums", "1 + 1")
    sent = plan_messages(bench, SHOTS, "/sums/more -s Brief. --messages shots")
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert [sent[place]["content"] for place in (0, 1, 3, 5)] == ["Brief.", "2 + 2", "1 + 1", "3 + 3"]


def test_examples_belong_to_their_step_alone(bench: Bench) -> None:
    """A step that continues it has its prompt and answer in its context, not the examples."""
    bench.run("/sums --messages shots", "3 + 3", names={"shots": SHOTS})
    sent = plan_messages(bench, [], "/sums/more")
    assert [message["content"] for message in sent[::2]] == ["3 + 3", "3 + 3"]


def test_objects_of_openai_and_calls_of_tools_are_taken(bench: Bench) -> None:
    """As an agent's own history has them."""
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    shots = [
        {"role": "user", "content": "2 + 2"},
        ChatCompletionMessage.model_validate({"role": "assistant", "tool_calls": [call]}),
        {"role": "tool", "tool_call_id": "c1", "content": "4"},
        ChatCompletionMessage(role="assistant", content="four"),
    ]
    sent = plan_messages(bench, shots)
    assert sent[1] == {"role": "assistant", "tool_calls": [call]}
    assert sent[3] == {"role": "assistant", "content": "four"}


def test_images_in_examples_are_attachments(bench: Bench) -> None:
    """Referred to by hash like those of -a, and shown in a dry run by their size."""
    url = "data:image/png;base64," + base64.b64encode(build_png()).decode()
    parts = [{"type": "text", "text": "Which?"}, {"type": "image_url", "image_url": {"url": url}}]
    plan = bench.plan("/x --messages shots", names={"shots": [{"role": "user", "content": parts}, SHOTS[1]]})
    assert list_attachments(plan.step.messages[0])[0].width == 8
    assert list(plan.request.attachments.values()) == [build_png()]
    assert any(line.startswith("attached shots-0-content-1.png") for line in describe_plan(plan))


def test_what_was_sent_can_be_an_example(bench: Bench, tmp_path: Path) -> None:
    """Another reply's `.messages`, attached texts and the detail of images included."""
    (tmp_path / "notes.md").write_text("bees dance")
    bench.run("/look -a chart -a notes.md", "What?", names={"chart": build_png()})
    assert bench.notebook.session is not None
    sent = [dict(message) for message in build_reply(bench.notebook.session, bench.last).messages]
    sent[0]["content"][1]["image_url"]["detail"] = "low"
    plan = bench.plan("/x --fresh --messages shots", names={"shots": sent})
    image, notes = list_attachments(plan.step.messages[0])
    assert (image.detail, notes.name) == ("low", "notes.md")
    assert build_wire_messages(plan.step.messages[:1], plan.request.attachments.get) == sent


@pytest.mark.parametrize(
    ("shots", "told"),
    [
        ("text", r"'shots' is of type str, and should be a list"),
        ({"role": "user"}, r"type dict"),
        ([], r"an empty list"),
        ([*SHOTS, "Hi"], r"shots\[2\] is of type str, and should be a dict"),
        ([{"role": "boss", "content": "x"}], r"(?s)shots\[0\] has the role 'boss'.*system, developer, user"),
        ([{"content": "x"}], r"shots\[0\] has the role None"),
        ([{"role": "user"}], r"shots\[0\] has no 'content'"),
        ([{"role": "user", "content": 3}], r"shots\[0\] has content of type int"),
        ([{"role": "user", "content": [{"type": "video"}]}], r"shots\[0\]\['content'\]\[0\] has the type 'video'"),
        ([{"role": "user", "content": [{"type": "text"}]}], r"\[0\] has no 'text'"),
        ([{"role": "user", "content": "x", "extra": object()}], r"holds something that is no JSON"),
        ([{"role": "tool", "content": "4"}], r"names no 'tool_call_id'"),
        ([{"role": "tool", "tool_call_id": "c1", "content": "4"}], r"answers 'c1', which nobody asked for"),
        (
            [{"role": "assistant", "tool_calls": [{"id": "c1"}]}, SHOTS[0]],
            r"shots\[0\] asks for the call 'c1', and no message answers it",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.example/x.png"}}]}],
            r"(?s)is an address.*--allow-url",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,!"}}]}],
            r"(?s)cannot be read.*base64",
        ),
    ],
)
def test_what_is_no_message_is_refused_by_its_index(bench: Bench, shots: Any, told: str) -> None:
    """With what it should be, before anything is sent."""
    with pytest.raises(InputError, match=told):
        plan_messages(bench, shots)


def test_two_system_prompts_are_refused(bench: Bench) -> None:
    """One in the list is fine alone."""
    shots = [{"role": "developer", "content": "Brief."}, *SHOTS]
    assert plan_messages(bench, shots)[0] == shots[0]
    with pytest.raises(InputError, match=r"(?s)shots\[0\] is a system message.*or out of -s"):
        plan_messages(bench, shots, "/x -s Long. --messages shots")
    bench.open('"Course" -s "The session\'s."')
    assert plan_messages(bench, shots, "/x -s '' --messages shots")[0] == shots[0]


def test_an_unknown_variable_is_told_with_an_example(bench: Bench) -> None:
    """As it could be typed in a cell."""
    with pytest.raises(InputError, match=r"(?s)no such variable.*shots = \[\{"):
        bench.plan("/x --messages shots")


def test_python_hands_the_values_over_themselves(bench: Bench, tmp_path: Path) -> None:
    """`session.ask(…, attach=[fig, "chart.png"], messages=shots)` needs no names."""
    (tmp_path / "chart.png").write_bytes(build_png(9, 9))
    command = parse_cell_keywords(
        "/x", {"attach": [build_png(), "chart.png", tmp_path / "chart.png"], "messages": SHOTS}
    )
    plan = bench.notebook.plan(command, "3 + 3", names={}, cell=Cell(id="c", run=1))
    assert [message["role"] for message in plan.step.messages] == ["user", "assistant", "user"]
    assert [found.name for found in list_attachments(plan.step.messages[-1])] == ["bytes.png", "chart.png", "chart.png"]
    assert parse_cell_keywords("/x", {"attach": "chart.png"}).attachments == ("chart.png",)


def test_messages_of_other_clients_are_recorded_by_hash() -> None:
    """What would be sent again as it was; a part with something of its own stays as it stands."""
    url = "data:image/png;base64," + base64.b64encode(build_png()).decode()
    plain = {"type": "image_url", "image_url": {"url": url}}
    marked = {**plain, "prompt_cache_breakpoint": {"mode": "explicit"}}
    odd = {"type": "image_url", "image_url": {"url": "data:image/png;base64,!"}}
    messages, found = recognise_messages([{"role": "user", "content": [plain, marked, odd]}])
    assert [part["type"] for part in messages[0]["content"]] == ["attachment", "image_url", "image_url"]
    assert list(found.values()) == [build_png()]
