"""What every form of showing a running step has in common.

A view is told of every change on the main thread, as often as the caller likes, and limits itself.
"""

from __future__ import annotations

from typing import Protocol

from heliconemagic.render.card import Card


class View(Protocol):
    """What follows one step; each method is called on the main thread, `update` on a click's too."""

    @property
    def takes_answers(self) -> bool:
        """Whether the card's question can be answered by a click."""

    def open(self, card: Card) -> None:
        """The step begins. If this fails, nothing is left behind."""

    def update(self, card: Card) -> None:
        """Something may have changed, at least the time."""

    def close(self, card: Card) -> None:
        """The step has ended, in whatever way. May be called without `open`, and twice."""
