"""Where the answers of a recorded session stand again in its later requests, and new ones in their place. Pure.

An assistant turn is replaced if it is an earlier answer as a whole. In a user's or a system message, where a template
had put it, an answer is looked for as a piece, and only if it is long enough that it cannot stand there by accident.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from heliconemagic.records import Message, Step

SHORTEST_QUOTE = 20
"""Characters, without blanks at the ends, that an answer must have to be replaced inside another text."""
_FEW = 50
"""Answers that are looked for in a text one after the other; of more, those whose beginnings stand in it."""
_QUOTING_ROLES = ("user", "system", "developer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A place where an earlier answer stands in the messages of a request."""

    step_id: str  # whose answer it is
    message: int
    part: int | None = None  # of a content that has parts
    start: int  # characters
    end: int


class AnswerIndex:
    """The answers of the steps so far, oldest first."""

    def __init__(self) -> None:
        self._by_text: dict[str, list[str]] = {}
        self._quotable: list[tuple[str, str]] = []  # text and step, the newest last
        self._by_beginning: dict[str, list[int]] = {}  # places in it
        self._found: dict[str, _Found] = {}  # the same turns are sent again and again

    def add(self, step: Step) -> None:
        """Takes the answer of a step that has one."""
        text = step.text.strip()
        if not text:
            return
        self._by_text.setdefault(text, []).append(step.id)
        if len(text) >= SHORTEST_QUOTE:
            self._by_beginning.setdefault(text[:SHORTEST_QUOTE], []).append(len(self._quotable))
            self._quotable.append((text, step.id))

    def find_uses(self, messages: Sequence[Message], chain: Collection[str] = ()) -> tuple[Use, ...]:
        """Every place in ``messages`` where an answer stands, in order.

        Args:
            chain: the steps that the request continues; of equal answers theirs is meant, one after the other.
        """
        uses: list[Use] = []
        left = dict.fromkeys(chain)  # without the steps whose answer was a turn already
        for number, message in enumerate(messages):
            if message.get("role") == "assistant":
                found = self._find_turn(message, left or chain)
                if found is not None:
                    left.pop(found, None)
                    uses.append(Use(step_id=found, message=number, start=0, end=len(message["content"])))
            elif message.get("role") in _QUOTING_ROLES:
                uses += self._find_quotes(number, message)
        return tuple(uses)

    def _find_turn(self, message: Message, chain: Collection[str]) -> str | None:
        """The step whose answer a turn is: one of the chain, else the newest with these words."""
        text = message.get("content")
        if not isinstance(text, str) or message.get("tool_calls"):
            return None
        same = self._by_text.get(text.strip(), [])
        return next((step_id for step_id in same if step_id in chain), same[-1] if same else None)

    def _find_quotes(self, number: int, message: Message) -> Iterator[Use]:
        for part, text in _iterate_texts(message.get("content")):
            for start, end, step_id in self._find_spans(text):
                yield Use(step_id=step_id, message=number, part=part, start=start, end=end)

    def _find_spans(self, text: str) -> list[tuple[int, int, str]]:
        """The answers that stand in ``text``; a longer one is found before its parts, a newer before an older."""
        known = self._found.setdefault(text, _Found())
        for place in self._list_candidates(text, known.count):
            known.spans += _find_all(text, *self._quotable[place])
        known.count = len(self._quotable)
        chosen: list[tuple[int, int, str]] = []
        newest_first = known.spans[::-1]
        for begin, end, step_id in sorted(newest_first, key=lambda span: span[0] - span[1]):
            if all(end <= other[0] or begin >= other[1] for other in chosen):
                chosen.append((begin, end, step_id))
        return sorted(chosen)

    def _list_candidates(self, text: str, count: int) -> Iterable[int]:
        """The places of the answers after the first ``count`` that may stand in ``text``, oldest first."""
        if len(self._quotable) - count <= _FEW:
            return range(count, len(self._quotable))
        begins = {text[start : start + SHORTEST_QUOTE] for start in range(len(text) - SHORTEST_QUOTE + 1)}
        return sorted(place for begin in begins for place in self._by_beginning.get(begin, ()) if place >= count)


@dataclass(slots=True)
class _Found:
    """What was found in one text, and how many answers were looked for."""

    count: int = 0
    spans: list[tuple[int, int, str]] = field(default_factory=list)


def _find_all(text: str, quoted: str, step_id: str) -> Iterator[tuple[int, int, str]]:
    begin = text.find(quoted)
    while begin >= 0:
        yield begin, begin + len(quoted), step_id
        begin = text.find(quoted, begin + len(quoted))


def _iterate_texts(content: Any) -> Iterator[tuple[int | None, str]]:
    """The texts of a message's content, with the numbers of their parts."""
    if isinstance(content, str):
        yield None, content
    elif isinstance(content, list | tuple):
        for number, part in enumerate(content):
            if isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str):
                yield number, part["text"]


def replace_answers(messages: Sequence[Message], uses: Iterable[Use], new: Mapping[str, str]) -> tuple[Message, ...]:
    """``messages`` with the answers of ``new``, by step, in the places of the old ones. What is put in isn't searched.

    >>> use = Use(step_id="a", message=0, start=5, end=11)
    >>> replace_answers([{"role": "user", "content": "Sum: Oh, la!"}], [use], {"a": "Hm"})
    ({'role': 'user', 'content': 'Sum: Hm!'},)
    """
    by_place: dict[tuple[int, int | None], list[Use]] = {}
    for use in uses:
        if use.step_id in new:
            by_place.setdefault((use.message, use.part), []).append(use)
    changed = list(messages)
    for (number, part), found in by_place.items():
        changed[number] = _rewrite(changed[number], part, found, new)
    return tuple(changed)


def _rewrite(message: Message, part: int | None, uses: Sequence[Use], new: Mapping[str, str]) -> Message:
    content = message["content"]
    if part is None:
        return {**message, "content": _put_in(content, uses, new, is_turn=message.get("role") == "assistant")}
    parts = list(content)
    parts[part] = {**parts[part], "text": _put_in(parts[part]["text"], uses, new, is_turn=False)}
    return {**message, "content": parts}


def _put_in(text: str, uses: Sequence[Use], new: Mapping[str, str], *, is_turn: bool) -> str:
    if is_turn:
        return new[uses[0].step_id]
    for use in sorted(uses, key=lambda use: use.start, reverse=True):
        text = text[: use.start] + new[use.step_id].strip() + text[use.end :]
    return text
