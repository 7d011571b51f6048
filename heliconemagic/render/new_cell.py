"""A model's code as the source of a new cell: it says where it comes from, and holds nothing unseen."""

from __future__ import annotations

from heliconemagic.fences import Fence
from heliconemagic.render.terminal import drop_controls

_PYTHON = frozenset(["", "python", "python3", "py", "py3", "ipython", "pycon", "jupyter"])


def build_cell_source(fence: Fence, *, path: str, model: str) -> str:
    """``fence`` below a comment of one line, which also says so where the code isn't Python's.

    Bidirectional and control characters are left out: with them code reads differently from what it does.
    """
    other = "" if fence.language in _PYTHON else f": {fence.language}, not Python"
    origin = " ".join(drop_controls(f"from {path}, by {model}; not run{other}").split())
    return f"# {origin}\n{drop_controls(fence.code).rstrip()}"
