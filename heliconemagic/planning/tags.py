"""The headers that make a request the session's, and what a gateway leaves of them."""

from __future__ import annotations

from heliconemagic import headers
from heliconemagic.gateways.choice import Gateway
from heliconemagic.session_state import Session
from heliconemagic.settings import RequestOptions


def build_tags(session: Session, gateway: Gateway, path: str, options: RequestOptions) -> dict[str, str]:
    """The headers that make a request the session's; none where no Helicone reads them.

    Raises:
        InputError: a value cannot travel in a header.
    """
    built = headers.build_request_headers(
        session_id=session.record.id,
        session_name=session.record.name,
        path=path,
        user=options.user,
        properties=options.properties,
        cache=options.cache,
    )
    # Built, and so checked, for every gateway: a session may move from one that needs none to one that does.
    return {**built, **gateway.extra_headers} if gateway.is_helicone else {}


def find_unsent(gateway: Gateway, options: RequestOptions) -> list[str]:
    """Says which options mean nothing to ``gateway``: they are Helicone's."""
    given = {"--user": options.user, "-p": options.properties, "--cache": options.cache is not None}
    unsent = [option for option, value in given.items() if value]
    if gateway.is_helicone or not unsent:
        return []
    return [f"{' and '.join(unsent)} not sent: {gateway.label} is not Helicone's"]
