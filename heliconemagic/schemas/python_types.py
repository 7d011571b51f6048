"""Schemas of Python types: pydantic models, dataclasses, TypedDicts, and lists and unions of those."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def build_adapter(kind: Any) -> TypeAdapter[Any]:
    """What pydantic makes of ``kind``.

    Raises:
        pydantic.errors.PydanticUserError, NameError, TypeError: it cannot make anything of it.
    """
    from pydantic import TypeAdapter

    return kind if isinstance(kind, TypeAdapter) else TypeAdapter(renew_typed_dicts(kind))


def renew_typed_dicts(kind: Any) -> Any:
    """``kind`` with its TypedDicts as pydantic can read them.

    Before Python 3.12 those of `typing` don't know which of their keys are required:
    https://docs.pydantic.dev/latest/errors/usage_errors/#typed-dict-version
    """
    if typing.is_typeddict(kind) and type(kind).__module__ == "typing":
        return _renew(kind)
    arguments = typing.get_args(kind)
    if not arguments or typing.get_origin(kind) is typing.Literal:
        return kind
    renewed = tuple(renew_typed_dicts(argument) for argument in arguments)
    if renewed == arguments:
        return kind
    if isinstance(kind, types.UnionType):
        return typing.Union[renewed]  # noqa: UP007  # from a tuple
    return kind.copy_with(renewed) if hasattr(kind, "copy_with") else typing.get_origin(kind)[renewed]


def _renew(kind: Any) -> Any:
    import typing_extensions

    hints = typing_extensions.get_type_hints(kind, include_extras=True)
    fields = {name: _renew_field(hint, is_required=name in kind.__required_keys__) for name, hint in hints.items()}
    renewed: Any = typing_extensions.TypedDict(kind.__name__, fields)  # type: ignore[misc]
    renewed.__doc__, renewed.__module__ = kind.__doc__, kind.__module__
    return renewed


def _renew_field(hint: Any, *, is_required: bool) -> Any:
    """A field's type, marked where it may be left out. A mark that was written as text is seen here first."""
    import typing_extensions

    mark = typing.get_origin(hint)
    if mark in (typing.Required, typing.NotRequired):
        is_required, hint = mark is typing.Required, typing.get_args(hint)[0]
    renewed = renew_typed_dicts(hint)
    return renewed if is_required else typing_extensions.NotRequired[renewed]
