"""What the demo understands of a request: its turns, what it asks for, and about what.

Only a bounded part of a long conversation is read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from heliconemagic.attachments.attachment import parse_part
from heliconemagic.demo.topic import find_keywords, find_topic

NOTICE = "Demo text, not a language model."
MAX_TURNS = 40
MAX_TURN_LENGTH = 8_000  # characters that are read of one message
T = TypeVar("T")


class Turn(NamedTuple):
    """One message, as far as it is read."""

    role: str
    text: str
    attached: tuple[str, ...] = ()  # what came along, in words


class Kind(StrEnum):
    """What sort of answer a prompt asks for."""

    JSON = "JSON"
    CODE = "code"
    OUTLINE = "an outline"
    ABSTRACT = "an abstract"
    LESSON = "a lesson"
    ANSWER = "an answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What was understood of a request."""

    turns: Sequence[Turn]
    kind: Kind
    topic: str
    keywords: Sequence[str]
    response_format: Mapping[str, Any]
    seed: str
    sample: int  # 0 for the first answer

    @property
    def prompt(self) -> str:
        """What was asked last."""
        return _find_prompt(self.turns)

    @property
    def answers(self) -> list[str]:
        """What was answered before it, oldest first."""
        return [turn.text for turn in self.turns[:-1] if turn.role == "assistant"]

    def pick(self, purpose: str, options: Sequence[T]) -> T:
        """One of ``options``: the same one for the same request and purpose, the next one for the next sample."""
        digest = hashlib.sha256(f"{self.seed}/{purpose}".encode()).digest()
        return options[(int.from_bytes(digest[:4], "big") + self.sample) % len(options)]


def read_task(body: Mapping[str, Any], sample: str) -> Task:
    """What the JSON ``body`` of a request asks for; each ``sample`` of it makes other choices."""
    turns = read_turns(body.get("messages"))
    prompt = _find_prompt(turns)
    wanted = body.get("response_format")
    response_format = wanted if isinstance(wanted, Mapping) else {}
    topic = find_topic(prompt, [_drop_first_line(turn) for turn in turns[:-1] if turn.role != "system"])
    spoken = [turn.text for turn in turns if turn.role == "user"]
    request = [body.get("messages"), body.get("model"), body.get("seed")]
    return Task(
        turns=turns,
        kind=find_kind(prompt, response_format),
        topic=topic,
        keywords=find_keywords(spoken, topic),
        response_format=response_format,
        seed=hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest(),
        sample=int(sample) - 1 if sample.isdecimal() else 0,
    )


def _find_prompt(turns: Sequence[Turn]) -> str:
    """What was asked last, before tools were called for it."""
    return next((turn.text for turn in reversed(turns) if turn.role != "tool"), "")


def read_turns(messages: Any) -> list[Turn]:
    """The last messages as plain text; content in parts is joined, anything odd reads as empty."""
    if not isinstance(messages, list):
        return []
    read = [message if isinstance(message, Mapping) else {} for message in messages[-MAX_TURNS:]]
    return [_read_turn(message) for message in read]


def _read_turn(message: Mapping[str, Any]) -> Turn:
    content = message.get("content")
    if isinstance(content, list):
        from heliconemagic.attachments.recognising import recognise_content

        content = recognise_content(content[:MAX_TURNS])
    return Turn(_read_role(message), _read_content(content), _describe_attached(content))


def _describe_attached(content: Any) -> tuple[str, ...]:
    """The parts that are no text: type, size, and a name where one was sent."""
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    return tuple(_describe_part(part) for part in parts if part.get("type") != "text")


def _describe_part(part: Mapping[str, Any]) -> str:
    attachment = parse_part(part)
    if attachment is None:
        return "an image's address" if part.get("type") == "image_url" else "something unknown"
    return attachment.describe_named() if "name" in attachment.identity else attachment.describe()


def _read_role(message: Mapping[str, Any]) -> str:
    """Who speaks; what asks for tools is no answer."""
    return "tool" if message.get("tool_calls") else str(message.get("role", "user"))


def _read_content(content: Any) -> str:
    if isinstance(content, list):
        parts = [part.get("text") for part in content[:MAX_TURNS] if isinstance(part, Mapping)]
        content = "\n".join(part[:MAX_TURN_LENGTH] for part in parts if isinstance(part, str))
    return content[:MAX_TURN_LENGTH].strip() if isinstance(content, str) else ""


def _drop_first_line(turn: Turn) -> str:
    """The text of a turn without our own first line, which quotes the prompt before it."""
    return turn.text.partition("\n")[2] if turn.text.startswith(f"*{NOTICE}") else turn.text


_MARKS = (
    (Kind.JSON, r"json"),
    (Kind.CODE, r"code|python|functions?|script|program"),
    (Kind.OUTLINE, r"outlines?|plan|list|syllabus|modules|curriculum|agenda"),
    (Kind.ABSTRACT, r"abstract|summary|summari[sz]e|tl;dr"),
    (Kind.LESSON, r"lessons?|explain|explanation|chapter|essay|introduction"),
)


def find_kind(prompt: str, response_format: Mapping[str, Any]) -> Kind:
    """What ``prompt`` asks for: the kind whose word comes first in it.

    >>> find_kind("Now create an outline based on that abstract.", {}).value
    'an outline'
    """
    if response_format.get("type") in ("json_object", "json_schema"):
        return Kind.JSON
    found = [(match.start(), kind) for kind, words in _MARKS if (match := re.search(rf"\b(?:{words})\b", prompt, re.I))]
    if found:
        return min(found)[1]
    return Kind.LESSON if re.search(r"\bwrite\b", prompt, re.I) else Kind.ANSWER
