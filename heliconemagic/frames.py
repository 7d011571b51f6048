"""Rows as a pandas DataFrame. pandas is no dependency: it is imported when somebody asks, and only here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from heliconemagic.errors import InputError


def build_frame(rows: Sequence[Mapping[str, Any]], *, without: str) -> Any:
    """The rows as a DataFrame; ``without`` names what there is where pandas is missing.

    Raises:
        InputError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise InputError(
            "a DataFrame needs pandas, which is not installed.",
            hint=f"type %pip install pandas; without it, {without} is a list of dictionaries",
        ) from error
    return pandas.DataFrame(list(rows))
