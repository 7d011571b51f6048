"""What was attached to a step, as its card shows it: a small picture where there is one, and always the words.

The only pictures in anything that is shown: thumbnails that were made here, in data URLs of their own bytes.
Pictures in a model's answer stay links.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from heliconemagic.attachments.attachment import Attachment, parse_part
from heliconemagic.records import Step
from heliconemagic.render.markup import NO_MATH, build_link, escape, escape_markdown
from heliconemagic.render.terminal import make_safe_text

MOST_PICTURES = 64_000
"""Characters of all thumbnails in one card, for a notebook keeps them: those beyond have their words alone."""
_WIDTH, _HEIGHT = 120, 80  # pixels of a picture on the page


def build_attached_html(step: Step) -> str:
    """A list of what the step's own message brought along; empty if nothing."""
    items = "".join(_iterate_items(step))
    return f'<ul class="hm-attached {NO_MATH}">{items}</ul>' if items else ""


def _iterate_items(step: Step) -> Iterator[str]:
    room = MOST_PICTURES
    for found in _list_own(step):
        if isinstance(found, str):
            yield f"<li>{build_link(found, found) or escape(found)} (fetched by the provider)</li>"
            continue
        room -= len(found.thumbnail)
        picture = _build_picture(found) if found.thumbnail and room >= 0 else ""
        yield f"<li>{picture}<strong>{escape(found.name)}</strong> {escape(found.describe())}</li>"


def _build_picture(attachment: Attachment) -> str:
    """The thumbnail; its sides are attributes, which outlive a style sheet."""
    shrink = min(_WIDTH / (attachment.width or _WIDTH), _HEIGHT / (attachment.height or _HEIGHT), 1.0)
    sides = ""
    if attachment.width and attachment.height:
        width, height = round(attachment.width * shrink), round(attachment.height * shrink)
        sides = f' width="{max(width, 1)}" height="{max(height, 1)}"'
    return f'<img src="{escape(attachment.thumbnail)}" alt=""{sides}> '


def build_attached_markdown(step: Step) -> str:
    """The same in words."""
    return "\n".join(f"- attached: {escape_markdown(line)}" for line in describe_attached(step))


def build_attached_text(step: Step) -> str:
    """The same for a terminal."""
    return "\n".join(make_safe_text(f"attached: {line}") for line in describe_attached(step))


def describe_attached(step: Step) -> list[str]:
    """One line for each: name, type and size, or the address."""
    return [found if isinstance(found, str) else found.describe_named() for found in _list_own(step)]


def _list_own(step: Step) -> list[Attachment | str]:
    """What the step's own message brought along, in its order: attachments, and addresses of images."""
    content = step.turn[0].get("content") if step.messages else None
    parts = content if isinstance(content, list | tuple) else ()
    found = (parse_part(part) or _read_address(part) for part in parts)
    return [each for each in found if each]


def _read_address(part: object) -> str:
    """The address of an image that the provider fetches; not one that holds the image."""
    held = part.get("image_url") if isinstance(part, Mapping) else None
    address = str(held.get("url", "")) if isinstance(held, Mapping) else ""
    return "" if address.startswith("data:") else address
