"""A session as a table: CSV that spreadsheets read and don't run, and a typed DataFrame."""

from __future__ import annotations

import csv
import io
import re
import sys
import types
from dataclasses import replace
from typing import Any

import pytest
from environs import ROOT
from export_samples import build_sample, build_steps, export

from heliconemagic.errors import InputError
from heliconemagic.export.frame import DTYPES, build_dataframe
from heliconemagic.export.signature import MARK, is_changed_export, is_export
from heliconemagic.export.table import COLUMNS, build_csv, iterate_rows


def read_rows(text: str) -> list[dict[str, str]]:
    """The rows as a program reads them."""
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_each_step_is_a_row() -> None:
    """With its figures, its parent's number, and what was thought of it."""
    rows = read_rows(build_csv(build_sample()))
    assert [row["path"] for row in rows] == [step.path for step in build_steps()]
    second = rows[1]
    assert (second["seconds"], second["prompt_tokens"], second["cost_usd"], second["attempts"]) == (
        "2.25",
        "100",
        "0.0012",
        "2",
    )
    assert (second["thumb"], second["scores"], second["notes"]) == ("true", '{"accuracy": 4}', "clear")
    assert (second["system"], second["prompt"]) == ("Answer briefly.", "An abstract of the tides.")
    assert rows[2]["parent"] == "2" and rows[0]["is_superseded"] == "true" and rows[3]["cost_usd"] == ""
    assert second["started_at"] == "2025-11-13T02:13:40.000+00:00"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t=", " =", "\n@"])
def test_no_cell_is_a_formula(begin: str) -> None:
    """Whatever a model or a file says; a row stays a row."""
    evil = f'{begin}HYPERLINK("https://evil.example","x")\r\n,"'
    step = replace(build_steps()[1], text=evil, user=evil, error=evil, properties={evil: evil}, parameters={evil: 1})
    (row,) = read_rows(build_csv(export([step])))
    assert all(not cell.lstrip(" \n").startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row.values())
    assert "HYPERLINK" in row["text"] and row["session_name"] == "Course Creation"


def test_a_table_with_another_column_is_no_export_any_more() -> None:
    """Where somebody gave marks, for one; the table's last column has nothing but the export's mark."""
    text = build_csv(build_sample())
    head, _, rows = text.partition("\r\n")
    assert is_export(text.encode()) and head.split(",")[-1].startswith(MARK)
    assert {row[head.split(",")[-1]] for row in read_rows(text)} == {""}
    assert is_changed_export(f"{head},grade\r\n{rows}".encode())


def test_docs_name_every_column() -> None:
    """In the words of the table."""
    page = (ROOT / "docs" / "exports.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", page, re.MULTILINE)
    assert told == [(column.name, column.kind, column.help) for column in COLUMNS]


class Frame(dict[str, Any]):
    """A table as pandas has it, as far as it is needed here."""


def test_dataframe_has_the_same_columns_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are times, counts whole numbers with a place for nothing."""
    pandas: Any = types.ModuleType("pandas")
    pandas.Series = lambda values, dtype: (dtype, values)
    pandas.DataFrame = Frame
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    frame = build_dataframe(build_sample())
    assert list(frame) == [column.name for column in COLUMNS]
    assert {dtype for dtype, _ in frame.values()} == set(DTYPES.values())
    assert frame["prompt_tokens"][1][:4] == [100, 100, 100, None]
    assert frame["text"][1] == [row["text"] for row in iterate_rows(build_sample())]


def test_without_pandas_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """pandas is no dependency."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match="needs pandas, which is not installed") as caught:
        build_dataframe(build_sample())
    assert "pip install pandas" in (caught.value.hint or "")
