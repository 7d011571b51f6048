"""``%helicone_session show`` on long sessions: the time from steps to the bundle that is displayed."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

from benchmarks.measure import Row, Sample, format_bytes, format_ratio, format_seconds, run_interleaved, time_call
from heliconemagic.records import SessionRecord, Step, StepStatus
from heliconemagic.render.session import build_session_bundle
from heliconemagic.steps.tree import build_tree
from heliconemagic.usage import Usage

LENGTHS = (100, 1_000, 10_000)
GOAL = 1.10
"""Times the cost of a step in a session a tenth as long: 1 is linear, the rest is room for noise."""
MOST_SECONDS = 1.0
"""For the longest of them."""
SESSION = SessionRecord(id="session-1", name="Course", title="Course", gateway="oai", started_at=1_000_000.0)


def run(*, is_quick: bool) -> list[Row]:
    """The rows of this topic."""
    rounds = 3 if is_quick else 15
    sessions = {length: build_steps(length) for length in LENGTHS}
    shown = run_interleaved({str(n): partial(_time_show, steps) for n, steps in sessions.items()}, rounds)
    trees = run_interleaved({str(n): partial(_time_tree, steps) for n, steps in sessions.items()}, rounds)
    first = LENGTHS[0]
    return [
        Row(
            name=f"show, a step of {first:,}",
            ours=shown[str(first)].describe(format_seconds),
            peer=f"its HTML {format_bytes(_measure_html(sessions[first]))}",
            result=shown[str(first)].divided_by(first),
            form=format_seconds,
        ),
        *(_build_row(shorter, longer, shown, trees, sessions) for shorter, longer in pairwise(LENGTHS)),
        Row(
            name=f"show, {LENGTHS[-1]:,} steps",
            ours=shown[str(LENGTHS[-1])].describe(format_seconds),
            peer="",
            result=shown[str(LENGTHS[-1])],
            form=format_seconds,
            goal=MOST_SECONDS,
        ),
    ]


def _build_row(
    shorter: int, longer: int, shown: dict[str, Sample], trees: dict[str, Sample], sessions: dict[int, list[Step]]
) -> Row:
    size = format_bytes(_measure_html(sessions[longer]))
    each, each_shorter = shown[str(longer)].divided_by(longer), shown[str(shorter)].divided_by(shorter)
    return Row(
        name=f"show, a step of {longer:,} beside one of {shorter:,}",
        ours=shown[str(longer)].describe(format_seconds),
        peer=f"build_tree alone {trees[str(longer)].describe(format_seconds)}, HTML {size}",
        result=each.over(each_shorter),
        form=format_ratio,
        goal=GOAL,
    )


def _time_show(steps: list[Step]) -> float:
    return time_call(lambda: build_session_bundle(SESSION, steps), _count_repeats(steps))


def _time_tree(steps: list[Step]) -> float:
    return time_call(lambda: build_tree(steps), _count_repeats(steps))


def _count_repeats(steps: list[Step]) -> int:
    """Short sessions are measured more than once, so that all take about as long."""
    return max(1, LENGTHS[1] // len(steps))


def _measure_html(steps: list[Step]) -> int:
    return len(build_session_bundle(SESSION, steps)["text/html"].encode())


def build_steps(count: int) -> list[Step]:
    """A course: a folder for every ten lessons, each continuing the one before; one in twenty failed."""
    return [_build_step(index) for index in range(count)]


def _build_step(index: int) -> Step:
    is_failed = index % 20 == 19
    start = SESSION.started_at + 4 * index
    return Step(
        id=f"step-{index}",
        session_id=SESSION.id,
        path=f"/outline/part-{index // 10}/lesson-{index}",
        status=StepStatus.FAILED if is_failed else StepStatus.DONE,
        gateway="oai",
        model="gpt-4o-mini",
        messages=({"role": "user", "content": "Write the lesson."},),
        parent_id=f"step-{index - 1}" if index % 10 else None,
        started_at=start,
        first_token_at=None if is_failed else start + 0.4,
        ended_at=start + 3,
        text="" if is_failed else "A lesson on space.",
        usage=None if is_failed else Usage(prompt_tokens=200, completion_tokens=400),
        cost=None if is_failed else 0.0003,
    )
