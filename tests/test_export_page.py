"""A session as one page: everything in it, nothing loaded, nothing that a text brings along runs."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from export_samples import build_long, build_sample, build_steps, export, user
from render_samples import ALLOWED, ATTACKS, SAFE_SCHEMES

from heliconemagic.export.page import build_page

FRAME: dict[str, set[str]] = {
    "html": {"lang"},
    "head": set(),
    "meta": {"charset", "http-equiv", "content", "name"},
    "title": set(),
    "body": set(),
    "main": set(),
    "script": set(),
    "input": {"type", "id", "placeholder", "aria-label"},
    "button": {"type", "id"},
    "details": {"id", "open"},
    "div": {"id", "hidden"},
    "span": {"id", "role"},
}
"""The page's own elements and attributes, besides those of everything that is shown."""


class Reader(HTMLParser):
    """What a browser makes of the page: its elements, and whatever among them isn't known to be harmless."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.dangers: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element."""
        self.elements.append(tag)
        known = {"class"} | ALLOWED.get(tag, set()) | FRAME.get(tag, set())
        if tag not in ALLOWED and tag not in FRAME:
            self.dangers.append(f"<{tag}>")
        for name, value in attrs:
            is_link = name == "href" and (value or "").lower().startswith((*SAFE_SCHEMES, "#step-"))
            if name not in known or (name == "href" and not is_link):
                self.dangers.append(f"<{tag} {name}={value!r}>")


def list_steps(page: str) -> list[str]:
    """The HTML of each step."""
    return re.split(r'<details class="hx-step', page)[1:]


def test_every_step_is_there_with_what_is_known_of_it() -> None:
    """Messages that no other step shows, answer, figures, attempts, feedback, parent."""
    page = build_page(build_sample())
    steps = list_steps(page)
    assert len(steps) == 11
    assert all(part in steps[1] for part in ("An abstract of the tides.", "Answer briefly.", "twice a day", "👍 clear",
                                             "accuracy 4", "attempt 1: 429", "user: ada", "team: blue"))  # fmt: skip
    assert '<a href="#step-2">continues 2. /abstract</a>' in steps[2] and "An abstract" not in steps[2]
    assert "429 too many requests" in steps[3] and "hx-failed" in page
    assert "(empty answer)" not in steps[6] and "waxing" in steps[7] and "How is the Moon?" not in steps[8]


def test_folding_works_without_a_script() -> None:
    """Steps are details; the search appears only where the script runs."""
    page = build_page(build_sample())
    assert page.count("<details") == page.count("</details>") and '<div class="hx-tools" id="hx-tools" hidden>' in page


def test_policy_allows_its_own_script_and_nothing_else() -> None:
    """By its hash; nothing is loaded, no form is sent, no base is set."""
    page = build_page(build_sample())
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert page.index("Content-Security-Policy") < page.index("<title>")
    assert not re.search(r"(?:src|srcset|poster|background)=[\"']?https?:|@import|url\(", page)


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_texts_stay_text(attack: str) -> None:
    """Wherever one stands, nothing of it becomes an element that acts; the script stays the same."""
    hostile = replace(
        build_steps()[1], messages=(user(attack),), text=attack, error=attack, reasoning=attack, refusal=attack,
        model=attack, user=attack, properties={attack: attack}, parameters={attack: attack}, gateway=attack,
    )  # fmt: skip
    data = replace(build_steps()[5], input=attack, text=attack)
    session = export([hostile, data])
    session = replace(session, record=replace(session.record, title=attack, gateway=attack))
    reader = Reader(build_page(session))
    assert reader.dangers == []
    assert [reader.elements.count(tag) for tag in ("script", "input", "button", "title", "body")] == [1, 1, 2, 1, 1]


def test_a_thousand_steps_stay_below_5_mb() -> None:
    """Answers of 1,400 characters; messages that steps share are in the page once, so each step takes the same."""
    bare, page = build_page(build_long(1)), build_page(build_long(201))
    assert len(page.encode()) + 4 * (len(page.encode()) - len(bare.encode())) < 5_000_000
    assert len(list_steps(page)) == 201
    assert page.count("Write lesson 191 of the course.") == 1


def test_steps_off_the_screen_cost_no_layout() -> None:
    """A page of ten thousand opens, searches and unfolds in seconds."""
    rule = re.search(r"\.hx-step\{([^}]*)\}", build_page(build_sample()))
    assert rule is not None
    assert "content-visibility:auto" in rule[1]
