"""The part of a session's handle that reads: the replies at its paths, its steps, its sums."""

from __future__ import annotations

from collections.abc import Iterator

from heliconemagic.cards import build_reply
from heliconemagic.errors import UnknownPathError
from heliconemagic.paths import join_paths
from heliconemagic.python.base_handle import BaseHandle
from heliconemagic.python.reading import find_finished, iterate_finished_paths
from heliconemagic.records import SessionTotals
from heliconemagic.reply import Reply


class ReadingHandle(BaseHandle):
    """What the journal has of the session, whichever process wrote it."""

    def __getitem__(self, path: str) -> Reply:
        """The current reply at ``path``, from the journal: also one that another process wrote.

        Raises:
            UnknownPathError: nothing has finished there.
        """
        place = self._place(path)
        step = find_finished(self._read_session(), place)
        if step is None:
            known = join_paths(self)
            raise UnknownPathError(f"no finished step at {str(place)!r}.", hint=f"paths with one: {known}")
        return build_reply(self._session, step)

    def __contains__(self, path: object) -> bool:
        """Whether a step has finished at ``path``."""
        return path in set(self)

    def __iter__(self) -> Iterator[str]:
        """The paths with a finished step, newest first, as they are written here."""
        prefix = self.prefix
        for path in iterate_finished_paths(self._read_session()):
            if path.startswith(f"{prefix}/"):
                yield path.removeprefix(prefix)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True  # also without steps

    def keys(self) -> list[str]:
        """The paths with a finished step, newest first; so ``dict(session)`` gives all current replies."""
        return list(self)

    @property
    def steps(self) -> list[Reply]:
        """What every step gave, oldest first, the failed and the superseded ones included."""
        session = self._read_session()
        return [
            build_reply(session, step)
            for step in session.steps_by_start
            if f"{step.path}/".startswith(f"{self.prefix}/")
        ]

    @property
    def totals(self) -> SessionTotals:
        """Sums over all steps of the session: steps, errors, seconds, tokens, cost in USD."""
        return self._read_session().totals
