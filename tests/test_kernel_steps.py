"""Cells that are steps, on a real kernel: awaited and not, interrupted, nested, and what Helicone has of them."""

from __future__ import annotations

import threading

import pytest
from fake_helicone import FakeHelicone
from kernels import Cell, Kernel

pytestmark = pytest.mark.kernel


def describe(cell: Cell) -> tuple[str, str, str]:
    """What the line below a cell is made of."""
    return cell.record["path"], cell.record["status"], cell.record["text"]


def test_cells_that_are_steps(kernel: Kernel, helicone: FakeHelicone) -> None:
    """Results, awaits, errors and nesting are those of any cell; Helicone's log has each, in the session."""
    plain, awaited, failed = [
        kernel.run(f"%%helicone_step /{name} --kind data\n{code}")
        for name, code in (
            ("plain", "5"),
            ("awaited", "import asyncio\nawait asyncio.sleep(0, 'slept')"),
            ("bad", "1/0"),
        )
    ]
    assert [bundle["text/plain"] for cell in (plain, awaited) for bundle in cell.results] == ["5", "'slept'"]
    assert [describe(cell)[1:] for cell in (plain, awaited, failed)] == [
        ("done", "5"),
        ("done", "slept"),
        ("failed", ""),
    ]
    assert [error["ename"] for error in failed.errors] == ["ZeroDivisionError"]
    kernel.settle()
    nested = kernel.run("%%time\n%%helicone_step /nested\nawait asyncio.sleep(0, 'there')")
    assert describe(nested) == ("/nested", "done", "there")
    paths = {"/plain", "/awaited", "/bad", "/nested"}
    assert helicone.wait_for(lambda: {log.header("helicone-session-path") for log in helicone.logs} == paths)
    helicone.wait_for(lambda: len(helicone.logged) == len(paths))
    kernel.run_all(["import heliconemagic; heliconemagic.session()._host.notebook.helicone.flush(5)", "pass"])
    assert "at Helicone" in plain.displays[-1]["text/plain"]


def test_rating_follows_between_cells(kernel: Kernel, helicone: FakeHelicone) -> None:
    """Its notice says that Helicone has it as soon as that is so: no cell has to run for it."""
    kernel.run("%%llm /plan\nhi")
    decided = threading.Event()
    helicone.respond = lambda received: decided.wait(30) and None
    rated = kernel.run("%helicone_session rate /plan +")
    assert "on its way to Helicone" in rated.displays[0]["text/plain"]
    decided.set()
    kernel.wait(lambda: "Helicone has it" in rated.displays[0]["text/plain"])
    assert len(rated.displays) == 1


@pytest.mark.parametrize("code", ["time.sleep(60)", "for each in range(600): await asyncio.sleep(0.1)"])
def test_interrupted(kernel: Kernel, code: str) -> None:
    """The step ends as interrupted, however the cell waits, and the next cell runs and is inside of nothing."""
    running = kernel.send(f"%%helicone_step /slow\nimport asyncio, time\nprint('begun', flush=True)\n{code}")
    kernel.wait(lambda: "begun" in running.printed)
    kernel.interrupt_soon(0.1)
    kernel.settle()
    assert len(running.errors) == 1
    assert describe(running) == ("/slow", "interrupted", "")
    kernel.run_all(["import heliconemagic\nwith heliconemagic.session().step('after') as step: pass"])
    assert kernel.evaluate("step.path") == "/after"
