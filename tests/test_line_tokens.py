"""The words of a magic's line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliconemagic.errors import InputError
from heliconemagic.lines.tokens import split_line


def texts(line: str) -> list[str]:
    """The words without where they stood."""
    return [token.text for token in split_line(line)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  \t ", []),
        ("/a  -m x", ["/a", "-m", "x"]),
        ("/quiz/{{ row.topic }} -q", ["/quiz/{{ row.topic }}", "-q"]),
        ("/quiz/{{ row['a b'] }}/{{ n }}", ["/quiz/{{ row['a b'] }}/{{ n }}"]),
        ('/{{ {"a": {"b": 1}} }} x', ['/{{ {"a": {"b": 1}} }}', "x"]),
        ('/{{ "}}" }} x', ['/{{ "}}" }}', "x"]),
        ("/{{ it's }} don't", ["/{{ it's }}", "don't"]),
        ("/{{ open", ["/{{", "open"]),
        ("O'Brien's {} }}", ["O'Brien's", "{}", "}}"]),
        ('5" pipe', ['5"', "pipe"]),
        ('-s "be short" x', ["-s", "be short", "x"]),
        ("-s 'say \"hi\"'", ["-s", 'say "hi"']),
        ("''", [""]),
        ('--system="be short" -p a="b c"', ["--system=be short", "-p", "a=b c"]),
    ],
)
def test_words_are_split_at_blanks_outside_quotes_and_spans(line: str, words: list[str]) -> None:
    """Quotes that open a word, and template spans, hold their blanks."""
    assert texts(line) == words


def test_only_quotes_and_backslashes_are_escaped_inside_double_quotes() -> None:
    """Windows paths and LaTeX come through; a quote and a backslash can be written."""
    assert texts(r'"C:\new \frac{a}{b} \"x\" \\ \n"') == [r'C:\new \frac{a}{b} "x" \ \n']


def test_nothing_is_escaped_inside_single_quotes() -> None:
    """What stands between single quotes arrives as it is."""
    assert texts(r"""'a\"b\\c'""") == [r"a\"b\\c"]


def test_a_span_inside_quotes_keeps_its_own_quotes() -> None:
    """A quote inside ``{{ … }}`` closes nothing, and its escapes are the expression's."""
    assert texts(r""""on {{ d["a \" b"] }} \"now\"" -q""") == [r'on {{ d["a \" b"] }} "now"', "-q"]


def test_a_token_knows_where_it_stood() -> None:
    """Start and end are those of the typed form, quotes included."""
    path, text = split_line('/a "b c"')
    assert (path.was_quoted, path.start, path.end) == (False, 0, 2)
    assert (text.was_quoted, text.start, text.end) == (True, 3, 8)


def test_an_unclosed_quote_says_where_it_was_opened() -> None:
    """The column and the words after it are named, and what to type."""
    with pytest.raises(InputError, match="column 4 is never closed: '\"b c'") as caught:
        split_line('/a "b c')
    assert "close it" in str(caught.value)


def test_words_sticking_to_a_closing_quote_are_refused() -> None:
    """``"a"b`` could mean two things."""
    with pytest.raises(InputError, match="'b' sticks to the closing quote at column 3"):
        split_line('"a"b')


@given(st.text(st.characters(exclude_characters="\"'{}")))
def test_plain_text_is_split_as_python_splits_it(line: str) -> None:
    """Without quotes and braces there is nothing special."""
    assert texts(line) == line.split()


@given(st.text("ab \"'{}\\=-", max_size=40))
def test_a_token_is_always_a_slice_of_the_line(line: str) -> None:
    """Whatever is typed, words follow each other, or the error is ours."""
    try:
        tokens = split_line(line)
    except InputError:
        return
    ends = [0, *(token.end for token in tokens)]
    assert all(end <= token.start < token.end for end, token in zip(ends, tokens, strict=False))
