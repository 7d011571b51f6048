"""What one step's card shows, live and at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from heliconemagic.errors import HeliconeMagicError
from heliconemagic.records import SessionRecord, SessionTotals, Step

REPLY_MIME = "application/vnd.heliconemagic.reply.v1+json"
"""The type under which the JSON form of a card stands in a display."""
REPLIES_MIME = "application/vnd.heliconemagic.replies.v1+json"
"""The type of several replies in one display: ``{"version": 1, "current": 2, "replies": […]}``, each as alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestForm:
    """A request as it goes out, without its secrets: enough to send the same one by hand."""

    base_url: str
    api_key_variable: str | None  # environment variable that holds the bearer key; None: the server needs none
    headers: Mapping[str, str] = field(default_factory=dict)  # non-secret ones, session headers among them
    secret_headers: Mapping[str, str] = field(
        default_factory=dict
    )  # header -> f-string-like "Bearer {HELICONE_API_KEY}"
    body: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)  # of the address, as Azure's version

    @property
    def url(self) -> str:
        """The address that it is posted to."""
        query = f"?{urlencode(self.query)}" if self.query else ""
        return f"{self.base_url.rstrip('/')}/chat/completions{query}"


class Choice(StrEnum):
    """What a person can answer before a tool is called."""

    RUN = "Run"
    SKIP = "Skip"
    STOP = "Stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that the card asks with a button for each `Choice`; ``choose`` may be called on any thread."""

    asked: str
    choose: Callable[[Choice], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Everything the card of one step shows; a newer state is a new `Card`."""

    step: Step
    session: SessionRecord | None = None  # where it is known: a reply that was pickled comes without
    trail: tuple[Step, ...] = ()  # the requests and tool calls that led to the step, in the order they ran
    question: Question | None = None
    context: str = ""  # "after /abstract", "fresh", ...
    notes: tuple[str, ...] = ()  # "not logged at Helicone", "no context from /outline: …"
    waiting: str = ""  # "retrying in 4 s (429)"; empty when nothing waits
    error: HeliconeMagicError | None = None
    request: RequestForm | None = None
    request_url: str | None = None
    session_url: str | None = None
    totals: SessionTotals | None = None  # of the session, this step included
