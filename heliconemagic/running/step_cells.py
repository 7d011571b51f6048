"""The ``%%helicone_step`` cells of one notebook: begun and ended around their code, each with a quiet line below it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from heliconemagic.cards import build_recorded_card
from heliconemagic.lines.step_line import StepCommand
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.prefixes import find_prefix
from heliconemagic.records import Cell, Delivery, DeliveryState, Step
from heliconemagic.render.card_state import Card
from heliconemagic.running.step_cell import StepCell
from heliconemagic.session_state import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The shell that the cells run in, as far as it matters to them."""

    open_session: Callable[[], Session]
    find_cell: Callable[[], Cell]
    read_names: Callable[[], Mapping[str, Any]]
    spell: Callable[[str], str]  # IPython's own syntax as Python
    publish: Callable[..., None]
    write: Callable[[str], None] | None  # of a terminal; None where bundles are shown
    note_change: Callable[[], None]
    is_attended: Callable[[], bool]


PATIENCE = 1.0
"""Seconds for which a cell waits for Helicone where nobody sits, so that a saved notebook says how it went.

Not again once Helicone took longer.
"""


class StepCells:
    """Begins and ends them. One runs at a time, but for those nested in it."""

    def __init__(self, notebook: Notebook, find_place: Callable[[], Place]) -> None:
        self._notebook = notebook
        self._find_place = find_place
        self._running: StepCell | None = None
        self._waits = True  # for Helicone's answer, where nobody sits
        self._footers: dict[str, _Footer] = {}  # on the page, of steps that are on their way to Helicone; by step

    def begin(self, command: StepCommand, source: str) -> None:
        """Begins the step that the cell which runs now is; `end` is called at the cell's end.

        Raises:
            InputError: the line cannot be meant; the code doesn't run then.
        """
        self.end(None, KeyboardInterrupt())  # of a cell whose end nobody told
        self._running = self._open(command, source)

    def end(self, value: Any, error: BaseException | None) -> None:
        """The cell that runs has ended, with the value of its last expression or with an error."""
        running, self._running = self._running, None
        if running is not None:
            self._close(running, value, error)

    def run(self, command: StepCommand, source: str, compile_code: Callable[[str], Callable[[], Any]]) -> Any:
        """A cell that is nested in another one: runs its code, and gives the value of its last expression.

        Raises:
            SyntaxError: it is no Python; there is no step then, as where IPython itself compiles the cell.
        """
        run_code = compile_code(source)
        cell = self._open(command, source)
        try:
            value = run_code()
        except BaseException as error:
            self._close(cell, None, error)
            raise
        self._close(cell, value, None)
        return value

    def _open(self, command: StepCommand, source: str) -> StepCell:
        place = self._find_place()
        session = place.open_session()
        prefix = find_prefix(session.record.id)
        cell = StepCell(
            self._notebook, session, command, source, names=place.read_names(), cell=place.find_cell(), prefix=prefix
        )
        place.note_change()
        return cell

    def _close(self, cell: StepCell, value: Any, error: BaseException | None) -> None:
        place = self._find_place()
        cell.end(value, error, spell=place.spell)
        if self._waits and not place.is_attended():
            self._waits = self._notebook.helicone.flush(PATIENCE)
        if not cell.command.is_quiet:
            self._show(place, cell)
        place.note_change()

    # ---- the line below

    def _show(self, place: Place, cell: StepCell) -> None:
        from heliconemagic.render.step_line import build_line_bundle, build_line_text

        footer = _Footer(cell.session, cell.step, cell.note, f"heliconemagic-step-{uuid.uuid4()}")
        card = footer.build_card()
        if place.write is not None:
            place.write(build_line_text(card) + "\n")
            return
        footer.shown = card.step.delivery
        place.publish(build_line_bundle(card), display_id=footer.display_id)
        if footer.shown is not None and footer.shown.state is DeliveryState.REFUSED:
            self._notebook.deliveries.note_told(cell.step.id)
        elif footer.shown is not None:
            self._footers[cell.step.id] = footer

    def catch_up(self) -> None:
        """Lets the lines on the page say what became of their steps at Helicone meanwhile."""
        from heliconemagic.render.step_line import build_line_bundle

        for step_id, footer in list(self._footers.items()):
            card = footer.build_card()
            if card.step.delivery != footer.shown:
                footer.shown = card.step.delivery
                self._find_place().publish(build_line_bundle(card), display_id=footer.display_id, update=True)
            if footer.shown is None or footer.shown.state is not DeliveryState.WAITING:
                del self._footers[step_id]


class _Footer:
    """A line that was shown, and what it said of the delivery."""

    def __init__(self, session: Session, step: Step, note: str, display_id: str) -> None:
        self.display_id = display_id
        self.shown: Delivery | None = None
        self._session = session
        self._step = step
        self._note = note

    def build_card(self) -> Card:
        """The step's card as it stands now."""
        step = self._session.find_by_id(self._step.id) or self._step
        card = build_recorded_card(self._session, step)
        return replace(card, notes=(*card.notes, self._note) if self._note else card.notes)
