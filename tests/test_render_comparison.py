"""Several answers side by side: what a saved notebook keeps of them, without any style too, and word diffs."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any

import pytest
from render_samples import ATTACKS, PageReader, build_step, list_dangers

from heliconemagic.errors import InvalidAnswerError
from heliconemagic.records import Origin, OriginKind, StepStatus
from heliconemagic.render.card import Card
from heliconemagic.render.comparison import MAX_ALL_PAIRS, build_comparison_bundle, build_comparison_json
from heliconemagic.render.comparison_state import Comparison, build_comparison
from heliconemagic.render.comparison_words import build_rows, list_best
from heliconemagic.render.markdown import render_markdown
from heliconemagic.render.word_diff import (
    MAX_WORDS,
    build_diff_html,
    build_diff_markdown,
    build_diff_text,
    compare_words,
)

HTML, MARKDOWN, TEXT = "text/html", "text/markdown", "text/plain"


def build_card(number: int, text: str = "Some text.", *, notes: tuple[str, ...] = (), **changes: Any) -> Card:
    """The card of one answer; later ones are slower and dearer unless told otherwise."""
    given = {"model": f"model-{number}", "ended_at": 101.0 + number, "cost": 0.001 * number, "text": text, **changes}
    step = build_step(id=f"step-{number}", comparison="step-1", variant=number, **given)
    return Card(step=step, context="after /plan", notes=notes)


def build_pair(first: str = "One two three.", second: str = "One four three four.", **changes: Any) -> Comparison:
    """Two finished answers, of which the first is current."""
    return build_comparison([build_card(1, first), build_card(2, second, **changes)], 1)


def test_answer_that_is_not_what_was_asked_for() -> None:
    """Its column and its row say so, and it is best at nothing; its words are compared all the same."""
    cards = [build_card(1), build_card(2), replace(build_card(3), error=InvalidAnswerError("no")), build_card(4)]
    comparison = build_comparison([replace(cards[0], error=InvalidAnswerError("no")), *cards[1:]], 2)
    assert [row[-1] for row in build_rows(comparison)] == [
        "not what was asked for", "fastest · cheapest · current", "not what was asked for", "",
    ]  # fmt: skip
    bundle = build_comparison_bundle(comparison)
    assert (bundle[HTML].count('hm-dot-failed">'), bundle[HTML].count('hm-dot-done">')) == (2, 2)
    assert all("not what was asked for" in bundle[form] for form in (HTML, MARKDOWN, TEXT))
    assert "word diff 1 → 2" in bundle[HTML] and "fastest: 2 · model-2" in bundle[TEXT]


def strip_styles(page: str) -> str:
    """What GitHub leaves of HTML outputs: no style, class or id."""
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r' (?:class|style|id)="[^"]*"', "", page)


def test_without_styles_each_answer_has_its_heading_and_foot() -> None:
    """Read from top to bottom: heading, answer, figures; again for the next; then the table."""
    words = " ".join(PageReader(strip_styles(build_comparison_bundle(build_pair())[HTML])).words)
    order = ["/outline", "2 answers", "after /plan", "1 · model-1", "One two three.", "total", "2 · model-2",
             "One four three four.", "total", "first token", "fastest", "word diff 1 → 2"]  # fmt: skip
    positions = [words.index(order[0])]
    for word in order[1:]:
        positions.append(words.index(word, positions[-1]))
    assert "class=" not in strip_styles(build_comparison_bundle(build_pair())[HTML])


def test_answers_have_headings_of_html() -> None:
    """A heading for each column, a table with heads, and folded parts."""
    names = [name for name, _ in PageReader(build_comparison_bundle(build_pair())[HTML]).elements]
    assert (names.count("h4"), names.count("thead")) == (2, 1)
    assert names.count("details") == names.count("summary") >= 1


@pytest.mark.parametrize("kind", [HTML, MARKDOWN, TEXT])
def test_every_form_says_who_is_best_and_which_is_current(kind: str) -> None:
    """In words, not in colours; and how to make another one current."""
    said = build_comparison_bundle(build_pair())[kind].replace("\\", "")
    for words in (
        "fastest: 1 · model-1 (2.0 s)",
        "cheapest: 1 · model-1 ($0.001 est.)",
        "longest: 2 · model-2 (4 words)",
    ):
        assert words in said
    assert "steps continue answer 1; to change that: %helicone_session pick /outline 2" in said
    assert "current: steps continue this answer" in said


def test_what_is_equal_is_said_to_be() -> None:
    """Nobody is cheapest where all cost the same."""
    text = build_comparison_bundle(build_pair("a b", "c d", cost=0.001))[TEXT]
    assert "cheapest: all the same ($0.001 est.)" in text
    assert "longest: all the same (2 words)" in text


def test_what_reads_the_same_is_equal() -> None:
    """Nobody is faster by milliseconds that no column shows, and what all the finished share is no mark."""
    failed = build_card(3, "", status=StepStatus.FAILED, cost=None)
    comparison = build_comparison(
        [build_card(1, "a b"), build_card(2, "c d", ended_at=102.0004, cost=0.001), failed], 1
    )
    assert "fastest: all the same (2.0 s)" in list_best(comparison)
    assert [row[-1] for row in build_rows(comparison)] == ["current", "", "failed"]


def test_unpriced_answers_are_not_the_cheapest() -> None:
    """Nobody knows what they cost."""
    cards = [build_card(1, cost=None), build_card(2, cost=None)]
    assert "cheapest: unpriced" in build_comparison_bundle(build_comparison(cards, 1))[TEXT]


def test_kept_answers_are_neither_fastest_nor_cheapest() -> None:
    """They took no time and cost nothing now; the table says that they were kept."""
    kept = build_card(2, cost=0.0, ended_at=100.0, origin=Origin(kind=OriginKind.KEPT, answered_at=50.0))
    text = build_comparison_bundle(build_comparison([build_card(1), kept], 1))[TEXT]
    assert "fastest" not in text and "cheapest" not in text and "longest: " in text
    assert "  kept\n" in text


def test_failed_answer_stands_in_its_column() -> None:
    """Its error there, its state in the table; it is neither compared nor the best at anything."""
    failed = build_card(2, "", status=StepStatus.FAILED, error="it broke\n  hint: again", usage=None, cost=None)
    bundle = build_comparison_bundle(build_comparison([build_card(1), failed], 1))
    assert "it broke" in bundle[HTML] and "it broke" in bundle[MARKDOWN]
    assert "word diff" not in bundle[HTML] and "fastest" not in bundle[HTML]
    row, choice = bundle[TEXT].splitlines()[-2:]
    assert row.startswith("2 · model-2") and row.endswith("failed")
    assert choice == "steps continue answer 1"


def test_running_comparison_has_no_figures_yet() -> None:
    """How many have ended stands in the head; the summary comes with the last."""
    running = build_card(2, "On", status=StepStatus.PENDING, ended_at=None, usage=None, cost=None)
    page = build_comparison_bundle(build_comparison([build_card(1), running], None))[HTML]
    assert "1 of 2 done" in page
    assert "<table" not in page


def test_what_all_notes_say_is_said_once() -> None:
    """What only one has to say stays in its column."""
    cards = [build_card(1, notes=("shared note",)), build_card(2, notes=("shared note", "own note"))]
    page = build_comparison_bundle(build_comparison(cards, 1))[HTML]
    assert (page.count("shared note"), page.count("own note")) == (1, 1)


def test_many_answers_are_compared_with_the_first() -> None:
    """Every pair of a few, and no more than grows with their number."""
    few = build_comparison([build_card(number) for number in range(1, MAX_ALL_PAIRS + 1)], 1)
    many = build_comparison([build_card(number) for number in range(1, 11)], 1)
    assert build_comparison_bundle(few)[HTML].count("word diff") == 6
    assert (
        build_comparison_bundle(many)[HTML].count("word diff 1 →")
        == 9
        == build_comparison_bundle(many)[HTML].count("word diff")
    )


def test_json_has_each_reply_as_if_it_stood_alone() -> None:
    """With its number, and which one is current."""
    form = build_comparison_json(build_pair())
    assert (form["version"], form["current"]) == (1, 1)
    assert [(reply["version"], reply["variant"], reply["model"]) for reply in form["replies"]] == [
        (1, 1, "model-1"),
        (1, 2, "model-2"),
    ]


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_harmless_in_every_form(attack: str) -> None:
    """In answers, in the names of models, and in the difference between two answers."""
    comparison = build_comparison([build_card(1, attack, model=attack), build_card(2, f"{attack} {attack}")], 1)
    bundle = build_comparison_bundle(comparison)
    assert list_dangers(bundle[HTML]) == []
    assert "\x1b" not in bundle[TEXT] and "\u202e" not in bundle[TEXT]
    diff = compare_words(attack, f"x {attack}")
    assert list_dangers(build_diff_html(diff)) == []
    assert not re.search(r"(?<!\\)<(?!/?(?:del|ins))", build_diff_markdown(diff))


# ---- word diffs


def test_words_that_differ_are_marked() -> None:
    """In the marks of each form."""
    diff = compare_words("the old *word* stays", "the new word stays")
    assert build_diff_html(diff) == "<p>the <del>old *word*</del> <ins>new word</ins> stays</p>"
    assert build_diff_markdown(diff) == r"the ~~old \*word\*~~ **new word** stays"
    assert build_diff_text(diff) == "the [-old *word*-] {+new word+} stays"
    assert diff.summary == "2 words the same, 2 removed, 2 added"


def test_blanks_within_a_line_are_no_difference() -> None:
    """Nor the kind of line end, nor how many stand between two paragraphs."""
    assert compare_words("a  b\r\nc\n\n\nd\n", "\na b \nc\n  \nd").summary == "the same 4 words"
    assert compare_words("", "").summary == "both are empty"


def test_lines_stay_lines() -> None:
    """Paragraphs, lists and indents, in each form; a mark never goes beyond its line."""
    old = "Pack:\n- one *tent*\n  - pegs\n\nThen go."
    diff = compare_words(old, old.replace("pegs", "pegs and\n- rope"))
    assert build_diff_text(diff) == "Pack:\n- one *tent*\n  - pegs {+and+}\n{+- rope+}\n\nThen go."
    assert build_diff_html(diff) == (
        "<p>Pack:<br>\n- one *tent*<br>\n&nbsp;&nbsp;- pegs <ins>and</ins><br>\n<ins>- rope</ins></p>\n<p>Then go.</p>"
    )
    assert build_diff_markdown(diff) == (
        "Pack:  \n\\- one \\*tent\\*  \n\u00a0\u00a0\\- pegs **and**  \n**- rope**\n\nThen go."
    )


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("a\nb", "a b", "a [-↵ b-] {+b+}"),
        ("a b", "a\nb", "a [-b-] {+↵+}\n{+b+}"),
        ("a\nb", "a\n\nb", "a [-↵ b-] {+¶+}\n\n{+b+}"),
        ("a\nb", "a\n  b", "a [-↵ b-] {+↵+}\n  {+b+}"),
        ("a\nb", "a\nc", "a\n[-b-] {+c+}"),
        ("a", "a\n\nb\nc", "a {+¶+}\n\n{+b+}\n{+c+}"),
        ("a\n\nb\nc", "a", "a [-¶ b-]\n[-c-]"),
    ],
)
def test_changed_line_end_is_a_difference(old: str, new: str, shown: str) -> None:
    """It has a sign; where both have it, it has none."""
    assert build_diff_text(compare_words(old, new)) == shown


@pytest.mark.parametrize("begin", ["# a", "- a", "+ a", "> a", "=== a", "--- a", "12. a", "3) a"])
def test_lines_begin_no_block_of_markdown(begin: str) -> None:
    """An answer's words are words in the Markdown form, wherever they stand."""
    text = f"{begin}\n\nb\n{begin}"
    page = render_markdown(build_diff_markdown(compare_words(text, text + " c")))
    assert not re.search("<(h[1-6]|ul|ol|blockquote|hr|pre)", page) and page.count("<p") == 2
    assert html.unescape(page).count(begin) == 2


@pytest.mark.parametrize(
    "text",
    [
        " \n" * 100_000 + "a b",
        "\n".join(f"a{number}" for number in range(1_500)),
        "x\n" + " " * 200_000 + "a",
        "a" + " \n" * 100_000,
    ],
)
def test_line_ends_are_bounded(text: str) -> None:
    """Blank lines without end take no time and no room, and line ends are no words that all are equal."""
    shown = build_diff_html(compare_words(text, text.replace("a", "b", 1)))
    assert "<del>" in shown and len(shown) < 20_000


def test_long_stretches_without_a_difference_are_shortened() -> None:
    """A dozen words are left beside each difference."""
    words = [f"w{number}" for number in range(100)]
    text = build_diff_text(compare_words(" ".join(words), " ".join([*words[:50], "x", *words[50:]])))
    assert text.startswith("[… 38 words …] w38 ")
    assert "w49 {+x+} w50" in text
    assert text.endswith("w61 [… 38 words …]")


def test_long_texts_are_compared_as_far_as_it_goes() -> None:
    """It is said how far; texts that repeat themselves are not compared at all."""
    long = " ".join(map(str, range(MAX_WORDS + 10)))
    assert f"only the first {MAX_WORDS:,} words are compared" in build_diff_text(compare_words(long, long + " x"))
    assert compare_words("a " * 5_000, "a b " * 5_000).summary.startswith("not compared")
