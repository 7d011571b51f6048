"""Tells Helicone things in the background, and with patience: nobody waits for it.

A row lands at Helicone seconds after the answer ends, so that feedback given at once is refused at first: each parcel
is tried again, later and later, until it is accepted, refused for good, or `PATIENCE` is over. How it ended is told
to whoever put it in. Runs on the engine's loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heliconemagic.errors import CredentialError, GatewayError, HeliconeMagicError, InputError
from heliconemagic.records import Delivery, DeliveryState

if TYPE_CHECKING:
    from heliconemagic.helicone_api.api import HeliconeApi

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
PATIENCE = 180.0
"""Seconds for which a parcel is tried."""
MOST_AT_ONCE = 4
MOST_WAITING = 10_000
"""Parcels: each is a task, and has what it says in memory, for as long as Helicone cannot be reached."""

Send = Callable[["HeliconeApi"], Awaitable[str]]
"""Sends it once; gives the id under which Helicone has it, or ""."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What Helicone is to be told, and who wants to know how that went."""

    send: Send
    note: Callable[[Delivery], None]  # called on the engine's thread, at least once; redacted words
    may_land_later: bool = False  # what it is about may not be there yet: "not found" is tried again


class Outbox:
    """The parcels on their way. ``submit`` runs a coroutine on the engine's loop, ``open_api`` is called there."""

    def __init__(
        self,
        submit: Callable[[Coroutine[Any, Any, None]], concurrent.futures.Future[None]],
        open_api: Callable[[], HeliconeApi],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._submit = submit
        self._open_api = open_api
        self._sleep = sleep
        self._lock = threading.Lock()
        self._underway: set[concurrent.futures.Future[None]] = set()
        self._places: asyncio.Semaphore | None = None

    def put(self, parcel: Parcel) -> None:
        """Sends it as soon as there is a place; returns at once and never raises."""
        if self.waiting_count >= MOST_WAITING:
            parcel.note(Delivery(state=DeliveryState.REFUSED, reason=f"{MOST_WAITING:,} others wait to be sent"))
            return
        try:
            future = self._submit(self._deliver(parcel))
        except InputError as error:  # the engine is closed
            parcel.note(Delivery(state=DeliveryState.REFUSED, reason=error.message))
            return
        with self._lock:
            self._underway.add(future)
        future.add_done_callback(self._forget)

    def _forget(self, future: concurrent.futures.Future[None]) -> None:
        with self._lock:
            self._underway.discard(future)

    @property
    def waiting_count(self) -> int:
        """How many parcels are under way or wait."""
        with self._lock:
            return len(self._underway)

    def flush(self, timeout: float) -> bool:
        """Whether all parcels have been tried to their end within ``timeout`` seconds."""
        with self._lock:
            underway = set(self._underway)
        return not concurrent.futures.wait(underway, timeout).not_done

    async def _deliver(self, parcel: Parcel) -> None:
        pause, patience = FIRST_PAUSE, PATIENCE
        while True:
            delivery, is_final = await self._try(parcel)
            if is_final or patience <= 0:
                parcel.note(delivery if is_final else _give_up(delivery))
                return
            parcel.note(delivery)
            await self._sleep(pause)
            patience -= pause
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _try(self, parcel: Parcel) -> tuple[Delivery, bool]:
        """How one try ended, and whether another is pointless."""
        if self._places is None:
            self._places = asyncio.Semaphore(MOST_AT_ONCE)
        async with self._places:
            try:
                helicone_id = await parcel.send(self._open_api())
            except HeliconeMagicError as error:
                refused = Delivery(state=DeliveryState.REFUSED, reason=_describe(error))
                if not _is_passing(error, parcel):
                    return refused, True
                return Delivery(state=DeliveryState.WAITING, reason=refused.reason), False
            except Exception as error:  # noqa: BLE001 - a bug; else it would wait for ever, and nobody would know
                return Delivery(state=DeliveryState.REFUSED, reason=f"it cannot be sent: {type(error).__name__}"), True
        return Delivery(state=DeliveryState.ACCEPTED, helicone_id=helicone_id), True


def _describe(error: HeliconeMagicError) -> str:
    return " ".join(part for part in (error.message, error.cause) if part)


def _give_up(delivery: Delivery) -> Delivery:
    return Delivery(state=DeliveryState.REFUSED, reason=f"given up: {delivery.reason}")


def _is_passing(error: HeliconeMagicError, parcel: Parcel) -> bool:
    """Whether the same may succeed later."""
    if isinstance(error, CredentialError) or not isinstance(error, GatewayError):
        return False
    status = error.status_code
    if status is None or status == 429 or status >= 500:
        return True
    return parcel.may_land_later and status in (400, 404)
