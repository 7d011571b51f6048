"""How a batch is shown: static, live and in a terminal; pure but for widgets without a kernel."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from render_samples import ATTACKS, PageReader, list_dangers

from heliconemagic.records import StepStatus
from heliconemagic.render.batch_card import (
    build_batch_bundle,
    build_batch_html,
    build_batch_json,
    build_batch_markdown,
    build_batch_text,
)
from heliconemagic.render.batch_state import BatchCard, BatchCounts, BatchLine
from heliconemagic.render.batch_words import build_bar, list_cells, list_figures, list_progress
from heliconemagic.views.batch import StaticBatchView, TextBatchView, WidgetBatchView

HOSTILE = "<script>alert(1)</script>\x1b]0;owned\x07<img src=x onerror=y>|`[a](javascript:b)\u202e"
LINE = BatchLine(number=3, path="/quiz/bees", state="done", text="An answer.", tokens=31, cost=0.0001, seconds=2.4)
RUNNING = BatchCard(
    id="batch",
    path="/quiz/{{ row.topic }}",
    status=StepStatus.PENDING,
    origin="gpt-4o-mini · oai",
    counts=BatchCounts(total=1000, answered=300, kept=9, failed=3, running=8),
    seconds=40.0,
    rate=8.4,
    left=80.0,
    cost=0.12,
    lines=(LINE,),
)
OVER = replace(
    RUNNING,
    status=StepStatus.FAILED,
    counts=BatchCounts(total=1000, answered=988, kept=9, failed=3),
    seconds=118.0,
    prompt_tokens=1000,
    completion_tokens=2000,
    failures=(replace(LINE, state="failed", text="", error="refused (400)", is_failed=True),),
    step_ids=tuple(f"id-{number}" for number in range(997)),
)


def test_progress_in_words() -> None:
    """Rows, rate, cost so far, time left, errors; the bar is as long as it is far."""
    assert " · ".join(list_progress(RUNNING)) == (
        "312/1,000 · 8.4/s · $0.12 so far · 1 min 20 s left · 9 kept · 3 errors"
    )
    assert build_bar(RUNNING, 20) == "██████░░░░░░░░░░░░░░"


def test_progress_of_a_generator() -> None:
    """Whose end nobody knows: no bar, no time left."""
    card = replace(RUNNING, counts=BatchCounts(answered=300), left=None)
    assert " · ".join(list_progress(card)) == "300 rows · 8.4/s · $0.12 so far"
    assert build_bar(card) == ""


def test_sums_at_the_end() -> None:
    """What became of the rows, and what it took."""
    assert list_figures(OVER)[:4] == ["1,000 rows", "997 done", "3 failed", "9 kept, not sent again"]
    assert "$0.12 est." in list_figures(OVER)


def test_static_end_has_its_tables_in_every_form() -> None:
    """The first rows, the failed ones, what is left out; no script, no widget."""
    bundle = build_batch_bundle(OVER)
    for form in ("text/html", "text/markdown", "text/plain"):
        assert "An answer." in bundle[form]
        assert "996 more rows" in bundle[form]
        assert "2 more: see .failed" in bundle[form]
    assert "<table" in bundle["text/html"] and "<script" not in bundle["text/html"]


def test_json_is_small() -> None:
    """Counts, sums, and no more than a thousand ids, however many rows there were."""
    form = build_batch_json(replace(OVER, step_ids=tuple(map(str, range(10_000)))))
    assert (form["kind"], form["rows"], form["answered"], form["kept"], form["failed"]) == ("batch", 1000, 988, 9, 3)
    assert len(form["step_ids"]) == 1000


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_comes_from_elsewhere_is_harmless(attack: str) -> None:
    """Answers, errors, paths and notes mean nothing but themselves."""
    line = replace(LINE, text=attack, path=attack, error=attack)
    card = replace(OVER, path=attack, notes=(attack,), failure=(attack, attack), lines=(line,), failures=(line,))
    assert list_dangers(build_batch_html(card)) == []
    assert not PageReader(build_batch_html(card)).open
    unescaped = re.sub(r"\\.", "", build_batch_markdown(card))
    assert re.findall(r"<[A-Za-z/!?]|\]\(", unescaped) == []
    shown = build_batch_html(card) + build_batch_markdown(card) + build_batch_text(card)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown.replace("\n", ""))


class Page:
    """A clock, and what was published."""

    def __init__(self) -> None:
        self.now = 100.0
        self.bundles: list[dict[str, Any]] = []

    def publish(self, bundle: dict[str, Any], *, display_id: str, update: bool) -> None:
        """Keeps it."""
        assert display_id and update == bool(self.bundles)
        self.bundles.append(bundle)

    def run(self, view: Any, seconds: int) -> None:
        """A batch with ten looks a second."""
        view.open(RUNNING)
        for _ in range(seconds * 10):
            self.now += 0.1
            view.update(lambda: replace(RUNNING, seconds=self.now))
        view.close(OVER)


def test_static_view_shows_little() -> None:
    """A minute is thirty updates, and the end stands there."""
    page = Page()
    page.run(StaticBatchView(page.publish, lambda: page.now), 60)
    assert 20 <= len(page.bundles) <= 33
    assert "988" not in page.bundles[-2]["text/plain"]
    assert "997 done" in page.bundles[-1]["text/plain"]


def test_widget_view_ends_static() -> None:
    """Live, then the static forms in the same place; Stop is heard once."""
    page, stops = Page(), []
    view = WidgetBatchView(page.publish, lambda: stops.append(1), lambda: page.now)
    page.run(view, 5)
    view._handle_stop(None)
    assert len(page.bundles) == 2
    assert "application/vnd.jupyter.widget-view+json" in page.bundles[0]
    assert set(page.bundles[1]) == set(build_batch_bundle(OVER))
    assert stops == []  # it was over


def test_terminal_writes_over_one_line() -> None:
    """The progress stays in its line; the tables come at the end."""
    page, written = Page(), []
    page.run(TextBatchView(written.append, lambda: page.now), 2)
    text = "".join(written)
    assert text.count("\n") < 12
    assert text.count("\r") <= 12
    assert "312/1,000 · 8.4/s" in text
    assert text.endswith("\n")


def test_answers_in_the_table_are_plain_words() -> None:
    """No Markdown marks, no braces, and what stands above the answer in italics is left out."""
    lines = [
        BatchLine(
            number=1, path="/a", state="done", text="*A remark.*\n\n## Bees\n\nThey **dance** for `nectar`; 2 * 3."
        ),
        BatchLine(number=2, path="/b", state="done", text='{"question": "Why?", "options": ["a", "b"]}'),
        BatchLine(number=3, path="/c", state="done", text='{"question": "Why'),
    ]
    answers = [list_cells(line)[2] for line in lines]
    assert answers == ["Bees They dance for nectar; 2 * 3.", "question: Why? · options: a, b", '{"question": "Why']
