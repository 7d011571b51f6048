"""Which names of the notebook may be meant as tools, for tab completion."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any


def iterate_functions(names: Mapping[str, Any], word: str) -> Iterator[str]:
    """The functions and methods among ``names``, after those that ``word`` (``weather,sea``) has already.

    >>> list(iterate_functions({"weather": iterate_functions, "search": iterate_functions, "n": 1}, "weather,"))
    ['weather,search']
    """
    listed, comma, _ = word.rpartition(",")
    taken = {name.strip("\"' ") for name in listed.split(",")}
    for name in names:
        if name not in taken and not name.startswith("_") and _is_function(names[name]):
            yield f"{listed}{comma}{name}"


def _is_function(value: Any) -> bool:
    return inspect.isfunction(value) or inspect.ismethod(value)
