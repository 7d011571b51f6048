"""One step while it runs: what has arrived, what is waited for, how it ended.

Knows no thread and no connection pool: it is handed a client, on whatever loop the engine has.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from heliconemagic.client import Client, Request
from heliconemagic.client_errors import build_unfinished_error, find_said
from heliconemagic.engine.loops import call_on
from heliconemagic.errors import GatewayError, IncompleteAnswerError, UnreachableError
from heliconemagic.gateways.pricing import estimate_cost
from heliconemagic.headers import read_cache_hit
from heliconemagic.lessons.lesson import Piece, current_playing
from heliconemagic.records import Attempt, Origin, OriginKind, Step, StepStatus
from heliconemagic.redaction import Redactor
from heliconemagic.reply import ReplyState

if TYPE_CHECKING:
    from heliconemagic.journal.journal import Journal

FLUSH_SECONDS = 0.2
"""How long text may wait before it is handed to the journal's writer, which adds little to it."""

PIECE_SECONDS = 0.02
"""The shortest time between two moments of an answer whose pace is noted."""


class Run:
    """One step while it runs. Read it from any thread; only the engine's loop changes it."""

    def __init__(
        self,
        step: Step,
        request: Request,
        *,
        journal: Journal | None,
        redactor: Redactor,
        clock: Callable[[], float] = time.time,
        notes_pace: bool = False,
        end_delay: float = 0.0,
    ) -> None:
        self.request = request
        self.pieces: list[Piece] = []
        """When how much had arrived, if ``notes_pace``: for a lesson that is being recorded."""
        self.state = ReplyState(redactor)
        self.error: BaseException | None = None
        self.done: Future[None] = Future()
        self.has_text = threading.Event()
        self.stamps_request_id = request.gateway.is_helicone
        self.wants_events = request.streams
        self._step = step
        self._journal = journal if step.is_recorded else None
        self._redactor = redactor
        self._clock = clock
        self._attempts: list[Attempt] = list(step.attempts)  # those of a step that is taken up again
        self._retry: tuple[int | None, float | None] | None = None  # status, when the next attempt starts
        self._sees_end_mark = False
        self._cancel: Callable[[], None] | None = None
        self._is_cancelled = False
        self._on_text: Callable[[], None] | None = None
        self._on_refusal: Callable[[int | None], None] | None = None
        self._flush: asyncio.TimerHandle | None = None
        self._raw_headers: Mapping[str, str] = {}
        self._headers: Mapping[str, str] = {}
        self._changed: dict[str, Attempt] = {}  # by request id: what the journal isn't told yet
        self._notes_pace = notes_pace
        self._end_delay = end_delay  # seconds in which the journal may gather the ends of more steps
        self._patience: asyncio.Timeout | None = None  # for the first text, if a recording can answer instead

    # ---- for the caller, from any thread

    def cancel(self) -> None:
        """Stops the request at once; harmless before it began and after it ended."""
        self._is_cancelled = True
        if self._cancel is not None:
            self._cancel()

    def call_on_first_text(self, callback: Callable[[], None]) -> None:
        """Calls ``callback`` on the engine's thread when the first text arrives."""
        self._on_text = callback
        if self.has_text.is_set():
            callback()

    def call_on_refusal(self, callback: Callable[[int | None], None]) -> None:
        """Calls ``callback`` on the engine's thread with the status of each attempt that will be repeated."""
        self._on_refusal = callback

    @property
    def is_throttled(self) -> bool:
        """Whether the next attempt waits because the server was asked too often."""
        return self._retry is not None and self._retry[0] == 429

    @property
    def is_done(self) -> bool:
        """Whether the step has ended, in whatever way."""
        return self.done.done()

    def read_step(self) -> Step:
        """The step as it stands now."""
        if self.is_done:
            return self._step
        return replace(self._step, attempts=tuple(self._attempts), **self.state.read_fields())

    def describe_waiting(self) -> str:
        """What is being waited for besides the answer: "retrying in 4 s (429)"; mostly empty."""
        if self._patience is not None:
            return f"a recording answers if no text comes within {self.request.patience or 0:g} s"
        if self._retry is None:
            return ""
        status, until = self._retry
        reason = f" ({status})" if status else " (no connection)"
        if until is None:
            return f"retrying{reason}"
        return f"retrying in {max(0.0, until - self._clock()):.0f} s{reason}"

    # ---- for the transport, on the loop (see AttemptRecorder)

    async def open_attempt(self, attempt: Attempt) -> None:
        """Records the attempt before its first byte; the first one with its step."""
        self._retry = None
        self._attempts.append(attempt)
        if self._journal is None:
            return
        if len(self._attempts) == 1:
            ticket = self._journal.begin_step(replace(self._step, attempts=(attempt,)), self.request.attachments)
        else:
            ticket = self._journal.begin_attempt(self._step.id, attempt)
        if ticket is not None:
            await asyncio.to_thread(self._journal.wait, ticket)

    def update_attempt(self, attempt: Attempt) -> None:
        """Takes the newer state of an attempt."""
        if attempt.headers is not self._raw_headers:  # they come once, and stay with what is told later
            redact = self._redactor.redact_lookalikes
            self._raw_headers = attempt.headers
            self._headers = {redact(name): redact(value) for name, value in attempt.headers.items()}
        known_as = attempt.helicone_id and self._redactor.redact_lookalikes(attempt.helicone_id)
        attempt = replace(attempt, headers=self._headers, helicone_id=known_as)
        known = [old.request_id for old in self._attempts]
        self._attempts[known.index(attempt.request_id)] = attempt
        self._changed[attempt.request_id] = attempt
        self._flush_later()

    def note_refusal(self, status: int | None, retry_after: float | None) -> None:
        """Remembers that another attempt follows, if one does."""
        may_follow = status is None or status in (408, 409, 429) or status >= 500
        if may_follow and len(self._attempts) <= self.request.retries:
            self._retry = (status, None if retry_after is None else self._clock() + retry_after)
            if self._on_refusal is not None:
                self._on_refusal(status)

    def note_end_mark(self) -> None:
        """The stream said ``[DONE]``."""
        self._sees_end_mark = True

    # ---- for whoever sends the request in the engine's place, on the loop

    def take(self, chunk: Any) -> None:
        """Takes a piece of the answer in."""
        if self.state.handle_chunk(chunk):
            self._note_text()

    def end(self, status: StepStatus, error: BaseException | None = None) -> None:
        """The exchange is over."""
        self.error = error
        self._finish(status)

    @property
    def is_answered(self) -> bool:
        """Whether the answer has said that it is complete."""
        return self._sees_end_mark or self.state.finish_reason is not None

    # ---- for the engine, on the loop

    async def execute(self, client: Client) -> None:
        """Sends the request and takes the answer in; never raises but for bugs."""
        from heliconemagic.transport.recording import current_recorder

        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._cancel = partial(call_on, loop, task.cancel)
        current_recorder.set(self)
        status = StepStatus.FAILED
        try:
            if self._is_cancelled:
                raise asyncio.CancelledError
            await self._receive_or_fall_back(client)
            status = StepStatus.DONE
        except asyncio.CancelledError:
            status = StepStatus.INTERRUPTED
        except BaseException as error:  # noqa: BLE001  # ours or a bug: kept for the caller, who raises it in the cell
            self.error = error
        finally:
            self._finish(status)

    async def _receive_or_fall_back(self, client: Client) -> None:
        """Takes the answer in; of the recording, if there is one and no text comes over the network."""
        current_playing.set(self.request.playing)
        fallback = self.request.fallback
        if fallback is None or fallback.playing is None:
            await self._receive(client, self.request)
            return
        try:
            async with asyncio.timeout(self.request.patience) as self._patience:
                await self._receive(client, self.request)
            return
        except (TimeoutError, GatewayError) as error:
            reason = self._find_failure(error)
            if reason is None:
                raise
        finally:
            self._patience = None
        self._begin_again(fallback.playing.build_origin(OriginKind.FALLBACK, reason))
        current_playing.set(fallback.playing)
        await self._receive(client, fallback)

    def _find_failure(self, error: Exception) -> str | None:
        """Why the recording has to answer; None where the error stands: text had come, or the request is at fault."""
        if self.has_text.is_set():
            return None
        if isinstance(error, TimeoutError):
            return f"no text came within {self.request.patience or 0:g} s"
        if isinstance(error, UnreachableError | IncompleteAnswerError):
            return "the network failed"
        status = error.status_code if isinstance(error, GatewayError) else None
        return f"the gateway failed ({status})" if status is not None and (status == 429 or status >= 500) else None

    def _begin_again(self, origin: Origin) -> None:
        """Forgets what came besides text; the failed attempts stay."""
        self.state = ReplyState(self._redactor)
        self._retry, self._sees_end_mark = None, False
        self._step = replace(self._step, origin=origin)

    async def _receive(self, client: Client, request: Request) -> None:
        has_chunks, chunk = False, None
        try:
            async with client.open_answer(request, self.has_text.is_set) as chunks:
                async for chunk in chunks:
                    has_chunks |= request.streams and isinstance(chunk, dict) and "choices" in chunk
                    self.take(chunk)
        except IncompleteAnswerError:
            if self.state.finish_reason is None:  # else all of it had arrived
                raise
        if self._is_complete(request):
            return
        said = "" if chunk is None else find_said(chunk, self._redactor.redact_lookalikes)
        raise build_unfinished_error(request.gateway, has_chunks=has_chunks, said=said)

    def _is_complete(self, request: Request) -> bool:
        """Whether it is an answer; a server may give one in one piece although a stream was asked for."""
        is_one_piece = not (request.streams and self.state.has_deltas)
        return (request.streams and self.is_answered) or (is_one_piece and self.state.is_whole)

    def _note_text(self) -> None:
        if self._notes_pace:
            self._note_piece()
        if not self.has_text.is_set():
            self._step = replace(self._step, first_token_at=self._clock())
            self.has_text.set()
            if self._patience is not None:
                self._patience.reschedule(None)
                self._patience = None
            if self._on_text is not None:
                self._on_text()
        self._flush_later()

    def _note_piece(self) -> None:
        moment = self._clock() - self._step.started_at
        if not self.pieces or moment - self.pieces[-1][0] >= PIECE_SECONDS:
            self.pieces.append((moment, *self.state.sizes))

    def _estimate_cost(self) -> float | None:
        if self._step.origin is not None:
            return 0.0  # a recording answered
        if self.state.usage is None:
            return None
        if self._attempts and read_cache_hit(self._attempts[-1].headers):
            return 0.0  # Helicone's cache answered; the provider wasn't asked
        return estimate_cost(self._step.model, self.state.usage, gateway=self.request.gateway)

    def _flush_later(self) -> None:
        """What has changed is handed to the journal with what changes until then: each waking of its thread costs."""
        if self._journal is not None and self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._put_changes, self._journal)

    def _put_changes(self, journal: Journal) -> None:
        self._flush = None
        while self._changed:
            journal.put_attempt(self._step.id, self._changed.popitem()[1])
        if self.has_text.is_set():
            began = self._step.first_token_at  # the kernel may be killed: all of the time would count as waiting
            journal.put_text(self._step.id, self.state.text, self.state.reasoning, first_token_at=began)

    def fail(self, error: Exception) -> None:
        """Ends the step before it was sent."""
        self.error = error
        self._finish(StepStatus.FAILED)

    def break_off(self) -> None:
        """Ends the step if it never began, for the engine is closing; harmless after its end."""
        if not self.is_done:
            self._finish(StepStatus.INTERRUPTED)

    def _finish(self, status: StepStatus) -> None:
        """Whatever happens here, the step ends: somebody waits for it."""
        try:
            self._settle(status)
        except Exception as error:  # noqa: BLE001  # a bug, raised in the cell
            self.error = self.error or error
            self._step = replace(self._step, status=StepStatus.FAILED, ended_at=self._clock())
        finally:
            self.done.set_result(None)
            self.has_text.set()  # wakes a follower that waits for text which will never come
            if self._journal is not None:
                self._journal.hurry(self._end_delay)

    def _settle(self, status: StepStatus) -> None:
        self.state.finish()
        self._retry = None
        if self._flush is not None:
            self._flush.cancel()
        self._step = replace(
            self._step,
            status=status,
            ended_at=self._clock(),
            attempts=tuple(self._attempts),
            cost=self._estimate_cost(),
            error=None if self.error is None else self._redactor.redact_lookalikes(str(self.error)),
            **self.state.read_fields(),
        )
        if self._journal is not None:
            self._journal.put_end(self._step, self.request.attachments)
