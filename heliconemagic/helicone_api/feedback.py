"""What Helicone takes of opinions: a thumb and scores for a request, a tag for a session."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from heliconemagic.helicone_api.api import HeliconeApi

MAX_TAG = 200
"""Characters of a tag: it stands in the dashboard's list of sessions."""


async def send_thumb(api: HeliconeApi, request_id: str, is_up: bool) -> None:
    """The thumb of a request, in place of an earlier one.

    Raises:
        CredentialError, GatewayError: it was not taken; so do all that follow.
    """
    await api.post(f"/v1/request/{quote(request_id, safe='')}/feedback", {"rating": is_up})


async def send_scores(api: HeliconeApi, request_id: str, scores: Mapping[str, bool | int]) -> None:
    """The scores of a request: all that it has, for the last message of a request wins."""
    await api.post(f"/v1/request/{quote(request_id, safe='')}/score", {"scores": dict(scores)})


async def send_tag(api: HeliconeApi, session_id: str, tag: str) -> None:
    """The tag of a session, in place of an earlier one. (Its own feedback interface is broken at Helicone.)"""
    await api.post(f"/v1/session/{quote(session_id, safe='')}/tag", {"tag": tag[:MAX_TAG]})
