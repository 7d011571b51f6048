"""Which gateway it is, how its keys go out, and which models it cannot have.

Nothing is ever substituted silently: what was chosen, and why, is in the `Choice`. Knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from heliconemagic.errors import CredentialError, InputError, UnknownModelError
from heliconemagic.gateways.keys import Key, Keys, check_key_shape
from heliconemagic.gateways.presets import EU_DASHBOARD_URL, EU_REST_URL, REST_URL, Gateway, build_gateway
from heliconemagic.gateways.providers import HELICONE_VARIABLE, OPENAI_VARIABLE, find_provider
from heliconemagic.redaction import Secret

__all__ = [
    "DEMO_MODELS", "Choice", "Credentials", "Gateway", "build_credentials", "build_gateway", "build_request_url",
    "build_session_url", "check_keys", "check_model", "check_text_only", "choose_gateway", "describe_secret_headers",
]  # fmt: skip

NO_KEY = "no-key-needed"  # what a server without keys gets: the openai client insists on one
DEMO_MODELS = (
    "demo", "demo-slow", "demo-fast", "demo-reasoning", "demo-429", "demo-500", "demo-cut", "demo-silent",
    "demo-empty", "demo-length",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """A gateway, why it was chosen, and what a person should know."""

    gateway: Gateway
    reason: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a gateway's keys go out: the bearer, and the headers that hold others."""

    api_key: Secret
    secret_headers: Mapping[str, Secret] = field(default_factory=dict)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The bare keys that go out, for redaction."""
        bare = (Secret(form.reveal().removeprefix("Bearer ")) for form in self.secret_headers.values())
        return (self.api_key, *bare) if self.api_key != Secret(NO_KEY) else tuple(bare)

    def reveal_headers(self) -> dict[str, str]:
        """The headers with their values, for the one place that sends them."""
        return {name: secret.reveal() for name, secret in self.secret_headers.items()}


def choose_gateway(spec: str | None, keys: Keys, *, is_attended: bool, environ: Mapping[str, str]) -> Choice:
    """The gateway that ``spec`` names, else the one that the keys at hand are for.

    Raises:
        InputError: ``spec`` names none.
        CredentialError: a key it needs is missing or misshapen; or there is no key and nobody at the screen.
    """
    if spec:
        gateway, reason = build_gateway(spec, environ), "as asked for"
    else:
        preset, reason = _choose_preset(keys, is_attended=is_attended)
        gateway = build_gateway(preset, environ)
    check_keys(gateway, keys)
    gateway = _localise(gateway, keys)
    return Choice(gateway, reason, (gateway.note,) if gateway.note else ())


def _choose_preset(keys: Keys, *, is_attended: bool) -> tuple[str, str]:
    if keys.helicone:
        return ("oai", "both keys are set") if keys.openai else ("helicone", f"only {HELICONE_VARIABLE} is set")
    if keys.openai:
        return "direct", f"only {OPENAI_VARIABLE} is set"
    if is_attended:
        return "demo", "no key is set"
    raise CredentialError(
        f"no key is set: neither {OPENAI_VARIABLE} nor {HELICONE_VARIABLE}.",
        hint="set one in the environment or in a .env file, or run offline with --gateway demo",
    )


def _localise(gateway: Gateway, keys: Keys) -> Gateway:
    """Dashboard and REST of the region that the Helicone key is of; the gateway hosts route by the key."""
    if gateway.rest_url != REST_URL or not (keys.helicone and keys.helicone.is_eu):
        return gateway
    return replace(gateway, dashboard_url=EU_DASHBOARD_URL, rest_url=EU_REST_URL)


def check_keys(gateway: Gateway, keys: Keys) -> None:
    """Refuse to go on without the keys that ``gateway`` needs.

    Raises:
        CredentialError: one is missing or misshapen; none of it is shown.
    """
    for variable in gateway.key_variables:
        key = keys.get(variable)
        if key is not None:
            check_shape(key)
        elif not gateway.is_key_optional:
            raise CredentialError(
                f"{variable} is not set, and the gateway {gateway.label!r} needs it.", hint=_say_how_to_give(variable)
            )


def check_shape(key: Key) -> None:
    """Refuse a key that cannot be one.

    Raises:
        CredentialError: what is wrong with it; none of it is shown.
    """
    fault = check_key_shape(key.variable, key.secret)
    if fault:
        raise CredentialError(f"{key.variable} (from {key.source}) {fault}.", hint=_say_how_to_give(key.variable))


def _say_how_to_give(variable: str) -> str:
    return (
        f"`%helicone_session login` asks for it, or set {variable} in the environment or a .env file; "
        "--gateway demo needs no key"
    )


def build_credentials(gateway: Gateway, keys: Keys) -> Credentials:
    """How the keys go out with a request to ``gateway``.

    Raises:
        CredentialError: one is missing or misshapen.
    """
    check_keys(gateway, keys)
    values = {name: key.secret.reveal() for name in gateway.key_variables if (key := keys.get(name))}
    bearer = values.get(gateway.key_variable or "", NO_KEY)
    filled = {name: Secret(form.format_map(values)) for name, form in gateway.secret_headers.items()}
    return Credentials(Secret(bearer), filled)


def describe_secret_headers(gateway: Gateway) -> dict[str, str]:
    """The headers that hold keys, as templates that name the environment variable."""
    return dict(gateway.secret_headers)


def build_session_url(gateway: Gateway, name: str, session_id: str) -> str | None:
    """The session's page on the dashboard; None where there is none."""
    return build_session_page(gateway.dashboard_url, name, session_id) if gateway.dashboard_url else None


def build_session_page(dashboard_url: str, name: str, session_id: str) -> str:
    """The session's page on this dashboard."""
    return f"{dashboard_url}/sessions/{quote(name, safe='')}/{quote(session_id, safe='')}"


def build_request_url(gateway: Gateway, request_id: str) -> str | None:
    """The request's page on the dashboard; None where there is none."""
    if gateway.dashboard_url is None:
        return None
    return f"{gateway.dashboard_url}/requests?requestId={quote(request_id, safe='')}"


def check_model(gateway: Gateway, model: str | None) -> str:
    """``model`` if nothing speaks against sending it to ``gateway``.

    Raises:
        InputError: no model is said and the gateway has no default one.
        UnknownModelError: it cannot be a model there.
    """
    if not model:
        raise InputError(
            f"the gateway {gateway.label!r} has no default model.",
            hint="name one with -m MODEL; `%helicone_session models` lists them",
        )
    if gateway.preset == "helicone":
        _check_reversed(gateway, model)
    elif gateway.preset == "demo" and model not in DEMO_MODELS:
        close = get_close_matches(model, DEMO_MODELS, 1)
        hint = f"did you mean {close[0]!r}?  " if close else "leave -m out, or "
        raise UnknownModelError(_say_no_model(gateway, model), hint=f"{hint}take one of {', '.join(DEMO_MODELS)}")
    elif gateway.preset == "local" and model != gateway.default_model:
        hint = f"leave -m out, or type -m {gateway.default_model}: it is the only one"
        raise UnknownModelError(_say_no_model(gateway, model), hint=hint)
    return model


def check_text_only(gateway: Gateway, messages: Iterable[Mapping[str, Any]], parameters: Mapping[str, Any]) -> None:
    """Refuses what a gateway whose model knows only text would leave out, or break on.

    Args:
        messages: with their parts in the form in which they go out.

    Raises:
        InputError: tools are offered, or a message has more than text.
    """
    if parameters.get("tools"):
        raise InputError(
            f"the model of {gateway.label!r} calls no tools.",
            hint="leave --tools out, or take a model that knows them, as with --gateway ollama",
        )
    contents = (message.get("content") for message in messages)
    parts = (part for content in contents if isinstance(content, list) for part in content)
    other = next((part["type"] for part in parts if part["type"] != "text"), None)
    if other is not None:
        raise InputError(
            f"the model of {gateway.label!r} reads only text, and the conversation has a part of type {other!r}.",
            hint="leave the attachment out; where an earlier step has it, use --fresh",
        )


def _say_no_model(gateway: Gateway, model: str) -> str:
    return f"{model!r} is not a model of the gateway {gateway.label!r}."


def _check_reversed(gateway: Gateway, model: str) -> None:
    """The AI gateway's grammar is `model/provider`, alternatives separated by commas."""
    mended = ",".join(_turn_around(part.strip()) for part in model.split(","))
    if mended != ",".join(part.strip() for part in model.split(",")):
        raise UnknownModelError(
            _say_no_model(gateway, model), hint=f"did you mean {mended!r}?  There it is model/provider"
        )


def _turn_around(part: str) -> str:
    first, _, rest = part.partition("/")
    if rest and find_provider(first) and not find_provider(rest.rpartition("/")[2]):
        return f"{rest}/{first}"
    return part
