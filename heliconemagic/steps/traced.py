"""Traced steps: units of work that are no prompts. What kind they are, and what went in and came out. Pure.

A call that a model asked for (`heliconemagic.steps.rounds`) is one too; it holds its arguments in its messages, any
other in `Step.input`. Whoever shows or exports steps asks here and need not know.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.records import Step, StepKind
from heliconemagic.steps.rounds import SKIPPED, read_call

KINDS = {"tool": StepKind.TOOL, "vector_db": StepKind.VECTOR_DB, "data": StepKind.DATA}
"""The kinds as one types them, which are also Helicone's words for them in its log."""
_WORDS = {kind: word for word, kind in KINDS.items()}
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

    @property
    def model(self) -> str:
        """How Helicone's tree names such a leaf: ``tool:weather``."""
        return f"{_WORDS[self.kind]}:{self.name or self.path.rpartition('/')[2]}"[:MAX_NAME]


def parse_kind_word(word: object) -> StepKind:
    """The kind that ``word`` names.

    >>> parse_kind_word("vector_db").value
    'VectorDB'

    Raises:
        InputError: it is none.
    """
    plain = word.strip().lower().replace("-", "_") if isinstance(word, str) else ""
    if plain in KINDS:
        return KINDS[plain]
    squeezed = {name.replace("_", ""): name for name in KINDS}
    close = difflib.get_close_matches(plain.replace("_", ""), squeezed, 1, cutoff=0.5)
    meant = f"did you mean {squeezed[close[0]]}?" if close else f"type one of {', '.join(KINDS)}"
    raise InputError(f"{word!r} is not a kind of step.", hint=meant)


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
    """What ``text`` says: a value if it is JSON, else the text itself; None for nothing."""
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
