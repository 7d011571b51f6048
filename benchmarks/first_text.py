"""How long after the server sends its first token that text reaches the page, on a warm kernel."""

from __future__ import annotations

import json
import re
from functools import partial

from benchmarks.kernel import Kernel, build_own_cell, build_plain_cell, build_setup_cells, open_kernel
from benchmarks.measure import Row, format_seconds, run_interleaved
from benchmarks.server import build_model, open_server

GOAL = 0.050  # seconds
MODEL = build_model(chunks=10, rate=50, wait=300)
_SENT = re.compile(r"sent at (\d+\.\d+)")


def run(*, is_quick: bool) -> list[Row]:
    """The rows of this topic."""
    with open_server() as base_url, open_kernel() as kernel:
        for cell in build_setup_cells(base_url):
            kernel.run(cell)
        cells = {"ours": build_own_cell(MODEL), "plain": build_plain_cell(MODEL, shows=True)}
        contenders = {name: partial(_measure_delay, kernel, cell) for name, cell in cells.items()}
        measured = run_interleaved(contenders, rounds=4 if is_quick else 15, warmups=2)
    return [
        Row(
            name="first text on the page after the server's first token",
            ours=measured["ours"].describe(format_seconds),
            peer=f"AsyncOpenAI + display(Markdown) {measured['plain'].describe(format_seconds)}",
            result=measured["ours"],
            form=format_seconds,
            goal=GOAL,
        )
    ]


def _measure_delay(kernel: Kernel, cell: str) -> float:
    """Seconds between the sending of the first token and the arrival of the message that first holds it."""
    for message in kernel.run(cell):
        sent = _SENT.search(json.dumps(message.content))
        if sent and message.type != "execute_input":
            return message.arrived_at - float(sent[1])
    raise RuntimeError("the first token never came to the page")
