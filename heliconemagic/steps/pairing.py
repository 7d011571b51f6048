"""Which steps of two sessions belong together, and what differs between them. Pure.

Steps meet by their path; of several at one path the current ones first, then the others, each in the order in which
they ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heliconemagic.records import Message, SessionRecord, Step, StepKind, read_content_text
from heliconemagic.steps.comparison import find_alternatives

MISSING = "–"
"""What stands for a parameter that one of two requests doesn't have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two steps at one path, or one that only one of the sessions has."""

    path: str
    old: Step | None
    new: Step | None

    @property
    def is_whole(self) -> bool:
        """Whether both sessions have it."""
        return self.old is not None and self.new is not None

    @property
    def is_asked(self) -> bool:
        """Whether a model was asked in both sessions: a kept or replayed answer has no figures of its own."""
        return all(step is not None and step.origin is None for step in (self.old, self.new))

    @property
    def has_same_words(self) -> bool:
        """Whether prompts, system prompts and answers are the same."""
        return all(old == new for _, old, new in list_texts(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDiff:
    """Two sessions side by side."""

    old: SessionRecord
    new: SessionRecord
    old_steps: Sequence[Step]
    new_steps: Sequence[Step]
    pairs: tuple[Pair, ...]
    left_out: int = 0  # superseded steps, and compared ones that aren't current, without a counterpart

    @property
    def whole(self) -> list[Pair]:
        """The pairs that both sessions have."""
        return [pair for pair in self.pairs if pair.is_whole]

    @property
    def asked(self) -> list[tuple[Step, Step]]:
        """The steps that were asked in both."""
        return [(pair.old, pair.new) for pair in self.pairs if pair.is_asked and pair.old and pair.new]


def build_session_diff(
    old: SessionRecord, old_steps: Sequence[Step], new: SessionRecord, new_steps: Sequence[Step]
) -> SessionDiff:
    """What `pair_steps` gives, without the steps that no longer count and have no counterpart."""
    passed_over = {step.id for steps in (old_steps, new_steps) for step in steps if step.is_superseded}
    passed_over |= find_alternatives(old_steps) | find_alternatives(new_steps)
    pairs = pair_steps(old_steps, new_steps)
    shown = [pair for pair in pairs if pair.is_whole or _get_one(pair).id not in passed_over]
    return SessionDiff(
        old=old,
        new=new,
        old_steps=old_steps,
        new_steps=new_steps,
        pairs=tuple(shown),
        left_out=len(pairs) - len(shown),
    )


def _get_one(pair: Pair) -> Step:
    step = pair.old or pair.new
    assert step is not None
    return step


def pair_steps(old_steps: Sequence[Step], new_steps: Sequence[Step]) -> list[Pair]:
    """Each step of both sessions once: in the order of the old session's paths, then those of the new one alone."""
    old, new = _group(old_steps), _group(new_steps)
    pairs: list[Pair] = []
    for path in dict.fromkeys((*old, *new)):
        left, right = old.get(path, []), new.get(path, [])
        for number in range(max(len(left), len(right))):
            first = left[number] if number < len(left) else None
            pairs.append(Pair(path=path, old=first, new=right[number] if number < len(right) else None))
    return pairs


def _group(steps: Sequence[Step]) -> dict[str, list[Step]]:
    alternatives = find_alternatives(steps)
    groups: dict[str, list[Step]] = {}
    for step in steps:
        groups.setdefault(step.path, []).append(step)
    return {path: sorted(group, key=lambda step: _find_rank(step, alternatives)) for path, group in groups.items()}


def _find_rank(step: Step, alternatives: set[str]) -> int:
    """0 for what counts, and more the less it does; the order of equals stays."""
    if step.is_superseded or step.id in alternatives:
        return 2
    return 0 if step.is_usable_parent or step.kind is not StepKind.LLM else 1


# ---- what differs


def list_texts(pair: Pair) -> list[tuple[str, str, str]]:
    """The texts of a pair that can differ: what it is, the old one, the new one; none where one is missing."""
    if pair.old is None or pair.new is None:
        return []
    old, new = pair.old, pair.new
    return [
        ("system prompt", read_system(old), read_system(new)),
        ("prompt", old.prompt or old.input, new.prompt or new.input),
        ("answer", old.text, new.text),
    ]


def read_system(step: Step) -> str:
    """The system prompts of a request."""
    return "\n\n".join(_iterate_system(step.messages))


def _iterate_system(messages: Iterable[Message]) -> Iterable[str]:
    return (read_content_text(one.get("content")) for one in messages if one.get("role") in ("system", "developer"))


def list_changed_parameters(pair: Pair) -> list[tuple[str, str, str]]:
    """The parameters that differ: name, old value, new value; the model is none of them."""
    if pair.old is None or pair.new is None:
        return []
    old, new = pair.old.parameters, pair.new.parameters
    names = sorted({*old, *new})
    return [(name, _spell(old, name), _spell(new, name)) for name in names if old.get(name) != new.get(name)]


def _spell(parameters: Mapping[str, Any], name: str) -> str:
    return str(parameters[name]) if name in parameters else MISSING
