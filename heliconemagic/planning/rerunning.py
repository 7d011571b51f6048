"""From the steps of a recorded session to the requests that play them again: checked like those of a cell."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from heliconemagic.errors import BudgetError, UnknownModelError, UnpricedModelError
from heliconemagic.gateways.choice import Choice, check_model
from heliconemagic.lessons.replaying import Asked
from heliconemagic.lines.options import CellCommand
from heliconemagic.paths import SessionPath
from heliconemagic.planning.checks import check_budget, redacting
from heliconemagic.planning.history import SessionHistory
from heliconemagic.planning.keeping import build_kept_step
from heliconemagic.planning.plan import Plan, Setting
from heliconemagic.planning.step import plan_asked
from heliconemagic.records import Cell, Message, SessionRecord, Step
from heliconemagic.schemas.answer_form import read_recorded_form
from heliconemagic.session_state import Session
from heliconemagic.settings import RequestOptions
from heliconemagic.steps.conversation import Place
from heliconemagic.steps.replacing import Use, replace_answers
from heliconemagic.steps.rerunning import Scene, Script

OF_OUR_OWN = ("stream", "stream_options", "model", "messages")
"""Parameters that a request sets itself; sessions from elsewhere have them recorded."""

SYSTEM_ROLES = ("system", "developer")

RAISE_BUDGET = "add a larger --budget to the line and run it again"
"""What to do where a rerun is too dear."""

BuildSetting = Callable[[Session, RequestOptions, Choice], Setting]


class RerunPlanner:
    """What a rerun asks for: `plan` gives the request of a scene, `keep` the step of one that isn't sent."""

    def __init__(
        self,
        original: SessionRecord,
        script: Script,
        session: Session,
        given: RequestOptions,
        *,
        choices: Mapping[str, Choice],
        build_setting: BuildSetting,
    ) -> None:
        self.original = original
        self.script = script
        self.session = session
        self.given = given
        self._choices = choices  # by the label of the recorded gateway
        self._build_setting = build_setting
        self._new: dict[str, Step] = {}  # finished ones, by the recorded step that they play
        self._put_in: dict[str, str] = {}  # new answers, by the recorded step whose answer they replace

    def check(self) -> list[Plan]:
        """The plans of all that will be sent, with the recorded answers in them.

        Raises:
            InputError, CredentialError: one of them cannot be sent.
        """
        return [self._plan(scene, scene.step.messages, budget=None) for scene in self.script.live]

    def check_budget(self, plans: Sequence[Plan]) -> None:
        """Whether the budget holds the first of ``plans``: else nothing need be begun.

        Raises:
            BudgetError: it doesn't, or the model has no known price.
        """
        try:
            check_budget(0.0, self.given.budget, [plans[0].request])
        except UnpricedModelError:
            raise
        except BudgetError as error:
            raise BudgetError(error.message, hint=RAISE_BUDGET) from error

    def plan(self, scene: Scene) -> Plan:
        """The request of ``scene``, with the new answers in the places of the old ones.

        Raises:
            InputError: it cannot be sent: the new answers make it too dear, or hold a key.
        """
        messages = replace_answers(scene.step.messages, self.list_uses(scene), self._put_in)
        return self._plan(scene, messages, budget=self.given.budget)

    def keep(self, scene: Scene, now: float) -> Step:
        """The step of a scene that isn't sent: the recorded answer, at no cost."""
        step = scene.step
        fresh = Step(
            id=str(uuid.uuid4()),
            session_id=self.session.record.id,
            path=step.path,
            gateway=step.gateway,
            model=step.model,
            messages=step.messages,
            parameters=step.parameters,
            user=step.user,
            properties=step.properties,
            fingerprint=step.fingerprint,
            cell=step.cell,
            run=step.run,
            parent_id=self._find_parent_id(step),
            is_aside=step.is_aside,
            is_recorded=step.is_recorded,
            started_at=now,
        )
        kept = build_kept_step(fresh, step, now=now)
        self._new[step.id] = kept
        return kept

    def note_answer(self, scene: Scene, step: Step) -> None:
        """Takes the answer that ``scene`` got now: later requests are sent with it."""
        self._new[scene.step.id] = step
        self._put_in[scene.step.id] = step.text

    def is_playable(self, scene: Scene) -> bool:
        """Whether all answers are there that ``scene`` builds on."""
        return scene.needs <= self._put_in.keys()

    def count_replacements(self, scene: Scene) -> int:
        """In how many places of the request a new answer stands for an old one."""
        return sum(use.step_id in self._put_in for use in self.list_uses(scene))

    def list_uses(self, scene: Scene) -> list[Use]:
        """The places that wait for new answers: none in a system prompt that the line replaces."""
        is_gone = self.given.system is not None
        messages = scene.step.messages
        return [use for use in scene.uses if not (is_gone and messages[use.message].get("role") in SYSTEM_ROLES)]

    def _find_parent_id(self, step: Step) -> str | None:
        parent = self._new.get(step.parent_id or "")
        return parent.id if parent else None

    def _plan(self, scene: Scene, messages: Sequence[Message], *, budget: float | None) -> Plan:
        step, choice = scene.step, self._choices[scene.step.gateway]
        options = self._build_options(step, choice, budget)
        parent = self._new.get(step.parent_id or "")
        setting = self._build_setting(self.session, options, choice)
        asked = Asked(
            place=Place(path=SessionPath.parse(step.path), parent=parent, label=describe_parent(parent, step.path)),
            messages=put_system(messages, self.given.system),
            parameters=self._build_parameters(step),
        )
        with redacting(setting.keys.secrets):
            plan = plan_asked(
                self.session,
                CellCommand(options=options, is_logged=step.is_recorded, is_background=step.is_aside),
                asked,
                read_recorded_form(asked.parameters),
                cell=Cell(id=step.cell, run=step.run),
                setting=setting,
                history=SessionHistory(self.session),
            )
        return replace(plan, notes=(*choice.notes, *plan.notes))

    def _build_options(self, step: Step, choice: Choice, budget: float | None) -> RequestOptions:
        """What is said of the request now, over what was recorded of it."""
        recorded = {name: value for name, value in step.properties.items() if not name.startswith("helicone-")}
        own = RequestOptions(user=step.user or None, properties=recorded)
        options = self.given.over(own)
        return replace(options, model=find_model(step, self.given, choice), keep=False, budget=budget)

    def _build_parameters(self, step: Step) -> dict[str, Any]:
        recorded = {name: value for name, value in step.parameters.items() if name not in OF_OUR_OWN}
        if "tools" in recorded:
            recorded["tool_choice"] = "none"  # nobody would call them: an answer is wanted now
        temperature = {} if self.given.temperature is None else {"temperature": self.given.temperature}
        return {**recorded, **temperature, **self.given.parameters}


def find_model(step: Step, given: RequestOptions, choice: Choice) -> str:
    """The model that is asked now: another one only where the line says so.

    A line that says only ``--gateway demo`` or ``--gateway local`` says so too: those have models of their own.
    """
    if given.model:
        return given.model
    try:
        return check_model(choice.gateway, step.model)
    except UnknownModelError:
        if given.gateway is None or not choice.gateway.answers_in_process or not choice.gateway.default_model:
            raise
        return choice.gateway.default_model


def put_system(messages: Sequence[Message], system: str | None) -> tuple[Message, ...]:
    """``messages`` with another system prompt; None leaves it as it was, an empty one takes it out.

    >>> put_system([{"role": "user", "content": "hi"}], "Be brief.")
    ({'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'hi'})
    """
    if system is None:
        return tuple(messages)
    others = (message for message in messages if message.get("role") not in SYSTEM_ROLES)
    return (*([{"role": "system", "content": system}] if system else []), *others)


def describe_parent(parent: Step | None, path: str) -> str:
    """What a scene continues, for its plan."""
    if parent is None:
        return "no context"
    return f"continues {parent.path}" if parent.path == path else f"after {parent.path}"
