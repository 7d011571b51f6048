"""The sessions of one name side by side: figures worked out by hand, from Python and on the session line."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from environs import build_environ
from journal_builders import build_session, build_step
from render_samples import ATTACKS, PageReader, list_dangers
from shells import Shell

from heliconemagic.errors import InputError
from heliconemagic.journal import figures as journal_figures
from heliconemagic.journal import queries as journal_queries
from heliconemagic.journal.journal import Journal
from heliconemagic.journal.schema import connect_file, open_readable
from heliconemagic.lines.options import parse_session_line
from heliconemagic.notebook.across import build_statistics
from heliconemagic.records import Origin, OriginKind, StepStatus
from heliconemagic.render.statistics import build_statistics_bundle, build_statistics_html, build_statistics_text
from heliconemagic.statistics.figures import SessionFigures, StepFigures
from heliconemagic.statistics.grouping import parse_grouping
from heliconemagic.statistics.percentiles import find_percentile
from heliconemagic.statistics.summary import Summary, measure_wall, summarise
from heliconemagic.usage import Usage


def build_figures(path: str = "/a", start: float = 0.0, seconds: float | None = 1.0, **changes: object) -> StepFigures:
    """A step of session "s" that ran so long."""
    ended_at = None if seconds is None else start + seconds
    return StepFigures(session_id="s", path=path, started_at=start, ended_at=ended_at)._replace(**changes)


def summarise_steps(*steps: StepFigures, by: str | None = None) -> Summary:
    """The summary of the sessions that ``steps`` name."""
    sessions = [
        SessionFigures(id=name, notebook=f"{name}-book", started_at=min(s.started_at for s in steps))
        for name in dict.fromkeys(step.session_id for step in steps)
    ]
    return summarise("Course", sessions, steps, parse_grouping(by) if by else None)


# ---- the figures


def test_percentiles_are_measured_values() -> None:
    """Nearest rank: of 1 … 10 the 50th percentile is 5 and the 95th 10; of 1 … 100 they are 50 and 95."""
    ten, hundred = range(1, 11), range(1, 101)
    assert [find_percentile(ten, 50), find_percentile(ten, 95)] == [5, 10]
    assert [find_percentile(hundred, 50), find_percentile(hundred, 95)] == [50, 95]
    assert [find_percentile([7], 50), find_percentile([7], 95), find_percentile([], 95)] == [7, 7, None]


def test_figures_of_a_path() -> None:
    """Latencies are of finished steps; failed ones are counted, and what they cost is summed all the same."""
    (sums,) = summarise_steps(
        build_figures(seconds=4.0, tokens=100, cost=0.5),
        build_figures(start=10.0, seconds=2.0, tokens=50, cost=None),
        build_figures(start=20.0, seconds=90.0, status=StepStatus.FAILED, cost=0.25),
        build_figures(start=30.0, seconds=None, status=StepStatus.PENDING),
        build_figures(start=40.0, seconds=0.1, is_stand_in=True, cost=0.0),
    ).paths
    assert (sums.steps, sums.errors, sums.measured, sums.median, sums.p95) == (5, 1, 2, 2.0, 4.0)
    assert (sums.tokens, sums.cost, sums.unpriced) == (150, 0.75, 1)


def test_a_session_takes_its_wall_time() -> None:
    """Steps at once count once, a pause doesn't count, nor does a stand-in: 0–4 and 3–5, then 60–62, are 7 s."""
    steps = [
        build_figures(start=3.0, seconds=2.0),
        build_figures(start=0.0, seconds=4.0),
        build_figures(start=60.0, seconds=2.0),
        build_figures(start=61.0, seconds=0.5),
        build_figures(start=100.0, seconds=9.0, is_stand_in=True),
    ]
    assert measure_wall(steps) == 7.0
    assert summarise_steps(*steps).total.median == 7.0


def test_groups_are_of_steps() -> None:
    """Two users in one session share it; a step without a user stands in a group of its own, the last."""
    summary = summarise_steps(
        build_figures("/b", start=0.0, seconds=3.0, user="ada"),
        build_figures("/a", start=5.0, seconds=1.0, user="ada"),
        build_figures("/a", start=9.0, seconds=7.0, user="ben"),
        build_figures("/a", start=20.0, seconds=5.0, session_id="t"),
        by="user",
    )
    assert [(g.group, g.sessions, g.paths, g.steps, g.median) for g in summary.groups] == [
        ("ada", 1, 2, 2, 4.0),
        ("ben", 1, 1, 1, 7.0),
        ("", 1, 1, 1, 5.0),
    ]
    assert [(p.group, p.path, p.median) for p in summary.parts][:2] == [("ada", "/a", 1.0), ("ada", "/b", 3.0)]


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("model", ["demo", "gpt"]),
        ("notebook", ["s-book", "t-book"]),
        ("property:Team", ["blue", ""]),
        ("path", []),
    ],
)
def test_groupings(by: str, groups: list[str]) -> None:
    """Steps are told apart by what they or their sessions say; paths are told apart anyway."""
    first = build_figures(model="gpt", properties={"team": "blue"})
    summary = summarise_steps(first, build_figures("/b", model="demo", session_id="t"), by=by)
    assert [sums.group for sums in summary.groups] == groups
    assert [sums.path for sums in summary.paths] == ["/a", "/b"]


@pytest.mark.parametrize("text", ["", "users", "property", "property:", "model:gpt"])
def test_by_what_there_isnt(text: str) -> None:
    """What cannot be meant is refused on the line, with what can."""
    with pytest.raises(InputError, match=r"user|needs a value"):
        parse_session_line(f'stats "Course" --by "{text}"')


# ---- from the journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal with two sessions called "Course" and one called "Other"."""
    opened = Journal(tmp_path / "records")
    usage = Usage(prompt_tokens=10, completion_tokens=5)
    for number, name in enumerate(("Course", "Course", "Other")):
        opened.put_session(
            build_session(f"session-{number}", name=name, notebook=f"nb{number}", started_at=50.0 * number)
        )
    opened.put_session(build_session("empty", started_at=1.0))
    done = {"status": StepStatus.DONE, "usage": usage, "cost": 0.5}
    opened.close_step(build_step("1", session_id="session-0", ended_at=104.0, user="ada", **done))
    opened.close_step(
        build_step("2", session_id="session-1", path="/b", ended_at=102.0, properties={"team": "x"}, **done)
    )
    kept = Origin(kind=OriginKind.KEPT, answered_at=3.0)
    opened.close_step(build_step("3", session_id="session-1", ended_at=101.1, origin=kept, **{**done, "cost": 0.0}))
    opened.close_step(build_step("4", session_id="session-1", status=StepStatus.FAILED, ended_at=109.0))
    opened.close_step(build_step("5", session_id="session-2", ended_at=500.0, **done))
    yield opened
    opened.close()


def test_statistics_of_a_name(journal: Journal) -> None:
    """They are of all sessions of the name in which something ran, and of no other; an id names its session's name."""
    found = build_statistics(journal, "session-0", None)
    assert [row["id"] for row in found.sessions] == ["session-0", "session-1"]
    abstract, second = found.rows
    assert (abstract["path"], abstract["steps"], abstract["errors"], abstract["median"]) == ("/abstract", 3, 1, 3.0)
    assert (second["median"], second["tokens"], second["sessions"]) == (1.0, 15, 1)
    assert (found.summary.total.tokens, found.summary.total.cost) == (30, 1.0)
    assert repr(found) == "<Statistics of 'Course': sessions=2, steps=4>"


def test_groups_come_from_the_journal(journal: Journal) -> None:
    """Users, properties and notebooks are read back as they were written."""

    def list_groups(by: str, label: str) -> list[str]:
        return [row[label] for row in build_statistics(journal, "Course", parse_grouping(by)).groups]

    assert list_groups("user", "user") == ["ada", ""]
    assert list_groups("property:team", "team") == ["x", ""]
    assert list_groups("notebook", "notebook") == ["nb0", "nb1"]
    assert [row["user"] for row in build_statistics(journal, "Course", parse_grouping("user")).rows] == ["ada", "", ""]


@pytest.mark.parametrize(("name", "said"), [(None, "stats"), ("Curse", "did you mean"), ("empty", "")])
def test_nothing_to_tell(journal: Journal, name: str | None, said: str) -> None:
    """Without a name, with an unknown one, and where nothing has run, the error says what to type."""
    if name == "empty":
        journal.put_session(build_session("lone", name="Lone"))
        name, said = "Lone", "nothing has run"
    with pytest.raises(InputError, match=said):
        build_statistics(journal, name, None)


def test_a_strange_row_is_left_out(journal: Journal) -> None:
    """A step into whose row another program wrote nonsense spoils no statistics: it is left out, and that is said."""
    journal.flush()
    with closing(connect_file(journal._store.path)) as connection:
        connection.execute("UPDATE steps SET ended_at = 'soon' WHERE id = '1'")
    found = build_statistics(journal, "Course", None)
    assert found.summary.total.steps == 3
    assert "the step '1' cannot be read and was left out" in found._repr_mimebundle_()["text/plain"]


def test_statistics_read_by_index(journal: Journal) -> None:
    """Two statements for however many sessions, served by indexes; a list of sessions takes one."""
    journal.flush()
    asked: list[str] = []
    with closing(open_readable(journal._store.path)) as connection:
        connection.set_trace_callback(asked.append)
        journal_figures.load_figures(connection, "Course", lambda *_: None)
        journal_queries.list_sessions(connection, limit=None, name=None, notebook=None)
        connection.set_trace_callback(None)
        plans = [row[3] for statement in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert len(asked) == 3
    assert {plan for plan in plans if plan.startswith("SCAN")} == {"SCAN sessions USING INDEX sessions_by_time"}
    assert not [plan for plan in plans if plan.startswith("SEARCH") and "INDEX" not in plan]


def test_frames_need_pandas(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pandas the rows are there all the same, and the error says so."""
    found = build_statistics(journal, "Course", None)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="pandas") as raised:
        found.df  # noqa: B018
    assert ".rows" in str(raised.value)
    assert len(found.rows) == 2


def test_a_property_may_be_called_like_a_measure() -> None:
    """No column hides another one."""
    from heliconemagic.statistics.result import Statistics

    step = build_figures(properties={"cost": "centre-7"}, cost=0.5)
    found = Statistics(summarise_steps(step, by="property:cost"), build_bundle=build_statistics_bundle)
    assert (found.rows[0]["group_cost"], found.rows[0]["cost"]) == ("centre-7", 0.5)


# ---- the picture


def build_many(count: int) -> Summary:
    """Sessions of one, two, three … seconds, one after the other."""
    steps = [
        build_figures(
            "/a" if number % 2 else "/b", start=1e9 + 100 * number, seconds=1.0 + number, tokens=10 * number
        )._replace(session_id=f"s{number}", user=f"u{number % 3}")
        for number in range(count)
    ]
    sessions = [SessionFigures(id=step.session_id, started_at=step.started_at) for step in steps]
    return summarise("Course", sessions, steps, parse_grouping("user"))


@pytest.mark.parametrize(("cost", "words"), [(0.0, "free"), (None, "unpriced"), (0.5, "$1.00")])
def test_what_it_cost_is_said_as_everywhere(cost: float | None, words: str) -> None:
    """In the head, by path and by group; a price that nobody knows is not 0."""
    steps = [build_figures(cost=cost, session_id=f"s{number}", user="ada") for number in range(2)]
    sessions = [SessionFigures(id=step.session_id, started_at=step.started_at) for step in steps]
    shown = build_statistics_bundle(summarise("Course", sessions, steps, parse_grouping("user")))["text/plain"]
    assert shown.count(words) == 3 and "$0" not in shown.replace("$0.50", "")


def test_picture_reads_without_its_style() -> None:
    """Headings, tables and bars of characters are there, in elements that pages keep, and nothing is loaded."""
    page = build_statistics_html(build_many(8))
    tags = {tag for tag, _ in PageReader(page).elements}
    assert list_dangers(page) == []
    assert {"h4", "table", "th", "code"} <= tags
    assert "▁" in page and "●" in page and "█" in page
    assert "p95istheslowest" in PageReader(page).text


@pytest.mark.parametrize(("form", "ends"), [("text/html", ("<code>", "</code>")), ("text/markdown", ("`", "`"))])
def test_pictures_line_up_where_a_page_aligns_them_right(form: str, ends: tuple[str, str]) -> None:
    """As JupyterLab does where it takes the sheet away: in each column all of one width."""
    page = build_statistics_bundle(build_many(8))[form]
    pictures = re.findall(f"{ends[0]}([^<`]+){ends[1]}", page)
    assert {"▁", "●", "█"} <= set("".join(pictures))
    assert {len(picture) for picture in pictures if "█" in picture and "▁" not in picture} == {8}
    assert {len(picture) for picture in pictures if "●" in picture} == {20}


def test_many_sessions_share_marks() -> None:
    """A line over time stays as long as a line; how many sessions a mark stands for is said."""
    text = build_statistics_text(build_many(1000))
    line = next(line for line in text.splitlines() if line.startswith("wall time"))
    assert 40 <= sum(char in "▁▂▃▄▅▆▇█" for char in line) <= 48
    assert "a mark is 21 sessions" in text


def test_many_rows_are_cut() -> None:
    """Of very many paths the first are shown; the rest is counted."""
    steps = [build_figures(f"/p{number:03}") for number in range(100)]
    text = build_statistics_text(summarise_steps(*steps))
    assert "/p059" in text and "/p060" not in text
    assert "40 paths more: .rows has all" in text


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_words(attack: str) -> None:
    """A user, a path or a session's name is text in every form."""
    step = build_figures("/" + attack, user=attack)
    bundle = build_statistics_bundle(replace(summarise_steps(step, by="user"), name=attack))
    assert list_dangers(bundle["text/html"]) == []
    assert "\x1b" not in bundle["text/plain"]
    assert "<script" not in bundle["text/markdown"] and "<img" not in bundle["text/markdown"]


# ---- in a shell


def test_stats_on_the_session_line(shell: Shell) -> None:
    """Without a name it is of the session that is open; the result is `_`, shows itself, and is there from Python."""
    shell.run('%helicone_session "Course Creation" --gateway demo -m demo-fast')
    shell.run("%%llm /abstract --user ada\nAn abstract.")
    ran = shell.run("%helicone_session stats --by user")
    assert "ada" in ran.text() and set(ran.shown[0]) == {"text/html", "text/markdown", "text/plain"}
    assert shell.run("_.rows[0]['path']").results[0]["text/plain"] == "'/abstract'"
    again = shell.run('import heliconemagic\nheliconemagic.stats(by="user")')
    assert again.text() == ran.text()


def test_stats_that_cannot_be_meant(shell: Shell) -> None:
    """A name without quotes, no session, and a word that names no group each say what to type."""
    assert 'stats "Course Creation"' in str(shell.run("%helicone_session stats Course Creation").error)
    assert "no session is open" in str(shell.run("%helicone_session stats").error)
    ran = shell.run('import heliconemagic\nheliconemagic.stats("Course", by="pony")')
    assert "by takes user" in str(ran.error)


def test_stats_in_a_program(tmp_path: Path) -> None:
    """A program without a shell reads the same journal."""
    with closing(Journal(tmp_path / "home")) as journal:
        journal.put_session(build_session())
        journal.close_step(build_step(status=StepStatus.DONE, ended_at=102.5))
    environ = build_environ(tmp_path, HELICONEMAGIC_HOME=str(tmp_path / "home"))
    script = "import heliconemagic as h; print(h.stats('Course').rows[0]['median'], h.stats('Course'))"
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "1.5 <Statistics of 'Course': sessions=1, steps=1>\n"
