"""Sessions for the exports' tests: a small one with everything in it, and long ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heliconemagic.export.session import ExportedSession, build_exported
from heliconemagic.gateways.presets import build_gateway
from heliconemagic.lessons.lesson import LessonHead, hash_id
from heliconemagic.lessons.portable import Portable
from heliconemagic.records import (
    Attempt,
    Delivery,
    DeliveryState,
    Feedback,
    SessionRecord,
    Step,
    StepKind,
    StepStatus,
    ToolCall,
)
from heliconemagic.redaction import Redactor, Secret
from heliconemagic.settings import RequestOptions
from heliconemagic.usage import Usage

SESSION = "5e551011-0000-4000-8000-000000000001"
KEY = "sk-configured-key-of-this-kernel"
RECORD = SessionRecord(
    id=SESSION,
    name="Course Creation",
    title="Course Creation ☕",
    gateway="oai",
    notebook="course",
    started_at=1_763_000_000.0,
)
SYSTEM = {"role": "system", "content": "Answer briefly."}
ATTEMPTS = (
    Attempt(request_id="11111111-1111-4111-8111-111111111111", started_at=1_763_000_001.0, ended_at=1_763_000_001.5,
            status_code=429, error="429 too many requests"),
    Attempt(request_id="22222222-2222-4222-8222-222222222222", started_at=1_763_000_002.0,
            first_byte_at=1_763_000_002.2, ended_at=1_763_000_004.0, status_code=200,
            helicone_id="33333333-3333-4333-8333-333333333333", headers={"helicone-cache": "MISS"}),
)  # fmt: skip


def user(text: str) -> dict[str, Any]:
    """A message of the user's."""
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    """An answer."""
    return {"role": "assistant", "content": text}


def build_step(number: int, path: str, *messages: dict[str, Any], text: str = "", **changes: Any) -> Step:
    """The ``number``-th step of the session: done, but for ``changes``."""
    values: dict[str, Any] = {
        "status": StepStatus.DONE,
        "gateway": "oai",
        "model": "gpt-4o-mini",
        "started_at": RECORD.started_at + number * 10,
        "first_token_at": RECORD.started_at + number * 10 + 0.5,
        "ended_at": RECORD.started_at + number * 10 + 2.25,
        "finish_reason": "stop",
        "usage": Usage(prompt_tokens=100, completion_tokens=20, cached_tokens=10, reasoning_tokens=5),
        "cost": 0.0012,
        "cell": f"cell-{number}",
        "run": 1_763_000_000_000 + number,
        "fingerprint": f"{number:064x}",
    }
    return Step(
        id=f"00000000-0000-4000-8000-{number:012d}",
        session_id=SESSION,
        path=path,
        messages=messages,
        text=text,
        **{**values, **changes},
    )


def build_steps() -> list[Step]:
    """Ten steps: a chain, one run again, one failed, one stopped, tools, a retrieval, a picture, an object."""
    first = build_step(1, "/abstract", SYSTEM, user("An abstract of tides."), text="Old tides.", is_superseded=True)
    again = build_step(
        2, "/abstract", SYSTEM, user("An abstract of the tides."), text="The Moon pulls the sea, twice a day.",
        attempts=ATTEMPTS, user="ada", properties={"team": "blue"}, parameters={"temperature": 0.2},
    )  # fmt: skip
    chain = (*again.messages, assistant(again.text))
    outline = build_step(3, "/outline", *chain, user("Now an outline."), text="# One\n\n# Two", parent_id=again.id)
    failed = build_step(
        4, "/outline/lesson-1", *chain, user("Fail."), status=StepStatus.FAILED, usage=None, cost=None,
        finish_reason=None, first_token_at=None, error="429 too many requests\n  hint: wait", parent_id=again.id,
    )  # fmt: skip
    stopped = build_step(5, "/outline/lesson-1", *chain, user("Long."), text="It beg", status=StepStatus.INTERRUPTED)
    retrieval = build_step(
        6, "/retrieve", kind=StepKind.VECTOR_DB, input='{"query": "tides"}', text='["doc 1", "doc 2"]',
        model="vector_db:search", gateway="notebook", usage=None, cost=None,
        delivery=Delivery(state=DeliveryState.ACCEPTED, helicone_id="44444444-4444-4444-8444-444444444444"),
    )  # fmt: skip
    return [first, again, outline, failed, stopped, retrieval, *_build_tool_steps(), *_build_late_steps()]


def _build_tool_steps() -> list[Step]:
    """A cell with tools: a request, a call, and the request with its result."""
    asked = {"id": "call_1", "type": "function", "function": {"name": "moon", "arguments": '{"day": 3}'}}
    tools = [{"type": "function", "function": {"name": "moon", "parameters": {"type": "object", "properties": {}}}}]
    call: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [asked]}
    round_ = build_step(
        7, "/moon", SYSTEM, user("How is the Moon?"), parameters={"tools": tools}, finish_reason="tool_calls",
        tool_calls=(ToolCall(id="call_1", name="moon", arguments='{"day": 3}'),),
    )  # fmt: skip
    called = build_step(
        8, "/moon/tools/moon", call, kind=StepKind.TOOL, model="tool:moon", gateway="notebook", text="waxing",
        parent_id=round_.id, usage=None, cost=None,
    )  # fmt: skip
    result = {"role": "tool", "tool_call_id": "call_1", "content": "waxing"}
    last = build_step(
        9,
        "/moon",
        *round_.messages,
        call,
        result,
        text="It is waxing.",
        parameters={"tools": tools},
        cell=round_.cell,
        run=round_.run,
    )
    return [round_, called, last]


def _build_late_steps() -> list[Step]:
    """A picture that goes along, and an answer that quotes an earlier one in its prompt."""
    picture = {
        "type": "attachment", "sha256": "ab" * 32, "media_type": "image/png", "name": "sea.png", "size": 2048,
        "width": 64, "height": 32, "path": "pictures/sea.png",
    }  # fmt: skip
    seen = build_step(
        10, "/picture", {"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]}, text="The sea."
    )
    quoted = build_step(
        11, "/title", user("A title for this:\nThe Moon pulls the sea, twice a day.\nShort!"), text="=Tides & <Moon>"
    )
    return [seen, quoted]


def build_feedback() -> list[Feedback]:
    """A thumb and a score of a step, and a note of the session."""
    step = f"00000000-0000-4000-8000-{2:012d}"
    return [
        Feedback(id="f1", session_id=SESSION, step_id=step, name="rating", value=True, note="clear", given_at=1.0),
        Feedback(id="f2", session_id=SESSION, step_id=step, name="accuracy", value=4, given_at=2.0),
        Feedback(id="f3", session_id=SESSION, name="rating", value=False, note="too slow", given_at=3.0),
    ]


def export(steps: Sequence[Step], feedback: Sequence[Feedback] = (), *, gateway: str = "oai") -> ExportedSession:
    """What is exported of these steps, at a machine whose user is ann."""
    return build_exported(
        RECORD,
        steps,
        head=LessonHead(
            id=hash_id(SESSION),
            title=RECORD.title,
            recorded_at=RECORD.started_at,
            options=RequestOptions(model="gpt-4o-mini", system="Answer briefly."),
        ),
        feedback=feedback,
        gateway=build_gateway(gateway, {}),
        portable=Portable({"/home/ann": "~", "/home/ann/course": "."}, Redactor([Secret(KEY)])),
    )


def build_sample() -> ExportedSession:
    """The small session."""
    return export(build_steps(), build_feedback())


def build_long(count: int) -> ExportedSession:
    """``count`` steps: lessons of a paragraph each, in chains of ten, in folders of twenty."""
    steps: list[Step] = []
    for number in range(1, count + 1):
        parent = steps[-1] if steps and number % 10 != 1 else None
        before = (*parent.messages, assistant(parent.text)) if parent else (SYSTEM,)
        prompt = user(f"Write lesson {number} of the course. " + "Explain one idea, with an example. " * 6)
        text = f"## Lesson {number}\n\n" + "The *Moon* pulls the sea, and the sea follows it `twice` a day. " * 20
        path = f"/part-{number // 20}/lesson-{number}"
        steps.append(build_step(number, path, *before, prompt, text=text, parent_id=parent.id if parent else None))
    return export(steps)
