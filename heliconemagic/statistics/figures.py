"""What statistics need of a step and of a session, without a word of what was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from heliconemagic.records import StepKind, StepStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFigures:
    """A session of which something ran."""

    id: str
    notebook: str = ""
    source: str = ""  # where it ran, if not here
    started_at: float


NO_PROPERTIES: Mapping[str, str] = MappingProxyType({})


class StepFigures(NamedTuple):
    """One step of it: a tuple, for there are many."""

    session_id: str
    path: str
    started_at: float
    ended_at: float | None = None
    kind: StepKind = StepKind.LLM
    status: StepStatus = StepStatus.DONE
    model: str = ""  # as asked for
    user: str = ""
    properties: Mapping[str, str] = NO_PROPERTIES
    tokens: int = 0  # none where an earlier answer stood in
    cost: float | None = None  # USD; None: unpriced
    is_stand_in: bool = False  # an earlier answer took its place: its time is nobody's

    @property
    def is_failed(self) -> bool:
        """Whether it failed or was interrupted."""
        return self.status in (StepStatus.FAILED, StepStatus.INTERRUPTED)

    @property
    def is_unpriced(self) -> bool:
        """Whether an answer came whose price nobody knows."""
        return self.cost is None and self.status is StepStatus.DONE and self.kind is StepKind.LLM

    @property
    def latency(self) -> float | None:
        """Seconds from start to end of a step that finished; None of any other, and of a stand-in."""
        if self.ended_at is None or self.status is not StepStatus.DONE or self.is_stand_in:
            return None
        return max(self.ended_at - self.started_at, 0.0)
