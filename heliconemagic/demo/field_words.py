"""What the demo writes into the text fields of an object: by the field's name, about the topic."""

from __future__ import annotations

import re
from collections.abc import Sequence

from heliconemagic.demo.topic import capitalise

GROUP_SIZE = 3
"""By how many texts the lists beside each other are apart."""

_TITLES = ("First steps in {topic}", "{topic} at work", "What comes after {topic}", "{topic}, looked at again")
_SENTENCES = (
    "What there is to know about {topic}, from the beginning.",
    "{topic} by one example, taken apart.",
    "Where {topic} ends, and what comes after it.",
)
_QUESTIONS = ("Where do we meet {topic}?", "What would change without {topic}?", "How would you explain {topic}?")
_PEOPLE = ("Ada Example", "Grace Sample", "Alan Placeholder")
_ASPECTS = (
    "basics of {topic}",
    "{topic} by example",
    "questions about {topic}",
    "words for {topic}",
    "{topic} in numbers",
    "a walk to look for {topic}",
    "mistakes about {topic}",
    "{topic} long ago",
    "what to read on {topic}",
)
_LEVELS = ("beginner", "intermediate", "advanced")
_HINTS = ("think of the smallest case", "there is more than one answer", "look at an example first")
_ITEMS = ("something about {topic}", "a second thing about {topic}", "one more, for comparison")
_PLACES = ("Oslo", "Nairobi", "Lima")
_CHOICES = ("always", "only by day", "it depends on the place", "nobody knows yet")
_STEPS = ("look at one example of {topic}", "write down what is seen", "explain it to somebody")
_KINDS: tuple[tuple[str, Sequence[str]], ...] = (
    (r"title|heading|headline|lesson|module|chapter|name of .*", _TITLES),
    (r"author|teacher|person|who|by|first name|last name|full name", _PEOPLE),
    (r"question|prompt|task", _QUESTIONS),
    (r"level|difficulty", _LEVELS),
    (r"hint|tip|clue", _HINTS),
    (r"city|place|town|location|capital", _PLACES),
    (r"option|choice|distractor|alternative|possible answer", _CHOICES),
    (r"step|instruction|activity|activities|exercise|action", _STEPS),
    (r"item|thing|part|element|point|bullet|example|idea|fact", _ITEMS),
    (r"tag|topic|keyword|subject|theme", _ASPECTS),
    (r"summary|description|text|body|abstract|answer|explanation|reason|note|comment|goal|content", _SENTENCES),
    (r"name|label", _TITLES),
)


def write_field(name: str, *, topic: str, number: int, group: int = 0) -> str:
    """A text for the field ``name``; ``number`` tells those of a list apart, from 0, and ``group`` such lists.

    >>> write_field("title", topic="space", number=0)
    'First steps in space'
    """
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).replace("_", " ").replace("-", " ").strip().lower()
    for pattern, forms in _KINDS:
        if re.fullmatch(rf"(?:.* )?(?:{pattern})s?", words):
            return _fill(forms, topic, number, group)
    single = words.removesuffix("s") if not words.endswith("ss") else words
    return _fill(
        (f"the {single} of {{topic}}", f"another {single} of {{topic}}", f"a third {single}"), topic, number, group
    )


def _fill(forms: Sequence[str], topic: str, number: int, group: int) -> str:
    turn, place = number // len(forms), (number + GROUP_SIZE * group) % len(forms)
    text = forms[place].format(topic=topic) if "{topic}" in forms[place] else forms[place]
    return capitalise(text) if not turn else f"{capitalise(text)} ({turn + 1})"
