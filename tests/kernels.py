"""Real kernels for tests, driven as a front end drives them: by messages, keeping what a page would show.

Which kernels: `HELICONEMAGIC_KERNELS="6.31=/path/to/python,7.3=…"`; without it, this interpreter's.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from environs import build_environ

if TYPE_CHECKING:
    from jupyter_client.manager import KernelManager

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
REPLY = "application/vnd.heliconemagic.reply.v1+json"
REPLIES = "application/vnd.heliconemagic.replies.v1+json"
_PATIENCE = 60.0  # seconds; a machine may be busy


def read_pythons() -> dict[str, str]:
    """The interpreters whose kernels are tested, by their labels."""
    listed = os.environ.get("HELICONEMAGIC_KERNELS", "")
    pairs = (entry.partition("=") for entry in listed.split(",") if entry)
    return {label: python for label, _, python in pairs} or {"here": sys.executable}


@dataclass
class Comm:
    """One widget, as the page knows it."""

    state: dict[str, Any]
    values: list[str] = field(default_factory=list)  # the texts it showed, in order
    is_closed: bool = False


@dataclass
class Cell:
    """One execute request, and what came back for it."""

    source: str = ""
    kinds: list[str] = field(default_factory=list)  # of the messages, in order
    outputs: list[dict[str, Any]] = field(default_factory=list)  # as a notebook would save them now
    shown: list[dict[str, Any]] = field(default_factory=list)  # every display bundle, first ones and updates
    reply: dict[str, Any] | None = None
    is_idle: bool = False

    @property
    def is_over(self) -> bool:
        """Answered, and nothing more will come."""
        return self.reply is not None and self.is_idle

    @property
    def status(self) -> str:
        """`ok`, `error` or `aborted`."""
        return str((self.reply or {}).get("status"))

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The error outputs."""
        return [output for output in self.outputs if output["output_type"] == "error"]

    @property
    def displays(self) -> list[dict[str, Any]]:
        """The bundles that stand there now."""
        return [output["data"] for output in self.outputs if output["output_type"] == "display_data"]

    @property
    def results(self) -> list[dict[str, Any]]:
        """The bundles of the cell's value."""
        return [output["data"] for output in self.outputs if output["output_type"] == "execute_result"]

    @property
    def printed(self) -> str:
        """What it wrote to stdout and stderr."""
        return "".join(output["text"] for output in self.outputs if output["output_type"] == "stream")

    @property
    def record(self) -> dict[str, Any]:
        """The record of the reply that the last card holds."""
        return next(bundle[REPLY] for bundle in reversed(self.displays) if REPLY in bundle)


class Kernel:
    """A kernel process and its one client."""

    def __init__(self, python: str, folder: Path, **environ: str) -> None:
        spec = {"argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "tested"}
        (folder / "kernels" / "tested").mkdir(parents=True, exist_ok=True)
        (folder / "kernels" / "tested" / "kernel.json").write_text(json.dumps({**spec, "language": "python"}))
        self.comms: dict[str, Comm] = {}
        self.cells: dict[str, Cell] = {}
        self.journal_folder = folder / "journal"
        self._folder = folder
        self.manager = self._build_manager()
        self._environ = build_environ(folder, **environ)
        self._by_display_id: dict[str, list[dict[str, Any]]] = {}
        self._replies: dict[str, dict[str, Any]] = {}
        self._subshell: str | None = None

    # ---- life

    def _build_manager(self) -> KernelManager:
        from jupyter_client.kernelspec import KernelSpecManager
        from jupyter_client.manager import KernelManager

        specs = KernelSpecManager(kernel_dirs=[str(self._folder / "kernels")], ensure_native_kernel=False)
        return KernelManager(kernel_name="tested", kernel_spec_manager=specs, ip="127.0.0.1")

    def __enter__(self) -> Kernel:
        try:
            self._start()
        except RuntimeError:  # it died: another process got one of its ports before it did
            self._end()
            self.manager = self._build_manager()
            self._start()
        return self

    def _start(self) -> None:
        self.manager.start_kernel(env=self._environ, cwd=str(self._folder))
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=_PATIENCE)

    def _end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._end()

    def kill(self) -> None:
        """``kill -9``, and what it leaves is reaped."""
        self.manager.signal_kernel(9)
        while self.manager.is_alive():
            time.sleep(0.01)

    def interrupt(self) -> None:
        """What the front end's stop sign does."""
        self.manager.interrupt_kernel()

    def interrupt_soon(self, seconds: float) -> None:
        """The same in a moment, where no message tells when a cell is in the middle of something."""
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() > end)
        self.interrupt()

    # ---- cells

    def send(self, source: str, *, cell_id: str | None = None, allow_stdin: bool = True) -> Cell:
        """Queues a cell, as JupyterLab does (with an id) or nbclient (without, and without stdin)."""
        content = {
            "code": source,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": allow_stdin,
            "stop_on_error": True,
        }
        metadata = {"cellId": cell_id} if cell_id else {}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.cells[message["header"]["msg_id"]] = cell = Cell(source)
        self.client.shell_channel.send(message)
        return cell

    def run(self, source: str, *, cell_id: str | None = None, allow_stdin: bool = True) -> Cell:
        """Runs a cell to its end."""
        cell = self.send(source, cell_id=cell_id, allow_stdin=allow_stdin)
        self.wait(lambda: cell.is_over)
        return cell

    def run_all(self, sources: Iterable[str], **options: Any) -> list[Cell]:
        """Runs cells one after the other; each must succeed."""
        cells = [self.run(source, **options) for source in sources]
        assert [(cell.status, cell.errors) for cell in cells] == [("ok", [])] * len(cells)
        return cells

    def settle(self) -> None:
        """Until the kernel takes cells again: it aborts what arrives within a moment of an error."""
        self.wait(lambda: all(cell.is_over for cell in self.cells.values()))
        self.wait(lambda: self.run("pass").status == "ok")

    def write_journal(self) -> None:
        """All that is queued for the journal is on disk afterwards: reading it waits for that."""
        self.run_all(["%helicone_session list"])

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the kernel, through JSON."""
        cell = self.run(f"print(__import__('json').dumps({expression}))")
        assert not cell.errors, cell.errors
        return json.loads(cell.printed)

    def wait(self, condition: Callable[[], bool], timeout: float = _PATIENCE) -> None:
        """Takes messages in until ``condition`` holds."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                self.manager.signal_kernel(signal.SIGUSR1)  # it writes to stderr where it is
                time.sleep(1)
                unfinished = [cell for cell in self.cells.values() if not cell.is_over]
                raise AssertionError(f"the kernel did not do it; unfinished: {unfinished}")
            self._take_next()

    def wait_for_text(self, text: str) -> None:
        """Until the page shows ``text`` in a running card."""
        self.wait(
            lambda: any(text in str(comm.state.get("value", "")) for comm in self.comms.values() if not comm.is_closed)
        )

    # ---- widgets

    def find_open(self, model: str) -> list[tuple[str, Comm]]:
        """The widgets of a model's name that the page shows, by their comm's id."""
        return [
            (comm_id, comm)
            for comm_id, comm in self.comms.items()
            if not comm.is_closed and comm.state.get("_model_name") == model
        ]

    def list_open(self) -> list[str]:
        """The model names of all widgets that are left."""
        return [comm.state.get("_model_name", "?") for comm in self.comms.values() if not comm.is_closed]

    def click_stop(self) -> None:
        """Presses Stop when it is there, as JupyterLab does: over a subshell where the kernel has them."""
        self.wait(lambda: bool(self.find_open("ButtonModel")))
        self.click(self.find_open("ButtonModel")[0][0])

    def click(self, comm_id: str) -> None:
        """Presses a button."""
        data = {"method": "custom", "content": {"event": "click"}}
        message = self.client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
        subshell = self._open_subshell()
        if subshell:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)

    @property
    def has_subshells(self) -> bool:
        """Whether clicks reach the kernel while a cell runs. JupyterLab asks long before there is one to press."""
        return self._open_subshell() is not None

    def _open_subshell(self) -> str | None:
        if self._subshell is None:
            self._subshell = ""
            features = self._ask("kernel_info_request").get("supported_features", [])
            if "kernel subshells" in features:
                self._subshell = str(self._ask("create_subshell_request")["subshell_id"])
        return self._subshell or None

    def _ask(self, kind: str, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
        message = self.client.session.msg(kind, dict(content or {}))
        self.client.control_channel.send(message)
        self.wait(lambda: message["header"]["msg_id"] in self._replies)
        return self._replies[message["header"]["msg_id"]]

    # ---- messages

    def _take_next(self) -> None:
        for channel in (self.client.shell_channel, self.client.control_channel):
            while channel.msg_ready():
                self._take_reply(channel.get_msg(timeout=1))
        with contextlib.suppress(queue.Empty):
            self._take_output(self.client.get_iopub_msg(timeout=0.01))

    def _take_reply(self, message: dict[str, Any]) -> None:
        parent = message["parent_header"].get("msg_id", "")
        self._replies[parent] = message["content"]
        if parent in self.cells:
            self.cells[parent].reply = message["content"]

    def _take_output(self, message: dict[str, Any]) -> None:
        kind, content = message["header"]["msg_type"], message["content"]
        cell = self.cells.get(message["parent_header"].get("msg_id", ""), Cell())
        cell.kinds.append(kind)
        if kind.startswith("comm_"):
            self._take_comm(kind, content)
        elif kind == "status" and content["execution_state"] == "idle":
            cell.is_idle = True
        elif kind == "update_display_data":
            cell.shown.append(content["data"])
            for output in self._by_display_id.get(content["transient"]["display_id"], ()):
                output["data"] = content["data"]
        elif kind == "clear_output":
            cell.outputs.clear()
        elif kind in ("display_data", "execute_result", "stream", "error"):
            self._take_new_output(cell, kind, content)

    def _take_new_output(self, cell: Cell, kind: str, content: dict[str, Any]) -> None:
        output = {"output_type": kind, **content}
        cell.outputs.append(output)
        if kind == "display_data":
            cell.shown.append(content["data"])
            display_id = (content.get("transient") or {}).get("display_id")
            self._by_display_id.setdefault(display_id, []).append(output)

    def _take_comm(self, kind: str, content: dict[str, Any]) -> None:
        comm_id = content["comm_id"]
        if kind == "comm_open":
            self.comms[comm_id] = Comm(dict(content["data"].get("state", {})))
        elif kind == "comm_close" and comm_id in self.comms:
            self.comms[comm_id].is_closed = True
        elif kind == "comm_msg" and comm_id in self.comms:
            comm = self.comms[comm_id]
            comm.state.update(content["data"].get("state", {}))
            comm.values.append(str(comm.state.get("value", "")))
