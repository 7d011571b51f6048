"""How the source of a cell becomes code."""

from __future__ import annotations

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from heliconemagic.cells import ATTRIBUTE, build_transformer

BODIES = (
    ">>> 1 + 1\n2\n",
    "In [1]: x\n",
    "{ single } $x ${{ github.ref }}\n",
    "a\r\nb\r\n",
    "\\frac{{a}}{{b}}\n",
    "'''\"\"\"\\\n",
    "",
)


def transform(cell: str, *, can_await: bool = True) -> str:
    """The code of a cell."""
    return "".join(build_transformer(["llm", "helicone"], can_await=lambda: can_await)(cell.splitlines(keepends=True)))


def read_arguments(code: str) -> tuple[str, str, str]:
    """What the emitted call passes on."""
    return eval(code[code.index("(", code.index(").")) :])  # our own output, a tuple of literals


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("can_await", [True, False])
def test_body_arrives_byte_for_byte(body: str, can_await: bool) -> None:
    """In the awaited and in the ordinary form."""
    code = transform("%%llm /x -t 0\n" + body, can_await=can_await)
    assert read_arguments(code) == ("llm", "/x -t 0", body or ("" if can_await else "\n"))


def test_async_form_names_nothing_of_the_user() -> None:
    """%reset -f would remove it; an attribute of the shell stays."""
    assert transform("%%llm /x\nhi\n").startswith(f"await get_ipython().{ATTRIBUTE}(")


def test_blank_lines_before_and_crlf_after_the_first_line_are_fine() -> None:
    """Windows front ends send carriage returns."""
    assert read_arguments(transform("\n\n%%llm /x\r\nhi\r\n")) == ("llm", "/x", "hi\r\n")


@pytest.mark.parametrize(
    "cell", ["%%llmx /a\nhi\n", "x = 1\n%%llm /a\n", "%%html\n%%llm /a\nhi\n", "%%llm?\n", "", "\n"]
)
def test_other_cells_are_left_alone(cell: str) -> None:
    """Only a cell that begins with the magic is ours."""
    assert transform(cell) == cell


@pytest.mark.parametrize("wrappers", ["%%time\n", "%%capture out --no-stderr\n%%time\n"])
def test_cell_below_a_wrapper_becomes_a_call(wrappers: str) -> None:
    """What runs cells gets one line of Python, so that neither its reading nor IPython's touches the body."""
    code = transform(f"{wrappers}%%llm /x\n>>> Don't {{\n")
    assert code.startswith(wrappers + "get_ipython().run_cell_magic(")
    assert read_arguments(code.removeprefix(wrappers)) == ("llm", "/x", ">>> Don't {\n")


def test_bare_magic_is_ours_too() -> None:
    """`%%llm` alone continues the last step."""
    assert read_arguments(transform("%%llm\nhi")) == ("llm", "", "hi")


def test_terminal_goes_on_reading_until_a_blank_line() -> None:
    """A completeness check sees a cell magic, not the call that it becomes."""
    manager = TransformerManager()
    manager.cleanup_transforms.insert(0, build_transformer(["llm"], can_await=lambda: False))
    assert manager.check_complete("%%llm /x\nfirst line")[0] == "incomplete"
    assert manager.check_complete("%%llm /x\nfirst line\n\n")[0] == "complete"
