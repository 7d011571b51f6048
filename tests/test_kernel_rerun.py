"""A rerun on a real kernel: its card, Stop, and the interrupt."""

from __future__ import annotations

import pytest
from fake_helicone import FakeHelicone
from kernels import WIDGET_VIEW, Kernel

pytestmark = [pytest.mark.kernel, pytest.mark.any_kernel]


def test_a_rerun_is_followed_and_can_be_interrupted(kernel: Kernel, fake: FakeHelicone) -> None:
    """A live card becomes static, the report stands below it; an interrupt keeps what is done and fails the cell."""
    kernel.run_all(["%%llm /a\nOne.", "%%llm /b\nTwo."])
    whole = kernel.run("%helicone_session rerun -m gpt-4o")
    assert WIDGET_VIEW in whole.shown[0]
    card, report = whole.displays
    assert "rerun of Course Creation" in card["text/plain"] and "%helicone_session diff" in report["text/html"]
    assert kernel.list_open() == []
    cell = kernel.send("%helicone_session rerun -m slow-500")
    assert fake.wait_for(lambda: fake.completions[-1].json["model"] == "slow-500")
    kernel.interrupt()
    kernel.settle()
    (error,) = cell.errors
    assert error["ename"] == "StepInterrupted" and "0 of 2 steps are done" in error["evalue"]
    assert len(fake.completions) == 5
    assert kernel.list_open() == []
