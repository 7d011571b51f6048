"""Rows of Helicone's answers: a request, and a session as its own list sums it up. Checked as they are read.

Columns go by different names in its versions; the first that is there counts. Times are seconds since the epoch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from heliconemagic.headers import SESSION_ID, SESSION_NAME, SESSION_PATH
from heliconemagic.helicone_api.filters import CANCELLED, PENDING, THREAT, TIMED_OUT
from heliconemagic.helicone_api.values import (
    LONGEST_WORD,
    MOST,
    read_count,
    read_mapping,
    read_number,
    read_time,
    read_word,
)
from heliconemagic.paths import MAX_PATH_LENGTH
from heliconemagic.records import SessionSummary

UNNAMED = "(no name)"
"""The title of a session that has none."""
MOST_PROPERTIES = 100
LONGEST_SECONDS = 1e6
"""Of one request; more is a broken clock."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
_THUMB = "helicone-score-feedback"
_STATUSES = (TIMED_OUT, PENDING, CANCELLED, THREAT)
_WORDS = {
    TIMED_OUT: "no answer in time",
    CANCELLED: "its client left before the end",
    THREAT: "Helicone took it for an attack",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """A request as Helicone counts it, without its bodies."""

    id: str
    session_id: str
    session_name: str
    path: str  # as stored: not normalised
    started_at: float
    ended_at: float
    first_token_at: float | None
    status: int  # of HTTP, or one of Helicone's own below 0
    model: str
    user: str
    properties: Mapping[str, str]  # without the session's; names in lower case
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost: float | None  # USD by Helicone's prices; None: it knows none
    scores: Mapping[str, bool | int]  # by their names; "rating" is a thumb
    body_url: str  # signed; "" where there is none
    inline: Mapping[str, Any] = field(default_factory=dict)  # request and response, where they come with the row

    @property
    def is_under_way(self) -> bool:
        """Whether Helicone still waits for its answer."""
        return self.status == PENDING

    @property
    def is_failed(self) -> bool:
        """Whether it was refused, broke off or was never answered."""
        return self.status >= 400 or (self.status < 0 and not self.is_under_way)

    @property
    def is_unpriced(self) -> bool:
        """Whether it was answered at a price that Helicone doesn't know."""
        is_answered = bool(self.prompt_tokens + self.completion_tokens) and not (self.is_failed or self.is_under_way)
        return self.cost is None and is_answered

    @property
    def failure(self) -> str:
        """What its status says of a failure."""
        return _WORDS.get(self.status, f"status {self.status}") if self.is_failed else ""


def read_request_row(value: object) -> RequestRow | None:
    """The row that ``value`` is; None where it is no request's."""
    row = read_mapping(value)
    started_at, request_id = read_time(row.get("request_created_at")), row.get("request_id")
    if started_at is None or not isinstance(request_id, str) or not _REQUEST_ID.fullmatch(request_id):
        return None
    properties = _read_properties(_find(row, "properties", "request_properties"))
    prompt, completion = (read_count(row.get(f"{kind}_tokens")) or 0 for kind in ("prompt", "completion"))
    return RequestRow(
        id=request_id,
        session_id=properties.pop(SESSION_ID.lower(), ""),
        session_name=properties.pop(SESSION_NAME.lower(), ""),
        path=_read_path(properties.pop(SESSION_PATH.lower(), "")),
        started_at=started_at,
        ended_at=_read_end(row, started_at),
        first_token_at=_read_first_token(row, started_at),
        status=_read_status(_find(row, "response_status", "status")),
        model=read_word(_find(row, "model", "request_model", "response_model", "model_override")),
        user=read_word(_find(row, "request_user_id", "user_id")),
        properties=properties,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=min(prompt, read_count(row.get("prompt_cache_read_tokens")) or 0),
        cost=_read_cost(row, prompt + completion),
        scores=_read_scores(row.get("scores")),
        body_url=_read_url(row.get("signed_body_url")),
        inline={name: row.get(f"{name}_body") for name in ("request", "response") if _is_body(row.get(f"{name}_body"))},
    )


def read_session_row(value: object, source: str) -> SessionSummary | None:
    """A line of the list of sessions of the Helicone ``source``; None where it is none. It tells of no failures."""
    row = read_mapping(value)
    session_id, started_at = read_word(_find(row, "session_id", "session")), read_time(row.get("created_at"))
    if not session_id or started_at is None:
        return None
    name = read_word(row.get("session_name"))
    steps, tokens = (read_count(row.get(f"total_{what}")) or 0 for what in ("requests", "tokens"))
    cost = read_number(row.get("total_cost")) or 0.0
    return SessionSummary(
        id=session_id,
        name=name,
        title=name or UNNAMED,
        gateway="",
        source=source,
        started_at=started_at,
        ended_at=read_time(row.get("latest_request_created_at")),
        steps=steps,
        cost=cost,
        unpriced=steps if tokens and not cost else 0,  # Helicone sums up what it has no price for as 0
        tokens=tokens,
    )


def _find(row: Mapping[str, Any], *names: str) -> Any:
    return next((row[name] for name in names if row.get(name)), None)


def _read_properties(value: object) -> dict[str, str]:
    """Names in lower case, as they are sent: the session's own are stored as Helicone spells them."""
    pairs = list(read_mapping(value).items())[:MOST_PROPERTIES]
    found = {read_word(name).lower(): read_word(text) for name, text in pairs if isinstance(text, str)}
    return {name: text for name, text in found.items() if name}


def _read_scores(value: object) -> dict[str, bool | int]:
    """Whole numbers and thumbs; nothing else can be a score there."""
    found: dict[str, bool | int] = {}
    for name, given in list(read_mapping(value).items())[:MOST_PROPERTIES]:
        number = read_mapping(given).get("value", given)
        is_flag = read_mapping(given).get("valueType") == "boolean" or name == _THUMB
        word = read_word(name)
        if isinstance(number, int) and abs(number) <= MOST and word and word.isprintable():
            found["rating" if name == _THUMB else word] = bool(number) if is_flag else number
    return found


def _read_path(text: str) -> str:
    return ("" if text.startswith("/") else "/") + text[: MAX_PATH_LENGTH - 1]


def _read_end(row: Mapping[str, Any], started_at: float) -> float:
    milliseconds = read_number(_find(row, "delay_ms", "latency"), LONGEST_SECONDS * 1000)
    if milliseconds is not None:
        return started_at + milliseconds / 1000
    ended_at = read_time(row.get("response_created_at"))
    return started_at if ended_at is None else min(max(started_at, ended_at), started_at + LONGEST_SECONDS)


def _read_first_token(row: Mapping[str, Any], started_at: float) -> float | None:
    milliseconds = read_number(row.get("time_to_first_token"), LONGEST_SECONDS * 1000)
    return started_at + milliseconds / 1000 if milliseconds else None


def _read_status(value: object) -> int:
    if isinstance(value, int) and value in _STATUSES:
        return value
    return int(read_number(value, 999) or 0)


def _read_cost(row: Mapping[str, Any], tokens: int) -> float | None:
    """Helicone writes 0 where it knows no price."""
    cost = read_number(_find(row, "cost", "costUSD"), 1e9)
    return cost if cost or not tokens else None


def _read_url(value: object) -> str:
    if not (isinstance(value, str) and re.match(r"https?://", value) and len(value) < 16 * LONGEST_WORD):
        return ""
    try:
        parts = urlsplit(value)
        return value if parts.hostname and parts.port != 0 else ""
    except ValueError:  # a port that there isn't, or brackets that nothing closes
        return ""


def _is_body(value: object) -> bool:
    """Whether the row brings the body itself, and not a word on where it is."""
    return isinstance(value, dict) and bool(value) and "helicone_message" not in value
