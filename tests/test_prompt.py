"""Prompts are filled span by span, and arrive byte for byte elsewhere."""

import asyncio
import math
import re
import types
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliconemagic.errors import InputError, TemplateError
from heliconemagic.prompt.templates import compute_expression, fill_template, find_awaitables, find_names

UNTOUCHED = {
    "json": '{"a": {"b": [1, {"c": "d"}]}, "e": "$x {y}"}',
    "latex": r"\frac{a}{b} $x_{1}$ \textbf{\emph{c}} }} %",
    "f-string": "f'{x!r:>{width}}' {'k': {1, 2}} {1}",
    "jinja": "{% for x in xs %}{# note #}{% endfor %} {%- raw -%}",
    "css": "a{color:red}@media print{a{color:#000}}",
    "shell": "${HOME} $(ls) `pwd` $$ !x",
    "doctest": ">>> x\n... y\nIn [1]: z\n",
    "crlf": "a\r\nb\r\n",
    "lone cr": "a\rb\n\rc",
    "trailing blanks": "  a  \t\n  \n\n",
    "non-bmp": "😀 𝔘 é \u200b\u202e \x00 \ufeff",
    "empty": "",
}


@pytest.mark.parametrize("text", UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_text_around_spans_arrives_byte_for_byte(text: str) -> None:
    """Alone, and around a span."""
    assert fill_template(text, {}).text == text
    assert fill_template(f"{text}{{{{ x }}}}{text}", {"x": "-"}).text == f"{text}-{text}"


@pytest.mark.parametrize(
    "text", [r"\frac{{a}}{{b}}", "ref: ${{ github.ref }}", "{{ x }}", "f'{{{x}}}'", "{{ unclosed\r\n", "{{- a -}}"]
)
def test_raw_leaves_everything_alone(text: str) -> None:
    """With ``--raw`` even ``{{`` is text."""
    assert fill_template(text, {"x": 1, "a": 2}, mode="raw").text == text


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_a_span_is_never_changed(text: str) -> None:
    """Any text without ``{{``."""
    assert fill_template(text, {"x": 1}).text == text


@given(st.text(st.sampled_from("ab{}%#$'\"\\ \r\n")))
def test_a_value_is_never_scanned_again(value: str) -> None:
    """A value that looks like a template stays what it is, in both template modes."""
    for mode in ("spans", "jinja"):
        assert fill_template("<{{ x }}|{{ x }}>", {"x": value}, mode=mode).text == f"<{value}|{value}>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ topic }}", "bees"),
        ("{{topic}}{{n}}", "bees3"),
        ("{{ {'a': {'b': 1}}['a']['b'] }}", "1"),
        ("{{{'a':{'b':n}}}}", "{'a': {'b': 3}}"),
        ("{{ '}}' }} {{ '{{' }}", "}} {{"),
        ("{{ steps['/abstract'] | upper }}", "ABOUT BEES"),
        ("{{ len(xs) }} {{ str(n) }} {{ round(2.5678, 2) }} {{ sorted(xs) }} {{ min(xs) }} {{ max(xs) }}",
         "2 3 2.57 [1, 2] 1 2"),
        ("{{ topic if n > 2 else 'ants' }}", "bees"),
        ("{{ xs[0]\r\n+ n }}", "5"),
        ("{{ missing | default('nobody') }}", "nobody"),
        ("{{ '%.2f' | format(n) }}", "3.00"),
        ("{{ none or 'nothing' }} {{ str(none) }}", "nothing None"),
    ],
)  # fmt: skip
def test_a_span_is_an_expression_on_the_notebook_s_values(text: str, expected: str) -> None:
    """Filters, subscripts, calls and conditions work; the first ``}}`` that makes an expression ends it."""
    names = {"topic": "bees", "n": 3, "xs": [2, 1], "steps": {"/abstract": "about bees"}}
    assert fill_template(text, names).text == expected


def test_a_broken_span_is_refused_however_much_follows() -> None:
    """It cannot reach over the whole prompt for its end, and the spans after it do not hide it."""
    with pytest.raises(TemplateError, match=r"'{{ a b }}' \(line 1\) is not an expression"):
        fill_template("{{ a b }}" + " {{ n }}" * 500, {"n": 1})


def test_the_notebook_s_own_names_win_over_the_offered_functions() -> None:
    """A variable called ``max`` is meant where somebody made one."""
    assert fill_template("{{ max }}", {"max": 7}).text == "7"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ topik }}", "'topik' is not defined in the notebook.\n  hint: did you mean 'topic'? For a literal"),
        ("one\n{{ github.ref }}", "'{{ github.ref }}' (line 2) cannot be filled: 'github' is not defined"),
        (r"\frac{{a}}{{b}}", "notebook.\n  hint: for a literal '{{' use --raw, or write {{ '{{' }}"),
        ("{{a} b", "the '{{' in line 1 is never closed"),
        ("{{}}", "is not an expression"),
        ("{{ n:.2f }}", "type {{ '%.2f' | format(n) }}"),
        ("{{ [x for x in xs] }}", "is not an expression"),
        ("{{- n }}", "type {{ n }}, or {{ -n }} for a minus, or use --jinja"),
        ("{{ d.naem }}", "the dict has no 'naem'.\n  hint: did you mean 'name'"),
        ("{{ d['zzz'] }}", "the dict has no 'zzz'.\n  hint: it has 'name'"),
        ("{{ xs[7] }}", "the list has no 7"),
        ("{{ topic | uper }}", "No filter named 'uper'.\n  hint: did you mean 'upper'"),
        ("{{ sum(xs) }}", "Python's 'sum' is not offered in a prompt.\n  hint: offered are len str round"),
        ("{{ n / 0 }}", "'{{ n / 0 }}' (line 1) cannot be filled.\n  cause: ZeroDivisionError: division by zero"),
        ("{{ topic.__class__.__mro__ }}", "SecurityError: access to attribute '__class__'"),
        ("{{ d.name.nope }}", "the str has no 'nope'"),
        ("{{ missing + 1 }}", "'missing' is not defined"),
    ],
)
def test_what_cannot_be_filled_is_an_error_that_names_the_span(text: str, message: str) -> None:
    """Nothing is sent; the error says what is wrong and what to type."""
    names = {"topic": "bees", "n": 3, "xs": [1], "d": {"name": "Ada"}}
    with pytest.raises(TemplateError, match=re.escape(message)):
        fill_template(text, names)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "is None.\n  hint: type {{ x or '…' }}"),
        (len, "is a function.\n  hint: did you mean to call it? {{ x() }}"),
        ("".upper, "is a function"),
        (math, "is a module"),
        (ValueError, "is a class"),
        (b"abc", "is bytes, not text.\n  hint: type {{ x.decode() }}"),
        (iter([1]), "has no text of its own.\n  hint: type {{ x | list }}"),
        (types.SimpleNamespace, "is a class"),
        (object(), "is a object, which has no text of its own"),
    ],
)
@pytest.mark.parametrize("mode", ["spans", "jinja"])
def test_values_that_are_a_mistake_nearly_always_are_refused(value: Any, message: str, mode: str) -> None:
    """Nobody wants to send ``<function f at 0x7f…>``."""
    with pytest.raises(TemplateError, match=re.escape(message)):
        fill_template("{{ x }}", {"x": value}, mode=mode)


class _Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no")


class _Refusing(dict[str, str]):
    def __missing__(self, key: str) -> str:
        raise InputError("the step failed.", hint="run it again")


def test_errors_of_the_notebook_s_own_objects_name_the_span() -> None:
    """Their own words are the cause; an error of ours keeps its hint."""
    with pytest.raises(
        TemplateError, match=r"_Unprintable '{{ x }}' cannot be turned into text\.\n  cause: RuntimeError: no"
    ):
        fill_template("{{ x }}", {"x": _Unprintable()})
    with pytest.raises(TemplateError, match=r"the step failed\.\n  hint: run it again"):
        fill_template("{{ steps['/a'] }}", {"steps": _Refusing()})


class _Frame:
    """A data frame as far as a prompt needs one; its index counts, unless it has labels."""

    def __init__(self, columns: list[str], rows: list[list[Any]], labels: list[str] | None = None) -> None:
        self._columns, self._rows, self._labels = columns, rows, labels

    @property
    def columns(self) -> list[str]:
        return self._columns

    @property
    def index(self) -> Any:
        return types.SimpleNamespace(names=["key"]) if self._labels else RangeIndex()

    def __len__(self) -> int:
        return len(self._rows)

    def head(self, count: int) -> "_Frame":
        return _Frame(self._columns, self._rows[:count], self._labels)

    def itertuples(self, *, index: bool, name: None) -> list[tuple[Any, ...]]:
        assert name is None
        labels = [[label] for label in self._labels or []] if index else [[] for _ in self._rows]
        return [(*label, *row) for label, row in zip(labels, self._rows, strict=True)]


class RangeIndex:
    """Named as pandas names the index that only counts."""


def test_a_small_table_is_sent_whole_as_markdown() -> None:
    """With its index where that says something; bars and line breaks stay within their cell."""
    frame = _Frame(["a", "b"], [["007", "x|y"], [2, "two\nlines"]], labels=["r", "s"])
    filled = fill_template("{{ df }}", {"df": frame})
    assert filled.text.splitlines() == [
        "| key | a | b |",
        "| --- | --- | --- |",
        r"| r | 007 | x\|y |",
        "| s | 2 | two lines |",
    ]
    assert filled.notes == ()


@pytest.mark.parametrize("mode", ["spans", "jinja"])
def test_a_long_table_is_cut_and_both_sides_are_told(mode: str) -> None:
    """The person by a note, the model by a line below the table."""
    frame = _Frame(["a"], [[number] for number in range(2000)])
    filled = fill_template("{{ df }}", {"df": frame}, mode=mode)
    assert filled.notes == ("_Frame df: 10 of 2,000 rows",)
    assert filled.text.splitlines()[-2:] == ["| 9 |", "(first 10 of 2,000 rows)"]


def test_a_wide_table_is_cut() -> None:
    """At 30 columns."""
    frame = _Frame([f"c{number}" for number in range(50)], [list(range(50))])
    filled = fill_template("{{ df }}", {"df": frame})
    assert filled.notes == ("_Frame df: 30 of 50 columns",)
    assert filled.text.splitlines()[0].endswith("| c29 |")


class _PolarsFrame:
    """A data frame that has no index."""

    columns = ("a", "b")

    def __len__(self) -> int:
        return 1

    def head(self, count: int) -> "_PolarsFrame":
        return self

    def iter_rows(self) -> list[tuple[int, int]]:
        return [(1, 2)]


class _Series:
    """A column with or without labels."""

    dtype = "int64"

    def __init__(self, values: list[int], index: Any) -> None:
        self._values, self.index = values, index

    def __len__(self) -> int:
        return len(self._values)

    def head(self, count: int) -> "_Series":
        return _Series(self._values[:count], self.index)

    def to_list(self) -> list[int]:
        return self._values

    def items(self) -> list[tuple[str, int]]:
        return [(f"k{value}", value) for value in self._values]


class _Array:
    """Numbers that shorten themselves when printed."""

    shape, dtype = (30, 100), "int64"

    def tolist(self) -> list[int]:
        return []

    def __str__(self) -> str:
        return "[0 1 ... 2999]"


def test_frames_without_an_index_series_and_arrays_are_shown_too() -> None:
    """A series with its labels where it has some; what shortens itself is noted."""
    names = {
        "frame": _PolarsFrame(),
        "plain": _Series(list(range(70)), RangeIndex()),
        "labelled": _Series([1, 2], object()),
        "array": _Array(),
    }
    filled = fill_template("{{ frame }}\n{{ labelled }}\n{{ array }}\n{{ plain }}", names)
    assert filled.text.startswith("| a | b |\n| --- | --- |\n| 1 | 2 |\nk1: 1\nk2: 2\n[0 1 ... 2999]\n0\n1\n")
    assert filled.text.endswith("\n9\n(first 10 of 70 values)")
    assert filled.notes == ("_Array array: shortened, 3,000 values", "_Series plain: 10 of 70 values")


def test_real_frames_series_and_arrays_are_capped() -> None:
    """pandas and numpy, where they are installed."""
    pandas, numpy = pytest.importorskip("pandas"), pytest.importorskip("numpy")
    names = {"df": pandas.DataFrame({"a": range(99)}), "s": pandas.Series({"x": 1, "y": 2}), "arr": numpy.arange(3000)}
    filled = fill_template("{{ df }}\n{{ s }}\n{{ arr }}", names)
    assert filled.notes == ("DataFrame df: 10 of 99 rows", "ndarray arr: shortened, 3,000 values")
    assert "\nx: 1\ny: 2\n" in filled.text


def test_names_are_found_before_anything_is_filled() -> None:
    """Also those that don't exist, in any place of an expression."""
    text = "{{ last_error }} {{ d.a[k] }} {{ [len(y), '}}'] }} {% if z %}"
    assert find_names(text) == {"last_error", "d", "k", "len", "y"}
    assert find_names("{% if z %}{{ w }}{% endif %}", mode="jinja") == {"z", "w"}
    assert find_names(text, mode="raw") == set()
    assert find_names("{% broken", mode="jinja") == set()  # filling says what is wrong


def test_awaitables_are_found_and_refused_until_they_are_awaited() -> None:
    """The caller awaits them and passes what they gave."""

    async def give() -> str:
        return "honey"

    async def fill() -> str:
        names: dict[str, Any] = {"x": asyncio.ensure_future(give()), "y": 1}
        with pytest.raises(TemplateError, match=r"'{{ x }}' is a \w*Task that was never awaited"):
            fill_template("{{ x }}", names)
        found = find_awaitables("{{ x }} {{ y }} {{ z }}", names)
        assert list(found) == ["x"]
        return fill_template("{{ x }}", {**names, "x": await found["x"]}).text

    assert asyncio.run(fill()) == "honey"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_the_full_language_keeps_line_ends(newline: str) -> None:
    """The last one too."""
    text = newline.join(["{% for x in xs %}", "- {{ x }}", "{% endfor %}", ""])
    filled = fill_template(text, {"xs": [1, 2]}, mode="jinja")
    assert filled.text == newline.join(["", "- 1", "", "- 2", "", ""])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n{% if %}", "not a Jinja template (line 2)"),
        ("{{ topik }}", "'topik' is not defined in the notebook.\n  hint: did you mean 'topic'"),
        ("{{ 1 / zero }}", "cause: ZeroDivisionError"),
        ("{{ topic.__class__ }}", "SecurityError"),
    ],
)
def test_the_full_language_is_strict_and_sandboxed_too(text: str, message: str) -> None:
    """Errors are converted as those of spans are."""
    with pytest.raises(TemplateError, match=re.escape(message)):
        fill_template(text, {"topic": "bees", "zero": 0}, mode="jinja")


def test_template_counts_no_further_than_the_sandbox() -> None:
    """A number with too many noughts takes no hour."""
    with pytest.raises(TemplateError, match="the template cannot be filled") as caught:
        fill_template("{% for n in range(10**9) %}{{ n }}{% endfor %}", {}, mode="jinja")
    assert "Range too big" in (caught.value.cause or "")


def test_expression_that_fails_says_why_once() -> None:
    """In the cause, without an empty reason before it."""
    with pytest.raises(TemplateError) as caught:
        compute_expression("1/0", {})
    told = (caught.value.message, caught.value.cause)
    assert told == ("'1/0' cannot be computed.", "ZeroDivisionError: division by zero")
