"""What templates may name, in layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class LayeredNames(Mapping[str, Any]):
    """Some names over others, looked up one by one: copying all would compute those that are costly."""

    def __init__(self, above: Mapping[str, Any], below: Mapping[str, Any]) -> None:
        self._above = above
        self._below = below

    def __getitem__(self, name: str) -> Any:
        return self._above[name] if name in self._above else self._below[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._above
        yield from (name for name in self._below if name not in self._above)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class AnswersByPath(Mapping[str, Any]):
    """What stands for answers by their paths: a template that names one that isn't there is told so in those words."""
