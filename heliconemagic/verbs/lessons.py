"""What the session line says of lessons: the one that is played, and the one that is recorded."""

from __future__ import annotations

from heliconemagic.errors import InputError
from heliconemagic.gateways.choice import Choice
from heliconemagic.lessons.files import Begun, LessonWriter
from heliconemagic.lessons.replaying import REPLAY, LessonMode, LessonUse
from heliconemagic.render.clock import format_moment
from heliconemagic.render.figures import format_count
from heliconemagic.render.notice import Notice
from heliconemagic.session_state import Session


def describe_use(use: LessonUse, choice: Choice) -> list[str]:
    """The lesson of a session in lines for its notice."""
    lesson = use.lesson
    count, moment = format_count(len(lesson.recordings), "answer"), format_moment(lesson.head.recorded_at)
    by = f" by {', '.join(lesson.models)}" if lesson.models else ""
    told = f"{lesson.name}: {count}, recorded {moment}{by}"
    if use.mode is LessonMode.FALLBACK:
        return [f"fallback {told}", f"it answers if the network fails, or after {use.patience:g} s without text"]
    live = "are refused: no gateway is set" if _is_offline(choice) else f"are answered live by {choice.gateway.label}"
    return [f"replays {told}", f"{_describe_pace(use.pace)}, without a key, free; changed prompts {live}"]


def _is_offline(choice: Choice) -> bool:
    return choice.gateway == REPLAY.gateway


def _describe_pace(pace: float) -> str:
    if pace == 0:
        return "all at once"
    return "at the original pace" if pace == 1 else f"at {pace:g} times the original pace"


def describe_begun(writer: LessonWriter, begun: Begun) -> Notice:
    """A recording that has just begun."""
    name, count = writer.path.name, format_count(begun.answers, "answer")
    word = "goes on there, with" if begun.is_continued else "begins with"
    return Notice(
        head=f"recording to {name}",
        lines=(
            f"it {word} {count} of this session; each further one is added as it ends",
            f'play it with %helicone_session "{writer.head.title}" --replay {name}',
            "stop with %helicone_session record stop",
            *_warn_of_folders(writer),
        ),
    )


def _warn_of_folders(writer: LessonWriter) -> tuple[str, ...]:
    if not writer.found_folders:
        return ()
    return ("a prompt or an answer names a folder of this machine: the lesson has ~ or . in its place",)


def describe_recording(session: Session, *, stops: bool) -> Notice:
    """Whether the session is being recorded; ``stops`` ends it.

    Raises:
        InputError: there is nothing to stop.
    """
    writer = session.recording
    if writer is None:
        if stops:
            raise InputError("nothing is being recorded.", hint="begin with %helicone_session record lesson.jsonl")
        return Notice(head="not recorded as a lesson", lines=("begin with %helicone_session record lesson.jsonl",))
    if stops:
        session.recording = None
    word = "stopped: " if stops else "recording to "
    lines = (format_count(writer.answers, "answer"), writer.fault or "", *_warn_of_folders(writer))
    return Notice(head=f"{word}{writer.path.name}", lines=tuple(line for line in lines if line))
