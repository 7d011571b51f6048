"""A session as a Markdown document."""

from __future__ import annotations

from dataclasses import replace

import pytest
from export_samples import build_long, build_sample, build_steps, export, user
from render_samples import ATTACKS, list_dangers

from heliconemagic.export.document import build_document
from heliconemagic.export.signature import is_changed_export, is_export
from heliconemagic.render.markdown_parser import build_parser


def test_headings_are_the_paths() -> None:
    """As deep as the paths, with the steps' numbers; the title above all, an answer's own below its step's."""
    lines = build_document(build_sample()).splitlines()
    headings = [line for line in lines if line.startswith("#")]
    assert headings[0] == "# Course Creation ☕"
    assert headings[1:6] == ["## 1. /abstract", "## 2. /abstract", "## 3. /outline", "### One", "### Two"]
    assert "#### 8. /moon/tools/moon" in headings


def test_prompts_are_quotes_and_answers_are_not() -> None:
    """What an earlier step shows isn't repeated; its number is named."""
    text = build_document(build_sample())
    assert "> An abstract of the tides." in text and "\nThe Moon pulls the sea, twice a day.\n" in text
    outline = text.partition("## 3. /outline")[2].partition("### 4.")[0]
    assert "continues 2. /abstract" in outline and "> Now an outline." in outline
    assert "An abstract of the tides" not in outline and "Answer briefly" not in outline


def test_an_answer_that_breaks_off_in_code_ends_there() -> None:
    """The steps below it keep their headings."""
    first, second = build_steps()[1:3]
    text = build_document(export([replace(first, text="Here:\n```python\nprint(1)", finish_reason="length"), second]))
    assert "<h2>2. /outline</h2>" in build_parser().render(text)


def test_figures_failures_and_feedback_are_there() -> None:
    """The table of figures, what went wrong, what somebody thought."""
    text = build_document(build_sample())
    assert "| path | state | time |" in text and "100 (10 cached) → 20 (5 reasoning) tokens" in text
    assert "**429 too many requests hint: wait**" in text
    assert "*👍 clear · accuracy 4*" in text and "this session: 👎 too slow" in text
    assert '```json\n{"query": "tides"}\n```' in text and "- attached: sea.png: PNG 64 × 32, 2 kB" in text
    assert "moon(day=3) → waxing" in text.replace("\\", "") and "nothing answered" not in text


def test_it_is_signed() -> None:
    """An export that somebody has changed is known as one."""
    data = build_document(build_sample()).encode()
    assert is_export(data) and not is_changed_export(data)
    assert is_changed_export(data + b"more\n") and not is_export(data + b"more\n")
    assert not is_export(b"# Mine\n") and not is_changed_export(b"# Mine\n")


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_texts_stay_text(attack: str) -> None:
    """Wherever one stands, the document renders to nothing that acts or loads."""
    step = replace(
        build_steps()[1], messages=(user(attack),), text=attack, error=attack, reasoning=attack, model=attack
    )
    data = replace(build_steps()[5], input=attack, text=attack)
    page = build_parser().render(build_document(export([step, data])).partition("\n")[2])
    assert list_dangers(page) == []


def test_a_long_session_is_linear() -> None:
    """Chains are told once."""
    short, long = (len(build_document(build_long(count))) for count in (50, 100))
    assert long < 2.1 * short
