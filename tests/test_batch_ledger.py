"""The lines of a batch's table."""

from __future__ import annotations

import pytest
from render_samples import build_step

from heliconemagic.batches.ledger import MAX_LINES, Ledger, Outcome, build_line
from heliconemagic.batches.planning import BatchRow
from heliconemagic.records import Origin, OriginKind


@pytest.mark.parametrize(("origin", "state"), [(None, "done"), (OriginKind.REPLAYED, "replayed")])
def test_rows_of_a_lesson_say_so(origin: OriginKind | None, state: str) -> None:
    """As a single cell's card does."""
    step = build_step(origin=origin and Origin(kind=origin, answered_at=100.0, source="lesson.jsonl"))
    line = build_line(Outcome(BatchRow(number=1, value="bees"), "done", step.path, step))
    assert (line.state, line.is_failed) == (state, False)


def test_rows_of_this_run_come_before_kept_ones() -> None:
    """Where the table hasn't room for all, a row that was sent has its place, and the rows are in their order."""
    ledger = Ledger(300, 0.0)
    for number in range(1, 300):
        ledger.note_kept(BatchRow(number=number, value=""), build_step())
    ledger.note_ended(BatchRow(number=300, value=""), build_step())
    numbers = [line.number for line in ledger.list_first()]
    assert numbers == [*range(1, MAX_LINES), 300]
