"""The openai SDK, wrapped: one async client per gateway on one event loop, its errors converted once.

The SDK keeps its retry loop. Everything it raises leaves here as one of our own errors.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from heliconemagic.attachments.attachment import drop_thumbnails
from heliconemagic.attachments.wire import build_wire_messages
from heliconemagic.client_errors import (
    ASK_FOR_BASE_URL,
    explain_broken_stream,
    find_said,
    find_told_error,
    name_cause,
)
from heliconemagic.errors import CredentialError, GatewayError, HeliconeMagicError, UnreachableError
from heliconemagic.gateways.choice import Credentials, Gateway
from heliconemagic.gateways.failures import Refusal, read_told_error
from heliconemagic.key_filter import KeyFilter
from heliconemagic.lessons.lesson import Playing
from heliconemagic.records import Message
from heliconemagic.redaction import Redactor

if TYPE_CHECKING:
    import httpx2
    import openai

DEFAULT_RETRIES = 2
DEFAULT_TIMEOUT = 120.0
"""Seconds without a byte before a request is given up."""
DEFAULT_ROW_TIMEOUT = 600.0
"""The same for an answer that comes in one piece, as the rows of a batch do: it may take long to write."""
CONNECT_TIMEOUT = 10.0
_ACCOUNT_HEADERS = ("OpenAI-Organization", "OpenAI-Project")
"""What the SDK makes of ``OPENAI_ORG_ID`` and ``OPENAI_PROJECT_ID``."""
_MODEL_LIST = "a list of models"
_NO_MORE_THREADS = "RuntimeError: cannot schedule new futures after"
"""How Python tells a thread that the interpreter ends: there is no other sign of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One chat completion, complete: where it goes, what it says, how patient it is."""

    gateway: Gateway
    credentials: Credentials
    model: str
    messages: tuple[Message, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # without secrets
    streams: bool = True
    retries: int = DEFAULT_RETRIES
    timeout: float = DEFAULT_TIMEOUT
    playing: Playing | None = None  # the recording that answers instead of the gateway
    fallback: Request | None = None  # is answered in place of this one if the network fails, or stays silent
    patience: float | None = None  # seconds without text after which the fallback answers
    list_models: Callable[[], Sequence[str]] = tuple  # models known without asking, for "did you mean"
    attachments: Mapping[str, bytes] = field(default_factory=dict, repr=False)  # by hash; messages only refer to them

    def build_body(self) -> dict[str, Any]:
        """The JSON body as it is recorded and shown: attachments by their hashes."""
        body: dict[str, Any] = {"model": self.model, "messages": drop_thumbnails(self.messages)}
        body.update(self.parameters)
        body["stream"] = self.streams  # said also where it does not: not every server takes silence for no
        if self.streams:
            body["stream_options"] = {"include_usage": True, **(self.parameters.get("stream_options") or {})}
        return body


class Client:
    """Sends requests on the event loop it was built on. Build one per loop and close it at the end.

    ``environ`` is what the SDK reads, without being asked to.
    """

    def __init__(
        self,
        build_transport: Callable[[Gateway], httpx2.AsyncBaseTransport],
        *,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._build_transport = build_transport
        self._environ = environ
        self._clients: dict[tuple[str, tuple[tuple[str, str], ...]], openai.AsyncOpenAI] = {}
        self._variants: dict[tuple[Any, ...], openai.AsyncOpenAI] = {}
        self._transports: dict[str, httpx2.AsyncBaseTransport] = {}  # by base URL, for other clients' requests
        self._redactor = Redactor([])
        self._log_filter = KeyFilter()

    def use_redactor(self, redactor: Redactor) -> None:
        """Takes the keys that may be configured by now."""
        self._redactor = redactor
        self._log_filter.take(redactor)

    @asynccontextmanager
    async def open_answer(
        self, request: Request, has_text: Callable[[], bool] = lambda: False
    ) -> AsyncIterator[AsyncIterator[Any]]:
        """The chunks of the answer; a non-streamed one is a single completion. Closed on leaving.

        ``has_text`` tells whether something to show has come by now.

        Raises:
            GatewayError, CredentialError: as `heliconemagic.gateways.failures` explains them.
        """
        with self._converting(request):
            answer = await self._send(request)
        if not request.streams:
            yield _iterate_one(self._check_whole(_read_whole(answer), request))
            return
        try:
            yield self._convert_while(answer, request, has_text)
        finally:
            await answer.close()

    async def _send(self, request: Request) -> Any:
        import openai

        body = request.build_body()
        if request.attachments:  # megabytes of base64 are made where they hold up no other answer
            body["messages"] = await asyncio.to_thread(build_wire_messages, body["messages"], request.attachments.get)
        # As `chat.completions.create` does it, but the body and the answer stay the JSON objects they are: that walks
        # through all messages for keys to rename, and builds objects of the answer without checking what is in them.
        headers = self._build_headers(request.gateway, request.headers, request.credentials)
        return await self._find_variant(request).post(
            "/chat/completions",
            body=body,
            cast_to=object,
            options={"headers": headers, "security": {"bearer_auth": True}},
            stream=request.streams,
            stream_cls=openai.AsyncStream[object] if request.streams else None,
        )

    def _build_headers(self, gateway: Gateway, headers: Mapping[str, str], credentials: Credentials) -> dict[str, Any]:
        """All that is sent besides what the SDK adds itself, and nothing of the environment's for others."""
        import openai

        omitted = {name: openai.Omit() for name in find_ambient_headers(self._environ, gateway)}
        bearer = {"Authorization": f"Bearer {reveal_key(credentials)}"}
        return {**omitted, **bearer, **headers, **credentials.reveal_headers()}

    def _find_variant(self, request: Request) -> openai.AsyncOpenAI:
        """The gateway's client with the request's key and patience.

        Kept, because a new one begins by asking for the platform in a thread, at every request.
        """
        client = self._find_client(request.gateway)
        key = (client, request.credentials.api_key, request.retries, request.timeout)
        if key not in self._variants:
            self._variants[key] = client.with_options(
                api_key=reveal_key(request.credentials),
                max_retries=request.retries,
                timeout=build_timeout(request.timeout),
            )
        return self._variants[key]

    def _find_client(self, gateway: Gateway) -> openai.AsyncOpenAI:
        address = (gateway.base_url, tuple(sorted(gateway.query.items())))
        if address not in self._clients:
            self._clients[address] = self._build_client(gateway)
            self._log_filter.watch()
        return self._clients[address]

    def _build_client(self, gateway: Gateway) -> openai.AsyncOpenAI:
        import openai

        return openai.AsyncOpenAI(
            api_key="none",
            base_url=gateway.base_url,
            default_query=dict(gateway.query),
            http_client=openai.DefaultAsyncHttpxClient(
                transport=self._build_transport(gateway),
                follow_redirects=False,  # httpx2 drops only Authorization: other keys and the prompt would go along
            ),
        )

    def find_transport(self, gateway: Gateway, redactor: Redactor) -> httpx2.AsyncBaseTransport:
        """What other clients of the gateway send by: one pool of connections, closed with this client.

        ``redactor`` knows the keys that they send.
        """
        self._log_filter.take(redactor)
        if gateway.base_url not in self._transports:
            self._transports[gateway.base_url] = self._build_transport(gateway)
            self._log_filter.watch()
        return self._transports[gateway.base_url]

    async def _convert_while(
        self, chunks: AsyncIterator[Any], request: Request, has_text: Callable[[], bool]
    ) -> AsyncIterator[Any]:
        with self._converting(request, has_text=has_text):
            async for chunk in chunks:
                yield chunk

    def _check_whole(self, answer: object, request: Request) -> object:
        """The answer, unless it is an error that has the status of none."""
        if isinstance(answer, dict) and answer.get("error") and "choices" not in answer:
            raise self._explain(read_told_error(answer["error"]), request)
        return answer

    async def list_models(self, gateway: Gateway, credentials: Credentials) -> list[str]:
        """The ids of the gateway's models, in its order; a model without one is left out.

        Raises:
            GatewayError, CredentialError: as for an answer, or what came is no list of models.
        """
        request = Request(gateway=gateway, credentials=credentials, model="", messages=(), retries=0, timeout=20.0)
        client = self._find_client(gateway).with_options(api_key=reveal_key(credentials), max_retries=0, timeout=20.0)
        headers = self._build_headers(gateway, gateway.extra_headers, credentials)
        with self._converting(request, wanted=_MODEL_LIST):  # the SDK's own page is built of whatever comes
            answer: Any = _read_whole(
                await client.get(
                    "/models", cast_to=object, options={"headers": headers, "security": {"bearer_auth": True}}
                )
            )
        models = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(models, list):
            raise GatewayError(
                f"{gateway.base_url} answered, but not with {_MODEL_LIST}.",
                hint=ASK_FOR_BASE_URL,
                cause=find_said(answer, self._redactor.redact_lookalikes) or None,
            )
        ids = [model.get("id") for model in models if isinstance(model, dict)]
        return [found for found in ids if isinstance(found, str) and found]

    async def close(self) -> None:
        """Closes every connection; idempotent."""
        self._log_filter.close()
        self._variants.clear()
        while self._clients:
            _, client = self._clients.popitem()
            await client.close()
        while self._transports:
            _, transport = self._transports.popitem()
            await transport.aclose()

    @contextmanager
    def _converting(
        self, request: Request, *, has_text: Callable[[], bool] | None = None, wanted: str = "a chat completion"
    ) -> Iterator[None]:
        """Raises our errors for the SDK's; those don't stay behind ours, for a traceback would tell their words.

        A server may have repeated a key in them. ``wanted`` is what was asked for, ``has_text`` the stream's.
        """
        try:
            yield
        except HeliconeMagicError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the SDK and a server make of each other
            if _NO_MORE_THREADS in name_cause(error):
                raise asyncio.CancelledError from None
            if has_text is not None:
                raise self._convert_streaming(error, request, has_text=has_text()) from None
            raise self._convert(error, request, wanted) from None

    def _convert_streaming(self, error: Exception, request: Request, *, has_text: bool) -> HeliconeMagicError:
        told = find_told_error(error)
        if told is not None and not has_text:  # an event in place of an answer
            return self._explain(read_told_error(told), request)
        redact = self._redactor.redact_lookalikes
        cause = redact(name_cause(error)) if told is None else find_said({"error": told}, redact)
        return explain_broken_stream(error, request.gateway.label, cause, request.timeout, has_text=has_text)

    def _convert(self, error: Exception, request: Request, wanted: str) -> HeliconeMagicError:
        import openai

        label = request.gateway.label
        if isinstance(error, openai.APIStatusError):
            return self._explain_refusal(error, request)
        cause = self._redactor.redact_lookalikes(name_cause(error))
        if isinstance(error, openai.APITimeoutError):
            return UnreachableError(
                f"the gateway {label!r} accepted the request and sent nothing for {request.timeout:g} s.",
                hint="run the cell again, give it longer with --timeout SECONDS, or try --gateway demo",
                cause=cause,
            )
        if isinstance(error, openai.APIConnectionError):
            return UnreachableError(
                f"the gateway {label!r} cannot be reached at {request.gateway.base_url}.",
                hint="check the network, or work offline with --gateway demo",
                cause=cause,
            )
        if isinstance(error, openai.OpenAIError):
            return CredentialError(f"the openai client refused to send to {label!r}.", cause=cause)
        return GatewayError(
            f"the answer of {label!r} could not be read as {wanted}.",
            hint="is this the base URL of an OpenAI-compatible API? `%helicone_session doctor` shows it",
            cause=cause,
        )

    def _explain_refusal(self, error: openai.APIStatusError, request: Request) -> HeliconeMagicError:
        response = error.response
        request_id = response.headers.get("helicone-id")
        return self._explain(
            Refusal(error.status_code, response.text, response.headers, request_id=request_id), request
        )

    def _explain(self, refusal: Refusal, request: Request) -> HeliconeMagicError:
        return refusal.explain(
            gateway=request.gateway.label,
            model=request.model,
            key_variables=request.gateway.key_names,
            redactor=self._redactor,
            list_models=request.list_models,
        )


def find_ambient_headers(environ: Mapping[str, str], gateway: Gateway) -> tuple[str, ...]:
    """The headers that the SDK would take from the environment, though they are for others than ``gateway``.

    Keys meant for one gateway may be among them, and whose OpenAI account it is concerns OpenAI alone.
    """
    lines = environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    custom = (line.partition(":")[0].strip() for line in lines if ":" in line)
    return (*custom, *(() if gateway.is_openai else _ACCOUNT_HEADERS))


def reveal_key(credentials: Credentials) -> str:
    """The key as the SDK wants it: some text, also where there is none."""
    return credentials.api_key.reveal() if credentials.api_key else "none"


def build_timeout(seconds: float) -> Any:
    """The SDK's form of ``seconds`` without a byte; connecting has a limit of its own."""
    import httpx2

    return httpx2.Timeout(seconds, connect=min(CONNECT_TIMEOUT, seconds))


def _read_whole(answer: object) -> object:
    """The JSON of an answer in one piece; the SDK leaves it as text where its Content-Type says something else."""
    if not isinstance(answer, str):
        return answer
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        return answer


async def _iterate_one(answer: Any) -> AsyncIterator[Any]:
    yield answer
