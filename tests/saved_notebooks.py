"""Notebook files as students hand them in: cells that ran on the demo, with their outputs as they are saved."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from notebooks_in_process import Bench

from heliconemagic.cards import build_recorded_card, build_recorded_comparison
from heliconemagic.records import Step
from heliconemagic.render.card import REPLY_MIME, build_bundle
from heliconemagic.render.comparison import build_comparison_bundle


def build_cell(number: int, bundle: Mapping[str, Any], source: str = "%%llm /a\nhi") -> dict[str, Any]:
    """A code cell with one display."""
    output = {"output_type": "display_data", "metadata": {}, "data": json.loads(json.dumps(bundle))}
    return {
        "cell_type": "code",
        "id": f"cell-{number}",
        "source": source.splitlines(keepends=True),
        "metadata": {},
        "execution_count": number,
        "outputs": [output],
    }


def build_cells(bench: Bench) -> list[dict[str, Any]]:
    """The cells of a notebook's session, each with the card of its step."""
    session = bench.notebook.session
    assert session is not None
    shown = {step.comparison or step.id: step for step in session.steps if not step.follows_tools or step.text}
    return [build_cell(number, _build_bundle(bench, step)) for number, step in enumerate(shown.values(), 1)]


def _build_bundle(bench: Bench, step: Step) -> dict[str, Any]:
    session = bench.notebook.session
    if step.comparison:
        return build_comparison_bundle(build_recorded_comparison(session, step))
    return build_bundle(build_recorded_card(session, step))


def write_notebook(path: Path, cells: Iterable[Mapping[str, Any]]) -> Path:
    """A notebook file with these cells below one of text."""
    text = {"cell_type": "markdown", "id": "text", "source": ["# Homework"], "metadata": {}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": [text, *cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def build_form(**changes: Any) -> dict[str, Any]:
    """The JSON of a reply, but for ``changes``; what is changed to ``...`` is missing."""
    form = {
        "version": 1,
        "id": "reply-1",
        "session_id": "session-1",
        "parent_id": None,
        "path": "/abstract",
        "kind": "LLM",
        "status": "done",
        "gateway": "demo",
        "model": "demo",
        "messages": [{"role": "user", "content": "Go."}],
        "parameters": {},
        "text": "Gone.",
        "started_at": 1000.0,
        "ended_at": 1002.5,
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
        "cost": 0.25,
        "session_name": "Course",
    }
    return {name: value for name, value in {**form, **changes}.items() if value is not ...}


def write_forms(path: Path, *forms: Any) -> Path:
    """A notebook file whose cells have these forms as their replies."""
    return write_notebook(path, [build_cell(number, {REPLY_MIME: form}) for number, form in enumerate(forms, 1)])
