"""One step through the engine, journal and recording transport included, beside the bare libraries.

The server answers at once, so that nothing hides what the client side costs; a row with a server that
takes 50 ms, as none on the internet is quicker, says what is felt of it.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import openai

from benchmarks.measure import Row, compare, format_seconds, run_interleaved, time_call
from benchmarks.server import build_model, open_server
from heliconemagic.client import Request
from heliconemagic.engine.engine import Engine
from heliconemagic.engine.run import Run
from heliconemagic.gateways.choice import Credentials, build_gateway
from heliconemagic.headers import build_request_headers
from heliconemagic.journal.journal import Journal
from heliconemagic.records import SessionRecord, Step, StepStatus
from heliconemagic.redaction import Redactor, Secret
from heliconemagic.workbench import build_client

GOAL = 1.15
KEY = Secret("sk-fakefakefakefakefakefake")
MESSAGES = ({"role": "user", "content": "Generate an abstract for a course on space."},)
SETTLE_SECONDS = 0.01  # until the journal has written the end of a step


def run(*, is_quick: bool) -> list[Row]:
    """The rows of this topic."""
    rounds = 5 if is_quick else 25
    with open_server() as base_url, open_callers(base_url) as callers:
        return [
            *_measure(callers, "one call", build_model(chunks=50), rounds * 10, streams=False),
            *_measure(callers, "one call, 50 ms server", build_model(chunks=50, wait=50), rounds, streams=False),
            *_measure(callers, "500 chunks streamed", build_model(chunks=500), rounds, streams=True),
        ]


Call = Callable[[str, bool], object]


def _measure(callers: dict[str, Call], title: str, model: str, rounds: int, *, streams: bool) -> list[Row]:
    timed = {name: partial(_time_alone, call, model, streams) for name, call in callers.items()}
    measured = run_interleaved(timed, rounds, warmups=3)
    ours = measured["ours"]
    return [
        compare(f"{title}, beside openai", ours, ("AsyncOpenAI", measured["openai"]), format_seconds, GOAL),
        compare(f"{title}, beside httpx2", ours, ("httpx2", measured["httpx2"]), format_seconds),
    ]


def _time_alone(call: Call, model: str, streams: bool) -> float:
    """Seconds of one call; waits until its traces on disk are written before the next one may begin."""
    seconds = time_call(lambda: call(model, streams))
    time.sleep(SETTLE_SECONDS)
    return seconds


@contextmanager
def open_callers(base_url: str) -> Iterator[dict[str, Call]]:
    """Who can send a request: we, the openai client and bare httpx2, each with its connection kept open."""
    with TemporaryDirectory() as folder, asyncio.Runner() as runner, open_stepper(base_url, Path(folder)) as stepper:
        sdk = openai.AsyncOpenAI(api_key=KEY.reveal(), base_url=base_url)
        bare = httpx2.AsyncClient(base_url=base_url)
        yield {
            "ours": stepper.run,
            "openai": lambda model, streams: runner.run(_ask_openai(sdk, model, streams=streams)),
            "httpx2": lambda model, streams: runner.run(_ask_httpx2(bare, model, streams=streams)),
        }
        runner.run(sdk.close())
        runner.run(bare.aclose())


class Stepper:
    """Runs steps of one session as a cell does, but shows nothing."""

    def __init__(self, base_url: str, journal: Journal) -> None:
        self._gateway = build_gateway(base_url, {})
        self._credentials = Credentials(KEY, {"Helicone-Auth": Secret(f"Bearer {KEY.reveal()}")})
        self._redactor = Redactor(self._credentials.secrets)
        self._journal = journal
        self._session = SessionRecord(
            id=str(uuid.uuid4()), name="Benchmark", title="Benchmark", gateway=base_url, started_at=time.time()
        )
        journal.put_session(self._session)
        self.engine = Engine(build_client)

    def run(self, model: str, streams: bool, *, is_recorded: bool = True) -> Step:
        """The step of one request, ended."""
        run = Run(
            self._build_step(model, is_recorded=is_recorded),
            self._build_request(model, streams=streams),
            journal=self._journal,
            redactor=self._redactor,
        )
        self.engine.start(run, self._redactor)
        run.done.result(timeout=60)
        step = run.read_step()
        assert step.status is StepStatus.DONE, run.error
        return step

    def _build_step(self, model: str, *, is_recorded: bool) -> Step:
        return Step(
            id=str(uuid.uuid4()),
            session_id=self._session.id,
            path="/abstract",
            gateway=self._gateway.label,
            model=model,
            messages=MESSAGES,
            started_at=time.time(),
            is_recorded=is_recorded,
        )

    def _build_request(self, model: str, *, streams: bool) -> Request:
        sent = build_request_headers(session_id=self._session.id, session_name=self._session.name, path="/abstract")
        return Request(
            gateway=self._gateway,
            credentials=self._credentials,
            model=model,
            messages=MESSAGES,
            headers=sent,
            streams=streams,
        )


@contextmanager
def open_stepper(base_url: str, folder: Path) -> Iterator[Stepper]:
    """A `Stepper` with its journal in ``folder``."""
    journal = Journal(folder)
    stepper = Stepper(base_url, journal)
    try:
        yield stepper
    finally:
        stepper.engine.close()
        journal.close()


async def _ask_openai(client: openai.AsyncOpenAI, model: str, *, streams: bool) -> str:
    asked: Any = {"model": model, "messages": list(MESSAGES)}
    if not streams:
        return (await client.chat.completions.create(**asked)).choices[0].message.content or ""
    asked |= {"stream": True, "stream_options": {"include_usage": True}}
    stream = await client.chat.completions.create(**asked)
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


async def _ask_httpx2(client: httpx2.AsyncClient, model: str, *, streams: bool) -> str:
    """The floor: bytes in, JSON parsed, nothing checked."""
    body = {"model": model, "messages": MESSAGES, "stream": streams}
    if not streams:
        answer = (await client.post("/chat/completions", json=body)).json()
        return str(answer["choices"][0]["message"]["content"])
    async with client.stream("POST", "/chat/completions", json=body) as response:
        events = [json.loads(line[6:]) async for line in response.aiter_lines() if line.startswith("data: {")]
    return "".join(event["choices"][0]["delta"].get("content", "") for event in events)
