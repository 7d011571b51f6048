"""The tool calls of one answer: called on the main thread one after the other, what is async awaited together.

Each is a step of its own, on record before its function runs. Whatever a function raises is told to the model.
"""

from __future__ import annotations

import asyncio
import inspect
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from heliconemagic.engine.following import CANCEL_SECONDS, TICK_SECONDS
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.planning.plan import Plan
from heliconemagic.records import Step, StepKind, StepStatus, ToolCall
from heliconemagic.steps.inside import Around, find_around, use_around
from heliconemagic.steps.raised import describe_error, find_place
from heliconemagic.steps.rounds import HERE, SKIPPED, UNKNOWN_TOOL, build_call_message, build_tool_path, number_calls
from heliconemagic.steps.traced import is_skipped
from heliconemagic.tools.results import build_result_text, shorten_error
from heliconemagic.tools.signatures import ArgumentsError
from heliconemagic.tools.toolbox import Toolbox

DECLINED = "The user declined this call."


class ToolCalls:
    """The calls that one answer asks for. Everything here happens on the thread of the cell."""

    def __init__(self, notebook: Notebook, plan: Plan, asking: Step) -> None:
        assert plan.tools is not None
        self._notebook = notebook
        self._plan = plan
        self._toolbox: Toolbox = plan.tools
        self._asking = asking
        self._steps: dict[str, Step] = {}  # by id, in the order in which they began
        self._waiting: dict[str, Awaitable[Any]] = {}  # what async functions gave, by their steps' ids
        self.is_interrupted = False

    @property
    def calls(self) -> Sequence[ToolCall]:
        """What the model asked for."""
        return number_calls(self._asking)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The calls so far."""
        return tuple(self._steps.values())

    @property
    def is_waiting(self) -> bool:
        """Whether a function gave something that has to be awaited."""
        return bool(self._waiting)

    def describe_running(self) -> str:
        """Which tools run now: ``weather()``."""
        running = [step for step in self.steps if step.status is StepStatus.PENDING]
        return ", ".join(f"{step.model.removeprefix('tool:')}()" for step in running)

    # ---- one call

    def begin(self, call: ToolCall) -> Step:
        """Puts the call on record, before anything of it happens."""
        step = Step(
            id=str(uuid.uuid4()),
            session_id=self._asking.session_id,
            path=build_tool_path(self._asking.path, call.name if self._toolbox.has(call.name) else UNKNOWN_TOOL),
            kind=StepKind.TOOL,
            gateway=HERE,
            model=f"tool:{call.name}",
            messages=(build_call_message([call]),),
            user=self._asking.user,
            properties=self._asking.properties,
            cell=self._asking.cell,
            run=self._asking.run,
            parent_id=self._asking.id,
            is_aside=self._asking.is_aside,
            is_recorded=self._asking.is_recorded,
            started_at=self._clock(),
        )
        self._put(step)
        return step

    def call(self, step: Step, call: ToolCall) -> None:
        """Calls the function, in a context where interrupts raise; what it gives to await is only kept."""
        step = replace(step, started_at=self._clock())  # what it took to record it is not the function's time
        try:
            with self._inside(step):
                value = self._toolbox.find(call.name).call(call.arguments)
            if inspect.isawaitable(value):
                self._steps[step.id], self._waiting[step.id] = step, value
            else:
                self._succeed(step, value)
        except KeyboardInterrupt:
            self.is_interrupted = True
            self._end(step, StepStatus.INTERRUPTED)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # the person's function may raise anything
            self._fail(step, error)

    def skip(self, call: ToolCall) -> None:
        """Records that the person declined the call, and tells the model."""
        self._end(self.begin(call), StepStatus.DONE, text=DECLINED, finish_reason=SKIPPED)

    async def follow(self, show: Callable[[], None], is_stopping: Callable[[], bool]) -> None:
        """Awaits what is async, all together, on the loop that it may be bound to; Stop and interrupts cancel it."""
        tasks = [asyncio.ensure_future(self._await(step_id)) for step_id in list(self._waiting)]
        pending = set(tasks)
        try:
            while pending and not is_stopping():
                _, pending = await asyncio.wait(pending, timeout=TICK_SECONDS)
                show()
        except (asyncio.CancelledError, KeyboardInterrupt):
            self.is_interrupted = True
        finally:
            await _cancel(pending)

    async def _await(self, step_id: str) -> None:
        step, value = self._steps[step_id], self._waiting.pop(step_id)
        try:
            with self._inside(step):
                given = await value
            self._succeed(step, given)
        except (asyncio.CancelledError, KeyboardInterrupt):
            self._end(step, StepStatus.INTERRUPTED)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # as above
            self._fail(step, error)

    def abandon(self) -> None:
        """Ends what was begun and never finished, and what was never begun is not called."""
        for value in self._waiting.values():
            if inspect.iscoroutine(value):
                value.close()
        self._waiting.clear()
        for step in self.steps:
            if step.status is StepStatus.PENDING:
                self._end(step, StepStatus.INTERRUPTED)

    # ---- what becomes of it

    def _succeed(self, step: Step, value: Any) -> None:
        result = build_result_text(value, self._plan.redactor.redact)
        self._end(step, StepStatus.DONE, text=result.text)

    def _fail(self, step: Step, error: BaseException) -> None:
        said = str(error) if isinstance(error, ArgumentsError) else describe_error(error)
        said = shorten_error(self._plan.redactor.redact_lookalikes(said))
        place = "" if isinstance(error, ArgumentsError) else find_place(error)
        self._end(step, StepStatus.FAILED, text=f"error: {said}", error="\n".join(filter(None, (said, place))))

    def _inside(self, step: Step) -> AbstractContextManager[None]:
        """A context in which traced steps that begin are inside the call."""
        return use_around(step.session_id, Around(step.id, step.path, find_around(step.session_id)))

    def _end(self, step: Step, status: StepStatus, **fields: Any) -> None:
        ended = replace(step, status=status, ended_at=self._clock(), **fields)
        self._put(ended)
        if not is_skipped(ended):
            self._notebook.traced.tell(self._plan.session, ended, self._plan.request.gateway)

    def _put(self, step: Step) -> None:
        self._steps[step.id] = step
        self._notebook.steps.put(self._plan.session, step)

    def _clock(self) -> float:
        return self._notebook.surroundings.clock()


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    """Cancels ``tasks`` and waits a little: a function may need a moment to tidy up, or never listen."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CANCEL_SECONDS)
