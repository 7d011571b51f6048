"""The part of a session's handle that lends its name to other libraries: clients of the openai SDK, headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heliconemagic.gateways.choice import build_credentials
from heliconemagic.lines.keywords import parse_client_keywords
from heliconemagic.planning.tags import build_tags
from heliconemagic.python.base_handle import BaseHandle
from heliconemagic.session_state import Session
from heliconemagic.settings import RequestOptions

if TYPE_CHECKING:
    import openai

    from heliconemagic.python.clients import ClientParts, SessionHeaders


class ClientHandle(BaseHandle):
    """Requests that others make, as steps of the session."""

    def client(self, path: str, /, **options: Any) -> openai.OpenAI:
        """A client of the openai SDK whose requests are steps at ``path``: tagged, journalled, in the tree.

        It is configured for the session's gateway, and is otherwise the SDK's own. Options: ``user``, ``properties``,
        ``cache``, ``retries``, ``timeout``.

        Raises:
            InputError, CredentialError: it cannot be had; the message says why.
        """
        from heliconemagic.python.clients import build_client

        return build_client(self._prepare_client(path, options))

    def async_client(self, path: str, /, **options: Any) -> openai.AsyncOpenAI:
        """The same for ``await``, on any event loop."""
        from heliconemagic.python.clients import build_async_client

        return build_async_client(self._prepare_client(path, options))

    def headers(self, path: str, /, *, auth: bool = False, **options: Any) -> SessionHeaders:
        """The headers that make any library's request to `base_url` a step at ``path``, at Helicone.

        A fresh dict for each call, empty where the gateway isn't Helicone's. ``auth=True`` adds the headers that hold
        keys (``Helicone-Auth``); they don't print. What is sent with them is not in the journal.
        """
        from heliconemagic.python.clients import SessionHeaders

        session = self._find_open()
        gateway = session.choice.gateway
        tags = build_tags(session, gateway, self._place(path), self._read_client_options(session, options))
        if not gateway.is_helicone:
            return SessionHeaders({}, {}, note=f"{gateway.label} is not Helicone's: nothing reads such headers there")
        credentials = build_credentials(gateway, self._host.notebook.access.find_keys()) if auth else None
        return SessionHeaders(tags, credentials.reveal_headers() if credentials else {})

    @property
    def base_url(self) -> str:
        """Where the session's gateway takes requests: the base URL for an OpenAI-compatible library."""
        return self._session.choice.gateway.base_url

    def _read_client_options(self, session: Session, options: dict[str, Any]) -> RequestOptions:
        return parse_client_keywords(options).over(session.options)

    def _prepare_client(self, path: str, given: dict[str, Any]) -> ClientParts:
        """What both kinds of client are built of."""
        from heliconemagic.python.client_steps import ClientSteps
        from heliconemagic.python.clients import ClientParts

        session = self._find_open()
        options = self._read_client_options(session, given)
        gateway, place, notebook = session.choice.gateway, self._place(path), self._host.notebook
        steps = ClientSteps(self._host, session, place, gateway)
        return ClientParts(
            gateway=gateway,
            credentials=build_credentials(gateway, notebook.access.find_keys()),
            tags=build_tags(session, gateway, place, options),
            options=options,
            environ=notebook.surroundings.environ,
            submit=notebook.engine.submit,
            open_transport=steps.open_transport,
        )
