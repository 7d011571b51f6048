"""Small pictures of attached images for their cards.

Pillow is never imported here: where the notebook has it loaded (matplotlib loads it, too) it makes the picture
small; else an image that is small enough is its own thumbnail, and a larger one has none.
"""

from __future__ import annotations

import base64
import io
import sys
from typing import Any

from heliconemagic.attachments import media
from heliconemagic.attachments.attachment import MOST_THUMBNAIL
from heliconemagic.attachments.limits import Kind
from heliconemagic.attachments.measures import measure

SIZE = (240, 160)  # pixels: it is shown at half of that, sharp on fine screens too
_QUALITIES = (80, 60, 40, 20)  # of JPEG, until it is small enough
_MOST_PIXELS = 40_000_000


def build_thumbnail(data: bytes, form: media.Format) -> str:
    """A data URL of at most `MOST_THUMBNAIL` characters for an image; empty if none can be made."""
    if form.kind is not Kind.IMAGE:
        return ""
    if len(data) <= MOST_THUMBNAIL and len(url := _encode(form.media_type, data)) <= MOST_THUMBNAIL:
        return url
    measures = measure(data, form)
    pillow = sys.modules.get("PIL.Image")
    if pillow is None or not 0 < measures.width * measures.height <= _MOST_PIXELS:
        return ""
    try:
        return _shrink(pillow, data)
    except (OSError, ValueError, SyntaxError):  # a broken image, in the ways that Pillow says so
        return ""


def _shrink(pillow: Any, data: bytes) -> str:
    with pillow.open(io.BytesIO(data)) as image:
        image.draft("RGB", SIZE)  # a JPEG is decoded small at once
        small = image.convert("RGBA") if image.mode in ("1", "P") else image.copy()  # palettes cannot be averaged
    small.thumbnail(SIZE)
    small = small.convert("RGBA")
    page = pillow.new("RGBA", small.size, "white")
    page.alpha_composite(small)
    opaque = page.convert("RGB")
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        opaque.save(buffer, format="JPEG", quality=quality)
        url = _encode(media.JPEG.media_type, buffer.getvalue())
        if len(url) <= MOST_THUMBNAIL:
            return url
    return ""


def _encode(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
