"""Which step a new one continues, and what is sent of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from heliconemagic.errors import InputError
from heliconemagic.paths import SessionPath
from heliconemagic.records import Step, StepKind, StepStatus
from heliconemagic.settings import Context
from heliconemagic.steps.conversation import Wish, build_chain, build_messages, find_place


class Story:
    """Steps run one after the other, each in a cell named like its path unless told otherwise."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._run = 0

    def run(
        self, path: str | None, *, cell: str | None = None, status: StepStatus = StepStatus.DONE, **wish: object
    ) -> Step:
        """Runs a cell and takes its step into the story."""
        self._run += 1
        place = find_place(self.steps, self.build_wish(path, cell, **wish))
        step = Step(
            id=f"s{self._run}",
            session_id="session",
            path=place.path,
            status=status,
            gateway="demo",
            model="demo",
            messages=build_messages(build_chain(self.steps, place.parent), f"prompt {self._run}", None),
            cell=cell or path or "",
            run=self._run,
            parent_id=place.parent.id if place.parent else None,
            started_at=float(self._run),
            text=f"answer {self._run}" if status is StepStatus.DONE else "",
        )
        if status is StepStatus.DONE:
            self.steps = [replace(old, is_superseded=True) if old.id in place.supersedes else old for old in self.steps]
        self.steps.append(step)
        return step

    def build_wish(self, path: str | None, cell: str | None = None, **wish: object) -> Wish:
        """The wish of a cell of the newest run."""
        parsed = SessionPath.parse(path) if path else None
        return Wish(path=parsed, cell=cell or path or "", run=self._run or 1, **wish)  # type: ignore[arg-type]


def test_unknown_path_names_some_of_those_there_are() -> None:
    """The newest ones: a session may have thousands."""
    story = Story()
    for number in range(1_000):
        story.run(f"/quiz/{number}")
    with pytest.raises(InputError) as caught:
        story.run("/x", after=SessionPath("/nowhere"))
    assert "/quiz/999, /quiz/998" in str(caught.value) and "/quiz/980 and 980 more" in str(caught.value)


def test_paths_beside_each_other_read_on_like_a_conversation() -> None:
    """The course of the README: each step continues the one before, and sends all turns so far."""
    story = Story()
    abstract, outline, lesson = (story.run(path) for path in ("/abstract", "/outline", "/outline/lesson-1"))
    assert (abstract.parent_id, outline.parent_id, lesson.parent_id) == (None, abstract.id, outline.id)
    assert [message["content"] for message in lesson.messages] == [
        "prompt 1", "answer 1", "prompt 2", "answer 2", "prompt 3",
    ]  # fmt: skip


def test_nesting_branches_off_at_the_ancestor() -> None:
    """The second lesson continues the outline, not the first lesson."""
    story = Story()
    outline = story.run("/outline")
    story.run("/outline/lesson-1")
    assert story.run("/outline/lesson-2").parent_id == outline.id


def test_nearest_ancestor_wins_over_a_farther_one() -> None:
    """A gap in the path is skipped: /a/b/c/d continues /a/b when there is no /a/b/c."""
    story = Story()
    story.run("/a")
    near = story.run("/a/b")
    story.run("/elsewhere")
    assert story.run("/a/b/c/d").parent_id == near.id


def test_same_path_in_another_cell_is_another_try_with_the_same_parent() -> None:
    """Two cells at /draft both continue /plan; both stay."""
    story = Story()
    plan = story.run("/plan")
    story.run("/draft", cell="one")
    second = story.run("/draft", cell="two")
    assert second.parent_id == plan.id
    assert not any(step.is_superseded for step in story.steps)


def test_without_a_path_the_last_step_is_continued_at_its_path() -> None:
    """%%llm alone goes on where the conversation is."""
    story = Story()
    first = story.run("/chat")
    second = story.run(None, cell="next")
    assert (second.path, second.parent_id) == ("/chat", first.id)


def test_first_cell_without_a_path_gets_one() -> None:
    """There is nothing to continue yet, and a step needs a place in the tree."""
    assert Story().run(None, cell="only").path == "/prompt"


def test_running_a_cell_again_supersedes_its_own_step_and_keeps_its_parent() -> None:
    """The first cell, run again at the end, still starts the conversation."""
    story = Story()
    first = story.run("/abstract")
    story.run("/outline")
    again = story.run("/abstract")
    assert again.parent_id is None
    assert [step.id for step in story.steps if step.is_superseded] == [first.id]


def test_running_a_child_again_continues_the_newest_version_of_its_parent() -> None:
    """After /abstract ran again, /outline run again continues the new abstract."""
    story = Story()
    story.run("/abstract")
    story.run("/outline")
    newer = story.run("/abstract")
    assert story.run("/outline").parent_id == newer.id


def test_pathless_cell_run_again_stays_where_it_was() -> None:
    """Its path and parent are those of its first run, whatever ran since."""
    story = Story()
    first = story.run("/chat")
    story.run(None, cell="follow-up")
    story.run("/other")
    again = story.run(None, cell="follow-up")
    assert (again.path, again.parent_id) == ("/chat", first.id)


def test_cell_that_changes_its_path_is_placed_afresh() -> None:
    """Another path is another place; the old step is replaced all the same."""
    story = Story()
    plan = story.run("/plan", cell="plan")
    story.run("/draft", cell="edited")
    moved = story.run("/plan/draft", cell="edited")
    assert moved.parent_id == plan.id
    assert sum(step.is_superseded for step in story.steps) == 1


@pytest.mark.parametrize("status", [StepStatus.FAILED, StepStatus.INTERRUPTED, StepStatus.PENDING])
def test_unfinished_step_is_never_a_parent(status: StepStatus) -> None:
    """Nobody builds on half an answer."""
    story = Story()
    good = story.run("/abstract")
    story.run("/outline", status=status)
    assert story.run("/outline/lesson").parent_id == good.id


def test_empty_or_tool_step_is_never_a_parent() -> None:
    """A tool's step and an answer without text carry no conversation."""
    story = Story()
    good = story.run("/abstract")
    for change in ({"text": "  \n"}, {"kind": StepKind.TOOL}):
        story.steps.append(replace(story.run("/x"), id=str(change), **change))
        story.steps = [step for step in story.steps if step.path != "/x" or step.id == str(change)]
    assert story.run("/next").parent_id == good.id


def test_failed_rerun_leaves_the_earlier_answer_current() -> None:
    """A bad connection doesn't take away what was already paid for."""
    story = Story()
    good = story.run("/abstract")
    story.run("/abstract", status=StepStatus.FAILED)
    assert not story.steps[0].is_superseded
    assert story.run("/outline").parent_id == good.id


def test_options_of_the_cell_override_the_rules() -> None:
    """-c continues the step that ran last, --after a named one, --fresh nothing."""
    story = Story()
    abstract = story.run("/abstract")
    story.run("/outline")
    last = story.run("/outline/lesson-1")
    assert story.run("/outline/lesson-2", cell="a", continues=True).parent_id == last.id
    assert story.run("/x", cell="b", after=SessionPath("/abstract")).parent_id == abstract.id
    assert story.run("/outline/lesson-3", cell="c", is_fresh=True).parent_id is None


@pytest.mark.parametrize(
    ("context", "parent"), [(Context.PATH, None), (Context.CHAT, "s2"), (Context.NONE, None), (Context.AUTO, "s2")]
)
def test_context_of_the_session_sets_the_rule(context: Context, parent: str | None) -> None:
    """For /b after /a and /a/x: ancestors only, the last step, nothing, or the default."""
    story = Story()
    story.run("/a")
    story.run("/a/x")
    assert story.run("/b", context=context).parent_id == parent


def test_after_an_unknown_path_names_the_known_ones() -> None:
    """The refusal says what could be typed."""
    story = Story()
    story.run("/abstract")
    with pytest.raises(InputError, match="/abstract"):
        story.run("/x", after=SessionPath("/nowhere"))


def test_several_steps_of_one_run_continue_each_other() -> None:
    """A loop of %llm lines in one cell is a conversation; run again, each replaces its counterpart."""
    story = Story()
    runs = []
    for run in (1, 2):
        for path in ("/one", "/two"):
            place = find_place(story.steps, Wish(path=SessionPath(path), cell="loop", run=run))
            step = replace(story.run(path, cell="scratch"), id=f"{run}{path}", cell="loop", run=run,
                           parent_id=place.parent.id if place.parent else None)  # fmt: skip
            story.steps[-1] = step
            runs.append(place.parent.id if place.parent else None)
    assert runs == [None, "1/one", None, "2/one"]


def test_label_names_the_parent() -> None:
    """The card says what is continued, in the words of the session."""
    story = Story()
    story.run("/abstract")
    assert find_place(story.steps, story.build_wish("/outline")).label == "after /abstract"
    assert find_place(story.steps, story.build_wish(None, "new")).label == "continues /abstract"
    assert find_place(story.steps, story.build_wish("/z", is_fresh=True)).label == "fresh"


def test_system_prompt_comes_first_and_once() -> None:
    """It is the session's, not a turn of the conversation."""
    story = Story()
    parent = story.run("/a")
    messages = build_messages(build_chain(story.steps, parent), "now", "Be brief.")
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]


def test_thousands_of_turns_are_chained() -> None:
    """Each step is looked at by its id: comparing steps with each other would take minutes here."""
    story = Story()
    first = story.run("/a")
    steps = [replace(first, id=str(number), parent_id=str(number - 1)) for number in range(20_000)]
    assert build_chain(steps, steps[-1]) == steps
    steps[0] = replace(steps[0], parent_id=steps[-1].id)
    assert build_chain(steps, steps[-1]) == steps  # a ring, should there ever be one, has an end


def test_a_step_beside_the_conversation_is_continued_only_by_its_path() -> None:
    """What was sent beside the others is never "the step that ran last"; below its path, and by --after, it is."""
    story = Story()
    abstract, aside = story.run("/abstract"), story.run("/aside")
    story.steps[-1] = replace(aside, is_aside=True)
    outline, below = story.run("/outline"), story.run("/aside/note")
    after = story.run("/end", after=SessionPath("/aside"))
    assert (outline.parent_id, below.parent_id, after.parent_id) == (abstract.id, aside.id, aside.id)
    assert story.run(None, cell="other").path == "/end"
