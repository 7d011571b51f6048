"""``heliconemagic demo``: plays the session in the terminal, has the notebook and its page written meanwhile."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import IO

from heliconemagic.cli.demo_session import FILE_STEM, build_cells, play_session
from heliconemagic.errors import HeliconeMagicError, InputError

Write = Callable[[str], None]

NOTEBOOK_PACKAGES = ("ipykernel", "nbclient", "nbconvert", "nbformat")
"""The ``notebook`` extra."""

_WAKE_SECONDS = 0.2  # how soon Ctrl-C is seen where waiting cannot be interrupted
_STOP_SECONDS = 10.0


def run_demo(folder: Path, *, is_fast: bool, writes_notebook: bool, environ: Mapping[str, str], write: Write) -> None:
    """Plays the demo; the notebook is executed at the same time, so that nobody waits twice.

    Raises:
        InputError: ``folder`` cannot be written to.
        StepInterrupted, KeyboardInterrupt: Ctrl-C; no file is written then.
    """
    missing = [package for package in NOTEBOOK_PACKAGES if find_spec(package) is None] if writes_notebook else []
    with contextlib.ExitStack() as stack:
        writing = None
        if writes_notebook and not missing:
            open_folder(folder)
            writing = stack.enter_context(open_writing(folder, find_free_stem(folder), is_fast=is_fast))
        write("A session as a notebook would run it, offline; Ctrl-C stops it.\n\n")
        record = play_session(build_cells(is_fast=is_fast), environ=environ, write=write)
        write(f"It is in the journal: {_name_command()} show {record.id[:8]}\n")
        if writing is not None:
            write("Executing the same cells as a notebook ...\n")
            writing.wait()
            write(f"Wrote {writing.notebook} and {writing.page}\n\n{describe_opening(writing)}")
        elif missing:
            write(f"To get it as a notebook as well: {_name_python()} -m pip install {' '.join(missing)}\n")


class Writing:
    """The process that executes the notebook and writes it and its page."""

    def __init__(self, process: subprocess.Popen[bytes], complaints: IO[bytes], notebook: Path) -> None:
        self._process = process
        self._complaints = complaints
        self.notebook = notebook
        self.page = notebook.with_suffix(".html")

    def wait(self) -> None:
        """Waits for the files.

        Raises:
            HeliconeMagicError: they could not be made.
        """
        while self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_WAKE_SECONDS)
        if self._process.returncode:
            self._complaints.seek(0)
            lines = self._complaints.read().decode(errors="replace").split("\n")
            cause = next((line for line in reversed(lines) if line.strip()), None)
            raise HeliconeMagicError("the notebook could not be executed and written.", cause=cause)

    def close(self) -> None:
        """Ends the process, and with it its kernel; harmless if it has ended."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def open_writing(folder: Path, stem: str, *, is_fast: bool) -> Iterator[Writing]:
    """Begins to execute the notebook; on leaving, the process is gone."""
    command = [
        sys.executable,
        "-m",
        "heliconemagic.cli.demo_notebook",
        str(folder),
        stem,
        *(["fast"] if is_fast else []),
    ]
    with tempfile.TemporaryFile() as complaints:
        # In a session of its own, Ctrl-C doesn't reach it: it is ended here, in order.
        process = subprocess.Popen(  # noqa: S603  # our own module, run by our own interpreter
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=complaints, start_new_session=True
        )
        writing = Writing(process, complaints, folder / f"{stem}.ipynb")
        try:
            yield writing
        finally:
            writing.close()


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


def find_free_stem(folder: Path) -> str:
    """The first of ``course-creation``, ``course-creation-2``, … of which there is no file in ``folder``."""
    names = (FILE_STEM if number == 1 else f"{FILE_STEM}-{number}" for number in count(1))
    return next(name for name in names if not any((folder / f"{name}.{end}").exists() for end in ("ipynb", "html")))


def describe_opening(writing: Writing) -> str:
    """How to look at the page, and how to run the notebook in JupyterLab."""
    python = _name_python()
    lines = [f"Read it: open {writing.page} in a browser", "Run it in JupyterLab:"]
    if find_spec("jupyterlab") is None:
        lines.append(f"  {python} -m pip install jupyterlab")
    return "\n".join([*lines, f"  {python} -m jupyterlab {writing.notebook}", ""])


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
