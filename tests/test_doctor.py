"""`doctor` asks Helicone whether it has what was sent: its answer to a request proves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fake_helicone import HELICONE_KEY, PROVIDER_KEY, FakeHelicone
from notebooks_in_process import BOTH_KEYS, Bench

from heliconemagic.errors import GatewayError
from heliconemagic.notebook.production import Production
from heliconemagic.verbs.doctor import diagnose

UNKNOWN = "sk-helicone-unknown-unknown-unknown-unknown"


class Patient(Bench):
    """A notebook at the fake, whose waits for late rows take no time."""

    def __init__(self, folder: Path, fake: FakeHelicone, key: str | None = HELICONE_KEY) -> None:
        environ = {**BOTH_KEYS, "HELICONE_API_KEY": key or ""}
        super().__init__(folder, fake, environ)
        notebook = self.notebook
        notebook.production = Production(
            notebook.helicone, notebook.journal, notebook.sessions, notebook.access, sleep=self.nap
        )
        self.url = fake.url

    def diagnose(self, spec: str | None = None) -> dict[str, str]:
        """The findings."""
        return dict(diagnose(self.notebook, [], spec).rows)  # type: ignore[arg-type]


@pytest.fixture
def patient(tmp_path: Path, helicone: FakeHelicone) -> Iterator[Patient]:
    """With a session that is open."""
    patient = Patient(tmp_path, helicone)
    patient.open(f'"Course" --gateway {helicone.url}')
    yield patient
    patient.close()


def test_landed_requests_are_proof(patient: Patient) -> None:
    """All of the session's are found by their ids."""
    patient.run("/a -m gpt-4o-mini")
    patient.run("/b -m gpt-4o-mini")
    logging = patient.diagnose()["logging"]
    assert logging == "logged: all 2 requests of this session are at 127.0.0.1:3000 (checked now)"
    assert patient.naps == []


def test_late_rows_are_waited_for(patient: Patient, helicone: FakeHelicone) -> None:
    """A row lands seconds after the answer; a few looks further apart find it."""
    patient.run("/a -m gpt-4o-mini")
    helicone.rest.queries_until_landed = 2
    assert patient.diagnose()["logging"] == (
        "logged: the only request of this session is at 127.0.0.1:3000 (checked now)"
    )
    assert patient.naps == [1.0, 2.0]


def test_what_never_lands_is_told(patient: Patient, helicone: FakeHelicone) -> None:
    """None of them, and what that means; or some of them."""
    patient.run("/a -m gpt-4o-mini")
    (first,) = helicone.gateway.exchanges
    kept = helicone.gateway.exchanges.pop(first)
    assert patient.diagnose()["logging"].startswith("not logged: the only request of this session isn't at")
    patient.run("/b -m gpt-4o-mini")
    assert patient.diagnose()["logging"].startswith("logged in part: 1 of 2 requests of this session is at")
    helicone.gateway.exchanges[first] = kept


@pytest.mark.parametrize(
    ("key", "finding"),
    [
        (UNKNOWN, "probably not logged: Helicone refused the key (401)"),
        (HELICONE_KEY.replace("sk-", "pk-", 1), "cannot be checked: the Helicone key begins with pk-"),
    ],
)
def test_keys_that_read_nothing_are_told(tmp_path: Path, helicone: FakeHelicone, key: str, finding: str) -> None:
    """One that Helicone doesn't know, and one that only writes; neither is shown."""
    patient = Patient(tmp_path, helicone, key)
    patient.open(f'"Course" --gateway {helicone.url}')
    patient.run("/a -m gpt-4o-mini")
    findings = patient.diagnose()
    patient.close()
    assert findings["logging"].startswith(finding)
    assert ("it logs and reads nothing" in findings["HELICONE_API_KEY"]) is key.startswith("pk-")
    assert key not in str(findings) and PROVIDER_KEY not in str(findings)


def test_without_a_request_it_says_how_to_prove_it(patient: Patient, helicone: FakeHelicone) -> None:
    """Run a cell, then ask again; another gateway than the session's has nothing to prove either."""
    assert "nothing of this session was answered" in patient.diagnose()["logging"]
    assert "no session of this gateway is open; run a %%llm cell" in patient.diagnose("oai")["logging"]
    assert patient.diagnose("demo")["logging"].startswith("not logged at Helicone")


def test_without_a_key_nothing_is_logged(tmp_path: Path, helicone: FakeHelicone) -> None:
    """The gateway cannot even be chosen, and that is what doctor says."""
    patient = Patient(tmp_path, helicone, None)
    findings = patient.diagnose(helicone.url)
    patient.close()
    assert "HELICONE_API_KEY is not set" in findings["gateway"]


class Lister(httpx2.AsyncBaseTransport):
    """A server whose list of models is ``body``."""

    def __init__(self, body: str) -> None:
        self._body = body

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Says it, as JSON or as a page."""
        kind = "text/html" if self._body.startswith("<") else "application/json"
        return httpx2.Response(200, content=self._body.encode(), headers={"Content-Type": kind}, request=request)


@pytest.mark.parametrize(
    "body",
    ['{"models": []}', '{"data": null}', '{"data": {"id": "x"}}', '[{"id": "x"}]', "<html>Hello</html>", "null", "{"],
)
def test_what_is_no_list_of_models_is_said(patient: Patient, body: str) -> None:
    """Whatever a server answers there, it is one of our errors, and a finding."""
    patient.network = Lister(body)
    with pytest.raises(GatewayError, match="a list of models"):
        patient.notebook.models.fetch("direct:http://models.example/v1")
    assert patient.diagnose("direct:http://models.example/v1")["answers"].startswith("no: ")


def test_models_without_ids_are_left_out(patient: Patient) -> None:
    """The others are listed."""
    patient.network = Lister('{"data": [{"name": "x"}, {"id": "a"}, "b", {"id": null}]}')
    assert patient.notebook.models.fetch("direct:http://models.example/v1")[1] == ["a"]
