"""How a running step is shown: a live card of widgets here, the forms without widgets beside it.

The only module that imports ipywidgets. It knows no IPython: displaying goes through a callable that is handed in.
A view is told of every change on the main thread, as often as the caller likes, and limits itself.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any, Protocol

from heliconemagic.records import StepStatus
from heliconemagic.render.card import REPLY_MIME, Card, build_bundle, build_foot, build_head
from heliconemagic.render.card_attached import build_attached_html
from heliconemagic.render.card_calls import build_trail_html
from heliconemagic.render.card_state import Choice, Question
from heliconemagic.render.markdown import SegmentedMarkdown
from heliconemagic.render.markup import escape
from heliconemagic.render.structured import LIVE, NOTHING, build_object_html, find_object
from heliconemagic.render.style import build_style
from heliconemagic.views.pace import Budget, Pace
from heliconemagic.views.plain import Clock, Publish, QuietView, StaticView, TextView, build_display_id, measure_trail

__all__ = ["Publish", "QuietView", "StaticView", "TextView", "View", "WidgetView"]

HEAD_INTERVAL = 0.5  # seconds between two updates of the running clock
BODY_INTERVAL = 0.1  # seconds between two updates of the text
BODY_RATE = 9_000  # bytes per second to the page: a fast answer is 400 of them
BODY_BURST = 5_000  # bytes: a short answer is shown without any delay
ENVELOPE = 600  # bytes of a message to the page besides its content
SEGMENT_COST = 2_600  # bytes: to open, place and close a widget
SEGMENT_SIZE = 600  # characters of finished HTML that are worth a widget of their own
GROUP_SIZE = 16  # segments in a box: a box sends the ids of all its children when one is added
NO_STOP = '<div class="hm-head"><span>interrupt the kernel to stop</span></div>'
MAX_THOUGHT = 400  # characters of the reasoning that are shown until the answer begins
# What the widgets' own style sheet would make different from the static card.
LIVE_STYLE = (
    "<style>.hm-live .widget-html,.hm-live .widget-htmlmath{margin:0}"
    ".hm-live .jp-RenderedHTMLCommon>.widget-html-content,.hm-live .jp-RenderedHTMLCommon>.widget-htmlmath-content"
    "{margin:0;line-height:var(--jp-content-line-height,1.6);font-size:var(--jp-content-font-size1,14px)}"
    ".hm-live .hm-columns .hm-body .widget-html .widget-html-content{font-size:13px}"
    ".hm-live .hm-columns .hm-body .widget-htmlmath .widget-htmlmath-content{font-size:13px}"
    ".hm-live .jp-RenderedHTMLCommon{padding-right:0}.hm-live .hm-live-head .hm-head{background:none}"
    ".hm-live .hm-part,.hm-live .hm-part pre{margin:0!important}"
    ".hm-live-head .jupyter-button,.hm-ask .jupyter-button{width:auto;"
    "height:24px;line-height:22px;margin:0 10px 0 0;padding:0 10px;"
    "border:1px solid var(--hm-line);border-radius:6px;background:none;font-size:12px}</style>"
)


class View(Protocol):
    """What follows one step; each method is called on the main thread, `update` on a click's too."""

    @property
    def takes_answers(self) -> bool:
        """Whether the card's question can be answered by a click."""

    def open(self, card: Card) -> None:
        """The step begins. If this fails, nothing is left behind."""

    def update(self, card: Card) -> None:
        """Something may have changed, at least the time."""

    def close(self, card: Card) -> None:
        """The step has ended, in whatever way. May be called without `open`, and twice."""


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


class Stop:
    """What a Stop button does: at most once, and not after the end. Clicks come on any thread.

    ``on_stop`` is None where no click would get through.
    """

    def __init__(self, on_stop: Callable[[], None] | None) -> None:
        self._on_stop = on_stop
        self._lock = threading.Lock()
        self._is_closed = False
        self.is_pressed = False

    @property
    def takes_clicks(self) -> bool:
        """Whether there can be a button."""
        return self._on_stop is not None

    def press(self, _button: Any = None) -> None:
        """A click."""
        with self._lock:
            if self.is_pressed or self._is_closed or self._on_stop is None:
                return
            self.is_pressed = True
        self._on_stop()

    def close(self) -> None:
        """There is nothing left to stop."""
        self._is_closed = True


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
        view = {"version_major": 2, "version_minor": 0, "model_id": self._root.model_id}
        return {"application/vnd.jupyter.widget-view+json": view, "text/plain": text}

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


class LiveCalls:
    """The widgets of a cell's tool calls, made when there are any: the calls so far, and a question with buttons."""

    def __init__(self, widgets: WidgetSet) -> None:
        self._widgets = widgets
        self._trail: Any = None  # the box of the calls
        self._calls: Any = None
        self._shown: tuple[Any, ...] = ()
        self._question: Question | None = None
        self._asking: Any = None
        self._asked: tuple[Any, ...] = ()  # all widgets of the question

    @property
    def parts(self) -> tuple[Any, ...]:
        """The widgets that stand between head and answer now."""
        return tuple(part for part in (self._trail, self._asking) if part is not None)

    def update(self, card: Card) -> bool:
        """Shows what is new; True if `parts` are others now."""
        before = self.parts
        if (measured := measure_trail(card)) != self._shown:
            self._shown = measured
            if self._trail is None:
                self._calls = self._widgets.build_html("")
                self._trail = self._widgets.build_box("VBox", (self._calls,), "hm-body")
            self._calls.value = build_trail_html(card.trail)
        asked = card.question.asked if card.question else None
        if asked != (self._question.asked if self._question else None):
            self._question = card.question
            self._widgets.close_now(self._asked)
            self._asking = self._build_question(card.question) if card.question else None
        return self.parts != before

    def _build_question(self, question: Question) -> Any:
        text = self._widgets.build_html(f"<p><strong>Run this?</strong> <code>{escape(question.asked)}</code></p>")
        buttons = [self._build_choice(question, choice) for choice in Choice]
        row = self._widgets.build_box("HBox", tuple(buttons), "hm-ask")
        whole = self._widgets.build_box("VBox", (text, row), "hm-body")
        self._asked = (whole, row, text, *buttons)
        return whole

    def _build_choice(self, question: Question, choice: Choice) -> Any:
        return self._widgets.build_button(choice.value, lambda _: question.choose(choice))


class WidgetSet:
    """Makes widgets that share one layout and, by kind, one style, and closes them all, with those."""

    def __init__(self) -> None:
        import ipywidgets

        self._ipywidgets = ipywidgets
        self._made: list[Any] = []
        self._layout: dict[str, Any] = {}
        self._styles: dict[str, dict[str, Any]] = {}

    def build_html(self, value: str, *, has_math: bool = False) -> Any:
        """A piece of HTML, looking as HTML output of a cell does. Math is set anew at each update, visibly."""
        kind = "HTMLMath" if has_math else "HTML"
        # The class as an argument, not by add_class: that would be another message for each widget.
        widget = self._build(kind, value, _dom_classes=("jp-RenderedHTMLCommon",), **self._styles.get(kind, {}))
        self._styles[kind] = {"style": widget.style}
        return widget

    def build_box(self, kind: str, children: tuple[Any, ...], *classes: str) -> Any:
        """A ``VBox`` or ``HBox``."""
        return self._build(kind, children, _dom_classes=classes)

    def build_button(self, description: str, on_click: Callable[[Any], None]) -> Any:
        """A button whose clicks get through while a cell is running."""
        button = self._build("Button", description=description)
        button.on_click(on_click)
        # ipykernel 7.4 delivers a click not to the subshell that the front end names, which is free, but to the one
        # that the widget was made in: the main one, which is busy during a synchronous cell. This gives the front
        # end's choice back. The name is private; where it doesn't exist there is nothing to do.
        if hasattr(button.comm, "_reply_subshell_for"):
            button.comm._reply_subshell_for = lambda data, default: default
        return button

    def _build(self, kind: str, *args: Any, **traits: Any) -> Any:
        widget = getattr(self._ipywidgets, kind)(*args, **self._layout, **traits)
        self._layout = {"layout": widget.layout}
        self._made.append(widget)
        return widget

    def close_now(self, widgets: tuple[Any, ...]) -> None:
        """Closes some before the end, without the layout and style that they may share."""
        for widget in widgets:
            widget.close()

    def close(self, keep: tuple[Any, ...] = ()) -> None:
        """Closes all widgets but ``keep``, even if closing one of them fails. May be called twice."""
        kept = {id(part) for widget in keep for part in _list_parts(widget)}
        with contextlib.ExitStack() as stack:
            for widget in self._made:
                for part in _list_parts(widget):
                    if id(part) not in kept:
                        stack.callback(part.close)
        self._made = list(keep)


def _list_parts(widget: Any) -> list[Any]:
    """A widget, and the widgets that describe how it looks."""
    parts = (widget, getattr(widget, "layout", None), getattr(widget, "style", None))
    return [part for part in parts if part is not None]


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
