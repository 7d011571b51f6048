"""What a cell brings along, and the bytes that its whole conversation needs. Pure.

Imported with every plan; what reads files and values is imported where something is attached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from heliconemagic.attachments.attachment import Attachment, iterate_attachments
from heliconemagic.attachments.limits import MOST_IN_REQUEST, format_size
from heliconemagic.errors import InputError
from heliconemagic.records import Message


@dataclass(slots=True)
class Loaded:
    """What was attached: the content parts in order, the bytes by hash, and what has to be said."""

    parts: list[dict[str, Any]] = field(default_factory=list)
    data: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, attachment: Attachment, data: bytes) -> None:
        """Takes one more."""
        self.parts.append(attachment.build_part())
        self.data[attachment.sha256] = data


@dataclass(slots=True, kw_only=True)
class Examples:
    """Checked role messages, and what is attached in them."""

    messages: list[Message] = field(default_factory=list)
    loaded: Loaded = field(default_factory=Loaded)


def gather_attachments(
    messages: Iterable[Message], new: Mapping[str, bytes], find_recorded: Callable[[str], bytes | None]
) -> dict[str, bytes]:
    """The bytes of every attachment in ``messages``, by their hashes.

    Raises:
        InputError: one of an earlier turn is gone, or all together are too large for one request.
    """
    gathered: dict[str, bytes] = {}
    size = 0
    for attachment in iterate_attachments(messages):
        if attachment.sha256 not in gathered:
            gathered[attachment.sha256] = new.get(attachment.sha256) or _recall(attachment, find_recorded)
        size += attachment.size
    if size > MOST_IN_REQUEST:
        raise InputError(
            f"the attachments of this conversation have {format_size(size)}: "
            f"a request may have no more than {format_size(MOST_IN_REQUEST)}.",
            hint="attach less, or continue nothing with --fresh: what earlier turns attached is sent again",
        )
    return gathered


def _recall(attachment: Attachment, find_recorded: Callable[[str], bytes | None]) -> bytes:
    found = find_recorded(attachment.sha256)
    if found is None:
        raise InputError(
            f"{attachment.name!r}, which an earlier turn of this conversation attached, is no longer recorded.",
            hint="run the cell that attached it again, or continue nothing with --fresh",
        )
    return found
