"""The panel's widgets without a kernel: what reaches the page, how much of it, and that nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from panel_samples import Desk, build_panel_step, build_panel_steps
from test_view import VIEW_MIME, Page, list_widgets, page  # noqa: F401

from heliconemagic.lines.rating import Rating
from heliconemagic.records import StepStatus
from heliconemagic.verbs.panel import _follow
from heliconemagic.views.panel import BURST, INTERVAL, LONG, RATE, SessionPanel
from heliconemagic.views.panel_place import NOTHING
from heliconemagic.views.panel_style import HIDDEN

OpenPanel = Callable[..., "Opened"]
ENVELOPE = 500


class Opened:
    """A panel on a page, used as a person does."""

    def __init__(self, page: Page, desk: Desk, **options: Any) -> None:  # noqa: F811
        self.page, self.desk = page, desk
        self.panel = SessionPanel(desk.build_source(), page.publish, page.clock, **options)
        self.panel.open()

    def find(self, kind: str, hint: str = "") -> Any:
        """A widget by its class, and by words of its description, its tooltip or its placeholder."""
        for widget in list_widgets():
            told = [getattr(widget, name, "") or "" for name in ("description", "tooltip", "placeholder")]
            if type(widget).__name__ == kind and hint in " ".join(map(str, told)):
                return widget
        raise AssertionError(f"no {kind} with {hint!r}")

    def press(self, hint: str) -> None:
        """Clicks a button."""
        self.find("Button", hint).click()

    def wait(self, seconds: float = 1.0) -> None:
        """Time passes, with the ticks in it."""
        for _ in range(round(seconds / INTERVAL)):
            self.page.now += INTERVAL
            self.panel.tick()

    @property
    def html(self) -> str:
        """All HTML that stands there now, but for the style sheet."""
        values = [widget.value for widget in list_widgets() if type(widget).__name__ in ("HTML", "HTMLMath")]
        return "\n".join(value for value in values if not value.startswith("<style>"))

    @property
    def lines(self) -> list[str]:
        """The lines of the list, without the blank places that are not shown."""
        return [" ".join(label.split()) for label in self.find("Select")._options_labels if label]

    @property
    def selected(self) -> str:
        """The line that is selected."""
        index = self.find("Select").index
        return "" if index is None else " ".join(self.find("Select")._options_labels[index].split())


@pytest.fixture
def open_panel(page: Page) -> Iterator[OpenPanel]:  # noqa: F811
    """Opens panels, and closes them."""
    opened: list[Opened] = []

    def build(count: int = 5, **options: Any) -> Opened:
        opened.append(Opened(page, Desk(build_panel_steps(count)), **options))
        return opened[-1]

    yield build
    for one in opened:
        one.panel.close()


def test_opens_on_the_newest_step(open_panel: OpenPanel) -> None:
    """Tree and timeline on the left, on the right its head, answer and request."""
    panel = open_panel(45)
    (bundle, _, is_update), *_ = panel.page.displays
    assert bundle[VIEW_MIME]["model_id"] in {widget.model_id for widget in list_widgets()} and not is_update
    assert "part-4 2.0 s" in panel.selected
    assert "Part 44 is <em>here</em>." in panel.html and "Write part 44." in panel.html
    assert panel.find("BoundedIntText").value == 1


def test_ends_static_with_every_widget_closed(open_panel: OpenPanel) -> None:
    """In the same place; a click that comes late does nothing."""
    panel = open_panel()
    good = panel.find("Button", "Good")
    panel.panel.close()
    panel.panel.close()
    (_, above, _), (_, below, _), *ends = panel.page.displays
    form = {"text/html": "<p>the static form</p>", "text/plain": "the static form"}
    assert ends == [(form, below, True), (NOTHING, above, True)]
    assert list_widgets() == []
    good._click_handlers(good)
    panel.panel.tick()
    assert panel.desk.rated == [] and len(panel.page.displays) == 4


def test_static_form_stands_hidden_below(open_panel: OpenPanel) -> None:
    """For a file that is saved meanwhile; of a long session, whose form takes its time, a line that says so."""
    panel = open_panel()
    (widget, above, _), (form, below, is_update) = panel.page.displays
    assert above != below and not is_update and VIEW_MIME in widget and VIEW_MIME not in form
    assert "<p>the static form</p></div>" in form["text/html"]
    assert (
        ".jp-OutputArea-child:has(.hm-panel)~.jp-OutputArea-child:has(.hm-below-panel){display:none}"
        in (form["text/html"])
    )
    (_, (form, *_)) = open_panel(LONG + 1).page.displays[-2:]
    assert "2,001 steps" in form["text/plain"] and "saved while its panel was open" in form["text/html"]


def test_failing_end_closes_the_widgets_all_the_same(open_panel: OpenPanel) -> None:
    """The error is the caller's."""
    panel = open_panel()
    panel.panel._source = replace(panel.panel._source, build_end=lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        panel.panel.close()
    assert list_widgets() == []


def test_arrow_keys_move_line_by_line(open_panel: OpenPanel) -> None:
    """In the number field, across pages: more is up, for it counts from the end."""
    panel = open_panel(300)
    number = panel.find("BoundedIntText")
    first = panel.selected
    number.value = 2
    assert panel.selected != first and "Part 298 " in panel.html
    number.value = 150
    assert panel.selected and len(panel.lines) == 100
    number.value = number.max
    assert panel.selected.startswith("▾ /module-0") and "no step is selected" not in panel.html


def test_choosing_in_the_list(open_panel: OpenPanel) -> None:
    """A step is shown with its buttons, a folder with its count and without."""
    panel = open_panel()
    panel.find("Select").index = 2
    assert "Part 0 is" in panel.html and panel.find("BoundedIntText").value == 5
    row = next(widget for widget in list_widgets() if panel.find("Button", "Good") in getattr(widget, "children", ()))
    assert HIDDEN not in row._dom_classes
    panel.find("Select").index = 0
    assert "▾ /module-0</strong><span>5 steps" in panel.html and "Part 0 is" not in panel.html
    assert HIDDEN in row._dom_classes


def test_click_names_the_step(open_panel: OpenPanel) -> None:
    """Also one that was under way while the list changed: it is of the line that stood there."""
    panel = open_panel(45)
    box = panel.find("Select")
    clicked = next(place for place, label in enumerate(box._options_labels) if "part-7" in label)
    panel.desk.put(build_panel_step(45, path="/aside", started_at=1.0))
    panel.desk.steps = dict(sorted(panel.desk.steps.items(), key=lambda pair: pair[1].started_at))
    panel.panel.note_change()
    panel.wait()
    assert panel.lines[0].startswith("/aside")
    box.index = clicked
    assert "Part 7 is" in panel.html and panel.selected.startswith("/part-7")
    panel.find("Text", "/path").value = "part-9"
    box.index = clicked
    assert "Part 7 is" not in panel.html and panel.selected.startswith("/part-9")


def test_buttons_move_far(open_panel: OpenPanel) -> None:
    """To the ends, and by pages where there are several, else by what is seen at once."""
    long = open_panel(300)
    long.press("‹")
    assert long.find("BoundedIntText").value == 101 and "Part 299 is" not in long.html
    long.panel.close()
    short = open_panel(45)
    for hint, value in (("« first", 49), ("› many", 25), ("‹ many", 49), ("» last", 1), ("› many", 1)):
        short.press(hint)
        assert short.find("BoundedIntText").value == value


def test_filters_narrow_the_list(open_panel: OpenPanel) -> None:
    """Each by itself; what is selected stays selected as long as it fits."""
    panel = open_panel(45)
    panel.find("Text", "/path").value = "part-3"
    assert len([line for line in panel.lines if "part-3" in line]) == 3
    assert "3 of 45 steps" in panel.html and "Part 43 is" in panel.html
    panel.find("Dropdown", "model").value = "gpt-4o-mini"
    assert panel.lines == [] and "no step is selected" in panel.html
    panel.find("Text", "/path").value = ""
    panel.find("Dropdown", "state").value = "failed"
    panel.find("Dropdown", "model").value = ""
    assert [line.startswith("✗") for line in panel.lines if "▾" not in line] == [True, True]
    panel.find("Text", "words").value = "write part 19."
    assert "1 of 45 steps" in panel.html


def test_path_of_the_line_fills_its_filter(open_panel: OpenPanel) -> None:
    """`show /module-0/lesson-1 --interactive`."""
    panel = open_panel(45, path="/module-0/lesson-1")
    assert panel.find("Text", "/path").value == "/module-0/lesson-1"
    assert "20 of 45 steps" in panel.html


def test_rating(open_panel: OpenPanel) -> None:
    """The buttons rate the selected step with the note beside them, and the list says so at once."""
    panel = open_panel()
    step_id = list(panel.desk.steps)[-1]
    note = panel.find("Text", "what you think")
    note.value = "too long"
    panel.press("Bad")
    assert panel.desk.rated == [(step_id, Rating(thumb=False, note="too long"))]
    assert note.value == "" and panel.selected.endswith("👎")
    assert "kept here &lt;b&gt;" in panel.html
    panel.press("Keep note")
    assert "that says nothing." in panel.html and len(panel.desk.rated) == 1


def test_enter_keeps_the_note(open_panel: OpenPanel) -> None:
    """The page tells of Enter before it sends what was typed."""
    panel = open_panel()
    note = panel.find("Text", "what you think")
    note._handle_custom_msg({"event": "submit"}, [])
    note.value = "clear"
    panel.wait()
    assert [rating for _, rating in panel.desk.rated] == [Rating(note="clear")]
    assert note.value == ""


@pytest.mark.parametrize("is_typed_first", [True, False])
def test_note_is_of_the_step_that_was_seen(open_panel: OpenPanel, is_typed_first: bool) -> None:
    """A step that begins meanwhile doesn't move the selection: neither while one types, nor between Enter and text."""
    panel = open_panel()
    step_id = list(panel.desk.steps)[-1]
    note = panel.find("Text", "what you think")
    acts = [lambda: setattr(note, "value", "clear"), lambda: note._handle_custom_msg({"event": "submit"}, [])]
    for number, act in enumerate(acts if is_typed_first else reversed(acts), start=5):
        act()
        panel.desk.put(build_panel_step(number))
        panel.panel.note_change()
    panel.wait()
    assert panel.desk.rated == [(step_id, Rating(note="clear"))]
    assert "part-4" in panel.selected and "7 steps" in panel.html


def test_button_is_of_the_step_that_is_seen(open_panel: OpenPanel) -> None:
    """One that began is not on the page yet; whoever presses a button has chosen."""
    panel = open_panel()
    step_id = list(panel.desk.steps)[-1]
    panel.desk.put(build_panel_step(5))
    panel.press("Good")
    panel.wait()
    assert [rated for rated, _ in panel.desk.rated] == [step_id]
    assert "part-4" in panel.selected


def test_another_step_takes_the_draft_away(open_panel: OpenPanel) -> None:
    """It was of the one before, however the selection moved."""
    panel = open_panel(45)
    note = panel.find("Text", "what you think")
    note.value = "too long"
    panel.find("BoundedIntText").value = 2
    assert note.value == ""
    note.value = "too short"
    panel.find("Text", "/path").value = "part-0"
    assert note.value == ""
    panel.wait()
    assert panel.desk.rated == []


def test_failing_tick_is_told_and_does_not_end_the_following(open_panel: OpenPanel) -> None:
    """In the panel: nobody would look at the task."""
    panel = open_panel()
    failing = iter([ValueError("<odd>"), None])

    def look() -> bool:
        panel.page.now += 9
        error = next(failing)
        if error is not None:
            raise error
        panel.panel.close()
        return False

    panel.panel._source = replace(panel.panel._source, look_around=look)
    panel.page.now += 9
    said: list[str] = []
    panel.panel._source = replace(panel.panel._source, build_end=lambda: said.append(panel.html) or {})
    asyncio.run(_follow(panel.panel))
    assert "could not be brought up to date: ValueError: &lt;odd&gt;" in said[0]


def test_rerun_is_followed(open_panel: OpenPanel) -> None:
    """The step that begins is selected; its buttons, which keep the keyboard, only say that it is running."""
    panel = open_panel()
    panel.press("Rerun")
    assert panel.selected.startswith("… ")
    panel.press("Good")
    assert "still running" in panel.html and panel.desk.rated == [] and not panel.find("Button", "Good").disabled
    panel.desk.put(replace(panel.desk.steps["again"], status=StepStatus.DONE, ended_at=9_002.0, text="Better."))
    panel.panel.note_change()
    panel.wait()
    assert "Better." in panel.html and not panel.find("Button", "Good").disabled


def test_refusal_is_said_in_the_panel(open_panel: OpenPanel) -> None:
    """Escaped, with its hint."""
    panel = open_panel(20)
    panel.press("Rerun")
    assert "&lt;i&gt;it&lt;/i&gt; cannot be sent." in panel.html and "hint: run its cell" in panel.html


def test_edit_shows_the_cell(open_panel: OpenPanel) -> None:
    """To be copied; another line takes it away."""
    panel = open_panel()
    panel.press("Edit")
    source = panel.find("Textarea")
    assert source.value.startswith("%%llm /module-0/lesson-0/part-4\n") and HIDDEN not in source._dom_classes
    assert "a variable has the &lt;rest&gt;" in panel.html
    panel.find("BoundedIntText").value = 2
    assert HIDDEN in source._dom_classes


def test_follows_the_newest_until_a_line_is_chosen(open_panel: OpenPanel) -> None:
    """Then it stays, and the list grows beside it."""
    panel = open_panel()
    panel.desk.put(build_panel_step(5))
    panel.panel.note_change()
    panel.wait()
    assert "Part 5 is" in panel.html
    panel.find("BoundedIntText").value = 3
    panel.desk.put(build_panel_step(6))
    panel.panel.note_change()
    panel.wait()
    assert "Part 3 is" in panel.html and "7 steps" in panel.html


def test_nothing_is_sent_while_nothing_changes(open_panel: OpenPanel) -> None:
    """Ticks alone cost no message, and other processes are asked every two seconds at most."""
    panel = open_panel(300)
    before = len(panel.page.messages)
    panel.wait(20)
    assert len(panel.page.messages) == before
    assert 8 <= panel.desk.looks <= 10


def test_ten_thousand_steps(open_panel: OpenPanel) -> None:
    """The page gets a page of the list, never the session."""
    panel = open_panel(10_000)
    assert len(panel.lines) <= 100 and "10,000 steps" in panel.html
    assert panel.page.measure() < 120_000


def test_bytes_while_it_follows(open_panel: OpenPanel) -> None:
    """Twenty steps a second: at most four updates a second, each of a page at most, within the budget."""
    panel = open_panel(300)
    before, messages, updates = panel.page.measure(), len(panel.page.messages), 0
    for number in range(300, 500):
        panel.desk.put(build_panel_step(number))
        panel.panel.note_change()
        panel.page.now += 0.05
        sent = panel.page.measure()
        panel.panel.tick()
        updates += panel.page.measure() > sent
        assert panel.page.measure() - sent < 45_000
    assert 10 <= updates <= 4 * 10 + 1
    overhead = ENVELOPE * (len(panel.page.messages) - messages)
    assert panel.page.measure() - before - overhead < 1.25 * (BURST + 10 * RATE)


def test_opening_that_fails_leaves_nothing(page: Page) -> None:  # noqa: F811
    """Not a single widget."""
    source = replace(Desk(build_panel_steps(3)).build_source(), build_card=lambda step: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        SessionPanel(source, page.publish, page.clock).open()  # type: ignore[arg-type]
    assert list_widgets() == []


def test_empty_session(open_panel: OpenPanel) -> None:
    """Says so; no button does anything."""
    panel = open_panel(0)
    assert panel.lines == [] and "no step is selected" in panel.html
    panel.press("Good")
    panel.press("Rerun")
    panel.find("BoundedIntText").value = 1
    assert panel.desk.rated == panel.desk.reran == []
