"""Reads what somebody thinks of an answer: a thumb, scores, a note; from a line's words or from Python's values.

Every mistake is an InputError that says what to type instead; nothing is kept or sent by then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.paths import SessionPath

SESSION_WORD = "session"
"""What stands in place of a path where the whole session is meant."""
MAX_NOTE = 2_000
"""Characters of a note."""
MAX_SCORE = 2**31 - 1
"""Helicone keeps scores in 32 bits."""

_THUMBS = {"+": True, "👍": True, "-": False, "👎": False, "–": False, "−": False, "—": False}
_SCORE = re.compile(r"([^\s=]+)=(\S*)")
_NAME = re.compile(r"[A-Za-z][\w.-]{0,63}", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+[.,]\d*|[.,]\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_FLAGS = {"true": True, "false": False}
_TAKEN_NAMES = {"rating": "type + or - for a thumb", "note": 'type the note in quotes: "too long"'}
_HOW = 'type + or -, a score such as accuracy=4, or a note in quotes: "too long"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What somebody thinks, in one go."""

    thumb: bool | None = None  # True: up
    scores: Mapping[str, bool | int] = field(default_factory=dict)
    note: str = ""


def read_rating(words: Sequence[str]) -> tuple[SessionPath | None, Rating]:
    """What the words after ``rate`` are about (None: the whole session), and what they say.

    Raises:
        InputError: they cannot be meant.
    """
    if not words:
        raise InputError("`rate` wants to know what is rated.", hint='type %helicone_session rate /path + "clear"')
    target = None if words[0] == SESSION_WORD else _read_path(words[0])
    thumb: bool | None = None
    scores: dict[str, bool | int] = {}
    note: str | None = None
    for word in words[1:]:
        match = _SCORE.fullmatch(word)
        if word in _THUMBS:
            if thumb is not None:
                raise InputError("a thumb is given twice.", hint="keep one of + and -")
            thumb = _THUMBS[word]
        elif match is not None and _is_name(match[1]):
            if match[1] in scores:
                raise InputError(f"{match[1]!r} is given twice.", hint="keep one of them")
            scores[match[1]] = read_score(match[1], match[2])
        elif note is not None:
            raise InputError(f"{note!r} and {word!r} are two notes.", hint='put the whole note into quotes: "too long"')
        else:
            note = word
    return target, check_rating(Rating(thumb=thumb, scores=scores, note=note or ""))


def _read_path(word: str) -> SessionPath:
    if not word.startswith("/"):
        raise InputError(
            f"{word!r} is not a path: paths start with a slash.",
            hint=f"type %helicone_session rate /{word} …, or rate session … for all of it",
        )
    return SessionPath.parse(word)


def _is_name(text: str) -> bool:
    """Whether what stands before an equals sign can be meant as a score's name, right or wrong."""
    return re.fullmatch(r"[\w.-]+", text) is not None


def read_score(name: str, text: str) -> bool | int:
    """The value of the score ``name`` as it is typed: a whole number, true or false.

    Raises:
        InputError: it is neither.
    """
    if text.lower() in _FLAGS:
        return _FLAGS[text.lower()]
    if _NUMBER.fullmatch(text) and len(text) < 20:
        return int(text)
    if _DECIMAL.fullmatch(text):
        raise _build_decimal_error(name, float(text.replace(",", ".")))
    raise InputError(f"{name}={text} is not a score.", hint=f"type a whole number, true or false: {name}=4")


def _build_decimal_error(name: str, value: float) -> InputError:
    hint = "round it, or count in smaller parts: hundredths, or percent"
    if abs(value) < 1e6:
        hint = f"round it ({name}={value:.0f}), or count in hundredths ({name}={value * 100:.0f})"
    return InputError(
        f"{name}={value:g} has decimals, and Helicone's scores are whole numbers, true or false.", hint=hint
    )


def build_rating(thumb: Any, note: Any, scores: Mapping[str, Any]) -> Rating:
    """The same from Python's values.

    Raises:
        InputError: they cannot be meant.
    """
    if not (thumb is None or isinstance(thumb, bool)):
        hint = f'type rate("/path", accuracy={thumb!r}): a number has a name' if isinstance(thumb, int | float) else ""
        raise InputError(f"{thumb!r} is no thumb.", hint=hint or "True is a thumb up, False one down; a note is note=…")
    if not isinstance(note, str):
        raise InputError(f"{note!r} is no note.", hint='a note is text: note="clear"')
    for name, value in scores.items():
        if isinstance(value, float):
            raise _build_decimal_error(name, value)
        if not isinstance(value, int):  # bool is one
            raise InputError(f"{name}={value!r} is not a score.", hint=f"a whole number, True or False: {name}=4")
    return check_rating(Rating(thumb=thumb, scores=dict(scores), note=note))


def check_rating(rating: Rating) -> Rating:
    """The rating, its note trimmed, if it says something that can be kept and sent.

    Raises:
        InputError: it doesn't.
    """
    note = rating.note.strip()
    for name, value in rating.scores.items():
        _check_score(name, value)
    if len(note) > MAX_NOTE:
        raise InputError(f"the note has {len(note):,} characters, more than {MAX_NOTE:,}.", hint="shorten it")
    number = note.removeprefix("=").rstrip("%")
    if rating.thumb is None and not rating.scores and _NUMBER.fullmatch(number):
        raise InputError(f"{note!r} is a number without a name.", hint=f"a score has one: accuracy={number}")
    if rating.thumb is None and not rating.scores and not note:
        raise InputError("that says nothing.", hint=_HOW)
    return Rating(thumb=rating.thumb, scores=rating.scores, note=note)


def _check_score(name: str, value: int) -> None:
    if name.lower() in _TAKEN_NAMES:
        raise InputError(f"{name!r} is no name for a score.", hint=_TAKEN_NAMES[name.lower()])
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no name for a score.",
            hint="a letter first, then letters, digits, _ . and -, at most 64: accuracy=4",
        )
    if abs(value) > MAX_SCORE:
        raise InputError(f"{name}={value} is too large for a score.", hint=f"at most {MAX_SCORE:,}")
