"""Small files of every kind that can be attached, made by hand, and stand-ins for other libraries' values."""

from __future__ import annotations

import struct
import zlib
from typing import Any


def build_png(width: int = 8, height: int = 4, *, noise: bytes = b"") -> bytes:
    """A grey picture; ``noise`` makes it larger, in a chunk that nobody reads."""
    rows = b"".join(b"\0" + bytes(x * 255 // width for x in range(width)) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    extra = _build_chunk(b"noIs", noise) if noise else b""
    data = _build_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + _build_chunk(b"IHDR", header) + extra + data + _build_chunk(b"IEND", b"")


def _build_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def build_jpeg(width: int = 640, height: int = 480, *, has_place: bool = False) -> bytes:
    """The beginning of a photograph, as far as anything here reads it."""
    tag = 0x8825 if has_place else 0x0112
    tiff = b"II*\0" + struct.pack("<IHHHII", 8, 1, tag, 4, 1, 0)
    exif = b"Exif\0\0" + tiff
    frame = struct.pack(">BHHB", 8, height, width, 3)
    segments = ((0xE1, exif), (0xC0, frame), (0xDA, b""))
    body = b"".join(struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data for marker, data in segments)
    return b"\xff\xd8" + body + b"\xff\xd9"


def build_wav(seconds: int = 3) -> bytes:
    """Silence, 8 bit, 8 kHz."""
    data = b"\x80" * (8000 * seconds)
    form = struct.pack("<HHIIHH", 1, 1, 8000, 8000, 1, 8)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


GIF = b"GIF89a" + struct.pack("<HH", 30, 20) + b"\0\0\0;"
WEBP = b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (99).to_bytes(3, "little") + (49).to_bytes(3, "little")
PDF = b"%PDF-1.4\n1 0 obj <</Type /Pages /Count 2>> endobj\n2 0 obj <</Type /Page>> endobj\n%%EOF"
MP3 = b"ID3\x04" + bytes(31_996)


def build_stand_in(module: str, name: str, **members: Any) -> Any:
    """An object whose class says that it comes from another library."""
    return type(name, (), {"__module__": module, **members})()
