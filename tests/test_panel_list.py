"""The panel's list and its filters, and the selected step in HTML: pure, bounded, and safe."""

from __future__ import annotations

import pytest
from panel_samples import build_panel_step, build_panel_steps
from render_samples import ATTACKS, FORM, list_dangers
from test_render_attacks import build_hostile_card

from heliconemagic.records import Feedback, Step, StepKind, StepStatus
from heliconemagic.render.card import Card
from heliconemagic.render.panel_list import PAGE, StepList
from heliconemagic.render.panel_step import (
    build_folder_head,
    build_step_answer,
    build_step_head,
    build_step_request,
)
from heliconemagic.steps.feedback import FeedbackBook
from heliconemagic.steps.filtering import StepFilter
from heliconemagic.steps.listing import Branch, build_branches, list_nodes
from heliconemagic.steps.tree import Folder, build_tree

STEPS = build_panel_steps(60)


def choose(**wanted: str) -> list[int]:
    """The numbers of the steps that fit."""
    opinions = {STEPS[3].id: "👍 Lovely"}
    found = StepFilter(**wanted).choose(STEPS, lambda step_id: opinions.get(step_id, ""))
    return [STEPS.index(step) for step in found]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, list(range(60))),
        ({"path": "/module-0/lesson-1"}, list(range(20, 40))),
        ({"path": "/module-0/lesson-1/"}, list(range(20, 40))),
        ({"path": "/module-0/lesson"}, []),
        ({"path": "part-7"}, [7, 27, 47]),
        ({"path": "/*/part-7"}, [7, 27, 47]),
        ({"path": "lesson-2/*-7"}, [47]),
        ({"state": "failed"}, [19, 39, 59]),
        ({"state": "running"}, []),
        ({"state": "superseded"}, []),
        ({"state": "rated"}, [3]),
        ({"model": "gpt-4o", "path": "/module-0/lesson-0"}, list(range(1, 20, 2))),
        ({"kind": "Tool"}, []),
        ({"kind": "LLM", "text": "WRITE PART 41"}, [41]),
        ({"text": "part 41 is"}, [41]),
        ({"text": "lovely"}, [3]),
        ({"text": "500"}, [19, 39, 59]),
    ],
)
def test_filters(wanted: dict[str, str], expected: list[int]) -> None:
    """Each field narrows the steps, and all hold together."""
    assert choose(**wanted) == expected


def describe(node: Branch | Folder[Step] | Step) -> str:
    """What a node is."""
    return node.id if isinstance(node, Step) else f"folder {node.path}"


def test_list_stands_in_the_order_of_the_tree() -> None:
    """The same nodes as the tree that has the sums, whatever the paths look like."""
    paths = ["/b/x", "/a", "/b", "/b/x", "/c//d", "/a/", "/b/y", "/a"]
    steps = [build_panel_step(number, path=path) for number, path in enumerate(paths)]
    seen = []

    def visit(folder: Folder[Step]) -> None:
        for child in folder.children:
            is_one_row = isinstance(child, Folder) and len(child.children) == 1 and isinstance(child.children[0], Step)
            seen.append(describe(child.children[0] if is_one_row else child))
            if isinstance(child, Folder) and not is_one_row:
                visit(child)

    visit(build_tree(steps))
    assert [describe(node) for _, node in list_nodes(build_branches(steps))] == seen


def test_lines_say_what_happened() -> None:
    """A sign, the path, the time, a bar, what was thought of it; blanks that a browser keeps."""
    rated = Feedback(id="1", session_id="s", step_id=STEPS[1].id, name="rating", value=True, given_at=1.0)
    steps = [
        *STEPS[:2],
        build_panel_step(2, status=StepStatus.PENDING, ended_at=None),
        build_panel_step(3, is_superseded=True, kind=StepKind.TOOL),
        STEPS[19],
    ]
    lines = [line.text for line in StepList(steps, FeedbackBook([rated]).group(), StepFilter()).build_page(0)]
    words = [" ".join(line.replace("\u00a0", " ").split()) for line in lines]
    assert words[0].startswith("▾ /module-0") and words[0].endswith("5 steps, 1 failed")
    assert "part-1 2.0 s" in words[3] and "█" in words[3] and words[3].endswith("👍")
    assert words[4].startswith("… ") and words[5].startswith("~ ") and words[5].endswith("Tool · superseded")
    assert words[6].startswith("✗ ") and all(" " not in line for line in lines)


def test_a_long_session_comes_in_pages() -> None:
    """Each has a hundred lines; a line is found on its page, by its key."""
    found = StepList(build_panel_steps(1_000), {}, StepFilter())
    assert found.page_count == -(-found.count // PAGE) > 9
    place = found.find_place(found.newest)
    assert place == found.count - 1
    page = found.find_page(place)
    index = found.find_index(place, page)
    assert index is not None and found.build_page(page)[index].key == found.newest
    assert found.find_index(place, 0) is None and found.find_place("nothing") is None
    assert found.describe_page(0) == f"lines 1 to 100 of {found.count:,} · 1,000 steps"


def test_filter_is_a_magnifying_glass() -> None:
    """The bars span what is left."""
    wide = StepList(STEPS, {}, StepFilter()).build_page(0)[2].text
    near = StepList(STEPS, {}, StepFilter(path="/module-0/lesson-0/part-0")).build_page(0)[-1].text
    assert near.count("█") + near.count("▒") > 10 > wide.count("█") + wide.count("▒")


def test_nothing_there() -> None:
    """An empty session, and a filter that nothing fits."""
    for steps in ([], STEPS):
        found = StepList(steps, {}, StepFilter(path="/nowhere"))
        assert (found.build_page(0), found.newest, found.page_count) == ([], "", 1)


def test_step_is_shown_whole() -> None:
    """Answer, messages, parameters, headers and attempts; of a key only its variable."""
    card = Card(step=build_panel_step(1), request=FORM)
    html = build_step_request(card) + build_step_answer(card)
    for text in ("Write part 1.", "temperature", "Bearer {OPENAI_API_KEY}", "r-1", "x-kind: answered", "<em>here</em>"):
        assert text in html


def test_step_that_is_no_request_shows_its_input() -> None:
    """With its output, escaped, as everything is."""
    step = build_panel_step(1, kind=StepKind.VECTOR_DB, messages=(), input='{"q": "<b>"}', text='["<i>"]')
    answer = build_step_answer(Card(step=step))
    assert "&quot;&lt;b&gt;&quot;" in answer and "&quot;&lt;i&gt;&quot;" in answer
    assert build_step_request(Card(step=step)) == ""


def test_parts_are_bounded() -> None:
    """However long answer and conversation are; what is left out is said."""
    messages = tuple({"role": "user", "content": f"<{'x' * 999}>"} for _ in range(1_000))
    step = build_panel_step(1, text="word " * 100_000, messages=messages)
    answer, request = build_step_answer(Card(step=step)), build_step_request(Card(step=step))
    assert "470,000 more characters: %helicone_session show" in answer
    assert "earlier messages left out" in request
    assert len(answer.encode()) < 80_000 and len(request.encode()) < 80_000


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_texts(attack: str) -> None:
    """Nothing that a model, a server or a file says becomes an element that could act; a line is text."""
    card = build_hostile_card(attack)
    html = build_step_head(card) + build_step_answer(card) + build_step_request(card)
    html = html.replace(" open>", ">")  # of the messages, unfolded
    assert list_dangers(html) == []
    assert list_dangers(build_folder_head(Branch(attack, [card.step]))) == []
    for line in StepList([card.step, card.step], {}, StepFilter()).build_page(0):
        assert "\n" not in line.text and "\x1b" not in line.text and "\u202e" not in line.text
