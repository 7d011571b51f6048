"""A live card of widgets that becomes static HTML at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from heliconemagic.render.card import REPLY_MIME, Card, build_bundle
from heliconemagic.render.style import build_style
from heliconemagic.views.live_card import LiveCard
from heliconemagic.views.plain import Clock, Publish, build_display_id
from heliconemagic.views.widgets import LIVE_STYLE, Stop, WidgetSet


class WidgetView:
    """A live card of widgets that becomes static HTML at the end, so that the saved notebook can be read anywhere.

    ``on_stop`` is called at most once, on the thread that the kernel handles clicks on; None where no click would
    get through, and the card says what to do instead. With ``is_live`` the finished card stays a widget.
    """

    def __init__(
        self, publish: Publish, on_stop: Callable[[], None] | None, clock: Clock, *, is_live: bool = False
    ) -> None:
        self._publish = publish
        self._stop = Stop(on_stop)
        self._clock = clock
        self._is_live = is_live
        self._widgets: WidgetSet | None = None
        self._live: LiveCard | None = None
        self._display_id = ""  # fixed when it is displayed: the step of a cell with tools changes
        self._is_closed = False

    @property
    def takes_answers(self) -> bool:
        """Whether the card's question can be answered by a click: where Stop can be pressed."""
        return self._stop.takes_clicks

    def open(self, card: Card) -> None:
        """Displays the live card."""
        self._widgets = WidgetSet()
        try:
            self._live = LiveCard(self._widgets, card, self._clock(), self._stop, style=build_style() + LIVE_STYLE)
            running = f"{card.step.path}: running"
            self._publish(self._live.build_bundle(running), display_id=build_display_id(card), update=False)
            self._display_id = build_display_id(card)
        except BaseException:
            self._widgets.close()
            raise

    def update(self, card: Card) -> None:
        """Shows what is new, as far as it is time to."""
        if self._live is not None and not self._is_closed:
            self._live.update(card, self._clock())

    def close(self, card: Card) -> None:
        """Puts the final static form in the place of the card, and closes every widget."""
        if self._is_closed:
            return
        self._is_closed = True
        self._stop.close()
        kept: tuple[Any, ...] = ()
        try:
            bundle = build_bundle(card)
            if self._is_live and self._live is not None and self._display_id:
                kept = self._live.finish(bundle["text/html"])
                bundle = {**self._live.build_bundle(bundle["text/plain"]), REPLY_MIME: bundle[REPLY_MIME]}
            display_id = self._display_id or build_display_id(card)
            self._publish(bundle, display_id=display_id, update=bool(self._display_id))
        finally:
            if self._widgets is not None:
                self._widgets.close(keep=kept)
