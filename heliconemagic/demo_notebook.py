"""Builds the demo's notebook, executes it on a real kernel and makes a page of it.

The only module that imports nbformat, nbclient, nbconvert, ipykernel and jupyter_client: the ``notebook`` extra.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter

from heliconemagic.demo_session import TITLE, DemoCell
from heliconemagic.errors import HeliconeMagicError

_format: Any = nbformat  # typed, but not its functions
_Exporter: Any = HTMLExporter

CELL_TIMEOUT = 120  # seconds
_WAKE_SECONDS = 0.2  # how soon Ctrl-C is seen where waiting for a lock cannot be interrupted

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


class Execution:
    """A notebook that is being executed, on a thread of its own: nbclient would take Ctrl-C from the main one."""

    def __init__(self, future: concurrent.futures.Future[None], notebook: nbformat.NotebookNode) -> None:
        self._future = future
        self._notebook = notebook

    def wait(self) -> nbformat.NotebookNode:
        """The executed notebook.

        Raises:
            HeliconeMagicError: a cell failed, or the kernel died.
        """
        while not self._future.done():
            concurrent.futures.wait([self._future], timeout=_WAKE_SECONDS)
        try:
            self._future.result()
        except (CellExecutionError, CellTimeoutError, DeadKernelError, RuntimeError) as error:
            raise HeliconeMagicError("the notebook could not be executed.", cause=str(error).strip()) from error
        return self._notebook


@contextmanager
def open_execution(notebook: nbformat.NotebookNode, folder: Path) -> Iterator[Execution]:
    """Begins to execute ``notebook`` in ``folder``; on leaving, whatever happened, its kernel is gone."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="heliconemagic-notebook", daemon=True)
    thread.start()
    is_over = threading.Event()
    future = asyncio.run_coroutine_threadsafe(_execute(notebook, folder, is_over), loop)
    try:
        yield Execution(future, notebook)
    finally:
        future.cancel()  # harmless if it is done
        is_over.wait(timeout=10.0)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5.0)


async def _execute(notebook: nbformat.NotebookNode, folder: Path, is_over: threading.Event) -> None:
    client = NotebookClient(
        notebook,
        kernel_manager_class=OwnInterpreterManager,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=40"],  # its warnings would stand between the lines of the demo
        timeout=CELL_TIMEOUT,
        record_timing=False,
    )
    try:
        await client.async_execute()
    finally:
        is_over.set()


def build_page(notebook: nbformat.NotebookNode) -> str:
    """The notebook as one HTML page that loads nothing from elsewhere."""
    exporter = _Exporter()
    exporter.raw_template = _PAGE
    page, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": TITLE}})
    return str(page)


def serialise(notebook: nbformat.NotebookNode) -> str:
    """The notebook as the text of its file."""
    return str(_format.writes(notebook)) + "\n"
