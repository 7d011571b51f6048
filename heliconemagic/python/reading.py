"""What a session has to read: the steps that have finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from heliconemagic.errors import InputError
from heliconemagic.records import Step, StepStatus
from heliconemagic.reply import Reply
from heliconemagic.session_state import Session


def find_finished(session: Session, path: str) -> Step | None:
    """The current step; where none can be continued, as after an embedding, the newest that finished."""
    finished = (step for step in reversed(session.steps) if step.path == path and step.status is StepStatus.DONE)
    return session.find_step(path) or next(finished, None)


def iterate_finished_paths(session: Session) -> Iterator[str]:
    """The paths with a finished step, newest first."""
    done = {step.path for step in session.steps if step.status is StepStatus.DONE}
    return (path for path in session.iterate_paths() if path in done)


def find_rated(session: Session, what: object, place: Callable[[str], str]) -> Step:
    """The step that a path or a reply stands for.

    Raises:
        InputError: there is none in this session.
    """
    if not isinstance(what, Reply):
        return session.require_step(place(what))  # type: ignore[arg-type]  # it says what is no path
    found = next((step for step in session.steps if step.id == what.step_id), None)
    if found is None:
        raise InputError(f"the reply of {what.path!r} is not of this session.", hint="rate it in its own session")
    return found
