"""What a display adds to the saved notebook: rules and spans that show something, and no others."""

from __future__ import annotations

import html
import re

import pytest

from heliconemagic.render.highlight import highlight_code
from heliconemagic.render.style import add_style, build_style

PYTHON = 'client = OpenAI(\n    base_url="http://a/v1",  # why\n    retries=2,\n)\n'


@pytest.mark.parametrize("language", ["python", "typescript", "json", "diff"])
def test_code_is_the_same_with_its_colours(language: str) -> None:
    """Without its spans, coloured code is the code, quotation marks and markup included."""
    code = PYTHON + 'x = \'<b>\' & "\\n"\n+ {"a": [1, null]}\n'
    assert html.unescape(re.sub(r"</?span[^>]*>", "", highlight_code(code, language))) == code


def test_only_what_has_a_colour_is_marked() -> None:
    """Names, commas and brackets have the colour of the text, so they need no span."""
    assert highlight_code(PYTHON, "python") == (
        'client = OpenAI(\n    base_url=<span class="s">"http://a/v1"</span>,  <span class="c"># why</span>\n'
        '    retries=<span class="m">2</span>,\n)\n'
    )


def test_a_finished_display_brings_the_rules_it_needs() -> None:
    """Rules for tables go along with a table, and a display that is still growing has all of them."""
    plain, table = add_style("<p>text</p>"), add_style("<table></table>")
    assert plain.endswith("</style><p>text</p>")
    assert "hm table{" not in plain
    assert "hm table{" in table
    assert "hm-columns" not in table
    assert all(part in build_style() for part in ("hm table{", "hm-columns", "hm-object", "hm-attached", ".highlight"))


@pytest.mark.parametrize("kind", ["hm-wide", "hm-versus", "hm-statistics"])
def test_a_wide_table_scrolls_alone_where_there_is_little_room(kind: str) -> None:
    """Of the card, head and words stay within its width; nothing of a table is hidden."""
    sheet = add_style(f'<div class="hm {kind}"><table></table></div>')
    narrow = sheet[sheet.index("@container (max-width:620px)") :]
    assert ">table{display:block;overflow-x:auto" in narrow
    assert "display:none" not in narrow
