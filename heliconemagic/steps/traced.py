"""Traced steps: units of work that are no prompts. What kind they are, and what went in and came out. Pure.

A call that a model asked for (`heliconemagic.steps.rounds`) is one too; it holds its arguments in its messages, any
other in `Step.input`. Whoever shows or exports steps asks here and need not know.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from heliconemagic.records import KIND_WORDS, Step, StepKind
from heliconemagic.steps.rounds import SKIPPED, read_call

_WORDS = {kind: word for word, kind in KIND_WORDS.items()}
MAX_NAME = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedForm:
    """What can be said of a traced step before it runs."""

    path: str
    kind: StepKind = StepKind.TOOL
    name: str = ""  # of the tool, operation or data; empty: the path's last part
    input: str = ""  # as JSON
    parent_id: str | None = None  # the step that it runs inside of
    is_recorded: bool = True
    function: str = ""  # that it is a call of, where its path is below the step around

    @property
    def model(self) -> str:
        """How Helicone's tree names such a leaf: ``tool:weather``."""
        return f"{_WORDS[self.kind]}:{self.name or self.path.rpartition('/')[2]}"[:MAX_NAME]


def is_traced(step: Step) -> bool:
    """Whether it is no prompt."""
    return step.kind is not StepKind.LLM


def is_model_call(step: Step) -> bool:
    """Whether it is a call that a model asked for, which its messages hold."""
    return step.kind is StepKind.TOOL and bool(step.messages)


def is_skipped(step: Step) -> bool:
    """Whether it is a call that was declined, and never ran."""
    return step.finish_reason == SKIPPED


def describe_kind(step: Step) -> str:
    """The kind as one types it: ``vector_db``; empty for a prompt."""
    return _WORDS.get(step.kind, "")


def describe_name(step: Step) -> str:
    """The name of the tool, the operation or the data."""
    return step.model.partition(":")[2] or step.path.rpartition("/")[2]


def describe_input(step: Step) -> str:
    """What a traced step was given, as JSON; empty where it was given nothing."""
    return read_call(step).arguments if is_model_call(step) else step.input


def describe_output(step: Step) -> str:
    """What a traced step gave: text, or JSON; of one that failed, the error stands in `Step.error`."""
    return "" if is_skipped(step) or (is_model_call(step) and step.error) else step.text


def parse_value(text: str) -> Any:
    """What ``text`` says: a value if it is JSON, else the text itself; None for nothing.

    >>> parse_value("[1]"), parse_value("[NaN]"), parse_value("1e999")
    ([1], '[NaN]', '1e999')
    """
    if not text:
        return None
    try:
        return json.loads(text, parse_constant=_parse_finite, parse_float=_parse_finite)
    except (ValueError, RecursionError):
        return text


def _parse_finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):  # Python would write it as it is, which no other program reads
        raise ValueError(f"{text} is no JSON")
    return number
