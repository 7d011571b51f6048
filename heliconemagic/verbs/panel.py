"""``%helicone_session show --interactive``: what the panel shows and does, asked of the notebook."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from heliconemagic.cards import build_recorded_card
from heliconemagic.lines.rating import Rating
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.records import Step
from heliconemagic.render.notice import Notice
from heliconemagic.session_state import Session

if TYPE_CHECKING:
    from heliconemagic.views.panel import PanelSource, SessionPanel

TICK_SECONDS = 0.25
_NOT_TYPED = ("tools", "tool_choice", "response_format", "stream", "stream_options")


NO_PANEL = Notice(head="no panel here: nobody could press its buttons; this is what it ends in")


class PanelLine:
    """The one panel that a notebook may have open."""

    def __init__(self, notebook: Notebook, publish: Callable[..., None], clock: Callable[[], float]) -> None:
        self._notebook = notebook
        self._publish = publish
        self._clock = clock
        self._panel: SessionPanel | None = None
        self._following: asyncio.Task[None] | None = None

    def open(self, build_end: Callable[[], dict[str, Any]], *, path: str = "") -> None:
        """Shows the panel of the session that is open, in place of the one before; ``build_end`` is what it ends in."""
        from heliconemagic.views.panel import SessionPanel

        self.close()
        session, _ = self._notebook.sessions.find()
        source = build_panel_source(self._notebook, session, build_end, self.note_change)
        panel = SessionPanel(source, self._publish, self._clock, path=path)
        panel.open()
        self._panel = panel
        self._following = _start(_follow(panel))

    def note_change(self) -> None:
        """A step began or ended, on whatever thread."""
        if self._panel is not None:
            self._panel.note_change()

    def close(self) -> None:
        """Leaves what it ends in where the panel is; idempotent."""
        panel, self._panel = self._panel, None
        if panel is not None:
            panel.close()


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
        panel.tick()


def build_panel_source(
    notebook: Notebook, session: Session, build_end: Callable[[], dict[str, Any]], note_change: Callable[[], None]
) -> PanelSource:
    """What the panel of ``session`` shows and does; ``note_change`` hears that a step has ended."""
    from heliconemagic.views.panel import PanelSource

    def rate(step: Step, rating: Rating) -> Sequence[str]:
        return notebook.ratings.rate_step(session, step, rating).lines

    def look_around() -> bool:
        before = len(session.steps)
        if session.is_shared:
            notebook.sessions.take_others(session)
        return len(session.steps) != before

    return PanelSource(
        title=session.record.title,
        list_steps=lambda: session.steps,
        group_feedback=session.feedback.group,
        list_feedback=session.feedback.list_of,
        find_step=session.find_by_id,
        build_card=lambda step: build_recorded_card(session, step),
        rate=rate,
        rerun=lambda step: notebook.run_again(session, step, note_change),
        build_cell=build_request_cell,
        look_around=look_around,
        build_end=build_end,
    )


def build_request_cell(step: Step) -> str:
    """The source of a cell that asks what ``step`` asked, as far as a first line can say it."""
    words = [f"%%llm {step.path}", f"-m {step.model}"] if step.model else [f"%%llm {step.path}"]
    for name, value in step.parameters.items():
        if name not in _NOT_TYPED:
            words.append(f"-o {name} {_quote(value)}")
    if "{{" in step.prompt:
        words.append("--raw")
    return f"{' '.join(words)}\n{step.prompt}"


def _quote(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if any(char.isspace() or char == '"' for char in text) else text
