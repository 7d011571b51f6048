"""The options of a session and of a cell, and how one is laid over the other.

None (or an empty mapping) means "not given". Checks of single values happen where they are
parsed; this module only merges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any


class Verbatim(str):
    """Text from elsewhere: it is sent as it stands, never filled in as a template."""

    __slots__ = ()


class Context(StrEnum):
    """How a step finds the step it continues."""

    AUTO = "auto"  # the nearest ancestor path, else the step that ran last
    PATH = "path"  # ancestor paths only
    CHAT = "chat"  # always the step that ran last
    NONE = "none"  # nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """What can be said of requests, by a session for all of them or by a cell for its own."""

    gateway: str | None = None  # preset, URL or direct:URL
    model: str | None = None
    system: str | None = None  # "": no system prompt
    temperature: float | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)  # any further request parameter, typed
    user: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    cache: int | None = None  # seconds; 0: on, with Helicone's default time to live
    keep: bool | None = None  # whether an identical request's reply is taken from the journal
    retries: int | None = None
    timeout: float | None = None  # seconds without a byte
    budget: float | None = None  # USD for the session
    context: Context | None = None
    replay: str | None = None  # the lesson's file that answers
    fallback: str | None = None  # the lesson's file that answers where the network fails
    fallback_after: float | None = None  # seconds without text
    pace: float | None = None  # times the recorded speed; 0: at once

    def over(self, defaults: RequestOptions) -> RequestOptions:
        """These options where given, ``defaults`` elsewhere; mappings are merged key by key."""
        merged: dict[str, Any] = {}
        for option in fields(self):
            mine, theirs = getattr(self, option.name), getattr(defaults, option.name)
            if isinstance(mine, Mapping):
                merged[option.name] = {**theirs, **mine}
            else:
                merged[option.name] = theirs if mine is None else mine
        return RequestOptions(**merged)
