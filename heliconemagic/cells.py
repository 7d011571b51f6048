"""How the source of an ``%%llm`` cell becomes code. Pure text in, pure text out.

The cell is taken at the first stage of IPython's input transformers, before its prompt stripper
could eat a leading ``>>>``, so that the body arrives byte for byte. Where the kernel's loop can
await, the cell becomes one ``await``, so that Stop buttons and interrupts work at once; elsewhere
(nested under ``%%time`` or ``%%capture``, in a terminal) it becomes an ordinary magic call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

ATTRIBUTE = "_heliconemagic_run_cell"
"""The attribute of the shell that the async form awaits: a name in user_ns would not survive %reset."""

EMPTY_BODY = "\n"
WRAPPERS = ("time", "timeit", "capture", "prun")
"""Cell magics that run what is below them as a cell."""


def build_transformer(magics: Sequence[str], *, can_await: Callable[[], bool]) -> Callable[[list[str]], list[str]]:
    """An input transformer for cells of the named cell magics.

    It has no effects: older versions of IPython call it for completeness checks too.
    """
    pattern = re.compile(rf"%%({'|'.join(magics)})(?=\s|$)(?P<line>.*)", re.DOTALL)
    wrapper = re.compile(rf"%%({'|'.join(WRAPPERS)})(?=\s|$)")

    def transform(lines: list[str]) -> list[str]:
        first = next((index for index, line in enumerate(lines) if line.strip() and not wrapper.match(line)), None)
        found = pattern.match(lines[first]) if first is not None else None
        if first is None or found is None:
            return lines
        line = found["line"].rstrip("\r\n").strip()
        body = "".join(lines[first + 1 :])
        around = [above for above in lines[:first] if above.strip()]
        if not around and can_await():
            return [f"await get_ipython().{ATTRIBUTE}({found[1]!r}, {line!r}, {body!r})\n"]
        # Below a wrapper too, for IPython would strip prompts from the whole cell, and %%time reads
        # what it ran as Python once more, looking for a semicolon: an apostrophe would fail the cell.
        # IPython refuses an empty body with an error of its own that leaves no output.
        return [*around, f"get_ipython().run_cell_magic({found[1]!r}, {line!r}, {body or EMPTY_BODY!r})\n"]

    # A check for completeness must see the magic itself, for IPython ends a cell magic at a blank
    # line. It skips transformers that say this; ours has no effects all the same.
    transform.has_side_effects = True  # type: ignore[attr-defined]
    return transform
