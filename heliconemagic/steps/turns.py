"""Which messages of a request are its own, and which repeat the conversation of an earlier step. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from heliconemagic.records import Message, Step

_SYSTEM = ("system", "developer")


def split_system(messages: Sequence[Message]) -> tuple[Sequence[Message], Sequence[Message]]:
    """The instructions that a request begins with, and the rest."""
    count = next((place for place, message in enumerate(messages) if message.get("role") not in _SYSTEM), len(messages))
    return messages[:count], messages[count:]


def count_repeated(step: Step, earlier: Step) -> int:
    """How many messages of ``step``, after its instructions, are those of ``earlier`` and its answer; 0 if it is other.

    Where ``earlier`` asked for tools, its answer may be followed by their results.
    """
    own, known = split_system(step.messages)[1], split_system(earlier.messages)[1]
    if not known or len(own) <= len(known) or list(own[: len(known)]) != list(known):
        return 0
    return len(known) + (own[len(known)] == {"role": "assistant", "content": earlier.text})


def find_continued(step: Step, earlier: Sequence[Step]) -> Step | None:
    """The earlier step whose messages and answer ``step`` repeats: the one with most of them, the newest of those."""
    found: Step | None = None
    most = 0
    for other in earlier:
        count = count_repeated(step, other)
        if count >= max(most, 1) and count > len(split_system(other.messages)[1]):
            found, most = other, count
    return found


def list_own(step: Step, parent: Step | None) -> Sequence[Message]:
    """The messages that ``parent``, whose conversation it continues, doesn't show already: instructions if others."""
    system, own = split_system(step.messages)
    if parent is None:
        return step.messages
    instructions = () if list(system) == list(split_system(parent.messages)[0]) else system
    return (*instructions, *own[count_repeated(step, parent) :])
