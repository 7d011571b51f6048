"""Where a message quotes an earlier answer, a program takes what it was answered itself. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from heliconemagic.records import Message
from heliconemagic.render.literals import Expression, Mixture

SHORTEST_QUOTE = 20
"""Characters of an answer that is known again inside another message: a shorter one may stand there by chance."""


class Answers:
    """The answers that a program has so far, and the variables that hold them; of equal ones the newest."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._by_beginning: dict[str, set[str]] = {}  # a session may have thousands: each is sought by its beginning

    def put(self, answer: str, name: str) -> None:
        """Takes the answer that the variable ``name`` will hold."""
        answer = answer.strip()
        if len(answer) >= SHORTEST_QUOTE:
            self._names[answer] = name
            self._by_beginning.setdefault(answer[:SHORTEST_QUOTE], set()).add(answer)

    def quote(self, message: Message) -> Message:
        """The message with the program's own answers where it has earlier ones verbatim."""
        content = message.get("content")
        if isinstance(content, str):
            return {**message, "content": self._replace(content)}
        if isinstance(content, list | tuple):
            return {**message, "content": [self._quote_part(part) for part in content]}
        return message

    def _quote_part(self, part: Any) -> Any:
        is_text = isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str)
        return {**part, "text": self._replace(part["text"])} if is_text else part

    def _replace(self, text: str) -> Any:
        quoted = sorted(set(self._iterate_quoted(text)), key=len, reverse=True)
        if not quoted:
            return text
        pattern = "|".join(map(re.escape, quoted))
        pieces, hits = re.split(pattern, text), re.findall(pattern, text)
        parts: list[str | Expression] = [pieces[0]]
        for hit, piece in zip(hits, pieces[1:], strict=True):
            parts += [Expression(f"{self._names[hit]}.text"), piece]
        kept = tuple(part for part in parts if part != "")
        return kept[0] if len(kept) == 1 else Mixture(kept)

    def _iterate_quoted(self, text: str) -> Iterator[str]:
        for begin in range(len(text) - SHORTEST_QUOTE + 1 if self._names else 0):
            for answer in self._by_beginning.get(text[begin : begin + SHORTEST_QUOTE], ()):
                if text.startswith(answer, begin):
                    yield answer
