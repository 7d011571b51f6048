"""The left side of the panel: filters, and the list of steps, of which the page has a part at a time.

JupyterLab takes the arrow keys and letters from a list box, for its own cells, but neither with Ctrl nor the keys that
turn pages; in a number field it leaves them all. So there is one that says how far the selected line is from the end:
up is up, down is down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from heliconemagic.records import Step
from heliconemagic.render.feedback_words import FeedbackOf
from heliconemagic.render.markup import escape
from heliconemagic.render.panel_list import PAGE, ListLine, StepList
from heliconemagic.render.session_view import SIGNS
from heliconemagic.render.timeline import CHARACTERS
from heliconemagic.steps.filtering import RATED, STATES, SUPERSEDED, StepFilter, list_kinds, list_models
from heliconemagic.views.list_places import ListPlaces
from heliconemagic.views.panel_style import set_value
from heliconemagic.views.widgets import WidgetSet

LIST_ROWS = 24
"""Lines that are seen at once, where nothing says otherwise."""
MOST_MODELS = 100
_KEYS = "↑ ↓ here, Ctrl+↑ ↓ in the list"
_SIGNS = "✗ failed, ■ stopped, … running, ~ superseded; " + ", ".join(
    f"{CHARACTERS[kind]} {meaning}" for kind, meaning in SIGNS.items()
)


class ListSide:
    """Its widgets, and which line is selected. ``on_select`` and ``on_filter`` hear what a person did.

    ``act`` does what an event does, not while something else is done or painted.
    """

    def __init__(
        self,
        widgets: WidgetSet,
        path: str,
        act: Callable[[Callable[[], None]], None],
        on_select: Callable[[], None],
        on_filter: Callable[[], None],
    ) -> None:
        self.line: ListLine | None = None
        self.wanted = StepFilter(path=path)
        self._act, self._on_select, self._on_filter = act, on_select, on_filter
        self._list: StepList | None = None
        self._lines: list[ListLine] = []
        self._places = ListPlaces()
        self._page = 0
        self._is_painting = False
        self._build_filters(widgets, path)
        self._build_list(widgets)

    def _build_filters(self, widgets: WidgetSet, path: str) -> None:
        self._path = widgets.build_field("/path, part of one, or /a/*", "steps at this path and below", "hm-grow")
        self._path.value = path
        self._kind = widgets.build_choice([("every kind", "")], "kind of step")
        self._state = widgets.build_choice([("every state", "")], "state of the step")
        self._model = widgets.build_choice([("every model", "")], "model that answered")
        self._text = widgets.build_field("words in prompt, answer or note", "steps that contain these words", "hm-grow")
        fields = (self._path, self._kind, self._state, self._model, self._text)
        self.filters = widgets.build_box("Box", fields, "hm-filters")
        for field in fields:
            field.observe(self._guard(self._take_filter), "value")

    def _build_list(self, widgets: WidgetSet) -> None:
        self._jump = widgets.build_number("↑ and ↓ go line by line; a number counts from the end", "hm-jump")
        self._place = widgets.build_html("")
        turns = {"«": "first line", "‹": "many lines up", "›": "many lines down", "»": "last line"}
        pages = [widgets.build_plain_button(sign, tip, self._guard(self._turn)) for sign, tip in turns.items()]
        row = widgets.build_box("Box", (self._jump, *pages, self._place), "hm-bar-row")
        self._box = widgets.build_list(LIST_ROWS, _SIGNS)
        self.root = widgets.build_box("VBox", (row, self._box), "hm-list")
        self._jump.observe(self._guard(self._jump_to), "value")
        self._box.observe(self._guard(self._choose), "index")

    # ---- painting; each gives the bytes that it sends

    def paint(self, steps: Sequence[Step], feedback: FeedbackOf, *, select: str, moves: bool) -> int:
        """Looks through the session; ``select`` is the key of the line to select, ``moves`` turns to its page.

        Where there is no such line it is the newest step's.
        """
        self._list = StepList(steps, feedback, self.wanted)
        place = self._list.find_place(select) if select else None
        if place is None:
            place = self._list.find_place(self._list.newest)
        page = self._list.find_page(place) if moves and place is not None else self._page
        return self._paint_choices(steps) + self._paint_page(page, place)

    def _paint_page(self, page: int, place: int | None) -> int:
        assert self._list is not None
        found = self._list
        self._page = min(max(page, 0), found.page_count - 1)
        self._lines = found.build_page(self._page)
        index = found.find_index(place, self._page)
        if place is None:
            self.line = None
        else:
            self.line = self._lines[index] if index is not None else found.build_line(place)
        with self._painting():
            sent = self._write_lines(index)
            sent += self._write_jump(found.count, place)
        return sent + set_value(
            self._place, "value", f"<span>{_KEYS} · {escape(found.describe_page(self._page))}</span>"
        )

    def _write_lines(self, index: int | None) -> int:
        """The options of the list and which of them is selected, in one message."""
        first = self._places.put([line.key for line in self._lines])
        texts = ("",) * first + tuple(line.text for line in self._lines)
        texts += ("",) * (self._places.count - len(texts))
        sent = 0
        with self._box.hold_sync():
            if texts != self._box._options_labels:
                self._box.index = None
                self._box.options = [(text, place) for place, text in enumerate(texts)]
                sent = len("".join(texts).encode())
            self._box.index = None if index is None else first + index
        return sent

    def _write_jump(self, count: int, place: int | None) -> int:
        with self._jump.hold_sync():
            sent = set_value(self._jump, "max", max(count, 1))
            return sent + set_value(self._jump, "value", count - place if place is not None else 1)

    def _paint_choices(self, steps: Sequence[Step]) -> int:
        """What can be chosen to filter by: what occurs."""
        choices = (
            (self._kind, "every kind", list_kinds(steps)),
            (self._state, "every state", [*STATES, SUPERSEDED, RATED]),
            (self._model, "every model", list_models(steps)[:MOST_MODELS]),
        )
        sent = 0
        with self._painting():
            for widget, every, words in choices:
                known = [word for _, word in widget.options]
                options = ((every, ""), *((word, word) for word in _keep_order(known, words)))
                if options != tuple(widget.options):
                    chosen = widget.value
                    widget.options = options
                    widget.value = chosen if chosen in words else ""
                    sent += len(str(options).encode())
        return sent

    # ---- what people do

    @contextmanager
    def _painting(self) -> Iterator[None]:
        """What changes in here, the panel changed: nobody chose it."""
        before, self._is_painting = self._is_painting, True
        try:
            yield
        finally:
            self._is_painting = before

    def _guard(self, handle: Callable[[Any], None]) -> Callable[[Any], None]:
        """What a person's event does; what the panel itself changed is none."""

        def act(event: Any) -> None:
            if not self._is_painting and self._list is not None:
                handle(event)

        return lambda event: self._act(lambda: act(event))

    def _choose(self, change: Any) -> None:
        """A click: on the step that stood there when the page sent it, wherever that is now."""
        assert self._list is not None
        if change["new"] is None:
            return
        key = self._places.find(change["new"])
        place = self._list.find_place(key) if key is not None else None
        if place is not None:
            self._go_to(place)
        elif self.line is not None:
            self._paint_page(self._page, self._list.find_place(self.line.key))

    def _go_to(self, place: int) -> None:
        assert self._list is not None
        self._paint_page(self._list.find_page(place), place)
        self._on_select()

    def _jump_to(self, change: Any) -> None:
        assert self._list is not None
        if self._list.count:
            self._go_to(min(max(self._list.count - change["new"], 0), self._list.count - 1))

    def _turn(self, button: Any) -> None:
        """To another page, to its line in the same place; where there is one page, as far as is seen at once."""
        assert self._list is not None
        if not self._list.count:
            return
        last = self._list.count - 1
        place = (self._list.find_place(self.line.key) if self.line else None) or 0
        stride = PAGE if self._list.page_count > 1 else LIST_ROWS
        aims = {"«": 0, "‹": place - stride, "›": place + stride, "»": last}
        self._go_to(min(max(aims[button.description], 0), last))

    def _take_filter(self, _change: Any) -> None:
        self.wanted = StepFilter(
            path=self._path.value,
            kind=self._kind.value or "",
            state=self._state.value or "",
            model=self._model.value or "",
            text=self._text.value,
        )
        self._page = 0
        self._on_filter()


def _keep_order(known: Sequence[str], words: Sequence[str]) -> list[str]:
    """``words``, and first those that were known, in their places: the page tells of a choice by its place alone."""
    return [*(word for word in known if word in words), *(word for word in words if word not in known)]
