"""What the front end is seen to do: which cell runs, and which is a part of another."""

from __future__ import annotations

from types import SimpleNamespace

from heliconemagic.frontend import Frontend


class Request:
    """A kernel's shell, and the message that it answers."""

    def __init__(self) -> None:
        self.number = 1
        self.shell = SimpleNamespace(
            kernel=SimpleNamespace(get_parent=self.get_parent),
            displayhook=SimpleNamespace(exec_result=None),
            user_ns={},
        )

    def get_parent(self, channel: str) -> dict[str, object]:
        """The message on that channel."""
        return {"header": {"msg_id": f"{channel}-{self.number}"}, "metadata": {"cellId": f"cell-{self.number}"}}


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
