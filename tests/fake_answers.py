"""What goes over the fake Helicone's wire: a request as it arrived, an answer as it leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fake_provider import Ending

PLAIN = ("Content-Type", "text/plain;charset=UTF-8")
JSON = ("Content-Type", "application/json")
EVENTS = ("Content-Type", "text/event-stream")


class Mode(Enum):
    """Which gateway answers, by the beginning of the path (longest first)."""

    SELF_HOSTED = "/v1/gateway/oai/v1"  # as OAI
    TARGET = "/target/v1"
    DIRECT = "/direct/v1"  # the provider itself
    AI = "/ai/v1"
    OAI = "/v1"


@dataclass(frozen=True)
class Received:
    """A request as it arrived; header names in lower case, in the order sent."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float = 0.0  # time.monotonic()

    @property
    def json(self) -> Any:
        """The body as JSON; None if it is none."""
        return json.loads(self.body) if self.body else None

    def header(self, name: str) -> str | None:
        """A header's value; sent twice, the values are joined."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None

    @property
    def mode(self) -> Mode | None:
        """The gateway it is for."""
        return next((mode for mode in Mode if self.path.startswith(mode.value + "/")), None)


@dataclass(frozen=True)
class Answer:
    """What goes back: bytes, seconds to wait and bad ends, in their order. Status 0: not even a status."""

    status: int
    headers: tuple[tuple[str, str], ...]
    parts: tuple[bytes | float | Ending, ...]


def reply_json(value: object, status: int = 200) -> Answer:
    """An answer of one's own, for `FakeHelicone.respond`."""
    return Answer(status, (JSON,), (json.dumps(value).encode(),))


def reply_text(text: str, status: int = 200) -> Answer:
    """The same in plain text, as the gateways spell most errors."""
    return Answer(status, (PLAIN,), (text.encode(),))


def read_bearer(received: Received, name: str) -> str:
    """The token of a header."""
    return (received.header(name) or "").removeprefix("Bearer ").strip()
