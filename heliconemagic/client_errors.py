"""What the openai SDK raises, and answers that are none, in words: for `heliconemagic.client` and who reads answers."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable

from heliconemagic.errors import GatewayError, HeliconeMagicError, IncompleteAnswerError
from heliconemagic.gateways.presets import Gateway

MAX_SAID = 300
"""Characters that are quoted of what came instead of an answer."""
ASK_FOR_BASE_URL = "is this the base URL of an OpenAI-compatible API? It mostly ends in /v1"
_MOST_READ = 100_000  # characters of it that are looked through for keys: more than any error has
_AGAIN = "run the cell again"
_KEPT = f"{_AGAIN}; the partial text is kept"


def build_unfinished_error(gateway: Gateway, *, has_chunks: bool, said: str = "") -> HeliconeMagicError:
    """The error of an answer that ended in order: a stream without ``[DONE]`` or a finish reason, or no completion.

    ``said`` is what came instead, without keys.
    """
    if has_chunks:
        return IncompleteAnswerError(
            f"the gateway {gateway.label!r} closed the connection in the middle of the answer.",
            hint=_KEPT,
        )
    return GatewayError(
        f"{gateway.base_url} answered, but not with a chat completion.",
        hint=ASK_FOR_BASE_URL,
        cause=said or None,
    )


def explain_broken_stream(
    error: Exception, label: str, cause: str, timeout: float, *, has_text: bool
) -> HeliconeMagicError:
    """The error of a stream that broke off, fell silent or made no sense; with ``has_text`` a part of it is kept."""
    import openai

    if isinstance(error, openai.APITimeoutError):
        message = f"the gateway {label!r} fell silent in the middle of the answer for {timeout:g} s."
    elif isinstance(error, openai.APIConnectionError):
        message = f"the gateway {label!r} closed the connection in the middle of the answer."
    elif isinstance(error, ValueError):
        message = f"the gateway {label!r} sent a piece of the answer that is not valid JSON."
    else:
        message = f"the gateway {label!r} reported an error in the middle of the answer."
    return IncompleteAnswerError(message, hint=_KEPT if has_text else _AGAIN, cause=cause)


def find_told_error(error: Exception) -> object:
    """What a server says in an event of its stream that is an error; None where ``error`` is none of those."""
    import openai

    if isinstance(error, openai.APIConnectionError | openai.APIStatusError | openai.APIResponseValidationError):
        return None
    return error.body if isinstance(error, openai.APIError) else None


def name_cause(error: BaseException) -> str:
    """The innermost library's words: the SDK's own are often just "Connection error."."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    return f"{type(error).__name__}: {error}".rstrip(": ")


def find_said(answer: object, redact: Callable[[str], str]) -> str:
    """What a server says that answers with no completion: its error's words, or the beginning of its text.

    ``redact`` takes the keys out before it is cut: of one that is cut nobody would know the rest.
    """
    if isinstance(answer, dict):
        error = answer.get("error", answer.get("detail", answer.get("message")))
        words = error.get("message") if isinstance(error, dict) else error
        answer = words if isinstance(words, str) and words else answer
    said = (answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))[:_MOST_READ]
    text = redact(" ".join(said.split()))
    return text if len(text) <= MAX_SAID else text[: MAX_SAID - 1] + "…"
