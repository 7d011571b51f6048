"""Context: which step a new one continues, and the messages that follow from it.

Every step has at most one parent. The rules are pure: they read the session's steps as they stand
when the cell starts, and say what they chose and why in words for the card.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heliconemagic.attachments.attachment import identify_messages
from heliconemagic.errors import InputError
from heliconemagic.paths import SessionPath, join_paths
from heliconemagic.records import Message, Step, StepKind
from heliconemagic.settings import Context
from heliconemagic.steps.comparison import choose_current, find_alternatives

FIRST_PATH = SessionPath("/prompt")
"""Where a first cell without a path stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a cell says about its place: its path, who it is, and how to find the parent."""

    path: SessionPath | None
    cell: str
    run: int
    context: Context = Context.AUTO
    continues: bool = False  # -c: the step that ran last
    after: SessionPath | None = None
    is_fresh: bool = False
    running: frozenset[str] = frozenset()  # steps in the background, which will be there to be continued


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a step stands: its path, the step it continues, and the own earlier steps it replaces."""

    path: SessionPath
    parent: Step | None
    supersedes: tuple[str, ...] = ()
    label: str = ""  # "after /abstract", for the card


def find_place(steps: Sequence[Step], wish: Wish) -> Place:
    """The place of a new step among ``steps`` (oldest first).

    Raises:
        InputError: ``--after`` names a path without a usable step, or ``-c`` has nothing to continue.
    """
    own = [step for step in steps if step.cell == wish.cell and step.run != wish.run and not step.is_superseded]
    left_out = {step.id for step in own} | find_alternatives(steps)
    others = [
        step
        for step in steps
        if step.id not in left_out and (step.is_usable_parent or step.id in wish.running) and not step.is_superseded
    ]
    earlier = _find_earlier_self(steps, own, wish)
    path = wish.path or _inherit_path(others, earlier)
    parent = _find_parent(steps, others, earlier, path, wish)
    return Place(
        path=path,
        parent=parent,
        supersedes=tuple(step.id for step in own),
        label=describe_parent(parent, path, wish),
    )


def _find_earlier_self(steps: Sequence[Step], own: Sequence[Step], wish: Wish) -> Step | None:
    """The finished step that this one runs again: the same place in the cell's last run, same path."""
    alternatives = find_alternatives(own)
    candidates = [step for step in own if step.is_usable_parent and step.id not in alternatives]
    if not candidates:
        return None
    last_run = [step for step in candidates if step.run == candidates[-1].run]
    before = [step for step in steps if step.cell == wish.cell and step.run == wish.run and _begins_turn(step)]
    position = len({step.comparison or step.id for step in before})  # what is compared takes one place together
    if position >= len(last_run):
        return None
    earlier = last_run[position]
    return earlier if wish.path is None or earlier.path == wish.path else None


def _begins_turn(step: Step) -> bool:
    """Whether a step is not one of those that follow from another of the same cell: its tools, and their results."""
    return step.kind is StepKind.LLM and (not step.follows_tools or step.origin is not None)


def _inherit_path(others: Sequence[Step], earlier: Step | None) -> SessionPath:
    if earlier is not None:
        return SessionPath(earlier.path)
    return SessionPath(next((step.path for step in reversed(others) if not step.is_aside), FIRST_PATH))


def _find_parent(
    steps: Sequence[Step], others: Sequence[Step], earlier: Step | None, path: SessionPath, wish: Wish
) -> Step | None:
    last = next((step for step in reversed(others) if not step.is_aside), None)
    if wish.is_fresh:
        return None
    if wish.after is not None:
        return find_after(others, wish.after)
    if wish.continues:
        if last is None:
            raise build_nothing_to_continue()
        return last
    if wish.context is Context.NONE:
        return None
    if wish.context is Context.PATH:
        return _find_nearest_ancestor(others, path)
    if earlier is not None:
        return _find_newest_version(steps, others, earlier.parent_id) or _find_nearest_ancestor(others, path)
    if wish.context is Context.CHAT or wish.path is None:
        return last
    same_path = _find_newest_at(others, path)
    if same_path is not None:
        return _find_newest_version(steps, others, same_path.parent_id)
    return _find_nearest_ancestor(others, path) or last


def build_nothing_to_continue() -> InputError:
    """The error of ``-c`` in an empty session."""
    return InputError("-c continues the step that ran last, and none has finished yet.", hint="leave out -c")


def find_after(others: Sequence[Step], path: SessionPath) -> Step:
    """The finished step at ``path``.

    Raises:
        InputError: there is none.
    """
    found = _find_newest_at(others, path)
    if found is None:
        known = join_paths(dict.fromkeys(step.path for step in reversed(others)))
        raise InputError(f"--after {path!r}: no finished step there to continue.", hint=f"paths with one: {known}")
    return found


def find_current(steps: Sequence[Step], path: str) -> Step | None:
    """The current step of ``path``: the newest that finished and wasn't superseded; of compared ones the current."""
    newest = next(
        (step for step in reversed(steps) if step.path == path and step.is_usable_parent and not step.is_superseded),
        None,
    )
    if newest is None or not newest.comparison:
        return newest
    return choose_current([step for step in steps if step.comparison == newest.comparison])


def _find_newest_at(others: Sequence[Step], path: SessionPath) -> Step | None:
    return next((step for step in reversed(others) if step.path == path), None)


def _find_nearest_ancestor(others: Sequence[Step], path: SessionPath) -> Step | None:
    found = (_find_newest_at(others, ancestor) for ancestor in path.ancestors())
    return next((step for step in found if step is not None), None)


def _find_newest_version(steps: Sequence[Step], others: Sequence[Step], step_id: str | None) -> Step | None:
    """The newest answer of the cell that once gave step ``step_id``."""
    old = next((step for step in steps if step.id == step_id), None)
    if old is None:
        return None
    versions = [step for step in others if step.cell == old.cell]
    same_path = [step for step in versions if step.path == old.path]
    return next(reversed(same_path or versions), None)


def describe_parent(parent: Step | None, path: SessionPath, wish: Wish) -> str:
    """The parent in words, for the card."""
    if parent is None:
        return "fresh" if wish.is_fresh or wish.context is Context.NONE else "no context"
    return f"continues {parent.path}" if parent.path == path else f"after {parent.path}"


def build_chain(steps: Sequence[Step], parent: Step | None) -> list[Step]:
    """The steps whose turns are sent, oldest first, ending with ``parent``."""
    by_id = {step.id: step for step in steps}
    chain: dict[str, Step] = {}
    while parent is not None and parent.id not in chain:
        chain[parent.id] = parent
        parent = by_id.get(parent.parent_id or "")
    return list(reversed(chain.values()))


def build_content(prompt: str, attached: Sequence[Mapping[str, Any]]) -> str | list[Mapping[str, Any]]:
    """The content of a user's message: the text, and after it what is attached."""
    return [{"type": "text", "text": prompt}, *attached] if attached else prompt


def build_messages(
    chain: Sequence[Step],
    prompt: str | Sequence[Mapping[str, Any]],
    system: str | None,
    examples: Sequence[Message] = (),
) -> tuple[Message, ...]:
    """The system prompt, the examples, the turn and the answer of each step of ``chain``, then ``prompt``.

    Examples belong to their own step alone: a step that continues it inherits its prompt and answer, not them.
    """
    messages: list[Message] = [{"role": "system", "content": system}] if system else []
    messages.extend(examples)
    for step in chain:
        messages.extend(step.turn)
        messages.append({"role": "assistant", "content": step.text})
    messages.append({"role": "user", "content": prompt})
    return tuple(messages)


def build_fingerprint(
    base_url: str, model: str, messages: Sequence[Message], parameters: Mapping[str, Any], sample: int = 1
) -> str:
    """A hash that is equal for identical requests to the same server; of attachments, their content counts.

    ``sample`` tells the identical requests of one cell apart, each of which wants an answer of its own.
    """
    request: list[Any] = [base_url, model, identify_messages(messages), dict(parameters)]
    request += [sample] if sample > 1 else []
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()
