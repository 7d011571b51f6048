"""About how many tokens attachments take, for `--dry-run`, the budget and the demo. Pure.

Images by the rules and figures of https://platform.openai.com/docs/guides/images-vision#calculating-costs: some
models count tiles of 512 × 512 pixels, once an image fits 2,048 × 2,048 and its short side is 768; others patches of
32 × 32 pixels, of which there are no more than 1,536, times a factor. A model that is not named there is taken for
gpt-4o. Audio: 10 tokens a second (https://platform.openai.com/docs/guides/realtime-costs). A page of a PDF is sent as
its text and as an image: 1,500. Other providers count otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from heliconemagic.attachments.attachment import Attachment, parse_part
from heliconemagic.attachments.limits import Kind
from heliconemagic.usage import estimate_tokens

Figure = TypeVar("Figure")

LARGEST, SHORT_SIDE, TILE = 2048, 768, 512
TILE_TOKENS = {
    "gpt-4o-mini": (2833, 5667), "gpt-4o": (85, 170), "gpt-4.1": (85, 170), "gpt-4.5": (85, 170),
    "gpt-5": (70, 140), "o1": (75, 150), "o3": (75, 150),
}  # fmt: skip
"""Tokens of any image, and of each tile, by the beginning of a model's name."""
PATCH, MOST_PATCHES = 32, 1536
PATCH_FACTORS = {
    "gpt-4.1-mini": 1.62, "gpt-4.1-nano": 2.46, "gpt-5-mini": 1.62, "gpt-5-nano": 2.46, "o4-mini": 1.72,
}  # fmt: skip
TOKENS_PER_SECOND = 10
TOKENS_PER_PAGE = 1_500
_UNKNOWN_SIZE = (2048, 4096)  # of an image behind an address: as many tiles as most images have at most
_BYTES_PER_TOKEN = 4  # of text


def estimate_image_tokens(width: int, height: int, model: str = "", *, is_coarse: bool = False) -> int:
    """Tokens of an image for ``model``; 0 × 0: its size is unknown. A coarse one is looked at as a whole only.

    >>> estimate_image_tokens(1024, 1024), estimate_image_tokens(2048, 4096), estimate_image_tokens(200, 100)
    (765, 1105, 255)
    >>> estimate_image_tokens(1024, 1024, "openai/gpt-4o-mini"), estimate_image_tokens(1024, 1024, "gpt-4.1-mini")
    (25501, 1659)
    """
    name = model.rpartition("/")[2]
    sides = (width, height) if width and height else _UNKNOWN_SIZE
    factor = _find_longest(PATCH_FACTORS, name)
    if factor is not None:
        return math.ceil(factor * min(MOST_PATCHES, math.ceil(sides[0] / PATCH) * math.ceil(sides[1] / PATCH)))
    base, each = _find_longest(TILE_TOKENS, name) or TILE_TOKENS["gpt-4o"]
    return base if is_coarse else base + each * _count_tiles(*sides)


def _count_tiles(width: int, height: int) -> int:
    fitted = min(1.0, LARGEST / max(width, height))
    shrunk = fitted * min(1.0, SHORT_SIDE / (fitted * min(width, height)))
    return math.ceil(width * shrunk / TILE - 1e-9) * math.ceil(height * shrunk / TILE - 1e-9)


def _find_longest(table: Mapping[str, Figure], name: str) -> Figure | None:
    """The entry with the longest key that ``name`` begins with."""
    fitting = [key for key in table if name.startswith(key)]
    return table[max(fitting, key=len)] if fitting else None


def estimate_attachment_tokens(attachment: Attachment, model: str = "") -> int:
    """Tokens of one attachment for ``model``."""
    match attachment.kind:
        case Kind.IMAGE:
            is_coarse = attachment.detail == "low"
            return estimate_image_tokens(attachment.width, attachment.height, model, is_coarse=is_coarse)
        case Kind.AUDIO:
            return max(1, math.ceil(attachment.seconds * TOKENS_PER_SECOND))
        case Kind.PDF:
            return TOKENS_PER_PAGE * max(1, attachment.pages)
        case _:
            return max(1, attachment.size // _BYTES_PER_TOKEN)


def estimate_content_tokens(content: Any, model: str = "") -> int:
    """Tokens of a message's content for ``model``, whatever its form."""
    if isinstance(content, list | tuple):
        return sum(_estimate_part_tokens(part, model) for part in content)
    return estimate_tokens(str(content or ""))


def _estimate_part_tokens(part: Any, model: str) -> int:
    attachment = parse_part(part)
    if attachment is not None:
        return estimate_attachment_tokens(attachment, model)
    if isinstance(part, Mapping) and part.get("type") == "image_url":
        return estimate_image_tokens(0, 0, model)
    return estimate_tokens(str(part.get("text", "")) if isinstance(part, Mapping) else str(part))
