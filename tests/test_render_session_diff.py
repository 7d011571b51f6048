"""Two sessions side by side as they are shown: figures, words, hostile texts, bounds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from render_samples import ATTACKS, PageReader, build_step, list_dangers

from heliconemagic.records import Origin, OriginKind, SessionRecord, Step, StepStatus
from heliconemagic.render import session_diff_words
from heliconemagic.render.session_diff import DiffPage, build_diff_page, build_session_diff_bundle
from heliconemagic.render.session_diff_words import build_sums, compare_pairs, compare_texts, list_notes, list_rows
from heliconemagic.steps.pairing import SessionDiff, build_session_diff
from heliconemagic.usage import Usage

OLD = SessionRecord(id="0ld" + 33 * "0", name="Course", title="Course", gateway="oai", started_at=0.0)
NEW = SessionRecord(
    id="new" + 33 * "0", name="Course", title="Course", gateway="demo", started_at=9.0, source="rerun of x"
)


def diff(old: Sequence[Step], new: Sequence[Step]) -> SessionDiff:
    """The difference of two sessions with these steps."""
    return build_session_diff(OLD, old, NEW, new)


def show(old: Sequence[Step], new: Sequence[Step]) -> dict[str, Any]:
    """All forms of it."""
    return build_session_diff_bundle(build_diff_page(diff(old, new)))


def build(path: str = "/a", **changes: Any) -> Step:
    """A step."""
    return build_step(id=f"{path} {changes}", path=path, **changes)


def strip(page: str) -> str:
    """The HTML as GitHub shows it: no style sheet, no class."""
    return re.sub(r' class="[^"]*"', "", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))


# ---- figures


def test_figures_as_deltas() -> None:
    """Time to the first token, time, tokens, cost and model, each with its change."""
    changed = build(ended_at=103.0, usage=Usage(prompt_tokens=100, completion_tokens=16), cost=0.0029, model="gpt-4o")
    assert list_rows(diff([build()], [changed])) == [
        (
            "/a", "gpt-4o-mini → gpt-4o", "0.41 s", "6.3 s → 3.0 s (−52 %)", "1,392 → 116 (−92 %)",
            "$0.00029 → $0.0029 (× 10)", "nothing",
        )
    ]  # fmt: skip


def test_an_answer_that_came_whole_has_no_first_token() -> None:
    """As in the session's tree: of what wasn't streamed nobody knows when it began; also where one side is missing."""
    whole = build(first_token_at=106.3, ended_at=106.3)
    assert [row[2] for row in list_rows(diff([whole], [whole]))] == [""]
    assert [row[2] for row in list_rows(diff([whole], [build(), build(first_token_at=None)]))] == ["– → 0.41 s", ""]


def test_what_differs_is_named() -> None:
    """Texts, parameters with their values, and how it ended."""
    messages = ({"role": "system", "content": "You rule."}, {"role": "user", "content": "Go back."})
    new = build(messages=messages, text="", parameters={}, status=StepStatus.FAILED)
    assert list_rows(diff([build()], [new]))[0][-1] == (
        "system prompt, prompt, answer, temperature 0.7 → –, done → failed"
    )


def test_a_parameter_that_changed_everywhere_is_said_once() -> None:
    """Not in each row."""
    old, new = [build("/a"), build("/b")], [build(path, parameters={"temperature": 0.1}) for path in ("/a", "/b")]
    assert [row[-1] for row in list_rows(diff(old, new))] == ["nothing", "nothing"]
    assert list_notes(diff(old, new))[0] == "other parameters in all of them: temperature 0.7 → 0.1"


def test_a_kept_answer_has_no_figures_of_its_own() -> None:
    """It took no time now."""
    kept = build(origin=Origin(kind=OriginKind.KEPT, answered_at=1.0), cost=0.0)
    both = diff([build(), build("/b")], [kept, build("/b")])
    assert list_rows(both)[0][3:6] == ("6.3 s → kept", "1,392 → kept", "$0.00029 → kept")
    assert [row[3] for row in build_sums(both)] == ["6.3 s", "12.6 s"]


def test_steps_only_in_one_of_them() -> None:
    """Named, with their figures; the sums of what both have stand beside those of all."""
    both = diff([build("/a"), build("/b")], [build("/a"), build("/c")])
    assert [(row[0], row[-1]) for row in list_rows(both)] == [
        ("/a", "nothing"), ("/b", "only in the first"), ("/c", "only in the second"),
    ]  # fmt: skip
    assert [row[:2] for row in build_sums(both)] == [("asked in both", "1 step"), ("all steps", "2 steps")]


def test_sums() -> None:
    """Of all steps, with errors where there are any."""
    failed = build("/b", status=StepStatus.FAILED, cost=None, usage=None)
    (sums,) = build_sums(diff([build("/a"), build("/b")], [build("/a"), failed]))
    assert sums == (
        "all steps", "2 steps", "", "12.6 s", "2,784 → 1,392 (−50 %)", "$0.00058 → $0.00029 (−50 %)",
        "0 errors → 1 error",
    )  # fmt: skip


def test_two_empty_sessions() -> None:
    """There is a table of sums."""
    assert "0 steps" in show([], [])["text/plain"]


# ---- words


def test_words_that_differ() -> None:
    """Prompts and answers word by word, in every form."""
    shown = show([build(text="one two three")], [build(text="one 2 three")])
    assert "one [-two-] {+2+} three" in shown["text/plain"]
    assert "one <del>two</del> <ins>2</ins> three" in shown["text/html"]
    assert "one ~~two~~ **2** three" in shown["text/markdown"]
    assert "answer: 2 words the same, 1 removed, 1 added" in shown["text/plain"]


def test_the_same_words_are_named_in_one_line() -> None:
    """And not shown."""
    shown = show([build("/a"), build("/b")], [build("/a"), build("/b", text="Other.")])
    assert "the same words in both: /a" in shown["text/plain"]
    assert shown["text/html"].count("<details") == 1


def test_a_change_of_the_system_prompt_is_shown_once() -> None:
    """All steps have the same one, mostly."""
    messages = ({"role": "system", "content": "You rule."}, {"role": "user", "content": "Go on."})
    new = [build(path, messages=messages) for path in ("/a", "/b")]
    first, second = compare_pairs(diff([build("/a"), build("/b")], new))
    assert first.texts[0].diff is not None
    assert second.summary == "system prompt: as at /a"


def test_blanks_alone_are_told() -> None:
    """Words are compared, and two texts can differ in none."""
    text = compare_texts("answer", "one two", "one   two ")
    assert text.note == "only blanks within lines differ"


def test_without_words_only_figures_are_shown() -> None:
    """As in the report of a rerun."""
    page = DiffPage(diff=diff([build()], [build(text="Other.")]), head="x", commands=("type this",), shows_words=False)
    shown = build_session_diff_bundle(page)
    assert all("type this" in form and "Other." not in form for form in shown.values())


# ---- bounds


def test_long_texts_are_compared_at_their_beginning() -> None:
    """And said to be."""
    text = compare_texts("answer", "x " * 50_000, "y" * 50_000)
    assert text.diff is not None and "only the first 20,000 characters are compared" in text.diff.note
    assert sum(len(word) for change in text.diff.changes for word in change.added) == 20_000


def test_texts_that_repeat_a_word_for_ever_are_not_compared() -> None:
    """A search through all pairs of equal words would take minutes."""
    text = compare_texts("answer", "yes " * 5_000, "yes " * 4_999 + "no")
    assert text.summary.startswith("answer: not compared: the answers repeat the same words too often")


def test_many_steps_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many rows and texts, then how many more; the sums are of all."""
    monkeypatch.setattr(session_diff_words, "MAX_ROWS", 3)
    monkeypatch.setattr(session_diff_words, "MAX_COMPARED", 2)
    old = [build(f"/{number}") for number in range(5)]
    new = [build(f"/{number}", text="Other.") for number in range(5)]
    shown = show(old, new)["text/plain"]
    assert "… 2 more rows; the sums are of all" in shown and "all steps  5 steps" in shown
    assert shown.count("{+") == 2 and "… 3 more steps with other words, not compared one by one" in shown


def test_rows_without_anything_to_tell_are_left_out_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept ones, then those that are the same: what failed, changed or was asked is shown, in the sessions' order."""
    monkeypatch.setattr(session_diff_words, "MAX_ROWS", 3)
    kept = Origin(kind=OriginKind.KEPT, answered_at=100.0)
    changes: dict[str, dict[str, Any]] = {
        "/same": {}, "/sent": {"text": "Other."}, "/only": {}, "/failed": {"status": StepStatus.FAILED},
    }  # fmt: skip
    old = [build(f"/kept-{number}") for number in range(5)] + [build(path) for path in changes if path != "/only"]
    new = [build(f"/kept-{number}", origin=kept) for number in range(5)]
    new += [build(path, **change) for path, change in changes.items()]
    assert [row[0] for row in list_rows(diff(old, new))] == ["/sent", "/failed", "/only"]


def test_long_differences_are_folded() -> None:
    """The first ones are open, as long as they can be read at a glance."""
    old = [build(f"/{number}", text="a " * 300) for number in range(3)]
    new = [build(f"/{number}", text="b " * 50) for number in range(3)]
    assert [pair.is_open for pair in compare_pairs(diff(old, new))] == [True, False, False]


# ---- hostile texts, and pages without styles


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_texts_are_only_text(attack: str) -> None:
    """In prompts, answers, parameters, models, paths and titles; in HTML and in Markdown."""
    messages = ({"role": "system", "content": attack}, {"role": "user", "content": f"x {attack}"})
    hostile = build(f"/{attack}", messages=messages, text=f"{attack} y", parameters={attack: attack}, model=attack)
    record = SessionRecord(id=attack, name=attack, title=attack, gateway=attack, started_at=0.0, source=attack)
    both = build_session_diff(record, [hostile], NEW, [build(f"/{attack}"), build(f"/{attack}", text=attack)])
    shown = build_session_diff_bundle(build_diff_page(both))
    assert list_dangers(shown["text/html"]) == []
    assert "<" not in shown["text/markdown"] and "](" not in shown["text/markdown"].replace("\\](", "")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown["text/plain"])


def test_without_styles_it_still_reads() -> None:
    """A heading, a table with its sums, and what was removed and added in elements of their own."""
    page = strip(show([build(text="one two")], [build(text="one three")])["text/html"])
    text = PageReader(page).text
    assert "pathmodelfirsttokentimetokenscostdiffersin" in text and "allsteps1step" in text
    assert "<del>two</del> <ins>three</ins>" in page and "<summary>" in page
    assert "Course" in text and "rerunofx" in text
