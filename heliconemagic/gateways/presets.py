"""The gateways there are, as values: what each preset or URL means before anything is sent.

Base URLs are always explicit. Knows no keys, only the variables they go by, and no HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from types import MappingProxyType
from urllib.parse import quote

from heliconemagic import headers
from heliconemagic.errors import InputError
from heliconemagic.gateways.providers import (
    AZURE_VARIABLE,
    HELICONE_VARIABLE,
    OPENAI_VARIABLE,
    Provider,
    find_provider_of_host,
)
from heliconemagic.gateways.urls import BaseUrl, parse_base_url
from heliconemagic.redaction import Redactor

DASHBOARD_URL = "https://us.helicone.ai"
EU_DASHBOARD_URL = "https://eu.helicone.ai"
REST_URL = "https://api.helicone.ai"
EU_REST_URL = "https://eu.api.helicone.ai"
LOG_URL = "https://api.worker.helicone.ai/custom/v1/log"

DEFAULT_MODELS: Mapping[str, str] = MappingProxyType(
    {
        "oai": "gpt-4o-mini",
        "helicone": "gpt-4o-mini",
        "target": "gpt-4o-mini",
        "azure": "",  # the deployment's
        "direct": "gpt-4o-mini",
        "ollama": "llama3.2",
        "lmstudio": "",  # whatever is loaded there
        "local": "smollm2-135m-instruct",
        "demo": "demo",
        "replay": "",  # the lesson's
        "url": "gpt-4o-mini",
    }
)
PRESETS = (
    "oai", "helicone", "target:URL", "azure", "direct", "direct:URL", "ollama", "lmstudio", "local", "demo", "replay",
)  # fmt: skip
NOT_LOGGED = "not logged at Helicone"
LOCAL_NOTE = "a small demonstration model: fluent, and often wrong"
_IN_PROCESS = {
    "local": LOCAL_NOTE,
    "demo": "not a language model",
    "replay": "",
}  # and what a person should know of them
_HELICONE_HOSTS = {"ai-gateway.helicone.ai": "helicone", "oai.helicone.ai": "oai", "oai.hconeai.com": "oai"}
_OPENAI_PROXY = "/v1/gateway/oai/v1"
"""Where a self-hosted Helicone passes requests on to OpenAI."""
_HELICONE_AUTH = {headers.AUTH: "Bearer {" + HELICONE_VARIABLE + "}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One place that answers chat completions, as far as it is known before anything is sent."""

    label: str  # the preset or URL, as it is shown and journalled
    preset: str
    base_url: str
    default_model: str  # empty: there is none, -m must say
    key_variable: str | None = None  # whose key is the bearer
    is_key_optional: bool = False
    is_helicone: bool = False  # gets Helicone's headers
    is_openai: bool = False  # OpenAI itself answers, for whom its organisation and project go along
    answers_in_process: bool = False
    is_text_only: bool = False  # its model calls no tools and sees no images
    extra_headers: Mapping[str, str] = field(default_factory=dict)  # of every request, no secrets
    secret_headers: Mapping[str, str] = field(default_factory=dict)  # header -> "Bearer {HELICONE_API_KEY}"
    query: Mapping[str, str] = field(default_factory=dict)  # of every request
    dashboard_url: str | None = None
    rest_url: str | None = None
    price_id: str = ""  # the provider in genai-prices; empty: not known before the answer
    note: str = ""  # what a person should know about it

    @property
    def key_variables(self) -> tuple[str, ...]:
        """The environment variables of the keys it uses."""
        named = re.findall(r"\{(\w+)\}", " ".join(self.secret_headers.values()))
        return tuple(dict.fromkeys([self.key_variable, *named] if self.key_variable else named))

    @property
    def key_names(self) -> str:
        """The same, for a sentence."""
        return " and ".join(self.key_variables) or "no key"


def build_gateway(spec: str, environ: Mapping[str, str]) -> Gateway:
    """The gateway that ``spec`` names: a preset, ``target:URL``, ``direct:URL`` or a self-hosted Helicone's URL.

    Raises:
        InputError: it names none; the hint says what to type.
    """
    kind, colon, rest = spec.strip().partition(":")
    kind = kind.lower()
    if kind in {"target", "direct"} and colon:
        return _build_target(parse_base_url(rest)) if kind == "target" else _build_direct_url(parse_base_url(rest))
    if rest.startswith("//"):
        return _build_url(parse_base_url(spec.strip()), environ)
    if kind == "azure" and not colon:
        return _build_azure(environ)
    if kind == "ollama" and not colon:
        return _build_local("ollama", _read_ollama_url(environ))
    preset = None if colon else _find_preset(kind)
    if preset is None:
        raise _build_unknown_error(spec.strip())
    return preset


def _build_unknown_error(spec: str) -> InputError:
    if spec == "target":
        return InputError("'target' needs the provider's base URL.", hint="type target:https://api.groq.com/openai/v1")
    names = [preset.partition(":")[0] for preset in PRESETS]
    name, _, rest = spec.lower().partition(":")
    close = get_close_matches(name, names, 1)
    if close and not rest.isdigit():  # HOST:PORT is an address
        hint = f"did you mean {close[0]!r}?"
    elif any(mark in spec for mark in ".:/"):
        hint = "a self-hosted Helicone is given as http://HOST:8585, any other server as direct:http://HOST/v1"
    else:
        hint = f"type one of {', '.join(PRESETS)}, or the URL of a self-hosted Helicone"
    return InputError(f"{Redactor(()).redact_lookalikes(spec)!r} is not a gateway.", hint=hint)


def _find_preset(name: str) -> Gateway | None:
    if name == "oai":
        oai = _build_helicone("oai", "https://oai.helicone.ai/v1", OPENAI_VARIABLE, price_id="openai")
        return replace(oai, is_openai=True)
    if name == "helicone":
        ai_gateway = _build_helicone("helicone", "https://ai-gateway.helicone.ai/v1", HELICONE_VARIABLE)
        return replace(ai_gateway, secret_headers={})
    if name == "direct":
        return _build_direct_url(parse_base_url("https://api.openai.com/v1"), label="direct")
    if name == "lmstudio":
        return _build_local("lmstudio", "http://localhost:1234/v1")
    if name in _IN_PROCESS:
        return replace(
            _build_local(name, f"http://{name}.invalid/v1"),
            answers_in_process=True,
            is_text_only=name == "local",
            note=_IN_PROCESS[name],
        )
    return None


def _build_helicone(preset: str, base_url: str, key_variable: str, *, label: str = "", price_id: str = "") -> Gateway:
    return Gateway(
        label=label or preset,
        preset=preset,
        base_url=base_url,
        default_model=DEFAULT_MODELS[preset],
        key_variable=key_variable,
        is_helicone=True,
        secret_headers=_HELICONE_AUTH,
        dashboard_url=DASHBOARD_URL,
        rest_url=REST_URL,
        price_id=price_id,
    )


def _build_local(preset: str, base_url: str) -> Gateway:
    return Gateway(
        label=preset, preset=preset, base_url=base_url, default_model=DEFAULT_MODELS[preset], note=NOT_LOGGED
    )


def _build_target(url: BaseUrl) -> Gateway:
    _refuse_helicone(url)
    provider = find_provider_of_host(url.host)
    gateway = _build_helicone(
        "target",
        f"https://gateway.helicone.ai{url.path}",
        provider.key_variable if provider else OPENAI_VARIABLE,
        label=f"target:{url}",
        price_id=provider.price_id if provider else "",
    )
    model = provider.default_model if provider else gateway.default_model
    extra = headers.build_target_headers(url.origin)
    return replace(gateway, extra_headers=extra, default_model=model, is_openai=_is_openai(provider))


def _build_direct_url(url: BaseUrl, *, label: str = "") -> Gateway:
    _refuse_helicone(url)
    provider = find_provider_of_host(url.host)
    is_open = url.scheme == "http" and not url.is_loopback
    return Gateway(
        label=label or f"direct:{url}",
        preset="direct",
        base_url=str(url),
        default_model=provider.default_model if provider else DEFAULT_MODELS["direct"],
        key_variable=provider.key_variable if provider else OPENAI_VARIABLE,
        is_key_optional=provider is None,
        is_openai=_is_openai(provider),
        price_id=provider.price_id if provider else "",
        note=f"{NOT_LOGGED}; the key travels unencrypted" if is_open else NOT_LOGGED,
    )


def _is_openai(provider: Provider | None) -> bool:
    return provider is not None and provider.id == "openai"


def _refuse_helicone(url: BaseUrl) -> None:
    if _is_helicone_host(url.host):
        preset = _HELICONE_HOSTS.get(url.host, "oai")
        raise InputError(f"'{url.host}' is Helicone itself.", hint=f"type --gateway {preset}")


def _is_helicone_host(host: str) -> bool:
    return f".{host}".endswith((".helicone.ai", ".hconeai.com"))


def _build_url(url: BaseUrl, environ: Mapping[str, str]) -> Gateway:
    """A self-hosted Helicone, or one of Helicone's own hosts given as a URL."""
    if _is_helicone_host(url.host):
        return _build_helicone_host(url, environ)
    if find_provider_of_host(url.host):
        raise InputError(
            f"'{url.host}' is a provider, not a Helicone gateway.",
            hint=f"type direct:{url} to go there without Helicone, or target:{url} to go there through Helicone",
        )
    base_url = str(url) if url.path else f"{url}{_OPENAI_PROXY}"
    gateway = _build_helicone("url", base_url, OPENAI_VARIABLE, label=str(url), price_id="openai")
    dashboard = str(BaseUrl(url.scheme, url.host, 3000, ""))
    is_openai = base_url.endswith(_OPENAI_PROXY)
    return replace(gateway, rest_url=url.origin, dashboard_url=dashboard, is_openai=is_openai)


def _build_helicone_host(url: BaseUrl, environ: Mapping[str, str]) -> Gateway:
    preset = _HELICONE_HOSTS.get(url.host)
    if preset is None:
        raise InputError(
            f"'{url.host}' is Helicone's, but not a gateway that stands alone.",
            hint="type oai, helicone, or target:URL with the provider's own base URL",
        )
    return build_gateway("azure" if url.path.startswith("/openai/deployments") else preset, environ)


def _build_azure(environ: Mapping[str, str]) -> Gateway:
    endpoint = environ.get("AZURE_OPENAI_ENDPOINT", "")
    deployment = environ.get("AZURE_OPENAI_DEPLOYMENT") or environ.get("AZURE_OPENAI_DEPLOYMENT_NAME", "")
    version = environ.get("OPENAI_API_VERSION") or environ.get("AZURE_OPENAI_API_VERSION", "")
    wanted = {
        "AZURE_OPENAI_ENDPOINT": endpoint,
        "AZURE_OPENAI_DEPLOYMENT": deployment,
        "OPENAI_API_VERSION": version,
    }
    missing = [name for name, value in wanted.items() if not value.strip()]
    if missing:
        raise InputError(
            f"the gateway 'azure' needs {', '.join(missing)} in the environment.",
            hint="for example AZURE_OPENAI_ENDPOINT=https://NAME.openai.azure.com",
        )
    model = environ.get("AZURE_OPENAI_MODEL") or deployment
    base_url = f"https://oai.helicone.ai/openai/deployments/{quote(deployment, safe='')}"
    return replace(
        _build_helicone("azure", base_url, AZURE_VARIABLE, price_id="azure"),
        default_model=model,
        query={"api-version": version},
        extra_headers=headers.build_azure_headers(parse_base_url(endpoint.strip()).origin, model),
        secret_headers={**_HELICONE_AUTH, "api-key": "{" + AZURE_VARIABLE + "}"},
    )


def _read_ollama_url(environ: Mapping[str, str]) -> str:
    """``OLLAMA_HOST`` as Ollama itself reads it: host, port or URL; "every interface" means this machine."""
    text = environ.get("OLLAMA_HOST", "").strip() or "localhost"
    if "://" not in text:
        text = f"http://{'localhost' if text.startswith(':') else ''}{text}"
        url = parse_base_url(text)
        url = replace(url, port=url.port or 11434)
    else:
        url = parse_base_url(text)
    if url.host in {"0.0.0.0", "[::]"}:  # noqa: S104  (compared, not bound)
        url = replace(url, host="localhost")
    return f"{url}/v1" if not url.path.endswith("/v1") else str(url)
