"""Which view shows a cell: widgets, static HTML or text, by the front end and by what the cell asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from heliconemagic.frontend import Frontend
from heliconemagic.lines.options import CellCommand

if TYPE_CHECKING:
    from heliconemagic.views.batch import BatchView
    from heliconemagic.views.columns import ComparisonView
    from heliconemagic.views.view import View


class ViewChoice:
    """Builds the views of one shell; ``write`` prints in a terminal."""

    def __init__(self, frontend: Frontend, write: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._frontend = frontend
        self._write = write
        self._clock = clock
        self._find_display: Callable[[], str] = lambda: "auto"
        self._keeps_live: Callable[[], bool] = lambda: False

    def use_defaults(self, display: Callable[[], str], live: Callable[[], bool]) -> None:
        """Takes where the defaults are read."""
        self._find_display, self._keeps_live = display, live

    def find_kind(self) -> str:
        """What shows running steps here: ``widget``, ``static`` or ``text``."""
        wanted = self._find_display()
        return self._frontend.find_kind() if wanted == "auto" else wanted

    def build_view(self, stop: Callable[[], None], command: CellCommand) -> View:
        """The view that fits the front end and the cell's options."""
        from heliconemagic.views.live import WidgetView
        from heliconemagic.views.plain import QuietView, StaticView, TextView

        kind = self.find_kind()
        if command.is_quiet or (command.is_background and kind == "text"):  # a terminal's prompt would be written over
            return QuietView()
        if kind == "widget":
            is_live = command.is_live or self._keeps_live()
            on_stop = stop if self._frontend.takes_clicks else None
            return WidgetView(self._frontend.publish, on_stop, self._clock, is_live=is_live)
        if kind == "text":
            return TextView(self._write, self._clock)
        return StaticView(self._frontend.publish, self._clock)

    def build_batch_view(self, stop: Callable[[], None], command: CellCommand) -> BatchView:
        """The same for a batch."""
        from heliconemagic.views.batch import QuietBatchView, StaticBatchView, TextBatchView, WidgetBatchView

        kind = "quiet" if command.is_quiet else self.find_kind()
        if kind == "widget":
            on_stop = stop if self._frontend.takes_clicks else None
            return WidgetBatchView(self._frontend.publish, on_stop, self._clock)
        if kind == "static":
            return StaticBatchView(self._frontend.publish, self._clock)
        return TextBatchView(self._write, self._clock) if kind == "text" else QuietBatchView()

    def build_columns(self, stops: Sequence[Callable[[], None] | None], command: CellCommand) -> ComparisonView:
        """The view of several answers that fits the front end and the cell's options."""
        from heliconemagic.views.columns import ColumnsView, StaticColumnsView, TextColumnsView
        from heliconemagic.views.plain import QuietView

        if command.is_quiet:
            return QuietView()
        kind = self.find_kind()
        if kind == "widget":
            is_live = command.is_live or self._keeps_live()
            clickable = stops if self._frontend.takes_clicks else [None] * len(stops)
            return ColumnsView(self._frontend.publish, clickable, self._clock, is_live=is_live)
        if kind == "text":
            return TextColumnsView(self._write, self._clock)
        return StaticColumnsView(self._frontend.publish, self._clock)

    def describe_frontend(self) -> list[tuple[str, str]]:
        """Rows for ``doctor``: what this kernel and front end are, and what works there."""
        kind = self._frontend.find_kind()
        shown = {
            "widget": "answers stream into widgets; the finished card is static",
            "static": "no widgets here: answers stream as HTML, updated twice a second",
            "text": "a terminal: answers stream as plain text",
        }
        stop = "" if self._frontend.takes_clicks or kind != "widget" else "; no Stop button: interrupt the kernel"
        return [("kernel", self._frontend.describe()), ("front end", shown[kind] + stop)]
