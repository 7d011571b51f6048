"""Sessions for the panel's tests, of any size, and what their panel asks and does."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from render_samples import FORM

from heliconemagic.errors import InputError
from heliconemagic.lines.rating import Rating
from heliconemagic.records import Attempt, Feedback, Step, StepStatus
from heliconemagic.render.card import Card
from heliconemagic.steps.feedback import FeedbackBook
from heliconemagic.usage import Usage
from heliconemagic.views.panel import PanelSource


def build_panel_step(number: int, **changes: Any) -> Step:
    """The ``number``-th step of a course: modules of 400 lessons' parts, every twentieth failed."""
    begun = 1_000.0 + 3 * number
    failed = number % 20 == 19
    fields: dict[str, Any] = {
        "id": str(uuid.UUID(int=number + 1)),
        "session_id": "5f1d",
        "path": f"/module-{number // 400}/lesson-{number // 20 % 20}/part-{number % 20}",
        "status": StepStatus.FAILED if failed else StepStatus.DONE,
        "gateway": "oai",
        "model": "gpt-4o" if number % 2 else "gpt-4o-mini",
        "messages": ({"role": "system", "content": "You teach."}, {"role": "user", "content": f"Write part {number}."}),
        "parameters": {"temperature": 0.7},
        "started_at": begun,
        "first_token_at": None if failed else begun + 0.5,
        "ended_at": begun + 2.0,
        "text": "" if failed else f"Part {number} is *here*. " + "And more of it. " * 20,
        "usage": None if failed else Usage(prompt_tokens=50, completion_tokens=80),
        "cost": None if failed else 0.0003,
        "error": "GatewayError: 500" if failed else None,
        "attempts": (Attempt(request_id=f"r-{number}", started_at=begun, ended_at=begun + 2, status_code=200,
                             headers={"x-kind": "answered"}),),
    }  # fmt: skip
    return Step(**{**fields, **changes})


def build_panel_steps(count: int) -> list[Step]:
    """A course of ``count`` steps."""
    return [build_panel_step(number) for number in range(count)]


class Desk:
    """What a panel is opened on: steps that a test adds to, and a memory of what the buttons did."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = {step.id: step for step in steps}
        self.book = FeedbackBook()
        self.rated: list[tuple[str, Rating]] = []
        self.reran: list[str] = []
        self.looks = 0

    def put(self, *steps: Step) -> None:
        """Steps that begin, or newer states."""
        self.steps.update({step.id: step for step in steps})

    def build_source(self) -> PanelSource:
        """The panel's questions and orders."""
        return PanelSource(
            title="Course Creation",
            list_steps=lambda: tuple(self.steps.values()),
            group_feedback=self.book.group,
            list_feedback=self.book.list_of,
            find_step=self.steps.get,
            build_card=lambda step: Card(step=step, context="no context", request=FORM),
            rate=self._rate,
            rerun=self._rerun,
            write_cell=lambda step: (f"%%llm {step.path}\n{step.prompt}", ["a variable has the <rest>"]),
            look_around=self._look_around,
            build_end=lambda: {"text/html": "<p>the static form</p>", "text/plain": "the static form"},
        )

    def _rate(self, step: Step, rating: Rating) -> Sequence[str]:
        self.rated.append((step.id, rating))
        given = Feedback(id="1", session_id="5f1d", step_id=step.id, name="rating", value=rating.thumb,
                         note=rating.note, given_at=float(len(self.rated)))  # fmt: skip
        self.book.put(given)
        return ("kept here <b>",)

    def _rerun(self, step: Step) -> Step:
        if step.status is StepStatus.FAILED:
            raise InputError("<i>it</i> cannot be sent.", hint="run its cell")
        self.reran.append(step.id)
        begun = replace(step, id="again", status=StepStatus.PENDING, started_at=9_000.0, ended_at=None, text="")
        self.put(begun)
        return begun

    def _look_around(self) -> bool:
        self.looks += 1
        return False
