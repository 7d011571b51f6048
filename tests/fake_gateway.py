"""Helicone's gateways as the recordings show them: a request in, an `Answer` out. No sockets.

Everything a gateway does to the provider's answer is here: which headers it adds, what it checks,
how it spells errors, what it caches, limits and logs.
"""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import fake_provider
from fake_answers import EVENTS, JSON, PLAIN, Answer, Mode, Received, read_bearer, reply_json, reply_text
from fake_logging import Logged, log_completion, log_step
from fake_provider import Asked, Ending, Script, build_chunk, build_completion, spell_event, spell_json
from fake_rest import FakeRest

HELICONE_KEY = "sk-helicone-fakefak-efakefa-kefakef-akefake"
HELICONE_EU_KEY = "sk-helicone-eu-fakefak-efakefa-kefakef-akefake"
PROVIDER_KEY = "sk-fake-provider-key-of-the-tests"

_KEY = re.compile(r"[sp]k-helicone(-(eu|rl|cp))*(-[a-z0-9]{7}){4}")
_KEPT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_POLICY = re.compile(r"(\d+);w=(\d+)(;u=(request|cents))?(;s=[\w-]+)?")
_PROVIDERS = {"openai", "azure", "anthropic", "groq", "bedrock", "vertex", "google-ai-studio"}
_NO_PROVIDER = (
    "No available providers for the requested models. "
    "Check provider names and see supported models at https://helicone.ai/models"
)
_OVER_LIMIT = (
    "Helicone user was rate limit via Helicone-RateLimit-Policy header. Please wait before making more requests. "
    "See https://docs.helicone.ai/features/advanced-usage/custom-rate-limits for more details."
)


OWN_LOG = "/v1/trace/custom/v1/log"
"""Where a self-hosted Helicone takes logs; Helicone's worker has the end of it."""


@dataclass
class FakeGateway:
    """The state of the gateways: keys, caches, limits, and what was logged."""

    text: str | None = None  # what a usual answer says; None: "Hello!" as in the recordings
    delay: float = 0.02  # seconds before each chunk of `slow`
    known_keys: set[str] = field(default_factory=lambda: {HELICONE_KEY, HELICONE_EU_KEY})
    url: str = ""  # the server's own
    rest: FakeRest = field(default_factory=FakeRest)
    logged: dict[str, Received] = field(default_factory=dict)  # by Helicone-Id
    exchanges: dict[str, Logged] = field(default_factory=dict)  # the same with their answers
    _turns: Counter[str] = field(default_factory=Counter)
    _limited: Counter[str] = field(default_factory=Counter)
    _cached: set[str] = field(default_factory=set)

    def answer(self, received: Received) -> Answer:
        """What Helicone answers."""
        if received.path.endswith("/custom/v1/log"):
            return self._take_log(received)
        told = self.rest.answer(received, self.url, self.exchanges, self.known_keys)
        if told is not None:
            return told
        if received.mode is None:
            return reply_json({"error": {"message": f"no route {received.path}"}}, 404)
        refusal = self._find_refusal(received, received.mode)
        if refusal:
            return refusal
        rest = received.path.removeprefix(received.mode.value)
        if (received.method, rest) == ("GET", "/models"):
            return reply_json(
                {"object": "list", "data": [{"id": name, "object": "model"} for name in fake_provider.MODELS]}
            )
        if (received.method, rest) == ("POST", "/chat/completions"):
            return self._complete(received, received.mode)
        return reply_text("Method Not Allowed", 405)

    # ---- keys

    def _find_refusal(self, received: Received, mode: Mode) -> Answer | None:
        if mode is Mode.AI:
            key = read_bearer(received, "authorization")
            if not _KEY.fullmatch(key):
                return reply_text("Invalid Helicone API key (hshed)", 401)
            return None if key in self.known_keys else reply_text("Organization not found", 401)
        if mode is Mode.TARGET and not received.header("helicone-target-url"):
            return reply_text("Missing target base url", 400)
        if not read_bearer(received, "authorization"):
            message = {"message": "You didn't provide an API key.", "type": "invalid_request_error", "code": None}
            return reply_json({"error": message}, 401)
        return None

    def _is_logged(self, received: Received, mode: Mode) -> bool:
        name = "authorization" if mode is Mode.AI else "helicone-auth"
        return mode is not Mode.DIRECT and read_bearer(received, name) in self.known_keys

    # ---- completions

    def _complete(self, received: Received, mode: Mode) -> Answer:
        name, _, provider = received.json["model"].partition("/")
        if mode is not Mode.AI:
            name, provider = received.json["model"], ""
        elif name in _PROVIDERS or not fake_provider.is_known(name):
            return _build_no_provider()
        exchange = _Exchange(received, mode, name, provider or "openai", _choose_id(received))
        limit = self._count_limit(received) if mode is not Mode.DIRECT else None
        extra = limit.headers if limit else ()
        if limit and limit.is_over:
            return exchange.refuse_over_limit(extra)
        script = fake_provider.answer(name, self._build_asked(received, name))
        if mode is not Mode.DIRECT:
            extra += self._look_into_cache(received, script)
        answer = exchange.build_answer(script, extra)
        if self._is_logged(received, mode):
            self.logged[exchange.id] = received
            self.exchanges[exchange.id] = log_completion(exchange.id, received, answer, exchange.provider)
        return answer

    def _build_asked(self, received: Received, model: str) -> Asked:
        turn = self._turns[model]
        self._turns[model] += 1
        keys = (read_bearer(received, name) for name in ("authorization", "helicone-auth"))
        roles = [message.get("role") for message in reversed((received.json or {}).get("messages") or [])]
        results = list(takewhile(lambda role: role != "user", roles)).count("tool")
        return Asked(0, turn, tuple(key for key in keys if key), self.text, self.delay, results)

    def _look_into_cache(self, received: Received, script: Script) -> tuple[tuple[str, str], ...]:
        if received.header("helicone-cache-enabled") != "true" or script.status != 200:
            return ()
        # The session's headers are no part of the key: another session's identical prompt is a hit.
        parts = (received.path.encode(), (received.header("authorization") or "").encode(), received.body)
        key = hashlib.sha256(b"\0".join(parts)).hexdigest()
        if key in self._cached:
            hit = (("helicone-cache-bucket-idx", "0"), ("helicone-cache-latency", "206"))
            return (("helicone-cache", "HIT"), *hit)
        age = re.search(r"max-age=(\d+)", received.header("cache-control") or "")
        if age is None or int(age[1]) >= 60:
            self._cached.add(key)
        return (("helicone-cache", "MISS"),)

    def _count_limit(self, received: Received) -> _Limit | None:
        policy = received.header("helicone-ratelimit-policy") or ""
        match = _POLICY.fullmatch(policy)
        if not match or not 60 <= int(match[2]) <= 31_536_000:  # an invalid one is ignored
            return None
        used = self._limited[policy]
        self._limited[policy] += 1
        return _Limit(policy, int(match[1]), int(match[2]), used)

    # ---- logs of other steps

    def _take_log(self, received: Received) -> Answer:
        if received.path.startswith(OWN_LOG):
            return self._take_own_log(received)
        if read_bearer(received, "authorization") not in self.known_keys:
            return reply_text('{"error":"Auth failed! JSON object requested, multiple (or no) rows returned"}')
        if not isinstance(received.json["providerRequest"].get("meta"), dict):
            return reply_text('{"error":"Invalid providerRequest: \'meta\' should be an object"}', 400)
        request_id = _choose_id(received)
        self.logged[request_id] = received
        self.exchanges[request_id] = log_step(request_id, received)
        return Answer(200, (PLAIN, ("helicone-id", request_id)), (b"ok",))

    def _take_own_log(self, received: Received) -> Answer:
        """As the `v1/trace` controller of a self-hosted Helicone does: a 200 without a word, and a 401."""
        if read_bearer(received, "authorization") not in self.known_keys:
            return reply_json({"error": "Invalid API key"}, 401)
        request_id = _choose_id(received)
        self.logged[request_id] = received
        self.exchanges[request_id] = log_step(request_id, received)
        return Answer(200, (), (b"",))


@dataclass(frozen=True)
class _Limit:
    policy: str
    quota: int
    window: int  # seconds
    used: int  # before this request

    @property
    def is_over(self) -> bool:
        return self.used >= self.quota

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (
            ("helicone-ratelimit-limit", str(self.quota)),
            ("helicone-ratelimit-policy", self.policy),
            ("helicone-ratelimit-remaining", str(max(0, self.quota - self.used - 1))),
            ("helicone-ratelimit-reset", str(self.window)),
        )


@dataclass(frozen=True)
class _Exchange:
    """One completion on its way back through a gateway."""

    received: Received
    mode: Mode
    model: str
    provider: str
    id: str

    @property
    def is_ai(self) -> bool:
        return self.mode is Mode.AI

    @property
    def is_streamed(self) -> bool:
        return bool(self.received.json.get("stream"))

    def build_answer(self, script: Script, extra: tuple[tuple[str, str], ...]) -> Answer:
        if script.status == 0:
            return Answer(0, (), (Ending.HANG,))
        if script.error is not None:
            return self._build_ai_failure(script) if self.is_ai else self._build_failure(script, extra)
        if self.is_streamed:
            no_cache = (("Cache-Control", "no-cache"),) if self.is_ai else ()
            parts = tuple(self._split(self._stream(script)))
            return Answer(200, (EVENTS, *no_cache, *self._build_headers(), *extra), parts)
        upstream = (*script.headers, ("x-request-id", "req_up"))
        return Answer(200, (JSON, *self._build_headers(), *extra, *upstream), tuple(self._build_body(script)))

    def refuse_over_limit(self, extra: tuple[tuple[str, str], ...]) -> Answer:
        marks = (("x-helicone-error", "rate_limited"),)
        body = spell_json({"message": _OVER_LIMIT}, is_compact=True)
        content_type = ("Content-Type", "application/json;charset=UTF-8")
        return Answer(429, (content_type, *self._build_headers(), *extra, *marks), (body,))

    def _build_headers(self) -> tuple[tuple[str, str], ...]:
        if self.mode is Mode.DIRECT:
            return ()
        if not self.is_ai:
            return (("Helicone-Id", self.id), ("Helicone-Status", "success"))
        return (
            ("helicone-gateway-mode", "BYOK"),
            ("helicone-id", self.id),
            ("helicone-model", self.model),
            ("helicone-provider", self.provider),
            ("helicone-status", "success"),
        )

    def _build_failure(self, script: Script, extra: tuple[tuple[str, str], ...]) -> Answer:
        is_page = isinstance(script.error, str)
        body = script.error.encode() if isinstance(script.error, str) else spell_json(script.error, is_compact=False)
        content_type = ("Content-Type", "text/html") if is_page else JSON
        return Answer(script.status, (content_type, *self._build_headers(), *extra, *script.headers), (body,))

    def _build_ai_failure(self, script: Script) -> Answer:
        told = script.error["error"]["message"] if isinstance(script.error, dict) else "Bad Gateway"
        source = f"{self.model}/{self.provider}/byok"
        detail = {"type": "request_failed", "message": told, "statusCode": script.status, "source": source}
        code, message = ("rate_limited", "Rate limited") if script.status == 429 else ("request_failed", told)
        return _build_ai_error(script.status, code, message, detail, script.headers)

    # ---- bodies

    @property
    def _usage_extra(self) -> dict[str, Any]:
        return {"modality_tokens": {}} if self.is_ai else {}

    def _wants_usage(self) -> bool:
        options = self.received.json.get("stream_options") or {}
        asked_by_header = self.mode is not Mode.DIRECT and self.received.header("helicone-stream-usage") == "true"
        return self.is_ai or bool(options.get("include_usage")) or asked_by_header

    def _stream(self, script: Script) -> Iterator[bytes | float | Ending]:
        for part in script.parts:
            if isinstance(part, dict):
                yield spell_event(build_chunk(self.model, part), is_compact=self.is_ai)
                continue
            yield part
            if isinstance(part, Ending):
                return
        if script.finish_reason:
            yield spell_event(build_chunk(self.model, {}, script.finish_reason), is_compact=self.is_ai)
        if self._wants_usage() and script.is_done:
            last = {**build_chunk(self.model, {}), "choices": [], "usage": script.usage | self._usage_extra}
            yield spell_event(last, is_compact=self.is_ai)
        if script.is_done:
            yield b"data: [DONE]\n\n"

    def _build_body(self, script: Script) -> Iterator[bytes | float | Ending]:
        completion = build_completion(self.model, script)
        completion["usage"] |= self._usage_extra
        body = spell_json(completion, is_compact=self.is_ai)
        yield from (part for part in script.parts if isinstance(part, float))
        ending = next((part for part in script.parts if isinstance(part, Ending)), None)
        is_broken = ending or any(isinstance(part, bytes) for part in script.parts)
        yield from self._split([body[: len(body) // 2] if is_broken else body])
        if ending:
            yield ending

    @staticmethod
    def _split(parts: Any) -> Iterator[bytes | float | Ending]:
        """Bytes in two pieces each, cut where no word ends, as they came from the running gateway."""
        for part in parts:
            if isinstance(part, bytes) and len(part) > 40:
                yield part[:28]
                yield part[28:]
            else:
                yield part


def _build_no_provider() -> Answer:
    detail = {"source": "No available providers", "type": "request_failed", "message": _NO_PROVIDER, "statusCode": 400}
    return _build_ai_error(500, "request_failed", _NO_PROVIDER, detail)


def _build_ai_error(
    status: int, code: str, message: str, detail: dict[str, Any], extra: tuple[tuple[str, str], ...] = ()
) -> Answer:
    error = {"code": code, "message": message, "details": [detail], "param": None}
    return Answer(status, (PLAIN, *extra), (spell_json({"success": False, "error": error}, is_compact=True),))


def _choose_id(received: Received) -> str:
    wished = received.header("helicone-request-id") or ""
    return wished if _KEPT_ID.fullmatch(wished) else str(uuid.uuid4())


def now() -> float:
    """The clock of `Received.at`."""
    return time.monotonic()


Respond = Callable[[Received], Answer | None]
"""An answer of the test's own; None: the usual one."""
