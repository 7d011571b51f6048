"""What the front end is seen to do: which cell runs, and which is a part of another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace

from heliconemagic.frontend import Frontend
from heliconemagic.records import Cell


class Request:
    """A kernel's shell, and the message that it answers."""

    def __init__(self) -> None:
        self.number = 1
        self.kind = "execute_request"
        self.shell = SimpleNamespace(
            kernel=SimpleNamespace(get_parent=self.get_parent),
            displayhook=SimpleNamespace(exec_result=None),
            user_ns={},
        )

    def get_parent(self, channel: str) -> dict[str, object]:
        """The message on that channel."""
        header = {"msg_id": f"{channel}-{self.number}", "msg_type": self.kind}
        return {"header": header, "metadata": {"cellId": f"cell-{self.number}"}}


def test_cell_whose_end_was_not_told_is_around_no_other() -> None:
    """Of one request all cells but the first are nested; the next request begins anew."""
    request = Request()
    frontend = Frontend(request.shell, {}, lambda: 1.0)
    frontend.note_execute()
    assert not frontend.is_nested
    frontend.note_execute()
    assert frontend.is_nested
    request.number = 2  # neither of them has ended
    frontend.note_execute()
    assert frontend.is_executing and not frontend.is_nested
    frontend.note_cell()
    assert frontend.cell.id == "cell-2"
    frontend.note_executed()
    assert not frontend.is_executing


def run_on_thread(act: Callable[[], object]) -> None:
    """Runs ``act`` on a thread of its own, to its end."""
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()


def test_click_on_another_thread_is_no_cell() -> None:
    """Wherever between the events of a cell it begins and ends, the cell is the outermost, and its end is its end.

    A subshell's thread tells `pre_execute` and `post_execute` around each click.
    """
    request = Request()
    frontend = Frontend(request.shell, {}, lambda: 1.0)
    run_on_thread(frontend.note_execute)  # a click that ends much later
    frontend.note_execute()
    run_on_thread(frontend.note_execute)
    assert not frontend.is_nested
    nested: list[bool] = []
    run_on_thread(lambda: nested.extend([frontend.is_nested, frontend.is_executing]))
    assert nested == [True, True]
    frontend.note_executed()
    assert not frontend.is_executing
    run_on_thread(frontend.note_executed)
    assert not frontend.is_executing


def test_cell_of_a_subshell_is_known_to_what_it_runs() -> None:
    """A console beside the notebook has cells of its own, and what is nested in them; the notebook's goes on."""
    request = Request()
    frontend = Frontend(request.shell, {}, lambda: 1.0)
    frontend.note_execute()
    frontend.note_cell()
    notebooks, beside = frontend.cell, list[Cell]()
    run_on_thread(lambda: (frontend.note_cell(), beside.append(frontend.cell)))
    assert beside.pop() == notebooks  # a thread of its own
    request.number = 2

    def run_beside() -> None:
        for _nested in (False, True):
            frontend.note_cell()
            beside.extend([frontend.cell, frontend.find_cell()])

    run_on_thread(run_beside)
    assert [cell.id for cell in beside] == ["cell-2"] * 4
    assert len({cell.run for cell in beside}) == 1
    assert frontend.cell == notebooks == frontend.find_cell()


def test_click_amid_a_cell_is_no_cell() -> None:
    """ipykernel 7.4 lets clicks through, on the cell's own thread, while a cell awaits."""
    request = Request()
    frontend = Frontend(request.shell, {}, lambda: 1.0)
    frontend.note_execute()
    request.kind, request.number = "comm_msg", 2
    frontend.note_execute()
    assert frontend.is_nested
    frontend.note_executed()
    request.kind, request.number = "execute_request", 1
    assert frontend.is_executing and not frontend.is_nested
