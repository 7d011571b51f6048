"""The demo's answers: Markdown about what was asked, made by rules and not by a language model.

Pure: the same request gives the same answer. What is said is taken from the request (its topic, its words, the
modules of an earlier outline), so that a demonstration shows the context at work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heliconemagic.demo.schema_filler import build_json_answer
from heliconemagic.demo.task import NOTICE, Kind, Task, Turn, read_task
from heliconemagic.demo.tool_caller import Call, build_calls, build_told
from heliconemagic.demo.writers import WRITERS

SAMPLE_HEADER = "Demo-Sample"
"""The header that counts identical requests: a model draws lots, the demo is told which one."""

TOLD = "I called the functions you offered; this is what they gave:"
MAX_QUOTE_LENGTH = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoAnswer:
    """A whole answer, before it is cut into tokens."""

    text: str
    reasoning: str
    calls: tuple[Call, ...] = ()  # of tools; then there is no text


def build_demo_answer(body: Mapping[str, Any], sample: str = "") -> DemoAnswer:
    """The demo's answer to the JSON ``body`` of a chat completion request; another one for another ``sample``."""
    task = read_task(body, sample)
    if calls := build_calls(body, task.prompt):
        return DemoAnswer(text="", reasoning=_build_reasoning(task), calls=tuple(calls))
    told = build_told(body.get("messages"))
    if told and not task.response_format:
        return DemoAnswer(text=f"*{NOTICE} {TOLD}*\n\n{told}\n", reasoning=_build_reasoning(task))
    if task.kind is Kind.JSON:
        text = build_json_answer(task.response_format, topic=task.topic, keywords=task.keywords, notice=NOTICE)
    else:
        text = f"{_build_first_line(task.turns)}\n\n{WRITERS[task.kind](task)}\n"
    return DemoAnswer(text=text, reasoning=_build_reasoning(task))


def _build_first_line(turns: Sequence[Turn]) -> str:
    if not turns:
        return f"*{NOTICE} I was sent no messages.*"
    before = [turn.role for turn in turns[:-1]]
    counts = [
        (before.count("system") + before.count("developer"), "system"),
        (before.count("user"), "from you before this"),
        (before.count("assistant"), "earlier answers" if before.count("assistant") > 1 else "earlier answer"),
        (before.count("tool"), "about tools"),
    ]
    listed = ", ".join(f"{count} {words}" for count, words in counts if count)
    sent = f"{len(turns)} messages ({listed}); the last one" if len(turns) > 1 else "1 message; it"
    return f"*{NOTICE} I was sent {sent} {_build_attached(turns[-1].attached)}{_quote(turns[-1].text)}*"


def _build_attached(attached: Sequence[str]) -> str:
    """What came along, and that nobody looks at it here."""
    if not attached:
        return ""
    count = "an attachment" if len(attached) == 1 else f"{len(attached)} attachments"
    listed = _escape("; ".join(attached[:3]) + ("; …" if len(attached) > 3 else ""))
    return f"has {count} ({listed}), which I cannot look into, and "


def _quote(text: str) -> str:
    line = " ".join(text.split())
    if not line:
        return "is empty."
    if len(line) > MAX_QUOTE_LENGTH:
        line = line[: MAX_QUOTE_LENGTH - 1].rsplit(" ", 1)[0] + "…"
    return f"says: “{_escape(line)}”"


def _escape(line: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>$|~&])", r"\\\1", line)


def _build_reasoning(task: Task) -> str:
    used = f"There are {len(task.answers)} earlier answers to take up. " if task.answers else ""
    return (
        f"{NOTICE} No thought is behind these words; they show where reasoning appears. "
        f"The prompt asks for {task.kind}, and it is about {task.topic}. {used}"
        "First the frame, then the parts, then a last look at whether it fits the question."
    )
