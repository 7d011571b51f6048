"""The code of a cell that is nested in another one, run in the notebook's namespace. Imports no IPython.

The shell is `Any` here, as in `heliconemagic.frontend`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from types import CodeType
from typing import Any

from heliconemagic.running.waiting import run_blocking


def compile_code(shell: Any, source: str, *, place: Callable[[str], str], number: int) -> Callable[[], Any]:
    """``source`` as a cell's code. To call it gives the value of its last expression, unless a semicolon ends it.

    What it raises is raised. Where it awaits, it is waited for. ``place`` puts the code where it stands in
    the cell, which has this ``number``.

    Raises:
        SyntaxError: it is no Python; nothing has run.
    """
    __tracebackhide__ = True
    transformed = place(shell.transform_cell(source))
    name = shell.compile.cache(transformed, number, raw_code=transformed)
    tree = shell.transform_ast(shell.compile.ast_parse(transformed, filename=name))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    trees = (tree,) if last is None else (tree, ast.Expression(last.value))
    codes = [_compile(shell, part, name) for part in trees]

    def run() -> Any:
        __tracebackhide__ = True
        value = None
        for code in codes:
            value = _run(shell, code)
        return None if source.rstrip().endswith(";") else value

    return run


def _compile(shell: Any, tree: ast.Module | ast.Expression, name: str) -> CodeType:
    mode = "eval" if isinstance(tree, ast.Expression) else "exec"
    flags = shell.compile.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code: CodeType = compile(tree, name, mode, flags=flags, dont_inherit=True)
    return code


def _run(shell: Any, code: CodeType) -> Any:
    __tracebackhide__ = True
    value = eval(code, shell.user_global_ns, shell.user_ns)  # noqa: S307  # it is the person's own cell
    return run_blocking(value) if code.co_flags & inspect.CO_COROUTINE else value
