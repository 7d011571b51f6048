"""Views: what reaches the page while a step runs, how much of it, and that nothing is left behind."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import comm
import ipywidgets
import pytest
from comm.base_comm import BaseComm

from heliconemagic.records import Step, StepStatus
from heliconemagic.render.card import REPLY_MIME, Card
from heliconemagic.views.live import WidgetView
from heliconemagic.views.pace import Pace
from heliconemagic.views.plain import QuietView, StaticView, TextView
from heliconemagic.views.view import View
from heliconemagic.views.widgets import LIVE_STYLE

ENVELOPE = 500  # bytes of a message's headers, as measured between a kernel and JupyterLab
VIEW_MIME = "application/vnd.jupyter.widget-view+json"
CHARS_PER_SECOND = 400  # of an answer that comes at 100 tokens a second


class Page:
    """The other end: what was displayed, and every widget message with its size in bytes."""

    def __init__(self) -> None:
        self.displays: list[tuple[dict[str, Any], str, bool]] = []
        self.messages: list[tuple[str, dict[str, Any], int]] = []
        self.now = 1_000.0

    def publish(self, bundle: dict[str, Any], *, display_id: str, update: bool) -> None:
        """Takes a display."""
        self.displays.append((bundle, display_id, update))

    def clock(self) -> float:
        """The time, which stands still unless a test moves it."""
        return self.now

    def take(self, kind: str, content: dict[str, Any]) -> None:
        """Takes a message of a widget."""
        self.messages.append((kind, content, len(json.dumps(content, ensure_ascii=False).encode())))

    def count(self, kind: str) -> int:
        """How many messages of a kind came."""
        return sum(message[0] == kind for message in self.messages)

    def read_updates(self) -> list[dict[str, Any]]:
        """The states that updates brought, oldest first."""
        return [content["data"]["state"] for kind, content, _ in self.messages if kind == "comm_msg"]

    def measure(self) -> int:
        """All bytes so far."""
        shown = sum(len(json.dumps(bundle, ensure_ascii=False).encode()) for bundle, _, _ in self.displays)
        sent = sum(size for _, _, size in self.messages)
        return shown + sent + ENVELOPE * (len(self.displays) + len(self.messages))

    def read_html(self) -> str:
        """All HTML that ever was in a widget."""
        states = [content["data"].get("state", {}) for _, content, _ in self.messages]
        return "\n".join(state["value"] for state in states if "value" in state)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page that counts; at the end every widget must be gone."""
    page = Page()

    class CountingComm(BaseComm):
        def publish_msg(self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any):
            page.take(msg_type, {"data": data, "metadata": metadata, "comm_id": self.comm_id, **keys})

        def _reply_subshell_for(self, data: Any, default: str) -> str:
            return "the busy one"

    monkeypatch.setattr(comm, "create_comm", CountingComm)  # the package's documented way to provide comms
    yield page
    left = list_widgets()
    for widget in left:
        widget.close()
    assert left == []


def list_widgets() -> list[Any]:
    """The widgets that are open."""
    return list(ipywidgets.widgets.widget._instances.values())


def build_card(text: str = "", **changes: Any) -> Card:
    """The card of a running step whose answer is ``text`` so far."""
    of_card = {key: changes.pop(key) for key in ("waiting", "notes") if key in changes}
    fields = {"id": "step-1", "session_id": "s", "path": "/outline", "gateway": "demo", "model": "demo", "messages": ()}
    return Card(step=Step(**{**fields, "started_at": 1_000.0, "text": text, **changes}), **of_card)


def end(card: Card, now: float) -> Card:
    """The same card, finished."""
    return replace(card, step=replace(card.step, status=StepStatus.DONE, ended_at=now, finish_reason="stop"))


def play(view: View, page: Page, text: str, *, tick: float = 0.1, **changes: Any) -> None:
    """Streams ``text`` through a view, told of it every ``tick`` seconds."""
    view.open(build_card(**changes))
    while (arrived := int((page.now - 1_000.0) * CHARS_PER_SECOND)) < len(text):
        view.update(build_card(text[:arrived], **changes))
        page.now += tick
    view.close(end(build_card(text, **changes), page.now))


def build_widget_view(page: Page, **options: Any) -> WidgetView:
    """A view whose Stop does nothing."""
    return WidgetView(page.publish, lambda: None, page.clock, **options)


def find_button() -> Any:
    """The Stop button."""
    return next(widget for widget in list_widgets() if isinstance(widget, ipywidgets.Button))


# ---- the live card


def test_card_is_displayed_live_and_becomes_static(page: Page) -> None:
    """First a widget with a fallback, then, in the same place, everything that a saved notebook needs."""
    play(build_widget_view(page), page, "A *short* answer.")
    (live, live_id, is_live_update), (static, static_id, is_update) = page.displays
    assert set(live) == {VIEW_MIME, "text/plain"}
    assert live[VIEW_MIME]["version_major"] == 2
    assert (is_live_update, is_update, live_id) == (False, True, static_id)
    assert VIEW_MIME not in static
    assert "<em>short</em>" in static["text/html"]


def test_every_widget_is_closed(page: Page) -> None:
    """Widgets, layouts and styles: what was opened is closed, none remains."""
    play(build_widget_view(page), page, "A line.\n\n" * 500)
    assert page.count("comm_open") > 20
    assert page.count("comm_close") == page.count("comm_open")
    assert list_widgets() == []


def test_first_text_is_shown_at_once(page: Page) -> None:
    """The first token doesn't wait for the next tick."""
    view = build_widget_view(page)
    view.open(build_card())
    view.update(build_card())
    view.update(build_card("Now"))
    assert "<p>Now</p>" in page.read_html()
    view.close(build_card("Now"))


def test_updates_are_at_most_ten_a_second(page: Page) -> None:
    """However often the view is told, the page isn't."""
    view = build_widget_view(page)
    view.open(build_card())
    before = page.count("comm_msg")
    for number in range(1, 1_000):
        page.now = 1_000.0 + number / 1_000
        view.update(build_card("word " * number))
    assert 5 <= page.count("comm_msg") - before <= 10 + 3
    view.close(build_card())


def test_only_what_changed_is_sent(page: Page) -> None:
    """An update carries the one trait that changed."""
    play(build_widget_view(page), page, "Some words. " * 60)
    assert page.read_updates()
    assert all(len(state) == 1 for state in page.read_updates())


ASKED_FOR_JSON = {"response_format": {"type": "json_object"}}
ROWS = json.dumps({"title": "Sky", "rows": [{"name": f"star {i}", "light": i, "tags": ["a"]} for i in range(4_000)]})


def test_an_object_grows_in_the_card(page: Page) -> None:
    """As tables, never as JSON; the rows that come last are seen."""
    play(build_widget_view(page), page, ROWS[:3_000], parameters=ASKED_FOR_JSON)
    shown = page.read_html()
    assert "<th>title</th><td>Sky</td>" in shown and "<td>star 40</td>" in shown
    assert "&quot;rows&quot;" not in shown and re.search(r"… \d+ items before", shown)


def test_bytes_of_a_growing_object_are_bounded(page: Page) -> None:
    """At 100 tokens a second the page is sent at most 50 times the answer, however long it becomes."""
    for size in (3_000, 16_000, 100_000):
        page.displays.clear()
        page.messages.clear()
        page.now = 1_000.0
        play(build_widget_view(page), page, ROWS[:size], parameters=ASKED_FOR_JSON)
        assert page.measure() / size <= 50


def test_a_terminal_shows_the_object_at_the_end(page: Page) -> None:
    """The JSON streams as it comes, then stands there readable."""
    written: list[str] = []
    play(TextView(written.append, page.clock), page, '{"title": "Sky", "rows": [1]}', parameters=ASKED_FOR_JSON)
    assert '{"title": "Sky", "rows": [1]}\n\ntitle  Sky\nrows\n  - 1\n' in "".join(written)


PARAGRAPH = "Stars are born in clouds of gas and dust that *collapse* under their **own** weight, and glow. "
SHAPES = {
    "paragraphs": (PARAGRAPH * 3 + "\n\n") * 600,
    "fence": "```python\n" + "".join(f"value_{i} = compute(value_{i}, 0.5)  # step {i}\n" for i in range(4_000)),
    "list": "".join(f"- item {i}: {PARAGRAPH[:60]}\n" for i in range(2_400)),
    "one paragraph": PARAGRAPH * 1_800,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_bytes_to_the_page_are_bounded(page: Page, shape: str) -> None:
    """At 100 tokens a second the page is sent at most 50 times the answer, and no worse for long answers."""
    ratios = []
    for size in (3_000, 16_000, 160_000):
        page.displays.clear()
        page.messages.clear()
        page.now = 1_000.0
        play(build_widget_view(page), page, SHAPES[shape][:size])
        ratios.append(page.measure() / size)
    assert max(ratios) <= 50
    assert ratios == sorted(ratios, reverse=True)


def test_segments_hold_the_answer_once(page: Page) -> None:
    """What is placed in a segment is neither sent again nor lost."""
    view = build_widget_view(page)
    view.open(build_card())
    text = "".join(f"Paragraph number {i} ends here.\n\n" for i in range(300))
    for arrived in range(0, len(text) + 1, 50):
        page.now += 5
        view.update(build_card(text[:arrived]))
    page.now += 5
    view.update(build_card(text + "The end."))
    shown = "".join(widget.value for widget in list_widgets() if isinstance(widget, ipywidgets.HTML))
    assert [shown.count(f"number {i} ends") for i in range(300)] == [1] * 300
    assert "The end." in shown
    view.close(build_card(text))


def test_math_is_set_where_it_is_finished(page: Page) -> None:
    """A finished block with math becomes a widget that typesets it."""
    view = build_widget_view(page)
    view.open(build_card())
    view.update(build_card("It is $a^2$ here.\n\nAnd then"))
    values = [widget.value for widget in list_widgets() if isinstance(widget, ipywidgets.HTMLMath)]
    assert len(values) == 1
    assert "$a^2$" in values[0]
    view.close(build_card())


def test_clock_runs_without_text(page: Page) -> None:
    """While nothing arrives the head is updated, two to four times a second."""
    view = build_widget_view(page)
    view.open(build_card())
    for _ in range(20):
        page.now += 0.1
        view.update(build_card())
    values = [state["value"] for state in page.read_updates() if "value" in state]
    assert 4 <= len(values) <= 8
    assert values == sorted(set(values), key=values.index)
    view.close(build_card())


def test_waiting_is_shown_at_once(page: Page) -> None:
    """A retry's countdown doesn't wait for the clock's next tick."""
    view = build_widget_view(page)
    view.open(build_card())
    view.update(build_card(waiting="retrying in 4 s (429)"))
    view.update(build_card(waiting="retrying in 3 s (429)"))
    html = page.read_html()
    assert "retrying in 4 s (429)" in html
    assert "retrying in 3 s (429)" in html
    view.close(build_card())


def test_reasoning_is_shown_until_the_answer_begins(page: Page) -> None:
    """A bounded end of the reasoning stands in the body, escaped, and gives way to the answer."""
    view = build_widget_view(page)
    view.open(build_card())
    view.update(build_card(reasoning="old " * 500 + "<b>so</b>"))
    thought = page.read_updates()[-1]["value"]
    assert "&lt;b&gt;so&lt;/b&gt;" in thought
    assert len(thought) < 1_000
    page.now += 2
    view.update(build_card("Because.", reasoning="old"))
    assert "reasoning" not in page.read_updates()[-1]["value"]
    view.close(build_card())


def test_refusal_is_shown_while_it_streams(page: Page) -> None:
    """A refusal is text of the answer's place."""
    view = build_widget_view(page)
    view.open(build_card())
    view.update(build_card(refusal="I can't <i>help</i>."))
    assert "I can&#x27;t &lt;i&gt;help&lt;/i&gt;." in page.read_html()
    view.close(build_card())


def test_hostile_answer_is_text_in_every_message(page: Page) -> None:
    """Scripts, handlers, links and images of an answer never reach the page as such, in no state of the stream."""
    attack = "<script>alert(1)</script> <img src=x onerror=alert(2)> [a](javascript:alert(3)) ![b](http://evil.example/c)\n\n"
    play(build_widget_view(page), page, attack * 20, tick=0.01)
    html = (page.read_html() + page.displays[-1][0]["text/html"]).lower()
    assert not any(bad in html for bad in ("<script", "<img", 'href="javascript'))


# ---- Stop


def test_stop_asks_once_and_says_so(page: Page) -> None:
    """The first click counts; the button then says that it was heard."""
    clicks: list[str] = []
    view = WidgetView(page.publish, lambda: clicks.append("stop"), page.clock)
    view.open(build_card())
    button = find_button()
    button.click()
    button.click()
    view.update(build_card())
    assert clicks == ["stop"]
    assert (button.description, button.disabled) == ("Stopping…", True)
    view.close(build_card())


def test_stop_keeps_its_word_where_there_is_little_room() -> None:
    """The head beside it wraps instead: a button that shrinks says "S…"."""
    rules = re.findall(r"([^{}]*)\{([^{}]*)\}", LIVE_STYLE)
    assert any(".hm-live-head .jupyter-button" in selector and "flex:none" in rule for selector, rule in rules)


def test_click_after_the_end_does_nothing(page: Page) -> None:
    """A click that was on its way when the step ended is too late."""
    clicks: list[str] = []
    view = WidgetView(page.publish, lambda: clicks.append("stop"), page.clock)
    view.open(build_card())
    button = find_button()
    view.close(build_card())
    button.click()
    view.update(build_card("late"))
    assert clicks == []


def test_clicks_take_the_route_that_the_front_end_chose(page: Page) -> None:
    """A kernel that would hand a click to the busy main thread is told not to."""
    view = build_widget_view(page)
    view.open(build_card())
    assert find_button().comm._reply_subshell_for({"method": "custom"}, "the free one") == "the free one"
    view.close(build_card())


# ---- lifetimes


def test_open_that_fails_leaves_nothing(page: Page) -> None:
    """Where displaying fails, the widgets that were made are closed, and the end can still be shown."""
    is_broken = [True]

    def publish(bundle: dict[str, Any], *, display_id: str, update: bool) -> None:
        if is_broken.pop():
            raise OSError("no page")
        page.publish(bundle, display_id=display_id, update=update)

    view = WidgetView(publish, lambda: None, page.clock)
    with pytest.raises(OSError, match="no page"):
        view.open(build_card())
    assert list_widgets() == []
    is_broken.append(False)
    view.close(build_card("done"))
    assert page.displays[-1][2] is False


def test_close_that_fails_leaves_no_widget(page: Page) -> None:
    """Whatever happens to the last display, the widgets are closed."""
    view = build_widget_view(page)
    view.open(build_card())
    with pytest.raises(AttributeError):
        view.close(None)
    assert list_widgets() == []


@pytest.mark.parametrize("is_opened", [True, False])
def test_close_may_come_twice_and_without_open(page: Page, is_opened: bool) -> None:
    """The final form is displayed exactly once."""
    view = build_widget_view(page)
    if is_opened:
        view.open(build_card())
    view.close(build_card("done"))
    view.close(build_card("done"))
    assert sum("text/html" in bundle for bundle, _, _ in page.displays) == 1


def test_live_card_stays_a_widget_without_stop(page: Page) -> None:
    """With `--live` the finished card remains in its place, as one widget with the final HTML."""
    view = build_widget_view(page, is_live=True)
    play(view, page, "Look [here].\n\n[here]: https://example.com\n")
    kept = list_widgets()
    (root,) = [widget for widget in kept if isinstance(widget, ipywidgets.VBox)]
    _, (final, _, is_update) = page.displays
    assert (is_update, set(final)) == (True, {VIEW_MIME, "text/plain", REPLY_MIME})
    assert "Look [here]" in final["text/plain"]
    assert root.model_id == page.displays[0][0][VIEW_MIME]["model_id"]
    assert 'href="https://example.com"' in root.children[0].value
    assert not any(isinstance(widget, ipywidgets.Button) for widget in kept)
    for widget in kept:
        widget.close()


def test_where_no_click_gets_through_the_card_says_what_to_do(page: Page) -> None:
    """No button that does nothing: the kernel's interrupt is named instead."""
    view = WidgetView(page.publish, None, page.clock)
    view.open(build_card())
    widgets = list_widgets()
    view.close(build_card())
    assert not [widget for widget in widgets if type(widget).__name__ == "Button"]
    assert [widget for widget in widgets if "interrupt the kernel" in getattr(widget, "value", "")]


def test_ipywidgets_is_imported_only_when_a_card_opens() -> None:
    """Loading the module costs nothing of the widget library."""
    code = "import sys, heliconemagic.views.live; print('ipywidgets' in sys.modules, 'markdown_it' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["False", "False"], "")


# ---- the views without widgets


def test_static_view_makes_no_widget_and_ends_whole(page: Page) -> None:
    """Where nobody sits, the same display is replaced, at most twice a second, by ordinary HTML."""
    play(StaticView(page.publish, page.clock), page, "word " * 400)
    seconds = page.now - 1_000.0
    assert page.messages == []
    assert 3 <= len(page.displays) <= 2 * seconds + 2
    assert [update for _, _, update in page.displays] == [False] + [True] * (len(page.displays) - 1)
    assert page.displays[-1][0]["text/html"].count("word ") + 1 == 400


def test_static_view_is_silent_while_only_time_passes(page: Page) -> None:
    """A page that nobody watches needs no clock."""
    view = StaticView(page.publish, page.clock)
    view.open(build_card())
    for _ in range(50):
        page.now += 0.1
        view.update(build_card())
    assert len(page.displays) == 1
    view.update(build_card(waiting="retrying in 4 s"))
    assert "retrying in 4 s" in page.displays[-1][0]["text/html"]


def test_static_view_sends_long_answers_less_often(page: Page) -> None:
    """Each update is the whole answer: what is sent grows with the time, not with its square."""
    play(StaticView(page.publish, page.clock), page, SHAPES["paragraphs"][:20_000])
    assert page.measure() <= 200 * 20_000


def write_text(*cards: Card, now: float = 1_000.0) -> str:
    """What a text view writes that is told of ``cards``, the last of which is the end."""
    written: list[str] = []
    view = TextView(written.append, lambda: now)
    view.open(cards[0])
    for card in cards[:-1]:
        view.update(card)
    view.close(cards[-1])
    view.close(cards[-1])
    return "".join(written)


def test_text_streams_between_head_and_foot() -> None:
    """The answer is written once, as it comes, between two lines of plain text."""
    cards = [build_card(), build_card("One"), build_card("One, two"), end(build_card("One, two."), 1_002.5)]
    head, answer, *foot = write_text(*cards).splitlines()
    assert head.startswith("/outline")
    assert answer == "One, two."
    assert "2.5 s" in "\n".join(foot)


@pytest.mark.parametrize("cut", range(1, 22))
def test_escape_sequence_in_pieces_does_not_leak(cut: int) -> None:
    """Wherever the stream cuts a terminal's escape sequence, nothing of it is written."""
    text = "a\x1b[31mred\x1b]0;title\x07b\x9b2Jc"
    written = write_text(build_card(), build_card(text[:cut]), end(build_card(text), 1_001.0))
    assert written.splitlines()[1] == "aredbc"


def test_unfinished_escape_sequence_at_the_end_is_dropped() -> None:
    """What was held back is made safe when the answer ends."""
    written = write_text(build_card(), build_card("done\x1b["), end(build_card("done\x1b["), 1_001.0))
    assert written.splitlines()[1] == "done"
    assert "\x1b" not in written


def test_text_says_why_nothing_comes() -> None:
    """Waiting and reasoning get a line each, once."""
    waiting = build_card(waiting="retrying in 4 s (429)")
    thinking = build_card(reasoning="hm")
    written = write_text(build_card(), waiting, waiting, thinking, thinking, end(build_card("Yes."), 1_001.0))
    assert written.count("[retrying in 4 s (429)]\n") == 1
    assert written.count("[reasoning …]\n") == 1


def test_quiet_view_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """It takes everything and shows nothing."""
    view = QuietView()
    view.open(build_card())
    view.update(build_card("text"))
    view.close(build_card("text"))
    assert capsys.readouterr().out == ""


# ---- the pace


def test_pace_limits_by_time() -> None:
    """Within the interval nothing is due, after it the next."""
    pace = Pace(interval=0.5)
    assert pace.is_due(10.0)
    pace.spend(1, 10.0)
    assert not pace.is_due(10.4)
    assert pace.is_due(10.5)


def test_pace_makes_up_for_what_was_large() -> None:
    """It may be overdrawn once, and then waits in proportion."""
    pace = Pace(interval=0.1, rate=100, burst=50)
    pace.is_due(10.0)
    pace.spend(1_050, 10.0)
    assert not pace.is_due(19.9)
    assert pace.is_due(20.1)


def test_pace_survives_a_clock_that_is_set_back() -> None:
    """The wall clock may jump; the page doesn't stand still for that."""
    pace = Pace(interval=0.5, rate=100, burst=50)
    pace.spend(1, 5_000.0)
    assert pace.is_due(1_000.0)
