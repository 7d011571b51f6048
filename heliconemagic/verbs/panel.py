"""``%helicone_session show --interactive``: what the panel shows and does, asked of the notebook."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from heliconemagic.cards import build_recorded_card
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.records import Step
from heliconemagic.render.notice import Notice, build_notice_bundle
from heliconemagic.session_state import Session
from heliconemagic.verbs.editing import EditLine, describe_cell

if TYPE_CHECKING:
    from heliconemagic.views.panel import PanelSource, SessionPanel

TICK_SECONDS = 0.25
NO_PANEL = Notice(head="no panel here: nobody could press its buttons; this is what it ends in")


class PanelLine:
    """The one panel that a notebook may have open."""

    def __init__(
        self, notebook: Notebook, edit_line: EditLine, publish: Callable[..., None], clock: Callable[[], float]
    ) -> None:
        self._notebook = notebook
        self._edit_line = edit_line
        self._publish = publish
        self._clock = clock
        self._panel: SessionPanel | None = None
        self._following: asyncio.Task[None] | None = None

    def open(self, build_end: Callable[[], dict[str, Any]], *, path: str, kind: str) -> bool:
        """Shows the panel of the open session, in place of the one before; ``build_end`` is what it ends in.

        False where the front end's ``kind`` has no widgets, which is said.
        """
        if kind != "widget":
            self._publish(build_notice_bundle(NO_PANEL))
            return False
        from heliconemagic.views.panel import SessionPanel

        self.close()
        session, _ = self._notebook.sessions.find()
        panel = SessionPanel(self._build_source(session, build_end), self._publish, self._clock, path=path)
        panel.open()
        self._panel = panel
        self._following = _start(_follow(panel))
        return True

    def note_change(self) -> None:
        """A step began or ended, on whatever thread."""
        if self._panel is not None:
            self._panel.note_change()

    def close(self) -> None:
        """Leaves what it ends in where the panel is; idempotent."""
        panel, self._panel = self._panel, None
        if panel is not None:
            panel.close()

    def _build_source(self, session: Session, build_end: Callable[[], dict[str, Any]]) -> PanelSource:
        """What the panel of ``session`` shows and does."""
        from heliconemagic.views.panel import PanelSource

        notebook = self._notebook

        def look_around() -> bool:
            before = len(session.steps)
            if session.is_shared:
                notebook.sessions.take_others(session)
            return len(session.steps) != before

        def write_cell(step: Step) -> tuple[str, Sequence[str]]:
            cell = self._edit_line.write_cell(step)
            return cell.source, describe_cell(cell)

        return PanelSource(
            title=session.record.title,
            list_steps=lambda: session.steps_by_start,
            group_feedback=session.feedback.group,
            list_feedback=session.feedback.list_of,
            find_step=session.find_by_id,
            build_card=lambda step: build_recorded_card(session, step),
            rate=lambda step, rating: (notebook.ratings.rate_step(session, step, rating).untold,),  # else its card says
            rerun=lambda step: notebook.run_again(session, step, self.note_change),
            write_cell=write_cell,
            look_around=look_around,
            build_end=build_end,
        )


def _start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Runs ``work`` on the kernel's own loop, between cells; where none runs the panel shows what it began with."""
    try:
        return asyncio.get_running_loop().create_task(work)
    except RuntimeError:
        work.close()
        return None


async def _follow(panel: SessionPanel) -> None:
    while not panel.is_closed:
        await asyncio.sleep(TICK_SECONDS)
        try:
            panel.tick()
        except Exception as error:  # noqa: BLE001  # the task's own would be told to nobody, and the panel stand still
            panel.tell(error)
