"""The right side of the panel: the selected step, with the buttons that rate it, rerun it and write it as a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from heliconemagic.records import Step, StepStatus
from heliconemagic.render.card_state import Card
from heliconemagic.render.markup import NO_MATH, escape
from heliconemagic.render.panel_list import ListLine
from heliconemagic.render.panel_step import build_folder_head, build_step_answer, build_step_head, build_step_request
from heliconemagic.views.panel_style import HIDDEN, dim_widget, set_value, show_widget
from heliconemagic.views.widgets import WidgetSet

_BUTTONS = {
    "up": ("👍 Good", "thumb up, with the note beside it"),
    "down": ("👎 Bad", "thumb down, with the note beside it"),
    "note": ("Keep note", "keep the note without a thumb"),
    "rerun": ("Rerun", "send this request again, as its cell would"),
    "edit": ("Edit", "the request as a cell, to be changed and run"),
}


class StepSide:
    """Its widgets. ``presses`` has what each button does, by the names of `_BUTTONS`, and ``write`` and ``enter`` in
    the note: a text that stands there now, and Enter.
    """

    def __init__(self, widgets: WidgetSet, presses: Mapping[str, Callable[[Any], None]]) -> None:
        self._head, self._said, self._request = (widgets.build_html("") for _ in range(3))
        self._answer = widgets.build_html("", has_math=True)
        self.note = widgets.build_field("note", "what you think of this answer", "hm-grow", tells_keys=True)
        self._source = widgets.build_field("", "copy this into a new cell", "hm-source", HIDDEN, is_area=True)
        self._buttons = {
            name: widgets.build_plain_button(label, tip, presses[name]) for name, (label, tip) in _BUTTONS.items()
        }
        up, down, *others = self._buttons.values()
        self._row = widgets.build_box("Box", (up, down, self.note, *others), "hm-bar-row")
        parts = (self._head, self._row, self._said, self._source, self._answer, self._request)
        self.root = widgets.build_box("VBox", parts, "hm-selected")
        self._press_enter, self._write_note = presses["enter"], presses["write"]
        self.note.observe(self._handle_note, "value")
        self.note.on_msg(self._handle_note_message)

    # ---- painting; each gives the bytes that it sends

    def paint_step(self, step: Step, card: Card) -> int:
        """Shows a step."""
        dim_widget(self._row, is_dim=step.status is StepStatus.PENDING)
        show_widget(self._row, is_shown=True)
        return self._write(build_step_head(card), build_step_answer(card), build_step_request(card))

    def paint_line(self, line: ListLine | None) -> int:
        """Shows a folder, or that nothing is selected."""
        show_widget(self._row, is_shown=False)
        nothing = f'<div class="hm-head {NO_MATH}"><span>no step is selected</span></div>'
        return self._write(build_folder_head(line.folder) if line and line.folder else nothing, "", "")

    def _write(self, *values: str) -> int:
        widgets = (self._head, self._answer, self._request)
        return sum(set_value(widget, "value", value) for widget, value in zip(widgets, values, strict=True))

    def say(self, *lines: str, is_bad: bool = False) -> int:
        """Lines below the buttons, in place of those before; none takes them away."""
        css = "hm-more hm-bad" if is_bad else "hm-more"
        return set_value(self._said, "value", "".join(f'<p class="{css}">{escape(line)}</p>' for line in lines if line))

    def show_source(self, source: str) -> int:
        """A cell's source, to be copied; none takes it away."""
        show_widget(self._source, is_shown=bool(source))
        return set_value(self._source, "value", source)

    def _handle_note(self, change: Any) -> None:
        """Something is typed in the field for the note; taking it away is nothing."""
        if change["new"]:
            self._write_note(change)

    def _handle_note_message(self, widget: Any, content: Any, _buffers: Any) -> None:
        """Enter in the field for the note."""
        if isinstance(content, dict) and content.get("event") == "submit":
            self._press_enter(widget)
