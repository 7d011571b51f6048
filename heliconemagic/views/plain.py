"""How a running step is shown without widgets: static HTML, text in a terminal, or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from heliconemagic.records import StepKind, StepStatus
from heliconemagic.render.card import Card, build_bundle, build_foot_text, build_head_text
from heliconemagic.render.card_answer import find_problems
from heliconemagic.render.card_calls import list_trail_lines
from heliconemagic.render.structured import NOTHING, build_object_text, find_object
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.views.pace import Pace

STATIC_INTERVAL = 0.5  # seconds between two updates of static HTML
STATIC_RATE = 50_000  # bytes per second: every update is the whole answer again

Clock = Callable[[], float]
"""Seconds since the epoch."""


class Publish(Protocol):
    """Displays a MIME bundle, or replaces what is displayed under ``display_id``."""

    def __call__(self, bundle: dict[str, Any], *, display_id: str, update: bool) -> None:
        """Called on the main thread."""


def build_display_id(card: Card) -> str:
    """The id under which the display of a step is replaced."""
    return f"heliconemagic-{card.step.id}"


class QuietView:
    """Shows nothing, of whatever there is."""

    takes_answers = False

    def open(self, card: object) -> None:
        """Shows nothing."""

    def update(self, card: object) -> None:
        """Shows nothing."""

    def close(self, card: object) -> None:
        """Shows nothing."""


class StaticView:
    """HTML that is replaced now and then, for front ends where nobody sits (nbclient, papermill): no widget."""

    takes_answers = False

    def __init__(self, publish: Publish, clock: Clock) -> None:
        self._publish = publish
        self._clock = clock
        self._pace = Pace(interval=STATIC_INTERVAL, rate=STATIC_RATE, burst=STATIC_RATE)
        self._display_id = ""  # fixed when it is first displayed: the step of a cell with tools changes
        self._shown: tuple[Any, ...] = ()

    def open(self, card: Card) -> None:
        """Displays the card as it begins."""
        self._show(card)

    def update(self, card: Card) -> None:
        """Shows what is new, as far as it is time to; the time alone is not."""
        if self._pace.is_due(self._clock()) and read_content(card) != self._shown:
            self._show(card)

    def close(self, card: Card) -> None:
        """Shows the final form."""
        self._show(card)

    def _show(self, card: Card) -> None:
        bundle = build_bundle(card)
        update = bool(self._display_id)
        self._display_id = self._display_id or build_display_id(card)
        self._publish(bundle, display_id=self._display_id, update=update)
        self._shown = read_content(card)
        self._pace.spend(sum(len(str(value)) for value in bundle.values()), self._clock())


_CUT_SEQUENCE = re.compile(
    r"(?:(?:\x1b\[|\x9b)[0-?]*[ -/]*"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*\x1b?"
    r"|\x1b[ -/]*)\Z"
)
"""The beginning of an escape sequence at the end of a text: the forms of `make_safe_text`."""


class TextView:
    """Text that streams into a terminal, between a line of head and a line of foot. The error prints itself."""

    takes_answers = False

    def __init__(
        self,
        write: Callable[[str], None],
        clock: Clock,
        build_head: Callable[[Card, float], str] = build_head_text,
    ) -> None:
        self._write = write
        self._build_head = build_head
        self._clock = clock
        self._taken = 0  # characters of the answer that were taken in
        self._held = ""  # what may be the beginning of an escape sequence
        self._last = "\n"  # the last character that was written
        self._waiting = ""
        self._is_reasoning = False
        self._step_id = ""  # of the request whose answer is written
        self._calls = 0  # that were written
        self._is_closed = False

    def open(self, card: Card) -> None:
        """Writes the head."""
        self._write_line(self._build_head(card, self._clock()))

    def update(self, card: Card) -> None:
        """Writes the new part of the answer, and why nothing comes if the step waits."""
        if card.waiting and card.waiting != self._waiting:
            self._write_line(f"[{make_safe_text(card.waiting)}]")
        self._waiting = card.waiting
        if card.step.reasoning and not card.step.text and not self._is_reasoning:
            self._is_reasoning = True
            self._write_line("[reasoning …]")
        self._write_answer(card)

    def close(self, card: Card) -> None:
        """Writes the rest and the foot."""
        if self._is_closed:
            return
        self._is_closed = True
        self._write_answer(card)
        self._write_text(make_safe_text(self._held))
        self._write_object(card)
        self._write_line(build_foot_text(card))

    def _write_object(self, card: Card) -> None:
        """An answer in JSON streams as it is, and stands there readable at the end."""
        value = find_object(card.step)
        if value is not NOTHING:
            self._write_line("")
            self._write_line("\n" + build_object_text(value, find_problems(card)))

    def _write_answer(self, card: Card) -> None:
        """The new part of the answer; before another request's answer, the calls that ended."""
        if card.step.id != self._step_id:
            self._write_text(make_safe_text(self._held))
            self._step_id, self._taken, self._held = card.step.id, 0, ""
        ended = [step for step in card.trail if step.kind is StepKind.TOOL and step.status is not StepStatus.PENDING]
        for line in list_trail_lines(ended[self._calls :]):
            self._write_line(line)
        self._calls = max(self._calls, len(ended))
        self._write_new(card.step.text)

    def _write_new(self, text: str) -> None:
        new = self._held + text[self._taken :]
        self._taken = len(text)
        cut = _CUT_SEQUENCE.search(new)
        end = cut.start() if cut else len(new)
        self._held = new[end:]
        self._write_text(make_safe_text(new[:end]))

    def _write_line(self, line: str) -> None:
        if line:
            self._write_text(("" if self._last == "\n" else "\n") + line + "\n")

    def _write_text(self, text: str) -> None:
        if text:
            self._last = text[-1]
            self._write(text)


def read_content(card: Card) -> tuple[Any, ...]:
    """What makes a card look different, besides the time."""
    step = card.step
    answer = len(step.text), len(step.reasoning), len(step.refusal), len(step.tool_calls)
    return *answer, card.waiting, card.notes, measure_trail(card)


def measure_trail(card: Card) -> tuple[Any, ...]:
    """What makes the tool calls of a card look different."""
    return tuple((step.id, step.status) for step in card.trail)
