"""A session as a plan for a program: which requests it makes, and which earlier answers each of them uses. Pure.

What failed, was stopped or superseded isn't done again. Where a conversation repeats an earlier one, the program goes
on with that; where a message quotes an earlier answer, it takes what the program was answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

from heliconemagic import headers
from heliconemagic.export.quotes import Answers
from heliconemagic.export.session import ExportedSession
from heliconemagic.gateways.presets import Gateway, build_gateway
from heliconemagic.lessons.lesson import list_current
from heliconemagic.paths import MAX_PATH_LENGTH
from heliconemagic.records import Message, Step, StepKind
from heliconemagic.render.figures import format_count
from heliconemagic.steps.turns import Conversations, count_repeated, split_system
from heliconemagic.wire_text import build_ascii_form, fit_header_value

MOST_CHANGED = 5
"""Texts that the program's head says to be sent in another form."""

_NOT_SENT = ("stream", "stream_options", "messages", "model", "extra_headers", "extra_body", "extra_query", "timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The earlier conversation that a request goes on with."""

    name: str  # of its variable
    skipped: int = 0  # messages at its beginning: instructions that the request has otherwise
    has_answer: bool = True  # whether its answer is part of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of the program."""

    name: str  # of the variable that takes its answer
    path: str
    model: str
    instructions: tuple[Message, ...] = ()  # its own, before the base's messages
    base: Base | None = None
    messages: tuple[Message, ...] = ()  # after them
    parameters: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # those that not all requests have
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole program."""

    title: str
    name: str
    gateway: Gateway
    model: str  # of most requests
    system: str  # the instructions that several requests spell out; empty if none does
    headers: Mapping[str, str]  # of all requests, besides the session's three
    calls: tuple[Call, ...]
    remarks: tuple[str, ...]

    @property
    def has_other_models(self) -> bool:
        """Whether not all requests ask the same model."""
        return any(call.model != self.model for call in self.calls)

    @property
    def has_own_headers(self) -> bool:
        """Whether some requests have headers that others haven't."""
        return any(call.headers for call in self.calls)


Names = Callable[[str, Container[str]], str]
"""Makes the name of a variable of a path, which is none of the names that are taken."""


def build_plan(session: ExportedSession, build_name: Names) -> Plan:
    """What a program has to do to do the session again."""
    steps = [step for step in list_current(session.steps) if step.messages]
    gateway, moved = _find_gateway(session.gateway)
    shared = _find_shared_headers(steps)
    calls = _build_calls(session, steps, shared, build_name)
    if moved:
        calls = [replace(call, model=gateway.default_model) for call in calls]
    return Plan(
        title=session.record.title,
        name=fit_header_value(session.record.name) or build_ascii_form(session.record.title) or "session",
        gateway=gateway,
        model=_find_most([call.model for call in calls]) or gateway.default_model or "gpt-4o-mini",
        system=_find_system(calls),
        headers=shared,
        calls=tuple(calls),
        remarks=tuple(_list_remarks(session, steps, moved)),
    )


def _find_gateway(gateway: Gateway | None) -> tuple[Gateway, str]:
    """Where the program goes, and the notebook's gateway if the program cannot go there."""
    if gateway is not None and not gateway.answers_in_process:
        return gateway, ""
    return build_gateway("oai", {}), gateway.label if gateway else "unknown here"


def _list_remarks(session: ExportedSession, steps: Sequence[Step], moved: str) -> Iterator[str]:
    if moved:
        yield f"The notebook's gateway ({moved}) is none that a program can ask, so this asks OpenAI through Helicone."
    if changed := list(dict.fromkeys(_iterate_changed(session, steps))):
        more = f" and {len(changed) - MOST_CHANGED} more" if len(changed) > MOST_CHANGED else ""
        yield f"Headers carry nothing but plain ASCII: {', '.join(changed[:MOST_CHANGED])}{more}."
    requests = sum(step.kind is StepKind.LLM for step in session.steps)
    if requests > len(steps):
        count = format_count(requests - len(steps), "request")
        yield f"Left out: {count} (failed, stopped, run again later, or not known)."


def _iterate_changed(session: ExportedSession, steps: Sequence[Step]) -> Iterator[str]:
    """What the program sends otherwise than the session has it: names, users, properties and paths."""
    sent = [(session.record.name, fit_header_value(session.record.name))]
    for step in steps:
        sent += [(step.user, fit_header_value(step.user)), (step.path, _fit_path(step.path))]
        sent += [(name, headers.fit_property_name(name)) for name in step.properties]
        sent += [(value, fit_header_value(value)) for value in step.properties.values()]
    for text, fitted in sent:
        if text != fitted:
            yield f"{text!r} is {fitted!r}" if fitted else f"{text!r} is left out"


def _fit_path(path: str) -> str:
    return fit_header_value(path, MAX_PATH_LENGTH)


def _find_most(values: Sequence[str]) -> str:
    return Counter(values).most_common(1)[0][0] if values else ""


def _find_system(calls: Sequence[Call]) -> str:
    texts = [str(message["content"]) for call in calls for message in call.instructions if _is_plain(message)]
    most = _find_most(texts)
    return most if texts.count(most) > 1 else ""


def _is_plain(message: Message) -> bool:
    return set(message) == {"role", "content"} and isinstance(message["content"], str)


# ---- headers


def _find_shared_headers(steps: Sequence[Step]) -> dict[str, str]:
    if not steps:
        return {}
    first, *others = map(_build_headers, steps)
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _build_headers(step: Step) -> dict[str, str]:
    built = {headers.USER_ID: fit_header_value(step.user)}
    for name, value in step.properties.items():
        built[f"{headers.PROPERTY_PREFIX}{headers.fit_property_name(name)}"] = fit_header_value(value)
    return {name: value for name, value in built.items() if value}


# ---- calls


class _Done:
    """The requests that the program has made before one of them, with the variables that hold their answers."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}  # of variables, by step
        self._taken: set[str] = set()
        self.conversations = Conversations()
        self.answers = Answers()

    def name(self, step: Step, build_name: Names) -> str:
        """Gives the answer of a request a variable."""
        name = self.names[step.id] = build_name(step.path, self._taken)
        self._taken.add(name)
        return name

    def put(self, step: Step) -> None:
        """Takes a request that has its name, for those that come after it."""
        self.conversations.put(step)
        self.answers.put(step.text, self.names[step.id])


def _build_calls(
    session: ExportedSession, steps: Sequence[Step], shared: Mapping[str, str], build_name: Names
) -> list[Call]:
    done = _Done()
    calls: list[Call] = []
    for step in steps:
        name = done.name(step, build_name)
        earlier = _find_earlier(session, step, done)
        base = _build_base(step, earlier, done.names[earlier.id]) if earlier else None
        own = _list_own(step, earlier, base)
        calls.append(
            Call(
                name=name,
                path=_fit_path(step.path),
                model=step.model,
                instructions=tuple(map(done.answers.quote, own[0])),
                base=base,
                messages=tuple(map(done.answers.quote, own[1])),
                parameters={name: value for name, value in step.parameters.items() if name not in _NOT_SENT},
                headers={name: value for name, value in _build_headers(step).items() if name not in shared},
                remarks=tuple(_list_call_remarks(session, step)),
            )
        )
        done.put(step)
    return calls


def _find_earlier(session: ExportedSession, step: Step, done: _Done) -> Step | None:
    """The request that it goes on with."""
    parent = session.find_continued(step)
    is_known = parent is not None and parent.id in done.names and count_repeated(step, parent)
    return parent if is_known else done.conversations.find_continued(step)


def _build_base(step: Step, earlier: Step, name: str) -> Base:
    system, others = split_system(earlier.messages)
    is_same = list(split_system(step.messages)[0]) == list(system)
    has_answer = count_repeated(step, earlier) > len(others)
    return Base(name=name, skipped=0 if is_same else len(system), has_answer=has_answer)


def _list_own(step: Step, earlier: Step | None, base: Base | None) -> tuple[Sequence[Message], Sequence[Message]]:
    """The instructions and the messages that the request spells out."""
    system, others = split_system(step.messages)
    if earlier is None or base is None:
        return system, others
    is_other = base.skipped or not split_system(earlier.messages)[0]
    return system if is_other else (), others[count_repeated(step, earlier) :]


def _list_call_remarks(session: ExportedSession, step: Step) -> Iterator[str]:
    """What the program cannot do as the notebook did."""
    before = (session.steps[place] for place in range(session.numbers[step.id] - 2, -1, -1))
    between = [*takewhile(lambda other: other.kind is not StepKind.LLM, before)]
    for other in reversed(between):
        is_round = other.kind is StepKind.TOOL and step.follows_tools
        if not (other.is_superseded or is_round):
            yield f"{other.path} ({other.kind.value}) ran in the notebook; what it gave is not made again here."
    if step.follows_tools:
        yield "The results of the tools below are those that were recorded."
    elif step.parameters.get("tools") and step.tool_calls:
        yield "The functions of these tools are in the notebook: their calls are not made here."
