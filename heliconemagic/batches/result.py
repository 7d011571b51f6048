"""What a batch gives: a list with a reply for each row that was answered, and a word for each that wasn't."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from heliconemagic.frames import build_frame
from heliconemagic.records import Step
from heliconemagic.reply import Reply
from heliconemagic.usage import Usage

COLUMNS = ("text", "path", "model", "cost", "tokens", "latency", "status", "error")
"""What `BatchResult.records` says of a row besides its own values."""


class FailedRow:
    """A row without an answer; false, so that ``[reply for reply in replies if reply]`` leaves it out.

    ``status`` is ``failed``, ``interrupted`` or ``not sent``.
    """

    def __init__(self, *, row: Any, number: int, path: str, status: str, error: str, step: Step | None = None) -> None:
        self.row = row
        self.number = number
        self.path = path
        self.status = status
        self.error = error
        self._step = step

    @property
    def text(self) -> str:
        """What had arrived; mostly nothing."""
        return self._step.text if self._step else ""

    @property
    def model(self) -> str | None:
        """The model that was asked."""
        return self._step.model if self._step else None

    @property
    def usage(self) -> Usage | None:
        """Tokens, where the provider counted some all the same."""
        return self._step.usage if self._step else None

    @property
    def cost(self) -> float | None:
        """USD, where anything is known."""
        return self._step.cost if self._step else None

    @property
    def latency(self) -> float | None:
        """Seconds until it failed."""
        return self._step.latency if self._step else None

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<FailedRow {self.number}, {self.status}: {self.error.partition(chr(10))[0]!r}>"


class BatchResult(list[Reply | FailedRow]):
    """The replies in the order of the rows; shows itself as the batch's card."""

    def __init__(
        self,
        items: Iterable[Reply | FailedRow] = (),
        *,
        rows: Iterable[Any] = (),
        build_bundle: Callable[[], dict[str, Any]] | None = None,
        is_shown: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(items)
        self.rows = list(rows)
        self._build_bundle = build_bundle
        self._is_shown = is_shown

    @property
    def failed(self) -> list[FailedRow]:
        """The rows without an answer."""
        return [item for item in self if isinstance(item, FailedRow)]

    @property
    def cost(self) -> float | None:
        """USD of the priced answers, those kept from an earlier run included; None where none has a price."""
        costs = [item.cost for item in self if item.cost is not None]
        return sum(costs) if costs else None

    @property
    def records(self) -> list[dict[str, Any]]:
        """One mapping for each row: its own values, then `COLUMNS`. A value named like one of those gets ``row_``."""
        return [{**_list_values(row), **_describe_item(item)} for row, item in zip(self.rows, self, strict=True)]

    @property
    def df(self) -> Any:
        """The same as a pandas DataFrame.

        Raises:
            InputError: pandas is not installed.
        """
        return build_frame(self.records, without=".records is a list of dictionaries")

    def __repr__(self) -> str:
        done = len(self) - len(self.failed)
        return f"<BatchResult: {done:,} of {len(self):,} rows answered>"

    def _ipython_display_(self) -> None:
        if not self._is_shown():
            raise NotImplementedError  # IPython's way of saying: show it by the other forms

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self._build_bundle() if self._build_bundle else {"text/plain": repr(self)}


def _list_values(row: Any) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        return {"row": row}
    return {(f"row_{name}" if name in COLUMNS else str(name)): value for name, value in row.items()}


def _describe_item(item: Reply | FailedRow) -> dict[str, Any]:
    return {
        "text": item.text,
        "path": item.path,
        "model": item.model,
        "cost": item.cost,
        "tokens": item.usage.total_tokens if item.usage else None,
        "latency": item.latency,
        "status": item.status if isinstance(item, FailedRow) else "done",
        "error": item.error if isinstance(item, FailedRow) else None,
    }
