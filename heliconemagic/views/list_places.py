"""Which step a place of a list box stands for. Knows no widgets.

The page tells of a click by the place alone, and it may have been on a list that the kernel has changed since. So a
place stands for nothing else for a while: a list with other lines begins further down, below blank ones.
"""

from __future__ import annotations

from collections.abc import Sequence

MOST_BLANKS = 800
"""Of eight full lists: at four updates a second, a click may be two seconds late."""


class ListPlaces:
    """The lines of a list box, now and a moment ago, by their places."""

    def __init__(self) -> None:
        self._keys: dict[int, str] = {}
        self._first = self._end = 0

    def put(self, keys: Sequence[str]) -> int:
        """Takes the keys of the lines as they are now; gives the place of the first of them."""
        if any(self._keys.get(place, key) != key for place, key in enumerate(keys, self._first)):
            self._first = self._end if self._end <= MOST_BLANKS else 0
            for place in range(self._first, self._first + len(keys)):
                self._keys.pop(place, None)
            self._end = self._first
        self._keys.update(enumerate(keys, self._first))
        self._end = max(self._end, self._first + len(keys))
        return self._first

    @property
    def count(self) -> int:
        """The places that stand for something: a list with fewer would refuse a late click."""
        return max(self._keys, default=-1) + 1

    def find(self, place: int | None) -> str | None:
        """The key of the line that stands there, or stood there when it was clicked."""
        return None if place is None else self._keys.get(place)
