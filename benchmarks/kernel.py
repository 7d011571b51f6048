"""A real kernel in a process of its own, driven as a front end does."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

from jupyter_client.manager import KernelManager

from benchmarks.measure import build_environment

FAKE_KEY = "sk-fakefakefakefakefakefake"
FAKE_HELICONE_KEY = "sk-helicone-fakefak-efakefa-kefakef-akefake"
CELL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Message:
    """One message on iopub: when it arrived (seconds since the epoch), its type and its content."""

    arrived_at: float
    type: str
    content: dict[str, Any]


class Kernel:
    """Runs cells one after the other."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(self, code: str) -> list[Message]:
        """What a cell sends to the page until the kernel is idle again.

        Raises:
            RuntimeError: the cell failed.
        """
        asked = self._client.execute(code, allow_stdin=True)  # as front ends do where a person sits
        messages = []
        while True:
            message = self._client.get_iopub_msg(timeout=CELL_SECONDS)
            if message["parent_header"].get("msg_id") != asked:
                continue
            messages.append(Message(time.time(), message["msg_type"], message["content"]))
            if messages[-1].type == "error":
                raise RuntimeError("\n".join(messages[-1].content["traceback"]))
            if messages[-1].content.get("execution_state") == "idle":
                return messages

    def read_number(self, expression: str) -> float:
        """The value of ``expression`` in the kernel."""
        messages = self.run(f"print(repr(float({expression})))")
        return float("".join(message.content["text"] for message in messages if message.type == "stream"))


@contextmanager
def open_kernel() -> Iterator[Kernel]:
    """A running kernel in an empty folder, with keys that are none; shut down afterwards."""
    with TemporaryDirectory() as folder:
        environment = build_environment(
            OPENAI_API_KEY=FAKE_KEY, HELICONE_API_KEY=FAKE_HELICONE_KEY, HELICONEMAGIC_HOME=folder
        )
        manager = KernelManager()
        manager.start_kernel(env=environment, cwd=folder, stderr=subprocess.DEVNULL)
        client = manager.blocking_client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=CELL_SECONDS)
            yield Kernel(client)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def build_setup_cells(base_url: str) -> tuple[str, str]:
    """Cells that make a kernel ready for a session of ours, and for what people write without us."""
    ours = f'%load_ext heliconemagic\n%helicone_session "Benchmark" --gateway {base_url}'
    plain = f"""\
import openai, time
from IPython.display import Markdown, display
plain_client = openai.AsyncOpenAI(base_url={base_url!r})

async def ask(model, *, shows):
    asked = {{"model": model, "messages": [{{"role": "user", "content": "Write the first lesson."}}]}}
    stream = await plain_client.chat.completions.create(**asked, stream=True)
    text, shown = "", None
    async for chunk in stream:
        text += chunk.choices[0].delta.content or "" if chunk.choices else ""
        if shows and shown is None:
            shown = display(Markdown(text), display_id=True)
        elif shows:
            shown.update(Markdown(text))"""
    return ours, plain


def build_own_cell(model: str) -> str:
    """A step of ours without any history."""
    return f"%%llm /lesson --fresh -m {model}\nWrite the first lesson."


def build_plain_cell(model: str, *, shows: bool) -> str:
    """The same request through the plain client, shown as Markdown at each token or not at all."""
    return f"await ask({model!r}, shows={shows})"
