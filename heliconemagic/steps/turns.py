"""Which messages of a request are its own, and which repeat the conversation of an earlier step. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence

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


class MessageHashes:
    """The hash of each message; of one that many requests have in common it is made once."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Message, bytes]] = {}  # the message keeps its id from being another's

    def find(self, message: Message) -> bytes:
        """The hash of what ``message`` says."""
        if id(message) not in self._made:
            text = json.dumps(message, sort_keys=True, default=str)
            self._made[id(message)] = message, hashlib.sha256(text.encode()).digest()
        return self._made[id(message)][1]


class Conversations:
    """Where the conversations so far have ended; finds the one that a request goes on with."""

    def __init__(self) -> None:
        self._ended: dict[bytes, Step] = {}
        self._hashes = MessageHashes()

    def put(self, step: Step) -> None:
        """Takes a step with its answer, for the requests that come after it."""
        messages = split_system(step.messages)[1]
        if messages:
            answered = (*messages, {"role": "assistant", "content": step.text})
            self._ended[[*self._iterate_keys(answered)][-1]] = step

    def find_continued(self, step: Step) -> Step | None:
        """The step whose messages and answer ``step`` repeats: the one with most of them, the newest of those."""
        keys = [*self._iterate_keys(split_system(step.messages)[1])]
        return next((self._ended[key] for key in reversed(keys) if key in self._ended), None)

    def _iterate_keys(self, messages: Iterable[Message]) -> Iterator[bytes]:
        """A key for each beginning of a conversation, the shortest first."""
        digest = hashlib.sha256()
        for message in messages:
            digest.update(self._hashes.find(message))
            yield digest.digest()


def list_own(step: Step, parent: Step | None) -> Sequence[Message]:
    """The messages that ``parent``, whose conversation it continues, doesn't show already: instructions if others."""
    system, own = split_system(step.messages)
    if parent is None:
        return step.messages
    instructions = () if list(system) == list(split_system(parent.messages)[0]) else system
    return (*instructions, *own[count_repeated(step, parent) :])
