"""A step's card in every state and form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from render_samples import FORM, PageReader, build_card

from heliconemagic.errors import GatewayError, IncompleteAnswerError
from heliconemagic.records import Attempt, SessionTotals, StepStatus, ToolCall
from heliconemagic.render.card import (
    REPLY_MIME,
    build_bundle,
    build_foot,
    build_foot_text,
    build_head,
    build_head_text,
    build_html,
    build_markdown,
    build_text,
)
from heliconemagic.render.figures import format_cost
from heliconemagic.usage import Usage

RUNNING: dict[str, Any] = {"status": StepStatus.PENDING, "ended_at": None, "usage": None, "cost": None}
LIMIT = "cut off: the answer reached the token limit (raise it with -o max_tokens N)"
FILTERED = "cut off: the provider's content filter stopped the answer"


def squeeze(text: str) -> str:
    """Without blanks, as `PageReader.text` is."""
    return "".join(text.split())


def test_the_head_of_a_running_step_has_clock_and_speed() -> None:
    """The speed is an estimate from the text so far, from the first token on."""
    card = build_card(**RUNNING, text="four" * 30, context="after /abstract")
    assert squeeze("/outline · running · gpt-4o-mini · oai · after /abstract · 3.4 s · 10 tokens/s") in squeeze(
        PageReader(build_head(card, 103.41)).text
    )


def test_before_the_first_token_there_is_only_the_clock() -> None:
    """No speed is claimed while nothing arrives, and none while a single token has."""
    assert "tokens/s" not in build_head(build_card(**RUNNING, text="", first_token_at=None), 103.0)
    assert "tokens/s" not in build_head(build_card(**RUNNING, text="a"), 100.5)


def test_waiting_takes_the_clocks_place() -> None:
    """A step that is retried says for how long it waits."""
    head = build_head(build_card(**RUNNING, waiting="retrying in 4 s (429)"), 103.0)
    assert "retrying in 4 s (429)" in head and "3.0 s" not in head


def test_a_finished_card_has_figures_links_and_sums() -> None:
    """Head and foot hold what the mock shows, in its order."""
    card = build_card(
        totals=SessionTotals(steps=3, model_seconds=12.9, cost=0.0009),
        request_url="https://us.helicone.ai/requests?requestId=1",
        session_url="https://us.helicone.ai/sessions/a/1",
        notes=("not logged at Helicone",),
    )
    assert squeeze("request ↗ session ↗") in PageReader(build_head(card, 110.0)).text
    foot = "first token 0.41 s · total 6.3 s · 1,204 → 188 tokens · $0.00029 est."
    assert PageReader(build_foot(card)).text == squeeze(
        f"{foot} · not logged at Helicone · session: 3 steps · 12.9 s · $0.0009"
    )
    assert build_foot_text(card) == f"{foot} · session: 3 steps · 12.9 s · $0.0009\nnot logged at Helicone"


def test_special_tokens_are_named() -> None:
    """Cached and reasoning tokens stand beside the sums they are part of."""
    usage = Usage(prompt_tokens=10, completion_tokens=300, cached_tokens=4, reasoning_tokens=200)
    assert "10 (4 cached) → 300 (200 reasoning) tokens" in build_foot_text(build_card(usage=usage))


@pytest.mark.parametrize(("cost", "words"), [(None, "unpriced"), (0.0, "free"), (0.5, "$0.50 est.")])
def test_a_cost_is_an_estimate_free_or_unknown(cost: float | None, words: str) -> None:
    """An unknown price is never shown as nothing."""
    assert build_foot_text(build_card(cost=cost)).endswith(f" · {words}")


def test_sums_say_what_is_unpriced() -> None:
    """A session with an unpriced step doesn't pretend to know its cost."""
    mixed = SessionTotals(steps=2, model_seconds=1.0, cost=0.3, unpriced=1)
    assert build_foot_text(build_card(totals=mixed)).endswith("$0.30 + 1 unpriced")
    stopped = SessionTotals(steps=1, errors=1, model_seconds=1.0)  # the provider may ask something for it
    assert build_foot_text(build_card(totals=stopped)).endswith("session: 1 step · 1.0 s")
    unknown = SessionTotals(steps=1, model_seconds=1.0, unpriced=1)
    assert build_foot_text(build_card(totals=unknown)).endswith("1.0 s · unpriced")


def test_a_failure_is_said_and_what_arrived_is_kept() -> None:
    """The error's message, hint and cause stand in the foot, the partial answer in the body."""
    error = IncompleteAnswerError("the connection broke.", hint="run the cell again", cause="ReadError")
    card = build_card(status=StepStatus.FAILED, text="half an", usage=None, cost=None, error=error)
    page = PageReader(build_html(card)).text
    for words in ("failed", "broke off after 6.3 s", "half an", "the connection broke.", "hint: run the cell again"):
        assert squeeze(words) in page
    assert all("ReadError" in form for form in (page, build_text(card), build_markdown(card)))
    assert "the connection broke." in build_text(card) and "half an" in build_markdown(card)


def test_a_recorded_failure_reads_like_a_fresh_one() -> None:
    """The journal keeps an error as text."""
    said = str(GatewayError("no such model.", hint="try m2", cause="404 not found"))
    card = build_card(status=StepStatus.FAILED, text="", usage=None, error_text=said)
    assert PageReader(build_foot(card)).text == squeeze("no such model. · hint: try m2 · cause: 404 not found")
    assert build_text(card).splitlines()[2:5] == ["no such model.", "hint: try m2", "cause: 404 not found"]
    assert "(404 not found)" in build_markdown(card)
    assert "failed after 6.3 s" in build_head_text(card)


def test_a_stopped_step_says_when() -> None:
    """Partial text is marked as such in every form."""
    bundle = build_bundle(build_card(status=StepStatus.INTERRUPTED, text="half an", usage=None, cost=None))
    assert squeeze("stopped after 6.3 s") in PageReader(bundle["text/html"]).text
    assert "stopped after 6.3 s" in bundle["text/markdown"] and "stopped after 6.3 s" in bundle["text/plain"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"finish_reason": "length"}, LIMIT),
        ({"finish_reason": "content_filter"}, FILTERED),
        ({"text": " \n"}, "(empty answer)"),
        ({"text": "", "refusal": "I won't."}, "refused: I won't."),
    ],
)
def test_an_answer_that_is_not_just_text_is_called_what_it_is(changes: dict[str, Any], words: str) -> None:
    """Cut off, filtered, empty and refused answers say so, in every form."""
    bundle = build_bundle(build_card(**changes))
    assert squeeze(words) in PageReader(bundle["text/html"]).text
    assert words in bundle["text/plain"]
    assert words in bundle["text/markdown"].replace("\\", "").replace("**", "")


def test_tool_calls_that_nobody_answers_are_a_table() -> None:
    """They are the answer, so it isn't called empty."""
    calls = (ToolCall(id="1", name="weather", arguments='{"city": "Oslo"}'),)
    bundle = build_bundle(build_card(text="", tool_calls=calls))
    assert squeeze('weather{"city": "Oslo"}nothing answered') in PageReader(bundle["text/html"]).text
    assert 'asked for weather({"city": "Oslo"}); nothing answered' in bundle["text/plain"]
    assert '```json\n{"city": "Oslo"}\n```' in bundle["text/markdown"]
    assert "(empty answer)" not in bundle["text/html"]


def test_reasoning_is_folded() -> None:
    """Its length is in sight, its text one click away."""
    page = build_html(build_card(reasoning="one two three"))
    assert "<details><summary>reasoning, 3 words</summary><p>one two three</p>" in page


def test_the_request_is_folded_with_its_code() -> None:
    """Messages by role, parameters, headers, and the same in Python and TypeScript."""
    page = build_html(build_card(request=FORM))
    assert "<summary>request: 2 messages, temperature 0.7</summary>" in page
    assert "<summary>as code: Python · TypeScript</summary>" in page
    for words in ("system", "You teach.", "Helicone-Session-Path: /outline", "api_key=os.environ["):
        assert squeeze(words) in PageReader(page).text


def test_a_huge_prompt_does_not_make_a_huge_notebook() -> None:
    """What is left out is counted; the journal has it."""
    long = {"role": "user", "content": "x" * 150_000}
    form = FORM.__class__(base_url="http://a", api_key_variable=None, body={"model": "m", "messages": [long]})
    page = build_html(build_card(messages=(long,), request=form))
    assert "… 130,000 more characters" in page and "too long to repeat it here" in page
    assert len(page) < 40_000


def test_no_style_is_needed_to_read_a_card() -> None:
    """State and separators are words and characters; no element has a style attribute or an id."""
    page = build_html(build_card())
    stripped = page.partition("</style>")[2]
    assert squeeze("● /outline · done · gpt-4o-mini · oai") in PageReader(stripped).text
    assert " style=" not in stripped and " id=" not in stripped


def test_the_json_form_has_the_whole_reply() -> None:
    """A program finds everything that the card shows, and it can be saved even with a lone surrogate in it."""
    attempt = Attempt(request_id="r-1", started_at=100.0, helicone_id="h-1")
    reply = build_bundle(build_card(text="a\ud83d", attempts=(attempt,), parent_id="p"))[REPLY_MIME]
    assert json.dumps(reply, ensure_ascii=False).encode()
    assert (reply["version"], reply["path"], reply["status"], reply["text"]) == (1, "/outline", "done", "a\ufffd")
    assert (reply["request_ids"], reply["helicone_id"], reply["parent_id"]) == (["r-1"], "h-1", "p")
    assert reply["usage"]["prompt_tokens"] == 1204 and reply["cost"] == 0.00029


def test_a_running_card_has_a_static_form_too() -> None:
    """Where no widget may be, the card is shown while it streams, without what is only known later."""
    bundle = build_bundle(build_card(**RUNNING))
    assert "running" in bundle["text/html"] and "<details" not in bundle["text/html"]
    assert bundle["text/plain"].startswith("/outline · gpt-4o-mini · oai\n\nSome *text*.")


def test_another_model_that_answered_is_named() -> None:
    """A dated version of the model isn't another one."""
    assert "gpt-4o-mini → llama-3" in build_head_text(build_card(answered_by="llama-3"))
    assert "→" not in build_head_text(build_card(answered_by="gpt-4o-mini-2024-07-18"))


def test_cost_words() -> None:
    """The three that are not an amount, or are one."""
    assert [format_cost(cost) for cost in (None, 0, 2.5)] == ["unpriced", "free", "$2.50"]


def test_reasoning_is_in_every_form() -> None:
    """Folded in HTML, quoted in Markdown, in brackets as text."""
    bundle = build_bundle(build_card(reasoning="one <b>two</b>\nthree", text="Answer."))
    assert "> *reasoning, 3 words*\n>\n> one" in bundle["text/markdown"]
    assert "<b>" not in bundle["text/markdown"]
    assert "[reasoning, 3 words: one <b>two</b>\nthree]" in bundle["text/plain"]
