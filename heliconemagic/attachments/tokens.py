"""About how many tokens attachments take, for `--dry-run`, the budget and the demo. Pure.

Images by OpenAI's rule for gpt-4o: scaled to fit 2,048 × 2,048, then to a short side of 768, then 85 tokens and 170
for each tile of 512 × 512 (https://platform.openai.com/docs/guides/images-vision#calculating-costs); gpt-4o-mini
counts 33 times as many, at a price as much lower. Audio: 10 tokens a second
(https://platform.openai.com/docs/guides/realtime-costs). A page of a PDF is sent as its text and as an image: 1,500.
Other providers count otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from heliconemagic.attachments.attachment import Attachment, parse_part
from heliconemagic.attachments.limits import Kind
from heliconemagic.usage import estimate_tokens

LARGEST, SHORT_SIDE, TILE = 2048, 768, 512
BASE_TOKENS, TILE_TOKENS = 85, 170
TOKENS_PER_SECOND = 10
TOKENS_PER_PAGE = 1_500
_BYTES_PER_TOKEN = 4  # of text


def estimate_image_tokens(width: int, height: int) -> int:
    """Tokens of an image; of the usual largest one where its size is unknown.

    >>> estimate_image_tokens(1024, 1024), estimate_image_tokens(2048, 4096), estimate_image_tokens(200, 100)
    (765, 1105, 255)
    """
    if not width or not height:
        return BASE_TOKENS + 6 * TILE_TOKENS
    fitted = min(1.0, LARGEST / max(width, height))
    shrunk = fitted * min(1.0, SHORT_SIDE / (fitted * min(width, height)))
    tiles = math.ceil(width * shrunk / TILE - 1e-9) * math.ceil(height * shrunk / TILE - 1e-9)
    return BASE_TOKENS + TILE_TOKENS * tiles


def estimate_attachment_tokens(attachment: Attachment) -> int:
    """Tokens of one attachment."""
    match attachment.kind:
        case Kind.IMAGE:
            is_coarse = attachment.detail == "low"
            return BASE_TOKENS if is_coarse else estimate_image_tokens(attachment.width, attachment.height)
        case Kind.AUDIO:
            return max(1, math.ceil(attachment.seconds * TOKENS_PER_SECOND))
        case Kind.PDF:
            return TOKENS_PER_PAGE * max(1, attachment.pages)
        case _:
            return max(1, attachment.size // _BYTES_PER_TOKEN)


def estimate_content_tokens(content: Any) -> int:
    """Tokens of a message's content, whatever its form."""
    if isinstance(content, list | tuple):
        return sum(_estimate_part_tokens(part) for part in content)
    return estimate_tokens(str(content or ""))


def _estimate_part_tokens(part: Any) -> int:
    attachment = parse_part(part)
    if attachment is not None:
        return estimate_attachment_tokens(attachment)
    if isinstance(part, Mapping) and part.get("type") == "image_url":
        return estimate_image_tokens(0, 0)
    return estimate_tokens(str(part.get("text", "")) if isinstance(part, Mapping) else str(part))
