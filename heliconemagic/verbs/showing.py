"""The verb ``show``: a session, a folder of it, its table of steps, or the card of one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from heliconemagic.cards import build_recorded_card, build_recorded_comparison, find_session_url
from heliconemagic.errors import InputError
from heliconemagic.lines.options import SessionCommand
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.paths import SessionPath, join_paths
from heliconemagic.records import Step
from heliconemagic.session_state import Session

Bundle = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """A display: how it is built, and whether later steps change it."""

    build: Callable[[], Bundle]
    grows: bool


def find_shown(notebook: Notebook, session: Session, command: SessionCommand) -> Shown:
    """What a ``show`` line means. A slash at the end of its path asks for the folder, where a step stands as well.

    Raises:
        InputError: nothing stands at its path or below it.
    """
    typed, as_table = next(iter(command.arguments), ""), bool(command.extras.get("as_table"))
    folder = str(SessionPath.parse(typed)) if typed else ""
    notebook.sessions.take_others(session)
    step = session.find_shown(folder) if folder else None
    if step is not None and not (as_table or typed.endswith("/")):
        return Shown(partial(_build_card, session, step), grows=False)
    if folder and not any(path == folder or path.startswith(f"{folder}/") for path in session.iterate_paths()):
        known = join_paths(session.iterate_paths())
        raise InputError(f"no step at {folder!r} in this session.", hint=f"paths used so far: {known}")
    return Shown(partial(_build_session, notebook, session, folder, as_table=as_table), grows=True)


def _build_session(notebook: Notebook, session: Session, folder: str, *, as_table: bool) -> Bundle:
    """The session, or its folder, as it stands now."""
    from heliconemagic.render.session import build_session_bundle
    from heliconemagic.render.session_table import build_table_bundle

    notebook.sessions.take_others(session)
    feedback = session.feedback.group()
    if as_table:
        return build_table_bundle(session.record, session.steps_by_start, folder=folder, feedback=feedback)
    return build_session_bundle(
        session.record, session.steps_by_start, folder=folder, session_url=find_session_url(session), feedback=feedback
    )


def _build_card(session: Session, step: Step) -> Bundle:
    from heliconemagic.render.card import build_bundle
    from heliconemagic.render.comparison import build_comparison_bundle

    if step.comparison:
        return build_comparison_bundle(build_recorded_comparison(session, step))
    return build_bundle(build_recorded_card(session, step))
