"""Which step another one continued, told by what was sent: for sessions that ran elsewhere. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from heliconemagic.records import Message, Step, StepKind, read_content_text

Key = bytes


def find_lineage(steps: Sequence[Step]) -> dict[str, str]:
    """The ids of parents by their steps' ids; ``steps`` come oldest first.

    A step continues the newest earlier one whose conversation, with its answer, is what its own begins with.
    """
    ended: dict[Key, str] = {}
    parents: dict[str, str] = {}
    for step in steps:
        if step.kind is not StepKind.LLM or not step.messages:
            continue
        keys = list(_iterate_keys(step.messages))
        earlier = next((ended[key] for key in reversed(keys[:-1]) if key in ended), None)
        if earlier is not None:
            parents[step.id] = earlier
        if step.text:
            ended[_extend(keys[-1], {"role": "assistant", "content": step.text})] = step.id
    return parents


def _iterate_keys(messages: Iterable[Message]) -> Iterable[Key]:
    """A key for each beginning of a conversation, the shortest first; its system prompt left out."""
    key = b""
    for message in messages:
        if message.get("role") not in ("system", "developer"):
            key = _extend(key, message)
        yield key


def _extend(key: Key, message: Message) -> Key:
    spelled = json.dumps([message.get("role"), read_content_text(message.get("content")).strip()])
    return hashlib.sha256(key + spelled.encode("utf-8", "surrogatepass")).digest()
