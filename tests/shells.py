"""An IPython shell inside the test's process, that records what it shows. No kernel, no terminal.

def test_something(shell):
    ran = shell.run("%%llm /plan -m demo-fast\\nPlan a trip.")
    assert "Plan" in ran.shown[-1]["text/markdown"]
"""

from __future__ import annotations

import atexit
import contextlib
import io
from dataclasses import dataclass, field
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config


@dataclass
class Display:
    """One place on the page, and everything that stood there."""

    bundles: list[dict[str, Any]]  # oldest first
    display_id: str | None = None

    @property
    def bundle(self) -> dict[str, Any]:
        """What stands there now."""
        return self.bundles[-1]


class RecordingPublisher(DisplayPublisher):
    """Keeps what is displayed, by place."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.displays: list[Display] = []

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        source: Any = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **kwargs: Any,
    ) -> None:
        """Takes a display, or a new state of every display of the same id, as front ends do."""
        display_id = (transient or {}).get("display_id")
        if not update:
            self.displays.append(Display([data], display_id))
            return
        for display in self.displays:
            if display.display_id == display_id:
                display.bundles.append(data)


class RecordingHook(DisplayHook):
    """Keeps the value of each cell as its front end would get it, and prints nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bundles: list[dict[str, Any]] = []

    def start_displayhook(self) -> None:
        """Nothing to begin."""

    def write_output_prompt(self) -> None:
        """No prompt."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        """Takes the bundle."""
        self.bundles.append(format_dict)

    def finish_displayhook(self) -> None:
        """Nothing to end."""


class RecordingShell(InteractiveShell):
    """A shell with both."""

    display_pub_class = Type(RecordingPublisher)
    displayhook_class = Type(RecordingHook)

    def enable_gui(self, gui: Any = None) -> None:
        """There is none."""


@dataclass
class Ran:
    """What one cell did."""

    error: BaseException | None
    printed: str  # the traceback of an error included
    displays: list[Display] = field(default_factory=list)  # begun by this cell
    results: list[dict[str, Any]] = field(default_factory=list)  # bundles of its value
    value: Any = None

    @property
    def shown(self) -> list[dict[str, Any]]:
        """All that a reader of the saved notebook would see: displays as they ended, then the value."""
        return [display.bundle for display in self.displays] + self.results

    def text(self, kind: str = "text/plain") -> str:
        """The same in one form, joined."""
        return "\n".join(str(bundle[kind]) for bundle in self.shown if kind in bundle)


class Shell:
    """Runs cells in a `RecordingShell`."""

    def __init__(self) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        self.ip = RecordingShell.instance(config=config)

    @property
    def variables(self) -> dict[str, Any]:
        """The notebook's variables."""
        return self.ip.user_ns

    def run(self, source: str) -> Ran:
        """Runs a cell; an error is in what it gives."""
        displays, results = self.ip.display_pub.displays, self.ip.displayhook.bundles
        before = len(displays), len(results)
        with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(printed):
            result = self.ip.run_cell(source, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        return Ran(error, printed.getvalue(), displays[before[0] :], results[before[1] :], result.result)

    def close(self) -> None:
        """Lets go of the process's one shell, without its farewell: each collects all garbage at the very end."""
        atexit.unregister(self.ip.atexit_operations)
        self.ip.restore_sys_module_state()
        RecordingShell.clear_instance()
