"""What a prompt is about: its topic and the words worth repeating, found by simple rules.

Written for English; other languages give their first longer words, which is still about the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

FALLBACK = "your question"
MAX_TOPIC_WORDS = 6
MAX_WORD_LENGTH = 40

# Words that say how to answer, or hold a sentence together, but not what it is about.
_PLAIN_WORDS = """
    a about above according after again all also am an and another any are as ask at based be been before begin below
    best between both but by can could create describe detailed did do does done each every explain few find first five
    following for four from generate get give given go good had has have he hello help her here hi his how i if in into
    is it its just keep kindly let lets like list long make many may me mention more most much must my name need new
    next no not now of on one or other our out over own please previous produce provide say second see several she
    short should show simple six small so some tell ten than that the their them then there these they third this those
    three to too two up us use used using very want was we were what when where which while who whose why will with
    word words would write you your
    abstract agenda answer article bullet chapter code conversation course curriculum essay exercise exercises function
    introduction item items json lesson lessons module modules outline paragraph paragraphs part parts plan point points
    program prompt python question questions script sentence sentences step summarise summarize summary syllabus table
    text beginners beginner markdown title titles headline slogan hello hey thanks thank
"""
_BACKWARD_WORDS = "that this these those it its them each every previous above earlier our your my all both"
_END_WORDS = """
    for with that which who using aimed suitable based so to by from as please
    is are was were will can has have begins covers explains gives introduces leads presents shows starts takes
"""
_PLAIN, _BACKWARD, _PHRASE_END = (frozenset(words.split()) for words in (_PLAIN_WORDS, _BACKWARD_WORDS, _END_WORDS))
_MARK = r"\b(?:on|about|regarding|covering|titled|called)\s+"
_MARKED = re.compile(_MARK + r"([^\n.,;:!?()\"“”*`|{}]{2,200})", re.IGNORECASE)
_BOLD = re.compile(_MARK + r"\*\*[^*\n]{2,80}\*\*", re.IGNORECASE)


def find_topic(prompt: str, earlier: Sequence[str]) -> str:
    """What the conversation is about: the prompt itself, else the newest of ``earlier`` that says it.

    >>> find_topic("Generate an abstract for a course on space.", [])
    'space'
    >>> find_topic("Now an outline based on that abstract.", ["Generate an abstract for a course on space."])
    'space'
    """
    texts = [prompt, *reversed(earlier)]
    marked = _find_marked(prompt) or _find_longest_run(prompt)
    if marked:
        return marked
    found = next((topic for text in texts[1:] if (topic := _find_marked(text))), "")
    return found or next((topic for text in texts[1:] if (topic := _find_longest_run(text))), FALLBACK)


def find_keywords(texts: Iterable[str], topic: str, limit: int = 5) -> list[str]:
    """The other telling words of ``texts``, in the order of their first appearance."""
    known = set(topic.lower().split())
    found: dict[str, str] = {}
    for text in texts:
        for word in _split_words(text):
            if len(word) > 3 and word.lower() not in known and word.lower() not in _PLAIN:
                found.setdefault(word.lower(), word)
    return list(found.values())[:limit]


def capitalise(text: str) -> str:
    """``text`` with its first letter large and the rest as it is."""
    return text[:1].upper() + text[1:]


def _split_words(text: str) -> list[str]:
    """The words of ``text``: letters, digits and inner hyphens or apostrophes; safe in Markdown and code."""
    return [word[:MAX_WORD_LENGTH] for word in re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text)]


def _find_marked(text: str) -> str:
    """The words after the first "on" or "about" that names something new; in bold, all of them."""
    bold = _BOLD.search(text)
    for match in _MARKED.finditer(bold[0].replace("*", "") if bold else text):
        words = _take_phrase(_split_words(match[1]))
        if words and words[0].lower() not in _BACKWARD and not all(word.lower() in _PLAIN for word in words):
            return " ".join(words)
    return ""


def _take_phrase(words: Sequence[str]) -> list[str]:
    end = next((index for index, word in enumerate(words) if word.lower() in _PHRASE_END), len(words))
    return list(words[: min(end, MAX_TOPIC_WORDS)])


def _find_longest_run(text: str) -> str:
    """The longest row of neighbouring telling words, the last one of equals."""
    runs: list[list[str]] = [[]]
    for sentence in re.split(r"[\n.,;:!?()]+", text):
        for word in _split_words(sentence):
            if word.lower() in _PLAIN or word.isdigit():
                runs.append([])
            elif len(runs[-1]) < 3:
                runs[-1].append(word)
        runs.append([])
    longest: list[str] = max(reversed(runs), key=len)
    return " ".join(longest)
