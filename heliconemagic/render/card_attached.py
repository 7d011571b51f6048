"""What was attached to a step, as its card shows it: a small picture where there is one, and always the words.

The only pictures in anything that is shown: thumbnails that were made here, in data URLs of their own bytes.
Pictures in a model's answer stay links.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from heliconemagic.attachments.attachment import Attachment, list_attachments
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
    for attachment in _list_own(step):
        room -= len(attachment.thumbnail)
        picture = _build_picture(attachment) if attachment.thumbnail and room >= 0 else ""
        yield f"<li>{picture}<strong>{escape(attachment.name)}</strong> {escape(attachment.describe())}</li>"
    for address in _list_addresses(step):
        yield f"<li>{build_link(address, address) or escape(address)} (fetched by the provider)</li>"


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
    return [*(attachment.describe_named() for attachment in _list_own(step)), *_list_addresses(step)]


def _list_own(step: Step) -> list[Attachment]:
    return list_attachments(step.turn[0]) if step.messages else []


def _list_addresses(step: Step) -> list[str]:
    """The addresses of images that the provider fetches."""
    content = step.turn[0].get("content") if step.messages else None
    parts = content if isinstance(content, list | tuple) else ()
    pictures = [part.get("image_url") for part in parts if isinstance(part, Mapping)]
    return [str(held["url"]) for held in pictures if isinstance(held, Mapping) and "url" in held]
