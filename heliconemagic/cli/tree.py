"""``heliconemagic tree``: checks a JSON list of requests and prints their tree. Knows no journal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.render.columns import align_columns
from heliconemagic.render.figures import format_seconds
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.steps.tree import build_tree_json

MAX_SEGMENTS = 200
"""Of one path: deeper trees fit neither a screen nor a JSON parser."""

_SHAPE = 'a list of {"id": "r1", "path": "/abstract", "start": 1000, "end": 1900, "model": "gpt-4o-mini"}, in ms'


def read_text(file: str) -> str:
    """What ``file`` holds, or standard input for ``-``.

    Raises:
        InputError: it cannot be read as UTF-8 text.
    """
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file!r} cannot be read.", cause=str(error)) from error


def print_tree(text: str, *, as_json: bool, write: Callable[[str], None]) -> None:
    """Prints the tree of the requests in ``text``, nested as JSON or for reading."""
    tree = build_tree_json(parse_requests(text))
    write((json.dumps(tree, indent=1) if as_json else build_tree_text(tree)) + "\n")


def parse_requests(text: str) -> list[dict[str, Any]]:
    """The requests of a JSON list, checked.

    Raises:
        InputError: it is no JSON, no list, or an entry lacks something.
    """
    try:
        requests = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError("the file is not JSON.", hint=f"it should be {_SHAPE}", cause=str(error)) from error
    if not isinstance(requests, list):
        raise InputError(f"the file holds {_name_type(requests)}, not a list.", hint=f"it should be {_SHAPE}")
    for number, request in enumerate(requests):
        fault = _find_fault(request)
        if fault:
            raise InputError(f"entry {number} {fault}.", hint=f"it should be {_SHAPE}")
    return requests


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _name_type(value: Any) -> str:
    if value is None:
        return "null"
    return {dict: "an object", str: "a string", bool: "a boolean"}.get(type(value), "a number")


def _find_fault(request: Any) -> str | None:
    """What is wrong with one entry, as the end of a sentence."""
    if not isinstance(request, Mapping):
        return "is not an object"
    missing = [name for name in ("id", "path", "start", "end") if request.get(name) is None]
    if missing:
        return f"has no {missing[0]!r}"
    for name in ("start", "end"):
        if isinstance(request[name], bool) or not isinstance(request[name], int | float):
            return f"has {request[name]!r} as its {name!r}, not a number of milliseconds"
    if not isinstance(request["path"], str):
        return f"has {request['path']!r} as its 'path', not a text"
    if request["path"].count("/") > MAX_SEGMENTS:
        return f"has a path of more than {MAX_SEGMENTS} segments"
    return None


def build_tree_text(tree: Mapping[str, Any]) -> str:
    """The nested form for a terminal, one line for each folder and request, latencies at the right."""
    return "\n".join(align_columns(list(_iterate_rows(tree, 0)), "lr"))


def _iterate_rows(node: Mapping[str, Any], depth: int) -> Iterator[tuple[str, str]]:
    name = f"{node['segment']}/" if "children" in node else f"{node['request']} ({node['type']})"
    yield "  " * depth + make_safe_text(name), format_seconds(node["latency_ms"] / 1000)
    for child in node.get("children", ()):
        yield from _iterate_rows(child, depth + 1)
