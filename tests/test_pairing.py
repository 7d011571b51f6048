"""Two sessions side by side: which steps meet, and what differs."""

from __future__ import annotations

from typing import Any

from render_samples import build_step

from heliconemagic.records import SessionRecord, Step, StepKind, StepStatus, ToolCall
from heliconemagic.steps.pairing import Pair, build_session_diff, list_changed_parameters, list_texts, pair_steps

RECORD = SessionRecord(id="1", name="Course", title="Course", gateway="demo", started_at=0.0)


def build(path: str, name: str, **changes: Any) -> Step:
    """A finished step with its name as its text."""
    return build_step(id=name, path=path, text=name, **changes)


def read(pairs: Any) -> list[tuple[str, str | None, str | None]]:
    """Each pair: path, and the two steps' names."""
    return [(pair.path, pair.old and pair.old.id, pair.new and pair.new.id) for pair in pairs]


def test_steps_meet_by_their_path() -> None:
    """In the order of the old session; what only the new one has comes last."""
    pairs = pair_steps([build("/b", "b1"), build("/a", "a1")], [build("/c", "c2"), build("/a", "a2")])
    assert read(pairs) == [("/b", "b1", None), ("/a", "a1", "a2"), ("/c", None, "c2")]


def test_several_at_one_path_meet_in_order_the_current_ones_first() -> None:
    """A rerun has no superseded steps: the first of the old session that counts is its counterpart."""
    old = [build("/a", "gone", is_superseded=True), build("/a", "one"), build("/a", "two")]
    assert read(pair_steps(old, [build("/a", "uno"), build("/a", "due")])) == [
        ("/a", "one", "uno"), ("/a", "two", "due"), ("/a", "gone", None),
    ]  # fmt: skip


def test_an_answer_does_not_meet_a_round_of_tools() -> None:
    """Nor a failed try, as long as there is an answer."""
    asked = build("/a", "asked", tool_calls=(ToolCall(id="1", name="f", arguments="{}"),))
    failed = build("/a", "failed", status=StepStatus.FAILED)
    assert read(pair_steps([asked, failed, build("/a", "one")], [build("/a", "uno")]))[0] == ("/a", "one", "uno")


def test_the_current_one_of_a_comparison_meets_the_answer() -> None:
    """The picked variant counts."""
    variants = [build("/a", f"v{n}", comparison="c", variant=n, is_picked=n == 2) for n in (1, 2)]
    assert read(pair_steps(variants, [build("/a", "uno")]))[0] == ("/a", "v2", "uno")


def test_what_no_longer_counts_and_has_no_counterpart_is_counted_only() -> None:
    """A tool's call that was not repeated is named, a superseded step is not."""
    old = [build("/a", "gone", is_superseded=True), build("/a", "one"), build("/t", "tool", kind=StepKind.TOOL)]
    diff = build_session_diff(RECORD, old, RECORD, [build("/a", "uno")])
    assert read(diff.pairs) == [("/a", "one", "uno"), ("/t", "tool", None)]
    assert (diff.left_out, len(diff.whole)) == (1, 1)


def test_texts_of_a_pair() -> None:
    """System prompt, prompt and answer; of a step that is no request its input."""
    tool = build_step(messages=(), input='{"q": 1}', text="12", kind=StepKind.TOOL)
    assert list_texts(Pair(path="/t", old=tool, new=build_step())) == [
        ("system prompt", "", "You teach."), ("prompt", '{"q": 1}', "Go on."), ("answer", "12", "Some *text*."),
    ]  # fmt: skip
    assert Pair(path="/t", old=tool, new=tool).has_same_words
    assert not Pair(path="/t", old=tool, new=build_step()).has_same_words


def test_changed_parameters() -> None:
    """Those that one has alone, and those with another value; a value of none is a value."""
    old, new = build_step(parameters={"seed": 1, "top_p": 1, "n": None}), build_step(parameters={"seed": 2, "top_p": 1})
    assert list_changed_parameters(Pair(path="/a", old=old, new=new)) == [("seed", "1", "2")]
    pair = Pair(path="/a", old=build_step(parameters={}), new=build_step(parameters={"temperature": 0.2}))
    assert list_changed_parameters(pair) == [("temperature", "–", "0.2")]
