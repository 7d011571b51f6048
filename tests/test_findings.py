"""What is said about a session, on constructed ones: each sentence with its figures, and silence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from timed_steps import build_attempts, build_timed

from heliconemagic.insights.findings import find_findings
from heliconemagic.records import Attempt, Origin, OriginKind, Step, StepKind, StepStatus
from heliconemagic.render.finding_words import list_sentences
from heliconemagic.usage import Usage


def list_said(*steps: Step) -> dict[str, str]:
    """The sentences by their leads."""
    return {sentence.lead: sentence.text for sentence in list_sentences(find_findings(steps))}


def build_chain(*steps: Step) -> list[Step]:
    """The same steps, each with the one before it as its parent."""
    return [
        replace(step, parent_id=before.id if before else None)
        for before, step in zip([None, *steps], steps, strict=False)
    ]


def build_course(outline: Step) -> list[Step]:
    """A chain of three steps in 20 s, of which ``outline``, from 4 to 16.2, took 61 %."""
    return build_chain(build_timed("/abstract", 0, 4), outline, build_timed("/lesson", 16.2, 20))


# ---- the bottleneck


def test_bottleneck_that_generates() -> None:
    """12.2 of 20 s are 61 %; 9.76 of those are 80 %, in which 303 tokens came."""
    said = list_said(*build_course(build_timed("/outline", 4, 16.2, first=2.44, tokens=(90, 303))))
    assert said == {
        "Bottleneck": "/outline took 61 % of the wall time (12.2 s); 80 % of it was generation at 31 tokens/s; "
        "a shorter answer or a faster model would help, the gateway wouldn't."
    }


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        (Usage(prompt_tokens=12_300, completion_tokens=9), "with 12,300 prompt tokens; less context would help"),
        (Usage(prompt_tokens=90, completion_tokens=9), "with only 90 prompt tokens; a model, provider or gateway"),
        (
            Usage(prompt_tokens=90, completion_tokens=900, reasoning_tokens=800),
            "with 800 reasoning tokens; less reasoning would help",
        ),
    ],
)
def test_bottleneck_before_the_first_token(usage: Usage, told: str) -> None:
    """The prompt is long, or the queue, or it was thinking."""
    said = list_said(*build_course(build_timed("/outline", 4, 16.2, first=11, usage=usage)))
    assert f"90 % of it went by before the first token, {told}" in said["Bottleneck"]


@pytest.mark.parametrize(("shown", "speed"), [("Let me think.", 30), ("", 10)])
def test_bottleneck_that_reasons_while_it_generates(shown: str, speed: int) -> None:
    """10 s with 300 tokens, of which 200 are reasoning: they came then only if one could read them."""
    usage = Usage(prompt_tokens=9, completion_tokens=300, reasoning_tokens=200)
    said = list_said(*build_course(build_timed("/outline", 4, 16.2, first=2.2, usage=usage, reasoning=shown)))
    assert f"was generation at {speed} tokens/s; less reasoning or a faster model would help" in said["Bottleneck"]


@pytest.mark.parametrize(
    ("status", "told"), [(429, "fewer requests at once or a higher limit"), (503, "another provider")]
)
def test_bottleneck_that_waits_for_retries(status: int, told: str) -> None:
    """8.54 of its 12.2 s went by until the third attempt was sent."""
    attempts = build_attempts(4, (4.3, status), (6, status), sent=12.54)
    said = list_said(*build_course(build_timed("/outline", 4, 16.2, first=9, attempts=attempts)))
    assert f"70 % of it was waiting after 2 refused attempts ({status}); {told} would help" in said["Bottleneck"]


def test_bottleneck_that_is_a_tool() -> None:
    """Nothing about models."""
    said = list_said(*build_course(build_timed("/search", 4, 16.2, kind=StepKind.TOOL, usage=None)))
    assert "/search took 61 % of the wall time (12.2 s); 100 % of it was work that asks no model" in said["Bottleneck"]


def test_bottleneck_that_did_not_stream() -> None:
    """What isn't known isn't said."""
    said = list_said(*build_course(build_timed("/outline", 4, 16.2, first=None)))
    assert "waiting for answers that came whole" in said["Bottleneck"] and "tokens/s" not in said["Bottleneck"]


def test_bottleneck_of_several_steps() -> None:
    """Those at one path and below it belong together: 8 of 12 s, where 3 of 6 steps would have 6."""
    steps = build_chain(
        *(build_timed(f"/short/{number}", number, number + 1.3) for number in (0, 1.3, 2.6)),
        *(build_timed(f"/long/{number}", 4 + 2.7 * number, 6.7 + 2.7 * number) for number in range(3)),
    )
    assert list_said(*steps)["Bottleneck"].startswith("/long and below, 3 steps, took 67 % of the wall time (8.1 s)")


def test_no_place_dominates_but_a_phase() -> None:
    """Then it is said of the whole session: 4 × 4.6 of 20 s."""
    steps = build_chain(
        *(build_timed(f"/{name}", 5 * at, 5 * at + 5, tokens=(9, 46)) for at, name in enumerate("abcd"))
    )
    assert list_said(*steps)["Bottleneck"] == (
        "92 % of the wall time was generation at 10 tokens/s; a shorter answer or a faster model would help, "
        "the gateway wouldn't."
    )


def test_thinking_time_is_not_counted() -> None:
    """An hour before the last step changes nothing."""
    course = build_course(build_timed("/outline", 4, 16.2))
    later = build_timed("/lesson", 3616.2, 3620, parent_id="/outline")
    assert list_said(*course) == list_said(*course[:2], later)


def test_superseded_steps_are_left_out_and_it_is_said() -> None:
    """The try that was thrown away was no part of the flow as it stands."""
    course = build_course(build_timed("/outline", 4, 16.2))
    thrown_away = build_timed("/outline", 30, 90, id="old", is_superseded=True)
    assert "took 61 % of the wall time of the current answers" in list_said(*course, thrown_away)["Bottleneck"]


def test_short_sessions_are_silent() -> None:
    """Two steps, or three in less than five seconds."""
    assert list_said() == {}
    assert list_said(*build_chain(build_timed("/a", 0, 4), build_timed("/b", 4, 30))) == {}
    assert list_said(*build_chain(*(build_timed(f"/{at}", at, at + 1) for at in range(3)))) == {}


# ---- steps that could have run at once


def build_siblings(**changes: object) -> list[Step]:
    """A parent of 2 s and four steps of 3 s that continue it, one after the other."""
    return [
        build_timed("/plan", 0, 2),
        *(
            build_timed(f"/part/{at}", 2 + 3 * at, 5 + 3 * at, parent_id="/plan", **changes)  # type: ignore[arg-type]
            for at in range(4)
        ),
    ]


def test_independent_steps_in_a_queue() -> None:
    """12 s that could have been 3."""
    assert list_said(*build_siblings())["One after the other"] == (
        "the 4 steps /part/0 … /part/3 took 12.0 s, and none continues another; at once they take 3.0 s at best "
        "(--for, or --bg)."
    )


def test_more_steps_than_run_at_once() -> None:
    """20 steps of 1 s, 8 at a time: 2.5 s at best."""
    said = list_said(*(build_timed("/part", at, at + 1, id=str(at)) for at in range(20)))
    assert (
        "the 20 steps /part took 20.0 s, and none continues another; 8 at a time they take 2.5 s"
        in said["One after the other"]
    )


def test_steps_that_quote_an_earlier_answer_need_it() -> None:
    """Each prompt holds the answer before it."""
    plan, *parts = build_siblings()
    quoting = [
        build_timed(
            step.path,
            2 + 3 * at,
            5 + 3 * at,
            parent_id="/plan",
            messages=({"role": "user", "content": f"Go on: {before.text}"},),
        )
        for at, (before, step) in enumerate(zip([plan, *parts], parts, strict=False))
    ]
    assert "One after the other" not in list_said(plan, *quoting)


def test_a_chain_or_steps_with_pauses_between_are_no_queue() -> None:
    """One that continues the other had to wait; a person who waited for the answer wanted to read it."""
    assert "One after the other" not in list_said(*build_chain(*build_siblings()))
    apart = [build_timed(f"/part/{at}", 60 * at, 60 * at + 3) for at in range(4)]
    assert "One after the other" not in list_said(*apart)


def test_steps_that_ran_at_once_are_no_queue() -> None:
    """Two at a time: somebody chose that."""
    steps = [build_timed(f"/part/{at}", 3 * (at // 2), 3 * (at // 2) + 3) for at in range(8)]
    assert "One after the other" not in list_said(*steps)


def test_rounds_of_tools_and_compared_answers_are_no_queue() -> None:
    """They need each other, or are meant to stand side by side."""
    assert "One after the other" not in list_said(*build_siblings(comparison="c"))
    assert "One after the other" not in list_said(
        *build_siblings(messages=({"role": "user", "content": "?"}, {"role": "tool", "content": "4"}))
    )


# ---- repeats


def test_repeated_requests() -> None:
    """Three times the same: two could have been kept, for 2 × $0.00029 and 4 s; a superseded one was paid as well."""
    steps = [
        build_timed("/a", 5.0 * at, 5.0 * at + 2, id=str(at), fingerprint="f", is_superseded=at < 2) for at in range(3)
    ]
    assert list_said(*steps)["Repeated"] == (
        "2 requests were sent again word for word (/a); --keep would have saved $0.00058 and 4.0 s, "
        "and so would --cache at Helicone."
    )


def test_where_repeats_stand() -> None:
    """The path with the most of them, if there are several."""
    steps = [
        build_timed(path, at, at + 1, id=f"{path}{at}", fingerprint=path)
        for at, path in enumerate(["/a", "/b", "/a", "/b", "/a"])
    ]
    assert "(most at /a: 2)" in list_said(*steps)["Repeated"]


@pytest.mark.parametrize(
    "changes",
    [
        {"fingerprint": ""},
        {"comparison": "c"},
        {"origin": Origin(kind=OriginKind.KEPT, answered_at=0.0)},
        {"status": StepStatus.FAILED},
        {"finish_reason": "length"},
        {"attempts": (Attempt(request_id="r", started_at=0.0, headers={"Helicone-Cache": "HIT"}),)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_no_cache_would_have_saved(changes: dict[str, object]) -> None:
    """Compared and failed answers, and those that a cache did save."""
    first = build_timed("/a", 0, 2, id="first", fingerprint="f")
    again = build_timed("/a", 5, 7, **{"fingerprint": "f", **changes})  # type: ignore[arg-type]
    assert "Repeated" not in list_said(first, again)


def test_identical_requests_at_once_are_no_repeats() -> None:
    """The first had no answer yet."""
    assert "Repeated" not in list_said(*(build_timed("/a", 0, 2, id=name, fingerprint="f") for name in "ab"))


@pytest.mark.parametrize("ended_at", [5.0, 3.0])
def test_request_is_no_repeat_of_itself(ended_at: float) -> None:
    """One that took no time, by a coarse clock, or less than none, by one that was set back."""
    steps = [build_timed("/a", 0, 2), build_timed("/b", 5.0, ended_at, fingerprint="f"), build_timed("/c", 6, 7)]
    assert "Repeated" not in list_said(*steps)


# ---- growing context


def test_context_that_grows() -> None:
    """300, 800, 1300, 1800: each carries the one before it and its answer of 400. 700 + 1200 + 1700 of 4,200."""
    steps = build_chain(*(build_timed(f"/{at}", 60 * at, 60 * at + 1, tokens=(300 + 500 * at, 400)) for at in range(4)))
    assert list_said(*steps)["Growing context"] == (
        "prompts grew from 300 tokens at /0 to 1,800 at /3 in 4 steps; 86 % of their tokens are earlier turns sent "
        "again (--after PATH or --fresh leaves turns out)."
    )


def test_context_that_does_not_grow_much() -> None:
    """Small prompts, short chains, or none."""
    small = build_chain(*(build_timed(f"/{at}", 60 * at, 60 * at + 1, tokens=(30 + 50 * at, 40)) for at in range(9)))
    alone = [build_timed(f"/{at}", 60 * at, 60 * at + 1, tokens=(900 * at, 40)) for at in range(9)]
    assert "Growing context" not in {*list_said(*small), *list_said(*alone)}


def test_parents_in_a_ring_end_the_search() -> None:
    """Nobody makes them, but a journal may hold anything."""
    ring = [
        build_timed("/a", 0, 1, parent_id="/b", tokens=(2_000, 9)),
        build_timed("/b", 60, 61, parent_id="/a", tokens=(1_999, 9)),
    ]
    assert list_said(*ring) == {}
