"""Structured answers and extracted code on a real kernel."""

from __future__ import annotations

import pytest
from kernels import REPLY, WIDGET_VIEW, Kernel

pytestmark = [pytest.mark.kernel, pytest.mark.any_kernel]

DEMO = "--gateway demo -m demo-fast"
CLASSES = """from dataclasses import dataclass
@dataclass
class Lesson:
    title: str
    minutes: int
"""


@pytest.mark.parametrize("before", ["", "%%time\n"], ids=["awaited", "called"])
def test_code_is_put_into_a_new_cell_once(kernel: Kernel, before: str) -> None:
    """The front end is asked to open it below; the cell's own text stays, and nothing runs."""
    cell = kernel.run(f"{before}%%llm /code --to-cell {DEMO}\nWrite python code.")
    assert cell.reply is not None and not cell.errors
    (payload,) = cell.reply["payload"]
    assert (payload["source"], payload["replace"]) == ("set_next_input", False)
    assert payload["text"].startswith("# from /code, by demo-fast; not run\nfrom collections import Counter")
    assert kernel.run("Counter").status == "error"
    kernel.settle()


def test_nobody_is_there_to_take_a_new_cell(kernel: Kernel) -> None:
    """Under nbclient the card says where the code is."""
    cell = kernel.run(f"%%llm /code --to-cell {DEMO}\nWrite python code.", allow_stdin=False)
    assert "nobody is here to take it" in cell.displays[-1]["text/plain"] and not cell.errors
    assert cell.reply is not None and cell.reply["payload"] == []


@pytest.mark.parametrize("allow_stdin", [True, False], ids=["lab", "nbclient"])
def test_an_object_grows_on_the_page(kernel: Kernel, allow_stdin: bool) -> None:
    """As a table, in a widget or in updated HTML; what stays is static and gives the class's instances."""
    kernel.run_all([CLASSES])
    cell = kernel.run("%%llm /all --schema list[Lesson] --gateway demo\nThree on light.", allow_stdin=allow_stdin)
    assert not cell.errors
    shown = [value for comm in kernel.comms.values() for value in comm.values] if allow_stdin else []
    shown += [bundle["text/html"] for bundle in cell.shown[:-1] if WIDGET_VIEW not in bundle]
    assert any("<th>title</th>" in value for value in shown)
    assert cell.record["status"] == "done" and REPLY in cell.displays[-1]
    assert kernel.evaluate("[type(lesson).__name__ for lesson in _.parsed]") == ["Lesson"] * 3


def test_run_all_stops_at_an_object_that_does_not_fit(kernel: Kernel) -> None:
    """The error names the field in one line; the reply is in its variable."""
    kernel.run_all([CLASSES + "    def __post_init__(self): assert self.minutes > 900, 'too short'"])
    cell = kernel.run(f"%%llm /one --schema Lesson --out lesson {DEMO}\nA lesson on light.")
    assert cell.errors[0]["ename"] == "InvalidAnswerError"
    assert len(cell.errors[0]["traceback"]) <= 4
    kernel.settle()
    assert kernel.evaluate("'minutes' in lesson.text") is True
