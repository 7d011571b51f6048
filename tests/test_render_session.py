"""A session's tree as a table, and lists of sessions."""

from __future__ import annotations

from dataclasses import replace

from render_samples import PageReader, build_step

from heliconemagic.records import SessionRecord, SessionSummary, Step, StepKind, StepStatus
from heliconemagic.insights.session_clock import SessionClock
from heliconemagic.render.session import build_session_bundle, build_session_text, write_html, write_markdown
from heliconemagic.render.session_list import build_sessions_html, build_sessions_text
from heliconemagic.render.session_view import build_session_view

SESSION = SessionRecord(id="5f1d", name="Course", title="Course Création", gateway="oai", started_at=0.0)


def build_timed(path: str, start: float, end: float | None, **changes: object) -> Step:
    """A step at ``path`` with its first token 0.4 s after its start."""
    return replace(
        build_step(id=path), path=path, started_at=start, first_token_at=start + 0.4, ended_at=end, **changes
    )  # type: ignore[arg-type]


STEPS = [
    build_timed("/abstract", 0.0, 2.4, is_superseded=True),
    build_timed("/outline", 60.0, 64.2, parent_id="/abstract"),
    build_timed("/outline/lesson-1", 120.0, 126.3),
    build_timed("/outline/lesson-2", 190.0, 192.1, status=StepStatus.FAILED, cost=None),
    build_timed("/weather", 192.2, 192.5, kind=StepKind.TOOL, usage=None, cost=None),
]


def test_the_table_is_the_tree() -> None:
    """A path with one step is a row; one with more is a folder with its sums, and rows below it."""
    lines = build_session_text(SESSION, STEPS).splitlines()
    assert lines[0] == (
        "Course Création · 5 steps · 1 failed · 15.0 s of model time in 3 min 12 s · 5,568 tokens · $0.00087"
    )
    assert lines[1].split("  ")[0] == "path" and lines[1].endswith("0 s — 15.4 s (3 pauses folded)")
    assert [line[:19].rstrip() for line in lines[2:8]] == [
        "/abstract",
        "▾ /outline",
        "  /outline",
        "  /outline/lesson-1",
        "  /outline/lesson-2",
        "/weather",
    ]
    assert "3 steps, 1 failed" in lines[3] and "2 min 12 s" in lines[3] and "4,176" in lines[3]


def test_states_are_words_with_a_legend() -> None:
    """Superseded and stale steps are said to be; a tool names its kind; only what occurs is explained."""
    text = build_session_text(SESSION, STEPS)
    for words in ("done · superseded", "done · stale", "failed", "Tool · done", "stale: continues an answer"):
        assert words in text
    assert "superseded" not in build_session_text(SESSION, STEPS[2:])


def test_columns_are_aligned() -> None:
    """Figures end where their heading ends, words begin where theirs begins."""
    head, *rows = build_session_text(SESSION, STEPS).splitlines()[1:8]
    end, start = head.index("tokens") + len("tokens"), head.index("state")
    assert [row[end - 5 : end] for row in rows] == ["1,392", "4,176", "1,392", "1,392", "1,392", "     "]
    assert all(row[start - 2 : start] == "  " and row[start] != " " for row in rows)


def test_bars_stand_on_the_sessions_clock() -> None:
    """A bar begins where the one before it ended, however long the pause between them was."""
    lines = [line for line in build_session_text(SESSION, STEPS[:3]).splitlines() if "█" in line]
    begins = [line.index("░") for line in lines]
    ends = [len(line) for line in lines]
    assert begins[1:] == ends[:-1]
    assert [end - begin for begin, end in zip(begins, ends, strict=True)] == [6, 10, 16]


def test_the_clock_folds_pauses() -> None:
    """Ten seconds of work in a day are ten seconds."""
    clock = SessionClock([(0.0, 4.0), (86_000.0, 86_006.0), (86_001.0, 86_002.0)])
    assert (clock.total, clock.pauses) == (10.0, 1)
    assert [clock.place(moment) for moment in (0.0, 4.0, 50_000.0, 86_003.0, 99_999.0)] == [0.0, 0.4, 0.4, 0.7, 1.0]


def test_the_page_has_the_same_rows_and_needs_no_style() -> None:
    """Indentation, alignment, states and bars survive where styles are removed."""
    page = build_session_html(SESSION, STEPS, session_url="https://us.helicone.ai/s", notes=["2 more elsewhere"])
    reader = PageReader(page)
    assert sum(tag == "tr" for tag, _ in reader.elements) == 7
    assert "\u00a0\u00a0\u00a0/outline/lesson-1" in page and '<td align="right">2\u00a0min\u00a012\u00a0s</td>' in page
    assert "openatHelicone↗" in reader.text and "2moreelsewhere" in reader.text and "█" in page
    assert all("style" not in attributes for _, attributes in reader.elements)


def test_an_empty_session_says_so() -> None:
    """Without a table."""
    bundle = build_session_bundle(SESSION, [])
    assert "no steps yet" in bundle["text/html"] and "<table" not in bundle["text/html"]
    assert bundle["text/plain"] == "Course Création · no steps yet"


def test_a_running_step_has_a_row() -> None:
    """It counts up to the last thing known, and has no time yet."""
    running = build_timed("/now", 193.0, None, status=StepStatus.PENDING, usage=None, cost=None)
    line = next(line for line in build_session_text(SESSION, [*STEPS, running]).splitlines() if "/now" in line)
    assert "running" in line and line.endswith("█")


def test_thousands_of_rows_are_cut_honestly() -> None:
    """A page shows a thousand rows and says how to see the rest; a terminal gets all."""
    steps = [build_timed(f"/a{i}", float(i), i + 0.5) for i in range(10_000)]
    bundle = build_session_bundle(SESSION, steps)
    said = "… 9,000 more steps: `heliconemagic show 5f1d`"
    assert said in bundle["text/html"] and said in bundle["text/plain"]
    assert bundle["text/html"].count("<tr") == 1_001
    assert len(build_session_text(SESSION, steps).splitlines()) == 10_002


def test_the_markdown_form_is_a_table() -> None:
    """For programs that show neither HTML nor aligned text."""
    lines = build_session_markdown(SESSION, STEPS, notes=["a_note"]).splitlines()
    assert lines[2] == "| path | state | time | first token | tokens | cost |"
    assert lines[4] == "| /abstract | done · superseded | 2.4 s | 0.40 s | 1,392 | \\$0.00029 |"
    assert lines[-1] == "a\\_note"


def test_a_list_of_sessions_has_a_line_each() -> None:
    """With the id that `show` and `resume` take; an empty list says so."""
    summary = SessionSummary(
        id="5f1d", name="Course", title="Course <1>", gateway="oai", started_at=0.0, steps=1204, errors=2, cost=0.3
    )
    text, page = build_sessions_text([summary]), build_sessions_html([summary])
    assert text.splitlines()[1].split()[0] == "Course" and "1,204" in text and text.endswith("5f1d")
    assert "Course &lt;1&gt;" in page and '<td align="right">1,204</td>' in page
    assert build_sessions_text([]) == "no sessions recorded yet"
    assert "no sessions recorded yet" in build_sessions_html([])
