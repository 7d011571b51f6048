"""What a person names a session or a request by: its id, or the address of its page on a dashboard."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from heliconemagic.errors import InputError
from heliconemagic.helicone_api.hosts import HeliconeHosts

LONGEST = 4_096
"""Characters of what is typed."""

_CLOUD = ".helicone.ai"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A session by its id (and name, where the address tells it), or a request by its id."""

    session_id: str = ""
    name: str | None = None  # None: not told
    request_id: str = ""
    host: str = ""  # of the address; "" for a bare id


def parse_reference(text: str, *, bare: str = "session_id") -> Reference:
    """The reference that ``text`` is; a bare id is a session's, or, with ``bare``, a request's.

    >>> parse_reference("https://us.helicone.ai/sessions/Support%20desk/3f0c").name
    'Support desk'

    Raises:
        InputError: it is an address, but of no session's and no request's page.
    """
    text = text.strip()
    if not text or len(text) > LONGEST or not text.isprintable():
        raise InputError("that is no id and no address of a dashboard's page.", hint=_HINT)
    if not re.match(r"https?://", text, re.IGNORECASE):
        return Reference(**{bare: text})
    try:
        parts = urlsplit(text)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        raise InputError("the address cannot be read.", hint=_HINT) from None
    segments = [unquote(segment) for segment in parts.path.split("/") if segment]
    request_ids = parse_qs(parts.query).get("requestId", [])
    if request_ids:
        return Reference(request_id=request_ids[0], host=host)
    if "sessions" in segments and len(segments) >= segments.index("sessions") + 3:
        name, session_id = segments[segments.index("sessions") + 1 :][:2]
        return Reference(session_id=session_id, name=name, host=host)
    if "requests" in segments and len(segments) >= segments.index("requests") + 2:
        return Reference(request_id=segments[segments.index("requests") + 1], host=host)
    raise InputError("the address is of no session's page and no request's.", hint=_HINT)


_HINT = "copy it from the dashboard: https://us.helicone.ai/sessions/NAME/ID, or …/requests?requestId=ID"


def check_same_place(reference: Reference, hosts: HeliconeHosts) -> None:
    """Refuses an address of another of Helicone's regions than the one that is asked.

    A Helicone of one's own may have its dashboard anywhere: that is not looked at.

    Raises:
        InputError: the key cannot read there.
    """
    is_cloud = f".{reference.host}".endswith(_CLOUD)
    if is_cloud and reference.host != hosts.label:
        raise InputError(
            f"that page is at {reference.host}, and what is asked here is {hosts.label}.",
            hint="the key tells the region: take the key of that one (EU keys have -eu- in them), "
            "or leave out --gateway",
        )
