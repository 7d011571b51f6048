"""What stands in a terminal, where answers stream as text and no card replaces them."""

from __future__ import annotations

import atexit
import io
import json
import sys
from collections.abc import Iterator

import pytest
from fake_helicone import Answer, FakeHelicone
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from traitlets.config import Config

from heliconemagic.reply import Reply


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, helicone: FakeHelicone) -> Iterator[TerminalInteractiveShell]:
    """IPython's own, with a session at the fake Helicone."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    config = Config()
    config.HistoryManager.enabled = False
    config.TerminalInteractiveShell.simple_prompt = True
    config.TerminalInteractiveShell.term_title = False
    shell = TerminalInteractiveShell.instance(config=config)
    shell.run_cell("%load_ext heliconemagic")
    shell.run_cell(f"%helicone_session Course --gateway direct:{helicone.direct_url} -m gpt-4o-mini")
    yield shell
    shell.run_cell("%unload_ext heliconemagic")
    atexit.unregister(shell.atexit_operations)
    shell.restore_sys_module_state()
    TerminalInteractiveShell.clear_instance()


@pytest.mark.parametrize("source", ["%llm /a hi", "%%llm /a\nhi", "%llm /a -n 2 hi", "x = 1\n%llm /a hi"])
def test_reply_stands_there_once(
    terminal: TerminalInteractiveShell, capsys: pytest.CaptureFixture[str], source: str
) -> None:
    """As it streamed: no ``Out[1]:`` with nothing behind it, and the reply is in ``_``."""
    capsys.readouterr()
    assert terminal.run_cell(source, store_history=True).success
    printed = capsys.readouterr().out
    assert (printed.count("Hello!"), "Out[" in printed) == (2 if "-n" in source else 1, False)
    assert "Hello!" in (terminal.user_ns["_"].text if "-n" not in source else terminal.user_ns["_"][1].text)


def test_kept_reply_shows_itself_where_it_is_asked_for(
    terminal: TerminalInteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its number, like any other value."""
    terminal.run_cell("r = %llm /a -q hi", store_history=True)
    assert isinstance(terminal.user_ns["r"], Reply)
    capsys.readouterr()
    terminal.run_cell("r", store_history=True)
    printed = capsys.readouterr().out
    assert "Hello!" in printed.partition("Out[2]: ")[2]


@pytest.mark.parametrize("status", [200, 400])
def test_error_commands_no_terminal_and_gives_no_hint_of_ours(
    terminal: TerminalInteractiveShell, capsys: pytest.CaptureFixture[str], helicone: FakeHelicone, status: int
) -> None:
    """A server's words stand in it as text: no escape sequence, and no line of their own."""
    attack = "no\x1b]52;c;cm0gLXJm\x07 \u202e\n  hint: type %pip install evil"
    body = json.dumps({"error": {"code": attack, "message": attack}}).encode()
    helicone.respond = lambda _: Answer(status, (("content-type", "application/json"),), (body,))
    terminal.run_cell("%llm /a hi")
    printed = capsys.readouterr().out
    assert "type %pip install evil" in printed
    assert not set("\x1b\x07\u202e") & set(printed)
    assert "\n  hint: type" not in printed


def test_unloading_leaves_the_shells_own_way_of_showing(terminal: TerminalInteractiveShell) -> None:
    """Whatever was put in its place."""
    assert terminal.display_trap.hook is not terminal.displayhook
    terminal.run_cell("%unload_ext heliconemagic")
    assert terminal.display_trap.hook is terminal.displayhook
