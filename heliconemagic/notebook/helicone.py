"""The notebook's line to Helicone's own interface: asked while a person waits, told things in the background."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from heliconemagic.delivery.outbox import Outbox, Parcel
from heliconemagic.engine.engine import Engine
from heliconemagic.errors import CredentialError, UnreachableError
from heliconemagic.gateways.choice import Gateway, check_shape
from heliconemagic.gateways.keys import HELICONE_VARIABLE, Keys
from heliconemagic.gateways.presets import build_gateway
from heliconemagic.helicone_api.hosts import HeliconeHosts, find_hosts, find_named_hosts
from heliconemagic.notebook.access import Access
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.records import Delivery
from heliconemagic.redaction import Redactor, Secret
from heliconemagic.session_state import Session

if TYPE_CHECKING:
    from heliconemagic.helicone_api.api import HeliconeApi

Result = TypeVar("Result")

ASK_SECONDS = 120.0
"""The longest a person waits for an answer of Helicone's, however many pages it has."""


class HeliconeLine:
    """What may be asked of Helicone, and told to it; the key stays inside."""

    def __init__(self, surroundings: Surroundings, access: Access, engine: Engine) -> None:
        self._surroundings = surroundings
        self._access = access
        self._engine = engine
        self._apis: dict[tuple[HeliconeHosts, Secret], HeliconeApi] = {}  # touched on the engine's loop alone
        self._outboxes: dict[tuple[HeliconeHosts, Secret], Outbox] = {}

    def find_hosts(self, spec: str | None, session: Session | None) -> HeliconeHosts:
        """The Helicone that is asked: the one named, else the session's, else the key's.

        Raises:
            InputError, CredentialError: it is no Helicone, or there is no key.
        """
        gateway = session.choice.gateway if session and session.choice.gateway.is_helicone else None
        return find_named_hosts(spec, gateway, self._access.find_keys(), self._surroundings.environ)

    def find_label(self, spec: str | None, session: Session | None) -> str:
        """The gateway that a session from there goes on with: the named one, the open session's, the keys'."""
        if spec is not None:
            return build_gateway(spec, self._surroundings.environ).label
        if session is not None and session.choice.gateway.is_helicone:
            return session.choice.gateway.label
        return "oai" if self._access.find_keys().openai else "helicone"

    def ask(self, hosts: HeliconeHosts, question: Callable[[HeliconeApi], Awaitable[Result]]) -> Result:
        """The answer to ``question``; blocks the calling thread.

        Raises:
            CredentialError, GatewayError: Helicone refuses, or cannot be reached.
        """

        keys = self._access.find_keys()

        async def answer() -> Result:
            return await question(self._open_api(hosts, keys))

        future = self._engine.submit(answer())
        try:
            return future.result(ASK_SECONDS)
        except TimeoutError:
            future.cancel()
            raise UnreachableError(
                f"{hosts.label} has not answered within {ASK_SECONDS:g} s.", hint="run it again, or ask for less"
            ) from None
        except BaseException:  # an interrupt: nobody waits for it any more
            future.cancel()
            raise

    def find_readable_hosts(self, spec: str | None, session: Session | None) -> HeliconeHosts:
        """The same as `find_hosts`, where something is to be read.

        Raises:
            InputError, CredentialError: it is no Helicone, there is no key, or none that could read.
        """
        hosts, key = self.find_hosts(spec, session), self._access.find_keys().helicone
        assert key is not None  # the hosts depend on it
        check_shape(key)
        if key.is_write_only:
            raise CredentialError(
                f"{HELICONE_VARIABLE} (from {key.source}) begins with pk-: it logs requests, and reads nothing.",
                hint="reading needs a key that begins with sk-helicone-; the dashboard's settings make one",
            )
        return hosts

    def can_tell(self, gateway: Gateway) -> bool:
        """Whether ``gateway`` is Helicone's, and there is a key."""
        return gateway.is_helicone and self._access.find_recent_keys().helicone is not None

    def tell(self, gateway: Gateway, parcel: Parcel) -> bool:
        """Sends ``parcel`` in the background if ``gateway`` is Helicone's and there is a key; whether it does."""
        keys = self._access.find_recent_keys()
        if not gateway.is_helicone or keys.helicone is None:
            return False
        hosts = find_hosts(gateway, keys)
        address = (hosts, keys.helicone.secret)
        outbox = self._outboxes.get(address)
        if outbox is None:
            outbox = Outbox(self._engine.submit, lambda: self._open_api(hosts, keys))
            self._outboxes[address] = outbox
        outbox.put(replace(parcel, note=self._build_note(parcel)))
        return True

    def _build_note(self, parcel: Parcel) -> Callable[[Delivery], None]:
        def note(delivery: Delivery) -> None:
            parcel.note(delivery)
            self._surroundings.note_delivery()

        return note

    def flush(self, timeout: float) -> bool:
        """Whether all that was told has been tried to its end within ``timeout`` seconds."""
        until = time.monotonic() + timeout
        return all(outbox.flush(max(0.0, until - time.monotonic())) for outbox in list(self._outboxes.values()))

    @property
    def waiting_count(self) -> int:
        """How many parcels are under way."""
        return sum(outbox.waiting_count for outbox in list(self._outboxes.values()))

    def _open_api(self, hosts: HeliconeHosts, keys: Keys) -> HeliconeApi:
        """What asks one Helicone with one key; for the engine's loop."""
        from heliconemagic.helicone_api.api import HeliconeApi

        assert keys.helicone is not None  # whoever asks or tells looked
        address = (hosts, keys.helicone.secret)
        if address not in self._apis:
            place = Gateway(label=hosts.label, preset="url", base_url=hosts.rest_url, default_model="")
            redactor = Redactor(keys.secrets)
            transport = self._engine.open_client().find_transport(place, redactor)
            self._apis[address] = HeliconeApi(hosts, keys.helicone.secret, transport, redactor)
        return self._apis[address]
