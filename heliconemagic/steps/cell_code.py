"""What a cell's code says of its result: the last expression, else what it assigns last. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any


def find_assigned(source: str) -> tuple[str, ...]:
    """The names that the last assignment at the top level of ``source`` gives a value; none if there is none.

    >>> find_assigned("a = 1\\nb, c = f()\\nprint(b)")
    ('b', 'c')
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return next(filter(None, map(_list_targets, reversed(body))), ())


def choose_output(value: Any, assigned: tuple[str, ...], names: Mapping[str, Any]) -> Any:
    """What a cell gave: the value of its last expression, where that is None what it assigned."""
    if value is not None or not assigned:
        return value
    found = {name: names[name] for name in assigned if name in names}
    return next(iter(found.values()), None) if len(assigned) == 1 else found


def _list_targets(node: ast.stmt) -> tuple[str, ...]:
    if isinstance(node, ast.Assign):
        return tuple(dict.fromkeys(name for target in node.targets for name in _iterate_names(target)))
    if isinstance(node, ast.AnnAssign | ast.AugAssign):
        return tuple(_iterate_names(node.target))
    return ()


def _iterate_names(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Starred):
        yield from _iterate_names(target.value)
    elif isinstance(target, ast.Tuple | ast.List):
        for inner in target.elts:
            yield from _iterate_names(inner)
