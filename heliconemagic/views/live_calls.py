"""The widgets of a cell's tool calls, and of the question that comes before one."""

from __future__ import annotations

from typing import Any

from heliconemagic.render.card import Card
from heliconemagic.render.card_calls import build_trail_html
from heliconemagic.render.card_state import Choice, Question
from heliconemagic.render.markup import escape
from heliconemagic.views.plain import measure_trail
from heliconemagic.views.widgets import WidgetSet


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
