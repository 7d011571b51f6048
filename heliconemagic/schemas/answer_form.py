"""What a cell asks of its answer (a schema, JSON, code), and whether the answer is that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heliconemagic.errors import InvalidAnswerError
from heliconemagic.fences import find_fence
from heliconemagic.records import Step, StepStatus
from heliconemagic.schemas.partial_json import read_json
from heliconemagic.schemas.problems import MismatchError, Problem
from heliconemagic.schemas.schema import Schema, read_response_format

MAX_REFUSAL = 200
MAX_TOLD = 5  # problems that an error lists


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerForm:
    """What the answer must be, besides text."""

    schema: Schema | None = None
    is_json: bool = False  # any JSON
    wants_code: bool = False  # a fenced block
    fills_cell: bool = False  # … which then stands in a cell of its own

    @property
    def wants_json(self) -> bool:
        """Whether the answer must be JSON."""
        return self.is_json or self.schema is not None

    @property
    def parameters(self) -> dict[str, Any]:
        """What the request says about it."""
        if self.schema is not None:
            return {"response_format": self.schema.build_response_format()}
        return {"response_format": {"type": "json_object"}} if self.is_json else {}


_ANYTHING = AnswerForm()


def read_recorded_form(parameters: Mapping[str, Any]) -> AnswerForm:
    """The form that a recorded request asked for, as far as its parameters tell."""
    wanted = parameters.get("response_format")
    if wanted is None:
        return _ANYTHING
    schema = read_response_format(wanted)
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    return AnswerForm(schema=schema, is_json=schema is None and kind in ("json_object", "json_schema"))


def check_answer(step: Step, form: AnswerForm) -> None:
    """Nothing, if the finished ``step`` gave what was asked for.

    Raises:
        InvalidAnswerError: it didn't; the text is kept.
    """
    if step.tool_calls and not step.text:
        return  # the model asks for something first
    if form.wants_json:
        build_object(step, form)
    if form.wants_code and find_fence(step.text) is None:
        raise _build_error(step, "has no fenced block of code that is closed", hint="ask for a code block")


def find_fault(step: Step, form: AnswerForm) -> InvalidAnswerError | None:
    """What `check_answer` raises, if it does."""
    try:
        check_answer(step, form)
    except InvalidAnswerError as error:
        return error
    return None


def find_recorded_fault(step: Step) -> InvalidAnswerError | None:
    """The same of a recorded step, by what its request asked for."""
    return find_fault(step, read_recorded_form(step.parameters)) if step.status is StepStatus.DONE else None


def build_object(step: Step, form: AnswerForm) -> Any:
    """The object that the text of ``step`` is.

    Raises:
        InvalidAnswerError: it is none.
    """
    try:
        return form.schema.parse(step.text) if form.schema else read_json(step.text)
    except MismatchError as error:
        raise _build_mismatch(step, form, error.problems) from error
    except ValueError as error:
        raise _build_mismatch(step, form, [Problem((), f"is not JSON: {error}")]) from error


def describe_code(step: Step) -> str:
    """What ``-x`` took out of an answer; empty where there is nothing to take."""
    fence = find_fence(step.text)
    if fence is None:
        return ""
    lines = fence.code.count("\n")
    return f"{lines} line{'' if lines == 1 else 's'} of {fence.language or 'code'} in the reply's .code"


def _build_mismatch(step: Step, form: AnswerForm, problems: tuple[Problem, ...] | list[Problem]) -> InvalidAnswerError:
    first, *others = problems
    if not first.place and first.words.startswith("is not JSON"):
        return _build_error(step, first.words, hint="run the cell again")
    name = form.schema.name if form.schema else "JSON"
    told = "; ".join(map(str, others[:MAX_TOLD]))
    more = f"; and {len(others) - MAX_TOLD} more" if len(others) > MAX_TOLD else ""
    error = _build_error(step, f"doesn't fit {name!r}: {first}", hint="run the cell again", cause=told + more or None)
    error.problems = {problem.place: problem.words for problem in problems}
    return error


def _build_error(step: Step, words: str, *, hint: str, cause: str | None = None) -> InvalidAnswerError:
    """What ended the answer early explains more than what is missing in it."""
    if step.refusal:
        words, hint = f"is a refusal: {step.refusal[:MAX_REFUSAL]!r}", "ask in other words"
    elif step.finish_reason == "length":
        words, hint = "was cut off at the token limit, so it isn't complete", "raise it: -o max_tokens N"
    elif step.finish_reason == "content_filter":
        words, hint = "was cut off by the provider's content filter", "ask in other words"
    elif not step.text.strip():
        words, hint = "is empty", "run the cell again"
    kept = f"its text is kept: %helicone_session show {step.path}" if step.text.strip() else ""
    return InvalidAnswerError(
        f"the answer of {step.path!r} {words}.", hint="; ".join(part for part in (hint, kept) if part), cause=cause
    )
