"""``heliconemagic demo``: plays the session in the terminal, writes the notebook and its page beside it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from heliconemagic.demo_session import FILE_STEM, DemoCell, build_cells, play_session
from heliconemagic.errors import InputError

if TYPE_CHECKING:
    from heliconemagic.demo_notebook import Execution

Write = Callable[[str], None]

NOTEBOOK_PACKAGES = ("ipykernel", "nbclient", "nbconvert", "nbformat")
"""The ``notebook`` extra."""


def run_demo(folder: Path, *, is_fast: bool, writes_notebook: bool, environ: Mapping[str, str], write: Write) -> None:
    """Plays the demo; the notebook is executed meanwhile, so that nobody waits twice.

    Raises:
        InputError: ``folder`` cannot be written to.
        StepInterrupted, KeyboardInterrupt: Ctrl-C; nothing is written then.
    """
    missing = [package for package in NOTEBOOK_PACKAGES if find_spec(package) is None]
    cells = build_cells(is_fast=is_fast)
    if writes_notebook and not missing:
        open_folder(folder)
    write("A session as a notebook would run it, offline; Ctrl-C stops it.\n\n")
    with _open_execution(cells, folder, is_wanted=writes_notebook and not missing) as execution:
        record = play_session(cells, environ=environ, write=write)
        write(f"Recorded in the journal: {_name_command()} show {record.id[:8]}\n")
        if execution is not None:
            write("Executing the same cells as a notebook ...\n")
            _write_files(execution, folder, write)
        elif writes_notebook:
            write(f"To get it as a notebook as well: {_name_python()} -m pip install {' '.join(missing)}\n")


@contextlib.contextmanager
def _open_execution(cells: list[DemoCell], folder: Path, *, is_wanted: bool) -> Iterator[Execution | None]:
    if not is_wanted:
        yield None
        return
    from heliconemagic.demo_notebook import build_notebook, open_execution

    with open_execution(build_notebook(cells), folder) as execution:
        yield execution


def open_folder(folder: Path) -> None:
    """Makes ``folder`` if it is missing.

    Raises:
        InputError: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {str(folder)!r} cannot be made.", cause=str(error)) from error
    if not os.access(folder, os.W_OK):
        raise InputError(f"the folder {str(folder)!r} cannot be written to.", hint="name another with --folder DIR")


def _write_files(execution: Execution, folder: Path, write: Write) -> None:
    from heliconemagic.demo_notebook import build_page, serialise

    notebook = execution.wait()
    stem = find_free_stem(folder)
    path, page = folder / f"{stem}.ipynb", folder / f"{stem}.html"
    for target, text in ((path, serialise(notebook)), (page, build_page(notebook))):
        with target.open("x", encoding="utf-8") as file:  # "x": never over somebody's file
            file.write(text)
    write(f"Wrote {path} and {page}\n\n{describe_opening(path, page)}")


def find_free_stem(folder: Path) -> str:
    """The first of ``course-creation``, ``course-creation-2``, … of which there is no file in ``folder``."""
    names = (FILE_STEM if number == 1 else f"{FILE_STEM}-{number}" for number in count(1))
    return next(name for name in names if not any((folder / f"{name}.{end}").exists() for end in ("ipynb", "html")))


def describe_opening(path: Path, page: Path) -> str:
    """How to look at the page, and how to run the notebook in JupyterLab."""
    python = _name_python()
    lines = [f"Read it: open {page} in a browser", "Run it in JupyterLab:"]
    if find_spec("jupyterlab") is None:
        lines.append(f"  {python} -m pip install jupyterlab")
    return "\n".join([*lines, f"  {python} -m jupyterlab {path}", ""])


def _name_python() -> str:
    """This interpreter, as it can be typed here."""
    return _shorten(Path(sys.executable))


def _name_command() -> str:
    command = Path(sys.executable).with_name("heliconemagic")
    return _shorten(command) if command.exists() else f"{_name_python()} -m heliconemagic"


def _shorten(path: Path) -> str:
    """Relative to the current folder, where it lies below it."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
