"""A batch in figures and words: its card, its replies, and the error of one that isn't whole."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from heliconemagic.batches.ledger import Ledger, Outcome
from heliconemagic.batches.planning import RowPlanner, RowReader
from heliconemagic.batches.queue import Halt, RowQueue
from heliconemagic.batches.result import BatchResult, FailedRow
from heliconemagic.cards import build_reply, find_session_url
from heliconemagic.errors import BatchError, HeliconeMagicError, StepInterrupted, read_words
from heliconemagic.lines.options import CellCommand
from heliconemagic.planning.plan import Plan
from heliconemagic.records import StepStatus
from heliconemagic.render.batch_state import BatchCard
from heliconemagic.render.figures import format_count, format_usd
from heliconemagic.reply import Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """What there is to say of a batch, under way or over. Reads its parts as they are at the moment of asking."""

    command: CellCommand
    planner: RowPlanner
    first: Plan  # the first row's
    reader: RowReader
    ledger: Ledger
    queue: RowQueue
    jobs: int  # at the same time, as asked for
    notes: Mapping[str, None]  # what planning has said, each once
    began: float  # seconds, of the clock that `build_card` gets its time of
    redact: Callable[[str], str]
    find_warning: Callable[[], str | None]  # what is wrong with the journal
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def path(self) -> str:
        """Where the rows stand, as typed."""
        return self.command.path or self.first.place.path

    # ---- what is shown

    def build_card(self, now: float, *, is_over: bool = False) -> BatchCard:
        """The batch as it stands; ``now`` is when it ended if it is over."""
        ledger, plan, session = self.ledger, self.first, self.planner.session
        counts = ledger.count(self.queue.running_count)
        return BatchCard(
            id=self.id,
            path=self.path,
            status=self._find_status() if is_over else StepStatus.PENDING,
            origin=f"{plan.step.model} · {plan.step.gateway}",
            context=plan.place.label,
            counts=counts,
            seconds=now - self.began,
            rate=ledger.find_mean_rate(now) if is_over else ledger.find_rate(now),
            left=None if is_over else ledger.find_left(now),
            cost=ledger.cost,
            unpriced=ledger.unpriced,
            prompt_tokens=ledger.prompt_tokens,
            completion_tokens=ledger.completion_tokens,
            waiting="" if is_over else self._describe_waiting(),
            notes=self._list_notes(is_over=is_over),
            failure=self._describe_failure() if is_over else ("", ""),
            lines=ledger.list_first() if is_over else ledger.list_last(),
            failures=ledger.list_failed() if is_over else (),
            step_ids=tuple(one.step.id for one in ledger.ordered if one.step) if is_over else (),
            first=plan.step,
            session=session.record,
            session_url=find_session_url(session) if is_over else None,
            totals=session.totals if is_over else None,
        )

    def _describe_waiting(self) -> str:
        throttled = self.queue.throttled_count
        if throttled:
            return f"asked too often (429): {format_count(throttled, 'row')} waiting"
        return f"{self.queue.limit} of {self.jobs} at a time, after a 429" if self.queue.limit < self.jobs else ""

    def _list_notes(self, *, is_over: bool) -> tuple[str, ...]:
        warning = self.find_warning() if is_over and self.command.is_logged else None
        return tuple(note for note in (*self.notes, self.planner.describe_spelling(), warning) if note)

    def _find_status(self) -> StepStatus:
        counts = self.ledger.count()
        if self.queue.halt is Halt.STOPPED:
            return StepStatus.INTERRUPTED
        is_whole = not (counts.failed or counts.stopped or counts.unsent or self.reader.error or self.queue.halt)
        return StepStatus.DONE if is_whole else StepStatus.FAILED

    def _describe_failure(self) -> tuple[str, str]:
        error = self._build_error()
        return (error.message, error.hint or "") if isinstance(error, HeliconeMagicError) else ("", "")

    # ---- what the cell gives

    def build_result(self, ended: float, is_shown: Callable[[], bool]) -> BatchResult:
        """The replies, and a `FailedRow` for each row without one.

        Raises:
            StepInterrupted: the batch was stopped; its ``result`` has what was done.
            BatchError: rows failed, or were not sent; so does its ``result``.
        """
        result = self._build_list(ended, is_shown)
        error = self._build_error()
        if error is None:
            return result
        error.result = result
        raise error

    def _build_list(self, ended: float, is_shown: Callable[[], bool]) -> BatchResult:
        from heliconemagic.render.batch_card import build_batch_bundle

        outcomes = self.ledger.ordered
        bundle = build_batch_bundle(self.build_card(ended, is_over=True))
        return BatchResult(
            map(self._build_item, outcomes),
            rows=[outcome.row.value for outcome in outcomes],
            build_bundle=lambda: bundle,
            is_shown=is_shown,
        )

    def _build_item(self, outcome: Outcome) -> Reply | FailedRow:
        if outcome.is_answered and outcome.step is not None:
            return build_reply(self.planner.session, outcome.step)
        words = {"stopped": "interrupted"}
        return FailedRow(
            row=outcome.row.value,
            number=outcome.row.number,
            path=outcome.path,
            status=words.get(outcome.state, outcome.state),
            error=outcome.error or words.get(outcome.state, outcome.state),
            step=outcome.step,
        )

    def _build_error(self) -> BatchError | StepInterrupted | None:
        counts = self.ledger.count()
        done = f"{counts.done:,} of {format_count(counts.total, 'row')}" if counts.total else f"{counts.done:,} rows"
        if self.queue.halt is Halt.STOPPED:
            return StepInterrupted(
                f"{self.path} was stopped: {done} are done and kept; run the cell again for the others."
            )
        if self.queue.halt is Halt.BUDGET:
            return self._build_over_budget(done)
        error = self.reader.error
        if error is not None:
            return BatchError(
                f"--for {self.planner.source.expression!r} broke off after {len(self.ledger.outcomes):,} rows; "
                f"{done} are done and kept.",
                cause=self.redact(f"{type(error).__name__}: {error}"),
            )
        if not (counts.failed or counts.stopped):
            return None
        return self._build_failed(done)

    def _build_over_budget(self, done: str) -> BatchError:
        budget = format_usd(self.planner.setting.options.budget or 0.0)
        return BatchError(
            f"the budget of {budget} is used up: {done} are done and kept.",
            hint="raise --budget on the session line, and run the cell again for the others",
        )

    def _build_failed(self, done: str) -> BatchError:
        """Some rows failed; the last failure stands for them."""
        counts = self.ledger.count()
        total = counts.total if counts.total is not None else counts.over
        message = f"{counts.failed + counts.stopped:,} of {format_count(total, 'row')} failed"
        hint = "run the cell again to retry just those"
        if self.queue.halt is Halt.FAILING:
            message += f", one after the other in the same way; {counts.unsent:,} were not sent"
            hint = getattr(self.queue.failure, "hint", None) or hint
        failure = next((one.error for one in self.ledger.ordered if one.state == "failed"), "")
        return BatchError(f"{message}.", hint=hint, cause=read_words(failure).brief or None)
