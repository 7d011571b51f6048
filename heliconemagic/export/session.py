"""What an export is made of: a session, its steps and what was thought of them, fit to leave this machine. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from heliconemagic.gateways.choice import build_request_url, build_session_url
from heliconemagic.gateways.presets import Gateway
from heliconemagic.lessons.lesson import LessonHead
from heliconemagic.lessons.portable import Portable
from heliconemagic.records import Feedback, SessionRecord, Step, StepKind
from heliconemagic.steps.turns import Conversations


@dataclass(frozen=True, kw_only=True)
class ExportedSession:
    """A session without keys and without this user's folders; its steps come oldest first."""

    record: SessionRecord
    steps: tuple[Step, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    head: LessonHead  # what a replay of it begins with
    gateway: Gateway | None = None  # the session's; None: there is no such gateway here any more
    notes: tuple[str, ...] = field(default=())  # what the person should know: what was left out

    @cached_property
    def by_id(self) -> Mapping[str, Step]:
        """Each step by its id."""
        return {step.id: step for step in self.steps}

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number of each step, from 1, by its id."""
        return {step.id: number for number, step in enumerate(self.steps, start=1)}

    @cached_property
    def opinions(self) -> Mapping[str | None, Sequence[Feedback]]:
        """What was thought of each step, by its id; under None, of the session."""
        found: dict[str | None, list[Feedback]] = {}
        for given in self.feedback:
            found.setdefault(given.step_id, []).append(given)
        return found

    @property
    def url(self) -> str | None:
        """The session's page at Helicone; None where it has none."""
        return build_session_url(self.gateway, self.record.name, self.record.id) if self.gateway else None

    def find_parent(self, step: Step) -> Step | None:
        """The step that ``step`` continued, or was called by."""
        return self.by_id.get(step.parent_id or "")

    @cached_property
    def calls(self) -> Mapping[str, Sequence[Step]]:
        """The calls of tools that each request asked for and that were made, by the request's id."""
        found: dict[str, list[Step]] = {}
        for step in self.steps:
            if step.kind is StepKind.TOOL and step.parent_id:
                found.setdefault(step.parent_id, []).append(step)
        return found

    @cached_property
    def _rounds(self) -> Mapping[str, Step]:
        """For each request that carries the results of tools, the request of the same cell that asked for them."""
        asking: dict[tuple[str, str, int], Step] = {}
        found: dict[str, Step] = {}
        for step in self.steps:
            place = (step.path, step.cell, step.run)
            if step.follows_tools and place in asking:
                found[step.id] = asking[place]
            if step.kind is StepKind.LLM and step.tool_calls:
                asking[place] = step
        return found

    def find_continued(self, step: Step) -> Step | None:
        """The request whose messages ``step`` repeats and goes on with; None for a tool, or one that begins anew."""
        if step.kind is not StepKind.LLM:
            return None
        return self._rounds.get(step.id) or self.find_parent(step)

    @cached_property
    def _repeated(self) -> Mapping[str, Step]:
        """For each request that names none before it, as those of clients, the one whose conversation it repeats."""
        conversations, found = Conversations(), dict[str, Step]()
        for step in self.steps:
            if step.kind is StepKind.LLM and self.find_continued(step) is None:
                earlier = conversations.find_continued(step)
                found |= {step.id: earlier} if earlier else {}
                conversations.put(step)
        return found

    def find_repeated(self, step: Step) -> Step | None:
        """The same, also where only the messages tell; or what a tool was called by."""
        return self.find_continued(step) or self.find_parent(step) or self._repeated.get(step.id)

    def find_request_url(self, step: Step) -> str | None:
        """The request's page at Helicone; None where it has none."""
        if self.gateway is None or step.gateway != self.gateway.label or not step.helicone_id:
            return None
        return build_request_url(self.gateway, step.helicone_id)

    def list_feedback(self, step_id: str | None) -> Sequence[Feedback]:
        """What was thought of one step; with None, of the whole session."""
        return self.opinions.get(step_id, ())


def build_exported(
    record: SessionRecord,
    steps: Sequence[Step],
    *,
    head: LessonHead,
    feedback: Sequence[Feedback] = (),
    gateway: Gateway | None = None,
    portable: Portable,
    notes: Sequence[str] = (),
) -> ExportedSession:
    """The session as it may leave this machine: no keys, ``~`` and ``.`` for folders, nothing of ``--no-log``."""
    kept = [*portable.make_steps(step for step in steps if step.is_recorded)]
    said = [replace(given, name=portable.make(given.name), note=portable.make(given.note)) for given in feedback]
    make = portable.make
    record = replace(record, name=make(record.name), title=make(record.title), gateway=make(record.gateway))
    options = head.options
    options = replace(options, system=make(options.system), parameters=make(options.parameters))
    return ExportedSession(
        record=record,
        steps=tuple(kept),
        feedback=tuple(said),
        head=replace(head, title=make(head.title), options=options),
        gateway=gateway,
        notes=(*notes, *_list_changes(len(steps) - len(kept), portable)),
    )


def _list_changes(left_out: int, portable: Portable) -> list[str]:
    said = [f"left out, as --no-log asks: {left_out:,} of its steps"] if left_out else []
    if portable.found_folders:
        said.append("a prompt or an answer names a folder of this machine: the file has ~ or . in its place")
    return said
