"""Where a session lives in this process: in the notebook's kernel, or in a program or worker by itself."""

from __future__ import annotations

import logging
import sys
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from heliconemagic.cards import StepReplies
from heliconemagic.errors import CredentialError
from heliconemagic.journal.journal import Journal, default_folder
from heliconemagic.lines.options import SessionCommand
from heliconemagic.names import LayeredNames
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.prompt.templates import fill_template
from heliconemagic.records import Cell
from heliconemagic.session_state import Session
from heliconemagic.settings import RequestOptions
from heliconemagic.workbench import Workbench, build_client, find_folder


class Host(Protocol):
    """What a handle needs of the process it is in."""

    @property
    def notebook(self) -> Notebook:
        """Its use cases; its session is the one that handles are of."""

    @property
    def is_worker(self) -> bool:
        """Whether the process may end at any time, without a last word: what it is paid for must be on disk before."""

    def find_cell(self) -> Cell:
        """The cell that the calling code belongs to."""

    def read_names(self) -> Mapping[str, Any]:
        """What options may name."""

    def fill_system(self, session: Session) -> str | None:
        """The session's own system prompt, ready to be sent."""

    def note_change(self) -> None:
        """A step began or ended."""

    def note_shared(self) -> None:
        """The session was handed to another process."""

    def close(self) -> None:
        """The program is done with its session; a notebook ends its own by the session line."""


class NotebookHost:
    """The kernel (or terminal) with the extension loaded."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench

    @property
    def notebook(self) -> Notebook:
        """The notebook of the magics."""
        return self._workbench.notebook

    @property
    def is_worker(self) -> bool:
        """A kernel writes what is queued when it ends."""
        return False

    def find_cell(self) -> Cell:
        """The cell that runs, so that running it again supersedes its steps."""
        return self._workbench.frontend.find_cell()

    def read_names(self) -> Mapping[str, Any]:
        """The notebook's variables."""
        return self._workbench.frontend.read_names(self.notebook.access.redact)

    def fill_system(self, session: Session) -> str | None:
        """It was written on a line, where templates are filled."""
        system = session.options.system
        names = LayeredNames({"steps": StepReplies(session)}, self.read_names())
        return None if system is None else fill_template(system, names).text

    def note_change(self) -> None:
        """Keeps `show` up to date."""
        self._workbench.note_change()

    def note_shared(self) -> None:
        """Lets `show` look for the other process's steps when the cell ends."""
        self._workbench.show.fall_behind()

    def close(self) -> None:
        """Nothing ends: the session is the notebook's."""


class ProgramHost:
    """A program or worker with one session, its own engine and journal; closed with the last handle, or at exit."""

    def __init__(self, environ: Mapping[str, str], *, title: str | None = None, is_worker: bool = False) -> None:
        found = _find_program_name() if title is None else title
        surroundings = Surroundings(
            environ=environ,
            find_folder=find_folder,
            find_title=lambda: found,
            find_defaults=RequestOptions,
            is_attended=lambda: False,
            is_aside=is_worker,
        )
        self.notebook = Notebook(surroundings, Journal(default_folder(environ)), build_client)
        self._finish = weakref.finalize(self, _end, self.notebook)

    @property
    def is_worker(self) -> bool:
        """Pools end their processes without running what stands at their exit."""
        return self.notebook.surroundings.is_aside

    def open(self, command: SessionCommand) -> Session:
        """Starts or joins the session.

        Raises:
            InputError, CredentialError: it cannot be had.
        """
        return self.notebook.sessions.open(command)

    def join(self, command: SessionCommand) -> Session:
        """Joins a session that another process opened.

        Raises:
            CredentialError: that process has keys that this one lacks: they never travel with a handle.
        """
        try:
            session = self.open(command)
        except CredentialError as error:
            error.hint = "keys don't travel with a pickled session: set them in the worker's environment or a .env file"
            raise
        session.is_shared = True
        return session

    def find_cell(self) -> Cell:
        """There are no cells: nothing is superseded."""
        return Cell(id="", run=0)

    def read_names(self) -> Mapping[str, Any]:
        """There are no variables to name."""
        return {}

    def fill_system(self, session: Session) -> str | None:
        """As it is: Python wrote it, or the notebook filled it before it was pickled."""
        return session.options.system

    def note_change(self) -> None:
        """Nobody watches."""

    def note_shared(self) -> None:
        """Nobody watches."""

    def close(self) -> None:
        """Ends the session (a worker only leaves it), stops what runs and writes what is queued; idempotent."""
        if self.is_worker:
            self.notebook.sessions.current = None
        self.notebook.sessions.end()
        self._finish()


def _end(notebook: Notebook) -> None:
    """Closes it; nobody watches a program, so that its log has what Helicone refused."""
    notebook.close()
    for warning in notebook.deliveries.take_warnings():
        logging.getLogger("heliconemagic").warning("%s", warning)


def _find_program_name() -> str:
    return Path(sys.argv[0]).stem if sys.argv else ""
