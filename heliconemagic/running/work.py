"""What a cell can have under way: the one form that all kinds of it have."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Protocol, runtime_checkable

from heliconemagic.session_state import Session


@runtime_checkable
class Work(Protocol):
    """What a cell has under way. As a context it ends what it began and closes its views, whatever happens."""

    @property
    def session(self) -> Session:
        """The session that it belongs to, whatever is opened meanwhile."""

    @property
    def path(self) -> str:
        """Where it stands in the session."""

    @property
    def step_ids(self) -> tuple[str, ...]:
        """The steps that later cells may have to wait for, where it goes on in the background."""

    def cancel(self) -> None:
        """Stops what still runs; returns at once, from any thread."""

    def __enter__(self) -> Any:
        """Begins nothing more: the work began when it was built."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancels what still runs, takes the ended steps into the session, and shows the end state."""

    def open(self) -> None:
        """Displays the card or cards; on the main thread, while the cell runs."""

    async def follow(self) -> None:
        """Shows what arrives, and waits for the end on the running loop."""

    def follow_blocking(self) -> None:
        """The same, waiting on the calling thread, which under ``--bg`` is not the main one."""

    def build_result(self) -> Any:
        """What the cell gives, once the context was left; raises what failed it."""
