"""Plans the steps of a batch: one for each row, everything checked before it is sent.

What all rows share is found once; a row costs its template, its headers and its fingerprint. Rows
of a list are all tried before the first is sent, those of a generator when their turn comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from heliconemagic.batches.history import RowHistory
from heliconemagic.batches.rows import RowSource, build_no_rows, open_rows, spell_segment
from heliconemagic.client import DEFAULT_ROW_TIMEOUT
from heliconemagic.errors import HeliconeMagicError, InputError
from heliconemagic.gateways.keys import Keys
from heliconemagic.lines.options import CellCommand
from heliconemagic.names import LayeredNames
from heliconemagic.planning.plan import Plan, Setting
from heliconemagic.planning.step import parse_path, plan_step
from heliconemagic.prompt.templates import TemplateMode, compute_expression, fill_template, find_names
from heliconemagic.records import Cell
from heliconemagic.redaction import Redactor
from heliconemagic.session_state import Session

ROW_NAMES = ("row", "row_number")
MAX_RESPELLED = 100
"""Values spelled differently in paths that are counted."""


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One row: its number, counted from 1, and what the list or generator gave."""

    number: int
    value: Any


class RowPlanner:
    """What ``--for`` asks for; `iterate_rows` gives the rows, `plan` a row's step."""

    def __init__(
        self,
        session: Session,
        command: CellCommand,
        prompt: str,
        *,
        names: Mapping[str, Any],
        cell: Cell,
        setting: Setting,
    ) -> None:
        assert command.rows is not None
        self.session = session
        self.setting = setting
        if setting.options.timeout is None:
            self.setting = replace(setting, options=replace(setting.options, timeout=DEFAULT_ROW_TIMEOUT))
        self._command = replace(command, streams=False)  # nobody reads a row's answer as it grows
        self._prompt = prompt
        self._names = names
        self._cell = cell
        self._keys = setting.keys
        self._respelled: dict[str, str] = {}
        self._check_names()
        self.source = _find_rows(command.rows, names)
        self.history = RowHistory(session, cell.id, is_anew=command.is_anew)

    def _check_names(self) -> None:
        """Rows that nothing names would all be asked the same."""
        texts = (self._prompt, self._command.path or "", self._command.after or "", self.setting.options.system or "")
        if any(find_names(text, mode=self._command.mode) & set(ROW_NAMES) for text in texts):
            return
        hint = "write {{ row }}, or {{ row.name }} for one of its values, into the prompt"
        if self._command.mode is TemplateMode.RAW:
            hint = "--raw fills nothing in: leave it out"
        raise InputError("nothing in this cell names the row: every row would be asked the same.", hint=hint)

    def iterate_rows(self) -> Iterator[BatchRow]:
        """The rows, numbered."""
        for number, value in enumerate(self.source.open(), start=1):
            yield BatchRow(number, value)

    def check_rows(self) -> None:
        """Tries the templates of all rows that are there already.

        Raises:
            InputError: of a row, by its number; nothing was sent.
        """
        for row in self.iterate_rows() if self.source.is_checked_first else ():
            with _naming(row, self._keys):
                names, mode = self._layer(row), self._command.mode
                fill_template(self._prompt, names, mode=mode)
                parse_path(self._command.path, names, mode, self._spell)

    def plan(self, row: BatchRow) -> Plan:
        """The step of one row.

        Raises:
            InputError, CredentialError: it cannot be sent.
        """
        with _naming(row, self._keys):
            plan = plan_step(
                self.session,
                self._command,
                self._prompt,
                names=self._layer(row),
                cell=self._cell,
                setting=self.setting,
                history=self.history,
                spell=self._spell,
            )
        self.session.attachments.put(plan.request.attachments)
        return replace(plan, step=replace(plan.step, is_aside=True))

    def _layer(self, row: BatchRow) -> Mapping[str, Any]:
        return LayeredNames({"row": row.value, "row_number": row.number}, self._names)

    def _spell(self, text: str) -> str:
        spelled = spell_segment(text)
        if spelled != text and len(self._respelled) < MAX_RESPELLED:
            self._respelled[text] = spelled
        return spelled

    def describe_rows(self) -> str:
        """How many rows there are, for ``--dry-run``."""
        count = self.source.count
        return f"row 1 of {count:,}" if count is not None else "row 1; how many there are the generator doesn't tell"

    def describe_spelling(self) -> str:
        """What is said of values that a path spells differently; empty if there are none."""
        if not self._respelled:
            return ""
        text, spelled = next(iter(self._respelled.items()))
        count = len(self._respelled)
        more = f", and {count - 1} {'other' if count == 2 else 'others'}" if 1 < count < MAX_RESPELLED else ""
        more = ", and many others" if count == MAX_RESPELLED else more
        return f"paths are plain ASCII: {text[:40]!r} stands there as {spelled[:40]!r}{more}"

    def build_no_rows(self, cause: Exception | None) -> InputError:
        """The error of a generator that gave nothing, or failed at once."""
        error = build_no_rows(self.source.expression, is_spent=cause is None)
        if cause is not None:
            error.cause = Redactor(self._keys.secrets).redact_lookalikes(f"{type(cause).__name__}: {cause}")
        return error


_ROW_MAKERS = {"range": range}
"""What Python offers besides a prompt's functions: rows that only count."""


def _find_rows(expression: str, names: Mapping[str, Any]) -> RowSource:
    try:
        value = compute_expression(expression, LayeredNames(names, _ROW_MAKERS))
    except InputError as error:
        error.message = f"--for {error.message}"
        error.hint = error.hint or "name a list, a DataFrame, a generator, or a function that makes one"
        raise
    return open_rows(value, expression)


@contextmanager
def _naming(row: BatchRow, keys: Keys) -> Iterator[None]:
    """Says which row an error is about, and keeps keys out of it."""
    try:
        yield
    except HeliconeMagicError as error:
        redact = Redactor(keys.secrets).redact_lookalikes
        error.rewrite(redact)
        error.message = f"row {row.number:,}: {error.message}"
        raise


class RowReader:
    """The rows one after another, up to the last, or to where the notebook's own generator fails."""

    def __init__(self, rows: Iterator[BatchRow]) -> None:
        self.error: Exception | None = None
        """Why there are no more."""
        self._rows: Iterator[BatchRow] | None = rows

    def read(self) -> BatchRow | None:
        """The next row; None at the end, and from then on."""
        if self._rows is None:
            return None
        try:
            row = next(self._rows, None)
        except Exception as error:  # noqa: BLE001  # of the notebook's generator: the batch ends there
            self.error, row = error, None
        if row is None:
            self._rows = None
        return row
