"""A rerun that was not sent: what each step would be asked, about how large it is, and what it would cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heliconemagic.render.batch_words import MAX_PATH, shorten
from heliconemagic.render.card_state import RequestForm
from heliconemagic.render.columns import align_columns
from heliconemagic.render.dry_run import build_request_text
from heliconemagic.render.figures import format_cost, format_count
from heliconemagic.render.markup import NO_MATH, SEPARATOR, build_row, escape
from heliconemagic.render.style import add_style
from heliconemagic.render.terminal import make_safe_text

COLUMNS = ("step", "path", "model", "gateway", "to be replaced", "tokens", "cost")
SIDES = "rlllrrr"
MAX_REQUESTS = 20
"""Requests that are shown as they would go out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedScene:
    """A step that would be sent; figures are estimates."""

    number: int
    path: str
    model: str
    gateway: str
    replacements: int  # places of the request that wait for new answers
    tokens: int  # of the prompt, and of an answer as long as the recorded one
    cost: float | None  # USD
    form: RequestForm


def build_rerun_plan_bundle(scenes: Sequence[PlannedScene], lines: Sequence[str]) -> dict[str, Any]:
    """The plan as HTML and text; ``lines`` say what is played, and what isn't."""
    return {"text/html": _build_html(scenes, lines), "text/plain": _build_text(scenes, lines)}


def _list_cells(scene: PlannedScene) -> tuple[str, ...]:
    return (
        f"{scene.number:,}",
        shorten(scene.path, MAX_PATH),
        scene.model,
        scene.gateway,
        format_count(scene.replacements) if scene.replacements else "",
        format_count(scene.tokens),
        format_cost(scene.cost),
    )


def _build_html(scenes: Sequence[PlannedScene], lines: Sequence[str]) -> str:
    said = "<br>".join(escape(line) for line in lines)
    head = f"<tr>{build_row(COLUMNS, SIDES, 'th')}</tr>"
    body = "".join(f"<tr>{build_row(_list_cells(scene), SIDES)}</tr>\n" for scene in scenes)
    requests = "".join(
        f"<details><summary>{escape(f'{scene.path}: the request')}</summary>"
        f"<pre>{escape(build_request_text(scene.form))}</pre></details>"
        for scene in scenes[:MAX_REQUESTS]
    )
    return add_style(
        f'<div class="hm {NO_MATH}"><div class="hm-head"><strong class="hm-title">dry run</strong>'
        f'{SEPARATOR}<span>nothing was sent</span></div><div class="hm-body hm-lines">{said}</div>'
        f"<table><thead>{head}</thead><tbody>{body}</tbody></table>{requests}</div>"
    )


def _build_text(scenes: Sequence[PlannedScene], lines: Sequence[str]) -> str:
    rows = [tuple(make_safe_text(cell) for cell in _list_cells(scene)) for scene in scenes]
    said = ["dry run: nothing was sent", *(make_safe_text(f"  {line}") for line in lines)]
    requests = (make_safe_text(build_request_text(scene.form)) for scene in scenes[:MAX_REQUESTS])
    return "\n\n".join(["\n".join([*said, *align_columns([COLUMNS, *rows], SIDES)]), *requests])
