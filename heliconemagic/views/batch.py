"""How a running batch is shown: a card of widgets with a Stop, static HTML, or a line in a terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from heliconemagic.render.batch_card import (
    build_batch_body,
    build_batch_bundle,
    build_batch_foot,
    build_batch_head,
    build_batch_rows_text,
)
from heliconemagic.render.batch_state import BatchCard
from heliconemagic.render.batch_words import build_bar, list_figures, list_progress
from heliconemagic.render.card_words import describe_totals
from heliconemagic.render.style import build_style
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.views.pace import Pace
from heliconemagic.views.plain import Clock, Publish
from heliconemagic.views.widgets import LIVE_STYLE, NO_STOP, WidgetSet, build_view_bundle

INTERVAL = 0.5  # seconds between two updates
STATIC_INTERVAL = 2.0  # seconds, where every update stays in what nbclient collects
TERMINAL_INTERVAL = 0.25
TERMINAL_WIDTH = 100
TERMINAL_BAR = 20


class BatchView(Protocol):
    """What follows a batch; each method is called on the thread of the cell."""

    def open(self, card: BatchCard) -> None:
        """The batch begins."""

    def update(self, build: Callable[[], BatchCard]) -> None:
        """Something may have changed; ``build`` is called only if it is time to show it."""

    def close(self, card: BatchCard) -> None:
        """The batch has ended, in whatever way. May be called without `open`."""


class QuietBatchView:
    """Shows nothing."""

    def open(self, card: BatchCard) -> None:
        """Shows nothing."""

    def update(self, build: Callable[[], BatchCard]) -> None:
        """Shows nothing."""

    def close(self, card: BatchCard) -> None:
        """Shows nothing."""


class StaticBatchView:
    """HTML that is replaced now and then; no widget."""

    def __init__(self, publish: Publish, clock: Clock) -> None:
        self._publish = publish
        self._clock = clock
        self._pace = Pace(interval=STATIC_INTERVAL)
        self._is_displayed = False

    def open(self, card: BatchCard) -> None:
        """Displays the card as it begins."""
        self._show(card)

    def update(self, build: Callable[[], BatchCard]) -> None:
        """Shows the newest state, if it is time to."""
        if self._pace.is_due(self._clock()):
            self._show(build())

    def close(self, card: BatchCard) -> None:
        """Shows the final form."""
        self._show(card)

    def _show(self, card: BatchCard) -> None:
        self._publish(build_batch_bundle(card), display_id=_build_display_id(card), update=self._is_displayed)
        self._is_displayed = True
        self._pace.spend(0, self._clock())


class WidgetBatchView:
    """A live card of widgets that becomes static HTML at the end, and closes them all."""

    def __init__(self, publish: Publish, on_stop: Callable[[], None] | None, clock: Clock) -> None:
        self._publish = publish
        self._on_stop = on_stop
        self._clock = clock
        self._pace = Pace(interval=INTERVAL)
        self._widgets: WidgetSet | None = None
        self._parts: tuple[Any, ...] = ()  # head, body, foot
        self._stop: Any = None
        self._stop_lock = threading.Lock()
        self._is_stopping = False
        self._is_displayed = False
        self._is_closed = False

    def open(self, card: BatchCard) -> None:
        """Displays the live card."""
        self._widgets = WidgetSet()
        try:
            root = self._build(self._widgets, card)
            bundle = build_view_bundle(root.model_id, f"{card.path}: running")
            self._publish(bundle, display_id=_build_display_id(card), update=False)
            self._is_displayed = True
        except BaseException:
            self._widgets.close()
            raise

    def _build(self, widgets: WidgetSet, card: BatchCard) -> Any:
        head, body, foot = (widgets.build_html(value) for value in _build_parts(card))
        self._parts = (head, body, foot)
        self._stop = widgets.build_button("Stop", self._handle_stop) if self._on_stop else widgets.build_html(NO_STOP)
        row = widgets.build_box("HBox", (head, self._stop), "hm-live-head")
        style = widgets.build_html(build_style() + LIVE_STYLE)
        return widgets.build_box("VBox", (row, body, foot, style), "hm", "hm-live")

    def update(self, build: Callable[[], BatchCard]) -> None:
        """Shows what is new, if it is time to."""
        if self._is_closed or not self._parts:
            return
        if self._is_stopping and not self._stop.disabled:
            self._stop.description, self._stop.disabled = "Stopping…", True
        if not self._pace.is_due(self._clock()):
            return
        self._pace.spend(0, self._clock())
        for widget, value in zip(self._parts, _build_parts(build()), strict=True):
            if widget.value != value:
                widget.value = value

    def close(self, card: BatchCard) -> None:
        """Puts the final static form in the place of the card."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self._publish(build_batch_bundle(card), display_id=_build_display_id(card), update=self._is_displayed)
        finally:
            if self._widgets is not None:
                self._widgets.close()

    def _handle_stop(self, _button: Any) -> None:
        with self._stop_lock:
            if self._is_stopping or self._is_closed or self._on_stop is None:
                return
            self._is_stopping = True
        self._on_stop()


class TextBatchView:
    """One line in a terminal that is written over, and the tables at the end. The error prints itself."""

    def __init__(self, write: Callable[[str], None], clock: Clock) -> None:
        self._write = write
        self._clock = clock
        self._pace = Pace(interval=TERMINAL_INTERVAL)

    def open(self, card: BatchCard) -> None:
        """Writes the head."""
        head = " · ".join(word for word in (card.path, card.origin, card.context) if word)
        self._write(make_safe_text(head) + "\n")

    def update(self, build: Callable[[], BatchCard]) -> None:
        """Writes the progress over the last one."""
        if self._pace.is_due(self._clock()):
            card = build()
            self._write_over(f"{build_bar(card, TERMINAL_BAR)} {' · '.join(list_progress(card))}")
            self._pace.spend(0, self._clock())

    def close(self, card: BatchCard) -> None:
        """Writes tables and sums."""
        self._write_over("")
        said = " · ".join(word for word in (*list_figures(card), describe_totals(card.totals)) if word)
        lines = [*build_batch_rows_text(card), said, *card.notes]
        self._write("\r" + "\n".join(make_safe_text(line) for line in lines) + "\n")

    def _write_over(self, line: str) -> None:
        self._write("\r" + make_safe_text(line)[:TERMINAL_WIDTH].ljust(TERMINAL_WIDTH))


def _build_parts(card: BatchCard) -> tuple[str, str, str]:
    return build_batch_head(card), build_batch_body(card), build_batch_foot(card)


def _build_display_id(card: BatchCard) -> str:
    return f"heliconemagic-{card.id}"
