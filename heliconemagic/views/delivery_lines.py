"""Lines on the page that say how far something is on its way to Helicone, kept true until that is decided."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from heliconemagic.records import Delivery, DeliveryState

PATIENCE = 1.0
"""Seconds for which a cell waits for Helicone where nobody sits, so that a saved notebook says how it went.

Not again once Helicone took longer.
"""

Deliveries = tuple[Delivery, ...]


class DeliveryLine(Protocol):
    """What can be shown, and shown again when it has come further."""

    def list_deliveries(self) -> Deliveries:
        """How far it is now; nothing where Helicone isn't told."""

    def build_bundle(self) -> dict[str, Any]:
        """What it says now."""


@dataclass(slots=True)
class _Shown:
    line: DeliveryLine
    display_id: str  # empty in a terminal, which changes nothing that was printed
    said: Deliveries


class DeliveryLines:
    """The lines that still wait. ``flush`` waits for Helicone, for so many seconds, and says whether all is decided."""

    def __init__(
        self, publish: Callable[..., None], flush: Callable[[float], bool], is_attended: Callable[[], bool]
    ) -> None:
        self._publish = publish
        self._flush = flush
        self._is_attended = is_attended
        self._waits = True  # for Helicone's answer, where nobody sits
        self._waiting: list[_Shown] = []

    def wait(self) -> None:
        """Gives Helicone a moment where nobody sits; returns at once elsewhere."""
        if self._waits and not self._is_attended():
            self._waits = self._flush(PATIENCE)

    def show(self, line: DeliveryLine, *, can_update: bool = True) -> Deliveries:
        """Shows it, to be changed in place; gives what it says now."""
        display_id = f"heliconemagic-delivery-{uuid.uuid4()}" if can_update else ""
        shown = _Shown(line, display_id, line.list_deliveries())
        self._publish(line.build_bundle(), display_id=display_id)
        if _is_waiting(shown.said):
            self._waiting.append(shown)
        return shown.said

    def follow(self) -> None:
        """Something was decided between two cells: the page says so at once.

        Where nobody sits, what is published between cells belongs to none of them and is dropped: the next one will.
        """
        if self._is_attended():
            self.catch_up()

    def catch_up(self) -> None:
        """Lets every line that waits say how far it is now. For the thread that displays."""
        waiting, self._waiting = self._waiting, []
        for shown in waiting:
            now = shown.line.list_deliveries()
            if now != shown.said:
                shown.said = now
                self._show_again(shown)
            if _is_waiting(now):
                self._waiting.append(shown)

    def _show_again(self, shown: _Shown) -> None:
        """In its place; a terminal is told of a refusal alone, once all is decided, for it would be told twice."""
        if shown.display_id:
            self._publish(shown.line.build_bundle(), display_id=shown.display_id, update=True)
        elif not _is_waiting(shown.said) and any(one.state is DeliveryState.REFUSED for one in shown.said):
            self._publish(shown.line.build_bundle())


def _is_waiting(deliveries: Deliveries) -> bool:
    return any(one.state is DeliveryState.WAITING for one in deliveries)
