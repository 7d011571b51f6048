"""A cell with tools: asks the model, calls what it asks for, and asks again, until it answers. One card for all.

What is done in which order stands once, in `ToolRun._advance`: it gives what has to be waited for, and the awaited and
the blocking form of a cell differ only in how they wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType

from heliconemagic.cards import build_running_card
from heliconemagic.engine.following import follow, follow_blocking
from heliconemagic.errors import HeliconeMagicError, IncompleteAnswerError, InputError, StepInterrupted
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.planning.plan import Plan
from heliconemagic.records import Step, StepStatus, ToolCall
from heliconemagic.render.card_state import Card, Choice
from heliconemagic.reply import Reply
from heliconemagic.running.cell_run import BuildView, CellInput, StepWork, give_reply
from heliconemagic.running.question import OpenQuestion, ask_in_words
from heliconemagic.running.tool_calls import ToolCalls
from heliconemagic.running.waiting import raising_interrupts, run_blocking
from heliconemagic.steps.rounds import build_call_message, build_result_message, describe_arguments, number_calls

DEFAULT_ROUNDS = 8
MOST_CALLS = 128
"""Calls in one answer: more aren't meant, and each is a function that runs and a result that is sent."""

Waited = OpenQuestion | ToolCalls | None
"""What a cell waits for besides the request that runs (None)."""


class ToolRun(StepWork):
    """One cell with tools while it runs: a `Work` (see `heliconemagic.running.work`)."""

    def __init__(
        self,
        notebook: Notebook,
        given: CellInput,
        plan: Plan,
        build_view: BuildView,
        note_change: Callable[[], None],
        ask: Callable[[str], str],
    ) -> None:
        super().__init__(notebook, given, plan, note_change)
        self._ask = ask
        self._most_rounds = given.command.tool_rounds or DEFAULT_ROUNDS
        self._rounds = 1
        self._trail: tuple[Step, ...] = ()  # ended requests and calls, without the newest request
        self._calls: ToolCalls | None = None  # that run, or ran last and are not in the trail yet
        self._question: OpenQuestion | None = None
        self._error: HeliconeMagicError | None = None
        self._is_stopping = False
        self._is_open = False
        self._showing = threading.Lock()
        self._view = build_view(self.cancel, given.command)

    # ---- the work

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._run.is_done:
            self._end_run()
            self._notebook.steps.finish(self._plan, self._run)
        if self._calls is not None:
            self._calls.abandon()
        with self._showing:  # a click's thread may be at it
            self._is_open = False
        self._view.close(self._build_card())
        self._note_change()

    def open(self) -> None:
        """Shows the card."""
        self._is_open = True
        self._view.open(self._build_card())
        self._note_change()

    async def follow(self) -> None:
        """Takes the cell to its end on the running loop."""
        with self._stopping_on_interrupt():
            for waited in self._advance():
                if isinstance(waited, ToolCalls):
                    await waited.follow(self._show, self._is_stopped)
                else:
                    self._is_stopping |= await follow(waited or self._run, self._show)

    def follow_blocking(self) -> None:
        """The same on this thread; what is async runs on the kernel's own loop all the same."""
        with self._stopping_on_interrupt():
            for waited in self._advance():
                if isinstance(waited, ToolCalls):
                    run_blocking(waited.follow(self._show, self._is_stopped))
                else:
                    self._is_stopping |= follow_blocking(waited or self._run, self._show)

    @contextmanager
    def _stopping_on_interrupt(self) -> Iterator[None]:
        """An interrupt between two waits stops the cell as one within does: what is open is ended on leaving."""
        try:
            yield
        except KeyboardInterrupt:
            self._is_stopping = True

    def cancel(self) -> None:
        """What the Stop button does, on any thread: cancels what can be cancelled; a function runs to its end."""
        self._is_stopping = True
        self._run.cancel()
        if self._question is not None:
            self._question.cancel()
        if self._calls is not None:
            self._show()  # the thread of the cell may be busy with the function

    def _is_stopped(self) -> bool:
        return self._is_stopping

    # ---- what is done in which order

    def _advance(self) -> Iterator[Waited]:
        while True:
            yield None
            asking = self._notebook.steps.finish(self._plan, self._run)
            self._note_change()
            if asking.status is not StepStatus.DONE or not asking.tool_calls:
                return
            if self._rounds >= self._most_rounds:
                self._fail(asking, self._build_limit_error(asking))
                return
            if len(asking.tool_calls) > MOST_CALLS:
                self._fail(asking, self._build_calls_error(asking))
                return
            self._calls = ToolCalls(self._notebook, self._plan, asking)
            yield from self._call_all(self._calls)
            if self._is_stopping or self._calls.is_interrupted or not self._begin_round(asking, self._calls):
                return

    def _call_all(self, calls: ToolCalls) -> Iterator[Waited]:
        for call in calls.calls:
            choice = yield from self._ask_for(call)
            if choice is Choice.STOP or self._is_stopping or calls.is_interrupted:
                self._is_stopping = True
                break
            if choice is Choice.SKIP:
                calls.skip(call)
                continue
            with raising_interrupts():
                step = calls.begin(call)
                self._show()
                calls.call(step, call)
            self._note_change()
            if calls.is_waiting and self._given.command.approves:  # its result may decide what is approved next
                yield calls
        if calls.is_waiting and not self._is_stopping:
            yield calls
        calls.abandon()
        self._note_change()

    def _ask_for(self, call: ToolCall) -> Generator[Waited, None, Choice]:
        if not self._given.command.approves:
            return Choice.RUN
        asked = f"{call.name}({describe_arguments(call.arguments)})"
        if not self._view.takes_answers:
            return ask_in_words(asked, self._ask)
        self._question = OpenQuestion(asked)
        self._show()
        yield self._question
        question, self._question = self._question, None
        self._show()
        return question.answer

    def _begin_round(self, asking: Step, calls: ToolCalls) -> bool:
        """Sends the results to the model; False if that may not be."""
        messages = [build_call_message(number_calls(asking), asking.text), *map(build_result_message, calls.steps)]
        try:
            plan = self._notebook.plan_round(self._plan, messages)
            self._run = self._notebook.steps.start(plan)
        except InputError as error:
            self._fail(asking, error)
            return False
        self._trail = (*self._trail, asking, *calls.steps)
        self._plan, self._calls = plan, None
        self._rounds += 1
        self._note_change()
        return True

    def _fail(self, asking: Step, error: HeliconeMagicError) -> None:
        """The cell ends here: the request that asked in vain is the one that failed."""
        self._error = error
        said = self._plan.redactor.redact_lookalikes(str(error))
        self._notebook.steps.put(self._plan.session, replace(asking, status=StepStatus.FAILED, error=said))

    def _build_limit_error(self, asking: Step) -> IncompleteAnswerError:
        wanted = ", ".join(dict.fromkeys(call.name for call in asking.tool_calls))
        return IncompleteAnswerError(
            f"the model still asked for tools ({wanted}) in its answer number {self._most_rounds}.",
            hint=f"all calls are kept; allow more with --tool-rounds {2 * self._most_rounds}, "
            "or say in the prompt when to stop",
        )

    @staticmethod
    def _build_calls_error(asking: Step) -> IncompleteAnswerError:
        return IncompleteAnswerError(
            f"the model asked for {len(asking.tool_calls):,} calls in one answer, more than {MOST_CALLS}: "
            "none of them was made.",
            hint="run the cell again, or say in the prompt how often a tool may be called",
        )

    # ---- what is seen of it

    def _show(self) -> None:
        with self._showing:
            if self._is_open:
                self._view.update(self._build_card())

    def _build_card(self) -> Card:
        trail = (*self._trail, *(self._calls.steps if self._calls else ()))
        card = build_running_card(self._plan, self._run, self._notebook.journal.warning, trail=trail)
        if self._is_open:
            question = self._question.build_shown() if self._question else None
            step = replace(card.step, status=StepStatus.PENDING, ended_at=None)
            return replace(
                card, step=step, waiting=self._describe_waiting(card.waiting), totals=None, question=question
            )
        return replace(card, step=self._close_step(card.step), error=self._error or card.error)

    def _close_step(self, step: Step) -> Step:
        """The step as the card ends: what waits for tools that won't be called is no answer."""
        if self._error is not None:
            return replace(step, status=StepStatus.FAILED)
        if not self._is_cut_short():
            return step
        return replace(step, status=StepStatus.INTERRUPTED, ended_at=self._notebook.surroundings.clock())

    def _is_cut_short(self) -> bool:
        newest = self._run.read_step()
        is_asking = self._calls is not None or (self._is_stopping and bool(newest.tool_calls))
        return newest.status is StepStatus.INTERRUPTED or is_asking

    def _describe_waiting(self, waiting: str) -> str:
        if self._question is not None:
            return "waiting for you"
        running = self._calls.describe_running() if self._calls else ""
        if not running:
            return waiting
        return f"stopping after {running}" if self._is_stopping else f"{running} is running"

    def build_result(self) -> Reply:
        """The reply of the cell: the model's answer, with the figures of all its requests.

        Raises:
            StepInterrupted: it was stopped.
            InvalidAnswerError: the answer is something else than the cell asked for; the error holds the reply.
            HeliconeMagicError: a request failed, or the limit of rounds was reached.
        """
        card = self._build_card()
        if error := self._error or self._run.error:
            raise error
        if self._is_cut_short():
            seconds = card.step.latency or 0.0
            raise StepInterrupted(f"{card.step.path} was stopped after {seconds:.1f} s; what had arrived is kept.")
        return give_reply(self._given, self._plan, self._run.read_step(), card)
