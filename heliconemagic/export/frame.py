"""A session's table as a pandas DataFrame; pandas is not needed for anything else."""

from __future__ import annotations

from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.export.session import ExportedSession
from heliconemagic.export.table import COLUMNS, iterate_rows

DTYPES = {"text": "string", "whole": "Int64", "number": "float64", "flag": "boolean", "moment": "datetime64[ns, UTC]"}
"""pandas' own types; all but a number have a place for nothing, and a number's is NaN."""


def build_dataframe(session: ExportedSession) -> Any:
    """The columns of the CSV, typed, a row for each step.

    Raises:
        InputError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise InputError(
            "a DataFrame needs pandas, which is not installed.",
            hint='type %pip install pandas; without it, session.export("session.csv") writes the same table',
        ) from error
    rows = iterate_rows(session)
    columns = {
        column.name: pandas.Series([row[column.name] for row in rows], dtype=DTYPES[column.kind]) for column in COLUMNS
    }
    return pandas.DataFrame(columns)
