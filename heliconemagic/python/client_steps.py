"""Requests that other code sends through an openai client of ours, as steps of the session."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from heliconemagic import headers
from heliconemagic.client import Request
from heliconemagic.engine.run import Run
from heliconemagic.gateways.choice import Credentials, Gateway, build_credentials
from heliconemagic.paths import SessionPath
from heliconemagic.planning.checks import check_budget, check_no_secret, check_no_secret_attached
from heliconemagic.planning.plan import Plan
from heliconemagic.python.base_handle import find_open
from heliconemagic.python.hosts import Host
from heliconemagic.records import Attempt, Cell, Step, StepStatus
from heliconemagic.redaction import Redactor, Secret
from heliconemagic.schemas.answer_form import AnswerForm
from heliconemagic.session_state import Session
from heliconemagic.settings import Context
from heliconemagic.steps.conversation import Wish, build_fingerprint, find_place
from heliconemagic.transport.answer_reader import read_messages
from heliconemagic.transport.client_recording import ClientTransport, SentRequest

MOST_FAILED = 100
"""Failed requests that are remembered, for the SDK may send one again."""


class ClientSteps:
    """Makes the steps of one client."""

    def __init__(self, host: Host, session: Session, path: SessionPath, gateway: Gateway) -> None:
        self._host = host
        self._session = session
        self._path = path
        self._gateway = gateway
        self._failed: OrderedDict[str, ClientStepRun] = OrderedDict()

    def open_transport(self) -> ClientTransport:
        """What sends the client's next request; called where that is made, for its cell is known only there.

        Raises:
            InputError: the session has ended. The client's headers are still those of it.
        """
        self._session = find_open(self._host, self._session)
        notebook = self._host.notebook
        keys = notebook.access.find_keys()
        credentials = build_credentials(self._gateway, keys)
        secrets = (*keys.secrets, *credentials.secrets)
        redactor = Redactor(secrets)
        return ClientTransport(
            lambda: notebook.engine.open_client().find_transport(self._gateway, redactor),
            partial(self._open_step, credentials, secrets, self._host.find_cell()),
            credentials.secret_headers,
            self._gateway.base_url,
            redactor,
        )

    def _open_step(
        self, credentials: Credentials, secrets: tuple[Secret, ...], cell: Cell, sent: SentRequest
    ) -> ClientStepRun:
        """The step of a request, or the one that failed and is now tried again.

        Raises:
            InputError: it holds a key, or would exceed the session's budget.
        """
        digest = hashlib.sha256(f"{sent.method} {sent.url} ".encode() + sent.body).hexdigest()
        earlier = self._failed.pop(digest, None) if sent.is_retry else None
        plan = earlier.plan if earlier else self._build_plan(credentials, secrets, cell, sent)
        self._host.notebook.steps.reserve([plan])
        step = replace(earlier.run.read_step(), **_UNENDED) if earlier else plan.step
        return ClientStepRun(self._host, plan, step, note_failure=partial(self._keep_failed, digest))

    def _keep_failed(self, digest: str, run: ClientStepRun) -> None:
        self._failed[digest] = run
        while len(self._failed) > MOST_FAILED:
            self._failed.popitem(last=False)

    def _build_plan(self, credentials: Credentials, secrets: tuple[Secret, ...], cell: Cell, sent: SentRequest) -> Plan:
        session, body = self._session, _parse_body(sent)
        request = self._read_request(credentials, sent, body)
        path = SessionPath(headers.find_header(sent.headers, headers.SESSION_PATH) or self._path)
        check_no_secret([dict(body), str(path)], secrets)
        check_no_secret_attached(request, secrets)
        check_budget(session.committed, session.options.budget, [request])
        place = find_place(session.steps, Wish(path=path, cell=cell.id, run=cell.run, context=Context.NONE))
        step = Step(
            id=str(uuid.uuid4()),
            session_id=session.record.id,
            path=path,
            gateway=self._gateway.label,
            model=request.model,
            messages=request.messages,
            parameters=request.parameters,
            user=headers.read_user(sent.headers),
            properties=headers.read_properties(sent.headers),
            fingerprint=build_fingerprint(self._gateway.base_url, request.model, request.messages, request.parameters),
            cell=cell.id,
            run=cell.run,
            is_aside=True,  # its conversation is the caller's own
            started_at=self._host.notebook.surroundings.clock(),
        )
        return Plan(
            session=session,
            step=step,
            request=request,
            place=place,
            notes=(),
            wanted=AnswerForm(),
            budget=session.options.budget,
            redactor=Redactor(secrets),
        )

    def _read_request(self, credentials: Credentials, sent: SentRequest, body: Mapping[str, Any]) -> Request:
        from heliconemagic.attachments.recognising import recognise_messages

        told, parameters = read_messages(body)
        messages, attachments = recognise_messages(told)
        return Request(
            gateway=self._gateway,
            credentials=credentials,
            model=str(body.get("model") or sent.url.rpartition("/")[2]),
            messages=messages,
            parameters=parameters,
            attachments=attachments,
        )


_UNENDED: Mapping[str, Any] = {"status": StepStatus.PENDING, "ended_at": None, "error": None}


class ClientStepRun:
    """One exchange of a client's step: tells its `Run` what the transport sees."""

    def __init__(self, host: Host, plan: Plan, step: Step, *, note_failure: Callable[[ClientStepRun], None]) -> None:
        self.plan = plan
        self.run = Run(
            step,
            plan.request,
            journal=host.notebook.journal,
            redactor=plan.redactor,
            clock=host.notebook.surroundings.clock,
        )
        self.stamps_request_id = self.run.stamps_request_id
        self.wants_events = False  # the client reads the answer in its own way
        self._host = host
        self._note_failure = note_failure
        plan.session.put_step(step)

    async def open_attempt(self, attempt: Attempt) -> None:
        """Records the attempt before its first byte."""
        await self.run.open_attempt(attempt)
        self.plan.session.put_step(self.run.read_step())

    def update_attempt(self, attempt: Attempt) -> None:
        """Takes its newer state."""
        self.run.update_attempt(attempt)

    def note_refusal(self, status: int | None, retry_after: float | None) -> None:
        """Whether another attempt follows the SDK decides."""

    def note_end_mark(self) -> None:
        """The stream said ``[DONE]``."""
        self.run.note_end_mark()

    def take(self, chunk: Any) -> None:
        """Takes a piece of the answer in."""
        self.run.take(chunk)

    async def end(self, error: BaseException | None) -> None:
        """The exchange is over; a whole answer is done, however the client left it."""
        if error is None or self.run.is_answered:
            self.run.end(StepStatus.DONE)
        elif isinstance(error, Exception):
            self.run.end(StepStatus.FAILED, error)
            self._note_failure(self)
        else:
            self.run.end(StepStatus.INTERRUPTED)
        self._host.notebook.steps.finish(self.plan, self.run)
        self._host.note_change()
        if self._host.is_worker:
            await asyncio.to_thread(self._host.notebook.journal.flush)


def _parse_body(sent: SentRequest) -> Mapping[str, Any]:
    """The JSON that was sent; where it isn't JSON, its size as the prompt."""
    try:
        body = json.loads(sent.body)
    except (ValueError, RecursionError):
        kind = sent.headers.get("content-type", "").partition(";")[0] or "no content"
        return {"input": f"({len(sent.body):,} bytes of {kind})"} if sent.body else {"input": ""}
    return body if isinstance(body, dict) else {"input": body}
