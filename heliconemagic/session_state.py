"""The session of a notebook in memory: its record, its options, its steps in the order they ran."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from heliconemagic.conversation import find_current
from heliconemagic.gateways.choice import Choice
from heliconemagic.records import SessionRecord, SessionTotals, Step, sum_steps
from heliconemagic.settings import RequestOptions


class Session:
    """What every request of the session shares, and what has run so far."""

    def __init__(
        self,
        record: SessionRecord,
        options: RequestOptions,
        choice: Choice,
        *,
        steps: Sequence[Step] = (),
        is_resumed: bool = False,
    ) -> None:
        self.record = record
        self.options = options
        self.choice = choice
        self.is_resumed = is_resumed
        self._steps = {step.id: step for step in steps}
        self._cells_run_here: set[str] = set()

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in the order in which they ran."""
        return tuple(self._steps.values())

    @property
    def totals(self) -> SessionTotals:
        """Sums over all steps."""
        return sum_steps(self.steps)

    def take_options(self, options: RequestOptions, choice: Choice) -> None:
        """Takes over a session line that was run again: what it no longer says is gone."""
        self.options = options
        self.choice = choice
        self.record = replace(self.record, gateway=choice.gateway.label)

    def put_step(self, step: Step) -> None:
        """Adds a step, or takes its newer state."""
        self._steps[step.id] = step
        self._cells_run_here.add(step.cell)

    def supersede(self, step_ids: Sequence[str]) -> None:
        """Marks steps whose cell has given a newer answer."""
        for step_id in step_ids:
            self._steps[step_id] = replace(self._steps[step_id], is_superseded=True)

    def take_cells(self, other: Session) -> None:
        """Takes over which cells have run in this kernel: a session that was left and taken up again is the same."""
        self._cells_run_here |= other._cells_run_here

    def find_kept(self, cell: str, path: str, fingerprint: str) -> Step | None:
        """The recorded answer of an identical request, for a cell's first run in a resumed session."""
        if not self.is_resumed or cell in self._cells_run_here:
            return None
        return next(
            (
                step
                for step in reversed(self.steps)
                if step.fingerprint == fingerprint and step.path == path and step.is_usable_parent
            ),
            None,
        )

    def keep(self, step: Step, cell: str) -> None:
        """Lets a recorded step stand for a run of ``cell`` now: it becomes the step that ran last."""
        del self._steps[step.id]
        self._steps[step.id] = replace(step, is_superseded=False)
        self._cells_run_here.add(cell)

    def find_step(self, path: str) -> Step | None:
        """The current step of ``path``."""
        return find_current(self.steps, path)

    def find_parent(self, step: Step) -> Step | None:
        """The step that ``step`` continued."""
        return self._steps.get(step.parent_id or "")

    def iterate_paths(self) -> Iterator[str]:
        """The paths used so far, newest first, each once."""
        yield from dict.fromkeys(step.path for step in reversed(self.steps))
