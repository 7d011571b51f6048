"""A notebook file, read for the replies in its outputs. Plain JSON: no Jupyter package is needed for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.lessons.line_values import LineError, parse_finite
from heliconemagic.render.card_state import REPLIES_MIME, REPLY_MIME
from heliconemagic.saved.replies import SavedReply, decode_replies

MAX_BYTES = 200_000_000
MAX_REPLIES = 20_000
_HINT = "name a notebook file (.ipynb) as Jupyter saves it, with its outputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedNotebook:
    """What a notebook file has of sessions."""

    file: str  # its name, without its folders
    stem: str
    replies: tuple[SavedReply, ...] = ()  # in the order of the cells, each once
    faults: tuple[str, ...] = ()  # what is wrong with the replies that were left out


def read_notebook(path: Path) -> SavedNotebook:
    """The notebook in ``path``. A reply that cannot be meant is left out, and told.

    Raises:
        InputError: the file cannot be read, or is no notebook.
    """
    replies: dict[str, SavedReply] = {}
    faults = []
    for number, cell in _iterate_cells(path, _parse(path)):
        try:
            found = [_put_cell(reply, cell) for form in _iterate_forms(cell) for reply in decode_replies(form)]
        except LineError as error:
            faults.append(f"cell {number} {error}")
            continue
        replies |= {reply.step.id: reply for reply in found}
        if len(replies) > MAX_REPLIES:
            raise InputError(f"{path.name!r} has more than {MAX_REPLIES:,} replies.", hint=_HINT)
    return SavedNotebook(file=path.name, stem=path.stem, replies=tuple(replies.values()), faults=tuple(faults))


def _parse(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path.name!r} is larger than {MAX_BYTES // 1_000_000} MB.", hint=_HINT)
        parsed = json.loads(path.read_bytes(), parse_constant=lambda _: None, parse_float=parse_finite)
    except OSError as error:
        raise InputError(f"{path.name!r} cannot be read: {error.strerror or error}.", hint=_HINT) from error
    except RecursionError:
        raise InputError(f"{path.name!r} is no notebook: it is nested too deeply.", hint=_HINT) from None
    except ValueError as error:
        raise InputError(
            f"{path.name!r} is no notebook: it is not valid JSON.", hint=_HINT, cause=str(error)[:80]
        ) from error
    return parsed if isinstance(parsed, dict) else {}


def _iterate_cells(path: Path, notebook: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if isinstance(notebook.get("worksheets"), list):
        raise InputError(
            f"{path.name!r} is of a format from before 2015.", hint="open it in Jupyter and save it, then try again"
        )
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise InputError(f"{path.name!r} is no notebook: it has no cells.", hint=_HINT)
    return ((number, cell) for number, cell in enumerate(cells, 1) if isinstance(cell, dict))


def _iterate_forms(cell: Mapping[str, Any]) -> Iterator[object]:
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        data = output.get("data") if isinstance(output, dict) else None
        if isinstance(data, dict):
            yield from (data[kind] for kind in (REPLY_MIME, REPLIES_MIME) if kind in data)


def _put_cell(reply: SavedReply, cell: Mapping[str, Any]) -> SavedReply:
    return replace(reply, step=replace(reply.step, cell=_find_cell_id(cell)))


def _find_cell_id(cell: Mapping[str, Any]) -> str:
    """Who the cell is when it runs: the id that its front end tells, else a hash of its text."""
    found = cell.get("id")
    if isinstance(found, str) and found:
        return found[:64]
    source = cell.get("source")
    text = "".join(map(str, source)) if isinstance(source, list) else str(source)
    return "text:" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
