"""What the session line does for ``edit``: a request, wherever it is recorded, goes into a new cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Any

from heliconemagic.attachments.wire import build_wire_messages
from heliconemagic.errors import InputError, JournalError, UnknownModelError
from heliconemagic.gateways.choice import check_model
from heliconemagic.helicone_api.addresses import check_same_place, parse_reference
from heliconemagic.lines.options import SessionCommand
from heliconemagic.notebook.earlier import load_recorded
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.paths import join_paths
from heliconemagic.records import Step, StepKind
from heliconemagic.render.edited_cell import EditedCell, RecordedRequest, build_edited_cell
from heliconemagic.render.edited_notice import build_edited_bundle
from heliconemagic.render.figures import format_count
from heliconemagic.render.notice import Notice

Bundle = dict[str, Any]


class EditLine:
    """The verb. ``put_next_cell`` opens a new cell, ``variables`` are the notebook's, where earlier messages go."""

    def __init__(
        self, notebook: Notebook, *, put_next_cell: Callable[[str], None], variables: MutableMapping[str, Any]
    ) -> None:
        self._notebook = notebook
        self._put_next_cell = put_next_cell
        self._variables = variables

    def edit(self, command: SessionCommand) -> Bundle:
        """Puts a request into a new cell, which nothing runs."""
        step = self._find_request(command)
        cell = self.write_cell(step)
        is_attended = self._notebook.surroundings.is_attended()
        if is_attended:
            self._put_next_cell(cell.source)
        where = "it is in a new cell below; nothing has run it" if is_attended else "put this into a cell and run it:"
        facts = (step.model, format_count(len(step.messages), "message"))
        notice = Notice(head=step.path, facts=facts, lines=(where, *describe_cell(cell)))
        return build_edited_bundle(notice, cell, is_open=not is_attended)

    def write_cell(self, step: Step) -> EditedCell:
        """The cell of a request, with what was attached to it; the variables that it names are the notebook's now.

        Raises:
            InputError: it is no request to a model, or its messages are not there.
        """
        _check_request(step)
        messages = build_wire_messages(step.messages, self._notebook.journal.find_attachment)
        model, model_note = self._find_model(step.model)
        request = RecordedRequest(
            path=step.path,
            model=model,
            messages=messages,
            parameters=step.parameters,
            refuses_system=bool(self._notebook.session and self._notebook.session.options.system),
        )
        cell = build_edited_cell(request, self._variables)
        self._variables.update(cell.variables)
        return replace(cell, notes=(*cell.notes, *model_note, *self._describe_additions(step, cell)))

    def _find_request(self, command: SessionCommand) -> Step:
        """The request that is meant."""
        if not command.arguments:
            raise InputError(
                "edit wants a path, the id of a request, or the address of its page.",
                hint="type %helicone_session edit /path, or edit REQUEST-ID",
            )
        reference, *session = command.arguments
        if reference.startswith("/"):
            return self._find_at_path(reference, *session)
        return self._find_by_id(reference, command.options.gateway)

    def _find_at_path(self, path: str, reference: str = "") -> Step:
        """The newest request at ``path``: of the session named, else the open one, else the one pulled last."""
        looked_at = self._iterate_steps(reference)
        here = [step for step in looked_at if step.path == path]
        requests = [step for step in here if step.kind is StepKind.LLM]
        current = [step for step in requests if not step.is_superseded]
        if found := (current or requests or here):
            return found[-1]
        known = join_paths(dict.fromkeys(step.path for step in reversed(looked_at)))
        raise InputError(f"no request at {path!r} in this session.", hint=f"paths used so far: {known}")

    def _iterate_steps(self, reference: str) -> Sequence[Step]:
        notebook = self._notebook
        if reference:
            loaded = notebook.journal.load_session(notebook.journal.find_session(reference).id)
            return loaded[1] if loaded else []
        pulled = load_recorded(notebook.journal, notebook.production.last_pulled or "")
        return [*(pulled[1] if pulled else ()), *(notebook.session.steps if notebook.session else ())]

    def _find_by_id(self, text: str, spec: str | None) -> Step:
        """The request of this id: the journal's, else Helicone's."""
        reference = parse_reference(text, bare="request_id")
        if not reference.request_id:
            raise InputError(
                "that is the address of a session's page, and edit wants a request's.",
                hint=f"%helicone_session pull {text[:300]} brings the session; then edit /path",
            )
        known = self._find_recorded(reference.request_id)
        if known is not None and known.messages:
            return known
        hosts = self._notebook.helicone.find_readable_hosts(spec, self._notebook.session)
        check_same_place(reference, hosts)
        return self._notebook.production.find_step(reference.request_id, hosts)

    def _find_recorded(self, request_id: str) -> Step | None:
        """The journal's step of a request; None also where the journal cannot be read, for Helicone can be asked."""
        try:
            return self._notebook.journal.find_step(request_id)
        except JournalError:
            return None

    def _find_model(self, model: str) -> tuple[str, tuple[str, ...]]:
        """The model, unless the open session's gateway cannot have it."""
        session = self._notebook.session
        if session is None or not model:
            return model, ()
        try:
            return check_model(session.choice.gateway, model), ()
        except UnknownModelError:
            return "", (f"the gateway {session.choice.gateway.label!r} has no {model!r}: its own model is asked",)

    def _describe_additions(self, step: Step, cell: EditedCell) -> list[str]:
        """What the open session would send besides, which the request did not have."""
        options = self._notebook.session.options if self._notebook.session else None
        if options is None or not cell.is_prompt:
            return []
        added = [name for name in options.parameters if name not in step.parameters]
        added += ["temperature"] if options.temperature is not None and "temperature" not in step.parameters else []
        return [f"this session's own options come on top: {', '.join(added)}"] if added else []


def _check_request(step: Step) -> None:
    if step.kind is not StepKind.LLM:
        raise InputError(
            f"{step.path} is a step of the kind {step.kind.value}, and no request to a model.",
            hint="edit the request that led to it, at the path above",
        )
    if not step.messages:
        raise InputError(
            f"the request at {step.path} is recorded without its messages.",
            hint=f"%helicone_session pull {step.session_id} brings them, where Helicone has them",
        )


def describe_cell(cell: EditedCell) -> tuple[str, ...]:
    """The variables that it names, and what it cannot say."""
    return (*_describe_variables(cell.variables), *cell.notes)


def _describe_variables(variables: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, value in variables.items():
        what = format_count(len(value), "message") if isinstance(value, list) else "the prompt"
        change = f"; change one with {name}[0]['content'] = …" if isinstance(value, list) else ""
        lines.append(f"{name}: {what}, in a variable of the notebook{change}")
    return lines
