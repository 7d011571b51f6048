"""Tab after `--tools` offers the notebook's functions."""

from __future__ import annotations

import warnings

import pytest
from IPython.core.completer import provisionalcompleter
from shells import Shell


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("%%llm /plan --tools wea", {"weather"}),
        ("%%llm /plan --tools ", {"weather", "search"}),
        ("%%llm /plan --tools weather,", {"weather,search"}),
    ],
)
def test_functions_are_offered(shell: Shell, typed: str, offered: set[str]) -> None:
    """Those of the notebook, each once; no values, no classes, nothing private."""
    shell.run("def weather(city): pass\nasync def search(query): pass\ndef _own(): pass\nnumber = 1\nclass Place: pass")
    with provisionalcompleter(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jedi's own
        found = {completion.text for completion in shell.ip.Completer.completions(typed, len(typed))}
    assert found == offered
