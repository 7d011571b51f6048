"""Every error a person in the notebook can meet, and how it prints.

    HeliconeMagicError
    ├── InputError                 nothing was sent: change the line or the prompt
    │   ├── TemplateError          a {{ … }} span cannot be filled
    │   ├── BudgetError            the session's budget would be exceeded
    │   │   └── UnpricedModelError no price is known for the model
    │   └── UnknownPathError       no step there (a KeyError)
    ├── CredentialError            a key is missing, misshapen or refused
    ├── ComparisonError            some of the answers that a cell compares failed; the others are kept
    ├── GatewayError               the gateway or the provider refused, or never answered
    │   ├── UnreachableError       no connection, or silence
    │   ├── UnknownModelError      no such model there
    │   ├── RateLimitError         too many requests: wait, or ask for less
    │   └── IncompleteAnswerError  the answer broke off; what had arrived is kept
    ├── StillRunningError          a ``--bg`` step has no result yet
    ├── LocalModelError            the local model isn't installed, or doesn't start
    ├── InvalidAnswerError         the answer came and is kept, but isn't what the cell asked for
    ├── BatchError                 some rows of a batch have no answer; the others are kept
    ├── RerunError                 some steps of a session that was played again have none; the others are kept
    └── JournalError               the record on disk cannot be read
    StepInterrupted                Stop or the kernel's interrupt (a KeyboardInterrupt)

Messages name the value in quotes, then what to type, then the library's own words. They are
redacted by whoever raises them; this module knows no secrets. What a server says may be meant for
the terminal, which obeys escape sequences: no error's text has any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

_HINT, _CAUSE = "\n  hint: ", "\n  cause: "


class ErrorWords(NamedTuple):
    """What an error says, apart; what it doesn't say is empty."""

    message: str
    hint: str = ""
    cause: str = ""

    @property
    def brief(self) -> str:
        """What went wrong in one line, without what to type."""
        return f"{self.message} ({self.cause})" if self.cause else self.message


def read_words(text: str) -> ErrorWords:
    """The words of an error that was kept as its text; of any other text the first line is the message.

    >>> read_words("no such model.\\n  hint: try m2\\n  cause: 404 not found")
    ErrorWords(message='no such model.', hint='try m2', cause='404 not found')
    """
    said, _, cause = text.partition(_CAUSE)
    said, _, hint = said.partition(_HINT)
    return ErrorWords(said.partition("\n")[0], hint.partition("\n")[0].strip(), " ".join(cause.split()))


class _ShortTraceback:
    """Lets IPython print the error itself instead of the frames that led to it."""

    result: object = None
    """What the cell gives all the same; None: nothing."""

    def _render_traceback_(self) -> list[str]:
        return f"{type(self).__name__}: {self}".splitlines()


class HeliconeMagicError(_ShortTraceback, Exception):
    """The base: a message, what to type next, and the cause in the library's own words."""

    def __init__(self, message: str, *, hint: str | None = None, cause: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.cause = cause

    def rewrite(self, change: Callable[[str], str]) -> None:
        """Lets ``change`` loose on all of its words: it may quote what nobody should read."""
        self.message = change(self.message)
        self.hint = change(self.hint) if self.hint else None
        self.cause = change(self.cause) if self.cause else None
        self.args = (self.message,)

    @property
    def words(self) -> ErrorWords:
        """All that it says."""
        return ErrorWords(self.message, self.hint or "", " ".join((self.cause or "").split()))

    def __str__(self) -> str:
        hint = f"{_HINT}{self.hint}" if self.hint else ""
        cause = f"{_CAUSE}{self.cause}" if self.cause else ""
        said = f"{self.message}{hint}{cause}"
        return "".join(char if char.isprintable() or char == "\n" else " " for char in said)


class InputError(HeliconeMagicError):
    """What was typed cannot be used; nothing was sent."""


class TemplateError(InputError):
    """A ``{{ … }}`` span of the prompt cannot be filled; nothing was sent."""


class BudgetError(InputError):
    """The session's budget is used up, or cannot be kept for this model; nothing was sent."""


class UnpricedModelError(BudgetError):
    """No price is known for the model, so that a budget cannot be kept; nothing was sent."""


class UnknownPathError(InputError, KeyError):
    """A session has no step at this path. A KeyError, as for any mapping."""


class CredentialError(HeliconeMagicError):
    """A key is missing, has the wrong shape, or was refused."""


class ComparisonError(HeliconeMagicError):
    """Of the answers that a cell compares, some failed; the finished ones are kept."""


class GatewayError(HeliconeMagicError):
    """The gateway or the provider behind it refused, or could not be reached.

    ``status_code`` is the real HTTP status where one is known (Helicone's AI gateway hides a
    client error inside a 500), ``request_id`` the id under which the attempt was sent.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        cause: str | None = None,
        status_code: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, cause=cause)
        self.status_code = status_code
        self.request_id = request_id


class UnreachableError(GatewayError):
    """No answer came over the network: no connection, or silence."""


class UnknownModelError(GatewayError):
    """The gateway has no such model."""


class RateLimitError(GatewayError):
    """Too many requests, or a Helicone rate limit policy that is used up."""


class IncompleteAnswerError(GatewayError):
    """The answer broke off, was malformed, or stopped coming; what had arrived is kept."""


class StillRunningError(HeliconeMagicError, AttributeError):
    """A step in the background was asked for what it doesn't have yet.

    An AttributeError, so that ``hasattr`` says so too.
    """


class LocalModelError(HeliconeMagicError):
    """The local model is missing, cannot be fetched, or doesn't start; nothing was sent."""


class InvalidAnswerError(HeliconeMagicError):
    """An answer came, was paid for and is kept, but isn't what the cell asked for: no JSON, other fields, no code.

    ``problems`` says of each field that doesn't fit what is wrong with it, by its keys and positions; ``reply`` holds
    the answer, where the cell that asked is known.
    """

    reply: object = None
    problems: Mapping[tuple[str | int, ...], str] = MappingProxyType({})


class BatchError(HeliconeMagicError):
    """Some rows of a batch have no answer; ``result`` has the others."""


class RerunError(HeliconeMagicError):
    """Some steps of a session that was played again have no answer; those that have one are kept."""


class JournalError(HeliconeMagicError):
    """The journal on disk cannot be opened or read."""


class StepInterrupted(_ShortTraceback, KeyboardInterrupt):
    """A step was stopped by its Stop button or the kernel's interrupt.

    A KeyboardInterrupt, so that "Run All" stops; one line, where the plain one leaves thirteen.
    """
