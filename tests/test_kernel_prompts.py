"""Prompts arrive at the server byte for byte, from a real kernel."""

from __future__ import annotations

import pytest
from fake_helicone import FakeHelicone
from kernels import Kernel

pytestmark = pytest.mark.kernel

PROMPTS = {
    "doctest": ">>> x\n1\n>>> print(x)\n1",
    "ipython prompt": "In [1]: x\nOut[1]: 1",
    "crlf": "one\r\ntwo\r\n\r\nthree",
    "json": '{"a": {"b": [1, 2]}, "c": "$d"}',
    "latex": "$\\alpha_{1}$ and \\frac{a}{b} $$x_y$$",
    "jinja blocks": "{% if x %}{# note #}{% endif %}",
    "css": "a { color: red } .b{margin:0}",
    "python": "def f(x):\n    return {x: f'{x}'}\n",
    "shell": "!ls $HOME {x}\n?help\n%who\n%%bash\necho",
    "indented": "   three blanks\n\n\tand a tab  ",
    "quotes": 'O\'Brien said "no\\n" and \'\'\'three\'\'\' """times"""',
    "unicode": "zero\u200bwidth, \u2028 line separator, 🪸, e\u0301",
}
RAW_PROMPTS = {
    "latex": "\\frac{{a}}{{b}}",
    "actions": "on: ${{ github.ref }}",
    "jinja": "{{ x }} {{ y | upper }}",
}


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize("before", ["", "%%time\n"], ids=["awaited", "called"])
def test_prompt_arrives_as_it_stands(kernel: Kernel, fake: FakeHelicone, prompt: str, before: str) -> None:
    """No part of IPython touches the prompt; the one newline at the cell's very end is IPython's own."""
    kernel.run_all([f"{before}%%llm /bytes --fresh\n{prompt}"])
    assert fake.completions[-1].json["messages"][-1]["content"] == prompt.removesuffix("\n")


@pytest.mark.parametrize("prompt", RAW_PROMPTS.values(), ids=RAW_PROMPTS)
def test_raw_prompt_arrives_as_it_stands(kernel: Kernel, fake: FakeHelicone, prompt: str) -> None:
    """`--raw` fills nothing in."""
    kernel.run_all([f"%%llm /bytes --raw\n{prompt}"])
    assert fake.completions[-1].json["messages"][-1]["content"] == prompt


def test_first_line_with_quotes_and_spans(kernel: Kernel, fake: FakeHelicone) -> None:
    """Neither IPython nor a shell's rules take the first line apart."""
    kernel.run_all(["topic = 'reefs'", "%%llm /quiz/{{ topic + '-1' }} -s \"It's {x} at $HOME\"\nGo"])
    sent = fake.completions[-1]
    assert sent.header("helicone-session-path") == "/quiz/reefs-1"
    assert sent.json["messages"][0] == {"role": "system", "content": "It's {x} at $HOME"}


def test_value_is_never_scanned_again(kernel: Kernel, fake: FakeHelicone) -> None:
    """Braces inside a variable's value stay as they are."""
    kernel.run_all(["value = '{{ 1 + 1 }} {x}'", "%%llm /bytes --fresh\n<{{ value }}>"])
    assert fake.completions[-1].json["messages"][-1]["content"] == "<{{ 1 + 1 }} {x}>"


def test_awaitables_of_the_kernels_loop(kernel: Kernel, fake: FakeHelicone) -> None:
    """A task that is bound to the kernel's loop may stand in a prompt, and is awaited."""
    kernel.run_all(
        [
            "import asyncio\nname = asyncio.ensure_future(asyncio.sleep(0.3, 'Ada'))",
            "%%llm /task --fresh\nHello {{ name }}!",
        ]
    )
    assert fake.completions[-1].json["messages"][-1]["content"] == "Hello Ada!"
