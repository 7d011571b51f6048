"""Traced steps from their beginning to the journal and to Helicone.

Each is on record before it runs. Recording never makes what runs fail: the journal and the outbox raise nothing.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from heliconemagic.gateways.choice import Gateway
from heliconemagic.notebook.access import Access
from heliconemagic.notebook.deliveries import Deliveries
from heliconemagic.notebook.steps import Steps
from heliconemagic.records import Cell, Step, StepStatus
from heliconemagic.redaction import Redactor
from heliconemagic.session_state import Session
from heliconemagic.steps.inside import Around, begin_around, find_around, use_around
from heliconemagic.steps.raised import describe_error, find_place
from heliconemagic.steps.rounds import HERE
from heliconemagic.steps.traced import TracedForm, is_traced
from heliconemagic.tools.results import shorten_error


class TracedSteps:
    """Opens traced steps; what they give is told to whoever opened them."""

    def __init__(
        self, steps: Steps, access: Access, deliveries: Deliveries, clock: Callable[[], float], *, is_aside: bool
    ) -> None:
        self._steps = steps
        self._access = access
        self._deliveries = deliveries
        self._clock = clock
        self._is_aside = is_aside
        self._replaced = _Replaced()

    def open(self, session: Session, form: TracedForm, cell: Cell) -> OpenStep:
        """Puts a step on record, before anything of it happens."""
        options = session.options
        step = Step(
            id=str(uuid.uuid4()),
            session_id=session.record.id,
            path=form.path,
            kind=form.kind,
            gateway=HERE,
            model=form.model,
            messages=(),
            input=form.input,
            user=options.user or "",
            properties={name.lower(): value for name, value in options.properties.items()},
            cell=cell.id,
            run=cell.run,
            parent_id=form.parent_id,
            is_aside=self._is_aside,
            is_recorded=form.is_recorded,
            started_at=self._clock(),
        )
        self._steps.put(session, step)
        # What it took to record it is not its own time.
        around = Around(step.id, step.path, find_around(session.record.id), form.function)
        return OpenStep(self, session, replace(step, started_at=self._clock()), around, self._clock)

    def find_redactor(self) -> Redactor:
        """What takes keys out of what goes on record; to be asked for with each value, and then kept for all of it."""
        return self._access.find_redactor()

    def finish(self, session: Session, step: Step) -> Step:
        """Takes an ended step into session and journal, and tells Helicone of it."""
        self._steps.put(session, step)
        if step.status is StepStatus.DONE and step.cell:
            self._steps.supersede(session, self._replaced.take(session, step))
        self.tell(session, step, session.choice.gateway)
        return step

    def tell(self, session: Session, step: Step, gateway: Gateway) -> None:
        """Tells Helicone of an ended step, if ``gateway`` is Helicone's."""
        self._deliveries.send(session, step, gateway)


_STOPS = (KeyboardInterrupt, asyncio.CancelledError, GeneratorExit)
"""What is raised in code that is to go no further; the last one in a coroutine that nobody awaits any more."""


class OpenStep:
    """A traced step that runs. It ends once: what comes later is ignored."""

    def __init__(
        self, traced: TracedSteps, session: Session, step: Step, around: Around, clock: Callable[[], float]
    ) -> None:
        self.step = step
        self._around = around
        self._traced = traced
        self._session = session
        self._clock = clock

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return self.step.status is StepStatus.PENDING

    def use(self) -> AbstractContextManager[None]:
        """A context in which traced steps that begin are inside this one."""
        return use_around(self._session.record.id, self._around)

    def stay(self) -> None:
        """Traced steps that begin are inside this one from here on, until it ends."""
        begin_around(self._session.record.id, self._around)

    def put_input(self, text: str) -> None:
        """What it was given after all, as JSON."""
        self.step = replace(self.step, input=text)

    def note_first_piece(self) -> None:
        """Something came out of it."""
        if self.step.first_token_at is None:
            self.step = replace(self.step, first_token_at=self._clock())

    def end(self, *, text: str = "", error: BaseException | None = None) -> Step:
        """Ends it with what it gave, or with what it raised."""
        if not self.is_open:
            return self.step
        self._around.is_over = True
        status, said = StepStatus.DONE, None
        if error is not None:
            is_stopped = isinstance(error, _STOPS)
            status, said = (StepStatus.INTERRUPTED, None) if is_stopped else (StepStatus.FAILED, self._describe(error))
        ended = replace(self.step, status=status, ended_at=self._clock(), text=text, error=said)
        self.step = self._traced.finish(self._session, ended)
        return self.step

    def _describe(self, error: BaseException) -> str:
        said = shorten_error(self._traced.find_redactor().redact_lookalikes(describe_error(error)))
        return "\n".join(part for part in (said, find_place(error)) if part)


class _Replaced:
    """Which steps a cell's new run takes the place of: those of its earlier runs, at the same path.

    A cell may make thousands of steps: the session is searched once for each run, not for each step.
    """

    def __init__(self) -> None:
        self._key: tuple[str, str, int] | None = None
        self._by_path: dict[str, list[str]] = {}

    def take(self, session: Session, step: Step) -> list[str]:
        """The ids that ``step``, which has finished, replaces; each is given once."""
        key = (session.record.id, step.cell, step.run)
        if key != self._key:
            self._key, self._by_path = key, _find_earlier(session, step)
        return self._by_path.pop(step.path, [])


def _find_earlier(session: Session, step: Step) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for old in session.steps:
        if old.cell == step.cell and old.run < step.run and is_traced(old) and not old.is_superseded:
            found[old.path].append(old.id)
    return found
