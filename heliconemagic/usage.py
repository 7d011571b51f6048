"""Tokens: what a gateway reported, and an estimate where nothing was reported yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
    """The ``usage`` object of a chat completion; None if it is missing or has no counts."""
    if not value or value.get("prompt_tokens") is None:
        return None
    prompt = value.get("prompt_tokens_details") or {}
    completion = value.get("completion_tokens_details") or {}
    return Usage(
        prompt_tokens=int(value["prompt_tokens"]),
        completion_tokens=int(value.get("completion_tokens") or 0),
        cached_tokens=int(prompt.get("cached_tokens") or 0),
        reasoning_tokens=int(completion.get("reasoning_tokens") or 0),
    )


def estimate_tokens(text: str) -> int:
    """Roughly how many tokens ``text`` is: 4 ASCII characters each, 1.5 of other scripts.

    >>> estimate_tokens("Write the first lesson.")
    6
    """
    others = sum(1 for char in text if ord(char) > 0x24F)
    return -(-(len(text) - others) // 4) + -(-others * 2 // 3)
