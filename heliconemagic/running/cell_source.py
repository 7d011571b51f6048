"""What tracebacks and the debugger show of a ``%%helicone_step`` cell: the lines that were typed, by their numbers.

They read the source of a cell from `linecache`, where IPython puts what the cell became. The first line stands there as
a comment, so that the rest of the source stays Python: whoever reads it parses it.
"""

from __future__ import annotations

import linecache

from heliconemagic.cells import BEGIN_ATTRIBUTE, STEP_MAGIC


def show_first_line(file: str, number: int, line: str) -> None:
    """Puts the cell's own first line, the magic with ``line``, in place of the call that it became."""
    entry = linecache.cache.get(file)
    source = entry[2] if entry is not None and len(entry) == 4 else []
    if number <= len(source) and BEGIN_ATTRIBUTE in source[number - 1]:
        source[number - 1] = f"{_comment(_spell_magic(line))}\n"


def put_below(cell_text: str, line: str, source: str, code: str) -> str:
    """``code``, which the body ``source`` became, below what stands above it in the cell, as comments.

    A cell that was handed over by other code has nothing above it but its magic with ``line``.
    """
    body = source.rstrip("\n")
    above = cell_text.rstrip("\n").removesuffix(body)
    is_end = bool(body) and above.endswith("\n")
    lines = above[:-1].split("\n") if is_end else [_spell_magic(line)]
    return "".join(f"{_comment(one)}\n" for one in lines) + code


def _spell_magic(line: str) -> str:
    return f"%%{STEP_MAGIC} {line}".rstrip()


def _comment(line: str) -> str:
    return f"# {line}".replace("\r", "").rstrip()
