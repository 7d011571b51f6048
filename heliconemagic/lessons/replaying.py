"""Who answers a request in a session with a recorded lesson: the recording, the gateway, or the one after the other.

Pure but for reading the lesson's file when the session begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from heliconemagic.client import Request
from heliconemagic.errors import InputError
from heliconemagic.gateways.choice import Choice, build_gateway
from heliconemagic.lessons.files import find_file, read_lesson
from heliconemagic.lessons.lesson import Lesson, LessonHead, Playing, Recording, build_key, hash_id, read_prompt
from heliconemagic.lessons.portable import Portable
from heliconemagic.records import Message, Origin, OriginKind, SessionRecord, Step
from heliconemagic.settings import RequestOptions
from heliconemagic.steps.conversation import Place, build_fingerprint

PATIENCE = 10.0
"""Seconds without text after which the recording answers under ``--fallback``."""
REPLAY = Choice(build_gateway("replay", {}), "a recorded lesson answers")

_MOST_PATHS = 12  # in an error
_LONGEST_QUOTE = 300  # characters of a recorded prompt


class HasLesson(Protocol):
    """A session, as far as it matters here."""

    lesson: LessonUse | None

    @property
    def steps(self) -> Sequence[Step]:
        """All steps, in the order in which they ran."""


class LessonMode(StrEnum):
    """What a session has its lesson for."""

    REPLAY = "replay"  # it answers
    FALLBACK = "fallback"  # it answers where the network fails


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonUse:
    """The lesson of a session, and how it is used."""

    lesson: Lesson
    mode: LessonMode
    portable: Portable
    pace: float = 1.0
    patience: float = PATIENCE

    @property
    def defaults(self) -> RequestOptions:
        """What the lesson says where the session line says nothing. The model is the recording's, and stands apart."""
        if self.mode is LessonMode.FALLBACK:
            return RequestOptions()
        return replace(self.lesson.head.options, model=None)

    @property
    def model(self) -> str | None:
        """The model of cells that name none, while the lesson answers."""
        recordings = self.lesson.recordings
        return self.lesson.head.options.model or (recordings[0].model if recordings else None)

    def play(self, recording: Recording) -> Playing:
        """``recording`` at the session's pace."""
        return Playing(recording=recording, source=self.lesson.name, pace=self.pace)


def open_lesson(options: RequestOptions, folder: Path | None, portable: Portable) -> LessonUse | None:
    """The lesson that the options of a session name; None if they name none.

    Raises:
        InputError: its file cannot be read, or is no lesson.
    """
    name = options.replay or options.fallback
    if name is None:
        return None
    return LessonUse(
        lesson=read_lesson(find_file(name, folder), portable),
        mode=LessonMode.REPLAY if options.replay else LessonMode.FALLBACK,
        portable=portable,
        pace=1.0 if options.pace is None else options.pace,
        patience=PATIENCE if options.fallback_after is None else options.fallback_after,
    )


def build_head(record: SessionRecord, options: RequestOptions, choice: Choice) -> LessonHead:
    """The first line of a lesson of this session: nothing that names its user, notebook, machine or gateway.

    A system prompt with templates in it is left out, and that is said: the line that plays it may have it, and then it
    is filled anew there. Where that has none, what was filled in stands in the recorded messages.
    """
    fills_system = bool(options.system and "{{" in options.system)
    return LessonHead(
        id=hash_id(record.id),
        title=record.title,
        recorded_at=record.started_at,
        options=RequestOptions(
            model=options.model or choice.gateway.default_model or None,
            system=None if fills_system else options.system,
            temperature=options.temperature,
            parameters=options.parameters,
            context=options.context,
        ),
        fills_system=fills_system,
    )


# ---- who answers a request


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, as far as it is the same at every gateway."""

    place: Place
    messages: Sequence[Message]
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Who answers a request: a gateway, a recording in its place, or a recording should the gateway fail."""

    choice: Choice
    model: str | None
    playing: Playing | None = None
    fallback: Playing | None = None
    notes: tuple[str, ...] = ()


def find_way(
    use: LessonUse | None,
    steps: Sequence[Step],
    asked: Asked,
    *,
    choice: Choice,
    options: RequestOptions,
    is_cells_gateway: bool,
) -> Way:
    """Who answers; ``is_cells_gateway`` says that ``choice`` is the cell's own and not the session's.

    Raises:
        InputError: only the lesson could, and it has no answer to this.
    """
    gateway_model = options.model or choice.gateway.default_model
    if use is None:
        if choice.gateway.preset == "replay":
            raise build_no_lesson_error()
        return Way(choice=choice, model=gateway_model)
    if use.mode is LessonMode.FALLBACK and choice.gateway.preset != "replay":
        fallback = _find_fallback(use, steps, asked, gateway_model)
        notes = () if fallback else (f"{use.lesson.name} has no answer to this prompt",)
        return Way(choice=choice, model=gateway_model, fallback=fallback, notes=notes)
    model = (gateway_model if is_cells_gateway else options.model) or use.model or ""
    recording = _find_recording(use, steps, asked, model)
    if recording is not None:
        return Way(choice=REPLAY, model=model, playing=use.play(recording))
    difference = _describe_difference(use, asked, model)
    if choice.gateway.preset != "replay":
        return Way(choice=choice, model=gateway_model, notes=(f"live, not from {use.lesson.name}: {difference}",))
    raise _build_changed_error(use.lesson, asked, difference)


def reroute(session: HasLesson, place: Place, request: Request, *, taken: Sequence[str] = ()) -> Request:
    """Another request of a cell, such as a later one with tools, with the recordings that belong to what it says.

    Args:
        taken: the answers that were chosen for the cell's other requests.

    Raises:
        InputError: the lesson answers the cell, and has no answer to this.
    """
    use, asked = session.lesson, Asked(place=place, messages=request.messages, parameters=request.parameters)
    if use is not None and request.playing is not None:
        recording = _find_recording(use, session.steps, asked, request.model, taken)
        if recording is None:
            raise _build_changed_error(use.lesson, asked, _describe_difference(use, asked, request.model))
        return replace(request, playing=use.play(recording))
    if use is not None and request.fallback is not None:
        playing = _find_fallback(use, session.steps, asked, request.model, taken)
        recorded = replace(request.fallback, messages=request.messages, parameters=request.parameters, playing=playing)
        return replace(request, fallback=recorded if playing else None)
    return request


def find_origin(request: Request) -> Origin | None:
    """Where the answer to ``request`` comes from, if a recording gives it."""
    return request.playing.build_origin(OriginKind.REPLAYED) if request.playing else None


def build_no_lesson_error() -> InputError:
    """The gateway ``replay`` without a lesson."""
    return InputError(
        "the gateway 'replay' answers from a recorded lesson, and this session has none.",
        hint='name its file on the session line: %helicone_session "Lesson" --replay lesson.jsonl',
    )


def _find_recording(
    use: LessonUse, steps: Sequence[Step], asked: Asked, model: str, taken: Sequence[str] = ()
) -> Recording | None:
    """The recording of the same request; the next one where other steps have had the first."""
    fingerprint = build_fingerprint(REPLAY.gateway.base_url, model, asked.messages, asked.parameters)
    others = (step for step in steps if step.fingerprint == fingerprint and not step.is_superseded)
    taken = [*taken, *(step.text for step in others if step.id not in asked.place.supersedes)]
    messages, parameters = use.portable.make_messages(asked.messages), use.portable.make(asked.parameters)
    return use.lesson.find(build_key(model, messages, parameters), taken)


def _find_fallback(
    use: LessonUse, steps: Sequence[Step], asked: Asked, model: str, taken: Sequence[str] = ()
) -> Playing | None:
    """The same request, else the same prompts at the same path: live answers are never again what was recorded."""
    found = _find_recording(use, steps, asked, model, taken)
    if found is None:
        found = use.lesson.find_similar(asked.place.path, use.portable.make_messages(asked.messages))
    return use.play(found) if found else None


def _find_nearest(use: LessonUse, asked: Asked) -> Recording | None:
    """The recording that the request probably was, before it was changed."""
    messages = use.portable.make_messages(asked.messages)
    return use.lesson.find_similar(asked.place.path, messages) or use.lesson.find_at(asked.place.path)


def _describe_difference(use: LessonUse, asked: Asked, model: str) -> str:
    """What is other than recorded, as a clause."""
    recorded = _find_nearest(use, asked)
    if recorded is None:
        return f"it has nothing at {asked.place.path}"
    messages = use.portable.make_messages(asked.messages)
    if messages[-1].get("role") == "tool":
        return "the tools gave other results than were recorded"
    if read_prompt(messages) != recorded.prompt:
        return "the prompt was changed"
    if _pick(messages, "system") != _pick(recorded.messages, "system"):
        return "the system prompt was changed"
    if _pick(messages, "user") != _pick(recorded.messages, "user"):
        return "what it continues was changed"
    if list(messages) != list(recorded.messages):
        return "it continues another answer than the recorded one"
    if model != recorded.model:
        return f"it asks {model!r}, and the recorded answer is by {recorded.model!r}"
    return "its options were changed"


def _pick(messages: Sequence[Message], role: str) -> list[Message]:
    return [message for message in messages if message.get("role") == role]


def _build_changed_error(lesson: Lesson, asked: Asked, difference: str) -> InputError:
    path = asked.place.path
    recorded = lesson.find_at(path)
    live = "to have such prompts answered live, add a --gateway to the session line"
    if recorded is None:
        paths = list(dict.fromkeys(recording.path for recording in lesson.recordings))
        known = ", ".join([*paths[:_MOST_PATHS], *(["…"] if len(paths) > _MOST_PATHS else [])]) or "nothing"
        return InputError(f"the lesson {lesson.name!r} has no answer at {path!r}.", hint=f"it has {known}; {live}")
    quoted = recorded.prompt if len(recorded.prompt) <= _LONGEST_QUOTE else recorded.prompt[:_LONGEST_QUOTE] + "…"
    return InputError(
        f"the lesson {lesson.name!r} has no answer to this prompt at {path!r}: {difference}.",
        hint=f"put back what was recorded; {live}",
        cause=f"recorded there: {quoted!r}",
    )
