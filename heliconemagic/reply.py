"""A reply: the state that a stream builds up, and what the notebook gets at its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from sys import intern
from typing import Any

from heliconemagic.errors import IncompleteAnswerError, InputError
from heliconemagic.fences import find_fence
from heliconemagic.records import Attempt, Message, Step, StepStatus, ToolCall
from heliconemagic.redaction import Redactor, StreamRedactor
from heliconemagic.schemas.answer_form import AnswerForm, build_object, read_recorded_form
from heliconemagic.usage import Usage, parse_usage

_PIECES = 1000
MAX_ANSWER = 10_000_000
"""Characters, the reasoning included; no model writes so much, but a broken server may."""
MAX_CALLS = 1_000_000
"""Characters of all arguments that a model asks functions to be called with."""


class ReplyState:
    """What has arrived of a reply: feed it chunks, read a snapshot at any time, from any thread.

    Configured keys are taken out before anything is kept, even split over chunks.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._text = _Channel(redactor)
        self._reasoning = _Channel(redactor)
        self._refusal = _Channel(redactor)
        self._tool_calls: dict[int, dict[str, str]] = {}
        self.has_deltas = False
        self._call_size = 0  # characters of their names and arguments, and one for each piece
        self._redactor = redactor
        self.finish_reason: str | None = None
        self.answered_by: str | None = None
        self.usage: Usage | None = None

    def handle_chunk(self, chunk: object) -> bool:
        """Takes the JSON object of a chunk, or of a whole completion; True if it held something to show.

        A server can put anything anywhere: what isn't of the right type is not there.
        """
        if not isinstance(chunk, dict):
            return False
        self.answered_by = self._read_word(chunk, "model") or self.answered_by  # thousands of answers say the same
        if (usage := chunk.get("usage")) is not None:
            self.usage = parse_usage(_as_object(usage)) or self.usage
        shown = False
        for choice in _as_list(chunk.get("choices")):
            if isinstance(choice, dict) and choice.get("index") in (0, None):
                shown |= self._handle_choice(choice)
        if shown:
            self._check_size()
        return shown

    def _check_size(self) -> None:
        is_long = sum(channel.size for channel in self._channels) > MAX_ANSWER
        if is_long or self._call_size > MAX_CALLS:
            what, most = ("answer is", MAX_ANSWER) if is_long else ("calls of tools are", MAX_CALLS)
            raise IncompleteAnswerError(
                f"the {what} longer than {most:,} characters: not read to the end.",
                hint="the beginning is kept; ask for less with -o max_tokens 4000",
            )

    @property
    def _channels(self) -> tuple[_Channel, ...]:
        return self._text, self._reasoning, self._refusal

    def _read_word(self, holder: dict[str, Any], name: str) -> str:
        word = holder.get(name)
        return intern(self._redactor.redact(read_text(word))) if word else ""

    def _handle_choice(self, choice: dict[str, Any]) -> bool:
        self.finish_reason = self._read_word(choice, "finish_reason") or self.finish_reason
        delta = choice.get("delta")
        self.has_deltas |= delta is not None
        if not self.has_deltas:
            delta = choice.get("message")  # beside deltas it says all of it again
        if not isinstance(delta, dict):
            return False
        shown = False
        for channel, piece in (
            (self._text, delta.get("content")),
            (self._reasoning, delta.get("reasoning_content") or delta.get("reasoning")),
            (self._refusal, delta.get("refusal")),
        ):
            if piece:  # of most there is none in a chunk, and there are many chunks
                shown |= channel.feed(read_text(piece))
        for position, call in enumerate(_as_list(delta.get("tool_calls"))):
            self._handle_tool_call(position, _as_object(call))
            shown = True
        return shown

    def _handle_tool_call(self, position: int, call: dict[str, Any]) -> None:
        index = call.get("index")
        known = self._tool_calls.setdefault(
            index if isinstance(index, int) else position, {"id": "", "name": "", "arguments": ""}
        )
        function = _as_object(call.get("function"))
        name, arguments = (read_text(function.get(part)) for part in ("name", "arguments"))
        known["id"] = read_text(call.get("id")) or known["id"]
        known["name"] += name
        known["arguments"] += arguments
        self._call_size += 1 + len(name) + len(arguments)

    @property
    def is_whole(self) -> bool:
        """Whether an answer in one piece is one: it says something, or why it doesn't."""
        return self.finish_reason is not None or bool(self._tool_calls) or any(self.sizes) or self._refusal.size > 0

    def finish(self) -> None:
        """No more will come: lets go of what waited to be seen as the beginning of a key."""
        for channel in self._channels:
            channel.flush()

    @property
    def sizes(self) -> tuple[int, int]:
        """Characters of reasoning and of text so far."""
        return self._reasoning.size, self._text.size

    @property
    def text(self) -> str:
        """The answer so far."""
        return self._text.value

    @property
    def reasoning(self) -> str:
        """The reasoning so far, where the model tells it."""
        return self._reasoning.value

    def read_fields(self) -> dict[str, Any]:
        """The fields of a `Step` that the answer fills, as they stand now."""
        calls = tuple(
            ToolCall(**{name: self._redactor.redact(value) for name, value in call.items()})
            for _, call in sorted(self._tool_calls.items())
        )
        return {
            "text": self.text,
            "reasoning": self.reasoning,
            "refusal": self._refusal.value,
            "tool_calls": calls,
            "finish_reason": self.finish_reason,
            "answered_by": self.answered_by,
            "usage": self.usage,
        }


class _Channel:
    """One growing text. Pieces are joined on reading: many more arrive than are shown.

    Only the feeding thread changes the list; readers on other threads join what they find.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = StreamRedactor(redactor)
        self._pieces: list[str] = []
        self.size = 0  # characters

    def feed(self, piece: str) -> bool:
        safe = self._redactor.feed(piece) if piece else ""
        if safe:
            self._pieces.append(safe)
            self.size += len(safe)
            if len(self._pieces) > _PIECES:
                self._pieces = ["".join(self._pieces)]
        return bool(safe)

    def flush(self) -> None:
        self._pieces.append(self._redactor.flush())

    @property
    def value(self) -> str:
        return "".join(self._pieces)


def read_text(value: object) -> str:
    """``value`` if it is text, the texts of its parts if it is a list of those, else nothing."""
    if isinstance(value, list):
        return "".join(read_text(part.get("text")) for part in value if isinstance(part, Mapping))
    return value if isinstance(value, str) else ""


def _as_list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _as_object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


class ReplySource:
    """What a reply asks of where it comes from; this one comes from nowhere."""

    __slots__ = ()

    @property
    def url(self) -> str | None:
        """The request's page on Helicone's dashboard; None where there is none."""
        return None

    @property
    def session_url(self) -> str | None:
        """The session's page there."""
        return None

    def find_restorer(self) -> Callable[..., Reply] | None:
        """What makes a reply again of its step, its parent, its URL and its session's, in whatever process."""
        return None

    def find_parent(self) -> Reply | None:
        """The reply that it continued."""
        return None

    def build_bundle(self) -> dict[str, Any] | None:
        """Its card in all forms; None where only its text is known."""
        return None

    def build_messages(self) -> Sequence[Message] | None:
        """What was sent, attachments included; None where the step tells it."""
        return None

    def is_shown(self) -> bool:
        """Whether its card is on the page already."""
        return False


_NOWHERE = ReplySource()


class Reply:
    """What a step gave. Shows itself in Jupyter, prints as its text, is ``_`` after the cell.

    Latencies are seconds, costs USD (an estimate by genai-prices; None: unpriced).
    """

    def __init__(
        self,
        step: Step,
        *,
        form: AnswerForm | None = None,
        source: ReplySource = _NOWHERE,
    ) -> None:
        self._step = step
        self._form = form or read_recorded_form(step.parameters)
        self._source = source

    @property
    def text(self) -> str:
        """The answer, as the model wrote it."""
        return self._step.text

    markdown = text

    @property
    def code(self) -> str | None:
        """The content of the first fenced block; None if there is none."""
        fence = find_fence(self._step.text)
        return fence.code if fence else None

    def json(self) -> Any:
        """The answer read as JSON, from its first fenced block if it isn't JSON itself.

        Raises:
            InputError: neither is JSON.
        """
        for candidate in (self._step.text, self.code):
            try:
                return json.loads(candidate or "")
            except ValueError:
                continue
        raise InputError(
            f"the reply of {self.path!r} is not JSON: it begins {self.text[:40]!r}.",
            hint="ask for it with --json, or with --schema and the fields",
        )

    @cached_property
    def parsed(self) -> Any:
        """The answer as an object of the schema that the cell named; plain data where that class is no longer known.

        None where no JSON was asked for.

        Raises:
            InvalidAnswerError: it is none, with the field that doesn't fit.
        """
        return build_object(self._step, self._form) if self._form.wants_json else None

    @property
    def messages(self) -> tuple[Message, ...]:
        """What was sent, in the API's own form; what was attached stands in it as base64."""
        built = self._source.build_messages()
        return self._step.messages if built is None else tuple(built)

    @property
    def url(self) -> str | None:
        """The request's page on Helicone's dashboard; None where there is none."""
        return self._source.url

    @property
    def session_url(self) -> str | None:
        """The session's page there."""
        return self._source.session_url

    @property
    def usage(self) -> Usage | None:
        """Tokens as the provider counted them."""
        return self._step.usage

    @property
    def cost(self) -> float | None:
        """USD, an estimate; None: unpriced."""
        return self._step.cost

    @property
    def latency(self) -> float | None:
        """Seconds from sending to the end."""
        return self._step.latency

    @property
    def time_to_first_token(self) -> float | None:
        """Seconds from sending to the first token."""
        return self._step.time_to_first_token

    @property
    def model(self) -> str:
        """The model that answered, else the one that was asked."""
        return self._step.answered_by or self._step.model

    @property
    def finish_reason(self) -> str | None:
        """Why the model stopped: ``stop``, ``length``, ``tool_calls``, ``content_filter``."""
        return self._step.finish_reason

    @property
    def id(self) -> str:
        """The id of the last attempt at Helicone, else of the step in the journal."""
        return self._step.helicone_id or self._step.id

    @property
    def step_id(self) -> str:
        """The id of the step in the journal."""
        return self._step.id

    @property
    def path(self) -> str:
        """Where the step stands in the session."""
        return self._step.path

    @property
    def variant(self) -> int:
        """Its number among the answers that its cell compared; 0 if it was the only one."""
        return self._step.variant

    @property
    def parent(self) -> Reply | None:
        """The reply that this one continued."""
        return self._source.find_parent()

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The HTTP exchanges it took."""
        return self._step.attempts

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The functions that the model asked to be called."""
        return self._step.tool_calls

    @property
    def is_partial(self) -> bool:
        """Whether the answer broke off, was stopped, or reached its token limit."""
        return self._step.status is not StepStatus.DONE or self._step.finish_reason == "length"

    def __reduce__(self) -> tuple[Callable[..., Reply], tuple[Any, ...]]:
        """Pickles as what it says, with the replies before it: a worker hands its replies back."""
        restore = self._source.find_restorer()
        if restore is None:
            return type(self), (self._step,)
        return restore, (self._step, self.parent, self.url, self.session_url)

    def __str__(self) -> str:
        return self._step.text

    def __repr__(self) -> str:
        begin = self._step.text if len(self._step.text) <= 60 else self._step.text[:57] + "..."
        return f"<Reply {self.path} by {self.model}: {begin!r}>"

    def _ipython_display_(self) -> None:
        if not self._source.is_shown():
            raise NotImplementedError  # IPython's way of saying: show it by the other forms

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self._source.build_bundle() or {"text/plain": self.text}
