"""What a cell that compares gives: its replies, in a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.reply import Reply


class Replies(list[Reply]):
    """The replies of a comparison, by their numbers. Shows itself in Jupyter, is ``_`` after the cell.

    ``build_diff`` makes what `diff` gives out of two texts.
    """

    def __init__(
        self,
        replies: Iterable[Reply],
        *,
        build_bundle: Callable[[], dict[str, Any]],
        build_diff: Callable[[str, str], Any],
        is_shown: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(replies)
        self._build_bundle = build_bundle
        self._build_diff = build_diff
        self._is_shown = is_shown

    def diff(self, old: int, new: int) -> Any:
        """What differs between the answers of two numbers, word by word; shows itself.

        Raises:
            InputError: there is no answer of that number.
        """
        return self._build_diff(self._find(old).text, self._find(new).text)

    def _find(self, number: int) -> Reply:
        found = next((reply for reply in self if reply.variant == number), None)
        if found is None:
            known = ", ".join(str(reply.variant) for reply in self)
            raise InputError(f"there is no answer {number!r} here.", hint=f"there are {known}")
        return found

    def __repr__(self) -> str:
        path = self[0].path if self else "nothing"
        listed = ", ".join(f"{reply.variant}: {reply.model}" for reply in self)
        return f"<{len(self)} replies of {path} by {listed}>"

    def _ipython_display_(self) -> None:
        if not self._is_shown():
            raise NotImplementedError  # IPython's way of saying: show it by the other forms

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self._build_bundle()
