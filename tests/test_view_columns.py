"""Columns: what reaches the page while several answers stream, each with its Stop, and that nothing is left behind."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import ipywidgets
import pytest
from test_view import VIEW_MIME, Page, list_widgets, page  # noqa: F401

from heliconemagic.records import Step, StepStatus
from heliconemagic.render.card import Card
from heliconemagic.render.card_state import REPLIES_MIME
from heliconemagic.render.comparison_state import Comparison, build_comparison
from heliconemagic.views.columns import ColumnsView, StaticColumnsView, TextColumnsView
from heliconemagic.views.live_card import BODY_BURST, BODY_RATE

STEP = Step(id="s", session_id="s", path="/x", gateway="demo", model="demo", messages=(), started_at=1_000.0)


def build_state(*texts: str, ended: tuple[int, ...] = ()) -> Comparison:
    """Answers that have come so far; those of the ``ended`` numbers are whole."""
    cards = []
    for number, text in enumerate(texts, start=1):
        step = replace(STEP, id=f"step-{number}", comparison="step-1", variant=number, text=text)
        if number in ended:
            step = replace(step, status=StepStatus.DONE, ended_at=1_001.0, finish_reason="stop")
        cards.append(Card(step=step))
    return build_comparison(cards, 1 if len(ended) == len(texts) else None)


def list_buttons() -> list[Any]:
    """The Stop buttons, in the order of their columns."""
    return [widget for widget in list_widgets() if isinstance(widget, ipywidgets.Button)]


def build_view(page: Page, count: int, **options: Any) -> ColumnsView:  # noqa: F811
    """A view of ``count`` columns whose Stops do nothing."""
    return ColumnsView(page.publish, [lambda: None] * count, page.clock, **options)


def test_columns_are_one_display_and_become_static(page: Page) -> None:  # noqa: F811
    """First a widget, then in the same place everything that a saved notebook needs, and every widget is closed."""
    view = build_view(page, 3)
    view.open(build_state("", "", ""))
    view.update(build_state("One *a*", "Two", "Three"))
    view.close(build_state("One *a*", "Two", "Three", ended=(1, 2, 3)))
    (live, live_id, _), (static, static_id, is_update) = page.displays
    assert VIEW_MIME in live and set(static) == {"text/html", "text/markdown", "text/plain", REPLIES_MIME}
    assert (is_update, live_id) == (True, static_id)
    assert "<em>a</em>" in static["text/html"]
    assert page.count("comm_close") == page.count("comm_open") > 10
    assert list_widgets() == []


def test_each_stop_stops_its_own(page: Page) -> None:  # noqa: F811
    """A click ends one answer; its button goes when it has ended, the others stay."""
    stopped: list[int] = []
    view = ColumnsView(page.publish, [lambda: stopped.append(1), lambda: stopped.append(2)], page.clock)
    view.open(build_state("", ""))
    list_buttons()[1].click()
    view.update(build_state("a", "b"))
    assert stopped == [2]
    assert [button.description for button in list_buttons()] == ["Stop", "Stopping…"]
    view.update(build_state("a", "b", ended=(2,)))
    rows = [widget for widget in list_widgets() if "hm-live-head" in getattr(widget, "_dom_classes", ())]
    assert [len(row.children) for row in rows] == [2, 1]
    view.close(build_state("a", "b", ended=(1, 2)))
    assert stopped == [2]


def test_columns_share_the_bytes_of_one_card(page: Page) -> None:  # noqa: F811
    """Ten fast answers send no more than one may, and none of them waits for ever."""
    view = build_view(page, 10)
    view.open(build_state(*[""] * 10))
    begun = page.measure()
    for tick in range(1, 101):
        page.now = 1_000.0 + tick / 10
        view.update(build_state(*["word " * 10 * tick] * 10))
    largest = max(size for _, _, size in page.messages)
    assert page.measure() - begun < BODY_RATE * 10 + BODY_BURST + 10 * largest + 30_000  # heads and feet besides
    tails = [widget.value for widget in list_widgets() if isinstance(widget, ipywidgets.HTML)]
    assert sum("word word" in tail for tail in tails) >= 10
    view.close(build_state(*["word"] * 10, ended=tuple(range(1, 11))))


def test_live_columns_stay_a_widget(page: Page) -> None:  # noqa: F811
    """With --live; what the page gets besides is readable and has the replies."""
    view = build_view(page, 2, is_live=True)
    view.open(build_state("", ""))
    view.close(build_state("One", "Two", ended=(1, 2)))
    bundle, _, is_update = page.displays[-1]
    assert is_update and VIEW_MIME in bundle and len(bundle[REPLIES_MIME]["replies"]) == 2
    assert list_buttons() == []
    for widget in list_widgets():
        widget.close()


def test_a_view_that_cannot_open_leaves_nothing(page: Page) -> None:  # noqa: F811
    """Neither widgets nor a display."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OSError("the page is gone")

    view = ColumnsView(refuse, [lambda: None], page.clock)
    with pytest.raises(OSError):
        view.open(build_state(""))
    assert list_widgets() == []


def test_static_columns_are_replaced_now_and_then(page: Page) -> None:  # noqa: F811
    """Where nobody sits: no widget, at most two updates a second, and none without news."""
    view = StaticColumnsView(page.publish, page.clock)
    view.open(build_state("", ""))
    for tick in range(20):
        page.now = 1_000.0 + tick / 10
        view.update(build_state("a" * tick, "b"))
    view.close(build_state("One", "Two", ended=(1, 2)))
    assert 4 <= len(page.displays) <= 6
    assert len({display_id for _, display_id, _ in page.displays}) == 1
    assert page.messages == []


def test_terminal_writes_whole_answers_one_after_the_other() -> None:
    """The first that speaks begins, though others arrive meanwhile; the figures come last; nothing is written twice."""
    written: list[str] = []
    view = TextColumnsView(written.append, lambda: 1_000.0)
    view.open(build_state("", ""))
    view.update(build_state("", "Two be"))
    view.update(build_state("One", "Two begins"))
    assert "".join(written) == "/x · 2 answers · demo\n\n--- 2 · demo ---\nTwo begins"
    view.update(build_state("One", "Two begins.", ended=(2,)))
    view.close(build_state("One.", "Two begins.", ended=(1, 2)))
    view.close(build_state("One.", "Two begins.", ended=(1, 2)))
    text = "".join(written)
    assert text.index("Two begins.") < text.index("--- 1 · demo ---") < text.index("One.") < text.index("first token")
    assert (text.count("Two begins"), text.count("One."), text.count("fastest: ")) == (1, 1, 1)


def test_terminal_shows_what_failed() -> None:
    """Each answer's own error; an escape sequence in an answer stays text."""
    written: list[str] = []
    view = TextColumnsView(written.append, lambda: 1_000.0)
    state = build_state("ok \x1b[31mred", "", ended=(1,))
    failed = replace(STEP, variant=2, comparison="step-1", status=StepStatus.FAILED, error="it broke", ended_at=1_001.0)
    view.close(build_comparison([state.cards[0], Card(step=failed)], 1))
    assert "it broke" in "".join(written)
    assert "\x1b" not in "".join(written)
    assert json.dumps("".join(written))
