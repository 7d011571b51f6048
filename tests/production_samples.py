"""What ran in production, for the notebook that debugs it: a support desk whose model took a charge for a fault."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from fake_answers import Answer, Received
from fake_helicone import FakeHelicone
from fake_logging import Logged
from fake_rest import SESSION_ID, SESSION_NAME, SESSION_PATH

NAME = "Support desk"
TICKET = "5f2c9d7e-8a41-4b6d-9c3e-2d1f0a7b6c58"
OTHERS = ("0b7d4e1a-93c6-4f28-8d57-6a1e2c3b4f90", "c8e2a6f4-1d35-4790-b6ae-9f0d8c7b5a21")

RULES = (
    "You sort tickets for a company that rents out bicycles.\n"
    "Answer with one word: billing, technical or other.\n"
    "Whatever is about the app or its screens is technical."
)
COMPLAINT = "I rented a bike for an hour and the app shows that I was charged twice. Please fix it!"


@dataclass
class _Desk:
    """One session while it is written down; its clock goes on."""

    session: str
    now: float
    user: str
    number: int = 0

    def ask(self, path: str, messages: list[Any], answer: str, *, seconds: float, status: int = 200) -> Logged:
        """A request to the model."""
        message = {"role": "assistant", "content": answer}
        response = {"model": "gpt-4o-mini", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        refused = {"error": {"message": "Rate limit reached for gpt-4o-mini: 500 requests a minute."}}
        request = {"model": "gpt-4o-mini", "messages": messages, "temperature": 0.2, "max_tokens": 300}
        length = sum(len(str(one["content"])) for one in messages)
        logged = self._log("gpt-4o-mini", path, request, response if status == 200 else refused, seconds=seconds)
        logged.status = status
        if status == 200:
            logged.usage = {"prompt_tokens": length // 4, "completion_tokens": len(answer) // 4 + 1}
            logged.cost = (logged.usage["prompt_tokens"] * 0.15 + logged.usage["completion_tokens"] * 0.6) / 1e6
            logged.first_token_ms = round(seconds * 300)
        return logged

    def call(self, path: str, tool: str, given: Any, output: Any, *, seconds: float) -> Logged:
        """A tool, logged by hand."""
        request = {"_type": "tool", "toolName": tool, "input": given}
        return self._log(
            f"tool:{tool}", path, request, {"_type": "tool", "toolName": tool, "output": output}, seconds=seconds
        )

    def _log(self, model: str, path: str, request: Any, response: Any, *, seconds: float) -> Logged:
        self.number += 1
        begin, self.now = self.now, self.now + seconds + 0.05
        return Logged(
            id=f"{self.session[:-12]}{self.number:012d}",
            model=model,
            request=request,
            response=response,
            properties={SESSION_ID: self.session, SESSION_NAME: NAME, SESSION_PATH: path, "release": "2.7"},
            user=self.user,
            started_at=begin,
            ended_at=begin + seconds,
        )


def seed(fake: FakeHelicone) -> None:
    """Lets three tickets have been answered an hour ago, and the model listen to what it is told now."""
    hour_ago = time.time() - 3600
    fake.rest.own += [
        *_answer_ticket(_Desk(TICKET, hour_ago, "ada"), COMPLAINT, "technical"),
        *_answer_ticket(_Desk(OTHERS[0], hour_ago + 600, "ben"), "The lock of bike 117 doesn't open.", "technical"),
        *_fail_ticket(_Desk(OTHERS[1], hour_ago + 1200, "ada"), "May I take a bike on a train?"),
    ]
    fake.respond = lambda received: _choose_words(fake, received)


def _answer_ticket(desk: _Desk, complaint: str, verdict: str) -> list[Logged]:
    sorting = [{"role": "system", "content": RULES}, {"role": "user", "content": complaint}]
    reply = [
        *sorting,
        {"role": "assistant", "content": verdict},
        {"role": "user", "content": f"Write two sentences to the customer, from the {verdict} team."},
    ]
    said = "Thank you for telling us. Please install the newest version of the app and restart your phone."
    return [
        desk.ask("/sort", sorting, verdict, seconds=0.62),
        desk.call("/sort/lookup", "customer", {"user": desk.user}, {"rides": 12, "charges": 13}, seconds=0.08),
        desk.ask("/reply", reply, said, seconds=1.9),
    ]


def _fail_ticket(desk: _Desk, complaint: str) -> list[Logged]:
    sorting = [{"role": "system", "content": RULES}, {"role": "user", "content": complaint}]
    return [
        desk.ask("/sort", sorting, "", seconds=0.2, status=429),
        desk.ask("/sort", sorting, "other", seconds=0.7),
    ]


def _choose_words(fake: FakeHelicone, received: Received) -> Answer | None:
    """As if a model read the rules: those that speak of charges make it sort as it should."""
    if received.path.endswith("/chat/completions"):
        asked = json.dumps(received.json["messages"])
        fake.gateway.text = "billing" if "charge" in asked.replace("charged", "") else "technical"
    return None
