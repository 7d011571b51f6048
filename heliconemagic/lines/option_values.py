"""Turns the words after an option into typed values.

A parser raises ValueError with the end of a sentence ("takes a number from 0 to 2"); whoever knows
the option's name makes the error of it. What has its own hint is an InputError at once.
"""

from __future__ import annotations

import json
import keyword
import math
from typing import TYPE_CHECKING, Any

from heliconemagic.errors import InputError
from heliconemagic.headers import check_cache_seconds, check_property, check_session_id, check_user
from heliconemagic.records import KIND_WORDS, StepKind
from heliconemagic.settings import Context

if TYPE_CHECKING:
    from heliconemagic.statistics.grouping import Grouping

HOTTEST = 2.0
MOST_RETRIES = 20
MOST_ROUNDS = 100
MOST_JOBS = 64
MOST_SAMPLES = 10
LONGEST_AGO = 10 * 365 * 86400.0  # seconds

PARAMETERS = (
    "frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "metadata",
    "parallel_tool_calls", "presence_penalty", "reasoning_effort", "response_format", "seed",
    "service_tier", "stop", "store", "tool_choice", "tools", "top_logprobs", "top_p", "verbosity",
)  # fmt: skip
"""Request parameters worth offering; any other is sent as well."""

_INSTEAD = {
    "model": "type -m MODEL",
    "messages": "the prompt goes below the first line, a system prompt after -s, examples with --messages NAME",
    "system": "type -s TEXT",
    "temperature": "type -t NUMBER",
    "stream": "answers stream by default; --no-stream waits for the whole one",
    "stream_options": "usage is always asked for",
    "n": "type -n 3: each answer is a step of its own",
    "user": "type --user NAME",
    "timeout": "type --timeout SECONDS",
    "max_retries": "type --retries N",
    "extra_headers": "for Helicone type -p key=value, --user, --cache",
    "extra_body": "name the parameter itself: -o KEY VALUE",
    "extra_query": "put it into the URL: --gateway URL",
    "base_url": "type --gateway URL",
    "api_key": "keys come from the environment, .env or `%helicone_session login`",
}
_PYTHON_CONSTANTS = {"True": True, "False": False, "None": None}
_NO_NUMBERS = ("NaN", "Infinity", "-Infinity")  # words as any other, though Python's reader of JSON knows them


def parse_text(text: str) -> str:
    """Any text but an empty one."""
    if not text.strip():
        raise ValueError("needs a value")
    return text.strip()


def parse_system(text: str) -> str:
    """Any text; an empty one stands for no system prompt, whatever the session or the defaults have."""
    return text.strip()


def parse_temperature(text: str) -> float:
    """A number from 0 to 2."""
    return _parse_number(text, f"takes a number from 0 to {HOTTEST:g}", 0, HOTTEST)


def parse_seconds(text: str) -> float:
    """A number of seconds above 0."""
    return _parse_number(text, "takes a number of seconds above 0", math.ulp(0.0), math.inf)


def parse_pace(text: str) -> float:
    """A factor of the recorded speed, from 0 to 1000."""
    return _parse_number(text, "takes a number from 0 (at once) to 1000", 0, 1000)


def parse_budget(text: str) -> float:
    """An amount in USD above 0, with or without ``$``."""
    return _parse_number(text.removeprefix("$"), "takes an amount in USD above 0", math.ulp(0.0), math.inf)


def parse_retries(text: str) -> int:
    """A whole number from 0 to 20."""
    if not text.isdecimal() or int(text) > MOST_RETRIES:
        raise ValueError(f"takes a whole number from 0 to {MOST_RETRIES}")
    return int(text)


def parse_samples(text: str) -> int:
    """A whole number from 2 to 10."""
    if not text.isdecimal() or not 2 <= int(text) <= MOST_SAMPLES:
        raise ValueError(f"takes a whole number from 2 to {MOST_SAMPLES}")
    return int(text)


def parse_cache(text: str) -> int:
    """Whole seconds that Helicone's cache honours."""
    if not text.isdecimal():
        raise ValueError("takes whole seconds, or nothing for Helicone's default of 7 days")
    return check_cache_seconds(int(text))


def parse_context(text: str) -> Context:
    """One of the ways to find the step that is continued."""
    if text not in set(Context):
        raise ValueError(f"takes one of {', '.join(Context)}")
    return Context(text)


def parse_user(text: str) -> str:
    """A user that can travel in a header."""
    _check_no_template(text)
    return check_user(text)


def parse_session_id(text: str) -> str:
    """An id that can travel in a header."""
    return check_session_id(text)


def parse_result_name(text: str) -> str:
    """A name that a Python variable can have."""
    if not text.isidentifier() or keyword.iskeyword(text):
        raise ValueError("takes a variable's name")
    return text


def parse_variables(text: str) -> tuple[str, ...]:
    """Names of variables, comma-separated."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(name.isidentifier() and not keyword.iskeyword(name) for name in names):
        raise ValueError("takes names of variables, with commas between them")
    return names


def parse_kind(word: object) -> StepKind:
    """The kind of step that ``word`` names.

    >>> parse_kind("vector-db").value
    'VectorDB'

    Raises:
        InputError: it is none; the hint says which was meant.
    """
    plain = word.strip().lower().replace("-", "_") if isinstance(word, str) else ""
    if plain in KIND_WORDS:
        return KIND_WORDS[plain]
    import difflib

    squeezed = {name.replace("_", ""): name for name in KIND_WORDS}
    close = difflib.get_close_matches(plain.replace("_", ""), squeezed, 1)
    meant = f"did you mean {squeezed[close[0]]}?" if close else f"type one of {', '.join(KIND_WORDS)}"
    raise InputError(f"{word!r} is not a kind of step.", hint=meant)


def parse_names(text: str) -> tuple[str, ...]:
    """Names of functions, comma-separated; attributes of a name after dots.

    >>> parse_names("weather, client.search")
    ('weather', 'client.search')
    """
    names = tuple(name.strip() for name in text.split(","))
    if not all(part.isidentifier() for name in names for part in name.split(".")):
        raise ValueError("takes names of functions, with commas between them")
    return names


def parse_rounds(text: str) -> int:
    """A whole number from 1 to 100."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_ROUNDS:
        raise ValueError(f"takes a whole number from 1 to {MOST_ROUNDS}")
    return int(text)


def parse_rows(text: str) -> str:
    """An expression that gives the rows of a batch: mostly a variable's name."""
    if not text.strip():
        raise ValueError("needs a value")
    if "{{" in text:
        raise ValueError("takes an expression without braces")
    return text.strip()


def parse_jobs(text: str) -> int:
    """A whole number from 1 to 64."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_JOBS:
        raise ValueError(f"takes a whole number from 1 to {MOST_JOBS}")
    return int(text)


def parse_path_pattern(text: str) -> str:
    """A path, in which ``{{ … }}`` may still stand; normalised once that is filled."""
    if not text.startswith(("/", "{{")):
        raise ValueError("takes a path, which starts with a slash")
    return text


def parse_property(text: str) -> tuple[str, str]:
    """``key=value``, checked as a header."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ValueError("takes key=value")
    _check_no_template(text)
    check_property(key.strip(), value.strip())
    return key.strip(), value.strip()


def _check_no_template(text: str) -> None:
    """Refuses what looks as if it would be filled in, where Helicone would get the braces."""
    if "{{" in text:
        raise ValueError("takes what is sent as it stands, so nothing with {{ in it")


def may_be_set(key: str) -> bool:
    """Whether a request parameter is anyone's to name: the others have a place of their own, where they are checked.

    >>> may_be_set("max_tokens"), may_be_set("messages")
    (True, False)
    """
    return key not in _INSTEAD


def parse_parameter(key: str, text: str) -> tuple[str, Any]:
    """A request parameter and its value: JSON where it is JSON, else a string.

    >>> parse_parameter("max_tokens", "50"), parse_parameter("stop", "END")
    (('max_tokens', 50), ('stop', 'END'))
    """
    if not may_be_set(key):
        raise InputError(f"{key!r} cannot be set with -o.", hint=_INSTEAD[key])
    if not key.isidentifier():
        spelled = key.replace("-", "_")
        hint = f"type -o {spelled} {text}" if spelled.isidentifier() else "type -o max_tokens 200"
        raise InputError(f"{key!r} is not the name of a request parameter.", hint=hint)
    return key, _parse_json(key, text)


def _parse_json(key: str, text: str) -> Any:
    if text in _PYTHON_CONSTANTS:
        return _PYTHON_CONSTANTS[text]
    if text in _NO_NUMBERS:
        return text
    try:
        return json.loads(text, parse_constant=_refuse_number, parse_float=_parse_finite)
    except OverflowError as error:
        raise InputError(
            f"the value of {key!r} has a number that cannot be sent: {text!r}",
            hint="JSON has numbers up to 1.8e308, and neither NaN nor Infinity",
            cause=str(error),
        ) from error
    except ValueError as error:
        if text.startswith(("{", "[")):
            raise InputError(
                f"the value of {key!r} is not valid JSON: {text!r}",
                hint="""put it in single quotes: '{"type": "json_object"}'""",
                cause=str(error),
            ) from error
        return text


def _parse_finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_number(text)


def _refuse_number(text: str) -> float:
    raise OverflowError(f"{text} is no JSON")


def parse_ago(text: str) -> float:
    """A length of time in seconds.

    >>> [parse_ago(text) for text in ("30m", "24h", "7d")]
    [1800.0, 86400.0, 604800.0]
    """
    units = {"m": 60.0, "h": 3600.0, "d": 86400.0}
    count, unit = text[:-1], text[-1:]
    if not (unit in units and count.isdecimal() and 0 < int(count) * units[unit] <= LONGEST_AGO):
        raise ValueError("takes a length of time such as 30m, 24h or 7d")
    return int(count) * units[unit]


def _parse_number(text: str, rule: str, lowest: float, highest: float) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(rule) from None
    if not (math.isfinite(number) and lowest <= number <= highest):
        raise ValueError(rule)
    return number


def parse_by(text: str) -> Grouping:
    """What tells the steps of many sessions apart."""
    from heliconemagic.statistics.grouping import parse_grouping  # a line is parsed without it, mostly

    return parse_grouping(text)
