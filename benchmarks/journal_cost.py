"""What the record on disk costs a step: on the way of the step itself, and on the thread of the cell.

The way of the step is a call through the engine with and without its record, in turns. The cell's side is
the time its thread spends in the journal while a step is planned, started and finished.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.calls import KEY, SETTLE_SECONDS, Stepper, open_stepper
from benchmarks.measure import Row, Sample, format_seconds, run_interleaved, time_call
from benchmarks.server import build_model, open_server
from heliconemagic.journal.journal import Journal
from heliconemagic.lines.options import parse_cell_line, parse_session_line
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.records import Cell, SessionRecord, Step, StepStatus
from heliconemagic.settings import RequestOptions
from heliconemagic.workbench import build_client

GOAL = 0.001  # seconds
MODEL = build_model(chunks=50)
EARLIER_STEPS = 200  # of the session before, in the same journal
BODY = "x" * 2_000


def run(*, is_quick: bool) -> list[Row]:
    """The rows of this topic."""
    rounds = 20 if is_quick else 150
    with open_server() as base_url, TemporaryDirectory() as name:
        with open_stepper(base_url, Path(name)) as stepper:
            on_the_way = _measure_way(stepper, rounds)
        with open_notebook(base_url, Path(name)) as (notebook, clock):
            cells = _measure_cells(notebook, clock, rounds)
        floor = _measure_floor(Path(name), rounds)
    return [
        _build_row("journal, on the way of a step", on_the_way, floor),
        _build_row("journal, on the thread of a cell that runs again", cells["again"], floor),
        _build_row(f"the same, its ancestor in a session of {EARLIER_STEPS} steps before", cells["orphan"], floor),
    ]


def _build_row(name: str, cost: Sample, floor: Sample) -> Row:
    return Row(
        name=name,
        ours=cost.describe(format_seconds),
        peer=f"bare sqlite3, 2 kB committed {floor.describe(format_seconds)}",
        result=cost,
        form=format_seconds,
        goal=GOAL,
    )


def _measure_way(stepper: Stepper, rounds: int) -> Sample:
    contenders = {
        "recorded": partial(_time_step, stepper, is_recorded=True),
        "unrecorded": partial(_time_step, stepper, is_recorded=False),
    }
    measured = run_interleaved(contenders, rounds, warmups=5)
    return measured["recorded"].minus(measured["unrecorded"])


def _time_step(stepper: Stepper, *, is_recorded: bool) -> float:
    seconds = time_call(lambda: stepper.run(MODEL, False, is_recorded=is_recorded))
    time.sleep(SETTLE_SECONDS)
    return seconds


class ClockedJournal:
    """A journal that counts the seconds which one thread spends in its methods."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._thread = threading.get_ident()
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._journal, name)
        return partial(self._call, value) if callable(value) else value

    def _call(self, method: Any, *arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return method(*arguments, **options)
        finally:
            if threading.get_ident() == self._thread:
                self.seconds += time.perf_counter() - start


@contextmanager
def open_notebook(base_url: str, folder: Path) -> Iterator[tuple[Notebook, ClockedJournal]]:
    """A notebook with an open session, and an earlier one of the same name in its journal."""
    journal = ClockedJournal(Journal(folder))
    _put_earlier_session(journal)
    surroundings = Surroundings(
        environ={"OPENAI_API_KEY": KEY.reveal(), "HELICONE_API_KEY": "sk-helicone-fakefak-efakefa-kefakef-akefake"},
        find_folder=lambda: folder,
        find_title=lambda: "course",
        find_defaults=RequestOptions,
        is_attended=lambda: True,
    )
    notebook = Notebook(surroundings, journal, build_client)  # type: ignore[arg-type]  # a journal in all but name
    notebook.sessions.open(parse_session_line(f"Course --gateway {base_url} -m {MODEL}"))
    try:
        yield notebook, journal
    finally:
        notebook.close()


def _put_earlier_session(journal: Any) -> None:
    session = SessionRecord(
        id=str(uuid.uuid4()), name="Course", title="Course", gateway="url", notebook="course", started_at=1.0
    )
    journal.put_session(session)
    for index in range(EARLIER_STEPS):
        messages = ({"role": "user", "content": f"{index} {BODY}"},)
        journal.close_step(
            Step(
                id=str(uuid.uuid4()), session_id=session.id, path="/part" if index else "/part/first", gateway="url",
                model=MODEL, messages=messages, started_at=float(index), status=StepStatus.DONE, text=BODY,
            )
        )  # fmt: skip
    journal.flush()


def _measure_cells(notebook: Notebook, journal: ClockedJournal, rounds: int) -> dict[str, Sample]:
    contenders = {
        "again": partial(_time_cell, notebook, journal, "/abstract --fresh"),
        "orphan": partial(_time_cell, notebook, journal, "/part/second"),
    }
    return run_interleaved(contenders, min(rounds, 40), warmups=2)


def _time_cell(notebook: Notebook, journal: ClockedJournal, line: str) -> float:
    """Seconds that this thread spends in the journal for one step."""
    before = journal.seconds
    cell = Cell(id=f"cell of {line}", run=time.time_ns())
    plan = notebook.plan(parse_cell_line(line, is_cell=True), "Write it.", names={}, cell=cell)
    run = notebook.steps.start(plan)
    run.done.result(timeout=60)
    step = notebook.steps.finish(plan, run)
    assert step.status is StepStatus.DONE, run.error
    time.sleep(SETTLE_SECONDS)
    return journal.seconds - before


def _measure_floor(folder: Path, rounds: int) -> Sample:
    """One row of 2 kB, committed by the thread that asks for it."""
    with closing(sqlite3.connect(folder / "floor.sqlite3", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("CREATE TABLE steps (id TEXT PRIMARY KEY, text TEXT)")

        def insert() -> None:
            connection.execute("INSERT INTO steps VALUES (?, ?)", (str(uuid.uuid4()), BODY))

        return Sample(tuple(time_call(insert) for _ in range(rounds)))
