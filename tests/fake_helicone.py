"""A Helicone on loopback for the tests: real sockets in a thread, answers from `fake_gateway`.

    with FakeHelicone() as fake:
        client = OpenAI(base_url=fake.oai_url, api_key=PROVIDER_KEY, …)
        …
        assert fake.requests[0].header("helicone-session-name") == "Course Creation"

What the provider does is chosen by the model's name: see `fake_provider`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from types import TracebackType

from fake_answers import Answer, Mode, Received, reply_json, reply_text
from fake_gateway import HELICONE_EU_KEY, HELICONE_KEY, PROVIDER_KEY, FakeGateway, Respond, now
from fake_provider import Ending
from fake_rest import FakeRest

__all__ = [
    "HELICONE_EU_KEY", "HELICONE_KEY", "PROVIDER_KEY", "Answer", "Ending", "FakeHelicone", "Received", "reply_json",
    "reply_text",
]  # fmt: skip

_STATUS_LINE = "HTTP/1.1 {} X\r\n"


class FakeHelicone:
    """The server. Attributes may be set at any time; lists grow as requests arrive."""

    def __init__(self, *, port: int = 0) -> None:
        self.gateway = FakeGateway()
        self._port = port
        self.respond: Respond | None = None
        self.requests: list[Received] = []
        self.disconnects = 0  # clients that left before their answer had ended
        self.connections = 0  # opened so far
        self.piece_delay = 0.0  # seconds between pieces, so that each arrives alone
        self._gate = _open_gate()  # each answer goes through the one that stood when it began
        self._closed_gates: list[asyncio.Event] = []
        self.url = ""  # scheme, host and port
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-helicone", daemon=True)

    # ---- where to send

    @property
    def oai_url(self) -> str:
        """Base URL of the OpenAI proxy: provider key as bearer, Helicone's in `Helicone-Auth`."""
        return self.url + Mode.OAI.value

    @property
    def self_hosted_url(self) -> str:
        """The same under the path of a self-hosted Helicone: what `--gateway URL` makes of `url`."""
        return self.url + Mode.SELF_HOSTED.value

    @property
    def ai_url(self) -> str:
        """Base URL of the AI gateway: Helicone's key as bearer."""
        return self.url + Mode.AI.value

    @property
    def target_url(self) -> str:
        """Base URL of the gateway that wants `Helicone-Target-URL`."""
        return self.url + Mode.TARGET.value

    @property
    def direct_url(self) -> str:
        """Base URL of the provider itself: no Helicone header comes back."""
        return self.url + Mode.DIRECT.value

    def hold(self) -> None:
        """Lets no further piece of the answers that have begun leave until `release`; later answers aren't held."""
        self._loop.call_soon_threadsafe(self._close_gate)

    def release(self) -> None:
        """Lets all the rest leave at once."""
        self.piece_delay = 0.0
        self._loop.call_soon_threadsafe(self._open_gates)

    def _close_gate(self) -> None:
        self._gate.clear()
        self._closed_gates.append(self._gate)
        self._gate = _open_gate()

    def _open_gates(self) -> None:
        while self._closed_gates:
            self._closed_gates.pop().set()

    # ---- what tests ask

    @property
    def logged(self) -> dict[str, Received]:
        """The requests that Helicone would have logged, by Helicone-Id."""
        return self.gateway.logged

    @property
    def completions(self) -> list[Received]:
        """The requests for completions."""
        return [received for received in self.requests if received.path.endswith("/chat/completions")]

    @property
    def logs(self) -> list[Received]:
        """The logs of steps that are no requests, in the order in which they came."""
        return [received for received in self.requests if received.path.endswith("/custom/v1/log")]

    def wait_for(self, condition: Callable[[], bool], timeout: float = 30.0) -> bool:
        """Whether ``condition`` comes true within ``timeout`` seconds."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    @property
    def rest(self) -> FakeRest:
        """Its REST interface, and what it was told."""
        return self.gateway.rest

    # ---- life

    def __enter__(self) -> FakeHelicone:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.gateway.url = self.url

    async def _close(self) -> None:
        self._server.close()
        for _ in range(3):  # in which connections that are being accepted are there
            await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)  # in which they are closed

    # ---- one connection

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve_requests(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _serve_requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ahead: bytes | None = b""
        while ahead is not None:
            received = await _read_request(reader, ahead)
            self.requests.append(received)
            answer = (self.respond and self.respond(received)) or self.gateway.answer(received)
            ahead = await self._answer(reader, writer, answer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> bytes | None:
        """Sends while watching whether the client leaves; gives what it had sent ahead, None at the end."""
        watcher = asyncio.ensure_future(_read_ahead(reader))
        sender = asyncio.ensure_future(self._send(writer, answer, self._gate))
        try:
            await asyncio.wait({watcher, sender}, return_when=asyncio.FIRST_COMPLETED)
            if not sender.done() and watcher.result():  # a second request already, and no goodbye
                await sender
            if not sender.done() or isinstance(sender.exception(), ConnectionError):
                self.disconnects += 1
                return None
            is_complete = sender.result()
            return (watcher.result() or None if watcher.done() else b"") if is_complete else None
        finally:
            sender.cancel()
            watcher.cancel()
            await asyncio.gather(sender, watcher, return_exceptions=True)

    async def _send(self, writer: asyncio.StreamWriter, answer: Answer, gate: asyncio.Event) -> bool:
        """Writes the answer; False if it was cut off."""
        if answer.status:
            writer.write(_build_head(answer))
        for index, part in enumerate(answer.parts):
            if isinstance(part, float):
                await asyncio.sleep(part)
            elif part is Ending.HANG:
                await writer.drain()
                await asyncio.Event().wait()
            elif part is Ending.CUT:
                return False
            else:
                # A client may leave at [DONE], so the end of the body goes with the last piece.
                is_last = index == len(answer.parts) - 1
                chunk = b"%x\r\n%b\r\n" % (len(part), part) if part else b""
                writer.write(chunk + (b"0\r\n\r\n" if is_last else b""))
                await writer.drain()
                await asyncio.sleep(self.piece_delay)
                await gate.wait()
        return True


def _open_gate() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


def _build_head(answer: Answer) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
    return (_STATUS_LINE.format(answer.status) + lines + "Transfer-Encoding: chunked\r\n\r\n").encode()


async def _read_ahead(reader: asyncio.StreamReader) -> bytes:
    """What the client sends before its answer has ended; nothing once it has left, in whatever way."""
    try:
        return await reader.read(1)
    except ConnectionError:  # it left what had arrived unread
        return b""


async def _read_request(reader: asyncio.StreamReader, ahead: bytes) -> Received:
    head = ahead + await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name.lower(), value.strip()) for name, _, value in pairs)
    length = int(dict(headers).get("content-length", "0"))
    return Received(method, path, headers, await reader.readexactly(length), now())
