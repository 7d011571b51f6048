"""Builds the demo's notebook, executes it on a real kernel, and writes it and a page of it.

Run as a program, ``python -m heliconemagic.cli.demo_notebook FOLDER STEM [fast]``, in a process of its own: nbclient
takes Ctrl-C for itself, and its imports would slow down what plays in the terminal meanwhile. The only module that
imports the ``notebook`` extra: nbformat, nbclient, nbconvert, ipykernel and jupyter_client.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from heliconemagic.cli.demo_session import TITLE, DemoCell, build_cells

CELL_TIMEOUT = 120  # seconds

_format: Any = nbformat  # typed, but not its functions
_Exporter: Any = HTMLExporter

# nbconvert's page would load require.js, MathJax and Mermaid from elsewhere; this one loads nothing.
_PAGE = """\
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""


class OwnInterpreterManager(AsyncKernelManager):
    """Starts kernels with the interpreter that runs this, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """ipykernel, as a module of this interpreter."""
        return KernelSpec(**get_kernel_dict())


def build_notebook(cells: Sequence[DemoCell]) -> nbformat.NotebookNode:
    """The notebook of ``cells``, not yet executed."""
    built = [_format.v4.new_markdown_cell(f"# {TITLE}", id="title")]
    for number, cell in enumerate(cells, start=1):
        if cell.words:
            built.append(_format.v4.new_markdown_cell(cell.words, id=f"words-{number}"))
        built.append(_format.v4.new_code_cell(cell.source, id=f"cell-{number}"))
    kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook: nbformat.NotebookNode = _format.v4.new_notebook(cells=built, metadata={"kernelspec": kernelspec})
    return notebook


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Fills in the outputs of ``notebook``, run in ``folder`` with this interpreter; raises if a cell fails."""
    NotebookClient(
        notebook,
        kernel_manager_class=OwnInterpreterManager,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        timeout=CELL_TIMEOUT,
        record_timing=False,
    ).execute()


def build_page(notebook: nbformat.NotebookNode) -> str:
    """The notebook as one HTML page that loads nothing from elsewhere."""
    exporter = _Exporter()
    exporter.raw_template = _PAGE
    page, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": TITLE}})
    return str(page)


def write_demo(folder: Path, stem: str, *, is_fast: bool) -> None:
    """Writes ``stem.ipynb`` and ``stem.html`` into ``folder``; fails rather than overwrite one."""
    notebook = build_notebook(build_cells(is_fast=is_fast))
    execute(notebook, folder)
    for ending, text in (("ipynb", _format.writes(notebook) + "\n"), ("html", build_page(notebook))):
        with (folder / f"{stem}.{ending}").open("x", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    write_demo(Path(sys.argv[1]), sys.argv[2], is_fast="fast" in sys.argv[3:])
