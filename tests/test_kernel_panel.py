"""The panel on a real kernel: it follows what goes on beside it, takes clicks, and is static after the next cell."""

from __future__ import annotations

import pytest
from fake_helicone import FakeHelicone
from kernels import WIDGET_VIEW, Kernel

pytestmark = pytest.mark.kernel

PANEL = "%helicone_session show --interactive"


def find_button(kernel: Kernel, label: str) -> str:
    """The comm of the button that says so."""
    return next(comm_id for comm_id, comm in kernel.find_open("ButtonModel") if label in comm.state["description"])


def read_line(kernel: Kernel, path: str) -> str:
    """The line of the panel's list that has the path."""
    lists = [comm.state["_options_labels"] for _, comm in kernel.find_open("SelectModel")]
    return next((line for lines in lists for line in lines if path in line), "")


def test_panel_lives_until_the_next_cell(kernel: Kernel, fake: FakeHelicone) -> None:
    """It shows a step's end as it comes, rates and reruns at a click; then one static display is left."""
    kernel.run_all(["%%llm /plan\nHi"])
    kernel.send("%%llm /slow --bg -m slow-40\nGo on.")
    assert fake.wait_for(lambda: len(fake.completions) == 2)
    fake.hold()
    cell = kernel.run_all([PANEL])[0]
    assert WIDGET_VIEW in cell.displays[0] and "/plan" in cell.displays[1]["text/html"]
    assert read_line(kernel, "/slow").startswith("…")
    fake.release()
    kernel.wait(lambda: read_line(kernel, "/slow").startswith("\u00a0"))
    kernel.click(find_button(kernel, "Good"))
    assert fake.wait_for(lambda: list(fake.gateway.rest.feedback.values()) == [True])
    kernel.wait_for_text("Helicone has it")
    kernel.click(find_button(kernel, "Rerun"))
    kernel.wait_for_text("sent again")
    assert fake.wait_for(lambda: len(fake.completions) == 3)
    kernel.run_all(["pass"])
    assert kernel.list_open() == []
    above, below = cell.displays
    assert above == {"text/html": "", "text/plain": ""} and WIDGET_VIEW not in below
    assert "/slow" in below["text/html"] and "👍" in below["text/html"]


def test_where_nobody_sits_there_is_no_panel(kernel: Kernel) -> None:
    """It says so, and shows what the panel would end in."""
    kernel.run_all(["%%llm /plan\nHi"])
    cell = kernel.run(PANEL, allow_stdin=False)
    assert "no panel here" in cell.displays[0]["text/plain"] and "/plan" in cell.displays[1]["text/html"]
    assert kernel.list_open() == []
