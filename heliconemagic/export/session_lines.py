"""A session as JSON lines: a lesson that can be played, with everything else that is recorded. Pure.

The format is a lesson's (see docs/lessons.md). What a lesson doesn't play stands in fields that its readers pass over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from heliconemagic.export.session import ExportedSession
from heliconemagic.export.signature import BLANK, seal
from heliconemagic.lessons.lesson import build_recording, list_current
from heliconemagic.lessons.lines import MARK, MessageShelf, encode_head, encode_recording, is_playable, print_line
from heliconemagic.lessons.step_lines import encode_feedback, encode_session, encode_step


def build_lines(session: ExportedSession) -> str:
    """The whole file."""
    return seal(b"".join(map(print_line, iterate_lines(session))).decode())


def iterate_lines(session: ExportedSession) -> Iterator[dict[str, Any]]:
    """The session's line, one for each step, one for each feedback."""
    head = encode_head(session.head)
    yield {MARK: head.pop(MARK), "export": BLANK, "session": encode_session(session.record), **head}
    played = {step.id for step in list_current(session.steps) if is_playable(step)}
    shelf = MessageShelf()
    aside = MessageShelf(shelf)  # a reader that passes over a step doesn't know the messages that only it has
    for step in session.steps:
        more = {"step": encode_step(step)}
        if step.id in played:
            yield {**encode_recording(build_recording(step), shelf), **more}
        else:
            yield {"unplayed": encode_recording(build_recording(step), aside), **more}
    for feedback in session.feedback:
        yield {"feedback": encode_feedback(feedback)}
