"""Batches on a real kernel: the card, Stop and interrupt, and what is kept."""

from __future__ import annotations

import pytest
from fake_helicone import FakeHelicone
from kernels import REPLY, WIDGET_VIEW, Kernel

pytestmark = [pytest.mark.kernel, pytest.mark.any_kernel]

STATIC = {"text/html", "text/markdown", "text/plain", REPLY}
BATCH = "%%llm /quiz/{{ row }} --for words --jobs 2 --out quiz\nAsk about {{ row }}."


@pytest.mark.parametrize("before", ["", "%%time\n"], ids=["awaited", "called"])
def test_batch_ends_as_one_static_card(kernel: Kernel, fake: FakeHelicone, before: str) -> None:
    """It streams its progress into widgets, and leaves a table, a list and no widget."""
    kernel.run_all(["words = ['bees', 'reefs', 'stars']"])
    cell = kernel.run(before + BATCH)
    assert cell.status == "ok"
    assert WIDGET_VIEW in cell.shown[0]
    assert [set(display) for display in cell.displays] == [STATIC]
    assert kernel.list_open() == []
    assert kernel.evaluate("[type(_).__name__, [reply.text for reply in quiz]]") == ["BatchResult", ["Hello!"] * 3]


def test_batch_where_nobody_sits(kernel: Kernel, fake: FakeHelicone) -> None:
    """Without stdin no widget is made, and the same card is there."""
    cell = kernel.run("words = ['moss', 'clay']\n", allow_stdin=False)
    cell = kernel.run(BATCH, allow_stdin=False)
    assert not [kind for kind in cell.kinds if kind.startswith("comm_")]
    assert set(cell.displays[0]) == STATIC
    assert cell.displays[0][REPLY]["answered"] == 2


@pytest.mark.parametrize("before", ["", "%%time\n"], ids=["awaited", "called"])
def test_interrupt_keeps_what_is_done(kernel: Kernel, fake: FakeHelicone, before: str) -> None:
    """One line says so, the list has the rows that were answered, and the next run sends only the others."""
    kernel.run_all(["words = [f'w{number}' for number in range(40)]"])
    source = BATCH.replace("--jobs 2", "--jobs 2 -m slow-12")
    running = kernel.send(before + source)
    assert fake.wait_for(lambda: len(fake.completions) >= 6)
    kernel.interrupt()
    kernel.settle()
    assert [error["ename"] for error in running.errors] == ["StepInterrupted"]
    assert running.displays[-1][REPLY]["status"] == "interrupted"
    assert kernel.list_open() == []
    done = kernel.evaluate("sum(map(bool, quiz))")
    assert 1 <= done < 40
    sent = len(fake.completions)
    assert kernel.run(source.replace("--jobs 2", "--jobs 16")).status == "ok"
    assert len(fake.completions) - sent == 40 - done


def test_stop_button_of_a_batch(kernel: Kernel, fake: FakeHelicone) -> None:
    """A click does the same."""
    if not kernel.has_subshells:
        pytest.skip("ipykernel before 7 takes a click only after the cell")
    kernel.run_all(["words = [f'w{number}' for number in range(40)]"])
    running = kernel.send(BATCH.replace("--jobs 2", "--jobs 2 -m slow-12"))
    assert fake.wait_for(lambda: len(fake.completions) >= 4)
    kernel.click_stop()
    kernel.settle()
    assert [error["ename"] for error in running.errors] == ["StepInterrupted"]
    assert kernel.list_open() == []
