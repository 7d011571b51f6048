"""Earlier answers in later messages: where they are found, and what is put in their place."""

from __future__ import annotations

from typing import Any

import pytest
from render_samples import build_step

from heliconemagic.errors import InputError
from heliconemagic.paths import SessionPath
from heliconemagic.records import Step, StepKind, StepStatus, ToolCall
from heliconemagic.steps import rerunning
from heliconemagic.steps.replacing import _FEW, AnswerIndex, replace_answers
from heliconemagic.steps.rerunning import Script, build_script

ABSTRACT = "This course is about bees, and about those who keep them."
OUTLINE = "1. The hive\n2. The year of a colony"


def say(text: Any, role: str = "user") -> dict[str, Any]:
    """A message."""
    return {"role": role, "content": text}


def build(name: str, text: str, *messages: dict[str, Any], **changes: Any) -> Step:
    """A finished step at ``/name``."""
    return build_step(id=name, path=f"/{name}", text=text, messages=messages or (say("Go on."),), **changes)


def rewrite(messages: list[Any], answers: dict[str, str], new: dict[str, str], chain: Any = ()) -> list[Any]:
    """The contents of ``messages`` with the ``new`` answers in the places of the old ones."""
    index = AnswerIndex()
    for name, text in answers.items():
        index.add(build(name, text))
    return [one["content"] for one in replace_answers(messages, index.find_uses(messages, chain), new)]


def test_a_whole_assistant_turn_is_replaced_however_short() -> None:
    """A turn of the conversation is the earlier answer, whatever its length."""
    assert rewrite([say("Go on."), say("Yes.", "assistant")], {"a": "Yes.\n"}, {"a": "No."}) == ["Go on.", "No."]


def test_a_part_of_an_assistant_turn_stays() -> None:
    """Words of a model are its own, even where they repeat an earlier answer."""
    turn = say(f"You said: {ABSTRACT}", "assistant")
    assert rewrite([turn], {"a": ABSTRACT}, {"a": "new"}) == [turn["content"]]


@pytest.mark.parametrize("role", ["user", "system", "developer"])
def test_a_long_answer_inside_a_prompt_is_replaced(role: str) -> None:
    """Where a template had put it; blanks around it stay as they were, also if the new answer has some."""
    said = rewrite([say(f"Outline:\n{ABSTRACT}\n\nGo on.", role)], {"a": f"{ABSTRACT}\n"}, {"a": "\nBees.\n"})
    assert said == ["Outline:\nBees.\n\nGo on."]


def test_a_short_answer_inside_a_prompt_stays() -> None:
    """Nobody can tell whether nineteen characters stand there by accident; twenty are taken for a quote."""
    short, long = "x" * 19, "y" * 20
    assert rewrite([say(f"{short} {long}")], {"a": short, "b": long}, {"a": "A", "b": "B"}) == [f"{short} B"]


def test_every_place_is_replaced_and_what_is_put_in_is_not_searched() -> None:
    """An answer that holds another one's old words doesn't change again."""
    said = rewrite([say(f"{ABSTRACT} {OUTLINE} {ABSTRACT}")], {"a": ABSTRACT, "b": OUTLINE}, {"a": OUTLINE, "b": "B"})
    assert said == [f"{OUTLINE} B {OUTLINE}"]


def test_a_longer_answer_comes_before_its_parts() -> None:
    """An answer that quotes another one is replaced as a whole."""
    both = f"{ABSTRACT} And more."
    assert rewrite([say(f"Sum: {both}")], {"a": ABSTRACT, "b": both}, {"a": "A", "b": "B"}) == ["Sum: B"]


def test_equal_answers_are_told_apart_by_the_chain() -> None:
    """The same words twice in a conversation are the answers of its steps, one after the other."""
    turns = [say("Yes.", "assistant"), say("Sure?"), say("Yes.", "assistant")]
    answers, new = {"a": "Yes.", "b": "Yes.", "c": "Yes."}, {"a": "A", "b": "B", "c": "C"}
    assert rewrite(turns, answers, new, ["a", "b"]) == ["A", "Sure?", "B"]
    assert rewrite(turns[:1], answers, new) == ["C"]


def test_texts_in_parts_are_searched_and_attachments_are_not() -> None:
    """A prompt with an attachment has its text in a part."""
    parts = [{"type": "text", "text": f"About: {ABSTRACT}"}, {"type": "image_url", "image_url": {"url": ABSTRACT}}]
    assert rewrite([say(parts)], {"a": ABSTRACT}, {"a": "A"}) == [[{"type": "text", "text": "About: A"}, parts[1]]]


def test_calls_and_results_of_tools_stay() -> None:
    """No tool is called again: what one gave stays, whatever it repeats."""
    asked = {"role": "assistant", "content": ABSTRACT, "tool_calls": [{"id": "1"}]}
    messages = [asked, {"role": "tool", "content": ABSTRACT, "tool_call_id": "1"}]
    assert rewrite(messages, {"a": ABSTRACT}, {"a": "A"}) == [ABSTRACT, ABSTRACT]


def test_an_answer_without_a_new_one_stays() -> None:
    """Only what there is is put in."""
    assert rewrite([say(ABSTRACT)], {"a": ABSTRACT}, {}) == [ABSTRACT]


def test_a_long_conversation_is_searched_turn_by_turn() -> None:
    """The same turns come again in every request: each is found where it stands."""
    index = AnswerIndex()
    messages: list[dict[str, Any]] = []
    for number in range(400):
        index.find_uses(messages)
        step = build(f"s{number}", f"Answer number {number}: " + "word " * 50)
        index.add(step)
        messages += [say(f"Prompt {number} " + "blah " * 100), say(step.text, "assistant")]
    assert sum(use.message % 2 for use in index.find_uses(messages)) == 400


# ---- which steps are played


def read(script: Script) -> list[tuple[str, bool]]:
    """The paths of the scenes, and whether each is sent."""
    return [(scene.step.path, not scene.is_kept) for scene in script.scenes]


def test_all_finished_prompts_are_played_in_their_order() -> None:
    """Superseded, failed and other steps are left out, each for a reason."""
    call = ToolCall(id="1", name="f", arguments="{}")
    script = build_script([
        build("old", ABSTRACT, is_superseded=True),
        build("failed", "half", status=StepStatus.FAILED),
        build("asked", "", tool_calls=(call,)),
        build("tool", "12", kind=StepKind.TOOL),
        build("one", ABSTRACT),
        build("two", OUTLINE),
        build("b1", "B", comparison="c", variant=1),
        build("b2", "B", comparison="c", variant=2, is_picked=True),
    ])  # fmt: skip
    assert read(script) == [("/one", True), ("/two", True), ("/b2", True)]
    assert {reason: [step.path for step in steps] for reason, steps in script.left_out.items()} == {
        rerunning.SUPERSEDED: ["/old"],
        rerunning.NO_ANSWER: ["/failed"],
        rerunning.TOOL_ROUND: ["/asked"],
        rerunning.NO_PROMPT: ["/tool"],
        rerunning.NOT_PICKED: ["/b1"],
    }


def test_up_to_from_the_recorded_answers_are_kept() -> None:
    """They are the same as before, so that nothing of them is replaced later."""
    later = build("later", "z", say(ABSTRACT, "assistant"), say(OUTLINE, "assistant"), say("Go on."))
    script = build_script([build("one", ABSTRACT), build("two", OUTLINE), later], SessionPath("/two"))
    assert read(script) == [("/one", False), ("/two", True), ("/later", True)]
    assert [use.step_id for use in script.scenes[2].uses] == ["two"]


def test_from_finds_what_stands_below_a_path() -> None:
    """A folder begins at its first step."""
    script = build_script([build("a", "x"), build("b/c", "y"), build("b", "z")], SessionPath("/b"))
    assert read(script) == [("/a", False), ("/b/c", True), ("/b", True)]


def test_from_a_path_that_is_not_there() -> None:
    """The hint names the paths that are."""
    with pytest.raises(InputError, match="nothing at or below") as caught:
        build_script([build("a", "x"), build("b", "y")], SessionPath("/bb"))
    assert caught.value.hint == "it plays /a, /b"


def test_nothing_to_play() -> None:
    """A session of failures isn't played."""
    with pytest.raises(InputError, match="no step with an answer"):
        build_script([build("a", "", status=StepStatus.FAILED)])


def test_a_scene_needs_its_parent_and_what_it_quotes() -> None:
    """Without those answers it cannot be sent."""
    one, two = build("one", ABSTRACT), build("two", OUTLINE)
    third = build("third", "z", say(f"Use this: {ABSTRACT}"), parent_id="two")
    assert build_script([one, two, third]).scenes[2].needs == {"one", "two"}


def test_a_scene_that_continues_a_replaced_answer_is_stale() -> None:
    """The answer that it continues isn't asked for again, and stays."""
    child = build("child", "z", say(ABSTRACT, "assistant"), say("Go on."), parent_id="old")
    scene = build_script([build("old", ABSTRACT, is_superseded=True), child]).scenes[0]
    assert (scene.is_stale, scene.uses, scene.needs) == (True, (), frozenset())


def test_quotes_are_found_among_very_many_answers() -> None:
    """As among few: of thousands only those whose beginning stands in the text are looked for."""
    answers = {f"step-{number}": f"Answer number {number}, in so many words." for number in range(3 * _FEW)}
    prompt = f"Compare: {answers['step-3']} And: {answers['step-149']}"
    new = dict.fromkeys(answers, "NEW")
    assert rewrite([say(prompt)], answers, new) == ["Compare: NEW And: NEW"]
    assert rewrite([say(prompt)], {"step-3": answers["step-3"]}, new) == [prompt.replace(answers["step-3"], "NEW")]
