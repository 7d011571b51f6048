"""Several running answers side by side: live cards in columns, static HTML, or text one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from heliconemagic.records import StepStatus
from heliconemagic.render.card_state import REPLIES_MIME, Card
from heliconemagic.render.card_words import describe_failure
from heliconemagic.render.comparison import (
    build_column_head,
    build_comparison_bundle,
    build_comparison_head_text,
    build_comparison_top,
    build_summary_text,
)
from heliconemagic.render.comparison_state import Comparison, build_column
from heliconemagic.render.comparison_words import describe_variant
from heliconemagic.render.style import build_style
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.views.live_card import BODY_BURST, BODY_RATE, LiveCard
from heliconemagic.views.pace import Budget, Pace
from heliconemagic.views.plain import STATIC_INTERVAL, STATIC_RATE, Clock, Publish, TextView, read_content
from heliconemagic.views.widgets import LIVE_STYLE, Stop, WidgetSet, build_view_bundle


class ComparisonView(Protocol):
    """What follows several steps of one cell, as a `heliconemagic.views.live.View` follows one."""

    def open(self, comparison: Comparison) -> None:
        """The steps begin."""

    def update(self, comparison: Comparison) -> None:
        """Something may have changed, at least the time."""

    def close(self, comparison: Comparison) -> None:
        """All have ended, in whatever way. May be called without `open`, and twice."""


def build_display_id(comparison: Comparison) -> str:
    """The id under which the display of a comparison is replaced."""
    return f"heliconemagic-{comparison.id}-compared"


class ColumnsView:
    """Live cards beside each other in one display, each with its Stop; at the end static HTML in their place.

    ``stops`` has what each column's Stop does, None where no click would get through. The cards share the bytes that
    one alone may send. With ``is_live`` the finished columns stay a widget.
    """

    def __init__(
        self,
        publish: Publish,
        stops: Sequence[Callable[[], None] | None],
        clock: Clock,
        *,
        is_live: bool = False,
    ) -> None:
        self._publish = publish
        self._stops = [Stop(stop) for stop in stops]
        self._clock = clock
        self._is_live = is_live
        self._widgets: WidgetSet | None = None
        self._columns: LiveColumns | None = None
        self._is_displayed = False
        self._is_closed = False

    def open(self, comparison: Comparison) -> None:
        """Displays the live cards."""
        self._widgets = WidgetSet()
        try:
            self._columns = LiveColumns(self._widgets, comparison, self._clock(), self._stops)
            bundle = self._columns.build_bundle(f"{comparison.path}: running")
            self._publish(bundle, display_id=build_display_id(comparison), update=False)
            self._is_displayed = True
        except BaseException:
            self._widgets.close()
            raise

    def update(self, comparison: Comparison) -> None:
        """Shows what is new, as far as it is time to."""
        if self._columns is not None and not self._is_closed:
            self._columns.update(comparison, self._clock())

    def close(self, comparison: Comparison) -> None:
        """Puts the final static form in the place of the cards, and closes every widget."""
        if self._is_closed:
            return
        self._is_closed = True
        for stop in self._stops:
            stop.close()
        kept: tuple[Any, ...] = ()
        try:
            bundle = build_comparison_bundle(comparison)
            if self._is_live and self._columns is not None and self._is_displayed:
                kept = self._columns.finish(bundle["text/html"])
                bundle = {**self._columns.build_bundle(bundle["text/plain"]), REPLIES_MIME: bundle[REPLIES_MIME]}
            self._publish(bundle, display_id=build_display_id(comparison), update=self._is_displayed)
        finally:
            if self._widgets is not None:
                self._widgets.close(keep=kept)


class LiveColumns:
    """The widgets of a running comparison: its head, and a live card for each answer."""

    def __init__(self, widgets: WidgetSet, comparison: Comparison, now: float, stops: Sequence[Stop]) -> None:
        self._widgets = widgets
        budget = Budget(BODY_RATE, BODY_BURST)
        self._head = widgets.build_html(build_comparison_top(comparison))
        build = partial(LiveCard, widgets, budget=budget, count=len(stops), build_head=build_column_head)
        self._cards = [
            build(build_column(comparison, card), now, stop) for card, stop in zip(comparison.cards, stops, strict=True)
        ]
        columns = widgets.build_box("Box", tuple(card.root for card in self._cards), "hm-columns")
        style = widgets.build_html(build_style() + LIVE_STYLE)
        self._root = widgets.build_box("VBox", (self._head, columns, style), "hm-comparison", "hm-live")

    def build_bundle(self, text: str) -> dict[str, Any]:
        """The display of the columns as long as they live; ``text`` stands for them where there are no widgets."""
        return build_view_bundle(self._root.model_id, text)

    def update(self, comparison: Comparison, now: float) -> None:
        """Sends what is new and due, first of the card that has waited longest: the first would take all bytes."""
        head = build_comparison_top(comparison)
        if self._head.value != head:
            self._head.value = head
        pairs = zip(self._cards, comparison.cards, strict=True)
        for live, card in sorted(pairs, key=lambda pair: pair[0].answered_at):
            live.update(build_column(comparison, card), now)

    def finish(self, value: str) -> tuple[Any, ...]:
        """The columns become one widget with the final HTML; gives the widgets that it now needs."""
        final = self._widgets.build_html(LIVE_STYLE + value, has_math="$" in value)
        self._root.children = (final,)
        return self._root, final


class StaticColumnsView:
    """HTML that is replaced now and then, where nobody sits: no widget."""

    def __init__(self, publish: Publish, clock: Clock) -> None:
        self._publish = publish
        self._clock = clock
        self._pace = Pace(interval=STATIC_INTERVAL, rate=STATIC_RATE, burst=STATIC_RATE)
        self._is_displayed = False
        self._shown: tuple[Any, ...] = ()

    def open(self, comparison: Comparison) -> None:
        """Displays the columns as they begin."""
        self._show(comparison)

    def update(self, comparison: Comparison) -> None:
        """Shows what is new, as far as it is time to; the time alone is not."""
        if self._pace.is_due(self._clock()) and _read_contents(comparison) != self._shown:
            self._show(comparison)

    def close(self, comparison: Comparison) -> None:
        """Shows the final form."""
        self._show(comparison)

    def _show(self, comparison: Comparison) -> None:
        bundle = build_comparison_bundle(comparison)
        self._publish(bundle, display_id=build_display_id(comparison), update=self._is_displayed)
        self._is_displayed = True
        self._shown = _read_contents(comparison)
        self._pace.spend(sum(len(str(value)) for value in bundle.values()), self._clock())


def _read_contents(comparison: Comparison) -> tuple[Any, ...]:
    """What makes a comparison look different, besides the time."""
    return tuple((card.step.status, *read_content(card)) for card in comparison.cards)


class TextColumnsView:
    """Text in a terminal: the answers one after the other, whole, though they arrive at the same time.

    The first that has something to say begins; then come those that have ended meanwhile.
    """

    def __init__(self, write: Callable[[str], None], clock: Clock) -> None:
        self._write = write
        self._clock = clock
        self._left: list[int] = []  # positions of the answers that were not written to their end
        self._now: int | None = None  # the one that is being written
        self._view: TextView | None = None
        self._is_closed = False

    def open(self, comparison: Comparison) -> None:
        """Writes the head, and waits for the first text."""
        self._left = list(range(len(comparison.cards)))
        self._write(build_comparison_head_text(comparison) + "\n")

    def update(self, comparison: Comparison) -> None:
        """Writes the new part of the answer that is being written, and begins the next one at its end."""
        while self._left:
            if self._now is None and not self._begin(comparison):
                return
            assert self._now is not None and self._view is not None
            card = build_column(comparison, comparison.cards[self._now])
            if card.step.status is StepStatus.PENDING:
                self._view.update(card)
                return
            self._view.close(card)
            self._write(_build_failure(card))
            self._left.remove(self._now)
            self._now = None

    def close(self, comparison: Comparison) -> None:
        """Writes the rest, and the figures side by side."""
        if self._is_closed:
            return
        self._is_closed = True
        self._left = self._left or ([] if self._view else list(range(len(comparison.cards))))
        self.update(comparison)
        self._write("\n" + build_summary_text(comparison) + "\n")

    def _begin(self, comparison: Comparison) -> bool:
        """Takes up the next answer; False while none of them has anything to show."""
        ready = [position for position in self._left if _has_begun(comparison.cards[position])]
        if not ready:
            return False
        self._now = min(ready, key=lambda position: comparison.cards[position].step.status is StepStatus.PENDING)
        self._view = TextView(self._write, self._clock, _build_text_head)
        self._view.open(build_column(comparison, comparison.cards[self._now]))
        return True


def _has_begun(card: Card) -> bool:
    return card.step.status is not StepStatus.PENDING or bool(card.step.text or card.step.reasoning or card.waiting)


def _build_text_head(card: Card, _now: float) -> str:
    return f"\n--- {make_safe_text(describe_variant(card.step))} ---"


def _build_failure(card: Card) -> str:
    """What failed it, which the error of the cell says of the first failure only."""
    said = describe_failure(card).brief
    return f"{make_safe_text(said)}\n" if said else ""
