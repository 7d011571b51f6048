"""Rows as a pandas DataFrame. pandas is no dependency: it is imported when somebody asks, and only here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from heliconemagic.errors import InputError


def build_frame(rows: Sequence[Mapping[str, Any]], *, without: str, columns: Mapping[str, str] | None = None) -> Any:
    """The rows as a DataFrame; ``without`` says what there is where pandas is missing.

    ``columns`` gives names and pandas' types; else they are what pandas makes of the rows.

    Raises:
        InputError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise InputError(
            "a DataFrame needs pandas, which is not installed.",
            hint=f"type %pip install pandas; without it, {without}",
        ) from error
    if columns is None:
        return pandas.DataFrame(list(rows))
    return pandas.DataFrame(
        {name: pandas.Series([row[name] for row in rows], dtype=dtype) for name, dtype in columns.items()}
    )
