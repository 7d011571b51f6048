"""Fills the ``{{ … }}`` of a prompt with the notebook's values; everything else stays byte for byte.

Single braces, ``$``, LaTeX, JSON, ``{% %}``, ``{# #}`` and line ends are never touched, and a value
is never scanned again. What is filled in, and in which order, is decided here; Jinja itself is
wrapped by `heliconemagic.prompt.expressions`, imported once there is a span.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from heliconemagic.errors import TemplateError


class TemplateMode(StrEnum):
    """How much of a prompt is a template."""

    SPANS = "spans"  # only {{ expression }}
    RAW = "raw"  # nothing
    JINJA = "jinja"  # the full language


_OPENERS = {TemplateMode.SPANS: ("{{",), TemplateMode.RAW: (), TemplateMode.JINJA: ("{{", "{%", "{#")}


@dataclass(frozen=True, slots=True)
class Filled:
    """A prompt ready to be sent, and notes on what was left out of it ("DataFrame df: 10 of 2,000 rows")."""

    text: str
    notes: tuple[str, ...] = ()


def fill_template(
    text: str,
    names: Mapping[str, Any],
    *,
    mode: TemplateMode | str = TemplateMode.SPANS,
    spell: Callable[[str], str] = str,
) -> Filled:
    """``text`` with its spans filled from ``names``; ``spell`` may change the text of each value.

    >>> fill_template('Write on {{ topic }} as {"title": "…"}.', {"topic": "bees"}).text
    'Write on bees as {"title": "…"}.'

    Raises:
        TemplateError: a span cannot be filled. Nothing was sent.
    """
    if not _has_template(text, mode):
        return Filled(text)
    if mode == TemplateMode.JINJA:
        return _fill_jinja(text, names, spell)
    return _fill_spans(text, names, spell)


def compute_expression(expression: str, names: Mapping[str, Any]) -> Any:
    """The value of what could stand between ``{{`` and ``}}``.

    Raises:
        TemplateError: it is no expression, or cannot be computed.
    """
    from heliconemagic.prompt import expressions

    source = "{{ " + expression + " }}"
    try:
        pieces = [piece for piece in expressions.split_spans(source) if piece]
        if len(pieces) == 1 and not isinstance(pieces[0], str):
            return expressions.compute_span(pieces[0], names)
    except TemplateError as error:
        why = error.message.partition("cannot be filled")[2].lstrip(": .")
        hint, is_literal, _ = (error.hint or "").partition("or a literal '{{'")  # there is no brace to be literal
        hint = hint[:-1].strip() if is_literal else hint
        raise TemplateError(
            f"{expression!r} cannot be computed{': ' + why if why else '.'}", hint=hint or None, cause=error.cause
        ) from error
    raise TemplateError(f"{expression!r} is not an expression.", hint="name a variable of the notebook")


def find_names(text: str, *, mode: TemplateMode | str = TemplateMode.SPANS) -> frozenset[str]:
    """The names that filling ``text`` would look up, built-in functions included.

    Raises:
        TemplateError: a span is not an expression.
    """
    if not _has_template(text, mode):
        return frozenset()
    from heliconemagic.prompt import expressions

    return expressions.find_template_names(text) if mode == TemplateMode.JINJA else expressions.find_span_names(text)


def find_awaitables(
    text: str, names: Mapping[str, Any], *, mode: TemplateMode | str = TemplateMode.SPANS
) -> dict[str, Awaitable[Any]]:
    """Those of ``names`` that ``text`` uses and that must be awaited first: tasks, futures, coroutines.

    Raises:
        TemplateError: a span is not an expression.
    """
    used = sorted(find_names(text, mode=mode))
    return {name: names[name] for name in used if name in names and inspect.isawaitable(names[name])}


@dataclass(frozen=True, slots=True)
class SpanValue:
    """The value of a text that is one ``{{ … }}`` and nothing else, and what stands between the braces."""

    value: Any
    expression: str


def compute_single_span(text: str, names: Mapping[str, Any], *, mode: TemplateMode | str) -> SpanValue | None:
    """The value itself, not its text, of a ``text`` that is a single span; None for any other.

    Raises:
        TemplateError: the span cannot be computed.
    """
    if not text.strip().startswith("{{") or not _has_template(text, mode):
        return None
    from heliconemagic.prompt import expressions

    spans = [piece for piece in expressions.split_spans(text) if not isinstance(piece, str) or piece.strip()]
    if len(spans) != 1 or isinstance(spans[0], str):
        return None
    return SpanValue(expressions.compute_span(spans[0], names), spans[0].expression)


def _has_template(text: str, mode: TemplateMode | str) -> bool:
    return any(opener in text for opener in _OPENERS[TemplateMode(mode)])


def _fill_spans(text: str, names: Mapping[str, Any], spell: Callable[[str], str]) -> Filled:
    from heliconemagic.prompt import expressions
    from heliconemagic.prompt.value_text import build_value_text

    filled: list[str] = []
    notes: list[str] = []
    for piece in expressions.split_spans(text):
        if isinstance(piece, str):
            filled.append(piece)
            continue
        value = build_value_text(expressions.compute_span(piece, names), piece.expression)
        filled.append(spell(value.text))
        notes.extend([value.note] if value.note else [])
    return Filled("".join(filled), tuple(notes))


def _fill_jinja(text: str, names: Mapping[str, Any], spell: Callable[[str], str]) -> Filled:
    from heliconemagic.prompt import expressions
    from heliconemagic.prompt.value_text import build_value_text

    notes: list[str] = []

    def show(value: Any) -> str:
        shown = build_value_text(value, _find_name(value, names))
        notes.extend([shown.note] if shown.note else [])
        return spell(shown.text)

    return Filled(expressions.render_template(text, names, show), tuple(notes))


def _find_name(value: Any, names: Mapping[str, Any]) -> str:
    """What the notebook calls ``value``: within a whole template the expression isn't known."""
    return next((name for name, other in names.items() if other is value and not name.startswith("_")), "…")
