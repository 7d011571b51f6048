"""A question to the person before a tool is called; it can be followed as a request is, until it is answered."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable

from heliconemagic.render.card_state import Choice, Question
from heliconemagic.render.terminal import make_safe_text


class OpenQuestion:
    """Waits for a click on one of the card's buttons; the first one counts, on whatever thread it comes."""

    def __init__(self, asked: str) -> None:
        self.done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self.has_text = threading.Event()
        self.answer = Choice.STOP
        self._lock = threading.Lock()
        self._asked = asked

    @property
    def is_done(self) -> bool:
        """Whether it was answered."""
        return self.done.done()

    def call_on_first_text(self, callback: Callable[[], None]) -> None:
        """Nothing arrives before the answer."""

    def cancel(self) -> None:
        """Takes the question back: nothing is called."""
        self.choose(Choice.STOP)

    def choose(self, choice: Choice) -> None:
        """Takes the answer."""
        with self._lock:
            if not self.is_done:
                self.answer = choice
                self.done.set_result(None)
                self.has_text.set()

    def build_shown(self) -> Question | None:
        """What the card shows, until it is answered."""
        return None if self.is_done else Question(asked=self._asked, choose=self.choose)


_ANSWERS = {"r": Choice.RUN, "run": Choice.RUN, "y": Choice.RUN, "yes": Choice.RUN}
_ANSWERS |= {"s": Choice.SKIP, "skip": Choice.SKIP, "n": Choice.SKIP, "no": Choice.SKIP}
_ANSWERS |= {"x": Choice.STOP, "stop": Choice.STOP, "q": Choice.STOP}


def ask_in_words(asked: str, ask: Callable[[str], str]) -> Choice:
    """The same question where no click gets through: typed, and asked again until the answer is one."""
    while True:
        typed = ask(f"{make_safe_text(asked)}\n[r]un, [s]kip or stop [x]? ").strip().casefold()
        if typed in _ANSWERS:
            return _ANSWERS[typed]
