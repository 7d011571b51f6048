"""Lines that say how far something is on its way to Helicone, and follow it."""

from __future__ import annotations

from typing import Any

import pytest

from heliconemagic.records import Delivery, DeliveryState
from heliconemagic.views.delivery_lines import DeliveryLines

WAITING = Delivery(state=DeliveryState.WAITING)
SLOW = Delivery(state=DeliveryState.WAITING, reason="it is busy")
ACCEPTED = Delivery(state=DeliveryState.ACCEPTED)
REFUSED = Delivery(state=DeliveryState.REFUSED, reason="it said no")


class Line:
    """One, whose deliveries the test decides."""

    def __init__(self, *deliveries: Delivery) -> None:
        self.deliveries = deliveries

    def list_deliveries(self) -> tuple[Delivery, ...]:
        """As decided."""
        return self.deliveries

    def build_bundle(self) -> dict[str, Any]:
        """Their states."""
        return {"text/plain": " ".join(one.reason or one.state.value for one in self.deliveries)}


class Page:
    """What was published: the text, its place, and whether it took another's."""

    def __init__(self, *, is_attended: bool = True, is_quick: bool = True) -> None:
        self.published: list[tuple[str, bool]] = []
        self.places: set[str] = set()
        self.waits: list[float] = []
        self.is_quick = is_quick
        self.lines = DeliveryLines(self._publish, self._flush, lambda: is_attended)

    def _publish(self, bundle: dict[str, Any], *, display_id: str = "", update: bool = False) -> None:
        self.published.append((bundle["text/plain"], update))
        self.places.add(display_id)

    def _flush(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return self.is_quick


@pytest.mark.parametrize("end", [ACCEPTED, REFUSED])
def test_line_follows_to_the_end(end: Delivery) -> None:
    """Each state once, in the place of the one before; then it is left alone."""
    page, line = Page(), Line(WAITING)
    page.lines.show(line)
    for line.deliveries in [(WAITING,), (SLOW,), (SLOW,), (end,), (WAITING,)]:
        page.lines.catch_up()
    said = end.reason or "accepted"
    assert page.published == [("waiting", False), ("it is busy", True), (said, True)]
    assert len(page.places) == 1 and "" not in page.places


def test_line_waits_for_all_of_it() -> None:
    """A thumb that arrived doesn't end it for the scores."""
    page, line = Page(), Line(WAITING, WAITING)
    page.lines.show(line)
    for line.deliveries in [(ACCEPTED, WAITING), (ACCEPTED, REFUSED)]:
        page.lines.catch_up()
    assert page.published[1:] == [("accepted waiting", True), ("accepted it said no", True)]


@pytest.mark.parametrize("decided", [(), (ACCEPTED,), (REFUSED,)])
def test_decided_before_it_was_shown(decided: tuple[Delivery, ...]) -> None:
    """It says so at once, and nothing follows."""
    page, line = Page(), Line(*decided)
    assert page.lines.show(line) == decided
    line.deliveries = (WAITING,)
    page.lines.catch_up()
    assert len(page.published) == 1


@pytest.mark.parametrize(("end", "told"), [(ACCEPTED, []), (REFUSED, [("it said no", False)])])
def test_terminal(end: Delivery, told: list[tuple[str, bool]]) -> None:
    """What was printed stays: of all that comes later a refusal alone is news."""
    page, line = Page(), Line(WAITING)
    page.lines.show(line, can_update=False)
    for line.deliveries in [(SLOW,), (end,), (end,)]:
        page.lines.catch_up()
    assert (page.published[1:], page.places) == (told, {""})


def test_nobody_sits_there() -> None:
    """A moment is given while Helicone is quick; between cells nothing is published, for it would be dropped."""
    page, line = Page(is_attended=False), Line(WAITING)
    page.lines.wait()
    page.is_quick = False
    page.lines.wait()
    page.lines.wait()
    page.lines.show(line)
    line.deliveries = (ACCEPTED,)
    page.lines.follow()
    assert (len(page.waits), len(page.published)) == (2, 1)
    page.lines.catch_up()
    assert page.published[-1] == ("accepted", True)


def test_somebody_sits_there() -> None:
    """No cell waits, and the page follows between cells."""
    page, line = Page(), Line(WAITING)
    page.lines.wait()
    page.lines.show(line)
    line.deliveries = (REFUSED,)
    page.lines.follow()
    assert (page.waits, page.published[-1]) == ([], ("it said no", True))
