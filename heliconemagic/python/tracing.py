"""Traced steps in Python: ``with session.step(…):`` around code, ``@session.traced(…)`` around functions.

What runs inside is the person's own: it is called as ever, gives what it gives and raises what it raises.
"""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import wraps
from types import TracebackType
from typing import Any, Self

from heliconemagic.errors import HeliconeMagicError, InputError
from heliconemagic.notebook.traced import OpenStep
from heliconemagic.steps.capture import Pieces, capture_input, capture_json, capture_output


@dataclass(frozen=True, slots=True)
class Tracing:
    """How steps are opened: by the handle of a session, which can be pickled where functions are."""

    begin: Callable[[str], OpenStep]  # with its input as JSON; raises where it cannot be recorded
    find_redact: Callable[[], Callable[[str], str]]
    note_change: Callable[[], None]


class TracedStep:
    """What ``with session.step("/retrieve") as step:`` gives, also with ``async with``.

    Set ``output`` to what came out of it, and ``input`` to what went in if that is known only inside.
    """

    def __init__(self, tracing: Tracing, given: Any = None) -> None:
        self.output: Any = None
        self._tracing = tracing
        self._input = given
        self._open: OpenStep | None = None
        self._inside: AbstractContextManager[None] = nullcontext()

    @property
    def input(self) -> Any:
        """What went in; any value, of which the record keeps the JSON."""
        return self._input

    @input.setter  # noqa: A003
    def input(self, value: Any) -> None:
        self._input = value
        if self._open is not None:
            self._open.put_input(capture_json(value, self._tracing.find_redact()))

    @property
    def id(self) -> str:
        """The step's id, which is its request id at Helicone."""
        return self._find_open().step.id

    @property
    def path(self) -> str:
        """Where it stands."""
        return self._find_open().step.path

    def __repr__(self) -> str:
        if self._open is None:
            return "<step, not begun>"
        return f"<step {self._open.step.path}: {self._open.step.kind.value}, {self._open.step.status.value}>"

    def __enter__(self) -> Self:
        if self._open is not None:
            raise InputError("this step has begun already.", hint="each `with` wants a session.step(…) of its own")
        self._open = self._tracing.begin(capture_json(self._input, self._tracing.find_redact()))
        self._inside = self._open.use()
        self._inside.__enter__()
        self._tracing.note_change()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside.__exit__(None, None, None)
        if isinstance(error, GeneratorExit) and _is_generator(trace):
            error = None  # nobody wants more of it, which ends a decorated generator as well
        self._find_open().end(text=capture_output(self.output, self._tracing.find_redact()), error=error)
        self._tracing.note_change()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _find_open(self) -> OpenStep:
        if self._open is None:
            raise InputError("this step has not begun.", hint='type with session.step("/retrieve") as step:')
        return self._open


def _is_generator(trace: TracebackType | None) -> bool:
    """Whether the block where ``trace`` begins stands in a generator, of either kind."""
    kinds = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
    return trace is not None and bool(trace.tb_frame.f_code.co_flags & kinds)


def trace(function: Callable[..., Any], tracing: Tracing) -> Callable[..., Any]:
    """``function``, of whatever kind, whose every call is a step.

    Raises:
        InputError: it is no function.
    """
    if isinstance(function, staticmethod | classmethod):  # the decorator stands above theirs
        return type(function)(trace(function.__func__, tracing))
    if isinstance(function, type) or not callable(function):
        raise InputError(
            f"{function!r} is not a function.", hint='type @session.traced("/path") above def, async def or a method'
        )
    calls = _Calls(function, tracing)
    asked = (function, type(function).__call__)  # objects that can be called say it in their class
    if any(map(inspect.isasyncgenfunction, asked)):
        return _trace_async_generator(function, calls)
    if any(map(inspect.isgeneratorfunction, asked)):
        return _trace_generator(function, calls)
    is_async = any(map(inspect.iscoroutinefunction, asked))
    return _trace_awaited(function, calls) if is_async else _trace_plain(function, calls)


def _trace_plain(function: Callable[..., Any], calls: _Calls) -> Callable[..., Any]:
    @wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        with calls.begin(args, kwargs) as call, call.use():
            value = function(*args, **kwargs)
        if inspect.iscoroutine(value):  # it has only begun: a lambda around a coroutine, a decorated one
            return _await(value, call)
        call.succeed(value)
        return value

    return traced


async def _await(value: Coroutine[Any, Any, Any], call: _Call) -> Any:
    """Awaits in the call what its function gave."""
    with call, call.use():
        given = await value
    call.succeed(given)
    return given


def _trace_awaited(function: Callable[..., Any], calls: _Calls) -> Callable[..., Any]:
    @wraps(function)
    async def traced(*args: Any, **kwargs: Any) -> Any:
        with calls.begin(args, kwargs) as call, call.use():
            value = await function(*args, **kwargs)
        call.succeed(value)
        return value

    return traced


def _trace_generator(function: Callable[..., Any], calls: _Calls) -> Callable[..., Any]:
    @wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        inner = function(*args, **kwargs)
        with calls.begin(args, kwargs) as call:
            resume, given = inner.send, None
            while True:
                try:
                    with call.use():
                        piece = resume(given)
                except StopIteration as end:
                    call.end_pieces()
                    return end.value
                call.add(piece)
                try:
                    resume, given = inner.send, (yield piece)
                except GeneratorExit:
                    with call.use():
                        inner.close()
                    call.end_pieces()
                    raise
                except BaseException as error:  # noqa: BLE001  # thrown in by whoever reads: the function's to handle
                    resume, given = inner.throw, error

    return traced


def _trace_async_generator(function: Callable[..., Any], calls: _Calls) -> Callable[..., Any]:
    @wraps(function)
    async def traced(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = function(*args, **kwargs)
        with calls.begin(args, kwargs) as call:
            resume, given = inner.asend, None
            while True:
                try:
                    with call.use():
                        piece = await resume(given)
                except StopAsyncIteration:
                    call.end_pieces()
                    return
                call.add(piece)
                try:
                    resume, given = inner.asend, (yield piece)
                except GeneratorExit:
                    with call.use():
                        await inner.aclose()
                    call.end_pieces()
                    raise
                except BaseException as error:  # noqa: BLE001  # as above
                    resume, given = inner.athrow, error

    return traced


class _Calls:
    """Opens the step of each call of one function."""

    def __init__(self, function: Callable[..., Any], tracing: Tracing) -> None:
        self._name = getattr(function, "__qualname__", type(function).__name__)
        self._signature = _read_signature(function)
        self._warned: set[str] = set()
        self._tracing = tracing

    def begin(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> _Call:
        """The call's step; one that cannot be recorded keeps no function from running."""
        try:
            step = self._tracing.begin(capture_input(self._bind(args, kwargs), self._tracing.find_redact()))
        except HeliconeMagicError as error:
            self._warn(f"{self._name}() runs untraced: {error}")
            return _Call(None, self._tracing)
        self._tracing.note_change()
        return _Call(step, self._tracing)

    def _warn(self, text: str) -> None:
        """Warns once of the same thing, in the log where warnings are errors: they would be the function's."""
        if text in self._warned:
            return
        self._warned.add(text)
        try:
            warnings.warn(text, stacklevel=4)
        except UserWarning:
            logging.getLogger("heliconemagic").warning("%s", text)

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments by their names, as the function will see them; without the object that a method is of."""
        try:
            assert self._signature is not None
            bound = self._signature.bind(*args, **kwargs)
        except (TypeError, AssertionError):  # the call itself will say what is wrong with them
            return {**({"args": args} if args else {}), **kwargs}
        bound.apply_defaults()
        first = next(iter(self._signature.parameters), "")
        return {name: value for name, value in bound.arguments.items() if name != first or name not in _OWNERS}


_OWNERS = ("self", "cls")


def _read_signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # some that are written in C have none
        return None


class _Call:
    """One call, which fails with what is raised in its block; without a step it only runs."""

    def __init__(self, step: OpenStep | None, tracing: Tracing) -> None:
        self._step = step
        self._tracing = tracing
        self._pieces = Pieces()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A generator that is given up has ended already. What one that fails had yielded is kept.
        if error is not None and self._step is not None and self._step.is_open:
            self._end(text=self._pieces.write(), error=error)

    def use(self) -> AbstractContextManager[None]:
        """A context in which the function runs."""
        return self._step.use() if self._step is not None else nullcontext()

    def add(self, piece: Any) -> None:
        """Takes what a generator yields."""
        if self._step is not None:
            self._pieces.add(piece, self._tracing.find_redact)
            self._step.note_first_piece()

    def succeed(self, value: Any) -> None:
        """It returned."""
        if self._step is not None:
            self._end(text=capture_output(value, self._tracing.find_redact()))

    def end_pieces(self) -> None:
        """The generator ended, or nobody wants more of it."""
        if self._step is not None:
            self._end(text=self._pieces.write())

    def _end(self, *, text: str, error: BaseException | None = None) -> None:
        assert self._step is not None
        self._step.end(text=text, error=error)
        self._tracing.note_change()
