"""Which transport carries the requests of a gateway: the network, or the demo or the local model in its place."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Mapping
from functools import partial
from urllib.parse import urlsplit

import httpx2

from heliconemagic.gateways.presets import Gateway
from heliconemagic.local.server import LocalServer
from heliconemagic.local.store import LocalStore
from heliconemagic.transport.demo import DemoTransport
from heliconemagic.transport.local import LocalTransport
from heliconemagic.transport.recording import RecordingTransport
from heliconemagic.transport.replay import ReplayTransport

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def build_transport(gateway: Gateway, environ: Mapping[str, str] = os.environ) -> httpx2.AsyncBaseTransport:
    """A transport for ``gateway`` that records every attempt; ``environ`` says where the local model lies."""
    if gateway.preset == "local":
        find_store = partial(LocalStore.find, environ)
        return RecordingTransport(LocalTransport(lambda: LocalServer(find_store()), lambda: find_store().has_weights()))
    if gateway.preset == "replay":
        return RecordingTransport(ReplayTransport())
    if gateway.answers_in_process:
        return RecordingTransport(DemoTransport())
    return RecordingTransport(httpx2.AsyncHTTPTransport(proxy=find_proxy(gateway.base_url)))


def find_proxy(url: str) -> str | None:
    """The proxy that the environment or the system names for ``url``; None for a direct connection.

    httpx2 reads the environment only for a transport of its own making. What runs on this machine
    is never asked through a proxy, whether or not ``NO_PROXY`` says so.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _LOOPBACK or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{found}" if found and "://" not in found else found
