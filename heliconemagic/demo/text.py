"""The demo's answers: Markdown about what was asked, made by rules and not by a language model.

Pure: the same request gives the same answer. What is said is taken from the request (its topic, its words, the
modules of an earlier outline), so that a demonstration shows the context at work. Only a bounded part of a long
conversation is read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from heliconemagic.attachments.attachment import parse_part
from heliconemagic.demo.schema_filler import build_json_answer
from heliconemagic.demo.tool_caller import Call, build_calls, build_told
from heliconemagic.demo.topic import FALLBACK, capitalise, find_keywords, find_topic

SAMPLE_HEADER = "Demo-Sample"
"""The header that counts identical requests: a model draws lots, the demo is told which one."""

NOTICE = "Demo text, not a language model."
TOLD = "I called the functions you offered; this is what they gave:"
MAX_TURNS = 40
MAX_TURN_LENGTH = 8_000  # characters that are read of one message
MAX_QUOTE_LENGTH = 70

T = TypeVar("T")


class Turn(NamedTuple):
    """One message, as far as it is read."""

    role: str
    text: str
    attached: tuple[str, ...] = ()  # what came along, in words


class Kind(StrEnum):
    """What sort of answer a prompt asks for."""

    JSON = "JSON"
    CODE = "code"
    OUTLINE = "an outline"
    ABSTRACT = "an abstract"
    LESSON = "a lesson"
    ANSWER = "an answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoAnswer:
    """A whole answer, before it is cut into tokens."""

    text: str
    reasoning: str
    calls: tuple[Call, ...] = ()  # of tools; then there is no text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What was understood of a request."""

    turns: Sequence[Turn]
    kind: Kind
    topic: str
    keywords: Sequence[str]
    response_format: Mapping[str, Any]
    seed: str
    sample: int  # 0 for the first answer

    @property
    def prompt(self) -> str:
        return _find_prompt(self.turns)

    @property
    def answers(self) -> list[str]:
        return [turn.text for turn in self.turns[:-1] if turn.role == "assistant"]

    def pick(self, purpose: str, options: Sequence[T]) -> T:
        """One of ``options``: the same one for the same request and purpose, the next one for the next sample."""
        digest = hashlib.sha256(f"{self.seed}/{purpose}".encode()).digest()
        return options[(int.from_bytes(digest[:4], "big") + self.sample) % len(options)]


def build_demo_answer(body: Mapping[str, Any], sample: str = "") -> DemoAnswer:
    """The demo's answer to the JSON ``body`` of a chat completion request; another one for another ``sample``."""
    task = _read_task(body, sample)
    if calls := build_calls(body, task.prompt):
        return DemoAnswer(text="", reasoning=_build_reasoning(task), calls=tuple(calls))
    told = build_told(body.get("messages"))
    if told and not task.response_format:
        return DemoAnswer(text=f"*{NOTICE} {TOLD}*\n\n{told}\n", reasoning=_build_reasoning(task))
    if task.kind is Kind.JSON:
        text = build_json_answer(task.response_format, topic=task.topic, keywords=task.keywords, notice=NOTICE)
    else:
        text = f"{_build_first_line(task.turns)}\n\n{_WRITERS[task.kind](task)}\n"
    return DemoAnswer(text=text, reasoning=_build_reasoning(task))


def _read_task(body: Mapping[str, Any], sample: str) -> _Task:
    turns = read_turns(body.get("messages"))
    prompt = _find_prompt(turns)
    wanted = body.get("response_format")
    response_format = wanted if isinstance(wanted, Mapping) else {}
    topic = find_topic(prompt, [_drop_first_line(turn) for turn in turns[:-1] if turn.role != "system"])
    spoken = [turn.text for turn in turns if turn.role == "user"]
    request = [body.get("messages"), body.get("model"), body.get("seed")]
    return _Task(
        turns=turns,
        kind=find_kind(prompt, response_format),
        topic=topic,
        keywords=find_keywords(spoken, topic),
        response_format=response_format,
        seed=hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest(),
        sample=int(sample) - 1 if sample.isdecimal() else 0,
    )


def _find_prompt(turns: Sequence[Turn]) -> str:
    """What was asked last, before tools were called for it."""
    return next((turn.text for turn in reversed(turns) if turn.role != "tool"), "")


def read_turns(messages: Any) -> list[Turn]:
    """The last messages as plain text; content in parts is joined, anything odd reads as empty."""
    if not isinstance(messages, list):
        return []
    read = [message if isinstance(message, Mapping) else {} for message in messages[-MAX_TURNS:]]
    return [_read_turn(message) for message in read]


def _read_turn(message: Mapping[str, Any]) -> Turn:
    content = message.get("content")
    if isinstance(content, list):
        from heliconemagic.attachments.recognising import recognise_content

        content = recognise_content(content[:MAX_TURNS])
    return Turn(_read_role(message), _read_content(content), _describe_attached(content))


def _describe_attached(content: Any) -> tuple[str, ...]:
    """The parts that are no text: type, size, and a name where one was sent."""
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    return tuple(_describe_part(part) for part in parts if part.get("type") != "text")


def _describe_part(part: Mapping[str, Any]) -> str:
    attachment = parse_part(part)
    if attachment is None:
        return "an image's address" if part.get("type") == "image_url" else "something unknown"
    return attachment.describe_named() if "name" in attachment.identity else attachment.describe()


def _read_role(message: Mapping[str, Any]) -> str:
    """Who speaks; what asks for tools is no answer."""
    return "tool" if message.get("tool_calls") else str(message.get("role", "user"))


def _read_content(content: Any) -> str:
    if isinstance(content, list):
        parts = [part.get("text") for part in content[:MAX_TURNS] if isinstance(part, Mapping)]
        content = "\n".join(part[:MAX_TURN_LENGTH] for part in parts if isinstance(part, str))
    return content[:MAX_TURN_LENGTH].strip() if isinstance(content, str) else ""


def _drop_first_line(turn: Turn) -> str:
    """The text of a turn without our own first line, which quotes the prompt before it."""
    return turn.text.partition("\n")[2] if turn.text.startswith(f"*{NOTICE}") else turn.text


_MARKS = (
    (Kind.JSON, r"json"),
    (Kind.CODE, r"code|python|functions?|script|program"),
    (Kind.OUTLINE, r"outlines?|plan|list|syllabus|modules|curriculum|agenda"),
    (Kind.ABSTRACT, r"abstract|summary|summari[sz]e|tl;dr"),
    (Kind.LESSON, r"lessons?|explain|explanation|chapter|essay|introduction"),
)


def find_kind(prompt: str, response_format: Mapping[str, Any]) -> Kind:
    """What ``prompt`` asks for: the kind whose word comes first in it.

    >>> find_kind("Now create an outline based on that abstract.", {}).value
    'an outline'
    """
    if response_format.get("type") in ("json_object", "json_schema"):
        return Kind.JSON
    found = [(match.start(), kind) for kind, words in _MARKS if (match := re.search(rf"\b(?:{words})\b", prompt, re.I))]
    if found:
        return min(found)[1]
    return Kind.LESSON if re.search(r"\bwrite\b", prompt, re.I) else Kind.ANSWER


def _build_first_line(turns: Sequence[Turn]) -> str:
    if not turns:
        return f"*{NOTICE} I was sent no messages.*"
    before = [turn.role for turn in turns[:-1]]
    counts = [
        (before.count("system") + before.count("developer"), "system"),
        (before.count("user"), "from you before this"),
        (before.count("assistant"), "earlier answers" if before.count("assistant") > 1 else "earlier answer"),
        (before.count("tool"), "about tools"),
    ]
    listed = ", ".join(f"{count} {words}" for count, words in counts if count)
    sent = f"{len(turns)} messages ({listed}); the last one" if len(turns) > 1 else "1 message; it"
    return f"*{NOTICE} I was sent {sent} {_build_attached(turns[-1].attached)}{_quote(turns[-1].text)}*"


def _build_attached(attached: Sequence[str]) -> str:
    """What came along, and that nobody looks at it here."""
    if not attached:
        return ""
    count = "an attachment" if len(attached) == 1 else f"{len(attached)} attachments"
    listed = _escape("; ".join(attached[:3]) + ("; …" if len(attached) > 3 else ""))
    return f"has {count} ({listed}), which I cannot look into, and "


def _quote(text: str) -> str:
    line = " ".join(text.split())
    if not line:
        return "is empty."
    if len(line) > MAX_QUOTE_LENGTH:
        line = line[: MAX_QUOTE_LENGTH - 1].rsplit(" ", 1)[0] + "…"
    return f"says: “{_escape(line)}”"


def _escape(line: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>$|~&])", r"\\\1", line)


def _build_reasoning(task: _Task) -> str:
    used = f"There are {len(task.answers)} earlier answers to take up. " if task.answers else ""
    return (
        f"{NOTICE} No thought is behind these words; they show where reasoning appears. "
        f"The prompt asks for {task.kind}, and it is about {task.topic}. {used}"
        "First the frame, then the parts, then a last look at whether it fits the question."
    )


def _write_abstract(task: _Task) -> str:
    form = re.search(r"\b(course|book|article|talk|paper|report|workshop|seminar)\b", _join(task), re.I)
    start = task.pick("start", ["something everyone has seen", "one plain question", "a single well-chosen example"])
    middle = f" It touches {_join_words(task.keywords)}." if task.keywords else ""
    end = task.pick("end", ["which claims deserve a second look", "where to read on", "what is still unknown"])
    way = task.pick("way", _WAYS)
    habit = task.pick("habit", _HABITS)
    return (
        f"This {form[1].lower() if form else 'text'} on **{task.topic}** begins with {start} and ends with the "
        f"questions that are still open.{middle} {way} {habit}No earlier knowledge is needed beyond curiosity and "
        f"school arithmetic. At the end, everyone can explain {task.topic} to a friend, follow an introductory text "
        f"on it, and say {end}."
    )


_WAYS = (
    "Participants learn the vocabulary first, work through one example by hand, and then meet the same idea at a "
    "larger scale.",
    "The way leads from what can be seen to what can be measured, and from there to what follows from it.",
    "Every week has one question, one short text, and one thing to try, so that nothing has to be taken on trust.",
)
_HABITS = (
    "Each part closes with a short exercise, so that progress can be seen. ",
    "Work in pairs is part of every meeting, and each of them begins with a look back at the last. ",
    "",
)


_MODULES = (
    ("A first look at {}", ("What {} is, in one sentence", "Where it is met in everyday life", "A question to keep")),
    ("The language of {}", ("Ten words and what they mean", "Two that are often confused", "A sketch to label")),
    ("How {} works", ("The parts, and how they act on each other", "One example, step by step", "What to measure")),
    ("{} in practice", ("A small project in pairs", "What goes wrong, and how it is noticed", "Results side by side")),
    ("Open questions about {}", ("What is not known yet", "Who works on it", "How to read on")),
    ("How {} came to be understood", ("The first attempts", "The turning point", "What changed afterwards")),
)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6}


def _write_outline(task: _Task) -> str:
    source = " It follows the earlier answer." if task.answers else ""
    parts = [f"An outline on **{task.topic}**.{source}"]
    first, *others = _MODULES
    turned = task.pick("order", range(len(others)))
    modules = [first, *others[turned:], *others[:turned]]
    for number, (title, bullets) in enumerate(modules[: _find_count(task.prompt)], start=1):
        count = task.pick(f"bullets {number}", (2, 3))
        extra = f"Focus: {task.keywords[number - 1]}" if number <= len(task.keywords) else None
        lines = [capitalise(bullet.format(task.topic)) for bullet in (*bullets[:count], *([extra] if extra else []))]
        heading = f"### Module {number}: {capitalise(title.format(task.topic))}"
        parts.append(heading + "\n\n" + "\n".join(f"- {line}" for line in lines))
    return "\n\n".join(parts)


def _find_count(prompt: str) -> int:
    """How many modules are wanted: 2 to 6, 4 where the prompt names no number."""
    found = re.search(r"\b([2-6]|two|three|four|five|six)\b(?:\s+\w+)?\s+(?:modules|parts|points|items)", prompt, re.I)
    return _NUMBERS.get(found[1].lower()) or int(found[1]) if found else 4


_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6}


def _write_lesson(task: _Task) -> str:
    number = _find_number(task)
    module = _find_module(task.answers, number)
    title = module or f"A first look at {task.topic}"
    origin = f", which belongs to Module {number} of the outline, “{module}”" if module else ""
    hint = f", {_join_words(task.keywords[:2])} among it" if task.keywords else ""
    begin = task.pick("begin", ["Begin with what can be observed", "Begin with one example", "Begin with a question"])
    return (
        f"## Lesson {number}: {capitalise(title)}\n\n"
        f"This is a lesson on **{task.topic}**{origin}. {begin}: where is it met "
        "without looking for it? Three sentences of description are worth more than a definition "
        "learned by heart, because they can be checked.\n\n"
        f"{task.pick('advice', _ADVICE)} The time for the $n$-th try often follows a simple law, $t_n = t_1 n^{{-a}}$: "
        "quick gains at first, smaller ones later.\n\n"
        "| part | what to do | minutes |\n|---|---|--:|\n"
        f"| look | find one example of {task.topic} | 5 |\n"
        "| name | write down its parts | 10 |\n"
        f"| check | {task.pick('check', _CHECKS)} | 10 |\n\n"
        f"Before the next lesson, note what is still unclear{hint}. It will be the first question then."
    )


_ADVICE = (
    "Repeating the exercise helps.",
    "It is tempting to read on; doing it once more is worth more.",
    "Two short attempts teach more than one long one.",
)
_CHECKS = (
    "explain it to somebody who asks back",
    "draw it without looking, then compare",
    "find the sentence that is still vague, and mend it",
)


def _find_number(task: _Task) -> int:
    """Which lesson is wanted: as the prompt says, else the one after the last in the conversation."""
    counted = re.search(r"\b(?:lesson|module|chapter)\s+(\d{1,3})\b", task.prompt, re.I)
    if counted:
        return int(counted[1])
    ordinal = re.search(rf"\b({'|'.join(_ORDINALS)})\b", task.prompt, re.I)
    if ordinal:
        return _ORDINALS[ordinal[1].lower()]
    return (
        max((int(number) for text in task.answers for number in re.findall(r"\bLesson (\d{1,3}):", text)), default=0)
        + 1
    )


def _find_module(answers: Sequence[str], number: int) -> str:
    """The title of module ``number`` in the newest outline; empty if there is none."""
    for text in reversed(answers):
        found = re.search(rf"\bModule {number}[:.]\s*([^\n*]{{1,120}})", text)
        if found:
            return found[1].strip()
    return ""


def _write_code(task: _Task) -> str:
    words = re.findall(r"\w+", " ".join([task.topic, *task.keywords]).lower())
    return (
        f"A small program about **{task.topic}**. It runs as it stands:\n\n"
        "```python\n"
        "from collections import Counter\n\n\n"
        "def count_letters(words: list[str]) -> Counter[str]:\n"
        '    """How often each letter occurs in the words."""\n'
        '    return Counter("".join(words))\n\n\n'
        f"words = {json.dumps(words, ensure_ascii=False)}\n"
        "for letter, count in count_letters(words).most_common(3):\n"
        '    print(f"{letter}: {count}")\n'
        "```\n\n"
        "`count_letters` takes the words apart and counts; the loop prints the three most frequent letters. "
        + task.pick("try", _TRIES)
    )


_TRIES = (
    "Put your own list in place of `words` to try it.",
    "Letters in upper case are counted apart: `word.lower()` would join them.",
    "For long texts, `re.findall` gives better words than `str.split`, which leaves commas on them.",
)


def _write_answer(task: _Task) -> str:
    if task.topic == FALLBACK:
        return _NO_TOPIC
    points = [aspect.format(task.topic) for aspect in _ASPECTS] + [
        f"**{capitalise(word)}**: what it has to do with it" for word in find_keywords([task.prompt], task.topic, 2)
    ]
    bullets = "\n".join(f"- {point}" for point in points)
    before = " The earlier answers are taken as known." if task.answers else ""
    close = task.pick("close", ["Try the smallest case first.", "Start with the part that can be measured."])
    return (
        f"The question is about **{task.topic}**.{before} A full answer would take it apart like this:\n\n{bullets}\n\n"
        f"{task.pick('view', _VIEWS)} {close} Then ask again with what was learned, and the next answer will have it "
        "in its context."
    )


_NO_TOPIC = (
    "The rules behind this text found no topic in that. Name one, as in “Explain tides” or “An outline of a course on "
    "space”, and the answer will be about it."
)
_ASPECTS = (
    "**What {} is**, in one sentence that can be checked",
    "**Where it is met**, with one example that everyone has seen",
    "**What is often confused about it**, and how to tell the two apart",
)
_VIEWS = (
    "Each point can be looked at alone, but they are easier to judge side by side: what one of them gains is often "
    "what another one pays for.",
    "None of these is the whole of it. Where two of them disagree, the question was asked too broadly, and a narrower "
    "one will show which of them holds.",
    "The order is no ranking: which one matters most depends on what the answer is needed for.",
)


def _join(task: _Task) -> str:
    return "\n".join([task.prompt, *(turn.text for turn in reversed(task.turns[:-1]) if turn.role == "user")])


def _join_words(words: Sequence[str]) -> str:
    return " and ".join(", ".join(words).rsplit(", ", 1)) if words else ""


_WRITERS: Mapping[Kind, Callable[[_Task], str]] = {
    Kind.ABSTRACT: _write_abstract,
    Kind.OUTLINE: _write_outline,
    Kind.LESSON: _write_lesson,
    Kind.CODE: _write_code,
    Kind.ANSWER: _write_answer,
}
