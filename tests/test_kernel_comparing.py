"""Comparing on a real kernel: both forms of a cell, Stop in one column, interrupts, and where nobody sits."""

from __future__ import annotations

import pytest
from fake_helicone import FakeHelicone
from kernels import REPLIES, WIDGET_VIEW, Cell, Kernel

pytestmark = [pytest.mark.kernel, pytest.mark.any_kernel]


def read_replies(cell: Cell) -> list[tuple[str, str]]:
    """State and text of each answer that the cell's display holds."""
    (form,) = [bundle[REPLIES] for bundle in cell.displays if REPLIES in bundle]
    return [(reply["status"], reply["text"]) for reply in form["replies"]]


@pytest.mark.parametrize("before", ["", "%%time\n"], ids=["awaited", "called"])
def test_answers_stream_beside_each_other(kernel: Kernel, fake: FakeHelicone, before: str) -> None:
    """All are asked at once, grow in one display, and leave one static display without widgets."""
    cell = kernel.send(f"{before}%%llm /x -m slow-60 -n 3 --out answers\nGo on.")
    kernel.wait_for_text("word1 ")
    assert fake.wait_for(lambda: len(fake.completions) == 3)
    kernel.wait(lambda: cell.is_over)
    assert WIDGET_VIEW in cell.shown[0]
    assert len(cell.displays) == 1 and WIDGET_VIEW not in cell.displays[0]
    assert [status for status, _ in read_replies(cell)] == ["done"] * 3
    assert kernel.list_open() == []
    assert kernel.evaluate("[reply.variant for reply in answers]") == [1, 2, 3]


def test_stop_in_one_column_stops_that_one(kernel: Kernel, fake: FakeHelicone) -> None:
    """The other goes on to its end; the cell fails, and gives the answer that there is."""
    if not kernel.has_subshells:
        pytest.skip("ipykernel before 7 takes a click only after the cell")
    cell = kernel.send("%%llm /x -m slow-500 -m slow-60 --out answers\nGo on.")
    kernel.wait_for_text("word1 ")
    kernel.click_stop()
    kernel.settle()
    (stopped, done) = read_replies(cell)
    assert (stopped[0], done[0]) == ("interrupted", "done")
    assert fake.disconnects == 1
    (error,) = cell.errors
    assert error["ename"] == "StepInterrupted"
    assert "answer 1 of 2 (slow-500) was stopped; the others are kept" in error["evalue"]
    assert kernel.evaluate("[reply.model for reply in answers]") == ["slow-60"]
    assert kernel.list_open() == []


def test_interrupt_stops_all(kernel: Kernel, fake: FakeHelicone) -> None:
    """The kernel's own interrupt ends every answer at once, and what had arrived is kept."""
    cell = kernel.send("%%llm /x -m slow-500 -n 3\nGo on.")
    kernel.wait_for_text("word1 ")
    assert fake.wait_for(lambda: len(fake.completions) == 3)
    kernel.interrupt()
    kernel.settle()
    assert fake.wait_for(lambda: fake.disconnects == 3)
    assert [status for status, _ in read_replies(cell)] == ["interrupted"] * 3
    assert [error["ename"] for error in cell.errors] == ["StepInterrupted"]


def test_comparing_where_nobody_sits(kernel: Kernel) -> None:
    """No widget; the same static end, and what is picked later is said there."""
    cell, _, tree = kernel.run_all(
        ["%%llm /x -n 2\nHi", "%helicone_session pick /x 2", "%helicone_session show"], allow_stdin=False
    )
    assert not [bundle for bundle in cell.shown if WIDGET_VIEW in bundle]
    assert cell.displays[0][REPLIES]["current"] == 2
    assert "done · current" in tree.displays[0]["text/plain"]


def test_comparing_in_the_background(kernel: Kernel) -> None:
    """The cell returns at once; one that needs its path waits for all answers and continues the current one."""
    cell, after = kernel.run_all(["%%llm /x -m slow-60 -n 2 --bg --out handle\nGo on.", "%%llm /x/child\nHi"])
    assert after.record["messages"][1]["content"].startswith("word0 ")
    assert kernel.evaluate("[handle.done, len(handle.wait())]") == [True, 2]
    assert [status for status, _ in read_replies(cell)] == ["done"] * 2
    assert kernel.list_open() == []
