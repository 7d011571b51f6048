"""A session's tree as a table, and lists of sessions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from render_samples import PageReader
from timed_steps import build_attempts
from timed_steps import build_timed as build_step

from heliconemagic.records import SessionRecord, SessionSummary, Step, StepKind, StepStatus
from heliconemagic.render.session import build_session_bundle, build_session_text
from heliconemagic.render.session_list import build_sessions_html, build_sessions_text
from heliconemagic.render.session_view import build_session_view
from heliconemagic.render.timeline import WIDTH, write_bar

SESSION = SessionRecord(id="5f1d", name="Course", title="Course Création", gateway="oai", started_at=0.0)


def build_timed(path: str, start: float, end: float | None, **changes: object) -> Step:
    """A step at ``path`` with its first token 0.4 s after its start."""
    return build_step(path, start, end, **{"tokens": (1204, 188), "text": "Some *text*.", **changes})


STEPS = [
    build_timed("/abstract", 0.0, 2.4, is_superseded=True),
    build_timed("/outline", 60.0, 64.2, parent_id="/abstract"),
    build_timed("/outline/lesson-1", 120.0, 126.3),
    build_timed("/outline/lesson-2", 190.0, 192.1, status=StepStatus.FAILED, cost=None),
    build_timed("/weather", 192.2, 192.5, kind=StepKind.TOOL, usage=None, cost=None),
]


def list_bars(steps: Sequence[Step]) -> list[str]:
    """The bars of a session's rows as text, without those of folders."""
    view = build_session_view(SESSION, steps)
    return [write_bar(row.bar) for row in view.rows if row.step is not None]


def test_the_table_is_the_tree() -> None:
    """A path with one step is a row; one with more is a folder with its sums, and rows below it."""
    lines = build_session_text(SESSION, STEPS).splitlines()
    assert lines[0] == (
        "Course Création · 5 steps · 1 failed · 15.0 s of model time in 15.4 s · 2 min 57 s of pauses · 5,568 tokens"
        " · $0.00087"
    )
    assert lines[1].split("  ")[0] == "path" and lines[1].endswith("0 s — 15.4 s")
    assert [line[:19].rstrip() for line in lines[2:8]] == [
        "/abstract",
        "▾ /outline",
        "  /outline",
        "  /outline/lesson-1",
        "  /outline/lesson-2",
        "/weather",
    ]
    assert lines[3].split("  ")[1:] and re.split(r" {2,}", lines[3])[1:] == [
        "3 steps, 1 failed", "2 min 12 s", "4.2 s", "4,176", "$0.00058"
    ]  # fmt: skip


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


# ---- the timeline


def test_bars_stand_on_the_sessions_clock() -> None:
    """A bar begins where the one before it ended, with one column for the pause between them, however long."""
    bars = list_bars(STEPS[:3])
    begins = [re.search("[▒█]", bar).start() for bar in bars]  # type: ignore[union-attr]
    ends = [len(bar.rstrip(" ┊")) for bar in bars]
    assert begins[1:] == [end + 1 for end in ends[:-1]]
    assert [end - begin for begin, end in zip(begins, ends, strict=True)] == [7, 12, 19]
    assert {bar.count("┊") for bar in bars} == {2}


def test_a_bar_has_three_parts() -> None:
    """8 s in 40 columns: refused after 2 s, sent again after 4, the first token after 5."""
    step = build_timed("/a", 0, 8, first=5, attempts=build_attempts(0, (2, 429), sent=4))
    assert list_bars([step]) == ["░" * 10 + "×" + "░" * 9 + "▒" * 5 + "█" * 15]
    assert "done · 1 retry (429)" in build_session_text(SESSION, [step])


def test_a_tool_of_no_length_works() -> None:
    """Also where there is no phase to be drawn."""
    step = build_timed("/t", 0, 0, kind=StepKind.TOOL, first=None, usage=None)
    lines = build_session_text(SESSION, [step]).splitlines()
    assert lines[2].endswith("▓") and lines[-1] == "▓ working"


@pytest.mark.parametrize("wait", [0.001, 0.5])
def test_a_refused_attempt_is_seen_however_short(wait: float) -> None:
    """Its mark has a column in any case."""
    step = build_timed("/a", 0, 8, first=1, attempts=build_attempts(0, (wait / 2, 500), (wait, 500), sent=wait))
    assert list_bars([step, build_timed("/b", 8, 80)])[0][0] == "×"


def test_steps_that_run_at_once_are_counted() -> None:
    """In a row of their own: three in the middle, where one runs elsewhere a third of the height."""
    steps = [build_timed("/a", 0, 10), build_timed("/b", 4, 6), build_timed("/c", 4, 6)]
    lines = build_session_text(SESSION, steps).splitlines()
    assert lines[2].split() == ["at", "once", "up", "to", "3", "▃" * 16 + "█" * 8 + "▃" * 16]
    assert "at once" not in build_session_text(SESSION, STEPS)


def test_pauses_are_listed_with_their_lengths() -> None:
    """The longest of them; of the others how many, and how long together."""
    assert (
        "┊ 3 pauses folded: 57.6 s before /outline, 55.8 s before /outline/lesson-1, 1 min 4 s before /outline/lesson-2"
    ) in build_session_text(SESSION, STEPS)
    many = [build_timed(f"/a{at}", 60 * at, 60 * at + 1) for at in range(12)]
    assert "7 shorter ones, 6 min 53 s together" in build_session_text(SESSION, many)
    assert max(bar.count("┊") for bar in list_bars(many)) == 6


def test_the_critical_path_is_marked_where_there_is_another() -> None:
    """Not where all steps are on it."""
    steps = [build_timed("/a/1", 0, 2), build_timed("/a/2", 0, 4), build_timed("/b", 4, 6)]
    lines = build_session_text(SESSION, steps).splitlines()
    assert [line.split()[0] for line in lines if "◆" in line[:12]] == ["/a/2", "/b"]
    assert "◆ on the critical path" in lines[-1]
    assert "◆" not in build_session_text(SESSION, STEPS)


# ---- forms


def strip_page(page: str) -> str:
    """A page as GitHub shows it: without its sheet, classes, ids and styles, and without pictures."""
    page = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", page, flags=re.DOTALL)
    return re.sub(r"""\s(?:class|id|style)=(?:"[^"]*"|'[^']*')""", "", page)


def test_everything_is_legible_without_styles() -> None:
    """Words, figures, bars, signs, indentation and alignment are text, tables and attributes that stay."""
    page = strip_page(build_session_bundle(SESSION, STEPS)["text/html"])
    assert "class" not in page and "<table>" in page and "<style" not in page
    assert page.count("<samp>") == len(STEPS) + 3  # the bars, and three signs
    assert "<samp>┊" not in page and "▒▒ until the first token" in re.sub(r"</?\w+>", "", page)
    assert "\u00a0\u00a0\u00a0/outline/lesson-1" in page and '<td align="right">2\u00a0min\u00a012\u00a0s</td>' in page
    assert "<strong>Bottleneck:</strong> /outline/lesson-1 took 48 % of the wall time" in page
    assert " · " in page  # between the figures of the head


def test_bars_without_styles_stand_below_each_other() -> None:
    """Each has the same columns before it, in an element of equal widths, with blanks that browsers keep."""
    page = strip_page(build_session_bundle(SESSION, STEPS[:3])["text/html"])
    bars = [re.sub(r"</?span>", "", bar) for bar in re.findall(r"<td><samp>(.*?)</samp></td>", page)]
    assert [bar.replace("\u00a0", " ").rstrip() for bar in bars] == list_bars(STEPS[:3])
    assert not any(" " in bar for bar in bars)


@pytest.mark.parametrize(("form", "pattern"), [("text/html", "<samp>(.*?)</samp></td>"), ("text/markdown", "`(.*?)`")])
def test_bars_line_up_where_a_page_aligns_them_right(form: str, pattern: str) -> None:
    """As JupyterLab does where it takes the sheet away: all of one width, down to the shortest and the folder's."""
    steps = [build_timed(f"/a/{number}", number, number + 1) for number in range(90)] + STEPS[1:2]
    bars = re.findall(pattern, strip_page(build_session_bundle(SESSION, steps)[form]))
    assert len(bars) > 2 and {len(re.sub(r"</?span>", "", bar)) for bar in bars} == {WIDTH}


def test_the_page_has_the_rows_and_the_link() -> None:
    """And the notes; no element is styled by hand."""
    bundle = build_session_bundle(SESSION, STEPS, session_url="https://us.helicone.ai/s", notes=["2 more elsewhere"])
    reader = PageReader(bundle["text/html"])
    assert sum(tag == "tr" for tag, _ in reader.elements) == 7
    assert "openatHelicone↗" in reader.text and "2moreelsewhere" in reader.text
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


def test_a_folder_alone() -> None:
    """Its steps with their own clock and sums; what only begins with the same letters isn't below it."""
    steps = [*STEPS, build_timed("/outliner", 200.0, 203.0)]
    lines = build_session_bundle(SESSION, steps, folder="/outline")["text/plain"].splitlines()
    assert lines[0].startswith("Course Création /outline · 3 steps · 1 failed · 12.6 s of model time in 12.6 s")
    assert lines[1].endswith("0 s — 12.6 s") and not any("/outliner" in line or "/weather" in line for line in lines)


def test_the_markdown_form_is_a_table() -> None:
    """For programs that show neither HTML nor aligned text."""
    lines = build_session_bundle(SESSION, STEPS, notes=["a_note"])["text/markdown"].splitlines()
    assert lines[2] == "| path | state | time | self | first token | tokens | cost | 0 s — 15.4 s |"
    assert lines[4].startswith("| /abstract | done · superseded | 2.4 s |  | 0.40 s | 1,392 | \\$0.00029 | `▒█████┊")
    assert " " not in lines[6].split("`")[1]  # they would collapse
    assert "**Bottleneck:** /outline/lesson-1 took" in "\n".join(lines)
    assert lines[-1] == "a\\_note"


# ---- long sessions


def build_parts(parts: int, lessons: int) -> list[Step]:
    """Lessons in parts; the last one of part 3 failed."""
    return [
        build_timed(
            f"/part-{at // lessons}/lesson-{at % lessons}",
            at,
            at + 0.5,
            status=StepStatus.FAILED if at == 4 * lessons - 1 else StepStatus.DONE,
        )
        for at in range(parts * lessons)
    ]


def test_a_long_session_is_an_outline() -> None:
    """Its folders in one table, and what is in each folded below it: nothing is missing."""
    page = build_session_bundle(SESSION, build_parts(20, 50))["text/html"]
    outline, *parts = page.split("<details>")
    assert outline.count("<tr") == 21 and "▸ /part-19" in outline
    assert len(parts) == 20 and {part.count("<tr") for part in parts} == {51}
    assert "<summary>/part-3 · 50 steps, 1 failed · 49.5 s · $0.015</summary>" in page and "more steps" not in page


def test_parts_of_an_outline_have_a_clock_of_their_own() -> None:
    """From where to where it goes on the session's stands in its head; its bars fill it."""
    part = build_session_view(SESSION, build_parts(20, 50)).parts[2]
    assert part.axis == "1 min 40 s — 2 min 30 s"
    assert [len(write_bar(row.bar).rstrip()) for row in (part.rows[0], part.rows[-1])] == [1, 40]


def test_what_has_no_row_is_counted() -> None:
    """10,000 steps: as many as one display holds, those with failures first, then the newest; a terminal gets all."""
    steps = build_parts(100, 100)
    bundle = build_session_bundle(SESSION, steps)
    assert bundle["text/html"].count("<tr") <= 1_300 and len(bundle["text/html"]) < 500_000
    assert "/part-99/lesson-99" in bundle["text/html"] and "/part-3/lesson-99" in bundle["text/html"]
    shown = len(re.findall(r'hm-step">[^<]*/lesson-', bundle["text/html"]))
    missing = re.search(r"… ([\d,]+) more steps: `heliconemagic show 5f1d`", bundle["text/html"])
    assert missing and int(missing[1].replace(",", "")) == 10_000 - shown
    assert "… 10,000 more steps" in bundle["text/plain"]  # which has nothing to unfold
    assert len(build_session_text(SESSION, steps).splitlines()) > 10_100


def test_many_steps_side_by_side_are_grouped() -> None:
    """At one path by their numbers, else by their first and last."""
    at_one_path = [build_timed("/quiz", at, at + 0.5, id=str(at)) for at in range(1_000)]
    assert "▸ /quiz · 976 to 1,000" in build_session_bundle(SESSION, at_one_path)["text/plain"]
    beside = [build_timed(f"/q{at}", at, at + 0.5) for at in range(1_000)]
    assert "▸ /q975 … q999" in build_session_bundle(SESSION, beside)["text/plain"]


def test_very_deep_paths() -> None:
    """No recursion, and no endless indentation."""
    steps = [build_timed("/x" * depth, depth, depth + 0.5) for depth in range(1, 600)]
    bundle = build_session_bundle(SESSION, steps)
    assert "▾ /x" in bundle["text/plain"] and bundle["text/html"].count("<tr") < 1_300


# ---- lists of sessions


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


@pytest.mark.parametrize(
    ("cost", "unpriced", "shown"),
    [(0.0, 0, "free"), (0.0, 2, "unpriced"), (0.5, 0, "$0.50"), (0.5, 2, "$0.50 + 2 unpriced")],
)
def test_what_a_session_cost(cost: float, unpriced: int, shown: str) -> None:
    """What has a price that nobody knows isn't called free."""
    summary = SessionSummary(
        id="5f1d", name="Course", title="Course", gateway="oai", started_at=0.0, cost=cost, unpriced=unpriced
    )
    assert f" {shown} " in build_sessions_text([summary])
    assert f">{shown}</td>" in build_sessions_html([summary])
    stopped = replace(summary, steps=1, errors=1)  # the provider may ask something for it
    assert "free" not in build_sessions_text([stopped])


def test_the_list_of_sessions_takes_the_width_that_is_there() -> None:
    """Its last column is the id, which is to be copied: no narrower than the page."""
    summary = SessionSummary(id="5f1d", name="Course", title="Course", gateway="oai", started_at=0.0)
    assert 'class="hm hm-wide ' in build_sessions_html([summary])
