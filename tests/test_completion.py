"""What Tab offers on the magics' lines, and that nothing of it is left behind."""

import sys
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from heliconemagic.completion import TypedLine, find_typed_line, install
from heliconemagic.lines.option_table import VERBS, Magic, Scope, list_options
from heliconemagic.lines.suggestions import Suggestion, suggest

Complete = Callable[[str], list[str]]


def suggest_known(magic: Magic, words: Sequence[str], word: str) -> list[Suggestion]:
    """Suggestions of a notebook with three steps."""
    return suggest(
        magic,
        words,
        word,
        paths=["/abstract", "/outline", "/outline/lesson-1"],
        models=["gpt-4o", "gpt-4o-mini"],
        gateways=["oai", "demo"],
        sessions=["Course Creation", "bees"],
        files=["fig", "first chart.png"],
        lists=["shots"],
    )


def list_texts(magic: Magic, words: Sequence[str], word: str) -> list[str]:
    """Their texts."""
    return [suggestion.text for suggestion in suggest_known(magic, words, word)]


@pytest.mark.parametrize(
    ("magic", "words", "word", "expected"),
    [
        ("llm", [], "/out", ["/outline", "/outline/lesson-1"]),
        ("llm", ["/a"], "/out", []),
        ("llm", ["/a"], "--no", ["--no-keep", "--no-stream", "--no-log"]),
        ("llm", ["/a", "-m"], "", ["gpt-4o", "gpt-4o-mini"]),
        ("llm", [], "--model=gpt-4o-", ["--model=gpt-4o-mini"]),
        ("llm", ["--context"], "", ["auto", "path", "chat", "none"]),
        ("llm", ["--gateway"], "d", ["demo"]),
        ("llm", ["--after"], "/a", ["/abstract"]),
        ("llm", ["/a", "-a"], "fi", ["fig", '"first chart.png"']),
        ("llm", ["/a", "-a", "fig", "-a"], '"first', ['"first chart.png"']),
        ("llm", ["/a", "--messages"], "", ["shots"]),
        ("llm", ["-o"], "max", ["max_completion_tokens", "max_tokens"]),
        ("llm", ["-o", "max_tokens"], "", []),
        ("llm", ["-o", "max_tokens", "50"], "--dry", ["--dry-run"]),
        ("llm", ["-s"], "", []),
        ("llm", ["/a", "write"], "-", []),
        ("llm", ["--raw"], "--ji", []),
        ("llm", ["-p", "a=b"], "--prop", ["--property"]),
        ("helicone_session", [], "s", ["show", "stats"]),
        ("helicone_session", [], "cou", ['"Course Creation"']),
        ("helicone_session", [], '"Cou', ['"Course Creation"']),
        ("helicone_session", ["show"], "/a", ["/abstract"]),
        ("helicone_session", ["resume"], "b", ["bees"]),
        ("helicone_session", ["models"], "--", ["--gateway"]),
        ("helicone_session", ["--name"], "b", ["bees"]),
        ("helicone_session", ["end"], "", []),
    ],
)
def test_what_could_be_typed_next(magic: Magic, words: list[str], word: str, expected: list[str]) -> None:
    """Options that can still be given, and the values an option takes."""
    assert list_texts(magic, words, word) == expected


def test_an_empty_word_offers_paths_or_verbs_first_then_long_options() -> None:
    """Short names come with a dash."""
    options = [name for option in list_options(Scope.CELL) for name in option.names if name.startswith("--")]
    assert list_texts("llm", [], "") == ["/abstract", "/outline", "/outline/lesson-1", *options]
    assert list_texts("helicone_session", [], "")[: len(VERBS)] == [verb.name for verb in VERBS]
    assert "-m" in list_texts("llm", [], "-")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%%llm ", TypedLine("llm", [], "")),
        ("\n\n%%llm /a -m gp", TypedLine("llm", ["/a", "-m"], "gp")),
        ("%%helicone /a", TypedLine("llm", [], "/a")),
        ("x = 1\nr = %llm /a", TypedLine("llm", [], "/a")),
        ('%helicone_session "Course Cr', TypedLine("helicone_session", [], '"Course Cr')),
        ('%llm -s "a b" ', TypedLine("llm", ["-s", "a b"], "")),
        ("%%llm /quiz/{{ row.to", TypedLine("llm", ["/quiz/{{"], "row.to")),
        ("%%llm", None),
        ("%%llmx /a", None),
        ("%%llm /a\nprompt", None),
        ("x = 1\n%%llm /a", None),
        ("print('%llm ')", None),
    ],
)
def test_the_cursor_s_line_is_found(text: str, expected: TypedLine | None) -> None:
    """A cell magic on the cell's first line, a line magic on any."""
    lines = text.split("\n")
    assert find_typed_line(text, len(lines) - 1, len(lines[-1])) == expected


@pytest.fixture
def shell() -> Iterator[Any]:
    """A shell of its own, without a history on disk."""
    config = Config()
    config.HistoryManager.enabled = False
    yield InteractiveShell(config=config)
    InteractiveShell.clear_instance()


@pytest.fixture
def complete(shell: Any) -> Iterator[Complete]:
    """Presses Tab at the end of a text (or at ``|``) and lists whole replaced words."""
    uninstall = install(shell, suggest_known)

    def press_tab(text: str) -> list[str]:
        position = text.index("|") if "|" in text else len(text)
        with provisionalcompleter(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # jedi's own, on names it cannot resolve
            found = list(shell.Completer.completions(text.replace("|", ""), position))
        return [f"{text[completion.start : position]}>{completion.text}" for completion in found]

    yield press_tab
    uninstall()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%%llm /out", ["/out>/outline", "/out>/outline/lesson-1"]),
        ("%%llm /a --gateway ", [">oai", ">demo"]),
        ("%%llm /a --mod", ["--mod>--model"]),
        ("r = %llm /ab", ["/ab>/abstract"]),
        ("%helicone_session Cou", ['Cou>"Course Creation"']),
        ('%helicone_session "Cou|"', ['"Cou>"Course Creation']),
    ],
)
def test_tab_completes_whole_words(complete: Complete, text: str, expected: list[str]) -> None:
    """Dashes, slashes and quotes belong to the word; a quote the front end closed isn't closed twice."""
    assert complete(text) == expected


def test_nothing_else_is_offered_on_a_magic_s_line(complete: Complete) -> None:
    """No file names, no Python; the lines below are the prompt's, and IPython's."""
    assert complete("%%llm -s imp") == []
    assert any("import" in text for text in complete("%%llm\nimp"))


def test_uninstalling_leaves_nothing_behind(shell: Any) -> None:
    """Twice is as good as once."""
    before = list(shell.Completer.matchers)
    uninstall = install(shell, suggest_known)
    assert len(shell.Completer.matchers) == len(before) + 1
    uninstall()
    uninstall()
    assert shell.Completer.matchers == before


def test_a_shell_without_matchers_is_left_alone(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare shell has no completer, an IPython before 8.6 no matchers of our kind."""
    install(object(), suggest_known)()
    monkeypatch.setitem(sys.modules, "IPython.core.completer", types.ModuleType("completer"))
    before = list(shell.Completer.matchers)
    uninstall = install(shell, suggest_known)
    assert shell.Completer.matchers == before
    uninstall()
