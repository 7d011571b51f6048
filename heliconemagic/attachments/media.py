"""What bytes are, by their first bytes and not by a file's name. Pure.

Knows what chat completions take (PNG, JPEG, WEBP, GIF, PDF, WAV, MP3, text) and, to name them in an error,
the formats that people try instead.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import NamedTuple

from heliconemagic.attachments.limits import Kind


class Format(NamedTuple):
    """One format that can be sent."""

    name: str
    media_type: str
    kind: Kind
    suffix: str  # of a value that has no file's name


PNG = Format("PNG", "image/png", Kind.IMAGE, ".png")
JPEG = Format("JPEG", "image/jpeg", Kind.IMAGE, ".jpg")
GIF = Format("GIF", "image/gif", Kind.IMAGE, ".gif")
WEBP = Format("WEBP", "image/webp", Kind.IMAGE, ".webp")
PDF = Format("PDF", "application/pdf", Kind.PDF, ".pdf")
WAV = Format("WAV", "audio/wav", Kind.AUDIO, ".wav")
MP3 = Format("MP3", "audio/mpeg", Kind.AUDIO, ".mp3")
TEXT = Format("text", "text/plain", Kind.TEXT, ".txt")
FORMATS = (PNG, JPEG, GIF, WEBP, PDF, WAV, MP3, TEXT)
BY_MEDIA_TYPE = {form.media_type: form for form in FORMATS}
SUFFIXES = {
    ".png": PNG, ".jpg": JPEG, ".jpeg": JPEG, ".gif": GIF, ".webp": WEBP, ".pdf": PDF, ".wav": WAV, ".mp3": MP3,
}  # fmt: skip
"""What a suffix promises; any other promises nothing."""

_SIGNATURES = (
    (rb"\x89PNG\r\n\x1a\n", PNG),
    (rb"\xff\xd8\xff", JPEG),
    (rb"GIF8[79]a", GIF),
    (rb"RIFF....WEBP", WEBP),
    (rb"\s{0,1024}%PDF-", PDF),
    (rb"RIFF....WAVE", WAV),
    (rb"ID3[\x02-\x04]|\xff[\xfb\xfa\xf3\xf2]", MP3),  # tagged, or the first frame of layer III
)
_TO_IMAGE = "convert it to PNG or JPEG"
_TO_AUDIO = "convert it to WAV or MP3"
_REFUSED = (
    (rb"....ftyp(?:heic|heix|hevc|mif1|msf1)", "a HEIC image", _TO_IMAGE),
    (rb"....ftypavif", "an AVIF image", _TO_IMAGE),
    (rb"....ftypM4A", "an M4A recording", _TO_AUDIO),
    (rb"....ftyp", "a video (MP4)", "attach single frames, as PNG or JPEG"),
    (rb"II\*\x00|MM\x00\*", "a TIFF image", _TO_IMAGE),
    (rb"BM....\x00\x00\x00\x00", "a BMP image", _TO_IMAGE),
    (rb"\x00\x00\x01\x00", "an icon (ICO)", _TO_IMAGE),
    (rb"OggS", "an Ogg recording", _TO_AUDIO),
    (rb"fLaC", "a FLAC recording", _TO_AUDIO),
    (rb"\xff[\xf1\xf9]", "an AAC recording", _TO_AUDIO),
    (rb"PK\x03\x04", "a ZIP archive, as Office documents are", "save it as PDF or text, or unpack it"),
    (rb"\x1f\x8b|BZh[1-9]1AY|\xfd7zXZ|7z\xbc\xaf", "packed", "unpack it first"),
    (rb"PAR1", "a Parquet file", "read it with pandas and attach the DataFrame"),
    (rb"\x89HDF", "an HDF5 file", "read it in a cell and attach a table or a figure of it"),
    (rb"SQLite format 3\x00", "a database", "query it in a cell and attach the result"),
    (rb"\x80[\x02-\x05]", "a pickle", "load it in a cell and attach the value"),
    (rb"\xd0\xcf\x11\xe0", "an old Office document", "save it as PDF or text"),
)
_UNREADABLE = "[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]"
"""Controls that no text has: but for tabs, line and page ends, and the escape of coloured logs."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A format that cannot be sent: what it is, and what to do about it."""

    what: str
    hint: str


def find_format(data: bytes) -> Format | Refusal:
    """The format of ``data``.

    >>> find_format(b"%PDF-1.7").name, find_format("Grüße".encode()).name, find_format(b"PK\\x03\\x04").what
    ('PDF', 'text', 'a ZIP archive, as Office documents are')
    """
    for signature, form in _SIGNATURES:
        if re.match(signature, data, re.DOTALL):
            return form
    for signature, what, hint in _REFUSED:
        if re.match(signature, data, re.DOTALL):
            return Refusal(what, hint)
    if decode_text(data) is not None:
        return TEXT
    return Refusal("of an unknown type", "attach an image (PNG, JPEG, WEBP, GIF), a PDF, WAV, MP3 or text in UTF-8")


def decode_text(data: bytes) -> str | None:
    """The text in UTF-8, or in what its byte order mark says; None if it is none."""
    try:
        text = data.decode(_find_encoding(data))
    except UnicodeDecodeError:
        return None
    return None if re.search(_UNREADABLE, text) else text


def _find_encoding(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
