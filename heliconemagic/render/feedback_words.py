"""What somebody thought of an answer, in words that every form of display shares. Escaped by whoever shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from heliconemagic.records import DeliveryState, Feedback

FeedbackOf = Mapping[str | None, Sequence[Feedback]]
"""What was thought of each step by its id; None: of the session."""
NO_FEEDBACK: FeedbackOf = MappingProxyType({})

UP, DOWN = "👍", "👎"

_LONGEST_NOTE = 200
"""Characters of a note that stands beside an answer."""


def describe_feedback(feedback: Iterable[Feedback], *, with_notes: bool = True) -> str:
    """All of it in one line: ``👍 clear · accuracy 4 · tone true``. Empty for nothing."""
    return " · ".join(part for one in feedback if (part := _describe(one, with_notes=with_notes)))


def describe_marks(feedback: Iterable[Feedback]) -> str:
    """The same for a row of a table: thumbs and scores, and a sign that there is a note."""
    return describe_feedback(feedback, with_notes=False)


def _describe(feedback: Feedback, *, with_notes: bool) -> str:
    note = _shorten(feedback.note) if with_notes else ""
    if feedback.value is None:
        return (note or ("note" if feedback.note else "")).strip()
    if feedback.name == "rating":
        return f"{UP if feedback.value else DOWN} {note}".strip()
    value = str(feedback.value).lower() if isinstance(feedback.value, bool) else f"{feedback.value:,}"
    return f"{feedback.name} {value} {note}".strip()


def _shorten(note: str) -> str:
    line = " ".join(note.split())
    return line if len(line) <= _LONGEST_NOTE else line[: _LONGEST_NOTE - 1] + "…"


def describe_opinion(feedback: FeedbackOf) -> str:
    """What was thought of the session as a whole; empty for nothing."""
    told = describe_feedback(feedback.get(None, ()))
    return f"this session: {told}" if told else ""


def list_feedback_lines(feedback: Sequence[Feedback]) -> tuple[str, ...]:
    """The line below an answer: what was thought of it, and how far that is on its way; none for nothing."""
    told = describe_feedback(feedback)
    if not told:
        return ()
    return (f"rated: {told}", *describe_deliveries(feedback))


def describe_deliveries(feedback: Iterable[Feedback]) -> tuple[str, ...]:
    """How far what was told to Helicone is on its way; by name, where not all of it has come equally far."""
    names_of: dict[str, list[str]] = {}
    for one in feedback:
        if one.delivery is not None:
            names_of.setdefault(_describe_delivery(one), []).append(one.name)
    if len(names_of) < 2:
        return tuple(names_of)
    return tuple(f"{', '.join(names)}: {words}" for words, names in names_of.items())


def _describe_delivery(feedback: Feedback) -> str:
    delivery = feedback.delivery
    assert delivery is not None  # the caller looked
    if delivery.state is DeliveryState.ACCEPTED:
        return "Helicone has it"
    if delivery.state is DeliveryState.REFUSED:
        return f"not at Helicone: {delivery.reason}"
    return "on its way to Helicone" + (f" (so far: {delivery.reason})" if delivery.reason else "")
