"""Many sessions at once: the list of 1,000, and the statistics of as many of one name, with 20 steps each."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Row, compare, format_seconds, run_interleaved, time_call
from heliconemagic.journal.files import FILE_NAME
from heliconemagic.journal.journal import Journal
from heliconemagic.notebook.across import build_statistics
from heliconemagic.records import SessionRecord, Step, StepStatus
from heliconemagic.render.session_list import build_sessions_html, build_sessions_text
from heliconemagic.statistics.grouping import parse_grouping
from heliconemagic.usage import Usage

SESSIONS, STEPS = 1_000, 20
LIST_GOAL = 0.2  # seconds
STATISTICS_GOAL = 15.0
"""Times the bare reading of the same rows: a figure that doesn't hang on the machine."""
NAME = "Course"
ANSWER = "A lesson on space. " * 100
"""Characters of an answer: statistics must not pay for them."""


def run(*, is_quick: bool) -> list[Row]:
    """The rows of this topic."""
    with TemporaryDirectory() as name, closing(Journal(Path(name))) as journal:
        for number in range(SESSIONS):
            write_session(journal, number)
            journal.flush(60)
        measured = run_interleaved(
            {
                "list": partial(time_call, partial(show_list, journal), 1),
                "statistics": partial(time_call, partial(show_statistics, journal), 1),
                "floor": partial(time_call, partial(read_bare, Path(name) / FILE_NAME), 1),
            },
            3 if is_quick else 15,
        )
    floor = (f"bare sqlite3, {SESSIONS * STEPS:,} rows of eight columns", measured["floor"])
    return [
        Row(
            name=f"list {SESSIONS:,} sessions of {STEPS} steps, and show it",
            ours=measured["list"].describe(format_seconds),
            peer=f"{floor[0]} {floor[1].describe(format_seconds)}",
            result=measured["list"],
            form=format_seconds,
            goal=LIST_GOAL,
        ),
        compare(
            f"stats of {SESSIONS:,} sessions by user, and show it",
            measured["statistics"],
            floor,
            format_seconds,
            STATISTICS_GOAL,
        ),
    ]


def show_list(journal: Journal) -> None:
    """What ``%helicone_session list`` would do without its limit."""
    summaries = journal.list_sessions()
    assert len(summaries) == SESSIONS
    build_sessions_html(summaries)
    build_sessions_text(summaries)


def show_statistics(journal: Journal) -> None:
    """What ``%helicone_session stats Course --by user`` does."""
    statistics = build_statistics(journal, NAME, parse_grouping("user"))
    assert statistics.summary.total.steps == SESSIONS * STEPS
    statistics._repr_mimebundle_()


def read_bare(path: Path) -> None:
    """The least that has to be read of the steps."""
    with closing(sqlite3.connect(path)) as connection:
        columns = "session_id, path, status, started_at, ended_at, cost, prompt_tokens, completion_tokens"
        assert len(connection.execute(f"SELECT {columns} FROM steps").fetchall()) == SESSIONS * STEPS


def write_session(journal: Journal, number: int) -> None:
    """A session of a user, whose steps get slower from path to path; one in twenty failed."""
    start = 1_000_000.0 + 10_000 * number
    session_id = f"session-{number}"
    journal.put_session(
        SessionRecord(id=session_id, name=NAME, title=NAME, gateway="oai", notebook="course", started_at=start)
    )
    for index in range(STEPS):
        is_failed = (number + index) % 20 == 19
        begun = start + 60 * index
        journal.close_step(
            Step(
                id=f"{session_id}-{index}",
                session_id=session_id,
                path=f"/outline/lesson-{index % 10}",
                status=StepStatus.FAILED if is_failed else StepStatus.DONE,
                gateway="oai",
                model="gpt-4o-mini",
                messages=({"role": "user", "content": "Write the lesson."},),
                user=f"student-{number % 30}",
                properties={"team": "blue"},
                started_at=begun,
                ended_at=begun + 1 + index / 4,
                text="" if is_failed else ANSWER,
                usage=None if is_failed else Usage(prompt_tokens=200, completion_tokens=400),
                cost=None if is_failed else 0.0003,
            )
        )
