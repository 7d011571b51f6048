"""Attachments as chat completions carry them, and back: content parts with base64 in them. Pure.

The forms are those of ``openai.types.chat.chat_completion_content_part_*``; files other than PDFs travel as text
parts, as https://platform.openai.com/docs/guides/file-inputs says of this API.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from heliconemagic.attachments import media
from heliconemagic.attachments.attachment import DETAILS, Attachment, replace_attachments
from heliconemagic.attachments.limits import Kind
from heliconemagic.records import Message

_TEXT_FILE = re.compile(
    r'<file name=(?P<name>"(?:[^"\\]|\\.)*") id="(?P<id>[0-9a-f]{8})">\n(?P<text>.*)\n</file id="(?P=id)">', re.DOTALL
)
_DATA_URL = re.compile(r"data:([a-z0-9.+/-]+);base64,", re.IGNORECASE)
AUDIO_FORMATS = {media.WAV.media_type: "wav", media.MP3.media_type: "mp3"}


def build_wire_messages(messages: Iterable[Message], find: Callable[[str], bytes | None]) -> list[dict[str, Any]]:
    """The messages as they go out; ``find`` gives the bytes with a hash.

    What it doesn't find stays as it is recorded.
    """

    def build(attachment: Attachment) -> dict[str, Any]:
        data = find(attachment.sha256)
        if data is None:
            return attachment.build_part()
        if attachment.kind is Kind.TEXT:
            return build_text_part(attachment, data.decode("utf-8", "replace"))
        return build_data_part(attachment, base64.b64encode(data).decode("ascii"))

    return replace_attachments(messages, build)


def build_shown_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """The same for reading: a few words stand where the bytes would."""

    def build(attachment: Attachment) -> dict[str, Any]:
        words = f"… {attachment.describe_named()}, sha256 {attachment.sha256[:12]} …"
        if attachment.kind is Kind.TEXT:
            return build_text_part(attachment, words)
        return build_data_part(attachment, words)

    return replace_attachments(messages, build)


def build_data_part(attachment: Attachment, encoded: Any) -> dict[str, Any]:
    """The content part of an image, a recording or a PDF; ``encoded`` are its bytes in base64.

    Only a PDF's name is sent, and never a path.
    """
    if attachment.kind is Kind.AUDIO:
        form = AUDIO_FORMATS[attachment.media_type]
        return {"type": "input_audio", "input_audio": {"data": encoded, "format": form}}
    url = f"data:{attachment.media_type};base64," + encoded
    if attachment.kind is Kind.PDF:
        return {"type": "file", "file": {"filename": attachment.name, "file_data": url}}
    return {"type": "image_url", "image_url": {"url": url, "detail": attachment.detail or "auto"}}


def build_text_part(attachment: Attachment, text: Any) -> dict[str, Any]:
    """The content part of a text, between lines that name it.

    Both bear the beginning of its hash, which no text has inside: nothing in it can look like its end.
    """
    id_ = f'id="{attachment.sha256[:8]}"'
    opening = f"<file name={json.dumps(attachment.name, ensure_ascii=False)} {id_}>\n"
    return {"type": "text", "text": opening + text + f"\n</file {id_}>"}


def decode_part(part: Mapping[str, Any]) -> tuple[str, bytes] | None:
    """Name, if it has one, and bytes of a part in the API's form that holds a file; None for plain text, URLs and ids.

    Raises:
        ValueError: what should be base64 is not.
    """
    text_file = _TEXT_FILE.fullmatch(str(part.get("text", ""))) if part.get("type") == "text" else None
    if text_file:
        return str(json.loads(text_file["name"])), text_file["text"].encode()
    name, encoded = _find_encoded(part)
    if encoded is None:
        return None
    try:
        return name, base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("its data are not base64") from error


def read_detail(part: Mapping[str, Any]) -> str:
    """How closely a model is asked to look at an image, where the part says something else than ``auto``."""
    held = part.get("image_url")
    detail = held.get("detail") if isinstance(held, Mapping) else None
    return detail if detail in DETAILS else ""


def _find_encoded(part: Mapping[str, Any]) -> tuple[str, str | None]:
    kind = part.get("type")
    inner = part.get(str(kind))
    held: Mapping[str, Any] = inner if isinstance(inner, Mapping) else {}
    if kind == "input_audio":
        return "", str(held.get("data", ""))
    if kind == "image_url":
        return "", _read_data_url(held.get("url"))
    if kind == "file" and "file_data" in held:
        return str(held.get("filename") or "file.pdf"), _read_data_url(held["file_data"]) or str(held["file_data"])
    return "", None


def _read_data_url(url: object) -> str | None:
    found = _DATA_URL.match(url) if isinstance(url, str) else None
    return url[found.end() :] if found and isinstance(url, str) else None
