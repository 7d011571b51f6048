"""What Helicone is asked about sessions: which there are, their requests page by page, the bodies of those.

Each question is a coroutine on one `HeliconeApi`; nothing here knows the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from heliconemagic.errors import GatewayError, HeliconeMagicError
from heliconemagic.headers import SESSION_NAME
from heliconemagic.helicone_api.filters import (
    Filter,
    join,
    match_column,
    match_failures,
    match_property,
    match_session,
    match_since,
)
from heliconemagic.helicone_api.rows import UNNAMED, RequestRow, read_request_row, read_session_row
from heliconemagic.helicone_api.values import read_list, read_mapping
from heliconemagic.records import SessionSummary

if TYPE_CHECKING:
    from heliconemagic.helicone_api.api import HeliconeApi

PAGE = 500
"""Requests in one answer."""
MOST_PAGES = 40
MOST_SEARCHED_PAGES = 10
"""Pages that are looked through for what the list of sessions cannot tell."""
LISTED = 50
"""Sessions in one answer of Helicone's own list, the newest; it has no further pages."""
BODIES_AT_ONCE = 8
LANDING_PAUSES = (1.0, 2.0, 3.0)
"""Seconds between looks for rows that land late."""
REQUESTS_PATH = "/v1/request/query-clickhouse"
SESSIONS_PATH = "/v1/session/query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which sessions are looked for: those with a request that fits all of it."""

    begin: float  # seconds since the epoch
    end: float
    name: str = ""  # a part of the session's name
    user: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    is_failed: bool = False

    @property
    def is_about_requests(self) -> bool:
        """Whether single requests have to be looked at."""
        return bool(self.user or self.properties or self.is_failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The sessions that were found, newest first, and whether there may be more."""

    sessions: tuple[SessionSummary, ...]
    is_whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Requests in the order asked for, each once, and whether that is all of them."""

    rows: tuple[RequestRow, ...]
    is_whole: bool = True
    unreadable: int = 0  # rows that are none


async def find_sessions(api: HeliconeApi, search: Search) -> Found:
    """The sessions that fit ``search``."""
    return await (_search_requests(api, search) if search.is_about_requests else _list_sessions(api, search))


async def _list_sessions(api: HeliconeApi, search: Search) -> Found:
    asked = {
        "search": search.name,
        "timeFilter": {"startTimeUnixMs": int(search.begin * 1000), "endTimeUnixMs": int(search.end * 1000)},
        "timezoneDifference": 0,
        "filter": "all",
    }
    answered = _read_rows(await api.post(SESSIONS_PATH, asked), api)
    read = [read_session_row(row, api.hosts.label) for row in answered]
    found = [session for session in read if session is not None]
    # It looks into ids too, and takes % and _ for wildcards.
    named = [session for session in found if search.name.casefold() in session.name.casefold()]
    return Found(sessions=tuple(named), is_whole=len(answered) < LISTED)


async def _search_requests(api: HeliconeApi, search: Search) -> Found:
    """Helicone's list can only sum up what fits, and no more than 50: here each request is looked at."""
    requests = await load_requests(api, build_filter(search), is_newest_first=True, most_pages=MOST_SEARCHED_PAGES)
    groups: dict[tuple[str, str], list[RequestRow]] = {}
    for row in requests.rows:
        if row.session_id and search.name.casefold() in row.session_name.casefold():
            groups.setdefault((row.session_id, row.session_name), []).append(row)
    return Found(
        sessions=tuple(_sum_up(*key, rows, api.hosts.label) for key, rows in groups.items()), is_whole=requests.is_whole
    )


def build_filter(search: Search) -> Filter:
    """The requests that fit ``search``; properties are stored in lower case."""
    leaves = [match_since(search.begin)]
    leaves += [match_property(SESSION_NAME, f"%{search.name}%", "ilike")] if search.name else []
    leaves += [match_column("user_id", "equals", search.user)] if search.user else []
    leaves += [match_property(name.lower(), value) for name, value in search.properties.items()]
    leaves += [match_failures()] if search.is_failed else []
    return join("and", leaves)


def _sum_up(session_id: str, name: str, rows: Sequence[RequestRow], source: str) -> SessionSummary:
    return SessionSummary(
        id=session_id,
        name=name,
        title=name or UNNAMED,
        gateway="",
        source=source,
        started_at=min(row.started_at for row in rows),
        ended_at=max(row.ended_at for row in rows),
        steps=len(rows),
        errors=sum(row.is_failed for row in rows),
        cost=sum(row.cost or 0.0 for row in rows),
        unpriced=sum(row.is_unpriced for row in rows),
        tokens=sum(row.prompt_tokens + row.completion_tokens for row in rows),
    )


async def load_requests(
    api: HeliconeApi, wanted: Filter, *, is_newest_first: bool = False, most_pages: int = MOST_PAGES
) -> Requests:
    """The requests that fit ``wanted``, page by page."""
    rows: dict[str, RequestRow] = {}
    unreadable = 0
    for page in range(most_pages):
        asked = {
            "filter": wanted,
            "limit": PAGE,
            "offset": page * PAGE,
            "sort": {"created_at": "desc" if is_newest_first else "asc"},
        }
        answered = _read_rows(await api.post(REQUESTS_PATH, asked), api)
        read = [read_request_row(row) for row in answered]
        unreadable += sum(row is None for row in read)
        rows |= {row.id: row for row in read if row is not None}
        if len(answered) < PAGE:
            return Requests(rows=tuple(rows.values()), unreadable=unreadable)
    return Requests(rows=tuple(rows.values()), is_whole=False, unreadable=unreadable)


def _read_rows(answered: Any, api: HeliconeApi) -> list[Any]:
    """The rows of an answer; another server's, which has none, doesn't mean that there is nothing."""
    if isinstance(answered, list):
        return read_list(answered)
    raise GatewayError(
        f"{api.hosts.label} answered, but not as Helicone does.",
        hint="is this the address of a Helicone? `%helicone_session doctor` shows it",
        cause="its data is no list of rows",
    )


async def load_session(api: HeliconeApi, session_id: str, name: str | None) -> Requests:
    """The requests of a session, oldest first; under all names unless one is given."""
    return await load_requests(api, match_session(session_id, name))


async def find_request(api: HeliconeApi, request_id: str) -> RequestRow | None:
    """The request of this id."""
    found = await load_requests(api, match_column("request_id", "equals", request_id), most_pages=1)
    return next((row for row in found.rows if row.id == request_id), None)


async def find_landed(
    api: HeliconeApi,
    session_id: str,
    wanted: frozenset[str],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> frozenset[str]:
    """Those of the ids ``wanted`` that are among the newest requests of a session; late ones are waited for."""
    landed: frozenset[str] = frozenset()
    for pause in (0.0, *LANDING_PAUSES):
        if pause:
            await sleep(pause)
        found = await load_requests(api, match_session(session_id), is_newest_first=True, most_pages=1)
        landed = wanted & {row.id for row in found.rows}
        if landed == wanted:
            break
    return landed


async def load_bodies(api: HeliconeApi, rows: Sequence[RequestRow]) -> dict[str, Mapping[str, Any]]:
    """What there is of the bodies of ``rows``, by their ids, a few at once. One that cannot be had is left out."""
    places = asyncio.Semaphore(BODIES_AT_ONCE)
    found: dict[str, Mapping[str, Any]] = {}

    async def load(row: RequestRow) -> None:
        async with places:
            body = await _load_body(api, row)
        if body:
            found[row.id] = body

    await asyncio.gather(*map(load, rows))
    return found


async def _load_body(api: HeliconeApi, row: RequestRow) -> Mapping[str, Any]:
    if row.inline:
        return row.inline
    is_safe = row.body_url.startswith("https:") or api.hosts.rest_url.startswith("http:")
    try:
        return read_mapping(await api.get_signed(row.body_url)) if row.body_url and is_safe else {}
    except HeliconeMagicError:  # expired, or in a store that is not reached from here
        return {}
