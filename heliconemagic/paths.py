"""Session paths: where a step stands in the flow (``/outline/lesson-1``).

Knows the normal form that Helicone's dashboard draws well; knows nothing of steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from heliconemagic.errors import InputError
from heliconemagic.wire_text import check_header_value

MAX_PATH_LENGTH = 512
MOST_LISTED = 20
"""Paths in a hint: a session may have thousands."""


class SessionPath(str):
    """A normalised path: one leading slash, no empty segment, no trailing slash; case matters.

    Build it with `parse`; the constructor trusts its argument.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> SessionPath:
        """The normal form of ``text``.

        >>> SessionPath.parse("//outline//lesson-1/")
        '/outline/lesson-1'

        Raises:
            InputError: no leading slash, no segment, or characters that a header cannot carry.
        """
        if not text.startswith("/"):
            raise InputError(f"{text!r} is not a path: paths start with a slash.", hint=f"type /{text.strip()}")
        segments = [segment for segment in text.split("/") if segment]
        if not segments:
            raise InputError(f"{text!r} names no step.", hint="give the step a name, as in /abstract")
        for segment in segments:
            if segment != segment.strip():
                instead = "/" + "/".join(part.strip() for part in segments if part.strip())
                hint = f'type "{instead}"' if " " in instead else f"type {instead}"
                raise InputError(f"the path {text!r} has blanks beside a slash.", hint=hint)
        return cls(check_header_value("path", "/" + "/".join(segments), max_length=MAX_PATH_LENGTH))

    @property
    def segments(self) -> tuple[str, ...]:
        """The names between the slashes."""
        return tuple(self[1:].split("/"))

    def ancestors(self) -> Iterator[SessionPath]:
        """The paths above this one, nearest first.

        >>> list(SessionPath("/a/b/c").ancestors())
        ['/a/b', '/a']
        """
        segments = self.segments
        for end in range(len(segments) - 1, 0, -1):
            yield SessionPath("/" + "/".join(segments[:end]))


def join_paths(paths: Iterable[str]) -> str:
    """What a hint says of the paths there are: the first of them, and how many more.

    >>> join_paths(["/b", "/a"])
    '/b, /a'
    """
    known = list(paths)
    more = f" and {len(known) - MOST_LISTED:,} more" if len(known) > MOST_LISTED else ""
    return ", ".join(known[:MOST_LISTED]) + more or "none yet"
