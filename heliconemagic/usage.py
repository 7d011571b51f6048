"""Tokens: what a gateway reported, and an estimate where nothing was reported yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_TOKENS = 10**12
"""A larger count is no count: it would not fit into the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one reply, as the provider counted them; ``cached`` is part of ``prompt``."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


def parse_usage(value: Mapping[str, Any] | None) -> Usage | None:
    """The ``usage`` object of a chat completion; None if it is missing or has no counts that can be meant."""
    prompt = _read_count(value, "prompt_tokens")
    if value is None or prompt is None:
        return None
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=_read_count(value, "completion_tokens") or 0,
        cached_tokens=min(prompt, _read_count(value.get("prompt_tokens_details"), "cached_tokens") or 0),
        reasoning_tokens=_read_count(value.get("completion_tokens_details"), "reasoning_tokens") or 0,
    )


def _read_count(value: object, name: str) -> int | None:
    """A whole number of tokens, as some servers also spell it ``5.0``; None for anything else."""
    count = value.get(name) if isinstance(value, Mapping) else None
    return int(count) if isinstance(count, int | float) and 0 <= count <= MOST_TOKENS else None


_OTHERS = re.compile(r"[^\x00-\u024f]+")
"""Characters beyond ASCII's relatives."""


def estimate_tokens(text: str) -> int:
    """Roughly how many tokens ``text`` is: 4 ASCII characters each, 1.5 of other scripts.

    >>> estimate_tokens("Write the first lesson.")
    6
    """
    others = 0 if text.isascii() else sum(map(len, _OTHERS.findall(text)))
    return -(-(len(text) - others) // 4) + -(-others * 2 // 3)
