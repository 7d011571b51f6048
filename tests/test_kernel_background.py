"""Steps that go on in the background while other cells run, on real kernels."""

from __future__ import annotations

import pytest
from fake_helicone import FakeHelicone
from kernels import Kernel

pytestmark = pytest.mark.kernel

SLOW = "%%llm /slow --bg --out slow -m slow-60\nGo on."


def test_cell_returns_at_once_and_the_card_goes_on(kernel: Kernel, fake: FakeHelicone) -> None:
    """Other cells run while the text of a background cell arrives; its card ends static, where it began."""
    cell = kernel.send(SLOW)
    assert fake.wait_for(lambda: bool(fake.completions))
    fake.hold()
    kernel.wait(lambda: cell.is_over)
    assert kernel.evaluate("slow.done") is False
    assert kernel.evaluate("[1 for _ in range(3)]") == [1, 1, 1]
    fake.release()
    kernel.wait_for_text("word3 ")
    assert kernel.evaluate("slow.wait().text.startswith('word0 word1')")
    kernel.wait(lambda: kernel.list_open() == [])
    kernel.settle()
    assert cell.record["status"] == "done"
    assert cell.displays[-1]["text/html"].count("word59") >= 1


@pytest.mark.parametrize("before", ["", "%%time\n"], ids=["awaited", "called"])
@pytest.mark.parametrize(
    "below",
    ["%%llm /slow/next\nGo on.", "%%llm /next --after /slow\nGo on.", "%%llm /next --fresh\nSay {{ slow.text }}",
     "%%llm /next --fresh\nSay {{ steps['/slow'].text }}"],
    ids=["path", "after", "handle", "steps"],
)  # fmt: skip
def test_cell_that_needs_the_step_waits_for_it(kernel: Kernel, fake: FakeHelicone, before: str, below: str) -> None:
    """What continues or names a step in the background is sent when that has ended, with all of its text."""
    _, needs = kernel.run_all([SLOW, before + below])
    assert needs.status == "ok"
    assert "word59" in str(fake.requests[-1].json["messages"])


def test_cell_that_needs_nothing_does_not_wait(kernel: Kernel, fake: FakeHelicone) -> None:
    """A cell beside it is sent at once, and doesn't continue it afterwards either."""
    slow = kernel.send(SLOW)
    assert fake.wait_for(lambda: bool(fake.completions))
    fake.hold()
    beside = kernel.send("%%llm /beside\nHi")
    kernel.wait(lambda: beside.is_over)
    assert kernel.evaluate("slow.done") is False
    fake.release()
    assert beside.record["parent_id"] is None
    kernel.evaluate("slow.wait().text")
    assert kernel.run("%%llm /later\nHi").record["parent_id"] == beside.record["id"]
    assert slow.is_over


def test_cancelled_step_keeps_its_text(kernel: Kernel, fake: FakeHelicone) -> None:
    """Cancelling closes the connection and keeps what had arrived; who waits, and who continues it, is told."""
    cell = kernel.send(SLOW.replace("slow-60", "slow-500"))
    kernel.wait_for_text("word3 ")
    kernel.run("slow.cancel()")
    waiting = kernel.run("slow.wait()")
    assert fake.wait_for(lambda: fake.disconnects == 1)
    assert waiting.errors[0]["ename"] == "StepInterrupted"
    kernel.settle()
    assert cell.record["status"] == "interrupted"
    assert kernel.list_open() == []


def test_failure_is_told_to_who_needs_the_step(kernel: Kernel, fake: FakeHelicone) -> None:
    """A step that fails in the background fails the cells that build on it, before anything is sent."""
    cell = kernel.run("%%llm /bad --bg -m cut\nGo on.")
    kernel.settle()
    needs = kernel.run("%%llm /bad/next\nGo on.")
    assert cell.status == "ok"
    assert needs.errors[0]["ename"] == "InputError"
    assert "/bad" in needs.errors[0]["evalue"]
    assert len(fake.requests) == 1


def test_without_a_person_the_cell_waits(kernel: Kernel) -> None:
    """Under nbclient, where the kernel ends with the last cell, the cell ends with its step; the handle is done."""
    cell = kernel.run(SLOW, allow_stdin=False)
    assert cell.record["text"].endswith("word59 ")
    assert kernel.evaluate("(slow.done, slow.text == slow.wait().text)") == [True, True]
