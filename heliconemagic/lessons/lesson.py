"""A recorded lesson in memory: its answers, and which of them belongs to a request. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from heliconemagic.attachments.examples import SYSTEM_ROLES
from heliconemagic.records import Message, Origin, OriginKind, Step, StepKind, StepStatus, ToolCall
from heliconemagic.settings import RequestOptions
from heliconemagic.steps.conversation import build_fingerprint
from heliconemagic.usage import Usage

Piece = tuple[float, int, int]
"""What had arrived at a moment: seconds since the request, characters of reasoning, characters of text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One answer of a lesson, with the request it belongs to."""

    id: str  # of the step, hashed: ties its line to nothing but this file
    key: str = ""  # of one that is played: equal for identical requests, whatever gateway they go to
    bare_key: str = ""  # the same of the request without its system prompt; empty where nobody may leave that out
    path: str
    model: str
    messages: tuple[Message, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    answered_by: str | None = None
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    cost: float | None = None  # USD, what it cost then
    recorded_at: float  # seconds since the epoch
    first_token: float | None = None  # seconds since the request
    seconds: float | None = None  # until its end; None: not known
    pieces: tuple[Piece, ...] = ()  # oldest first; empty: not known

    @property
    def prompt(self) -> str:
        """What the cell said."""
        return read_prompt(self.messages)

    @property
    def spoken_by(self) -> str:
        """The model that answered."""
        return self.answered_by or self.model


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonHead:
    """The first line of a lesson: what its session needs to be played again."""

    id: str  # of the session, hashed
    title: str
    recorded_at: float
    is_export: bool = False  # the file has everything of its session, which only an export writes
    options: RequestOptions = field(default_factory=RequestOptions)  # model, system, temperature, parameters, context
    fills_system: bool = False  # its system prompt is a template, and is left out: the messages have what it said


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A lesson as it was read from its file."""

    name: str  # the file's, without its folder
    head: LessonHead
    recordings: tuple[Recording, ...] = ()

    def find(self, key: str, taken: Iterable[str] = ()) -> Recording | None:
        """The answer to the request of ``key``.

        Where there are several they come in the order in which they were recorded: the first whose text isn't among
        ``taken``, the answers that other steps have had; once all are taken the last one again.
        """
        matching = [found for found in self.recordings if found.key == key]
        matching = matching or [found for found in self.recordings if found.bare_key == key]
        used = Counter(taken)
        for recording in matching:
            if not used[recording.text]:
                return recording
            used[recording.text] -= 1
        return matching[-1] if matching else None

    def find_similar(self, path: str, messages: Sequence[Message]) -> Recording | None:
        """The last answer at ``path`` to the same prompts, whatever was answered to the earlier ones, by any model.

        Where ``messages`` have no system prompt, the recorded one is passed over.
        """
        asked = _list_asked(messages)
        same = (recording for recording in self.recordings if recording.path == path)
        has_system = drop_system(messages) != tuple(messages)
        return next(
            (
                found
                for found in reversed([*same])
                if _list_asked(found.messages if has_system else drop_system(found.messages)) == asked
            ),
            None,
        )

    def find_at(self, path: str) -> Recording | None:
        """The last answer at ``path``."""
        return next((found for found in reversed(self.recordings) if found.path == path), None)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that answered, each once."""
        return tuple(dict.fromkeys(recording.spoken_by for recording in self.recordings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """A recorded answer that is about to be given, and how fast."""

    recording: Recording
    source: str  # the lesson's name
    pace: float = 1.0  # times the recorded speed; 0: at once

    def build_origin(self, kind: OriginKind, reason: str = "") -> Origin:
        """Where the answer comes from, for the step that gets it."""
        return Origin(kind=kind, answered_at=self.recording.recorded_at, source=self.source, reason=reason)


current_playing: ContextVar[Playing | None] = ContextVar("heliconemagic_playing", default=None)
"""The recording that answers the request of this task: the SDK offers no way to pass one along."""


def build_key(model: str, messages: Sequence[Message], parameters: Mapping[str, Any]) -> str:
    """A hash that is equal for identical requests to whatever server."""
    return build_fingerprint("", model, messages, parameters)


def drop_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    """``messages`` without a system prompt."""
    return tuple(message for message in messages if message.get("role") not in SYSTEM_ROLES)


def read_prompt(messages: Sequence[Message]) -> str:
    """The text of the last message."""
    content = messages[-1].get("content") if messages else ""
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping)).strip()
    return content if isinstance(content, str) else ""


def _list_asked(messages: Sequence[Message]) -> list[Message]:
    return [message for message in messages if message.get("role") != "assistant"]


def is_lesson_step(step: Step) -> bool:
    """Whether a step belongs into a lesson: an answer that ended, of a model, not kept out of the journal."""
    return step.kind is StepKind.LLM and step.status is StepStatus.DONE and step.is_recorded


def build_recording(step: Step, pieces: Sequence[Piece] = ()) -> Recording:
    """What a lesson keeps of ``step``."""
    was_asked = step.origin is None  # else its times are those of a stand-in
    return Recording(
        id=hash_id(step.id),
        path=step.path,
        model=step.model,
        messages=step.messages,
        parameters=step.parameters,
        answered_by=step.answered_by,
        text=step.text,
        reasoning=step.reasoning,
        refusal=step.refusal,
        tool_calls=step.tool_calls,
        finish_reason=step.finish_reason,
        usage=step.usage,
        cost=step.cost,
        recorded_at=step.started_at if step.origin is None else step.origin.answered_at,
        first_token=step.time_to_first_token if was_asked or pieces else None,
        seconds=step.latency if was_asked or pieces else None,
        pieces=tuple(pieces),
    )


def hash_id(value: str) -> str:
    """A short name for an id that doesn't give it away."""
    import hashlib

    return hashlib.sha256(f"lesson:{value}".encode()).hexdigest()[:16]


def list_current(steps: Iterable[Step], superseded: Iterable[str] = ()) -> list[Step]:
    """The steps of a session that a lesson of it has."""
    left_out = set(superseded)
    return [
        step for step in steps if is_lesson_step(step) and not step.is_superseded and hash_id(step.id) not in left_out
    ]
