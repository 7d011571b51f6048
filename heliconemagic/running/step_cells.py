"""The ``%%helicone_step`` cells of one notebook: begun and ended around their code, each with a quiet line below it."""

from __future__ import annotations

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
from heliconemagic.views.delivery_lines import DeliveryLines


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The shell that the cells run in, as far as it matters to them."""

    open_session: Callable[[], Session]
    find_cell: Callable[[], Cell]
    read_names: Callable[[], Mapping[str, Any]]
    spell: Callable[[str], str]  # IPython's own syntax as Python
    write: Callable[[str], None] | None  # of a terminal; None where bundles are shown
    note_change: Callable[[], None]


class StepCells:
    """Begins and ends them. One runs at a time, but for those nested in it."""

    def __init__(self, notebook: Notebook, find_place: Callable[[], Place], lines: DeliveryLines) -> None:
        self._notebook = notebook
        self._find_place = find_place
        self._lines = lines
        self._running: StepCell | None = None

    @property
    def is_running(self) -> bool:
        """Whether a cell that is a step hasn't ended yet."""
        return self._running is not None

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
        __tracebackhide__ = True
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
        self._lines.wait()
        if not cell.command.is_quiet:
            self._show(place, cell)
        place.note_change()

    # ---- the line below

    def _show(self, place: Place, cell: StepCell) -> None:
        from heliconemagic.render.step_line import build_line_text

        footer = _Footer(cell.session, cell.step, cell.note)
        if place.write is not None:
            place.write(build_line_text(footer.build_card()) + "\n")
            return
        if any(delivery.state is DeliveryState.REFUSED for delivery in self._lines.show(footer)):
            self._notebook.deliveries.note_told(cell.step.id)


@dataclass(frozen=True, slots=True)
class _Footer:
    """The line below a cell."""

    session: Session
    step: Step  # as it was at the cell's end
    note: str

    def list_deliveries(self) -> tuple[Delivery, ...]:
        """How far the step is on its way to Helicone now."""
        delivery = self._find_step().delivery
        return (delivery,) if delivery is not None else ()

    def build_bundle(self) -> dict[str, Any]:
        """The line as it stands now."""
        from heliconemagic.render.step_line import build_line_bundle

        return build_line_bundle(self.build_card())

    def build_card(self) -> Card:
        """The step's card as it stands now."""
        card = build_recorded_card(self.session, self._find_step())
        return replace(card, notes=(*card.notes, self.note) if self.note else card.notes)

    def _find_step(self) -> Step:
        return self.session.find_by_id(self.step.id) or self.step
