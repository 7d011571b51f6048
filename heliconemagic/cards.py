"""From the steps of a session to what is shown and given of them: cards, replies, links. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from heliconemagic import headers
from heliconemagic.attachments.attachment import drop_thumbnails
from heliconemagic.attachments.wire import build_wire_messages
from heliconemagic.engine.run import Run
from heliconemagic.errors import HeliconeMagicError
from heliconemagic.gateways.choice import build_request_url, build_session_url
from heliconemagic.names import AnswersByPath
from heliconemagic.planning.plan import Plan
from heliconemagic.records import Message, Step, StepStatus
from heliconemagic.render.card_state import Card, RequestForm
from heliconemagic.render.comparison_state import Comparison, build_comparison
from heliconemagic.render.feedback_words import list_feedback_lines
from heliconemagic.replies import Replies
from heliconemagic.reply import Reply, ReplySource
from heliconemagic.schemas.answer_form import AnswerForm, describe_code, find_fault, find_recorded_fault
from heliconemagic.session_state import Session
from heliconemagic.steps.comparison import choose_current, find_variants
from heliconemagic.steps.rounds import find_trail, sum_rounds
from heliconemagic.steps.traced import is_model_call, is_traced


def build_running_card(plan: Plan, run: Run, warning: str | None = None, *, trail: Sequence[Step] = ()) -> Card:
    """The card of a step that runs or has just ended; ``warning`` says why it isn't recorded.

    ``trail`` is what led to it: it is one card for all, with the sums of their figures.
    """
    session, step = plan.session, sum_rounds(trail, run.read_step())
    unrecorded = warning if run.is_done and plan.step.is_recorded else None
    code = describe_code(step) if run.is_done and plan.wanted.wants_code and not plan.wanted.fills_cell else ""
    unwritten = session.recording.fault if run.is_done and session.recording else None
    notes = tuple(note for note in (*plan.notes, code, _describe_cache(step), unrecorded, unwritten) if note)
    return Card(
        step=step,
        session=session.record,
        trail=tuple(trail),
        context=plan.place.label,
        notes=notes,
        waiting=run.describe_waiting(),
        error=_build_shown_error(run.error) or _find_answer_error(step, plan.wanted),
        request=plan.form,
        request_url=find_request_url(session, step),
        session_url=find_session_url(session),
        totals=session.totals if run.is_done else None,
    )


def build_recorded_card(session: Session, step: Step, *, plan: Plan | None = None) -> Card:
    """The card of a recorded step, brought back, or shown in place of the request of ``plan``."""
    parent = session.find_parent(step)
    trail = find_trail(session.steps, step)
    return Card(
        step=sum_rounds(trail, step),
        session=session.record,
        trail=trail,
        context=plan.place.label if plan else _describe_context(step, parent),
        notes=(*(plan.notes if plan else _list_recorded_notes(session, step)), *_list_ratings(session, step)),
        error=_find_answer_error(step, session.find_form(step)),
        request=plan.form if plan else _build_recorded_form(session, step),
        request_url=find_request_url(session, step),
        session_url=find_session_url(session),
        totals=session.totals,
    )


def _list_ratings(session: Session, step: Step) -> tuple[str, ...]:
    """What was thought of an answer."""
    return list_feedback_lines(session.feedback.list_of(step.id))


def _describe_cache(step: Step) -> str:
    """Whether Helicone's cache answered, as its headers tell."""
    is_hit = bool(step.attempts) and headers.read_cache_hit(step.attempts[-1].headers)
    return "from Helicone's cache" if is_hit else ""


def _list_recorded_notes(session: Session, step: Step) -> tuple[str, ...]:
    """What still holds of a recorded answer: who is no language model, what came from a cache."""
    gateway = session.choice.gateway
    is_asked = step.gateway == gateway.label and step.origin is None and not is_traced(step)
    notes = session.choice.notes if is_asked else ()
    return tuple(note for note in (*notes, _describe_cache(step)) if note)


def _describe_context(step: Step, parent: Step | None) -> str:
    if parent is None:
        return "" if is_traced(step) else "no context"
    if is_traced(step):
        return f"for {parent.path}" if is_model_call(step) else f"inside {parent.path}"
    return f"after {parent.path}"


class _SessionSource(ReplySource):
    """A reply's place in its session. One object for each: a batch has thousands of them."""

    __slots__ = ("_card", "_is_shown", "_session", "_step")

    def __init__(self, session: Session, step: Step, card: Card | None, is_shown: Callable[[], bool]) -> None:
        self._session = session
        self._step = step
        self._card = card
        self._is_shown = is_shown

    @property
    def url(self) -> str | None:
        return find_request_url(self._session, self._step)

    @property
    def session_url(self) -> str | None:
        return find_session_url(self._session)

    def find_restorer(self) -> Callable[..., Reply]:
        return restore_reply

    def find_parent(self) -> Reply | None:
        parent = self._session.find_parent(self._step)
        return build_reply(self._session, parent) if parent else None

    def build_bundle(self) -> dict[str, Any]:
        from heliconemagic.render.card import build_bundle

        return build_bundle(self._card or build_recorded_card(self._session, self._step))

    def build_messages(self) -> Sequence[Message]:
        return build_wire_messages(self._step.messages, self._session.attachments.find)

    def is_shown(self) -> bool:
        return self._is_shown()


class _RestoredSource(ReplySource):
    """A reply that was pickled: what it knew of its session."""

    def __init__(self, card: Card, parent: Reply | None) -> None:
        self._card = card
        self._parent = parent

    @property
    def url(self) -> str | None:
        return self._card.request_url

    @property
    def session_url(self) -> str | None:
        return self._card.session_url

    def find_restorer(self) -> Callable[..., Reply]:
        return restore_reply

    def find_parent(self) -> Reply | None:
        return self._parent

    def build_bundle(self) -> dict[str, Any]:
        from heliconemagic.render.card import build_bundle

        return build_bundle(self._card)


def build_reply(
    session: Session, step: Step, *, card: Card | None = None, is_shown: Callable[[], bool] = lambda: False
) -> Reply:
    """The reply of a step, as the notebook gets it; ``is_shown`` says whether it is on the page already.

    Its figures are the sums over all requests that the cell took.
    """

    return Reply(
        sum_rounds(find_trail(session.steps, step), step),
        form=session.find_form(step),
        source=_SessionSource(session, step, card, is_shown),
    )


def restore_reply(step: Step, parent: Reply | None, url: str | None, session_url: str | None) -> Reply:
    """A reply that was pickled, in whatever process: it shows its card, without the request."""
    context = f"after {parent.path}" if parent else "no context"
    error = find_recorded_fault(step)
    card = Card(step=step, context=context, error=error, request_url=url, session_url=session_url)
    return Reply(step, source=_RestoredSource(card, parent))


def build_recorded_comparison(session: Session, step: Step) -> Comparison:
    """The cards of all that were compared with a recorded step, brought back."""
    variants = find_variants(session.steps, step)
    current = choose_current(variants)
    return build_comparison(
        [build_recorded_card(session, variant) for variant in variants], current.variant if current else None
    )


def build_compared_replies(
    session: Session, steps: Sequence[Step], *, comparison: Comparison, is_shown: Callable[[], bool]
) -> Replies:
    """The replies of the finished ``steps`` of a comparison."""

    def build_shown() -> dict[str, Any]:
        from heliconemagic.render.comparison import build_comparison_bundle

        return build_comparison_bundle(comparison)

    return Replies(
        (build_reply(session, step) for step in steps),
        build_bundle=build_shown,
        build_diff=build_shown_diff,
        is_shown=is_shown,
    )


def build_shown_diff(old: str, new: str) -> ShownDiff:
    """What differs between two texts, as something that shows itself."""
    from heliconemagic.render.word_diff import build_diff_bundle, compare_words

    return ShownDiff(build_diff_bundle(compare_words(old, new)))


class ShownDiff:
    """A word diff in all forms: HTML and Markdown in a notebook, ``[-old-] {+new+}`` as text."""

    def __init__(self, bundle: Mapping[str, Any]) -> None:
        self._bundle = bundle

    def __repr__(self) -> str:
        return str(self._bundle["text/plain"])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return dict(self._bundle)


class StepReplies(AnswersByPath):
    """``steps["/abstract"]`` in a template: the current reply of each path."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __getitem__(self, path: str) -> Reply:
        if running := self._session.find_running(path):
            self._session.wait_for(running)
        step = self._session.find_step(path)
        if step is None:
            raise KeyError(path)
        return build_reply(self._session, step)

    def __iter__(self) -> Iterator[str]:
        return (path for path in self._session.iterate_paths() if self._session.find_step(path))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def find_session_url(session: Session) -> str | None:
    """The session's page at Helicone; None where no Helicone logs it."""
    return build_session_url(session.choice.gateway, session.record.name, session.record.id)


def find_request_url(session: Session, step: Step) -> str | None:
    """The request's page at Helicone; None where the session's gateway has none, or another one answered."""
    gateway = session.choice.gateway
    is_elsewhere = step.gateway != gateway.label and not is_traced(step)
    if is_elsewhere or not step.helicone_id:
        return None
    return build_request_url(gateway, step.helicone_id)


def _find_answer_error(step: Step, wanted: AnswerForm) -> HeliconeMagicError | None:
    return find_fault(step, wanted) if step.status is StepStatus.DONE else None


def _build_shown_error(error: BaseException | None) -> HeliconeMagicError | None:
    if error is None or isinstance(error, HeliconeMagicError):
        return error
    return HeliconeMagicError(f"a bug in heliconemagic: {type(error).__name__}; its traceback stands below.")


def _build_recorded_form(session: Session, step: Step) -> RequestForm:
    gateway = session.choice.gateway
    body = {"model": step.model, "messages": drop_thumbnails(step.messages), **step.parameters}
    recorded = headers.build_session_headers(session_id=session.record.id, name=session.record.name, path=step.path)
    is_same = step.gateway == gateway.label
    return RequestForm(
        base_url=gateway.base_url if is_same else step.gateway,
        api_key_variable=gateway.key_variable if is_same else None,
        headers=recorded if gateway.is_helicone else {},
        body=body,
        query=gateway.query if is_same else {},
    )
