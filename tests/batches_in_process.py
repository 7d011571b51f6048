"""Batches for tests: a `Bench` whose cells have rows, and a view that keeps what it was shown."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from fake_helicone import FakeHelicone
from notebooks_in_process import BOTH_KEYS, Bench

from heliconemagic.batches.result import BatchResult
from heliconemagic.lines.options import CellCommand, parse_cell_line
from heliconemagic.records import Cell
from heliconemagic.render.batch_state import BatchCard
from heliconemagic.running.cell_run import CellInput
from heliconemagic.running.runner import CellRunner


def refuse_view(*_: object) -> NoReturn:
    """A batch opens no other view."""
    raise AssertionError


@dataclass
class RecordingView:
    """Keeps every card; ``on_open`` and ``on_update`` are called with each."""

    cards: list[BatchCard] = field(default_factory=list)
    on_open: Callable[[BatchCard], object] = lambda card: None
    on_update: Callable[[BatchCard], object] = lambda card: None

    def open(self, card: BatchCard) -> None:
        """Keeps the first card."""
        self.cards.append(card)
        self.on_open(card)

    def update(self, build: Callable[[], BatchCard]) -> None:
        """Keeps the card."""
        self.cards.append(build())
        self.on_update(self.cards[-1])

    def close(self, card: BatchCard) -> None:
        """Keeps the last card."""
        self.cards.append(card)


class BatchBench(Bench):
    """A notebook whose batches run with one call each."""

    def __init__(self, folder: Path, fake: FakeHelicone | None, line: str = '"Quiz"') -> None:
        super().__init__(folder, fake, dict(BOTH_KEYS))
        self.view = RecordingView()
        self.published: list[dict[str, Any]] = []
        self.stop: Callable[[], None] = lambda: None
        self._cells = itertools.count(1)
        self.open(line)

    def batch(
        self,
        line: str = "/quiz/{{ row.topic }} --for rows",
        prompt: str = "Ask about {{ row.topic }}.",
        *,
        rows: Any,
        cell: str = "batch",
        **names: Any,
    ) -> BatchResult:
        """Runs a batch to its end; what it raises has its result."""
        self._run += 1
        command = parse_cell_line(line, is_cell=True)
        given = CellInput(
            command=command,
            prompt=prompt,
            names={"rows": rows, **names},
            cell=Cell(id=cell, run=self._run),
            is_shown=lambda: False,
        )
        result: BatchResult = self._build_runner().run_blocking(given)
        return result

    def _build_runner(self) -> CellRunner:
        def build_view(stop: Callable[[], None], command: CellCommand) -> RecordingView:
            self.stop = stop
            return self.view

        def publish(bundle: dict[str, Any], **_: Any) -> None:
            self.published.append(bundle)

        return CellRunner(self.notebook, refuse_view, refuse_view, publish, build_batch_view=build_view)

    @property
    def card(self) -> BatchCard:
        """What stands there at the end."""
        return self.view.cards[-1]
