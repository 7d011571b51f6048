"""A ``%%helicone_step`` cell: the step that it is while its code runs. Knows no IPython, and doesn't run the code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.lines.step_line import StepCommand
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.planning.step import parse_path
from heliconemagic.prompt.templates import TemplateMode
from heliconemagic.records import Cell, Step
from heliconemagic.session_state import Session
from heliconemagic.steps.capture import capture_input, capture_output
from heliconemagic.steps.cell_code import choose_output, find_assigned
from heliconemagic.steps.inside import find_around
from heliconemagic.steps.traced import TracedForm


class StepCell:
    """The step of one cell, from the line that begins it to the cell's end."""

    def __init__(
        self,
        notebook: Notebook,
        session: Session,
        command: StepCommand,
        source: str,
        *,
        names: Mapping[str, Any],
        cell: Cell,
        prefix: str = "",
    ) -> None:
        self._find_redactor = notebook.traced.find_redactor
        self._session = session
        self.command = command
        self.note = ""  # what the footer has to say besides
        self._source = source
        self._names = names
        around = find_around(session.record.id)
        form = TracedForm(
            path=parse_path(prefix + command.path, names, TemplateMode.SPANS) or "",
            kind=command.kind,
            name=command.name,
            input=self._build_input(),
            parent_id=around.id if around else None,
            is_recorded=command.is_logged,
        )
        self._open = notebook.traced.open(session, form, cell)
        self._open.stay()

    @property
    def session(self) -> Session:
        """The session that it is of."""
        return self._session

    @property
    def step(self) -> Step:
        """Its newest state."""
        return self._open.step

    def _build_input(self) -> str:
        wanted = self.command.inputs
        if not self._source.strip():
            raise InputError("the step has no code.", hint="write it below the %%helicone_step line")
        missing = next((name for name in wanted if name not in self._names), None)
        if missing is not None:
            raise InputError(
                f"--input {missing}: there is no such variable.", hint="assign it in a cell above, or leave --input out"
            )
        values = {name: self._names[name] for name in wanted} if wanted else {"code": self._source.rstrip("\n")}
        return capture_input(values, self._find_redactor().redact)

    def end(self, value: Any = None, error: BaseException | None = None, *, spell: Callable[[str], str] = str) -> Step:
        """Ends the step with what the code gave or raised; ``spell`` turns IPython's own syntax into Python."""
        given = None if error is not None else self._find_output(value, spell)
        return self._open.end(text=capture_output(given, self._find_redactor().redact), error=error)

    def _find_output(self, value: Any, spell: Callable[[str], str]) -> Any:
        wanted = self.command.output
        if wanted is not None:
            self.note = "" if wanted in self._names else f"no variable {wanted!r} to take the output from"
            return None if self.note else self._names[wanted]
        return choose_output(value, () if value is not None else find_assigned(spell(self._source)), self._names)
