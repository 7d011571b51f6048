"""What a streamed token costs the kernel: processor time, at 100 tokens a second."""

from __future__ import annotations

import time
from functools import partial

from benchmarks.kernel import Kernel, build_own_cell, build_plain_cell, build_setup_cells, open_kernel
from benchmarks.measure import Row, compare, format_seconds, run_interleaved
from benchmarks.server import build_model, open_server

RATE = 100  # tokens per second
SETTLE_SECONDS = 0.3  # until what a cell left to other threads is done


def run(*, is_quick: bool) -> list[Row]:
    """The rows of this topic."""
    tokens = 150 if is_quick else 400
    model = build_model(chunks=tokens, rate=RATE)
    cells = {
        "ours": build_own_cell(model),
        "silent": build_plain_cell(model, shows=False),
        "markdown": build_plain_cell(model, shows=True),
    }
    with open_server() as base_url, open_kernel() as kernel:
        for cell in build_setup_cells(base_url):
            kernel.run(cell)
        contenders = {name: partial(_measure_processor, kernel, cell, tokens) for name, cell in cells.items()}
        measured = run_interleaved(contenders, rounds=2 if is_quick else 5)
    title = "kernel CPU for a streamed token"
    shown = ("AsyncOpenAI + Markdown each token", measured["markdown"])
    return [
        compare(title, measured["ours"], ("AsyncOpenAI, shows nothing", measured["silent"]), format_seconds),
        compare(f"{title}, shown", measured["ours"], shown, format_seconds),
    ]


def _measure_processor(kernel: Kernel, cell: str, tokens: int) -> float:
    """Seconds of processor time for each token."""
    before = kernel.read_number("time.process_time()")
    kernel.run(cell)
    time.sleep(SETTLE_SECONDS)
    return (kernel.read_number("time.process_time()") - before) / tokens
