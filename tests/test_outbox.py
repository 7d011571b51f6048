"""Telling Helicone things in the background: what is tried again, what isn't, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

import pytest
from notebooks_in_process import BOTH_KEYS

from heliconemagic.delivery.outbox import MOST_WAITING, PATIENCE, Outbox, Parcel
from heliconemagic.errors import CredentialError, GatewayError, HeliconeMagicError, InputError, UnreachableError
from heliconemagic.gateways.presets import build_gateway
from heliconemagic.notebook.access import Access
from heliconemagic.notebook.helicone import HeliconeLine
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.records import Delivery, DeliveryState
from heliconemagic.settings import RequestOptions


class Post:
    """An outbox whose naps take no time, and what became of its parcels."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.naps: list[float] = []
        self.noted: list[Delivery] = []

    async def nap(self, seconds: float) -> None:
        """Remembers it."""
        self.naps.append(seconds)

    async def send(self, api: object) -> str:
        """The next answer; the last one for ever."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def run(self, work: Awaitable[None]) -> Future[None]:
        """Does it at once."""
        asyncio.run(work)  # type: ignore[arg-type]
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def put(self, *, may_land_later: bool = False) -> list[DeliveryState]:
        """How a parcel goes."""
        outbox = Outbox(self.run, lambda: None, sleep=self.nap)  # type: ignore[arg-type, return-value]
        outbox.put(Parcel(self.send, self.noted.append, may_land_later))
        assert outbox.waiting_count == 0
        return [delivery.state for delivery in self.noted]


def test_accepted_at_once() -> None:
    """One try, and the id under which Helicone has it."""
    post = Post("helicone-1")
    assert post.put() == ["accepted"]
    assert (post.noted[0].helicone_id, post.naps) == ("helicone-1", [])


def test_passing_trouble_is_tried_again_later_and_later() -> None:
    """No connection, too many requests, a server's own error."""
    post = Post(
        UnreachableError("off"), GatewayError("busy", status_code=429), GatewayError("502", status_code=502), ""
    )
    assert post.put() == ["waiting", "waiting", "waiting", "accepted"]
    assert post.naps == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("error", "may_land_later", "is_tried_again"),
    [
        (CredentialError("no key"), True, False),
        (GatewayError("bad", status_code=400), False, False),
        (GatewayError("not there yet", status_code=404), True, True),
        (InputError("no"), True, False),
    ],
)
def test_what_is_tried_again(error: HeliconeMagicError, may_land_later: bool, is_tried_again: bool) -> None:
    """A refused key never; a row that is not there yet, where rows may land later."""
    post = Post(error, "")
    assert (post.put(may_land_later=may_land_later)[-1] == "accepted") is is_tried_again


def test_a_bug_is_told_as_well() -> None:
    """Nothing is said to be on its way that nobody sends any more."""
    post = Post(ZeroDivisionError("x"))
    assert post.put() == ["refused"]
    assert post.noted[0].reason == "it cannot be sent: ZeroDivisionError"


def test_patience_ends() -> None:
    """Then it is refused, and says of what."""
    post = Post(UnreachableError("Helicone cannot be reached."))
    assert post.put()[-1] == "refused"
    assert post.noted[-1].reason == "given up: Helicone cannot be reached."
    assert PATIENCE <= sum(post.naps) <= 2 * PATIENCE


def test_no_more_wait_than_memory_has_place_for() -> None:
    """While Helicone is away an agent may go on for hours."""
    noted: list[Delivery] = []

    def never_run(work: Any) -> Future[None]:
        work.close()
        return Future()

    outbox = Outbox(never_run, lambda: None)  # type: ignore[arg-type, return-value]
    for _ in range(MOST_WAITING + 2):
        outbox.put(Parcel(Post("").send, noted.append))
    assert outbox.waiting_count == MOST_WAITING
    assert [one.reason for one in noted] == ["10,000 others wait to be sent"] * 2


def test_closed_engine() -> None:
    """Nothing can be sent any more: that is said, not raised."""
    noted: list[Delivery] = []

    def refuse(work: Awaitable[None]) -> Future[None]:
        work.close()  # type: ignore[attr-defined]
        raise InputError("closed.")

    note: Callable[[Delivery], None] = noted.append
    Outbox(refuse, lambda: None).put(Parcel(Post("").send, note))  # type: ignore[arg-type, return-value]
    assert noted == [Delivery(state=DeliveryState.REFUSED, reason="closed.")]


def test_keys_are_not_sought_for_each_parcel() -> None:
    """Agents make thousands of steps, and the search reads a file."""
    sought: list[None] = []
    noted: list[Delivery] = []
    around = Surroundings(
        environ=BOTH_KEYS, find_folder=lambda: sought.append(None), find_title=str, find_defaults=RequestOptions,
        is_attended=lambda: True,
    )  # fmt: skip

    class Closed:
        def submit(self, work: Any) -> Future[None]:
            work.close()
            raise InputError("closed.")

    line = HeliconeLine(around, Access(around), Closed())  # type: ignore[arg-type]
    for _ in range(100):
        assert line.tell(build_gateway("oai", {}), Parcel(Post("").send, noted.append))
    assert len(noted) == 100 and len(sought) < 5
