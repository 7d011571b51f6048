"""The steps so far as the rows of a batch see them: looked up, not searched, for there may be thousands of rows.

Every row is placed as if it were the cell's only step: rows don't see each other, nor those of the
cell's earlier runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import cached_property

from heliconemagic.paths import SessionPath
from heliconemagic.planning.history import Kept, search_replies
from heliconemagic.planning.keeping import FindReply
from heliconemagic.records import Step, StepStatus
from heliconemagic.session_state import Session
from heliconemagic.settings import Context
from heliconemagic.steps.comparison import find_alternatives
from heliconemagic.steps.conversation import (
    FIRST_PATH,
    Place,
    Wish,
    build_chain,
    build_nothing_to_continue,
    describe_parent,
    find_after,
)
from heliconemagic.steps.tree import find_stale


class RowHistory:
    """A session's steps when a batch begins; a `heliconemagic.planning.history.History`.

    With ``is_anew`` no answer is kept.
    """

    def __init__(self, session: Session, cell: str, *, is_anew: bool = False) -> None:
        self._began_at = session.spent
        self._session = session
        self._cell = cell
        self._read_steps()
        self._answered: dict[tuple[str, str], deque[Step]] = {}
        for step in () if is_anew else self._standing:
            if step.is_aside and step.status is StepStatus.DONE:
                self._answered.setdefault((step.path, step.fingerprint), deque()).append(step)

    def _read_steps(self) -> None:
        steps, running = self._session.steps, self._session.running
        self._steps = steps
        self._by_id = {step.id: step for step in steps}
        self._chains: dict[str, Sequence[Step]] = {}
        self._standing = [step for step in steps if not step.is_superseded]
        self.own = [step for step in self._standing if step.cell == self._cell]
        left_out = find_alternatives(self._standing)
        others = (step for step in self._standing if step.cell != self._cell and step.id not in left_out)
        self._others = [step for step in others if step.is_usable_parent or step.id in running]
        self._current = {step.path: step for step in self._others}  # the newest of each path
        self._newest = {(step.cell, step.path): step for step in self._others} | {
            (step.cell, ""): step for step in self._others
        }
        self._last = self._find_last()

    @property
    def spent(self) -> float:
        """USD that the session had cost when the batch began; what its own rows cost is the queue's to know."""
        return self._began_at

    def find_place(self, wish: Wish) -> Place:
        """Where a row stands: its path, and what it continues, which may run in the background until now.

        Raises:
            InputError: ``--after`` names a path without a usable step, or ``-c`` has nothing to continue.
        """
        place = self._find_place(wish)
        if place.parent is None or place.parent.id not in self._session.running:
            return place
        self._session.wait_for(place.parent.id)
        self._read_steps()
        return self._find_place(wish)

    def _find_place(self, wish: Wish) -> Place:
        path = wish.path or SessionPath(self._last.path if self._last else FIRST_PATH)
        parent = self._find_parent(path, wish)
        return Place(path=path, parent=parent, label=describe_parent(parent, path, wish))

    def _find_parent(self, path: SessionPath, wish: Wish) -> Step | None:
        if wish.is_fresh:
            return None
        if wish.after is not None:
            return self._current.get(wish.after) or find_after(self._others, wish.after)
        if wish.continues and self._last is None:
            raise build_nothing_to_continue()
        if wish.context is Context.NONE and not wish.continues:
            return None
        if wish.continues or wish.context is Context.CHAT or (wish.path is None and wish.context is Context.AUTO):
            return self._last
        nearest = next((self._current[above] for above in path.ancestors() if above in self._current), None)
        if wish.context is Context.PATH:
            return nearest
        if path in self._current:
            return self._find_newest_version(self._current[path].parent_id)
        return nearest or self._last

    def _find_last(self) -> Step | None:
        """The step that ran last; for a cell that runs again, the one it continued before, in its newest version."""
        for step in reversed(self.own):
            parent = self._by_id.get(step.parent_id or "")
            if parent is None or not step.path.startswith(f"{parent.path}/"):
                return self._find_newest_version(step.parent_id)
        return next((step for step in reversed(self._others) if not step.is_aside), None)

    def _find_newest_version(self, step_id: str | None) -> Step | None:
        old = self._by_id.get(step_id or "")
        if old is None:
            return None
        return self._newest.get((old.cell, old.path)) or self._newest.get((old.cell, ""))

    def build_chain(self, parent: Step | None) -> Sequence[Step]:
        """The steps whose turns are sent, oldest first, ending with ``parent``; few rows have another one."""
        key = parent.id if parent else ""
        if key not in self._chains:
            self._chains[key] = build_chain(self._steps, parent)
        return self._chains[key]

    def is_stale(self, step: Step) -> bool:
        """Whether ``step`` continues a superseded one."""
        return step.id in self._stale

    @cached_property
    def _stale(self) -> set[str]:
        return find_stale(self._steps)

    def find_kept(self, step: Step, *, keep: bool | None, find_reply: FindReply) -> Kept:
        """The answer of an earlier row at this path to the very same request; each stands for one row only.

        Under --keep that of any session, else.
        """
        found = self._answered.get((step.path, step.fingerprint))
        if found and keep is not False:
            return found.popleft(), ()
        return search_replies(lambda: find_reply(step.fingerprint)) if keep else (None, ())
