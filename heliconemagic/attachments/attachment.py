"""One attachment as messages, cards and the journal know it: by hash, name, type and size, without its bytes.

In a recorded message it is a content part of a type of its own, ``{"type": "attachment", "sha256": …}``, small
enough to be stored with every turn; `heliconemagic.attachments.wire` makes the API's own part of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from heliconemagic.attachments import media
from heliconemagic.attachments.limits import Kind, format_size
from heliconemagic.attachments.measures import Measures, measure
from heliconemagic.records import Message

PART_TYPE = "attachment"
DETAILS = ("low", "high", "original")
"""How closely a model may be asked to look at an image; else it is ``auto``."""
MOST_THUMBNAIL = 14_000
"""Characters of a thumbnail's data URL: about 10 kB of picture."""

_HASH = re.compile(r"[0-9a-f]{64}")
_THUMBNAIL = re.compile(r"data:image/(?:png|jpeg|webp|gif);base64,[A-Za-z0-9+/]+={0,2}")
_NUMBERS = ("size", "width", "height", "seconds", "pages")
_MOST = 1e12
_SENT_WITH_NAME = (Kind.PDF, Kind.TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """What is known of something attached. Sizes are in bytes, pixels, seconds and pages; 0: not known."""

    sha256: str  # of its bytes, hexadecimal
    media_type: str
    name: str  # a file's name without its folders, or one made from the variable's
    size: int
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    pages: int = 0
    path: str = ""  # of a file below the notebook's folder, from there
    detail: str = ""  # one of `DETAILS`, for an image that came with one
    thumbnail: str = ""  # a data URL of an image that a browser may show

    @property
    def form(self) -> media.Format:
        """Its format; text where a newer version has recorded one that is unknown here."""
        return media.BY_MEDIA_TYPE.get(self.media_type, media.TEXT)

    @property
    def kind(self) -> Kind:
        """What it is to a model."""
        return self.form.kind

    @property
    def identity(self) -> dict[str, str]:
        """What a request says of it: the same for requests that are the same on the wire."""
        named = {"name": self.name} if self.kind in _SENT_WITH_NAME else {}
        named |= {"detail": self.detail} if self.detail else {}
        return {"type": PART_TYPE, "sha256": self.sha256, "media_type": self.media_type, **named}

    def build_part(self) -> dict[str, Any]:
        """The content part that stands for it in a message; what is not known is left out."""
        return {"type": PART_TYPE, **{name: value for name, value in asdict(self).items() if value}}

    def describe(self) -> str:
        """Type and size in words: ``PNG 1,200 × 800, 340 kB``."""
        measured = [self.form.name]
        if self.width and self.height:
            measured.append(f"{self.width:,} × {self.height:,}")
        if self.seconds:
            measured.append(f"about {self.seconds:,.0f} s")
        if self.pages:
            measured.append(f"{self.pages:,} page{'' if self.pages == 1 else 's'}")
        return f"{' '.join(measured)}, {format_size(self.size)}"

    def describe_named(self) -> str:
        """The same after its name."""
        return f"{self.name}: {self.describe()}"


def build_attachment(
    data: bytes, form: media.Format, name: str, *, path: str = "", detail: str = "", thumbnail: str = ""
) -> Attachment:
    """The attachment with these bytes."""
    measures: Measures = measure(data, form)
    return Attachment(
        sha256=hashlib.sha256(data).hexdigest(),
        media_type=form.media_type,
        name=name,
        size=len(data),
        path=path,
        detail=detail,
        thumbnail=thumbnail,
        **measures._asdict(),
    )


def parse_part(part: object) -> Attachment | None:
    """The attachment that a content part stands for; None for any other part, and for a damaged one.

    Parts come from the journal and from recordings, so nothing in them is believed: numbers are numbers,
    a thumbnail is one of ours, and a name is a name.
    """
    if not isinstance(part, Mapping) or part.get("type") != PART_TYPE:
        return None
    if not _HASH.fullmatch(str(part.get("sha256"))):
        return None
    numbers = {name: part[name] for name in _NUMBERS if _is_number(part.get(name))}
    thumbnail = str(part.get("thumbnail", ""))
    return Attachment(
        sha256=str(part["sha256"]),
        media_type=str(part.get("media_type", media.TEXT.media_type)),
        name=clean_name(str(part.get("name", ""))) or "attachment",
        path=_clean_path(str(part.get("path", ""))),
        detail=str(part["detail"]) if part.get("detail") in DETAILS else "",
        thumbnail=thumbnail if len(thumbnail) <= MOST_THUMBNAIL and _THUMBNAIL.fullmatch(thumbnail) else "",
        **{"size": 0, **numbers},
    )


def _clean_path(path: str) -> str:
    """A path below the notebook's folder; empty for any other."""
    is_below = path.isprintable() and not re.search(r"^[/\\~]|^\w:|(?:^|[/\\])\.\.(?:[/\\]|$)", path)
    return path if is_below else ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MOST


def clean_name(name: str) -> str:
    """The last piece of a file's name, as it may be sent and shown: no folders, no controls, not endless."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(char if char.isprintable() else " " for char in last)
    return " ".join(printable.split())[:120]


def list_attachments(message: Message) -> list[Attachment]:
    """The attachments of one message, in its order."""
    content = message.get("content")
    parts = content if isinstance(content, list | tuple) else ()
    return [found for part in parts if (found := parse_part(part)) is not None]


def iterate_attachments(messages: Iterable[Message]) -> Iterator[Attachment]:
    """The attachments of a conversation."""
    for message in messages:
        yield from list_attachments(message)


def replace_attachments(
    messages: Iterable[Message], build: Callable[[Attachment], Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The messages with what ``build`` makes of each attachment in its place."""

    def change(part: Any) -> Any:
        attachment = parse_part(part)
        return part if attachment is None else build(attachment)

    return [
        {**message, "content": list(map(change, content))}
        if isinstance(content := message.get("content"), list | tuple)
        else dict(message)
        for message in messages
    ]


def identify_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """The messages with each attachment by what is sent of it: what a request is told apart by."""
    return replace_attachments(messages, lambda attachment: attachment.identity)


def drop_thumbnails(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """The messages without the thumbnails, which are for cards alone."""
    return replace_attachments(messages, lambda attachment: replace(attachment, thumbnail="").build_part())
