"""How large what is attached may be. Pure.

OpenAI's figures, the smallest that its guides have named, so that what passes here is taken there:
images up to 20 MB each and 50 MB a request in PNG, JPEG, WEBP and non-animated GIF
(https://platform.openai.com/docs/guides/images-vision), PDFs up to 32 MB
(https://platform.openai.com/docs/guides/pdf-files), audio up to 25 MB
(https://platform.openai.com/docs/guides/speech-to-text). Texts have no limit of their own there: 400,000
characters are about 100,000 tokens, which is most of what a model of 128,000 can take in. Others take less
(Anthropic: 5 MB an image); they say so themselves.
"""

from __future__ import annotations

from enum import StrEnum

MEGABYTE = 1_000_000


class Kind(StrEnum):
    """What an attachment is to a model."""

    IMAGE = "image"
    PDF = "PDF"
    AUDIO = "audio"
    TEXT = "text"


MOST_BYTES = {
    Kind.IMAGE: 20 * MEGABYTE,
    Kind.PDF: 32 * MEGABYTE,
    Kind.AUDIO: 25 * MEGABYTE,
    Kind.TEXT: 4 * MEGABYTE,
}
MOST_CHARACTERS = 400_000
MOST_IN_REQUEST = 50 * MEGABYTE
"""Bytes of all attachments of one request, those of earlier turns included."""


def format_size(count: int) -> str:
    """A number of bytes for reading.

    >>> [format_size(count) for count in (812, 340_123, 2_600_000, 20_000_000)]
    ['812 bytes', '340 kB', '2.6 MB', '20 MB']
    """
    if count < 1000:
        return f"{count} bytes"
    if count < MEGABYTE:
        return f"{count / 1000:.0f} kB"
    return f"{count / MEGABYTE:.1f} MB".replace(".0 MB", " MB")
