"""Where a Helicone is asked and told things, as values; the region is that of the key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from heliconemagic.errors import CredentialError, InputError
from heliconemagic.gateways.choice import Gateway
from heliconemagic.gateways.keys import Keys
from heliconemagic.gateways.presets import (
    DASHBOARD_URL,
    EU_DASHBOARD_URL,
    EU_REST_URL,
    LOG_URL,
    REST_URL,
    build_gateway,
)
from heliconemagic.gateways.providers import HELICONE_VARIABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class HeliconeHosts:
    """One Helicone: its REST interface, its log of other steps, its dashboard. Base URLs without a trailing slash."""

    rest_url: str
    log_url: str
    dashboard_url: str
    is_self_hosted: bool = False

    @property
    def label(self) -> str:
        """The dashboard's host, as sessions from there are marked."""
        return urlsplit(self.dashboard_url).netloc


def find_hosts(gateway: Gateway | None, keys: Keys) -> HeliconeHosts:
    """The Helicone of ``gateway``; without one, or where it isn't Helicone's, that of the key.

    A self-hosted Helicone is asked and told at its own host alone.
    """
    if gateway is not None and gateway.preset == "url" and gateway.rest_url and gateway.dashboard_url:
        return HeliconeHosts(
            rest_url=gateway.rest_url,
            log_url=f"{gateway.rest_url}/v1/trace/custom/v1/log",
            dashboard_url=gateway.dashboard_url,
            is_self_hosted=True,
        )
    is_eu = bool(keys.helicone and keys.helicone.is_eu)
    return HeliconeHosts(
        rest_url=EU_REST_URL if is_eu else REST_URL,
        log_url=LOG_URL,
        dashboard_url=EU_DASHBOARD_URL if is_eu else DASHBOARD_URL,
    )


def find_named_hosts(
    spec: str | None, gateway: Gateway | None, keys: Keys, environ: Mapping[str, str]
) -> HeliconeHosts:
    """The Helicone that ``--gateway`` names, else the session's, else the key's.

    Raises:
        InputError: what it names is none of Helicone's.
        CredentialError: there is no Helicone key.
    """
    if spec is not None:
        gateway = build_gateway(spec, environ)
        if not gateway.is_helicone:
            raise InputError(f"{spec!r} is not Helicone's.", hint="leave --gateway out, or type http://HOST:8585")
    if keys.helicone is None:
        raise CredentialError(
            f"{HELICONE_VARIABLE} is not set, and Helicone tells nothing without it.",
            hint=f"`%helicone_session login` asks for it, or set {HELICONE_VARIABLE} in the environment or a .env file",
        )
    return find_hosts(gateway, keys)
