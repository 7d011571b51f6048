"""The steps of a session as rows with all their figures."""

from __future__ import annotations

from render_samples import ATTACKS, list_dangers
from timed_steps import build_attempts, build_timed

from heliconemagic.records import SessionRecord, StepKind, StepStatus
from heliconemagic.render.session_table import build_step_table, build_table_bundle, write_table_text
from heliconemagic.usage import Usage

SESSION = SessionRecord(id="5f1d", name="Course", title="Course", gateway="oai", started_at=0.0)
STEPS = [
    build_timed("/b", 62, 72, first=5, attempts=build_attempts(62, (62.5, 429), sent=65), parent_id="/a"),
    build_timed("/a", 0, 2, tokens=(1_204, 48), is_superseded=True),
    build_timed("/b/look", 72, 73, kind=StepKind.TOOL, usage=None, cost=None, first=None, parent_id="/b"),
    build_timed("/c", 73, None, status=StepStatus.PENDING, usage=None, cost=None, first=None),
]


def list_rows(**changes: object) -> list[dict[str, str]]:
    """The cells that aren't empty, by their columns."""
    table = build_step_table(SESSION, STEPS, **changes)  # type: ignore[arg-type]
    return [{name: cell for name, cell in zip(table.columns, row, strict=True) if cell} for row in table.rows]


def test_rows_are_oldest_first_with_all_figures() -> None:
    """Of a step that was refused: 3 s of waiting, 2 to the first token, 5 with 50 tokens, after a minute of nothing."""
    rows = list_rows()
    assert [row["path"] for row in rows] == ["/a", "/b", "/b/look", "/c"]
    assert rows[1] == {
        "#": "2", "path": "/b", "state": "done · 1 retry (429)", "model": "gpt-4o-mini", "began": "+2.0 s",
        "pause before": "1 min 0 s", "waiting": "3.0 s", "until first token": "2.0 s", "generating": "5.0 s",
        "time": "10.0 s", "tokens/s": "10", "prompt": "100", "completion": "50", "cost": "$0.00029", "attempts": "2",
        "after": "/a",
    }  # fmt: skip


def test_what_is_not_known_is_empty() -> None:
    """A tool has neither model nor price, a step that runs has no end."""
    _, _, tool, running = list_rows()
    assert tool == {
        "#": "3", "path": "/b/look", "state": "Tool · done", "began": "+12.0 s", "time": "1.0 s", "after": "/b"
    }  # fmt: skip
    assert running == {"#": "4", "path": "/c", "state": "running", "model": "gpt-4o-mini", "began": "+13.0 s"}


def test_columns_that_would_be_empty_are_left_out() -> None:
    """And those that are not are there."""
    assert "cached" not in build_step_table(SESSION, STEPS).columns
    usage = Usage(prompt_tokens=9, completion_tokens=9, cached_tokens=4, reasoning_tokens=3)
    assert {"cached", "reasoning"} <= set(build_step_table(SESSION, [build_timed("/a", 0, 2, usage=usage)]).columns)


def test_rows_of_a_folder() -> None:
    """On a clock of their own; a parent outside keeps its name."""
    rows = list_rows(folder="/b")
    assert [(row["path"], row["began"], row["after"]) for row in rows] == [
        ("/b", "+0 s", "/a"),
        ("/b/look", "+10.0 s", "/b"),
    ]


def test_a_long_table_keeps_the_newest() -> None:
    """And says how to see the others."""
    steps = [build_timed(f"/a{at}", at, at + 0.5) for at in range(2_000)]
    bundle = build_table_bundle(SESSION, steps)
    assert bundle["text/html"].count("<tr") == 501 and "/a1999" in bundle["text/html"]
    assert "… 1,500 earlier steps: `heliconemagic show 5f1d --table`" in bundle["text/plain"]
    assert len(write_table_text(build_step_table(SESSION, steps)).splitlines()) == 2_002


def test_an_empty_table_says_so() -> None:
    """In all forms."""
    assert {"no steps yet" in form for form in build_table_bundle(SESSION, []).values()} == {True}


def test_nothing_in_a_table_acts() -> None:
    """Paths, models and titles are escaped."""
    session = SessionRecord(id="x", name="x", title="<b>", gateway="x", started_at=0.0)
    steps = [build_timed(attack, 0, 2, model=attack) for attack in ATTACKS]
    assert list_dangers(build_table_bundle(session, steps)["text/html"]) == []
