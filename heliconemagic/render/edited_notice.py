"""What is shown of a request that went into a new cell: where it is, what it names, and its source for copying."""

from __future__ import annotations

from typing import Any

from heliconemagic.render.edited_cell import EditedCell
from heliconemagic.render.markup import escape
from heliconemagic.render.notice import Notice, build_notice_html, build_notice_text
from heliconemagic.render.terminal import make_safe_text


def build_edited_bundle(notice: Notice, cell: EditedCell, *, is_open: bool) -> dict[str, Any]:
    """All forms of a display; ``is_open``: the source is there to be copied, for no cell could be made."""
    opening = "<details open>" if is_open else "<details>"
    source = f"{opening}<summary>the cell</summary><pre>{escape(cell.source)}</pre></details>"
    return {
        "text/html": build_notice_html(notice, source),
        "text/plain": build_notice_text(notice) + (f"\n\n{make_safe_text(cell.source)}" if is_open else ""),
    }
