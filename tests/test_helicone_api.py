"""Helicone's interface on the wire: whatever comes back, or cannot be asked, is one of our errors."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fake_helicone import HELICONE_KEY

from heliconemagic.errors import UnreachableError
from heliconemagic.helicone_api.api import HeliconeApi
from heliconemagic.helicone_api.hosts import HeliconeHosts
from heliconemagic.helicone_api.questions import load_bodies
from heliconemagic.helicone_api.rows import read_request_row
from heliconemagic.redaction import Redactor, Secret

ROW = {"request_id": "r1", "request_created_at": "2026-11-20 14:02:03", "response_status": 200}


class _Stream(httpx2.AsyncByteStream):
    """A body of these bytes, as they came over the wire."""

    def __init__(self, sent: bytes) -> None:
        self._sent = sent

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._sent


def build_api(sent: bytes = b"{}") -> HeliconeApi:
    """A Helicone that answers this, and says that it is compressed."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert (request.url.port or 0) < 65536
        return httpx2.Response(200, headers={"content-encoding": "gzip"}, stream=_Stream(sent))

    hosts = HeliconeHosts(rest_url="https://api.helicone.ai", log_url="https://l", dashboard_url="https://d")
    return HeliconeApi(hosts, Secret(HELICONE_KEY), httpx2.MockTransport(answer), Redactor([]))


def test_an_answer_that_cannot_be_unpacked() -> None:
    """As if it had broken off: it may be whole the next time."""
    with pytest.raises(UnreachableError, match=r"cannot be reached at https://api\.helicone\.ai") as caught:
        asyncio.run(build_api(b"not gzip").post("/v1/session/query", {}))
    assert caught.value.cause and caught.value.cause.startswith("DecodingError")


@pytest.mark.parametrize(
    "url", ["https://exa\x00mple/", "https://\udcff/", "https:///x", "https://h:99999/x", "https://a..b/", "https://["]
)
def test_an_address_that_is_none_costs_one_body(url: str) -> None:
    """The others of its page come."""
    given: list[dict[str, Any]] = [
        {**ROW, "signed_body_url": url},
        {**ROW, "request_id": "r2", "signed_body_url": "https://s/2"},
    ]
    rows = [row for row in map(read_request_row, given) if row]
    found = asyncio.run(load_bodies(build_api(gzip.compress(b'{"request": {"a": 1}}')), rows))
    assert found["r2"] == {"request": {"a": 1}} and len(rows) == 2


@pytest.mark.parametrize("number", [10**400, -(10**400), float("inf"), float("nan"), "1e999"])
def test_numbers_that_cannot_be_meant_are_not_known(number: object) -> None:
    """They end no page of requests."""
    given = {"cost": number, "prompt_tokens": number, "delay_ms": number, "scores": {"a": number}}
    row = read_request_row({**ROW, **given})
    assert row is not None
    assert (row.cost, row.prompt_tokens, row.ended_at, row.scores) == (None, 0, row.started_at, {})
