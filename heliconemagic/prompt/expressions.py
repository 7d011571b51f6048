"""Wraps Jinja2: finds and computes the ``{{ … }}`` of a prompt in its sandbox, and says what failed.

Imported by `heliconemagic.prompt.templates` only once a prompt has a span. Each span is compiled alone, so the
text around it is never seen by Jinja. The sandbox stops accidents, not attackers.
"""

from __future__ import annotations

import builtins
import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateAssertionError, TemplateSyntaxError, UndefinedError, meta
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.environment import TemplateExpression
from jinja2.runtime import Undefined
from jinja2.sandbox import SandboxedEnvironment, safe_range
from jinja2.utils import missing

from heliconemagic.errors import HeliconeMagicError, TemplateError
from heliconemagic.names import AnswersByPath

_LITERAL_HINT = "for a literal '{{' use --raw, or write {{ '{{' }}"
OFFERED_FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (len, str, round, sorted, min, max)
}
_MOST_ENDINGS = 200  # how many `}}` are tried as the end of one span, so that a broken one stays cheap
_FORMAT_SPEC = re.compile(r"\s*(?P<value>[\w.\[\]]+):(?P<spec>[.,\d]*[a-z%]?)\s*")


@dataclass(frozen=True, slots=True)
class Span:
    """One ``{{ … }}`` of a prompt, compiled."""

    source: str  # with its braces
    line: int  # counted from 1
    compute: TemplateExpression

    @property
    def expression(self) -> str:
        """What stands between the braces."""
        return self.source[2:-2].strip()


class _MissingError(UndefinedError):
    """A missing attribute or item was used; ``hint`` says what there is instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class _Missing(StrictUndefined):
    """A name, attribute or item that isn't there; using it raises `_MissingError`."""

    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: Any = None, exc: Any = UndefinedError
    ) -> None:
        super().__init__(hint, obj, name, exc)
        if exc is UndefinedError and obj is not missing:
            # Jinja calls whatever stands here with its message
            self._undefined_exception = lambda _: _build_missing_error(obj, name)  # type: ignore[assignment]


@lru_cache(maxsize=64)  # a batch fills the same template thousands of times
def split_spans(text: str) -> tuple[str | Span, ...]:
    """``text`` as its untouched pieces and its spans, in order.

    Raises:
        TemplateError: a ``{{`` is never closed, or opens something that is not an expression.
    """
    environment = _build_environment(OFFERED_FUNCTIONS)
    pieces: list[str | Span] = []
    position = 0
    while (start := text.find("{{", position)) >= 0:
        span = _read_span(text, start, environment)
        pieces += [text[position:start], span]
        position = start + len(span.source)
    return (*pieces, text[position:])


def compute_span(span: Span, names: Mapping[str, Any]) -> Any:
    """The value of ``span``.

    Raises:
        TemplateError: a name is unknown, or the expression fails.
    """
    used = find_span_names(span.source)
    if span.expression in used and span.expression in names:  # a name and nothing else, as most are
        return names[span.expression]
    try:
        value = span.compute(_select(used, names))
        if isinstance(value, Undefined):
            str(value)  # raises
    except Exception as error:  # whatever the notebook's own objects raise
        raise _build_failure(f"{_show(span.source)} (line {span.line})", error, names) from error
    return value


def render_template(text: str, names: Mapping[str, Any], show: Callable[[Any], str]) -> str:
    """``text`` as a whole Jinja template; ``show`` gives the text of each value.

    Jinja knows one kind of line end for a template: the one that ``text`` uses most.

    Raises:
        TemplateError: it is not a template, a name is unknown, or an expression fails.
    """
    environment = _build_environment(
        {**DEFAULT_NAMESPACE, **OFFERED_FUNCTIONS, "range": safe_range},
        keep_trailing_newline=True,
        newline_sequence=_find_newline(text),
        finalize=lambda value: _finish(value, show),
    )
    try:
        return environment.from_string(text).render(_select(find_template_names(text), names))
    except TemplateSyntaxError as error:
        raise TemplateError(
            f"the prompt is not a Jinja template (line {error.lineno}): {error.message}",
            hint="write {% raw %}…{% endraw %} around literal braces, or leave --jinja away",
        ) from error
    except TemplateError:
        raise  # of `show`
    except Exception as error:  # whatever the notebook's own objects raise
        raise _build_failure("the template", error, names) from error


def _select(used: frozenset[str], names: Mapping[str, Any]) -> dict[str, Any]:
    """Only what is used: Jinja copies what it gets, and a notebook has large and costly names."""
    return {name: names[name] for name in used if name in names}


@lru_cache(maxsize=256)
def find_span_names(text: str) -> frozenset[str]:
    """The names that the spans of ``text`` look up.

    Raises:
        TemplateError: as `split_spans`.
    """
    expressions = (span.expression for span in split_spans(text) if isinstance(span, Span))
    return find_template_names("".join(f"{{{{ {expression} }}}}" for expression in expressions))


def find_template_names(text: str) -> frozenset[str]:
    """The names that a whole Jinja template looks up; empty if it cannot be parsed."""
    try:
        return frozenset(meta.find_undeclared_variables(_build_environment({}).parse(text)))
    except TemplateSyntaxError:
        return frozenset()  # rendering says what is wrong


def _build_environment(functions: Mapping[str, Any], **options: Any) -> SandboxedEnvironment:
    environment = SandboxedEnvironment(undefined=_Missing, **options)
    environment.globals = dict(functions)
    return environment


def _read_span(text: str, start: int, environment: SandboxedEnvironment) -> Span:
    """The span that opens at ``start``: it ends at the first ``}}`` with which it is an expression."""
    line = text.count("\n", 0, start) + 1
    first_error: Exception | None = None
    for end in _find_endings(text, start):
        expression = text[start + 2 : end]
        try:
            compute = environment.compile_expression(expression, undefined_to_none=False)
        except TemplateAssertionError as error:
            raise _build_not_offered(text[start : end + 2], line, error, environment) from error
        except (TemplateSyntaxError, SyntaxError, ValueError, RecursionError) as error:
            first_error = first_error or error
        else:
            _check_trim_marks(expression, line)
            return Span(text[start : end + 2], line, compute)
    raise _build_not_expression(text, start, line, first_error) from first_error


def _find_endings(text: str, start: int) -> Iterator[int]:
    end = start + 1
    for _ in range(_MOST_ENDINGS):
        end = text.find("}}", end + 1)
        if end < 0:
            return
        yield end


def _check_trim_marks(expression: str, line: int) -> None:
    """Jinja's ``{{- x`` trims blanks; alone, ``- x`` would be a negative number."""
    if expression.startswith("-"):
        plain = expression[1:].strip()
        raise TemplateError(
            f"{_show('{{' + expression + '}}')} (line {line}): the mark '{{{{-' is part of Jinja's full language.",
            hint=f"type {{{{ {plain} }}}}, or {{{{ -{plain} }}}} for a minus, or use --jinja",
        )


def _build_not_expression(text: str, start: int, line: int, error: Exception | None) -> TemplateError:
    if error is None:
        return TemplateError(
            f"the '{{{{' in line {line} is never closed: {_show(text[start : start + 60])}", hint=_LITERAL_HINT
        )
    source = text[start : text.find("}}", start + 2) + 2]
    habit = _FORMAT_SPEC.fullmatch(source[2:-2])
    instead = f"type {{{{ '%{habit['spec']}' | format({habit['value']}) }}}}; " if habit else ""
    return TemplateError(
        f"{_show(source)} (line {line}) is not an expression.", hint=instead + _LITERAL_HINT, cause=str(error)
    )


def _build_not_offered(
    source: str, line: int, error: TemplateAssertionError, environment: SandboxedEnvironment
) -> TemplateError:
    """A filter or test that Jinja doesn't have."""
    named = re.search(r"'([^']*)'", error.message or "")
    close = _find_close(named[1] if named else "", [*environment.filters, *environment.tests])
    return TemplateError(
        f"{_show(source)} (line {line}) cannot be filled: {error.message}",
        hint=_ask_meant(close) or "compute it in a Python cell and use its name here",
    )


def _build_failure(where: str, error: Exception, names: Mapping[str, Any]) -> TemplateError:
    """What an expression raised, in our words."""
    message = f"{where} cannot be filled"
    if isinstance(error, HeliconeMagicError):
        return TemplateError(f"{message}: {error.message}", hint=error.hint, cause=error.cause)
    if isinstance(error, _MissingError):
        return TemplateError(f"{message}: {error.message}.", hint=error.hint or None)
    if isinstance(error, UndefinedError):
        what, hint = _describe_undefined(error, names)
        return TemplateError(f"{message}: {what}", hint=hint)
    return TemplateError(f"{message}.", cause=f"{type(error).__name__}: {error}")


def _describe_undefined(error: UndefinedError, names: Mapping[str, Any]) -> tuple[str, str]:
    """Message and hint for a name that nothing has."""
    named = re.match(r"'(.*)' is undefined", error.message or "")
    name = named[1] if named else ""
    if hasattr(builtins, name):
        offered = " ".join(OFFERED_FUNCTIONS)
        return f"Python's {name!r} is not offered in a prompt.", f"offered are {offered}; else compute it in a cell"
    close = _find_close(name, [*names, *OFFERED_FUNCTIONS])
    hint = f"{_ask_meant(close)} F{_LITERAL_HINT[1:]}" if close else _LITERAL_HINT
    return f"{name!r} is not defined in the notebook.", hint


def _build_missing_error(owner: Any, name: Any) -> _MissingError:
    members = _list_members(owner)
    hint = _ask_meant(_find_close(name, members)) if isinstance(name, str) else ""
    known = f"{', '.join(map(repr, members[:8]))}{', …' if len(members) > 8 else ''}"
    if isinstance(owner, AnswersByPath):
        missing_hint = f"there are answers at {known}" if members else "run the cell of that path first"
        return _MissingError(f"no step at {name!r} has an answer", hint or missing_hint)
    if not hint and isinstance(owner, Mapping):
        hint = f"it has {known}" if members else "it is empty"
    return _MissingError(f"the {type(owner).__name__} has no {name!r}", hint)


def _list_members(owner: Any) -> list[Any]:
    """What can stand in brackets or follow a dot: the keys of a mapping, else columns and attributes."""
    if isinstance(owner, Mapping):
        return list(owner)
    return [*getattr(owner, "columns", ()), *(member for member in dir(owner) if not member.startswith("_"))]


def _find_close(name: str, candidates: Iterable[Any]) -> list[str]:
    words = [word for word in candidates if isinstance(word, str) and not word.startswith("_")]
    return difflib.get_close_matches(name, dict.fromkeys(words), n=2)


def _ask_meant(close: list[str]) -> str:
    return f"did you mean {' or '.join(map(repr, close))}?" if close else ""


def _finish(value: Any, show: Callable[[Any], str]) -> str:
    return str(value) if isinstance(value, Undefined) else show(value)


def _find_newline(text: str) -> str:
    crlf = text.count("\r\n")
    lone = {"\r\n": crlf, "\n": text.count("\n") - crlf, "\r": text.count("\r") - crlf}
    return max(lone, key=lambda newline: (lone[newline], newline == "\n"))


def _show(text: str) -> str:
    """``text`` in quotes, shortened; as it was typed, backslashes and all."""
    return f"'{text}'" if len(text) <= 60 else f"'{text[:57]}…'"
