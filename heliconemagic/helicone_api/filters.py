"""Conditions on requests, as Helicone's queries take them: one a leaf, in its wrapper, joined two by two.

A condition that isn't wrapped so, or a leaf with two of them, is no error there: the answer is silently empty, or the
second one doesn't count. So they are built here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from typing import Any, Literal

from heliconemagic.headers import SESSION_ID, SESSION_NAME

Filter = Mapping[str, Any] | Literal["all"]
"""A leaf, a branch, or all requests."""

_TABLE = "request_response_rmt"
TIMED_OUT, PENDING, CANCELLED, THREAT = -1, -2, -3, -4
"""What stands for the status where there was no answer: Helicone's own numbers."""


def match_column(column: str, operator: str, value: str | float) -> Filter:
    """Requests by a column of their own: ``user_id``, ``status``, ``request_id`` …"""
    return {_TABLE: {column: {operator: value}}}


def match_property(name: str, value: str, operator: str = "equals") -> Filter:
    """Requests by a property, whose name is spelled as it is stored."""
    return {_TABLE: {"properties": {name: {operator: value}}}}


def match_session(session_id: str, name: str | None = None) -> Filter:
    """The requests of a session; its id under all names unless one is given."""
    named = [] if name is None else [match_property(SESSION_NAME, name)]
    return join("and", [match_property(SESSION_ID, session_id), *named])


def match_failures() -> Filter:
    """Requests that were refused, broke off or never got an answer."""
    unanswered = [match_column("status", "equals", status) for status in (TIMED_OUT, CANCELLED, THREAT)]
    return join("or", [match_column("status", "gte", 400), *unanswered])


def match_since(moment: float) -> Filter:
    """Requests that began after ``moment`` (seconds since the epoch)."""
    spelled = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return match_column("request_created_at", "gte", spelled)


def join(operator: Literal["and", "or"], filters: Sequence[Filter]) -> Filter:
    """One filter of several; all requests for none."""
    if not filters:
        return "all"
    return reduce(lambda left, right: {"left": left, "operator": operator, "right": right}, filters)
