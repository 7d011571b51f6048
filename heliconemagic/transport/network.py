"""Which transport carries the requests of a gateway: the network, or the demo in its place."""

from __future__ import annotations

import httpx2

from heliconemagic.gateways.presets import Gateway
from heliconemagic.transport.demo import DemoTransport
from heliconemagic.transport.recording import RecordingTransport


def build_transport(gateway: Gateway) -> httpx2.AsyncBaseTransport:
    """A transport for ``gateway`` that records every attempt."""
    return RecordingTransport(DemoTransport() if gateway.answers_in_process else httpx2.AsyncHTTPTransport())
