"""The notebooks as they lie in the repository: valid, saved with their outputs, and readable anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("**/*.ipynb"))

# /home/ann, /Users/ann, /tmp/x, C:\Users: a path of the machine it was made on. Session paths begin otherwise.
MACHINE_PATH = re.compile(r"(?:/(?:home|Users|root|tmp|var|opt|usr|mnt|work|private|workspace)/|\b[A-Za-z]:\\\\)")


THUMBNAIL = re.compile(r'<img src="data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=]{1,14000}" alt="" [a-z0-9=" ]*>')


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    """Each saved notebook."""
    return nbformat.read(request.param, as_version=nbformat.NO_CONVERT)


def iterate_outputs(notebook: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    """All outputs, in order."""
    for cell in notebook.cells:
        yield from cell.get("outputs", ())


def list_texts(answer: str) -> list[str]:
    """What has to be there of an answer: the whole, or, where it is an object, each of its texts."""
    try:
        return list(iterate_strings(json.loads(answer)))
    except ValueError:
        return [answer]


def iterate_strings(value: Any) -> Iterator[str]:
    """The texts in a JSON value, keys left out."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from iterate_strings(inner)


class Elements(HTMLParser):
    """The names of a page's elements, and the attributes they have."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes one element in."""
        self.names.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def test_there_is_a_quickstart() -> None:
    """The notebook that the README names is there."""
    assert FOLDER / "quickstart.ipynb" in NOTEBOOKS


def test_notebook_is_valid(notebook: nbformat.NotebookNode) -> None:
    """It is valid in its own version of the format, and made for any Python 3."""
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_notebook_runs_offline(notebook: nbformat.NotebookNode) -> None:
    """Its session line names the gateway that needs no key, or a lesson that is here; or it asks where Helicone is."""
    sources = "\n".join(cell.source for cell in notebook.cells)
    asks_where = '%config HeliconeMagic.gateway = os.environ.get("HELICONE_URL"' in sources
    lines = [cell.source for cell in notebook.cells if cell.source.startswith('%helicone_session "')]
    lessons = [found[1] for line in lines if (found := re.search(r"--replay (\S+)", line))]
    assert lines and all(asks_where or "--gateway demo" in line or "--replay" in line for line in lines)
    assert [name for name in lessons if not (FOLDER / name).exists()] == []


def test_notebook_was_run_from_top_to_bottom(notebook: nbformat.NotebookNode) -> None:
    """Every code cell was run, in order, and each prompt has its answer."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    silent = [cell.source for cell in code if not cell.outputs and re.search(r"%llm|helicone_session", cell.source)]
    assert silent == []


def test_notebook_has_no_errors(notebook: nbformat.NotebookNode) -> None:
    """No cell failed, and nothing was written to the error stream."""
    faulty = [
        output
        for output in iterate_outputs(notebook)
        if output.output_type == "error" or output.get("name") == "stderr"
    ]
    assert faulty == []


def test_notebook_has_no_widgets(notebook: nbformat.NotebookNode) -> None:
    """No widget state is saved, and no output needs a widget."""
    assert "widgets" not in notebook.metadata
    assert "application/vnd.jupyter.widget-view+json" not in nbformat.writes(notebook)


def test_notebook_names_no_machine(notebook: nbformat.NotebookNode) -> None:
    """Neither outputs nor metadata have a path of the machine it was run on, or times of the run."""
    assert MACHINE_PATH.findall(nbformat.writes(notebook)) == []
    assert all("execution" not in cell.metadata for cell in notebook.cells)


def test_outputs_need_no_script(notebook: nbformat.NotebookNode) -> None:
    """HTML outputs are static: no script, no handlers, nothing that is loaded from elsewhere.

    The only pictures are thumbnails of what was attached, which bring their bytes along.
    """
    pages = [output.data["text/html"] for output in iterate_outputs(notebook) if "text/html" in output.get("data", {})]
    assert any('class="hm' in page for page in pages)
    for elements in (Elements(THUMBNAIL.sub("", page)) for page in pages):
        assert not elements.names & {"script", "iframe", "object", "embed", "link", "img", "svg"}
        for name, value in elements.attributes:
            assert not name.startswith("on") and name not in {"src", "srcset", "id"}
            assert not value.strip().lower().startswith(("javascript:", "data:"))


def test_answers_are_there_without_html(notebook: nbformat.NotebookNode) -> None:
    """Each answer is saved as Markdown and as text as well, for readers that show no HTML."""
    for output in iterate_outputs(notebook):
        if "application/vnd.heliconemagic.reply.v1+json" in output.get("data", {}):
            record = output.data["application/vnd.heliconemagic.reply.v1+json"]
            if record.get("kind", "LLM") != "LLM":  # what such a step gave is the cell's own output
                continue
            answer = record.get("text", "").strip()  # a batch has none
            assert all(text in output.data["text/plain"] for text in list_texts(answer))
            assert output.data["text/markdown"]
