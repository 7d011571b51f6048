"""Text that may leave this machine: without keys, and without the paths of its user's folders.

Requests are made portable before they are compared, too: what stood below the teacher's home folder is then the
same prompt below the student's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from heliconemagic.records import Attempt, Message, Origin, Step, ToolCall
from heliconemagic.redaction import Redactor

_SHORTEST_FOLDER = 4
"""Characters: "/" or "C:/" stand for nobody."""

_DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[^,\s]*)?,[A-Za-z0-9+/=_%-]*\Z", re.ASCII)
_INSIDE = re.compile(r"[A-Za-z0-9_./~-]\Z")
"""What a longer path, or an address, goes on from where a folder's name stands in it."""
_BEFORE = re.compile(r"(?:file://(?:localhost)?|://file|\\[nrtfbv]|\dm|(?<![\w./-])-[A-Za-z])\Z")
"""What ends like that and yet begins a path: file's addresses, escapes in JSON, colours of a terminal, ``-I``."""
_LONGEST_BEFORE = len("file://localhost")


class Portable:
    """Takes keys and folders out of values. ``folders`` maps what a path begins with to what stands for it."""

    def __init__(self, folders: Mapping[str, str], redactor: Redactor) -> None:
        known = {folder.rstrip("/\\"): sign for folder, sign in folders.items()}
        self._signs = {folder: sign for folder, sign in known.items() if len(folder) >= _SHORTEST_FOLDER}
        longest_first = sorted(self._signs, key=len, reverse=True)
        pattern = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(rf"(?:{pattern})(?![\w.-]*\w)") if pattern else None
        self._redactor = redactor
        self.found_folders = False  # whether any value had one

    def make(self, value: Any) -> Any:
        """``value`` with every text in it, names too, made portable; numbers that JSON cannot spell are nothing."""
        if isinstance(value, str):
            return self.make_text(value)
        if isinstance(value, Mapping):
            return {self.make_text(str(name)): self.make(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.make(inner) for inner in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    def make_text(self, text: str) -> str:
        """``text`` without keys, or what looks like one, and without the folders.

        The bytes in a data URL stay what they are: anything may look like a key in them.
        """
        if text.startswith("data:") and _DATA_URL.match(text):
            return self._redactor.redact(text)
        safe = self._redactor.redact_lookalikes(text)
        return self._pattern.sub(self._write_sign, safe) if self._pattern else safe

    def _write_sign(self, found: re.Match[str]) -> str:
        """What stands for a folder; within a longer path, or an address, it is none of this machine's."""
        before = found.string[max(0, found.start() - _LONGEST_BEFORE) : found.start()]
        if _INSIDE.search(before) and not _BEFORE.search(before):
            return found[0]
        self.found_folders = True
        return self._signs[found[0]]

    def make_messages(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """Messages made portable."""
        return tuple(self.make(message) for message in messages)

    def make_steps(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Steps made portable. A message that several of them share, as those of one conversation do, is made once."""
        made: dict[int, tuple[Message, Message]] = {}  # the original keeps its id from being another's
        for step in steps:
            for message in step.messages:
                if id(message) not in made:
                    made[id(message)] = message, self.make(message)
            yield self.make_step(step, tuple(made[id(message)][1] for message in step.messages))

    def make_step(self, step: Step, messages: tuple[Message, ...] | None = None) -> Step:
        """A step made portable: everything in it that somebody wrote, a model answered or a server said.

        Args:
            messages: its messages, where they were made portable already.
        """
        make = self.make
        return replace(
            step,
            path=f"/{make(step.path).removeprefix('/')}",  # still a path, where it begins like a folder
            gateway=make(step.gateway),
            messages=self.make_messages(step.messages) if messages is None else messages,
            parameters=make(step.parameters),
            input=make(step.input),
            user=make(step.user),
            properties=make(step.properties),
            text=make(step.text),
            reasoning=make(step.reasoning),
            refusal=make(step.refusal),
            tool_calls=tuple(map(self._make_call, step.tool_calls)),
            error=make(step.error),
            attempts=tuple(map(self._make_attempt, step.attempts)),
            origin=self._make_origin(step.origin) if step.origin else None,
            delivery=replace(step.delivery, reason=make(step.delivery.reason)) if step.delivery else None,
        )

    def _make_call(self, call: ToolCall) -> ToolCall:
        return replace(call, id=self.make(call.id), name=self.make(call.name), arguments=self.make(call.arguments))

    def _make_origin(self, origin: Origin) -> Origin:
        return replace(origin, source=self.make(origin.source), reason=self.make(origin.reason))

    def _make_attempt(self, attempt: Attempt) -> Attempt:
        return replace(attempt, headers=self.make(attempt.headers), error=self.make(attempt.error))
