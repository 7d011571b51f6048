"""Refusals, explained: from a status, a body and what was asked to an error that says what to type.

Pure, so that every recorded refusal can be tested without a server. Texts that come from a server
are redacted and shortened before they are shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from heliconemagic.errors import CredentialError, GatewayError, HeliconeMagicError, RateLimitError, UnknownModelError
from heliconemagic.redaction import Redactor

LOCAL_UNAVAILABLE = "local_model_unavailable"
"""The code by which `heliconemagic.transport.local` says that there is no model to ask."""
MAX_CAUSE_LENGTH = 300
MAX_NAME_LENGTH = 60
MAX_WAIT_LENGTH = 40  # of a date as HTTP spells it


_MEANT: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        401: ("invalid_api_key", "authentication", "unauthorized", "unauthenticated"),
        403: ("permission", "forbidden", "access_denied"),
        429: ("rate_limit", "quota", "too_many_requests", "resource_exhausted"),
        404: ("not_found",),
        500: ("server_error", "internal", "api_error", "overloaded", "unavailable", "timeout", "bad_gateway"),
        400: ("invalid", "bad_request", "context_length", "content_filter"),
    }
)
"""The status that goes with the words of OpenAI's codes and types, and of those who spell theirs alike."""


class Refusal:
    """An answer with an error status: ``status`` as meant (not as wrapped), ``body``, ``headers``.

    One that came in an answer with the status 200 goes by a ``name``: no attempt follows it.
    """

    def __init__(
        self,
        status: int,
        body: str,
        headers: Mapping[str, str],
        *,
        request_id: str | None = None,
        name: str | None = None,
    ) -> None:
        self.status = status
        self.is_final = name is not None
        self.name = str(status) if name is None else _join_lines(name)
        self.headers = headers
        self.request_id = request_id
        self.code, self.message = map(_join_lines, _read_error(body))

    def explain(
        self,
        *,
        gateway: str,
        model: str,
        key_variables: str,
        redactor: Redactor,
        list_models: Callable[[], Sequence[str]] = tuple,
    ) -> HeliconeMagicError:
        """The error for the person in the notebook.

        Args:
            gateway: its label.
            key_variables: the variables its keys come from, joined for reading.
            redactor: takes the keys out of what the server said.
            list_models: gives the models that might have been meant.
        """
        redact = redactor.redact_lookalikes
        name = redact(self.name)[:MAX_NAME_LENGTH]
        said = dict.fromkeys((self.name, self.code, self.message))  # the name may be the code
        cause = redact(" ".join(filter(None, said)))
        cause = cause[:MAX_CAUSE_LENGTH]
        request_id = redact(self.request_id) if self.request_id else None
        common: dict[str, Any] = {"cause": cause, "status_code": self.status or None, "request_id": request_id}
        if self.code == LOCAL_UNAVAILABLE:
            hint = "`%helicone_session models install` mends it; `%helicone_session doctor --gateway local` tells more"
            return GatewayError(redact(self.message), hint=hint)
        if self.status in (401, 403):
            return CredentialError(
                f"the gateway {gateway!r} refused the key ({name}).",
                hint=f"check {key_variables}: `%helicone_session doctor`, then `%helicone_session login`",
                cause=cause,
            )
        if 300 <= self.status < 400:
            target = redact(self.headers.get("location", ""))[:MAX_CAUSE_LENGTH]
            return self._explain_redirect(gateway, **{**common, "cause": f"{self.status} to {target!r}"})
        if self._is_unknown_model():
            return UnknownModelError(
                f"{model!r} is not a model of the gateway {gateway!r}.",
                hint=suggest_model(model, list_models()) + "`%helicone_session models` lists them",
                **common,
            )
        if self._is_too_long():
            return GatewayError(
                f"the conversation is too long for {model!r}.",
                hint="use --fresh, or --after a shorter step",
                **common,
            )
        if self.status == 429:
            return self._explain_limit(gateway, name, redact, **common)
        return self._explain_other(gateway, name, **common)

    def _explain_limit(self, gateway: str, name: str, redact: Callable[[str], str], **common: Any) -> RateLimitError:
        if self.code == "insufficient_quota":  # OpenAI's word, and no waiting helps
            hint = "add credit there, or take another key (`%helicone_session login`) or another --gateway"
            spent = f"the account behind the key has nothing left to spend ({name})."
            return RateLimitError(spent, hint=hint, **common)
        hint = redact(self._say_wait())
        return RateLimitError(f"the gateway {gateway!r} is asked too often ({name}).", hint=hint, **common)

    def _explain_other(self, gateway: str, name: str, **common: Any) -> GatewayError:
        if self.status >= 500:
            return GatewayError(
                f"the gateway {gateway!r} or the provider behind it failed ({name}).",
                hint="run the cell again, or choose another model with -m or another gateway with --gateway",
                **common,
            )
        named = f" ({name})" if name else ""
        return GatewayError(f"the gateway {gateway!r} refused the request{named}.", hint=self._say_refused(), **common)

    def _explain_redirect(self, gateway: str, **common: Any) -> GatewayError:
        return GatewayError(
            f"the gateway {gateway!r} redirects elsewhere ({self.status}); keys and prompt were not sent on.",
            hint="if you know that address, give it with --gateway",
            **common,
        )

    def _is_unknown_model(self) -> bool:
        text = f"{self.code} {self.message}".lower()
        marks = ("model_not_found", "no available providers", "unknown model", "does not exist", "model not found")
        return self.status in (400, 404) and any(mark in text for mark in marks)

    def _is_too_long(self) -> bool:
        """As llama.cpp's servers say it, and OpenAI."""
        text = f"{self.code} {self.message}".lower()
        return self.status == 400 and ("context size" in text or "context_length" in text or "context length" in text)

    def _say_wait(self) -> str:
        wait = (self.headers.get("retry-after") or self.headers.get("helicone-ratelimit-reset") or "")[:MAX_WAIT_LENGTH]
        policy = self.headers.get("helicone-ratelimit-policy", "")[:MAX_CAUSE_LENGTH]
        when = "wait a little and run the cell again"
        if wait:  # seconds, or a date
            when = f"run the cell again in {wait} s" if wait[0].isdigit() else f"run the cell again after {wait}"
        if policy:
            return f"{when}; the policy in force is {policy}"
        return when if self.is_final else f"{when}, or raise --retries"

    def _say_refused(self) -> str:
        if self.status == 404:
            return "the address may be wrong: `%helicone_session doctor` shows it"
        if "context" in self.message.lower() and "token" in self.message.lower():
            return "the conversation is too long for the model: use --fresh, or --after a shorter step"
        if any(mark in self.message for mark in ("response_format", "json_schema", "json_object")):
            return "this model or gateway takes no such answer form: choose another with -m, or ask for it in words"
        return "the cause below says what it didn't accept; --dry-run shows the exact request"


def read_told_error(error: object) -> Refusal:
    """The refusal in an answer whose own status is 200: ``error`` is what stands under that name in its JSON.

    >>> read_told_error({"code": "model_not_found", "type": "invalid_request_error"}).status
    404
    """
    fields = error if isinstance(error, dict) else {}
    numbers = [str(fields.get(name)) for name in ("code", "status", "status_code")]
    body = json.dumps({"error": error}, default=str)
    told = next((int(number) for number in numbers if re.fullmatch("[45][0-9][0-9]", number)), None)
    if told is not None:
        return Refusal(told, body, {}, name=str(told))
    words = [str(fields[name]) for name in ("code", "status", "type") if fields.get(name)]
    spelled = " ".join(words).lower()
    meant = (status for status, marks in _MEANT.items() if any(mark in spelled for mark in marks))
    return Refusal(next(meant, 0), body, {}, name=words[0] if words else "")


def suggest_model(model: str, known: Sequence[str]) -> str:
    """The start of a hint: which of the models in ``known`` may have been meant; empty where none is close."""
    import difflib

    others = [name for name in known if name != model]  # a gateway may list what it doesn't answer with
    close = difflib.get_close_matches(model, others, n=1, cutoff=0.75)
    return f"did you mean {close[0]!r}?  " if close else ""


def _read_error(body: str) -> tuple[str, str]:
    """Code and message of an error body, whatever its form: OpenAI's, Helicone's two, or plain text."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return "", body
    if not isinstance(parsed, dict):
        return "", str(parsed)
    error = parsed.get("error", parsed)
    if not isinstance(error, dict):
        return "", str(error)
    details = error.get("details")
    inner = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    message = inner.get("message") or error.get("message") or ""
    return str(error.get("code") or error.get("type") or ""), str(message)


def _join_lines(said: str) -> str:
    """A server's words as one line: one that begins with ``hint:`` would pass for ours."""
    return " ".join(said.split())
