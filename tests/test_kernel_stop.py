"""Stop and the kernel's interrupt end a step in mid-stream, in both forms of a cell."""

from __future__ import annotations

import pytest
from fake_helicone import FakeHelicone
from kernels import Cell, Kernel

from heliconemagic.journal.journal import Journal

pytestmark = pytest.mark.kernel

AWAITED, CALLED = "", "%%time\n"


def begin(kernel: Kernel, before: str) -> tuple[Cell, Cell]:
    """A running step whose first text is on the page, and a cell that waits behind it."""
    running = kernel.send(f"{before}%%llm /long -m slow-500\nGo on.")
    waiting = kernel.send("waiting = 1")
    kernel.wait_for_text("word3 ")
    return running, waiting


def check_stopped(kernel: Kernel, fake: FakeHelicone, running: Cell) -> None:
    """The connection is closed, one short error is there, and the partial text in card and journal."""
    assert fake.wait_for(lambda: fake.disconnects == 1)
    (error,) = running.errors
    assert error["ename"] == "StepInterrupted"
    assert len(error["traceback"]) == 1
    assert len(error["traceback"][0].splitlines()) == 1
    assert running.record["status"] == "interrupted"
    assert running.record["text"].startswith("word0 word1 word2 word3 ")
    assert "word3" in running.displays[-1]["text/html"]
    assert kernel.list_open() == []


@pytest.mark.parametrize("before", [AWAITED, CALLED], ids=["awaited", "called"])
def test_interrupt(kernel: Kernel, fake: FakeHelicone, before: str) -> None:
    """The kernel's interrupt ends the step, aborts what waits, and the kernel goes on."""
    running, waiting = begin(kernel, before)
    kernel.interrupt()
    kernel.settle()
    check_stopped(kernel, fake, running)
    if before == AWAITED or kernel.evaluate("__import__('IPython').version_info[0]") > 7:  # 7's %%time hides errors
        assert (running.status, waiting.status) == ("error", "aborted")
    assert kernel.run_all(["%%llm /next --fresh\nHi"])[0].record["text"] == "Hello!"


@pytest.mark.parametrize("before", [AWAITED, CALLED], ids=["awaited", "called"])
def test_stop_button(kernel: Kernel, fake: FakeHelicone, before: str) -> None:
    """A click on Stop does the same, where the kernel takes messages while a cell runs."""
    if not kernel.has_subshells:
        pytest.skip("ipykernel before 7 takes a click only after the cell: its own interrupt is the way there")
    running, waiting = begin(kernel, before)
    kernel.click_stop()
    kernel.settle()
    check_stopped(kernel, fake, running)
    assert (running.status, waiting.status) == ("error", "aborted")
    assert kernel.run_all(["%%llm /next --fresh\nHi"])[0].record["text"] == "Hello!"


@pytest.mark.parametrize("model", ["silent", "stall"])
def test_interrupt_of_a_silent_server(kernel: Kernel, fake: FakeHelicone, model: str) -> None:
    """A server that says nothing is left at once too."""
    running = kernel.send(f"%%llm /silent -m {model}\nHi")
    assert fake.wait_for(lambda: len(fake.completions) == 1)
    kernel.wait(lambda: bool(kernel.list_open()))
    kernel.interrupt()
    kernel.settle()
    assert fake.wait_for(lambda: fake.disconnects == 1)
    assert [error["ename"] for error in running.errors] == ["StepInterrupted"]


def test_interrupt_where_nobody_sits(kernel: Kernel, fake: FakeHelicone) -> None:
    """Without widgets an interrupt does the same."""
    running = kernel.send("%%llm /long -m slow-500\nGo on.", allow_stdin=False)
    kernel.wait(lambda: any("word3" in str(bundle) for bundle in running.shown))
    kernel.interrupt()
    kernel.settle()
    check_stopped(kernel, fake, running)


def test_stopped_step_in_the_journal(kernel: Kernel, fake: FakeHelicone) -> None:
    """The journal has the partial text, marked, and it is nobody's context."""
    running, _ = begin(kernel, AWAITED)
    kernel.interrupt()
    kernel.settle()
    kernel.run_all(["%%llm /next\nHi"])
    kernel.write_journal()
    assert len(fake.completions[-1].json["messages"]) == 1
    journal = Journal(kernel.journal_folder)
    loaded = journal.load_session(running.record["session_id"])
    journal.close()
    assert loaded is not None
    assert [(step.status.value, step.text[:6]) for step in loaded[1]] == [("interrupted", "word0 "), ("done", "Hello!")]
