"""Which steps of a recorded session are played again, and in which of them nothing new can come. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from heliconemagic.errors import InputError
from heliconemagic.paths import SessionPath
from heliconemagic.records import Step, StepKind, StepStatus
from heliconemagic.steps.comparison import find_alternatives
from heliconemagic.steps.replacing import AnswerIndex, Use

SUPERSEDED = "superseded"
NOT_PICKED = "compared and not current"
NO_ANSWER = "without an answer"
NO_PROMPT = "no prompt: what it gave stays in the messages"
TOOL_ROUND = "asked for tools: the recorded calls and results stay in the messages"
MOST_PATHS = 8
"""Paths that a hint lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A step that is played again: what it is sent with, and where in that earlier answers stand."""

    step: Step  # as recorded
    is_kept: bool  # its recorded answer is taken over; nothing is sent
    uses: tuple[Use, ...] = ()  # of answers that will be other ones now
    needs: frozenset[str] = frozenset()  # recorded steps without whose new answers it cannot be played
    is_stale: bool = False  # it continues an answer that is not played again, and stays as it was


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The scenes of a rerun in the order in which they ran, and what was left out."""

    scenes: tuple[Scene, ...]
    left_out: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)  # by the reason

    @property
    def live(self) -> tuple[Scene, ...]:
        """Those that are sent."""
        return tuple(scene for scene in self.scenes if not scene.is_kept)


def build_script(steps: Sequence[Step], start_at: SessionPath | None = None) -> Script:
    """What a rerun plays of ``steps``, oldest first; what comes before ``start_at`` keeps its recorded answer.

    Raises:
        InputError: nothing can be played, or nothing stands at or below ``start_at``.
    """
    reasons = _find_reasons(steps)
    played = [step for step in steps if step.id not in reasons]
    if not played:
        raise InputError(
            "the session has no step with an answer that could be played again.",
            hint="`%helicone_session list` shows the recorded sessions",
        )
    begin = 0 if start_at is None else _find_begin(played, start_at)
    left_out: dict[str, tuple[Step, ...]] = {}
    for step in steps:
        if step.id in reasons:
            left_out[reasons[step.id]] = (*left_out.get(reasons[step.id], ()), step)
    return Script(scenes=_build_scenes(steps, played, begin), left_out=left_out)


def _find_reasons(steps: Sequence[Step]) -> dict[str, str]:
    """Why a step isn't played, by its id."""
    alternatives = find_alternatives(steps)
    reasons: dict[str, str] = {}
    for step in steps:
        if reason := _find_reason(step, is_alternative=step.id in alternatives):
            reasons[step.id] = reason
    return reasons


def _find_reason(step: Step, *, is_alternative: bool) -> str:
    if step.is_superseded:
        return SUPERSEDED
    if step.kind is not StepKind.LLM or not step.messages:
        return NO_PROMPT
    if step.status is StepStatus.DONE and step.tool_calls:
        return TOOL_ROUND
    if not step.is_usable_parent:
        return NO_ANSWER
    return NOT_PICKED if is_alternative else ""


def _find_begin(played: Sequence[Step], start_at: SessionPath) -> int:
    for number, step in enumerate(played):
        if step.path == start_at or step.path.startswith(f"{start_at}/"):
            return number
    paths = list(dict.fromkeys(step.path for step in played))
    more = ", …" if len(paths) > MOST_PATHS else ""
    raise InputError(
        f"--from {start_at}: the session plays nothing at or below that path.",
        hint=f"it plays {', '.join(paths[:MOST_PATHS])}{more}",
    )


def _build_scenes(steps: Sequence[Step], played: Sequence[Step], begin: int) -> tuple[Scene, ...]:
    by_id = {step.id: step for step in steps}
    kept = {step.id for step in played[:begin]}
    scenes = [Scene(step=step, is_kept=True) for step in played[:begin]]
    index, live = AnswerIndex(), set[str]()
    for step in played[begin:]:
        uses = index.find_uses(step.messages, _list_chain(step, by_id))
        continued = {step.parent_id} & live if step.parent_id else set()
        is_stale = step.parent_id in by_id and step.parent_id not in live | kept
        needs = frozenset({use.step_id for use in uses} | continued)
        scenes.append(Scene(step=step, is_kept=False, uses=uses, needs=needs, is_stale=is_stale))
        index.add(step)
        live.add(step.id)
    return tuple(scenes)


def _list_chain(step: Step, by_id: Mapping[str, Step]) -> list[str]:
    """The ids of the steps that ``step`` continues, oldest first."""
    chain: dict[str, None] = {}
    parent = by_id.get(step.parent_id or "")
    while parent is not None and parent.id not in chain:
        chain[parent.id] = None
        parent = by_id.get(parent.parent_id or "")
    return list(reversed(chain))
