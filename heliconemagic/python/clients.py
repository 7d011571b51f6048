"""Clients of the openai SDK that belong to the session, and its headers for any other library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heliconemagic.client import DEFAULT_RETRIES, DEFAULT_TIMEOUT, build_timeout, find_ambient_headers, reveal_key
from heliconemagic.gateways.choice import Credentials, Gateway
from heliconemagic.redaction import REDACTED
from heliconemagic.settings import RequestOptions
from heliconemagic.transport.bridge import AwaitingTransport, BlockingTransport, OpenTransport, Submit

if TYPE_CHECKING:
    import openai


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientParts:
    """What a client of the session is built of, whichever kind it is."""

    gateway: Gateway
    credentials: Credentials
    tags: Mapping[str, str]  # the headers that make its requests the session's
    options: RequestOptions
    environ: Mapping[str, str]
    submit: Submit
    open_transport: OpenTransport


def build_client(parts: ClientParts) -> openai.OpenAI:
    """A blocking client whose requests carry the tags and go out by what ``open_transport`` gives."""
    import openai

    http_client = openai.DefaultHttpxClient(
        transport=BlockingTransport(parts.submit, parts.open_transport), follow_redirects=False
    )
    return openai.OpenAI(http_client=http_client, **_build_arguments(parts))


def build_async_client(parts: ClientParts) -> openai.AsyncOpenAI:
    """The same, for any event loop of asyncio's."""
    import openai

    http_client = openai.DefaultAsyncHttpxClient(
        transport=AwaitingTransport(parts.submit, parts.open_transport), follow_redirects=False
    )
    return openai.AsyncOpenAI(http_client=http_client, **_build_arguments(parts))


def _build_arguments(parts: ClientParts) -> dict[str, Any]:
    """What both have; keys of Helicone's are not among it, for the SDK logs headers when asked to."""
    import openai

    options = parts.options
    ambient = [name for name in find_ambient_headers(parts.environ, parts.gateway) if name.lower() != "authorization"]
    return {
        "api_key": reveal_key(parts.credentials),
        "base_url": parts.gateway.base_url,
        "default_query": dict(parts.gateway.query),
        "default_headers": {**{name: openai.Omit() for name in ambient}, **parts.tags},
        "max_retries": DEFAULT_RETRIES if options.retries is None else options.retries,
        "timeout": build_timeout(DEFAULT_TIMEOUT if options.timeout is None else options.timeout),
    }


class SessionHeaders(dict[str, str]):
    """The headers that make another library's request a step of the session at Helicone.

    Empty where no Helicone would read them; ``note`` says so. Keys among them don't print and aren't pickled.
    """

    def __init__(self, tags: Mapping[str, str], secrets: Mapping[str, str], *, note: str = "") -> None:
        super().__init__({**tags, **secrets})
        self._hidden = frozenset(secrets)
        self.note = note

    def __repr__(self) -> str:
        shown = {name: REDACTED if name in self._hidden else value for name, value in self.items()}
        return f"{shown!r}  # {self.note}" if self.note else repr(shown)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._hidden:
            raise TypeError("headers with a key are never pickled: take them from the session where they are needed")
        return dict, (dict(self),)
