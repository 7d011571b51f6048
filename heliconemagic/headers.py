"""Helicone's headers: the only module that spells them, and the checks of what goes into them.

Helicone validates nothing and stores what arrives, so values are checked here. Response headers
are read from any mapping, whatever the case of its names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.wire_text import build_ascii_form, check_header_value, find_fault

# Requests
AUTH = "Helicone-Auth"
SESSION_ID = "Helicone-Session-Id"
SESSION_NAME = "Helicone-Session-Name"
SESSION_PATH = "Helicone-Session-Path"
REQUEST_ID = "Helicone-Request-Id"  # a UUID of version 1 to 5, else it is replaced silently
USER_ID = "Helicone-User-Id"
PROPERTY_PREFIX = "Helicone-Property-"
CACHE_ENABLED = "Helicone-Cache-Enabled"
CACHE_CONTROL = "Cache-Control"
CACHE_SEED = "Helicone-Cache-Seed"
TARGET_URL = "Helicone-Target-URL"
OPENAI_API_BASE = "Helicone-OpenAI-Api-Base"
MODEL_OVERRIDE = "Helicone-Model-Override"

# Responses
HELICONE_ID = "Helicone-Id"  # present, and `Helicone-Status: success`, even where nothing is logged
CACHE = "Helicone-Cache"
RATE_LIMIT_RESET = "Helicone-RateLimit-Reset"

SHORTEST_CACHE = 60  # seconds; Helicone caches nothing below
LONGEST_CACHE = 365 * 24 * 3600  # seconds
MAX_ID_LENGTH = 128

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RESERVED_PROPERTIES = frozenset({"session-id", "session-name", "session-path", "user-id", "request-id", "prompt-id"})


def build_session_headers(*, session_id: str, name: str, path: str) -> dict[str, str]:
    """The three headers that put a request into a session, checked.

    Raises:
        InputError: the id or the name cannot travel in a header.
    """
    return {
        SESSION_ID: check_session_id(session_id),
        SESSION_PATH: path,
        SESSION_NAME: check_session_name(name),
    }


def build_request_headers(
    *,
    session_id: str,
    session_name: str,
    path: str,
    user: str | None = None,
    properties: Mapping[str, str] | None = None,
    cache: int | None = None,
) -> dict[str, str]:
    """All of a request's Helicone headers that hold no secret; ``cache`` in seconds, 0: the default.

    Raises:
        InputError: a value cannot travel in a header; the hint says what to type instead.
    """
    headers = build_session_headers(session_id=session_id, name=session_name, path=path)
    if user is not None:
        headers[USER_ID] = check_user(user)
    return headers | build_property_headers(properties or {}) | build_cache_headers(cache)


def build_property_headers(properties: Mapping[str, str]) -> dict[str, str]:
    """One header per property.

    Raises:
        InputError: a property cannot be sent, or two names differ only in case.
    """
    seen: dict[str, str] = {}
    for name, value in properties.items():
        check_property(name, value)
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise InputError(
                f"the properties {other!r} and {name!r} differ only in case; Helicone keeps one of them.",
                hint=f"keep -p {name.lower()}=…, drop the other",
            )
    return {f"{PROPERTY_PREFIX}{name}": value for name, value in properties.items()}


def build_cache_headers(seconds: int | None) -> dict[str, str]:
    """The headers that switch Helicone's cache on; none for None, its default of 7 days for 0.

    Raises:
        InputError: a time to live that Helicone would not honour.
    """
    if seconds is None:
        return {}
    if seconds == 0:
        return {CACHE_ENABLED: "true"}
    check_cache_seconds(seconds)
    return {CACHE_ENABLED: "true", CACHE_CONTROL: f"max-age={seconds}"}


def build_sample_headers(request_headers: Mapping[str, str], sample: int) -> dict[str, str]:
    """What tells the ``sample``-th of several identical requests apart where Helicone's cache is on.

    Each has a cache of its own: else all would be given the first one's answer.
    """
    return {CACHE_SEED: f"sample-{sample}"} if sample > 1 and CACHE_ENABLED in request_headers else {}


def check_cache_seconds(seconds: int) -> int:
    """``seconds`` if Helicone's cache honours them (0: its default of 7 days).

    Raises:
        InputError: below a minute nothing is cached, beyond a year neither.
    """
    if seconds == 0 or SHORTEST_CACHE <= seconds <= LONGEST_CACHE:
        return seconds
    if seconds < SHORTEST_CACHE:
        raise InputError(f"'{seconds}' seconds: Helicone caches nothing below 60.", hint="type --cache 60, or --cache")
    raise InputError(
        f"'{seconds}' seconds: Helicone caches for at most 365 days.", hint=f"type --cache {LONGEST_CACHE}"
    )


def check_session_name(value: str) -> str:
    """``value`` if it can name a session at Helicone.

    Raises:
        InputError: with an ASCII form to type instead.
    """
    return check_header_value("session name", value, option="%helicone_session")


def check_session_id(value: str) -> str:
    """``value`` if it can identify a session: a UUID, or any short text a header can carry.

    Raises:
        InputError: with what to type instead.
    """
    return check_header_value("session id", value, option="--id", max_length=MAX_ID_LENGTH)


def check_user(value: str) -> str:
    """``value`` if it can name the user of a request.

    Raises:
        InputError: with an ASCII form to type instead.
    """
    return check_header_value("user", value, option="--user")


def check_property(name: str, value: str) -> None:
    """Refuse a property that cannot be a header or imitates one of Helicone's own.

    Raises:
        InputError: with the form to type instead.
    """
    _check_property_name(name)
    fault = find_fault(value)
    if fault is None:
        return
    instead = build_ascii_form(value)
    hint = f'type -p "{name}={instead}"' if instead else f"give {name} a value in plain ASCII, or leave it out"
    raise InputError(f"the property {name}={_shorten(value)!r} {fault}.", hint=hint)


def fit_property_name(name: str) -> str:
    """``name`` if it can be part of a header, else its nearest form that can.

    >>> fit_property_name("team"), fit_property_name("Größe in cm"), fit_property_name("日本")
    ('team', 'Grosse-in-cm', 'name')
    """
    if _TOKEN.fullmatch(name) and len(name) <= MAX_ID_LENGTH:
        return name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", build_ascii_form(name))[:MAX_ID_LENGTH].strip("-._") or "name"


def _check_property_name(name: str) -> None:
    instead = fit_property_name(name)
    if instead != name:
        raise InputError(
            f"the property name {_shorten(name)!r} cannot be part of a header: letters, digits, '-', '_' and '.' can.",
            hint=f"type -p {instead}=…",
        )
    plain = re.sub(r"[._]", "-", name.lower())
    if plain in _RESERVED_PROPERTIES or plain.startswith("helicone"):
        raise InputError(
            f"the property name {name!r} imitates a header of Helicone's own.", hint=f"type -p my-{plain}=…"
        )


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def build_target_headers(origin: str) -> dict[str, str]:
    """The header that names the provider behind Helicone's gateway; only the origin is used."""
    return {TARGET_URL: origin}


def build_azure_headers(endpoint: str, model: str) -> dict[str, str]:
    """The headers that name an Azure endpoint and, for the cost, the model behind its deployment.

    Raises:
        InputError: the model's name cannot travel in a header.
    """
    return {OPENAI_API_BASE: endpoint, MODEL_OVERRIDE: check_header_value("model", model)}


def find_header(headers: Mapping[str, str], name: str) -> str | None:
    """The value of a header, whatever the case of its name; None if it is missing or empty."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted and value), None)


def read_user(headers: Mapping[str, str]) -> str:
    """Whom a request is counted for; empty where it doesn't say."""
    return find_header(headers, USER_ID) or ""


def read_properties(headers: Mapping[str, str]) -> dict[str, str]:
    """The properties of a request; their names in lower case, as Helicone stores them.

    >>> read_properties({"Helicone-Property-Team": "blue", "Accept": "*/*"})
    {'team': 'blue'}
    """
    prefix = PROPERTY_PREFIX.lower()
    return {
        name.lower().removeprefix(prefix): value for name, value in headers.items() if name.lower().startswith(prefix)
    }


def read_helicone_id(headers: Mapping[str, str]) -> str | None:
    """The id under which Helicone has the answer. It does not prove that anything was logged."""
    return find_header(headers, HELICONE_ID)


def read_cache_hit(headers: Mapping[str, str]) -> bool | None:
    """Whether the answer came from Helicone's cache; None where the cache was not asked."""
    value = find_header(headers, CACHE)
    return None if value is None else value.upper() == "HIT"


def read_retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds to wait as the answer asks: ``retry-after-ms``, ``Retry-After``, or Helicone's own limit.

    ``now`` is in seconds since the epoch, for the form of ``Retry-After`` that is a date.
    """
    milliseconds = _parse_seconds(find_header(headers, "retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    asked = find_header(headers, "Retry-After")
    if asked is None:
        return _parse_seconds(find_header(headers, RATE_LIMIT_RESET))
    seconds = _parse_seconds(asked)
    return seconds if seconds is not None else _parse_date(asked, now)


def _parse_seconds(value: str | None) -> float | None:
    return float(value) if value and re.fullmatch(r"\d+(\.\d+)?", value) else None


def _parse_date(value: str, now: float) -> float | None:
    from email.utils import parsedate_to_datetime  # rarely needed, and a third of this module's loading time

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return None


def find_hidden_status(status: int, body: object) -> int | None:
    """The client error that Helicone's AI gateway hides in a 500; None if it hides none.

    ``body`` is the answer as text, bytes or parsed JSON. Each provider tried has a line in
    ``error.details``; only if all of them are client errors is trying again of no use. 429, the
    one worth waiting for, wins.
    """
    if status != 500:
        return None
    details = _find_details(body)
    statuses = [entry.get("statusCode") for entry in details if isinstance(entry, Mapping)]
    known = [code for code in statuses if isinstance(code, int)]
    if not known or not all(400 <= code < 500 for code in known):
        return None
    return 429 if 429 in known else known[0]


def _find_details(body: object) -> list[Any]:
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            return []
    error = body.get("error") if isinstance(body, Mapping) else None
    # openai hands over the inside of "error" as the body of its exceptions.
    holder = error if isinstance(error, Mapping) else body
    details = holder.get("details") if isinstance(holder, Mapping) else None
    return details if isinstance(details, list) else []
