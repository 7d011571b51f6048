"""The values everything else speaks of: session, step, attempt. No I/O, no display.

Times are seconds since the epoch (float), costs USD, counts tokens. A record is never changed:
a newer state is `dataclasses.replace` of the older one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from heliconemagic.usage import Usage

Message = Mapping[str, Any]
"""One chat message as the chat completions API spells it: ``{"role": …, "content": …}``."""


CUT_REASONS = ("length", "content_filter")
"""The finish reasons of answers that break off before their end."""


def read_content_text(content: object) -> str:
    """The text of a message's content, whether it is a text or a list of parts; of other parts nothing."""
    if not isinstance(content, list | tuple):
        return content if isinstance(content, str) else ""
    texts = [part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
    return "\n\n".join(text for text in texts if isinstance(text, str))


RERUN_OF = "rerun of "
"""How the source of a session begins that played another one again; the other's id follows."""


class StepKind(StrEnum):
    """What a step was, by Helicone's words for the leaves of its tree."""

    LLM = "LLM"
    TOOL = "Tool"
    VECTOR_DB = "VectorDB"
    DATA = "Data"


KIND_WORDS = {"tool": StepKind.TOOL, "vector_db": StepKind.VECTOR_DB, "data": StepKind.DATA}
"""The kinds of steps that are no prompts, as one types them; they are Helicone's words for them in its log, too."""


class StepStatus(StrEnum):
    """How far a step is. ``PENDING`` is written before its first byte is sent."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class DeliveryState(StrEnum):
    """Whether Helicone has what was sent there beside the requests: steps that are no prompts, feedback, scores."""

    WAITING = "waiting"  # to be sent, or sent again
    ACCEPTED = "accepted"  # Helicone said that it has it
    REFUSED = "refused"  # it said no, or could not be reached in time


UNSENT = "the kernel ended before Helicone had it"
"""The reason of a delivery that nobody is left to make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How far something is on its way to Helicone."""

    state: DeliveryState
    reason: str = ""  # why it was refused, or waits; redacted
    helicone_id: str = ""  # the id under which Helicone has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Which cell runs: the front end's id or a hash of its text, and which run of it (ms since the epoch)."""

    id: str
    run: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """A Helicone session. Its identity at Helicone is the pair of ``id`` and ``name``."""

    id: str
    name: str  # ASCII, as sent
    title: str  # as typed, for our own display
    gateway: str  # label of the gateway at the start
    notebook: str = ""  # stem of the notebook's file name; never its path
    source: str = (
        ""  # where a session came from that did not run here: a Helicone's host, a file's name, a session's id
    )
    started_at: float
    ended_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP exchange of a step. Retries make several, each with its own request id."""

    request_id: str  # Helicone-Request-Id, UUIDv4
    started_at: float
    first_byte_at: float | None = None
    ended_at: float | None = None
    status_code: int | None = None
    helicone_id: str | None = None  # the answer's Helicone-Id: the id it was logged under
    headers: Mapping[str, str] = field(default_factory=dict)  # of the response, redacted
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call of a function that the model asked for."""

    id: str
    name: str
    arguments: str  # JSON, as the model wrote it


class OriginKind(StrEnum):
    """How an answer came that no model was asked for now."""

    KEPT = "kept"  # the journal had the reply of an identical request
    REPLAYED = "replayed"  # a recorded lesson answered
    FALLBACK = "fallback"  # the network failed, and a recorded lesson answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an answer comes from that was given earlier: it costs nothing now."""

    kind: OriginKind
    answered_at: float  # when a model gave it, seconds since the epoch
    source: str = ""  # the lesson's file name; never its path
    reason: str = ""  # why the recording had to answer: "the network failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One logical request at a path, made by one run of one cell, with its reply so far."""

    id: str  # UUIDv4
    session_id: str
    path: str
    kind: StepKind = StepKind.LLM
    status: StepStatus = StepStatus.PENDING
    gateway: str  # label: a preset or a URL
    model: str  # as asked for
    messages: tuple[Message, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)  # of the request, besides model and messages
    input: str = ""  # of a step that is no request: what it was given, as JSON; its output is `text`
    user: str = ""  # whom the request is counted for
    properties: Mapping[str, str] = field(default_factory=dict)  # Helicone's properties of the request
    delivery: Delivery | None = None  # of a step that is no request; None: Helicone isn't told of it
    fingerprint: str = ""  # equal for identical requests
    cell: str = ""  # the front end's cell id, or a hash of the cell's text
    run: int = 0  # which run of the cell: milliseconds since the epoch at its start
    parent_id: str | None = None  # the step whose conversation this one continues
    is_superseded: bool = False  # its cell ran again
    is_aside: bool = False  # sent beside the conversation: never "the step that ran last"
    comparison: str = ""  # equal for the answers that one cell compares; "" for a cell's only answer
    variant: int = 0  # its number among those: 1, 2 …
    is_picked: bool = False  # of those, it was chosen as the current one
    is_recorded: bool = True  # False under --no-log

    started_at: float
    first_token_at: float | None = None
    ended_at: float | None = None
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    answered_by: str | None = None  # the model that the answer names
    usage: Usage | None = None
    cost: float | None = None  # USD, estimated; None: unpriced
    error: str | None = None
    attempts: tuple[Attempt, ...] = ()
    origin: Origin | None = None  # None: a model was asked

    @property
    def turn(self) -> tuple[Message, ...]:
        """What this step's cell added to the conversation: its prompt, then the tool calls and their results."""
        begin = next(
            (place for place, message in enumerate(reversed(self.messages)) if message.get("role") == "user"), 0
        )
        return self.messages[len(self.messages) - 1 - begin :]

    @property
    def prompt(self) -> str:
        """The text of the last message that is the user's: what the cell said, without what was attached."""
        return read_content_text(self.turn[0].get("content")) if self.messages else ""

    @property
    def follows_tools(self) -> bool:
        """Whether this request carries the results of tools, which an earlier request of the same cell asked for."""
        return bool(self.messages) and self.messages[-1].get("role") == "tool"

    @property
    def latency(self) -> float | None:
        """Seconds from start to end; None while it runs."""
        return self._measure(self.ended_at)

    @property
    def time_to_first_token(self) -> float | None:
        """Seconds from start to the first token; None if none came."""
        return self._measure(self.first_token_at)

    def _measure(self, moment: float | None) -> float | None:
        """Seconds from the start until ``moment``; none where the clock was set back meanwhile."""
        return None if moment is None else max(moment - self.started_at, 0.0)

    @property
    def is_usable_parent(self) -> bool:
        """Whether another step may continue this one's conversation: an answer that waits for tools is none yet."""
        is_answer = bool(self.text.strip()) and not self.tool_calls
        return self.kind is StepKind.LLM and self.status is StepStatus.DONE and is_answer

    @property
    def is_whole(self) -> bool:
        """Whether it is a finished answer: not one that was stopped, failed, empty or cut off."""
        return self.is_usable_parent and self.finish_reason not in CUT_REASONS

    @property
    def tokens(self) -> int:
        """Tokens that were used for this step: none where an earlier answer stands in."""
        return self.usage.total_tokens if self.usage and self.origin is None else 0

    @property
    def helicone_id(self) -> str | None:
        """The id under which Helicone has the last attempt, or what it was told of the step; None if it has neither."""
        if self.attempts:
            return self.attempts[-1].helicone_id
        return (self.delivery.helicone_id or None) if self.delivery else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What somebody thought of a step, or of a whole session: a thumb, a score, a tag, a note."""

    id: str  # UUIDv4
    session_id: str
    step_id: str | None = None  # None: of the session
    name: str  # "rating", or the score's name
    value: bool | int | None = None  # True and False: thumb up and down; None: a note alone
    note: str = ""
    given_at: float
    delivery: Delivery | None = None  # None: Helicone isn't told of it


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTotals:
    """Sums over the steps of a session or a folder."""

    steps: int = 0
    errors: int = 0  # failed or interrupted
    model_seconds: float = 0.0  # sum of latencies
    tokens: int = 0
    cost: float = 0.0  # USD, of the priced steps
    unpriced: int = 0  # finished steps without a price

    @property
    def is_answered(self) -> bool:
        """Whether a step has its whole answer, or may yet have it."""
        return self.steps > self.errors or not self.steps


def sum_steps(steps: tuple[Step, ...] | list[Step]) -> SessionTotals:
    """The totals of ``steps``; superseded ones count, for they were paid."""
    failed = {StepStatus.FAILED, StepStatus.INTERRUPTED}
    return SessionTotals(
        steps=len(steps),
        errors=sum(step.status in failed for step in steps),
        model_seconds=sum(step.latency or 0.0 for step in steps if step.kind is StepKind.LLM),
        tokens=sum(step.tokens for step in steps),
        cost=sum(step.cost or 0.0 for step in steps),
        unpriced=sum(
            step.cost is None and step.status is StepStatus.DONE and step.kind is StepKind.LLM for step in steps
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """One line of a list of sessions: the session and the sums over its steps."""

    id: str
    name: str
    title: str
    gateway: str
    notebook: str = ""
    source: str = ""  # where it ran, if not here
    started_at: float
    ended_at: float | None = None
    steps: int = 0
    errors: int = 0  # failed or interrupted
    cost: float = 0.0  # USD, of the priced steps
    unpriced: int = 0  # finished requests to a model without a price
    tokens: int = 0
