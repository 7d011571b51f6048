"""Figures of sessions: phases, clock, self times, critical path. Worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from timed_steps import BEGIN, build_attempts, build_timed

from heliconemagic.insights.critical_path import find_critical_path
from heliconemagic.insights.measures import measure_steps
from heliconemagic.insights.phases import Phase, split_step
from heliconemagic.insights.self_time import measure_self_times
from heliconemagic.insights.session_clock import SessionClock, build_clock
from heliconemagic.insights.spans import count_most_at_once, merge_spans
from heliconemagic.insights.standing import list_standing
from heliconemagic.records import Origin, OriginKind, Step, StepKind, StepStatus, sum_steps
from heliconemagic.steps.tree import build_tree


def list_phases(step: Step) -> list[tuple[str, float]]:
    """The phases with their seconds."""
    return [(str(span.phase), round(span.seconds, 6)) for span in split_step(step)]


# ---- phases


def test_a_plain_step_waits_for_its_first_token_and_generates() -> None:
    """Both together are its latency."""
    assert list_phases(build_timed("/a", 0, 6.3, first=0.5)) == [("first token", 0.5), ("generating", 5.8)]


def test_refused_attempts_are_waiting() -> None:
    """Until the attempt was sent that answered, with the pauses between."""
    step = build_timed("/a", 0, 8, first=5, attempts=build_attempts(0, (0.3, 429), (1.5, 429), sent=4))
    assert list_phases(step) == [("waiting", 4.0), ("first token", 1.0), ("generating", 3.0)]


def test_an_answer_that_came_whole_is_of_one_piece() -> None:
    """Without a first token, or with one that brought all the others along; a short answer may well be all of it."""
    assert list_phases(build_timed("/a", 0, 5, first=None)) == [("answering", 5.0)]
    assert list_phases(build_timed("/a", 0, 5, first=4.99, tokens=(9, 300))) == [("answering", 5.0)]
    assert list_phases(build_timed("/a", 0, 5, first=4.99, tokens=(9, 2)))[0] == ("first token", 4.99)


def test_a_failure_before_any_text_waited_for_it() -> None:
    """And a tool's step works, whatever else it has."""
    failed = build_timed("/a", 0, 5, first=None, status=StepStatus.FAILED)
    assert list_phases(failed) == [("first token", 5.0)]
    assert list_phases(build_timed("/t", 0, 2, kind=StepKind.TOOL)) == [("working", 2.0)]


def test_a_step_that_runs_has_phases_up_to_what_is_known() -> None:
    """The last moment is given; without one it hasn't begun."""
    running = build_timed("/a", 0, None, status=StepStatus.PENDING)
    assert [span.phase for span in split_step(running, BEGIN + 2)] == [Phase.FIRST_TOKEN, Phase.GENERATING]
    assert split_step(running) == ()


@pytest.mark.parametrize("first", [-3.0, 99.0])
def test_clocks_that_disagree_make_no_negative_time(first: float) -> None:
    """A journal may hold anything."""
    assert all(seconds > 0 for _, seconds in list_phases(build_timed("/a", 0, 5, first=first)))


# ---- the session's clock


def test_the_clock_folds_pauses() -> None:
    """Ten seconds of work in a day are ten seconds; the gap is kept with its length."""
    clock = SessionClock([(0.0, 4.0), (86_000.0, 86_006.0), (86_001.0, 86_002.0)])
    assert clock.total == 10.0
    assert [(pause.ended_at, pause.seconds) for pause in clock.pauses] == [(86_000.0, 85_996.0)]
    assert [clock.place(moment) for moment in (0.0, 4.0, 50_000.0, 86_003.0, 99_999.0)] == [0.0, 0.4, 0.4, 0.7, 1.0]


def test_gaps_of_less_than_a_second_stay() -> None:
    """They are the kernel's own."""
    clock = SessionClock([(0.0, 2.0), (2.9, 4.0)])
    assert (clock.total, clock.pauses) == (4.0, ())


def test_the_clock_can_be_read_backwards() -> None:
    """The moment at a place stands at that place."""
    clock = SessionClock([(0.0, 4.0), (100.0, 106.0)])
    assert [clock.find_moment(place) for place in (0.1, 0.4, 0.7, 1.0)] == [1.0, 4.0, 103.0, 106.0]
    assert (SessionClock([]).total, SessionClock([]).place(5.0), SessionClock([]).find_moment(0.5)) == (0.0, 0.0, 0.0)


def test_spans() -> None:
    """Touching ones are one, and don't run at once."""
    assert merge_spans([(4, 5), (0, 1), (1, 2), (0.5, 0.6)]) == [(0, 2), (4, 5)]
    assert count_most_at_once([(0, 1), (1, 2)]) == 1
    assert count_most_at_once([(0, 5), (1, 2), (1.5, 4), (4, 6)]) == 3


# ---- self times


def test_self_time_is_what_no_sub_folder_covers() -> None:
    """/a itself ran 0-10, /a/b 4-6 and 8-12: of the 12 seconds its sub-folder covers 6."""
    steps = [build_timed("/a", 0, 10), build_timed("/a/b", 4, 6, id="1"), build_timed("/a/b", 8, 12, id="2")]
    assert measure_self_times(build_tree(steps)) == {"": 0.0, "/a": 6.0, "/a/b": 6.0}


def test_self_time_has_no_pauses_and_counts_no_moment_twice() -> None:
    """Two steps at once for 3 s, a minute of thinking, another for 2 s."""
    steps = [build_timed("/a", 0, 3, id="1"), build_timed("/a", 0, 3, id="2"), build_timed("/a", 63, 65, id="3")]
    assert measure_self_times(build_tree(steps))["/a"] == 5.0


def test_self_time_of_very_deep_paths() -> None:
    """No recursion."""
    times = measure_self_times(build_tree([build_timed("/x" * 2_000, 0, 2)]))
    assert times["/x" * 2_000] == 2.0 and times["/x"] == 0.0


# ---- the critical path


def list_critical(*steps: Step) -> list[str]:
    """The ids of the path."""
    return [step.id for step in find_critical_path(steps)]


def test_steps_one_after_the_other_are_all_critical() -> None:
    """Across a pause as well."""
    assert list_critical(build_timed("/a", 0, 2), build_timed("/b", 2, 5), build_timed("/c", 60, 61)) == [
        "/a",
        "/b",
        "/c",
    ]


def test_of_steps_at_once_the_last_to_end_is_critical() -> None:
    """The others could have been slower for nothing."""
    steps = [build_timed("/a", 0, 2), build_timed("/b/1", 2, 4), build_timed("/b/2", 2, 9), build_timed("/c", 9, 10)]
    assert list_critical(*steps) == ["/a", "/b/2", "/c"]


def test_a_batch_has_a_chain_through_its_jobs() -> None:
    """Two at a time: each step waited for the one that made room for it."""
    steps = [
        build_timed("/r/1", 0, 2),
        build_timed("/r/2", 0, 5),
        build_timed("/r/3", 2, 6),
        build_timed("/r/4", 5, 7),
        build_timed("/r/5", 6, 9),
    ]
    assert list_critical(*steps) == ["/r/1", "/r/3", "/r/5"]


def test_the_parent_is_the_link_where_it_ended_as_late() -> None:
    """It is known to have been waited for."""
    steps = [build_timed("/a", 0, 4), build_timed("/b", 0, 4.02), build_timed("/c", 4.03, 6, parent_id="/a")]
    assert list_critical(*steps) == ["/a", "/c"]
    assert list_critical(*steps[:2], build_timed("/c", 4.03, 6)) == ["/b", "/c"]


def test_a_step_around_others_is_no_link() -> None:
    """Its time is that of the steps inside it."""
    steps = [
        build_timed("/agent", 0, 9, kind=StepKind.TOOL),
        build_timed("/agent/ask", 1, 4, parent_id="/agent"),
        build_timed("/agent/answer", 4, 9, parent_id="/agent"),
    ]
    assert list_critical(*steps) == ["/agent/ask", "/agent/answer"]


def test_a_traced_function_is_around_the_steps_below_its_path() -> None:
    """Whatever their parents are; a tool beside another one is not."""
    around = build_timed("/agent", 0, 9, kind=StepKind.TOOL)
    assert list_critical(around, build_timed("/agent/a", 1, 4), build_timed("/agent/b", 4, 9)) == [
        "/agent/a",
        "/agent/b",
    ]
    assert list_critical(around, build_timed("/other", 1, 4, kind=StepKind.TOOL)) == ["/agent"]
    assert list_critical(around, build_timed("/agent/a", 8, 12)) == ["/agent/a"]


def test_a_traced_function_is_around_its_prompts_wherever_they_stand() -> None:
    """Also at its own path; not around those of another cell that ran meanwhile, nor a model's call around any."""
    around = build_timed("/agent", 0, 20, kind=StepKind.TOOL, messages=(), cell="c", run=1)
    asked = [build_timed(path, at, at + 9, id=f"p{at}", cell="c", run=1) for at, path in ((1, "/x"), (11, "/agent"))]
    assert list_critical(around, *asked) == ["p1", "p11"]
    assert list_critical(around, build_timed("/agent", 1, 19, id="own", cell="other")) == ["own"]
    assert list_critical(around, build_timed("/x", 1, 19, cell="other", run=1)) == ["/agent"]
    assert list_critical(build_timed("/agent", 0, 20, kind=StepKind.TOOL, cell="c", run=1), *asked[:1]) == ["/agent"]


def test_steps_of_no_length_end_the_search() -> None:
    """As those that fail before they are sent, all at one moment."""
    assert list_critical(*(build_timed("/a", 0, 0, id=str(number)) for number in range(3))) == ["2"]
    assert list_critical(build_timed("/a", 0, None)) == []


# ---- which steps count, and their figures


def test_no_time_is_negative() -> None:
    """Where the clock was set back while a step ran, what took that long took no time; and its end is no earlier."""
    steps = [build_timed("/a", 0, 2), build_timed("/b", 3, -3600), build_timed("/c", -3599, -3590)]
    assert (steps[1].latency, replace(steps[1], first_token_at=1.0).time_to_first_token) == (0.0, 0.0)
    assert sum_steps(steps).model_seconds == 11.0
    assert list_critical(*steps[:2]) == ["/a", "/b"]


def test_what_stands_is_what_would_run_again() -> None:
    """Neither superseded nor kept steps, nor those that still run."""
    kept = Origin(kind=OriginKind.KEPT, answered_at=0.0)
    steps = [
        build_timed("/a", 0, 1, is_superseded=True),
        build_timed("/b", 1, 1, origin=kept),
        build_timed("/c", 2, 3),
        build_timed("/d", 3, None),
    ]
    assert [step.path for step in list_standing(steps)] == ["/c"]


def test_measures_of_steps() -> None:
    """The second began after a minute, on the clock when the first had ended; 58 tokens in 5.8 s are 10 a second."""
    steps = [build_timed("/b", 62, 68.2, first=0.4, tokens=(10, 58)), build_timed("/a", 0, 2)]
    first, second = measure_steps(steps, build_clock(steps))
    assert (first.number, first.step.path, first.pause, first.started) == (1, "/a", 0.0, 0.0)
    assert (second.number, second.pause, second.started, second.waiting) == (2, 60.0, 2.0, 0.0)
    assert (second.first_token, second.generating) == (pytest.approx(0.4), pytest.approx(5.8))
    assert second.tokens_per_second == pytest.approx(10.0)
