"""The way out: through the proxy that the environment names, or straight."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest
from fake_helicone import FakeHelicone

from heliconemagic.gateways.presets import build_gateway
from heliconemagic.transport.network import build_transport, find_proxy


@pytest.mark.parametrize(
    ("environ", "url", "proxy"),
    [
        ({}, "https://api.openai.com/v1", None),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "https://api.openai.com/v1", "http://proxy.example:3128"),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "https://api.openai.com/v1", "http://proxy.example:3128"),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "http://localhost:11434/v1", None),
        ({"HTTP_PROXY": "http://p.example"}, "http://localhost:11434/v1", None),
        ({"HTTP_PROXY": "http://p.example", "NO_PROXY": "inside.example"}, "http://inside.example/v1", None),
        ({"ALL_PROXY": "socks5://p.example:1080"}, "https://api.openai.com/v1", "socks5://p.example:1080"),
    ],
)
def test_proxy_is_the_environments(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], url: str, proxy: str | None
) -> None:
    """By scheme, with its exceptions."""
    for name in ("NO_PROXY", "no_proxy", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name.lower(), value)
    assert find_proxy(url) == proxy


def test_request_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch, helicone: FakeHelicone) -> None:
    """A plain HTTP gateway is asked for by its full address."""
    monkeypatch.setenv("http_proxy", helicone.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    gateway = build_gateway("direct:http://models.example/v1", {})

    async def ask() -> None:
        async with httpx2.AsyncClient(transport=build_transport(gateway)) as client:
            await client.get(gateway.base_url + "/models")

    asyncio.run(ask())
    assert helicone.requests[0].path == "http://models.example/v1/models"


def test_no_file_of_the_package_reads_proxies_itself() -> None:
    """One place decides."""
    package = Path(__file__).parents[1] / "heliconemagic"
    readers = [path.name for path in package.rglob("*.py") if "getproxies" in path.read_text(encoding="utf-8")]
    assert readers == ["network.py"]
