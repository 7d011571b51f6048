"""Model output is hostile, and so is everything that might repeat it."""

from __future__ import annotations

import json
import re

import pytest
from render_samples import ATTACKS, FORM, PageReader, build_card, build_step, list_dangers

from heliconemagic.errors import GatewayError
from heliconemagic.records import (
    Feedback,
    Origin,
    OriginKind,
    SessionRecord,
    SessionSummary,
    Step,
    StepKind,
    StepStatus,
    ToolCall,
)
from heliconemagic.render.card import Card, RequestForm, build_bundle, build_foot, build_head, build_head_text
from heliconemagic.render.markdown import SegmentedMarkdown, make_safe_markdown, render_markdown
from heliconemagic.render.session import build_session_bundle
from heliconemagic.render.session_list import build_sessions_html, build_sessions_text
from heliconemagic.render.terminal import make_safe_text

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

everywhere = pytest.mark.parametrize("attack", ATTACKS)


def build_hostile_trail(attack: str) -> tuple[Step, ...]:
    """What led to an answer: a request with a sentence, and calls that gave a result, failed, and were skipped."""
    call = {"id": attack, "type": attack, "function": {"name": attack, "arguments": json.dumps({attack: [attack]})}}
    asked = ({"role": "assistant", "content": attack, "tool_calls": [call]},)
    called = {"kind": StepKind.TOOL, "model": f"tool:{attack}", "messages": asked, "path": f"/{attack}"}
    return (
        build_step(text=attack),
        build_step(**called, text=attack),
        build_step(**called, text=attack, error=f"{attack}\n{attack}", status=StepStatus.FAILED),
        build_step(**called, text=attack, finish_reason=attack),
    )


def build_hostile_parts(attack: str) -> list[object]:
    """What a message brings along: its name, type and picture as a journal or a lesson may have them."""
    attached = {"type": "attachment", "sha256": "0" * 64, "size": 3, "width": 2, "height": 2, "pages": 1}
    return [
        attack,
        {**attached, "name": attack, "media_type": attack, "path": attack, "detail": attack, "thumbnail": attack},
        {
            **attached,
            "name": f"a/{attack}.png",
            "media_type": "image/png",
            "thumbnail": f"data:image/png;base64,{attack}",
        },
        {**attached, "name": "a.png", "media_type": "image/png", "thumbnail": "data:image/svg+xml;base64,PHN2Zz4="},
        {"type": "image_url", "image_url": {"url": attack}},
        {"type": "image_url", "image_url": {"url": f"https://a.example/{attack}"}},
        {"type": attack, attack: attack},
    ]


def build_hostile_card(attack: str) -> Card:
    """A card whose every text is the attack."""
    return build_card(
        step=build_step(
            path=f"/{attack}",
            model=attack,
            gateway=attack,
            answered_by=f"x{attack}",
            messages=(
                {"role": attack, "content": attack, "name": attack},
                {"role": "user", "content": build_hostile_parts(attack)},
            ),
            parameters={attack: attack},
            text=attack,
            reasoning=attack,
            refusal=attack,
            tool_calls=(ToolCall(id=attack, name=attack, arguments=attack),),
            status=StepStatus.FAILED,
            origin=Origin(kind=OriginKind.FALLBACK, answered_at=1.0, source=attack, reason=attack),
        ),
        trail=build_hostile_trail(attack),
        context=attack,
        notes=(attack,),
        waiting=attack,
        error=GatewayError(attack, hint=attack, cause=attack),
        request=RequestForm(
            base_url=attack,
            api_key_variable="OPENAI_API_KEY",
            headers={attack: attack},
            secret_headers={attack: attack},
            body={"model": attack, "messages": [{"role": attack, "content": attack}], attack: attack},
        ),
        request_url=f"https://us.helicone.ai/{attack}",
        session_url=attack,
    )


@everywhere
def test_an_answer_shows_no_element_that_could_act(attack: str) -> None:
    """Whole and in segments of any size, an answer holds harmless elements only."""
    assert list_dangers(render_markdown(attack)) == []
    growing = SegmentedMarkdown()
    for end in range(1, len(attack) + 1):
        growing.update(attack[:end])
        assert list_dangers(growing.tail) == []
    assert list_dangers("".join(growing.closed)) == []


@everywhere
def test_a_card_shows_no_element_that_could_act(attack: str) -> None:
    """Paths, models, prompts, headers, errors and notes are as hostile as the answer."""
    card = build_hostile_card(attack)
    page = build_bundle(card)["text/html"]
    assert list_dangers(page) == []
    assert list_dangers(build_head(card, 110.0) + build_foot(card)) == []
    assert not PageReader(page).open


@everywhere
def test_a_session_shows_no_element_that_could_act(attack: str) -> None:
    """Titles, paths and notes of a session are escaped, and the names of scores that came out of a file."""
    session = SessionRecord(id=attack, name=attack, title=attack, gateway=attack, started_at=0.0)
    step = build_step(path=f"/{attack}")
    score = Feedback(id="f", session_id=attack, step_id=step.id, name=attack, value=3, note=attack, given_at=1.0)
    feedback = {step.id: [score]}
    bundle = build_session_bundle(session, [step, step], session_url=attack, notes=[attack], feedback=feedback)
    summary = SessionSummary(id=attack, name=attack, title=attack, gateway=attack, started_at=0.0)
    assert list_dangers(bundle["text/html"] + build_sessions_html([summary])) == []
    assert not UNSEEN.search(bundle["text/plain"] + build_sessions_text([summary]))


@everywhere
def test_no_form_holds_a_character_that_acts_unseen(attack: str) -> None:
    """Escape sequences, control and bidi characters reach neither page nor terminal."""
    card = build_hostile_card(attack)
    bundle = build_bundle(card)
    shown = bundle["text/html"] + bundle["text/markdown"] + bundle["text/plain"] + build_head_text(card, 0.0)
    assert not UNSEEN.search(shown.replace("\n", ""))
    assert not UNSEEN.search(make_safe_text(attack).replace("\n", ""))
    assert "\x1b" not in make_safe_text(attack) and "[31m" not in make_safe_text(attack)


@everywhere
def test_markdown_has_no_raw_html_outside_its_fences(attack: str) -> None:
    """What JupyterLab renders unsanitised has no element in it, but those that show code."""
    markdown = build_bundle(build_hostile_card(attack))["text/markdown"]
    outside = re.sub(r"\\.", "", re.sub(r"(?ms)^(`{3,})[^`\n]*\n.*?^\1$", "", markdown))
    assert set(re.findall(r"<[A-Za-z/!?]\w*>?", outside)) <= {"<code>", "</code>", "<pre>", "</pre>"}
    assert not re.search(r"(?i)\]\((?!https?:|mailto:)|!\[[^]\n]*\]\(", outside)


def test_an_image_is_a_link_with_its_words() -> None:
    """Nothing is loaded: neither by the HTML nor by the Markdown."""
    source = "![a cat](https://a.example/cat.png)"
    assert render_markdown(source) == (
        '<p><a href="https://a.example/cat.png" target="_blank" rel="noopener noreferrer">a cat</a></p>\n'
    )
    assert make_safe_markdown(source) == "[a cat](https://a.example/cat.png)\n"


def test_secrets_stand_as_their_variables() -> None:
    """The folded request names where a key comes from."""
    text = PageReader(build_bundle(build_card(request=FORM))["text/html"]).text
    assert "Helicone-Auth:Bearer{HELICONE_API_KEY}" in text
    assert "Authorization:Bearer{OPENAI_API_KEY}" in text


@pytest.mark.parametrize("source", ["\\(a " * 20_000, "\\[a\n" * 40_000, "[" * 75_000, "![a](" * 20_000, "> " * 90_000])
def test_marks_that_nothing_ends_do_not_hold_up_the_kernel(source: str) -> None:
    """Each is looked at once: with a pattern that seeks its end in all of the rest this test would take an hour."""
    assert "<script" not in render_markdown(source)
    assert make_safe_markdown(source)


def test_answer_beyond_all_measure_is_shown_as_it_was_written() -> None:
    """In both forms and while it grows; what it says is still text and nothing else."""
    source = "<img src=x onerror=alert(1)> **a**\n" * 8_000
    segments = SegmentedMarkdown()
    segments.update(source)
    for shown in (render_markdown(source), "".join([*segments.closed, segments.tail])):
        assert shown.startswith('<div class="highlight"><pre>&lt;img src=x')
        assert shown.count("**a**") == 8_000
    assert make_safe_markdown(source) == f"```\n{source}```"
