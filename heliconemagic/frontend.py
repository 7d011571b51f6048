"""What the shell and its front end can do, asked of the shell object itself. Imports no IPython.

The shell is `Any` here: IPython is untyped in the places that matter, and older versions lack some.
"""

from __future__ import annotations

import hashlib
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heliconemagic.records import Cell

if TYPE_CHECKING:
    import asyncio

MAX_TITLE = 120
"""Characters of a notebook's name that a session bears."""


_cell_here: ContextVar[Cell | None] = ContextVar("heliconemagic_cell", default=None)
"""The cell whose code runs here: tasks that outlive it still belong to it."""
_request_beside: ContextVar[str | None] = ContextVar("heliconemagic_request", default=None)
"""The id of the message that a subshell runs a cell for here."""


class Frontend:
    """One shell, seen from outside: where it displays, who sits there, which cell runs."""

    def __init__(self, shell: Any, environ: Mapping[str, str], clock: Callable[[], float]) -> None:
        self._shell = shell
        self._environ = environ
        self._clock = clock
        self._thread = threading.get_ident()  # the one that runs cells
        self._depth = 0
        self._results: list[Any] = []  # of the cells that run, from the outermost: what IPython fills in
        self._request: str | None = None  # the id of the message that had the outermost cell run
        self._run = 0
        self._cell_id: str | None = None
        self._cell_text = ""
        self._loop: asyncio.AbstractEventLoop | None = None  # the kernel's, on the thread that displays

    # ---- events of the shell

    def note_execute(self) -> None:
        """A cell begins, or one nested in it.

        The same is told of each message that a widget handles, which may be on another thread, at any moment of a
        cell that runs here: that is no cell.
        """
        if self._is_in_message:
            return
        self._forget_other_requests()
        self._depth += 1
        self._loop = _find_running_loop() if self.kernel is not None else None
        self._results.append(getattr(self._shell.displayhook, "exec_result", None))

    def _forget_other_requests(self) -> None:
        """A cell whose end was not told, as an interrupt can have it, is not around those of later requests."""
        request = (self._read_parent().get("header") or {}).get("msg_id")
        if request != self._request:
            self._request = request
            self._depth = 0
            self._results.clear()

    def note_executed(self) -> None:
        """A cell, or one nested in it, has ended, with or without an error.

        IPython forgets then which result it fills in with values, also where the cell around goes on.
        """
        if self._is_in_message:
            return
        self._depth = max(0, self._depth - 1)
        around = self._results.pop() if self._results else None
        if around is not None:
            self._shell.displayhook.exec_result = around

    @property
    def _is_in_message(self) -> bool:
        """Whether what runs here is what a widget does with a message of the page."""
        if threading.get_ident() != self._thread:
            return True
        kind = (self._read_parent().get("header") or {}).get("msg_type") or ""
        return str(kind).startswith("comm_")

    @property
    def is_nested(self) -> bool:
        """Whether the cell that begins is a part of another, or of what a click does."""
        return self._depth > 1 or self._is_in_message

    def note_cell(self, info: Any = None) -> None:
        """Takes the id and text of the cell that begins; nested ones belong to it."""
        if threading.get_ident() != self._thread:
            self._note_cell_beside(info)
        if self.is_nested:
            return
        self._run = self._count_run()
        self._cell_id, self._cell_text = self._read_cell(info)
        _cell_here.set(self.cell)

    def _note_cell_beside(self, info: Any) -> None:
        """A cell that a subshell runs, beside those of the kernel's own thread, is known to what it runs alone."""
        header = self._read_parent().get("header") or {}
        request = header.get("msg_id")
        if header.get("msg_type") != "execute_request" or request in (self._request, _request_beside.get()):
            return  # a thread that a cell has begun, or a part of it
        _request_beside.set(request)
        _cell_here.set(_build_cell(*self._read_cell(info), self._count_run()))

    def _count_run(self) -> int:
        return max(self._run + 1, int(self._clock() * 1000))

    def _read_cell(self, info: Any) -> tuple[str | None, str]:
        cell_id = getattr(info, "cell_id", None) or (self._read_parent().get("metadata") or {}).get("cellId")
        return cell_id, str(getattr(info, "raw_cell", "") or "")

    def _read_parent(self) -> Mapping[str, Any]:
        """The message of the front end that has the cell run; empty in a terminal."""
        kernel = self.kernel
        read_parent = getattr(kernel, "get_parent", None)
        return (read_parent("shell") if read_parent else getattr(kernel, "_parent_header", None)) or {}

    @property
    def cell(self) -> Cell:
        """The cell that runs now: the front end's id, else a hash of its text."""
        here = _cell_here.get()
        if here is not None and threading.get_ident() != self._thread:
            return here
        return _build_cell(self._cell_id, self._cell_text, self._run)

    # ---- what there is

    def find_cell(self) -> Cell:
        """The cell that the calling code belongs to, also on a thread of its own while the cell runs; else no cell."""
        here = _cell_here.get()
        if here is not None:
            return here
        return self.cell if self._depth else Cell(id="", run=0)

    @property
    def kernel(self) -> Any:
        """The kernel; None in a terminal."""
        return getattr(self._shell, "kernel", None)

    @property
    def cell_text(self) -> str:
        """The source of the cell that runs now, as it was sent."""
        return self._cell_text

    @property
    def cell_number(self) -> int:
        """The number in brackets of the cell that runs: the shell's own count may be the next one's already."""
        running = (*self._results, getattr(self._shell.displayhook, "exec_result", None))
        outermost = next((result for result in running if result is not None), None)
        return getattr(outermost, "execution_count", None) or int(self._shell.execution_count)

    @property
    def is_executing(self) -> bool:
        """Whether a cell runs, or what a click does."""
        return bool(self._depth) or self._is_in_message

    def can_await(self) -> bool:
        """Whether a cell may become an ``await``: autoawait is on, the loop runs, no cell is executing."""
        if self._is_in_message:
            return False
        self._forget_other_requests()
        if self._depth or not getattr(self._shell, "autoawait", False) or self.kernel is None:
            return False
        return _find_running_loop() is not None

    def is_attended(self) -> bool:
        """Whether a person sits there: the request allows input, or the terminal is one."""
        if self.kernel is not None:
            return bool(getattr(self.kernel, "_allow_stdin", False))
        return sys.stdin is not None and sys.stdin.isatty()

    @property
    def takes_clicks(self) -> bool:
        """Whether a click reaches the kernel while a cell runs; ipykernel before 7 takes it only afterwards."""
        kernel = self.kernel
        is_ipykernel = any(base.__module__.startswith("ipykernel") for base in type(kernel).__mro__)
        return bool(getattr(kernel, "_supports_kernel_subshells", not is_ipykernel))

    def find_kind(self) -> str:
        """How a running step can be shown: ``widget``, ``static`` or ``text``."""
        if self.kernel is not None:
            return "widget" if self.is_attended() else "static"
        is_terminal = type(self._shell).__name__ == "TerminalInteractiveShell"
        return "text" if is_terminal else "static"

    def describe(self) -> str:
        """What runs the cells, with versions, for ``doctor``."""
        kernel = "no kernel" if self.kernel is None else _name_version(type(self.kernel).__module__.partition(".")[0])
        return ", ".join((kernel, _name_version("ipython"), _name_version("ipywidgets")))

    def find_title(self) -> str:
        """The stem of the notebook's file name, as the front end tells it; "" where none does."""
        told = self._shell.user_ns.get("__vsc_ipynb_file__") or self._environ.get("JPY_SESSION_NAME") or ""
        stem = re.sub(r"\.ipynb$", "", Path(str(told)).name)
        printable = "".join(char if char.isprintable() else " " for char in stem)  # a name may be any bytes
        return " ".join(printable.split())[:MAX_TITLE]

    def call_between_cells(self, callback: Callable[[], None]) -> None:
        """Has the kernel's loop call back on the thread that displays; does nothing where there is no such loop."""
        from heliconemagic.engine.loops import call_on

        if self._loop is not None:
            call_on(self._loop, callback)

    # ---- what a template may name

    def read_names(self, redact: Callable[[str], str]) -> Mapping[str, Any]:
        """The notebook's variables, and ``last_error``, through ``redact``."""
        return NotebookNames(self._shell.user_ns, self._shell.user_ns_hidden, lambda: redact(find_last_error()))

    # ---- showing

    def publish(self, bundle: dict[str, Any], *, display_id: str = "", update: bool = False) -> None:
        """Shows a MIME bundle, or replaces what was shown under ``display_id``."""
        transient = {"display_id": display_id} if display_id else {}
        self._shell.display_pub.publish(data=bundle, metadata={}, transient=transient, update=update)

    def put_next_cell(self, source: str) -> None:
        """Opens a new cell below the one that runs, or fills in a terminal's next prompt; runs nothing.

        Where nobody sits, nobody takes it: a program that runs the notebook is not told of one.
        """
        if self.is_attended():
            self._shell.set_next_input(source, replace=False)

    def put_result(self, value: Any) -> None:
        """Makes ``value`` the cell's result, ``_``, without the shell displaying it."""
        if value is not None:
            self._shell.displayhook.update_user_ns(value)

    def build_is_shown(self) -> Callable[[], bool]:
        """Whether a reply that was shown now is asked to show itself again in the very same cell."""
        count = self._shell.execution_count
        return lambda: bool(self._shell.execution_count == count)


def _build_cell(cell_id: str | None, text: str, run: int) -> Cell:
    return Cell(id=cell_id or "text:" + hashlib.sha256(text.encode()).hexdigest()[:16], run=run)


class NotebookNames(Mapping[str, Any]):
    """The user's variables, without what IPython hides, and the last error when asked for it."""

    def __init__(
        self, user_ns: Mapping[str, Any], hidden: Mapping[str, Any], find_last_error: Callable[[], str]
    ) -> None:
        self._user_ns = user_ns
        self._hidden = hidden
        self._find_last_error = find_last_error

    def __getitem__(self, name: str) -> Any:
        if name == "last_error" and name not in self._user_ns:
            return self._find_last_error()
        return self._user_ns[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._user_ns if name not in self._hidden)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def is_on_page(value: object) -> bool:
    """Whether ``value`` is one of our own that was shown as it came, as replies are in the cell that asks for them."""
    if not type(value).__module__.startswith(f"{__package__}."):
        return False
    display = getattr(value, "_ipython_display_", None)
    try:
        return display is not None and display() is None
    except NotImplementedError:  # IPython's way of saying: show it by the other forms
        return False


def find_last_error() -> str:
    """The last uncaught error as a plain traceback, or in its own short form where the notebook showed that.

    Raises:
        KeyError: there was none, so that the template says that the name is unknown.
    """
    error = getattr(sys, "last_value", None)
    if error is None:
        raise KeyError("last_error")
    render = getattr(error, "_render_traceback_", None)
    if render is not None:
        return "\n".join(render())
    return "".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip()


def _name_version(distribution: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"{distribution} {version(distribution)}"
    except PackageNotFoundError:
        return f"{distribution}, not installed"


def _find_running_loop() -> asyncio.AbstractEventLoop | None:
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def find_colab() -> Callable[[str], str | None] | None:
    """Colab's store of keys, where the kernel is Colab's."""
    if "google.colab" not in sys.modules:
        return None

    def look_up(name: str) -> str | None:
        from google.colab import userdata

        try:
            return str(userdata.get(name))
        except (userdata.SecretNotFoundError, userdata.NotebookAccessError):
            return None

    return look_up
