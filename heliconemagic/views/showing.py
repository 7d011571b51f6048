"""``show`` displays that later steps update in place."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

MIN_SECONDS = 0.25
"""At most four updates a second."""
SHARE = 20
"""A session so long that its picture takes time to build is updated less often: a twentieth of the time."""


class SessionShow:
    """The last ``show`` of the session, kept up to date until another takes its place."""

    def __init__(self, publish: Callable[..., None], clock: Callable[[], float]) -> None:
        self._publish = publish
        self._clock = clock
        self._build: Callable[[], dict[str, Any]] | None = None
        self._display_id = ""
        self._last = 0.0
        self._seconds = 0.0  # that the last update took to build
        self._is_behind = False

    def open(self, build: Callable[[], dict[str, Any]], *, grows: bool = True) -> None:
        """Shows what ``build`` gives, and remembers it for updates if it ``grows``."""
        if not grows:
            self._publish(build())
            return
        self._build, self._display_id = build, f"heliconemagic-show-{uuid.uuid4()}"
        self._draw(build, update=False)

    def close(self) -> None:
        """No more updates: the session is another."""
        self._build = None

    def refresh(self, *, is_final: bool = False) -> None:
        """Shows the newest state; not yet if the last update was just now, unless it is the final one."""
        if self._build is None:
            return
        if not is_final and self._clock() - self._last < max(MIN_SECONDS, SHARE * self._seconds):
            self._is_behind = True
            return
        self._draw(self._build, update=True)

    def _draw(self, build: Callable[[], dict[str, Any]], *, update: bool) -> None:
        begun = self._clock()
        self._is_behind = False
        self._publish(build(), display_id=self._display_id, update=update)
        self._last = self._clock()
        self._seconds = self._last - begun

    def fall_behind(self) -> None:
        """Something has changed, but not on the thread that may display it: `catch_up` will."""
        self._is_behind = self._build is not None

    def catch_up(self) -> None:
        """Shows what a refused `refresh` left out."""
        if self._is_behind:
            self.refresh(is_final=True)
