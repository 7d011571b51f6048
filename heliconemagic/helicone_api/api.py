"""Helicone's REST interface on the wire: JSON out, JSON in, its refusals converted once.

Wraps httpx2. Knows how things are asked, not what is asked: that stands in the modules beside it. Belongs to the event
loop on which it is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from heliconemagic.errors import CredentialError, GatewayError, HeliconeMagicError, RateLimitError, UnreachableError
from heliconemagic.gateways.failures import MAX_CAUSE_LENGTH
from heliconemagic.gateways.providers import HELICONE_VARIABLE
from heliconemagic.helicone_api.hosts import HeliconeHosts
from heliconemagic.redaction import Redactor, Secret

TIMEOUT = 30.0
"""Seconds without a byte."""
MAX_BYTES = 64_000_000
"""Of one answer: more than a page of 500 requests, or a body at Helicone, can have."""


@dataclass(frozen=True, slots=True)
class Told:
    """What Helicone answered: the JSON of its body, and its headers."""

    value: Any
    headers: Mapping[str, str]


class HeliconeApi:
    """One Helicone, asked with one key. The transport is lent: whoever lends it closes it."""

    def __init__(
        self, hosts: HeliconeHosts, key: Secret, transport: httpx2.AsyncBaseTransport, redactor: Redactor
    ) -> None:
        self.hosts = hosts
        self._key = key
        self._redactor = redactor
        self._http = httpx2.AsyncClient(transport=transport, timeout=TIMEOUT, trust_env=False)

    def redact(self, text: str) -> str:
        """``text`` without keys."""
        return self._redactor.redact_lookalikes(text)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The ``data`` of the answer to ``POST`` at the REST interface.

        Raises:
            CredentialError, GatewayError: it refuses, or cannot be reached.
        """
        told = await self.post_to(self.hosts.rest_url + path, body)
        return _read_data(told.value, self._redactor)

    async def post_to(self, url: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Told:
        """What is answered to ``body`` at any of its addresses."""
        sent = {"content-type": "application/json", **(headers or {}), "authorization": f"Bearer {self._key.reveal()}"}
        response, content = await self._fetch("POST", url, headers=sent, content=json.dumps(body).encode())
        return Told(self._read(content, url), response.headers)

    async def get_signed(self, url: str) -> Any:
        """The JSON behind an address that Helicone signed. It is a store's: the key stays here."""
        _, content = await self._fetch("GET", url, headers={})
        return self._read(content, url)

    def _read(self, content: bytes, url: str) -> Any:
        """The JSON of an answer, without the keys at hand: what others sent may have them in it."""
        return _read_json(self._redactor.redact(content.decode("utf-8", "replace")), url)

    async def _fetch(self, method: str, url: str, **sent: Any) -> tuple[httpx2.Response, bytes]:
        try:
            async with self._http.stream(method, url, **sent) as response:
                content = await _read_whole(response)
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            raise UnreachableError(
                f"Helicone cannot be reached at {_find_host(url)}.",
                hint="check the network, then run it again",
                cause=self._redactor.redact_lookalikes(f"{type(error).__name__}: {error}".rstrip(": ")),
            ) from None
        if response.status_code >= 300:  # a redirect would carry the key elsewhere
            raise self._explain(response, content)
        return response, content

    def _explain(self, response: httpx2.Response, content: bytes) -> HeliconeMagicError:
        status = response.status_code
        said = content.decode("utf-8", "replace")
        cause = self._redactor.redact_lookalikes(f"{status} {said}")[:MAX_CAUSE_LENGTH].rstrip()
        if status in (401, 403):
            return CredentialError(
                f"Helicone refused the key ({status}).",
                hint=f"check {HELICONE_VARIABLE}: reading needs an sk-helicone- key; `%helicone_session doctor`",
                cause=cause,
            )
        kind = RateLimitError if status == 429 else GatewayError
        return kind(f"Helicone refused at {_find_host(str(response.url))} ({status}).", cause=cause, status_code=status)


async def _read_whole(response: httpx2.Response) -> bytes:
    pieces, size = [], 0
    async for piece in response.aiter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BYTES:
            raise GatewayError(f"Helicone's answer is larger than {MAX_BYTES:,} bytes: not read to its end.")
    return b"".join(pieces)


def _read_json(content: str, url: str) -> Any:
    try:
        return json.loads(content) if content.strip() else None
    except (ValueError, RecursionError) as error:
        if content.strip() == "ok":  # the log's word for success
            return "ok"
        raise GatewayError(
            f"{_find_host(url)} answered, but not as Helicone does.",
            hint="is this the address of a Helicone? `%helicone_session doctor` shows it",
            cause=type(error).__name__,
        ) from None


def _read_data(value: Any, redactor: Redactor) -> Any:
    """The data of ``{"data": …, "error": null}``."""
    error = value.get("error") if isinstance(value, dict) else "no object"
    if error:
        cause = redactor.redact_lookalikes(str(error))[:MAX_CAUSE_LENGTH]
        raise GatewayError("Helicone answered with an error.", cause=cause)
    return value.get("data")


def _find_host(url: str) -> str:
    """The origin of ``url``: the rest may be signed, and is nobody's business."""
    try:
        parts = httpx2.URL(url)
    except httpx2.InvalidURL:
        return "an address that is none"
    return f"{parts.scheme}://{parts.netloc.decode('ascii', 'replace')}"
