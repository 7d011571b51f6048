"""A `Notebook` for tests: real engine, client and journal; only the network leads to the fake Helicone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
from fake_helicone import HELICONE_KEY, PROVIDER_KEY, FakeHelicone

from heliconemagic.client import Client
from heliconemagic.engine.following import follow_blocking
from heliconemagic.gateways.choice import Gateway
from heliconemagic.journal.journal import Journal
from heliconemagic.lines.options import parse_cell_line, parse_session_line
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.planning.plan import Plan
from heliconemagic.records import Cell, Step
from heliconemagic.settings import RequestOptions
from heliconemagic.transport.demo import DemoTransport
from heliconemagic.transport.recording import RecordingTransport
from heliconemagic.transport.replay import ReplayTransport

BOTH_KEYS = {"OPENAI_API_KEY": PROVIDER_KEY, "HELICONE_API_KEY": HELICONE_KEY}

_HOSTS = {
    "oai.helicone.ai": "/v1",
    "ai-gateway.helicone.ai": "/ai/v1",
    "gateway.helicone.ai": "/target/v1",
    "api.openai.com": "/direct/v1",
    "api.helicone.ai": "/v1",
    "eu.api.helicone.ai": "/v1",
}


class Reroute(httpx2.AsyncBaseTransport):
    """Sends what is meant for Helicone's or OpenAI's hosts to the fake on loopback instead."""

    def __init__(self, fake: FakeHelicone) -> None:
        self._fake = fake
        self._inner = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Rewrites the address, as a proxy would."""
        prefix = _HOSTS.get(request.url.host)
        if request.url.host == "api.worker.helicone.ai":
            request.url = httpx2.URL(self._fake.url + request.url.path)
        elif prefix is not None:
            request.url = httpx2.URL(self._fake.url + prefix + "/" + request.url.path.partition("/v1/")[2])
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._inner.aclose()


class Bench:
    """A notebook whose cells run with one call each."""

    def __init__(
        self, folder: Path, fake: FakeHelicone | None, environ: Mapping[str, str], title: str = "lesson"
    ) -> None:
        self.fake = fake
        self.folder = folder
        self._run = 0
        self.naps: list[float] = []
        self.network: httpx2.AsyncBaseTransport | None = Reroute(fake) if fake else None

        def build_transport(gateway: Gateway) -> httpx2.AsyncBaseTransport:
            if gateway.preset == "replay":
                return RecordingTransport(ReplayTransport(sleep=self.nap, clock=lambda: 0.0))
            in_process = DemoTransport(pace=100_000.0, first_token_delay=0.0)
            return RecordingTransport(in_process if gateway.answers_in_process else self.network or in_process)

        surroundings = Surroundings(
            environ=environ,
            find_folder=lambda: folder,
            find_title=lambda: title,
            find_defaults=RequestOptions,
            is_attended=lambda: True,
        )
        self.notebook = Notebook(surroundings, Journal(folder / "journal"), lambda: Client(build_transport))

    async def nap(self, seconds: float) -> None:
        """Remembers how long a recording would have waited, instead of waiting."""
        self.naps.append(seconds)

    def skip_runs(self, count: int) -> None:
        """Lets the cells' runs begin later, as those of a later kernel do."""
        self._run = count

    def open(self, line: str) -> None:
        """Runs a session line."""
        self.notebook.sessions.open(parse_session_line(line))

    def plan(
        self, line: str, prompt: str = "hi", *, cell: str | None = None, names: Mapping[str, Any] | None = None
    ) -> Plan:
        """Plans a cell; its id is its line unless told otherwise."""
        self._run += 1
        command = parse_cell_line(line, is_cell=True)
        return self.notebook.plan(command, prompt, names=names or {}, cell=Cell(id=cell or line, run=self._run))

    def run(self, line: str, prompt: str = "hi", **given: Any) -> Step:
        """Runs a cell to its end, whatever that is; an error is raised after the step was taken in."""
        plan = self.plan(line, prompt, **given)
        if plan.kept is not None:
            return self.notebook.steps.keep(plan, plan.kept)
        run = self.notebook.steps.start(plan)
        follow_blocking(run, lambda: None)
        step = self.notebook.steps.finish(plan, run)
        if run.error is not None:
            raise run.error
        return step

    @property
    def last(self) -> Step:
        """The newest step of the session."""
        assert self.notebook.session is not None
        return self.notebook.session.steps[-1]

    def close(self) -> None:
        """Ends engine and journal."""
        self.notebook.close()
