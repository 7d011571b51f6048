"""What cells show, return and leave behind on a real kernel."""

from __future__ import annotations

import pytest
from fake_helicone import FakeHelicone
from kernels import REPLY, WIDGET_VIEW, Kernel

pytestmark = pytest.mark.kernel

STATIC = {"text/html", "text/markdown", "text/plain", REPLY}
COURSE = [
    "%%llm /abstract\nGenerate an abstract for a course on {{ topic }}.",
    "%%llm /outline\nNow create a detailed outline based on that abstract.",
    "%%llm /outline/lesson-1\nWrite the first lesson.",
]


@pytest.mark.parametrize("allow_stdin", [True, False])
def test_course_session_on_the_demo(shared_kernel: Kernel, allow_stdin: bool) -> None:
    """The course session runs offline, and each cell ends as one static card."""
    begin = ['topic = "coral reefs"', '%helicone_session "Offline" --new --gateway demo -m demo-fast']
    shared_kernel.run_all(begin)
    cells = shared_kernel.run_all(COURSE, allow_stdin=allow_stdin)
    assert [set(cell.displays[0]) for cell in cells] == [STATIC] * 3
    assert "coral reefs" in cells[0].displays[0]["text/markdown"]
    assert [cell.record["status"] for cell in cells] == ["done"] * 3
    shown = shared_kernel.run("%helicone_session show").displays[0]
    assert all(word in shown["text/plain"] for word in ("abstract", "outline", "lesson-1"))


def test_course_session_at_helicone(kernel: Kernel, fake: FakeHelicone) -> None:
    """Every request carries the same session, its own path, and what was said before it."""
    kernel.run_all(['topic = "coral reefs"', *COURSE])
    requests = fake.completions
    assert len({(request.header("helicone-session-id")) for request in requests}) == 1
    assert {request.header("helicone-session-name") for request in requests} == {"Course Creation"}
    assert [request.header("helicone-session-path") for request in requests] == [
        "/abstract", "/outline", "/outline/lesson-1",
    ]  # fmt: skip
    assert [len(request.json["messages"]) for request in requests] == [1, 3, 5]
    assert len(fake.logged) == 3


def test_text_grows_while_it_arrives(kernel: Kernel) -> None:
    """A person sees the text grow in widgets, and all of them are closed at the end."""
    cell = kernel.send("%%llm /grow -m slow-60\nGo on.")
    kernel.wait_for_text("word1 ")
    open_ones = [comm for comm in kernel.comms.values() if not comm.is_closed]  # closed: of earlier cells
    tail = next(comm for comm in open_ones if "word1 " in str(comm.state.get("value")))
    kernel.wait(lambda: cell.is_over)
    lengths = [len(value) for value in tail.values]
    assert len(set(lengths)) > 3
    assert lengths == sorted(lengths)
    assert WIDGET_VIEW in cell.shown[0]
    assert set(cell.displays[0]) == STATIC
    assert kernel.list_open() == []


def test_no_widget_where_nobody_sits(kernel: Kernel) -> None:
    """Without stdin no widget is ever made, and the HTML is updated."""
    cell = kernel.run("%%llm /grow -m slow-80\nGo on.", allow_stdin=False)
    assert not [kind for kind in cell.kinds if kind.startswith("comm_")]
    assert cell.kinds.count("update_display_data") >= 2
    assert set(cell.displays[0]) == STATIC


@pytest.mark.parametrize(
    ("source", "form"),
    [
        ("%%llm /form\nHi", "await get_ipython()."),
        ("\n\n%%helicone /form\nHi", "await get_ipython()."),
        ("%%llm\nHi", "await get_ipython()."),
        ("%%time\n%%llm /form\nHi", "get_ipython().run_cell_magic('time'"),
        ("%llm /form Hi", "get_ipython().run_line_magic('llm'"),
    ],
)
def test_form_of_a_cell(kernel: Kernel, source: str, form: str) -> None:
    """A cell at the top level is awaited; one inside another magic is a call."""
    assert kernel.run(source).status == "ok"
    assert kernel.evaluate("In[-2]").startswith(form)


@pytest.mark.parametrize(
    "source",
    [
        "%%llm /value --out answer\nHi",
        "answer = %llm /value Hi",
        "%%time\n%%llm /value --out answer\nHi",
        "get_ipython().run_cell_magic('llm', '/value --out answer', 'Hi')",
    ],
)
def test_value_of_a_cell(kernel: Kernel, source: str) -> None:
    """The reply is under its name, and is shown once."""
    cell = kernel.run(source)
    assert (cell.status, len(cell.displays), cell.results) == ("ok", 1, [])
    assert kernel.evaluate("[answer.text, answer.path]") == ["Hello!", "/value"]


def test_underscore_is_the_reply(kernel: Kernel) -> None:
    """`_` is the reply after its cell, though it isn't shown a second time."""
    assert kernel.run("%%llm /value\nHi").results == []
    assert kernel.evaluate("_.text") == "Hello!"


def test_reply_shows_itself_in_another_cell(kernel: Kernel) -> None:
    """A reply that a later cell ends with is shown there, static."""
    kernel.run_all(["%%llm /value --out answer\nHi"])
    assert set(kernel.run("answer").results[0]) == STATIC


def test_quiet_cell_shows_nothing(kernel: Kernel) -> None:
    """`-q` gives the reply and leaves no output."""
    assert kernel.run("%%llm /quiet -q --out answer\nHi").outputs == []
    assert kernel.evaluate("answer.text") == "Hello!"


def test_time_around_a_cell(kernel: Kernel) -> None:
    """`%%time` shows the card and its own lines."""
    cell = kernel.run("%%time\n%%llm /timed\nHi")
    assert "Wall time" in cell.printed
    assert set(cell.displays[0]) == STATIC


def test_capture_around_a_cell(kernel: Kernel) -> None:
    """`%%capture` keeps the card, static, and nothing reaches the page."""
    cell = kernel.run("%%capture captured\n%%llm /captured\nHi")
    assert (cell.status, cell.outputs) == ("ok", [])
    shown = [bundle for bundle in kernel.run("captured.show()").displays if bundle]  # IPython adds an empty one
    assert [set(bundle) for bundle in shown] == [STATIC]
    assert "Hello!" in shown[0]["text/markdown"]
    assert kernel.list_open() == []


def test_live_card_stays_a_widget(kernel: Kernel) -> None:
    """`--live` keeps the finished card as a widget, without Stop."""
    cell = kernel.run("%%llm /live --live\nHi")
    assert WIDGET_VIEW in cell.displays[0]
    assert "ButtonModel" not in kernel.list_open()
    kernel.run_all(["import ipywidgets; ipywidgets.Widget.close_all()"])


@pytest.mark.parametrize("model", ["fail400", "cut", "malformed"])
def test_failure_is_one_short_error(kernel: Kernel, model: str) -> None:
    """A failed step fails its cell with one error, and the cell after it is not run."""
    failed, following = kernel.send(f"%%llm /bad -m {model} --retries 0\nHi"), kernel.send("following = 1")
    kernel.wait(lambda: failed.is_over and following.is_over)
    assert (failed.status, following.status) == ("error", "aborted")
    assert len(failed.errors) == 1
    assert len(failed.errors[0]["traceback"]) <= 3
    assert kernel.list_open() == []


def test_reset_leaves_the_magics_working(kernel: Kernel) -> None:
    """`%reset -f` removes no name that a cell needs."""
    kernel.run_all(["%reset -f", "%%llm /after\nHi"])


def test_unload_and_reload(kernel: Kernel) -> None:
    """After unloading the magics are gone; after loading they are there, once."""
    kernel.run_all(["%unload_ext heliconemagic"])
    assert kernel.run("%%llm /gone\nHi").status == "error"
    kernel.run_all(["%load_ext heliconemagic", "%helicone_session Again --gateway demo -m demo-fast", "%%llm /a\nHi"])
    assert kernel.evaluate("len(get_ipython().input_transformers_cleanup)") == kernel.evaluate(
        "len({id(t) for t in get_ipython().input_transformers_cleanup})"
    )
