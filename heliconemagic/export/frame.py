"""A session's table as a pandas DataFrame."""

from __future__ import annotations

from typing import Any

from heliconemagic.export.session import ExportedSession
from heliconemagic.export.table import COLUMNS, iterate_rows
from heliconemagic.frames import build_frame

DTYPES = {"text": "string", "whole": "Int64", "number": "float64", "flag": "boolean", "moment": "datetime64[ns, UTC]"}
"""pandas' own types; all but a number have a place for nothing, and a number's is NaN."""


def build_dataframe(session: ExportedSession) -> Any:
    """The columns of the CSV, typed, a row for each step.

    Raises:
        InputError: pandas is not installed.
    """
    columns = {column.name: DTYPES[column.kind] for column in COLUMNS}
    return build_frame(
        iterate_rows(session), without='session.export("session.csv") writes the same table', columns=columns
    )
