"""JupyterLab in a real browser: a server of its own, and one notebook's page, used as a person uses it."""

from __future__ import annotations

import json
import random
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from environs import build_environ

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Dialog, Locator, Page

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
_PATIENCE = 60.0  # seconds; a machine may be busy
_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    # All cells are on the page, also those out of sight, and nothing is below the last one.
    "notebook-extension/tracker": {"windowingMode": "none", "scrollPastEnd": False},
    "docmanager-extension/plugin": {"autosave": False},
}


class LabServer:
    """A JupyterLab whose files, settings and kernels all live in ``folder``."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir(parents=True)
        self._token = secrets.token_hex(16)
        self._port = find_free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._environ = build_environ(
            folder,
            JUPYTERLAB_SETTINGS_DIR=str(folder / "settings"),
            JUPYTERLAB_WORKSPACES_DIR=str(folder / "workspaces"),
            **environ,
        )
        for name, values in _SETTINGS.items():
            self.use_setting(name, values)

    def use_setting(self, name: str, values: Mapping[str, Any]) -> None:
        """Writes a user setting, as of `@jupyterlab/<name>`; a page that is opened later has it."""
        path = self.folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def __enter__(self) -> LabServer:
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self._port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": self.notebooks,
            "ServerApp.allow_root": True,
            "IdentityProvider.token": self._token,
            "LabApp.expose_app_in_browser": True,
        }
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", *(f"--{k}={v}" for k, v in options.items())]
        self._log = (self.folder / "server.log").open("wb")
        self._process = subprocess.Popen(command, env=self._environ, stdout=self._log, stderr=subprocess.STDOUT)
        wait_for(self._is_up, f"JupyterLab did not start: see {self._log.name}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._log.close()

    def _is_up(self) -> bool:
        request = urllib.request.Request(f"{self.url}/api/status?token={self._token}")
        assert self._process.poll() is None, f"JupyterLab has ended: see {self._log.name}"
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def write_notebook(self, name: str, sources: Sequence[str]) -> Path:
        """A new notebook of code cells."""
        import nbformat.v4 as nb

        notebook = nb.new_notebook(cells=[nb.new_code_cell(source) for source in sources])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = self.notebooks / name
        path.write_text(json.dumps(notebook))
        return path

    def open(self, context: BrowserContext, path: Path) -> LabPage:
        """Opens a notebook in a page of its own."""
        page = LabPage(context.new_page(), path)
        page.page.goto(f"{self.url}/lab/tree/{path.name}?token={self._token}&reset")
        page.wait_until_ready()
        return page


class LabPage:
    """One notebook's page."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.path = path
        self.hosts: set[str] = set()
        self.dialogs: list[str] = []
        page.set_default_timeout(_PATIENCE * 1000)
        page.on("request", lambda request: self.hosts.add(_read_host(request.url)))
        page.on("websocket", lambda web_socket: self.hosts.add(_read_host(web_socket.url)))
        page.on("dialog", self._take_dialog)

    def _take_dialog(self, dialog: Dialog) -> None:
        """Leaves a page without saving; any other dialog is a script's."""
        if dialog.type == "beforeunload":
            dialog.accept()
        else:
            self.dialogs.append(dialog.message)
            dialog.dismiss()

    def wait_until_ready(self) -> None:
        """Until the notebook is there and its kernel has answered."""
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", state="attached")
        self.page.wait_for_function(
            "() => ['idle', 'busy'].includes("
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status)"
        )

    def command(self, name: str) -> None:
        """Runs a command of JupyterLab, as its menus do, without waiting for what it starts."""
        self.page.evaluate("name => { window.jupyterapp.commands.execute(name) }", name)

    def cell(self, index: int) -> Locator:
        """A cell, with its outputs."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        """The outputs of a cell."""
        return self.cell(index).locator(".jp-Cell-outputWrapper")

    def start(self, *indexes: int) -> None:
        """Runs cells one after the other without waiting: a click into each, then Shift-Enter."""
        for index in indexes:
            self.cell(index).locator(".cm-content").click()
            self.page.keyboard.press("Shift+Enter")

    def run(self, *indexes: int) -> None:
        """Runs cells to their ends."""
        for index in indexes:
            self.start(index)
            self.wait_for_end(index)

    def wait_for_end(self, index: int) -> None:
        """Until a cell has ended."""
        self.wait(lambda: self.has_ended(index), f"cell {index} did not end")

    def has_ended(self, index: int) -> bool:
        """Whether a cell's prompt has its number."""
        return self.read_prompt(index).strip("[]: ").isdigit()

    def type(self, index: int, source: str) -> None:
        """Types into a cell."""
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.insert_text(source)

    def read_prompt(self, index: int) -> str:
        """`[*]:` while it runs or waits, `[3]:` afterwards."""
        return self.cell(index).locator(".jp-InputPrompt").inner_text()

    def read(self, index: int) -> str:
        """The text of a cell's outputs."""
        output = self.output(index)
        return output.inner_text() if output.count() else ""

    def wait(self, condition: Callable[[], bool], complaint: str) -> None:
        """Until ``condition`` holds; the page goes on meanwhile."""
        wait_for(condition, complaint, pause=lambda: self.page.wait_for_timeout(50))

    def save(self) -> dict[str, Any]:
        """Saves the notebook, and gives what is in the file."""
        before = self.path.stat().st_mtime_ns
        self.command("docmanager:save")
        self.wait(lambda: self.path.stat().st_mtime_ns != before, "the notebook was not saved")
        self.page.wait_for_timeout(200)
        return dict(json.loads(self.path.read_text()))

    def reload(self, *, while_running: bool = False) -> None:
        """Loads the page again, as F5 does; a kernel in the midst of a cell says nothing until its end."""
        self.page.reload()
        if while_running:
            self.page.wait_for_selector(".jp-Notebook .jp-Cell", state="attached")
        else:
            self.wait_until_ready()

    def restart_kernel(self) -> None:
        """Restarts the kernel, and says yes."""
        self.command("notebook:restart-kernel")
        self.page.click(".jp-Dialog .jp-mod-accept")
        self.wait_until_ready()

    def picture(self, path: Path) -> None:
        """A screenshot of the page as it stands."""
        self.page.wait_for_timeout(500)  # fonts and themes come in a moment later
        self.page.screenshot(path=path)

    def picture_of_the_end(self, path: Path) -> None:
        """A screenshot of the notebook alone, down to its last cell that isn't empty."""
        self.command("application:toggle-left-area")
        self.command("notebook:delete-cell")
        self.page.set_viewport_size({"width": 900, "height": 1180})
        self.cell(-1).scroll_into_view_if_needed()
        self.page.wait_for_timeout(500)
        self.page.locator(".jp-NotebookPanel-notebook").screenshot(path=path)


def find_free_port() -> int:
    """A port nobody listens on now, nor soon: kernels that start beside it get theirs from the system, above these."""
    while True:
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return int(listener.getsockname()[1])


def wait_for(
    condition: Callable[[], bool], complaint: str, *, pause: Callable[[], object] = lambda: time.sleep(0.1)
) -> None:
    """Until ``condition`` holds, at most a minute."""
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end, complaint
        pause()


def _read_host(url: str) -> str:
    parts = urlsplit(url)
    return parts.hostname or parts.scheme
