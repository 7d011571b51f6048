"""The "Course Creation" session: its cells, and how they are played in a terminal.

The same cells make the notebook that the demo writes. They are played by the use cases of the
magics; only the shell around them is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from heliconemagic.journal.journal import Journal, default_folder
from heliconemagic.lines.options import parse_cell_line, parse_session_line
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.records import Cell, SessionRecord
from heliconemagic.running.batch import build_quiet_batch_view
from heliconemagic.running.cell_run import CellInput
from heliconemagic.running.runner import CellRunner
from heliconemagic.settings import RequestOptions
from heliconemagic.verbs.editing import EditLine
from heliconemagic.verbs.experiments import ExperimentLine
from heliconemagic.verbs.local_model import LocalModelLine
from heliconemagic.verbs.production import ProductionLine
from heliconemagic.verbs.session_line import SessionLine
from heliconemagic.views.columns import TextColumnsView
from heliconemagic.views.plain import TextView
from heliconemagic.workbench import build_client

Write = Callable[[str], None]

TITLE = "Course Creation"
FILE_STEM = "course-creation"
NAMES: Mapping[str, Any] = {"topic": "satellite navigation"}
"""What the prompts' templates name; `build_cells` assigns it in a cell of its own."""


@dataclass(frozen=True, slots=True)
class DemoCell:
    """One cell of the session: code, with words above it for the notebook."""

    source: str
    words: str = ""


def build_cells(*, is_fast: bool = False) -> list[DemoCell]:
    """The session's cells in order."""
    speed = " -m demo-fast" if is_fast else ""
    return [
        DemoCell("%load_ext heliconemagic"),
        DemoCell(
            f'%helicone_session "{TITLE}" --gateway demo{speed}',
            "One session for the whole notebook. The gateway `demo` answers inside the kernel, without a key and "
            "without a network; it is not a language model.",
        ),
        DemoCell("\n".join(f"{name} = {value!r}" for name, value in NAMES.items())),
        DemoCell(
            "%%llm /abstract\nGenerate an abstract for a course on {{ topic }}.",
            "Each `%%llm` cell is one step, at a path. `{{ topic }}` is filled from the notebook.",
        ),
        DemoCell(
            "%%llm /outline\nNow create a detailed outline based on that abstract.",
            "A step continues the nearest step above its path, else the step before it. Here: `/abstract`.",
        ),
        DemoCell("%%llm /outline/lesson-1\nWrite the first lesson."),
        DemoCell(
            "%helicone_session show",
            "The session: its tree, as Helicone's dashboard draws it, and where the time went.",
        ),
    ]


def play_session(cells: list[DemoCell], *, environ: Mapping[str, str], write: Write) -> SessionRecord:
    """Plays ``cells`` as text that streams through ``write``, recorded in the user's journal.

    Raises:
        StepInterrupted: Ctrl-C while a step ran.
        HeliconeMagicError: a step failed.
    """
    surroundings = Surroundings(
        environ=environ,
        find_folder=Path.cwd,
        find_title=lambda: FILE_STEM,
        find_defaults=RequestOptions,
        is_attended=lambda: True,
    )
    with closing(Notebook(surroundings, Journal(default_folder(environ)), build_client)) as notebook:
        player = _Player(notebook, write)
        for number, cell in enumerate(cells, start=1):
            player.play(number, cell.source)
        session, _ = notebook.sessions.find()
        notebook.sessions.end()
        return session.record


class _Player:
    """Runs one cell after the other in a terminal."""

    def __init__(self, notebook: Notebook, write: Write) -> None:
        self._write = write
        self._session_line = SessionLine(
            notebook,
            ask_secret=lambda prompt: "",
            describe_frontend=list,
            experiment_line=ExperimentLine(notebook, _show_nothing, build_quiet_batch_view),
            local_line=LocalModelLine(notebook.surroundings.environ, _show_nothing, redraws=lambda: False),
            production_line=ProductionLine(notebook),
            edit_line=EditLine(notebook, put_next_cell=lambda source: None, variables={}),
        )
        self._runner = CellRunner(
            notebook,
            build_view=lambda stop, command: TextView(write, time.time),
            build_columns=lambda stops, command: TextColumnsView(write, time.time),
            publish=_show_nothing,
        )

    def play(self, number: int, source: str) -> None:
        """Shows a cell as it is typed, runs it, and shows what it gives."""
        self._write(_build_prompt(number, source))
        if source.startswith("%load_ext "):
            import_module("openai")  # half a second that the first step would be charged with
        elif source.startswith("%%llm "):
            self._run_cell(number, source)
        elif source.startswith("%helicone_session "):
            bundle = self._session_line.run(parse_session_line(source.removeprefix("%helicone_session ")))
            self._write(f"{bundle['text/plain']}\n")
        self._write("\n")

    def _run_cell(self, number: int, source: str) -> None:
        line, _, prompt = source.removeprefix("%%llm ").partition("\n")
        cell = Cell(id=f"demo-{number}", run=int(time.time() * 1000))
        command = parse_cell_line(line, is_cell=True)
        self._runner.run_blocking(
            CellInput(command=command, prompt=prompt, names=NAMES, cell=cell, is_shown=lambda: True)
        )


def _build_prompt(number: int, source: str) -> str:
    """The cell as IPython would show it in a terminal."""
    first = f"In [{number}]: "
    return first + source.replace("\n", f"\n{'...: '.rjust(len(first))}") + "\n"


def _show_nothing(*args: Any, **options: Any) -> None:
    """For what would be displayed in a notebook."""
