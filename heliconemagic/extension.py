"""Putting the magics into a shell, and taking everything back out.

One of the modules that know IPython. What was put in is undone last in first out, so that
unloading and reloading leave nothing behind.
"""

from __future__ import annotations

import atexit
import getpass
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from IPython.core.error import StdinNotImplementedError
from IPython.core.getipython import get_ipython

from heliconemagic.cells import (
    ATTRIBUTE,
    BEGIN_ATTRIBUTE,
    STEP_MAGIC,
    build_step_transformer,
    build_transformer,
)
from heliconemagic.completion import install as install_completion
from heliconemagic.errors import InputError
from heliconemagic.frontend import Frontend, is_on_page
from heliconemagic.magics import HeliconeMagic

if TYPE_CHECKING:
    from heliconemagic.lines.option_table import Magic
    from heliconemagic.lines.suggestions import Suggestion
    from heliconemagic.workbench import Workbench

OWN_CELL_MAGIC = "helicone"
"""Always ours, also where another extension owns ``%%llm``."""
_SHELL_ATTRIBUTE = "_heliconemagic_extension"
_KINDS = ("line", "cell")
_WARMED_UP = (
    *("heliconemagic.workbench", "openai", "openai.resources.chat", "nh3", "markdown_it"),
    *("mdit_py_plugins.dollarmath", "pygments.lexers", "genai_prices", "heliconemagic.render.card"),
    *("heliconemagic.views.live_card", "anyio._backends._asyncio"),
)

IMPORT_SECONDS = 30.0
"""The longest a fork or a step waits for the imports that are under way."""


def load(shell: Any) -> None:
    """Registers the magics in ``shell``; loading twice is loading once."""
    if getattr(shell, _SHELL_ATTRIBUTE, None) is None:
        extension = Extension(shell)
        setattr(shell, _SHELL_ATTRIBUTE, extension)
        extension.load()


def unload(shell: Any) -> None:
    """Takes the magics, and all that came with them, out of ``shell``."""
    extension = getattr(shell, _SHELL_ATTRIBUTE, None)
    if extension is not None:
        delattr(shell, _SHELL_ATTRIBUTE)
        extension.unload()


def find_workbench() -> Workbench | None:
    """The workbench of this process's shell; None without a shell or the extension, and in a forked child."""
    extension = getattr(get_ipython(), _SHELL_ATTRIBUTE, None)
    return extension.find_workbench() if extension is not None and extension.pid == os.getpid() else None


class Extension:
    """The magics in one shell. Most of the package is imported only at their first use."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._undo: list[Callable[[], None]] = []
        self._frontend = Frontend(shell, os.environ, time.time)
        self._magics = HeliconeMagic(shell, self.find_workbench, self._find_ready_workbench, self._frontend.publish)
        self._workbench: Workbench | None = None
        self._importing = threading.Thread(target=_warm_up, name="heliconemagic-import", daemon=True)
        self._lock = threading.Lock()
        self.pid = os.getpid()  # a forked child has the shell, but none of its threads

    def find_workbench(self) -> Workbench:
        """What the magics call, built at the first use."""
        with self._lock:
            if self._workbench is None:
                self._workbench = self._build_workbench()
            return self._workbench

    def load(self) -> None:
        """Registers magics, cell transformer, events and completion; imports what is heavy in a thread, last."""
        owner = self._register_magics(self._magics)
        self._set_attribute(ATTRIBUTE, self._magics.run_cell)
        self._set_attribute(BEGIN_ATTRIBUTE, self._magics.begin_step)
        names = [OWN_CELL_MAGIC] if owner else ["llm", OWN_CELL_MAGIC]
        self._register_transformer(build_transformer(names, can_await=self._frontend.can_await))
        self._register_transformer(build_step_transformer(is_nested=lambda: self._frontend.is_executing))
        self._register_events()
        self._register_display_hook()
        self._undo.append(install_completion(self._shell, self._suggest))
        if owner:
            self._frontend.publish({"text/plain": _say_owned(owner)})
        for refused in self._magics.refused:
            self._frontend.publish({"text/plain": refused})
        self._importing.start()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=partial(_wait_for, weakref.ref(self._importing)))

    def unload(self) -> None:
        """Takes everything back out."""
        while self._undo:
            self._undo.pop()()

    def _find_ready_workbench(self) -> Workbench:
        """What a step calls, whose imports the thread is doing already.

        Python can lose an interrupt that arrives while two threads import, and with it the import lock
        of the whole process: a step can be interrupted from its first moment, so it waits here instead.
        """
        _join(self._importing)
        return self.find_workbench()

    def _build_workbench(self) -> Workbench:
        from heliconemagic.workbench import Workbench

        workbench = Workbench(
            self._shell, self._frontend, environ=os.environ, ask_secret=_ask_secret, write=_write, ask=_ask
        )
        magics = self._magics
        workbench.use_defaults(magics.read_defaults, lambda: magics.display, lambda: magics.live)
        self._undo.append(workbench.close)
        atexit.register(workbench.close)  # a kernel that is shut down writes what is still queued
        self._undo.append(lambda: atexit.unregister(workbench.close))
        return workbench

    def _suggest(self, magic: Magic, words: Sequence[str], word: str) -> list[Suggestion]:
        return self.find_workbench().suggest(magic, words, word)

    def _note_cell(self, info: Any = None) -> None:
        self._frontend.note_cell(info)
        if self._workbench is not None and not self._frontend.is_nested:
            self._workbench.panel.close()

    def _note_executed(self) -> None:
        self._frontend.note_executed()
        if self._workbench is not None and not self._workbench.step_cells.is_running:  # such a cell's end is to be told
            self._workbench.show.catch_up()

    def _note_result(self, result: Any = None) -> None:
        """A cell has ended, or one nested in it; without a result it was interrupted."""
        if self._workbench is None or self._frontend.is_executing:
            return
        error = getattr(result, "error_before_exec", None) or getattr(result, "error_in_exec", None)
        error = KeyboardInterrupt() if result is None else error
        self._workbench.end_cell(getattr(result, "result", None), error)

    def _register_magics(self, magics: Any) -> str | None:
        """Registers them, but leaves another extension its ``%%llm``; gives that extension's name."""
        table = self._shell.magics_manager.magics
        before = {kind: dict(table[kind]) for kind in _KINDS}
        foreign = before["cell"].get("llm")
        self._shell.register_magics(magics)
        for kind in _KINDS:
            table[kind][OWN_CELL_MAGIC] = magics.llm
            if foreign is not None:
                _put_back(table[kind], "llm", before[kind])
        self._undo.append(lambda: self._remove_magics(magics, before))
        return None if foreign is None else str(getattr(foreign, "__module__", "another extension"))

    def _remove_magics(self, magics: HeliconeMagic, before: dict[str, dict[str, Any]]) -> None:
        table = self._shell.magics_manager.magics
        for kind in _KINDS:
            for name in ("llm", "helicone_session", STEP_MAGIC, OWN_CELL_MAGIC):
                _put_back(table[kind], name, before[kind])
        self._shell.magics_manager.registry.pop(type(magics).__name__, None)
        if magics in self._shell.configurables:
            self._shell.configurables.remove(magics)

    def _set_attribute(self, name: str, function: Callable[..., Any]) -> None:
        setattr(self._shell, name, function)
        self._undo.append(lambda: delattr(self._shell, name))

    def _register_transformer(self, transform: Callable[[list[str]], list[str]]) -> None:
        transforms = self._shell.input_transformers_cleanup
        transforms.insert(0, transform)
        self._undo.append(lambda: transforms.remove(transform))

    def _register_events(self) -> None:
        frontend = self._frontend
        handlers: dict[str, Callable[..., None]] = {
            "pre_execute": frontend.note_execute,
            "pre_run_cell": self._note_cell,
            "post_execute": self._note_executed,
            "post_run_cell": self._note_result,
        }
        for event, handler in handlers.items():
            self._shell.events.register(event, handler)
            self._undo.append(lambda event=event, handler=handler: self._shell.events.unregister(event, handler))  # type: ignore[misc]

    def _register_display_hook(self) -> None:
        """In a terminal a reply that stands there already isn't announced by an ``Out[1]:`` with nothing behind it."""
        if self._frontend.find_kind() != "text":
            return
        trap = self._shell.display_trap
        shells_own = trap.hook

        def display(value: object = None) -> None:
            if not is_on_page(value):
                shells_own(value)
                return
            self._frontend.put_result(value)
            self._shell.displayhook.fill_exec_result(value)

        trap.hook = display
        self._undo.append(lambda: setattr(trap, "hook", shells_own))


def _warm_up() -> None:
    """Most of a second of imports that the first request and its card would wait for."""
    for module in _WARMED_UP:
        import_module(module)


def _wait_for(reference: weakref.ref[threading.Thread]) -> None:
    """A child that was forked in the middle of an import would have half a module for ever."""
    thread = reference()
    if thread is not None:
        _join(thread)


def _join(thread: threading.Thread) -> None:
    if thread is not threading.current_thread():
        thread.join(IMPORT_SECONDS)


def _ask_secret(question: str) -> str:
    """Asks without echo.

    Raises:
        InputError: nobody can answer: nbclient, papermill, a script without a terminal.
    """
    try:
        return getpass.getpass(question)
    except (StdinNotImplementedError, EOFError) as error:
        raise InputError(
            "nobody can type a key here.", hint="set the key in the environment or in a .env file"
        ) from error


def _ask(question: str) -> str:
    """Asks for a word.

    Raises:
        InputError: nobody can answer.
    """
    try:
        return input(question)
    except (StdinNotImplementedError, EOFError) as error:
        raise InputError("nobody can answer here.", hint="leave out --approve") from error


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _put_back(table: dict[str, Any], name: str, before: dict[str, Any]) -> None:
    if name in before:
        table[name] = before[name]
    else:
        table.pop(name, None)


def _say_owned(owner: str) -> str:
    return f"%%llm belongs to {owner} here and stays with it: use %%{OWN_CELL_MAGIC} and %{OWN_CELL_MAGIC} instead."
