"""The part of a session's handle that makes traced steps: ``session.step(…)`` and ``@session.traced(…)``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from heliconemagic.errors import InputError
from heliconemagic.lines.option_values import parse_kind
from heliconemagic.paths import SessionPath
from heliconemagic.python.base_handle import BaseHandle
from heliconemagic.steps.inside import find_around
from heliconemagic.steps.traced import TracedForm

if TYPE_CHECKING:
    from heliconemagic.notebook.traced import OpenStep
    from heliconemagic.python.tracing import TracedStep, Tracing


class TracedHandle(BaseHandle):
    """Makes blocks and functions of the person's own steps of the session."""

    def step(self, path: str, /, *, kind: str = "tool", name: str = "", input: Any = None) -> TracedStep:  # noqa: A002
        """``with session.step("/retrieve", kind="vector_db") as step:`` makes a block a step; set ``step.output``.

        ``kind`` is ``tool``, ``vector_db`` or ``data``; ``name`` that of the tool or operation (the path's last part
        unless given). A path without a slash at its front is below the step around. ``async with`` does the same.

        Raises:
            InputError: path or kind cannot be meant; in the ``with``, that the session has ended.
        """
        from heliconemagic.python.tracing import TracedStep

        return TracedStep(self._build_tracing(path, kind, name), input)

    def traced(self, path: Any = None, /, *, kind: str = "tool", name: str = "") -> Any:
        """``@session.traced("/search", kind="vector_db")`` makes every call of a function a step.

        Its arguments are the input, what it returns or yields the output; also of methods, coroutines, generators and
        async generators, and of what returns a coroutine. Without a path (``@session.traced``) it stands below the step
        around, under its own name.

        Raises:
            InputError: path or kind cannot be meant, or what is decorated is no function.
        """
        if path is not None and not isinstance(path, str):
            return self._trace(path, None, kind, name)
        self._build_tracing("/any" if path is None else path, kind, name)  # a mistake is told where it stands
        return lambda function: self._trace(function, path, kind, name)

    def _trace(self, function: Callable[..., Any], path: str | None, kind: str, name: str) -> Callable[..., Any]:
        from heliconemagic.python.tracing import trace

        called = str(getattr(function, "__name__", type(function).__name__)).strip("<>")
        if path is not None:
            return trace(function, self._build_tracing(path, kind, name or called))
        own = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', called)}"
        return trace(function, self._build_tracing(called, kind, name or called, own))

    def _build_tracing(self, path: str, kind: str, name: str, function: str = "") -> Tracing:
        from heliconemagic.python.tracing import Tracing

        parse_kind(kind)
        if not isinstance(path, str):
            raise InputError(f"{path!r} is not a path.", hint='paths are text: "/retrieve"')
        SessionPath.parse(path if path.startswith("/") else f"/{path}")
        return Tracing(partial(self._begin_step, path, kind, name, function), self._find_redact, self._note_change)

    def _begin_step(self, path: str, kind: str, name: str, function: str, given: str) -> OpenStep:
        session, around = self._find_open(), find_around(self.id)
        if path.startswith("/"):
            place = self._place(path)
        elif around is not None and function and function == around.function:
            place = SessionPath(around.path)  # it calls itself
        else:
            place = SessionPath.parse(f"{around.path}/{path}") if around else self._place(f"/{path}")
        form = TracedForm(
            path=place,
            kind=parse_kind(kind),
            name=name,
            input=given,
            parent_id=around.id if around else None,
            function=function,
        )
        return self._host.notebook.traced.open(session, form, self._host.find_cell())

    def _find_redact(self) -> Callable[[str], str]:
        return self._host.notebook.traced.find_redactor().redact

    def _note_change(self) -> None:
        self._host.note_change()
