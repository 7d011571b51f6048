"""Finds attachments in messages that are in the API's own form already: other code's, or those that were sent. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from heliconemagic.attachments import media
from heliconemagic.attachments.attachment import Attachment, build_attachment
from heliconemagic.attachments.limits import Kind
from heliconemagic.attachments.thumbnails import build_thumbnail
from heliconemagic.attachments.wire import build_data_part, build_text_part, decode_part, read_detail
from heliconemagic.records import Message


def recognise_content(content: Any) -> Any:
    """A message's content with references in place of the bytes that are recognised."""
    return _replace_parts(content, {})


def recognise_messages(messages: Iterable[Message]) -> tuple[tuple[Message, ...], dict[str, bytes]]:
    """The messages with references in place of their bytes, and the bytes by hash.

    Only what would be sent again exactly as it was is replaced; anything else stays as it stands.
    """
    found: dict[str, bytes] = {}
    changed = tuple({**message, "content": _replace_parts(message.get("content"), found)} for message in messages)
    return changed, found


def _replace_parts(content: Any, found: dict[str, bytes]) -> Any:
    if not isinstance(content, list | tuple):
        return content
    return [_replace_part(part, found) if isinstance(part, Mapping) else part for part in content]


def _replace_part(part: Mapping[str, Any], found: dict[str, bytes]) -> Mapping[str, Any]:
    try:
        decoded = decode_part(part)
    except ValueError:
        return part
    form = media.find_format(decoded[1]) if decoded else None
    if decoded is None or not isinstance(form, media.Format):
        return part
    name, data = decoded
    attachment = build_attachment(
        data,
        form,
        name or form.kind.value + form.suffix,
        detail=read_detail(part),
        thumbnail=build_thumbnail(data, form),
    )
    if _rebuild(attachment, data) != _spell_out(part):
        return part
    found[attachment.sha256] = data
    return attachment.build_part()


def _rebuild(attachment: Attachment, data: bytes) -> dict[str, Any]:
    """The part that would be sent."""
    if attachment.kind is Kind.TEXT:
        return build_text_part(attachment, data.decode())
    return build_data_part(attachment, base64.b64encode(data).decode("ascii"))


def _spell_out(part: Mapping[str, Any]) -> dict[str, Any]:
    """The part with what it leaves unsaid."""
    held = part.get("image_url")
    return {**part, "image_url": {"detail": "auto", **held}} if isinstance(held, Mapping) else dict(part)
