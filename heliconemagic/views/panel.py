"""The panel: a session to look around in, of widgets, until the next cell runs. Then it is what `show` shows.

It asks for everything it shows and does (`PanelSource`). Only a part of the list is ever sent, and only what changed;
what it sends by itself comes at most four times a second and within a budget of bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from heliconemagic.errors import HeliconeMagicError
from heliconemagic.lines.rating import Rating, build_rating
from heliconemagic.records import Feedback, Step, StepStatus, sum_steps
from heliconemagic.render.card_state import Card
from heliconemagic.render.feedback_words import FeedbackOf
from heliconemagic.render.figures import format_count
from heliconemagic.render.notice import Notice, build_notice_bundle
from heliconemagic.render.panel_step import build_panel_head
from heliconemagic.render.style import build_style
from heliconemagic.views.pace import Pace
from heliconemagic.views.panel_list import ListSide
from heliconemagic.views.panel_place import PanelPlace
from heliconemagic.views.panel_step import StepSide
from heliconemagic.views.panel_style import PANEL_STYLE, set_value
from heliconemagic.views.plain import Clock, Publish
from heliconemagic.views.widgets import LIVE_STYLE, WidgetSet

INTERVAL = 0.25
"""Seconds between two updates."""
RATE, BURST = 60_000.0, 120_000.0
"""Bytes to the page: a second, and saved up. A part of the list is 20,000 of them."""
SHARE = 5
"""Of a session so long that looking through it takes time, a fifth of the time is spent on that."""
LOOK_SECONDS = 2.0
"""Between two looks for what other processes have done."""
LONG = 2_000
"""Steps of a session whose static form takes too long to stand below its panel: a line does instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSource:
    """What the panel shows, and what its buttons do."""

    title: str
    list_steps: Callable[[], Sequence[Step]]  # oldest first
    group_feedback: Callable[[], FeedbackOf]
    list_feedback: Callable[[str], Sequence[Feedback]]  # of one step, by its id
    find_step: Callable[[str], Step | None]  # by id, in its newest state
    build_card: Callable[[Step], Card]
    rate: Callable[[Step, Rating], Sequence[str]]  # gives what there is to say of it
    rerun: Callable[[Step], Step]  # gives the step that begins
    write_cell: Callable[[Step], tuple[str, Sequence[str]]]  # the source of a cell that asks the same, and notes
    look_around: Callable[[], bool]  # whether other processes have added steps
    build_end: Callable[[], dict[str, Any]]  # the static form that stays


class SessionPanel:
    """One panel on the page. Safe to call from several threads: clicks may come on another than cells do."""

    def __init__(self, source: PanelSource, publish: Publish, clock: Clock, *, path: str = "") -> None:
        self._source = source
        self._place = PanelPlace(publish)
        self._clock = clock
        self._lock = threading.RLock()
        self._pace = Pace(interval=INTERVAL, rate=RATE, burst=BURST)
        self._widgets = WidgetSet()
        self._head = self._widgets.build_html("")
        self._list = ListSide(self._widgets, path, self._act, self._select, self._filter)
        presses = {
            "up": lambda: self._rate(True),
            "down": lambda: self._rate(False),
            "note": lambda: self._rate(None),
            "write": self._take_note,
            "enter": self._take_enter,
            "rerun": self._rerun,
            "edit": self._edit,
        }
        self._step = StepSide(self._widgets, {name: self._guard(press) for name, press in presses.items()})
        self._selected = ""  # the key of a line; empty: nobody has chosen one, and the newest step is followed
        self._shown: tuple[Any, ...] = ()  # what the right side shows, to see whether it changed
        self._noted = ""  # the id of the step that the text in the field for a note is of
        self._is_note_entered = False  # Enter was pressed in its field: the page tells that before it sends the text
        self._is_dirty = False
        self._listed_at = self._looked_at = self._clock()
        self._seconds = 0.0  # that the last look through the session took
        self.is_closed = False

    # ---- from opening to the end

    def open(self) -> None:
        """Displays the panel."""
        try:
            self._paint_list(moves=True)
            self._paint_step()
            build_box = self._widgets.build_box
            sides = build_box("Box", (self._list.root, self._step.root), "hm-sides")
            style = self._widgets.build_html(build_style() + LIVE_STYLE + PANEL_STYLE)
            root = build_box("VBox", (self._head, self._list.filters, sides, style), "hm", "hm-live", "hm-panel")
            self._place.show(root.model_id, self._source.title, self._build_form())
        except BaseException:
            self._widgets.close()
            raise

    def _build_form(self) -> dict[str, Any]:
        """What stands in the panel's place in a file that is saved while it is open."""
        count = len(self._source.list_steps())
        if count <= LONG:
            return self._source.build_end()
        line = "saved while its panel was open; %helicone_session show has the whole picture"
        return build_notice_bundle(Notice(head=f"{self._source.title}: {format_count(count, 'step')}", lines=(line,)))

    def close(self) -> None:
        """Puts `show`'s static form in the panel's place, and closes every widget; idempotent."""
        with self._lock:
            if self.is_closed:
                return
            self.is_closed = True
            try:
                self._place.leave(self._source.build_end())
            finally:
                self._widgets.close()

    def note_change(self) -> None:
        """A step began or ended; on any thread, returns at once."""
        self._is_dirty = True

    def tick(self) -> None:
        """Shows what is new, if it is time to; called a few times a second on the main thread."""
        with self._lock:
            now = self._clock()
            if self.is_closed or not self._pace.is_due(now):
                return
            if self._is_note_entered:
                self._act(lambda: self._rate(None))
            if now - self._looked_at >= LOOK_SECONDS:
                self._looked_at = now
                self._is_dirty |= self._source.look_around()
            if self._is_dirty and now - self._listed_at >= SHARE * self._seconds:
                self._paint_list(moves=not self._selected)
            self._paint_step()

    def tell(self, error: Exception) -> None:
        """Says that the panel could not be brought up to date, in the panel."""
        with self._lock:
            if not self.is_closed:
                said = f"the panel could not be brought up to date: {type(error).__name__}: {error}"
                self._step.say(said, "hint: run its cell again", is_bad=True)

    # ---- painting

    def _paint_list(self, *, moves: bool) -> None:
        """Looks through the session; ``moves`` turns to the part of the list with the selected line."""
        self._is_dirty = False
        begun = self._clock()
        steps = self._source.list_steps()
        sent = self._list.paint(steps, self._source.group_feedback(), select=self._selected, moves=moves)
        sent += set_value(self._head, "value", build_panel_head(self._source.title, sum_steps(list(steps))))
        self._spend(sent)
        self._listed_at = self._clock()
        self._seconds = self._listed_at - begun

    def _paint_step(self) -> None:
        """Shows the selected line, if it has changed."""
        step, line = self._find_step(), self._list.line
        opinion = tuple(self._source.list_feedback(step.id)) if step else ()
        shown = (step, opinion, line.key if line else "", line.text if line and line.folder else "")
        if shown == self._shown:
            return
        before, self._shown = self._shown, shown
        if step and _is_running(before[0] if before else None) and not _is_running(step):
            self._step.say()  # that it was running, or sent again
        if self._noted and (step is None or step.id != self._noted):
            self._drop_note()  # it was of another step
        if step is None:
            self._spend(self._step.paint_line(line))
        else:
            self._spend(self._step.paint_step(step, self._source.build_card(step)))

    def _find_step(self) -> Step | None:
        """The selected step in its newest state."""
        line = self._list.line
        return self._source.find_step(line.step.id) if line and line.step else None

    def _spend(self, size: int) -> None:
        if size:
            self._pace.spend(size, self._clock())

    # ---- what people do

    def _guard(self, act: Callable[[], None]) -> Callable[[Any], None]:
        return lambda _event: self._act(act)

    def _act(self, act: Callable[[], None]) -> None:
        """Does what an event does: one after the other, none after the end; what is refused is said in the panel."""
        with self._lock:
            if self.is_closed:
                return
            try:
                act()
            except HeliconeMagicError as error:
                self._step.say(error.message, f"hint: {error.hint}" if error.hint else "", is_bad=True)

    def _choose_answered(self) -> Step | None:
        """The step that a button does something with; None while it is running, which is said.

        A button that cannot be pressed now would lose the keyboard, and what is typed next to the notebook.
        """
        step = self._choose_shown()
        if _is_running(step):
            self._step.say("this step is still running: wait for its end")
            return None
        return step

    def _choose_shown(self) -> Step | None:
        """The step that a person sees and does something with: from here on it stays selected."""
        step = self._shown[0] if self._shown else None
        if step is None:
            return None
        self._selected = step.id
        return self._source.find_step(step.id)

    def _select(self) -> None:
        self._selected = self._list.line.key if self._list.line else ""
        self._step.say()
        self._step.show_source("")
        self._paint_step()

    def _filter(self) -> None:
        self._paint_list(moves=True)
        self._paint_step()

    def _rate(self, thumb: bool | None) -> None:
        self._is_note_entered = False
        step = self._choose_answered()
        if step is None:
            return
        self._step.say(*self._source.rate(step, build_rating(thumb, self._step.note.value, {})))
        self._drop_note()
        self._paint_list(moves=False)
        self._paint_step()

    def _take_note(self) -> None:
        step = self._choose_shown()
        self._noted = step.id if step else ""

    def _take_enter(self) -> None:
        self._take_note()
        self._is_note_entered = True

    def _drop_note(self) -> None:
        self._noted, self._is_note_entered = "", False
        self._step.note.value = ""

    def _rerun(self) -> None:
        step = self._choose_answered()
        if step is None:
            return
        begun = self._source.rerun(step)
        self._step.say("sent again: its answer takes the place of this one")
        self._step.show_source("")
        self._selected = begun.id
        self._paint_list(moves=True)
        self._paint_step()

    def _edit(self) -> None:
        step = self._choose_answered()
        if step is not None:
            source, notes = self._source.write_cell(step)
            self._step.show_source(source)
            self._step.say("copy this into a new cell, change it and run it", *notes)


def _is_running(step: Step | None) -> bool:
    return step is not None and step.status is StepStatus.PENDING
