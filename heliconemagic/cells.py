"""How the source of an ``%%llm`` or ``%%helicone_step`` cell becomes code. Pure text in, pure text out.

The cell is taken at the first stage of IPython's input transformers, before its prompt stripper
could eat a leading ``>>>``, so that the body arrives byte for byte. Where the kernel's loop can
await, the cell becomes one ``await``, so that Stop buttons and interrupts work at once; elsewhere
(nested under ``%%time`` or ``%%capture``, in a terminal) it becomes an ordinary magic call.

The code of a step becomes the cell itself, after one line that begins the step: so it runs, shows, fails and is
interrupted as in any cell, and the lines of its tracebacks are those of the cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

ATTRIBUTE = "_heliconemagic_run_cell"
"""The attribute of the shell that the async form awaits: a name in user_ns would not survive %reset."""

BEGIN_ATTRIBUTE = "_heliconemagic_begin_step"
"""The attribute of the shell that the first line calls: a name in user_ns would not survive %reset."""
STEP_MAGIC = "helicone_step"

EMPTY_BODY = "\n"
WRAPPERS = ("time", "timeit", "capture", "prun")
"""Cell magics that run what is below them as a cell."""

_FIRST = re.compile(rf"%%{STEP_MAGIC}(?=\s|$)(?P<line>.*)", re.DOTALL)
_CELL_MAGIC = re.compile(r"%%(?P<name>\w+)(?P<line>[^\n]*)")


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


def build_step_transformer(*, is_nested: Callable[[], bool]) -> Callable[[list[str]], list[str]]:
    """An input transformer for ``%%helicone_step`` cells. It has no effects."""
    wrapper = re.compile(rf"%%({'|'.join(WRAPPERS)})(?=\s|$)")

    def transform(lines: list[str]) -> list[str]:
        first = next((at for at, line in enumerate(lines) if line.strip() and not wrapper.match(line)), None)
        found = _FIRST.match(lines[first]) if first is not None else None
        if first is None or found is None:
            return lines
        line = found["line"].strip()
        body = lines[first + 1 :]
        around = [above for above in lines[:first] if above.strip()]
        if around or is_nested() or line in ("?", "??") or _asks_help(line):
            call = f"get_ipython().run_cell_magic({STEP_MAGIC!r}, {line!r}, {''.join(body) or EMPTY_BODY!r})\n"
            return [*around, call]
        begin = f"get_ipython().{BEGIN_ATTRIBUTE}({line!r})\n"
        return [*["\n"] * first, begin, *spell_body(body)]

    # As above.
    transform.has_side_effects = True  # type: ignore[attr-defined]
    return transform


def _asks_help(line: str) -> bool:
    return bool(re.match(r"(-h|--help(-all)?)(?!\S)", line))


def spell_body(lines: list[str]) -> list[str]:
    """The code as IPython takes a cell: a magic at its top is called, an indented block moved to the left."""
    first = next((line for line in lines if line.strip()), "")
    if found := _CELL_MAGIC.match(first):
        at = lines.index(first)
        below = "".join(lines[at + 1 :])
        return [*lines[:at], f"get_ipython().run_cell_magic({found['name']!r}, {found['line'].strip()!r}, {below!r})\n"]
    indent = first[: len(first) - len(first.lstrip())]
    return [line.removeprefix(indent) for line in lines] if indent else lines


def find_step_code(source: str) -> str:
    """The code of a ``%%helicone_step`` cell: what stands below its first line."""
    lines = source.splitlines(keepends=True)
    first = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    return "".join(lines[first + 1 :]) if _FIRST.match("".join(lines[first : first + 1])) else ""
