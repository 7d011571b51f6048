"""A notebook that somebody sent, continued on a real kernel."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_helicone import FakeHelicone
from kernels import Kernel
from saved_notebooks import build_cell, write_notebook

pytestmark = pytest.mark.kernel


@pytest.mark.any_kernel
def test_a_sent_notebook_goes_on(kernel: Kernel, fake: FakeHelicone, tmp_path: Path) -> None:
    """What a kernel has put into a notebook is enough where no journal has it: the same request is kept."""
    (cell,) = kernel.run_all(["%%llm /a\nFirst."])
    path = write_notebook(tmp_path / "sent.ipynb", [build_cell(1, cell.displays[-1])])
    kernel.run_all([f"%helicone_session forget {cell.record['session_id']}"])
    (line,) = kernel.run_all([f"%helicone_session resume {path} --gateway {fake.url}"])
    assert "resumed from sent.ipynb: 1 step" in line.displays[0]["text/plain"]
    kept, further = kernel.run_all(["%%llm /a\nFirst.", "%%llm /b\nSecond."])
    assert (kept.record["text"], kept.record["session_id"]) == (cell.record["text"], cell.record["session_id"])
    assert [len(request.json["messages"]) for request in fake.completions] == [1, 3]
    assert further.record["session_name"] == "Course Creation"
