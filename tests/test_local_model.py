"""The local model itself, in fresh kernels that cannot reach another machine.

It has to be installed in the folder that `HELICONEMAGIC_LOCAL` names (`%helicone_session models install`
with `HELICONEMAGIC_HOME` set to that folder); `.ci/run` does so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kernels import Kernel

pytestmark = [pytest.mark.kernel, pytest.mark.local]

HOME = os.environ.get("HELICONEMAGIC_LOCAL", "")


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    """A fresh kernel with a session at the local model."""
    if not HOME:
        missing = "HELICONEMAGIC_LOCAL names no folder with the local model (127 MB): see CONTRIBUTING.md"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with Kernel(sys.executable, tmp_path, HELICONEMAGIC_HOME=HOME) as kernel:
        kernel.run_all(["%load_ext heliconemagic", '%helicone_session "Offline" --new --gateway local'])
        yield kernel


def test_real_answer_in_a_fresh_kernel(kernel: Kernel) -> None:
    """Streamed, counted, free, and without a word on stdout; the kernel then ends as it should."""
    cell, after = kernel.run_all(["%%llm /sea\nName three sea animals.", "%%llm /more -o max_tokens 5\nAnd one more."])
    assert cell.record["text"] and cell.record["model"] == "smollm2-135m-instruct"
    assert cell.record["usage"]["completion_tokens"] > 3 and cell.record["cost"] == 0.0
    assert after.record["usage"]["prompt_tokens"] > cell.record["usage"]["prompt_tokens"]
    assert cell.printed == "" and "demonstration model" in cell.displays[-1]["text/plain"]
    kernel.client.shutdown()
    kernel.wait(lambda: not kernel.manager.provisioner.has_process or _find_status(kernel) is not None)
    assert _find_status(kernel) == 0


def test_interrupt_frees_the_model(kernel: Kernel) -> None:
    """What had arrived is kept, and the next answer doesn't wait for the rest of this one."""
    endless = "-o ignore_eos true -o max_tokens 3500"
    cells = [kernel.send(f"%%llm /long --fresh {endless}\nTell a story.")]
    kernel.wait_for_text(" the ")
    kernel.interrupt()
    kernel.wait(lambda: cells[0].is_over)
    assert cells[0].errors[0]["ename"] == "StepInterrupted"
    kernel.settle()
    next_cell = kernel.run("%%llm /next --fresh -o max_tokens 3\nHello")
    assert next_cell.status == "ok" and next_cell.record["text"]


def test_schema_is_kept_texts_are_read_and_too_much_is_told(kernel: Kernel) -> None:
    """A grammar holds the answer to its schema; text may be attached; a conversation beyond the context is refused."""
    kernel.run_all(['%%llm /json --schema "wet bool" --out answer\nIs water wet?'])
    assert kernel.evaluate("answer.parsed['wet']") in (True, False)
    read = kernel.run_all(["note = b'The word is plum.'", "%%llm /file --fresh -a note -o max_tokens 5\nWhich word?"])[
        1
    ]
    assert read.record["text"]
    refused = kernel.run("%%llm /long --fresh\n{{ 'word ' * 6000 }}")
    assert "the conversation is too long" in "".join(refused.errors[0]["traceback"])


def _find_status(kernel: Kernel) -> int | None:
    process = kernel.manager.provisioner.process
    return None if process is None else process.poll()
