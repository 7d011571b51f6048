"""What is shown of several answers to one prompt: their cards, and what they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from heliconemagic.records import SessionTotals, StepStatus
from heliconemagic.render.card_state import Card


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The cards of a cell that compares, in the order of their numbers; a newer state is a new `Comparison`."""

    cards: tuple[Card, ...]
    current: int | None = None  # the number of the answer that steps continue; None until all have ended
    totals: SessionTotals | None = None  # of the session, these steps included
    session_url: str | None = None

    @property
    def id(self) -> str:
        """What its steps have in common."""
        return self.cards[0].step.comparison

    @property
    def path(self) -> str:
        """Where all of them stand."""
        return self.cards[0].step.path

    @property
    def context(self) -> str:
        """What all of them continue, in words."""
        return self.cards[0].context

    @property
    def is_over(self) -> bool:
        """Whether all have ended."""
        return all(card.step.status is not StepStatus.PENDING for card in self.cards)

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be said of every one of them."""
        first, *others = (card.notes for card in self.cards)
        return tuple(note for note in first if all(note in notes for notes in others))


def build_comparison(cards: Sequence[Card], current: int | None) -> Comparison:
    """The comparison of finished or running ``cards``; what they share is taken out of them."""
    return Comparison(
        cards=tuple(cards),
        current=current,
        totals=next((card.totals for card in reversed(cards) if card.totals), None),
        session_url=cards[0].session_url,
    )


def build_column(comparison: Comparison, card: Card) -> Card:
    """The card as it stands in its column: without what is said once of all."""
    own = tuple(note for note in card.notes if note not in comparison.notes)
    is_current = comparison.current is not None and card.step.variant == comparison.current
    said = ("current: steps continue this answer",) if is_current else ()
    return replace(card, notes=(*said, *own), totals=None, session_url=None)
