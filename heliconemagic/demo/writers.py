"""The demo's texts, by rules: an abstract, an outline, a lesson, code, an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence

from heliconemagic.demo.task import Kind, Task
from heliconemagic.demo.topic import FALLBACK, capitalise, find_keywords


def _write_abstract(task: Task) -> str:
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


def _write_outline(task: Task) -> str:
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


def _write_lesson(task: Task) -> str:
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


def _find_number(task: Task) -> int:
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


def _write_code(task: Task) -> str:
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


def _write_answer(task: Task) -> str:
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
    "**A definition of {}**, in one sentence that can be checked",
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


def _join(task: Task) -> str:
    return "\n".join([task.prompt, *(turn.text for turn in reversed(task.turns[:-1]) if turn.role == "user")])


def _join_words(words: Sequence[str]) -> str:
    return " and ".join(", ".join(words).rsplit(", ", 1)) if words else ""


WRITERS: Mapping[Kind, Callable[[Task], str]] = {
    Kind.ABSTRACT: _write_abstract,
    Kind.OUTLINE: _write_outline,
    Kind.LESSON: _write_lesson,
    Kind.CODE: _write_code,
    Kind.ANSWER: _write_answer,
}
"""Who writes which sort of answer."""
