"""Every notebook of the project runs from top to bottom on a real kernel, offline."""

from __future__ import annotations

from pathlib import Path

import pytest
from environs import ROOT, build_environ
from kernels import REPLY, WIDGET_VIEW

pytestmark = pytest.mark.kernel

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_is_a_notebook() -> None:
    """The quickstart at least."""
    assert "quickstart" in [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No error, no network, no widget state, and every answer is there without one."""
    import nbclient
    import nbformat

    for name, value in build_environ(tmp_path).items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if WIDGET_VIEW in output.get("data", {})]
    assert "widgets" not in notebook.metadata
    records = [output.data[REPLY] for output in outputs if REPLY in output.get("data", {})]
    assert records
    assert {record["status"] for record in records} == {"done"}
