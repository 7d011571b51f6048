"""How large an image is in pixels, a recording in seconds, a PDF in pages, read from their own bytes. Pure.

Nothing is decoded: headers are looked at, and what is broken has no measure.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from heliconemagic.attachments import media

_MP3_BYTES_PER_SECOND = 16_000  # at 128 kbit/s, the most usual rate


class Measures(NamedTuple):
    """What is known of something's size besides its bytes; 0: nothing."""

    width: int = 0  # pixels
    height: int = 0
    seconds: float = 0.0
    pages: int = 0


def measure(data: bytes, form: media.Format) -> Measures:
    """The measures of ``data``, which is of format ``form``; empty where they cannot be read."""
    read = _READERS.get(form)
    try:
        return read(data) if read else Measures()
    except (struct.error, IndexError, ValueError):
        return Measures()


def _measure_png(data: bytes) -> Measures:
    return Measures(*struct.unpack(">II", data[16:24]))


def _measure_gif(data: bytes) -> Measures:
    return Measures(*struct.unpack("<HH", data[6:10]))


def _measure_webp(data: bytes) -> Measures:
    """By the first chunk: lossy, lossless, or extended (https://developers.google.com/speed/webp/docs/riff_container)."""
    chunk = data[12:16]
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return Measures(width & 0x3FFF, height & 0x3FFF)
    if chunk == b"VP8L":
        (bits,) = struct.unpack("<I", data[21:25])
        return Measures((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    return Measures(int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)


_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the markers of a JPEG that begin a picture


def _measure_jpeg(data: bytes) -> Measures:
    for marker, content in _iterate_jpeg(data):
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", content[1:5])
            return Measures(width, height)
    return Measures()


def _iterate_jpeg(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The segments before the picture itself: marker and content."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # padding
            position += 1
            continue
        (length,) = struct.unpack(">H", data[position + 2 : position + 4])
        yield marker, data[position + 4 : position + 2 + length]
        if marker == 0xDA or length < 2:
            return
        position += 2 + length


def has_place(data: bytes) -> bool:
    """Whether a JPEG's EXIF data say where it was taken (https://exiftool.org/TagNames/EXIF.html: 0x8825)."""
    if not data.startswith(b"\xff\xd8"):
        return False
    try:
        return any(
            marker == 0xE1 and content.startswith(b"Exif\0\0") and 0x8825 in _read_tags(content[6:])
            for marker, content in _iterate_jpeg(data)
        )
    except struct.error:
        return False


def _read_tags(tiff: bytes) -> set[int]:
    """The tags of the first directory of a TIFF."""
    order = "<" if tiff.startswith(b"II") else ">"
    (start,) = struct.unpack(order + "I", tiff[4:8])
    (count,) = struct.unpack(order + "H", tiff[start : start + 2])
    return {
        struct.unpack(order + "H", tiff[place : place + 2])[0]
        for place in range(start + 2, start + 2 + 12 * min(count, 200), 12)
    }


def _measure_wav(data: bytes) -> Measures:
    """By the bytes a second that its format chunk names."""
    position = data.find(b"fmt ", 12)
    (rate,) = struct.unpack("<I", data[position + 16 : position + 20])
    return Measures(seconds=len(data) / rate) if position > 0 and rate else Measures()


def _measure_mp3(data: bytes) -> Measures:
    return Measures(seconds=len(data) / _MP3_BYTES_PER_SECOND)


_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_PAGE_COUNT = re.compile(rb"/Count\s+(\d{1,6})")


def _measure_pdf(data: bytes) -> Measures:
    """Its page objects, or what its page tree counts; neither is seen in a PDF that packs them."""
    counted = max((int(found[1]) for found in _PAGE_COUNT.finditer(data)), default=0)
    return Measures(pages=max(counted, sum(1 for _ in _PAGE.finditer(data))))


_READERS: dict[media.Format, Callable[[bytes], Measures]] = {
    media.PNG: _measure_png,
    media.JPEG: _measure_jpeg,
    media.GIF: _measure_gif,
    media.WEBP: _measure_webp,
    media.WAV: _measure_wav,
    media.MP3: _measure_mp3,
    media.PDF: _measure_pdf,
}
