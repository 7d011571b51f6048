"""`show` displays that later steps update in place, and no more often than they may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shells import Shell

from heliconemagic.frontend import Frontend
from heliconemagic.lines.options import parse_session_line
from heliconemagic.views.showing import SessionShow
from heliconemagic.workbench import Workbench


class Page:
    """A clock, and what was published at which moment."""

    def __init__(self, build_seconds: float = 0.0) -> None:
        self.now = 100.0
        self.updates = 0
        self._build_seconds = build_seconds
        self.show = SessionShow(self._publish, lambda: self.now)
        self.show.open(self._build)

    def _build(self) -> dict[str, Any]:
        self.now += self._build_seconds
        return {"text/plain": f"{self.now:.2f}"}

    def _publish(self, bundle: dict[str, Any], *, display_id: str, update: bool = False) -> None:
        assert bundle and display_id
        self.updates += update

    def run_steps(self, count: int, every: float) -> None:
        """Steps that begin or end every so often."""
        for _ in range(count):
            self.now += every
            self.show.refresh()


def test_at_most_four_updates_a_second() -> None:
    """However many steps a loop makes."""
    page = Page()
    page.run_steps(1000, 0.01)
    assert 35 <= page.updates <= 41


def test_what_was_left_out_comes_at_the_cells_end() -> None:
    """The last state is always shown, once."""
    page = Page()
    page.run_steps(3, 0.01)
    before = page.updates
    page.show.catch_up()
    page.show.catch_up()
    assert (before, page.updates) == (0, 1)


def test_long_session_is_updated_less_often() -> None:
    """Building its picture takes no more than a small share of the time."""
    page = Page(build_seconds=0.1)
    page.run_steps(1000, 0.01)
    assert 1 <= page.updates <= 10


def test_first_picture_counts() -> None:
    """A step that begins just after a long session was shown doesn't build the same again."""
    page = Page(build_seconds=0.5)
    page.run_steps(1, 1.0)
    assert page.updates == 0


def test_clock_that_is_set_back_stops_no_update(shell: Shell, tmp_path: Path) -> None:
    """An hour without any would be the least."""
    times = {"now": 9_000.0, "since start": 1.0}
    frontend = Frontend(shell.ip, {}, lambda: times["now"])
    bench = Workbench(
        shell.ip,
        frontend,
        environ={"HELICONEMAGIC_HOME": str(tmp_path)},
        ask_secret=str,
        write=print,
        clock=lambda: times["now"],
        pacing=lambda: times["since start"],
    )
    built: list[float] = []
    bench.show.open(lambda: built.append(times["now"]) or {"text/plain": "x"})
    times.update({"now": 5_400.0, "since start": 2.0})
    bench.note_change()
    bench.close()
    assert built == [9_000.0, 5_400.0]


def test_closed_show_is_left_alone() -> None:
    """Another session's steps don't change it."""
    page = Page()
    page.show.close()
    page.run_steps(10, 1.0)
    page.show.catch_up()
    assert page.updates == 0


class Terminal(Frontend):
    """A shell in a terminal."""

    def find_kind(self) -> str:
        """As text."""
        return "text"


def test_a_terminal_shows_once(shell: Shell, tmp_path: Path) -> None:
    """It has no displays that could be updated: each update would be printed below."""
    frontend, environ = Terminal(shell.ip, {}, lambda: 9_000.0), {"HELICONEMAGIC_HOME": str(tmp_path)}
    bench = Workbench(shell.ip, frontend, environ=environ, ask_secret=str, write=print)
    for line in ('"Course" --gateway demo', "show"):
        bench.run_session_line(parse_session_line(line))
    displays = shell.ip.display_pub.displays
    shown = displays[-1]
    bench.show.refresh(is_final=True)
    bench.close()
    assert (displays[-1], len(shown.bundles)) == (shown, 1) and shown.display_id is None
