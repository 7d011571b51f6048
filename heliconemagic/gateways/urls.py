"""Base URLs as people type them: checked, normalised, and never echoed where they may hold a secret."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from heliconemagic.errors import InputError

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """A checked ``http`` or ``https`` URL without credentials, query or trailing slash."""

    scheme: str
    host: str  # lower case; IPv6 in brackets
    port: int | None
    path: str  # empty, or with a leading slash

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port else "")

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        return self.host in _LOOPBACK or self.host.endswith(".localhost")

    def __str__(self) -> str:
        return self.origin + self.path


def parse_base_url(text: str) -> BaseUrl:
    """The URL that ``text`` is.

    Raises:
        InputError: not ``http(s)``, no host, or with credentials, a query or characters that no URL has.
    """
    if not text.isascii() or not text.isprintable() or " " in text:
        raise InputError("the URL has a blank or a character that no URL has.", hint="type it as https://HOST/v1")
    try:
        parts = urlsplit(text)
        url = BaseUrl(parts.scheme, _spell_host(parts.hostname or ""), parts.port, parts.path.rstrip("/"))
    except ValueError:
        raise InputError("the URL cannot be read.", hint="type it as https://HOST:PORT/v1") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise InputError("a gateway's URL begins with http:// or https:// and a host.", hint="type https://HOST/v1")
    if "@" in parts.netloc:
        raise InputError(
            "the URL has a user or a password in it, which would end up in the notebook.",
            hint=f"type {url}, and give keys by `%helicone_session login`",
        )
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise InputError("the URL has a '?' or '#' part, which no gateway takes.", hint=f"type {url}")
    return url


def _spell_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host.rstrip(".")
