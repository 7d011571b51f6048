"""The widgets of one running step, and how often each of them is sent anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from heliconemagic.records import StepStatus
from heliconemagic.render.card import Card, build_foot, build_head
from heliconemagic.render.card_attached import build_attached_html
from heliconemagic.render.markdown import SegmentedMarkdown
from heliconemagic.render.markup import escape
from heliconemagic.render.structured import LIVE, NOTHING, build_object_html, find_object
from heliconemagic.views.live_calls import LiveCalls
from heliconemagic.views.pace import Budget, Pace
from heliconemagic.views.widgets import LIVE_STYLE, NO_STOP, Stop, WidgetSet, build_view_bundle

HEAD_INTERVAL = 0.5  # seconds between two updates of the running clock
BODY_INTERVAL = 0.1  # seconds between two updates of the text
BODY_RATE = 9_000  # bytes per second to the page: a fast answer is 400 of them
BODY_BURST = 5_000  # bytes: a short answer is shown without any delay
ENVELOPE = 600  # bytes of a message to the page besides its content
SEGMENT_COST = 2_600  # bytes: to open, place and close a widget
SEGMENT_SIZE = 600  # characters of finished HTML that are worth a widget of their own
GROUP_SIZE = 16  # segments in a box: a box sends the ids of all its children when one is added
MAX_THOUGHT = 400  # characters of the reasoning that are shown until the answer begins


class LiveCard:
    """The widgets of one running step: head with Stop, the answer in segments, foot.

    Cards beside each other have heads of their own kind, share a ``budget``, and bring no ``style``; the more of
    them (``count``), the less often their clocks move: those cost as many bytes as text does.
    """

    def __init__(
        self,
        widgets: WidgetSet,
        card: Card,
        now: float,
        stop: Stop,
        *,
        style: str = "",
        budget: Budget | None = None,
        count: int = 1,
        build_head: Callable[[Card, float], str] = build_head,
    ) -> None:
        self._widgets = widgets
        self._build_head = build_head
        self._head_pace = Pace(interval=HEAD_INTERVAL * max(1.0, count / 2))
        self._body_pace = Pace(interval=BODY_INTERVAL, budget=budget or Budget(BODY_RATE, BODY_BURST))
        self._stop = stop
        self.answered_at = now  # when the answer was last sent
        self._answer = SegmentedMarkdown()
        self._placed = 0  # closed segments of the answer that have their widget
        self._groups: list[Any] = []
        self._shown: tuple[int, ...] = (0, 0, 0, 0)  # see `_measure_answer`
        self._waiting = card.waiting
        self._head = widgets.build_html(build_head(card, now))
        self._button = widgets.build_button("Stop", stop.press) if stop.takes_clicks else widgets.build_html(NO_STOP)
        self._tail = widgets.build_html("")
        self._body = widgets.build_box("VBox", (self._tail,), "hm-body")
        self._foot = widgets.build_html(build_foot(card))
        self._row = widgets.build_box("HBox", (self._head, self._button), "hm-live-head")
        attached = build_attached_html(card.step) if style else ""  # columns say it once, above them
        self._above = (self._row, widgets.build_html(attached)) if attached else (self._row,)
        self._below = (self._body, self._foot, *([widgets.build_html(style)] if style else ()))
        self._root = widgets.build_box("VBox", (*self._above, *self._below), "hm", "hm-live")
        self._called = LiveCalls(widgets)
        self._step_id = card.step.id

    @property
    def root(self) -> Any:
        """The widget that holds all others."""
        return self._root

    def build_bundle(self, text: str) -> dict[str, Any]:
        """The display of the card as long as it lives; ``text`` stands for it where there are no widgets."""
        return build_view_bundle(self._root.model_id, text)

    def update(self, card: Card, now: float) -> None:
        """Sends what is new and due."""
        if self._stop.is_pressed and not self._button.disabled:
            self._button.description, self._button.disabled = "Stopping…", True
        if card.step.status is not StepStatus.PENDING and len(self._row.children) > 1:
            self._row.children = (self._head,)
        if self._head_pace.is_due(now) or card.waiting != self._waiting:
            self._waiting = card.waiting
            self._head_pace.spend(0, now)
            self._send(self._head, self._build_head(card, now), now)
            self._send(self._foot, build_foot(card), now)
        if card.step.id != self._step_id:
            self._begin_answer(card)
        if self._called.update(card):
            self._root.children = (*self._above, *self._called.parts, *self._below)
        if _measure_answer(card) != self._shown and self._body_pace.is_due(now):
            self._shown = _measure_answer(card)
            self._show_answer(card, now)
            self.answered_at = now
            self._body_pace.spend(0, now)

    def _send(self, widget: Any, value: str, now: float) -> None:
        """Sets the HTML of ``widget`` if it changed, and counts what that sends."""
        if widget.value != value:
            widget.value = value
            self._body_pace.charge(len(value.encode()) + ENVELOPE, now)

    def _show_answer(self, card: Card, now: float) -> None:
        value = find_object(card.step)
        if value is not NOTHING:
            self._send(self._tail, build_object_html(value, {}, LIVE) + _build_extra(card), now)
            return
        self._answer.update(card.step.text)
        waiting = "".join(self._answer.closed[self._placed :])
        if len(waiting) >= SEGMENT_SIZE or "$" in waiting:
            self._place_segment(waiting, now)
            waiting = ""
        self._send(self._tail, waiting + self._answer.tail + _build_extra(card), now)

    def _begin_answer(self, card: Card) -> None:
        """Another request's answer: what the model said before it asked for tools stands above, with the calls."""
        self._step_id = card.step.id
        self._answer = SegmentedMarkdown()
        self._placed, self._groups, self._shown = 0, [], (0, 0, 0, 0)
        self._tail.value = ""
        self._body.children = (self._tail,)

    def _place_segment(self, value: str, now: float) -> None:
        """Gives finished HTML a widget of its own, which is never sent again."""
        segment = self._widgets.build_html(value, has_math="$" in value)
        if self._groups and len(self._groups[-1].children) < GROUP_SIZE:
            self._groups[-1].children = (*self._groups[-1].children, segment)
        else:
            self._groups.append(self._widgets.build_box("VBox", (segment,)))
            self._body.children = (*self._groups, self._tail)
        self._placed = len(self._answer.closed)
        self._body_pace.charge(len(value.encode()) + SEGMENT_COST, now)

    def finish(self, value: str) -> tuple[Any, ...]:
        """The card becomes one widget with the final HTML, without Stop; gives the widgets that it now needs."""
        final = self._widgets.build_html(LIVE_STYLE + value, has_math="$" in value)
        self._root.remove_class("hm")
        self._root.children = (final,)
        return self._root, final


def _measure_answer(card: Card) -> tuple[int, ...]:
    step = card.step
    return len(step.text), len(step.reasoning), len(step.refusal), len(step.tool_calls)


def _build_extra(card: Card) -> str:
    """What there is besides the answer: a refusal, and the end of the reasoning until the answer begins."""
    step = card.step
    if step.refusal:
        return f"<p>{escape(step.refusal)}</p>"
    if step.reasoning and not step.text:
        skipped = "… " if len(step.reasoning) > MAX_THOUGHT else ""
        return f"<p><em>reasoning: {skipped}{escape(step.reasoning[-MAX_THOUGHT:])}</em></p>"
    return ""
