"""Every notebook of the project runs from top to bottom on a real kernel, offline."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from environs import ROOT, build_environ
from fake_helicone import HELICONE_KEY, PROVIDER_KEY, FakeHelicone
from kernels import REPLIES, REPLY, WIDGET_VIEW
from production_samples import seed

pytestmark = pytest.mark.kernel

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_is_a_notebook() -> None:
    """The quickstart at least."""
    assert "quickstart" in [path.stem for path in NOTEBOOKS]


def test_lesson_is_played_from_its_recording() -> None:
    """All of it, for nothing; the one cell that isn't in it says that it was answered live."""
    import nbformat

    notebook = nbformat.read(ROOT / "notebooks" / "teaching.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    records = [output.data[REPLY] for output in outputs if REPLY in output.get("data", {})]
    assert [record["gateway"] for record in records] == ["replay", "replay", "replay", "demo"]
    assert [record["origin"] and record["origin"]["source"] for record in records] == [*["tides.jsonl"] * 3, None]
    assert {record["cost"] for record in records} == {0.0}


@pytest.fixture
def production(helicone: FakeHelicone) -> dict[str, str]:
    """The variables that lead to a Helicone where something ran."""
    seed(helicone)
    return {"HELICONE_URL": helicone.url, "HELICONE_API_KEY": HELICONE_KEY, "OPENAI_API_KEY": PROVIDER_KEY}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, production: dict[str, str]) -> None:
    """No error, no network, no widget state, and every answer is there without one."""
    import nbclient
    import nbformat

    environ = build_environ(tmp_path) | (production if path.stem == "production" else {})
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    shutil.copytree(ROOT / "notebooks" / "lessons", tmp_path / "lessons")
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if WIDGET_VIEW in output.get("data", {})]
    assert "widgets" not in notebook.metadata
    bundles = [output.get("data", {}) for output in outputs]
    records = [bundle[REPLY] for bundle in bundles if REPLY in bundle]
    records += [reply for bundle in bundles if REPLIES in bundle for reply in bundle[REPLIES]["replies"]]
    assert records
    assert {record["status"] for record in records} == {"done"}
