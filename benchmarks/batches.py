"""A batch of rows beside a plain ``asyncio`` loop over ``AsyncOpenAI`` with as many requests at a time.

Rows per second, ours over theirs, measured in turns in the same run. The goal is stated the other way round, for a
row of the table is met by what is small: the loop may be at most 1/0.9 times as fast.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openai

from benchmarks.calls import KEY
from benchmarks.measure import ROOT, Row, Sample, build_environment, compare, format_seconds, run_interleaved, time_call
from benchmarks.server import build_model, open_server
from heliconemagic.batches.result import BatchResult
from heliconemagic.journal.journal import Journal
from heliconemagic.lines.options import parse_cell_line, parse_session_line
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.records import Cell
from heliconemagic.running.cell_run import CellInput
from heliconemagic.running.runner import CellRunner
from heliconemagic.settings import RequestOptions
from heliconemagic.workbench import build_client

GOAL = 1 / 0.9
CASES = (
    (50, 8, 320),  # no model is so quick: what shows here is the work of the two clients
    (300, 8, 160),
    (300, 32, 640),
    (1000, 64, 512),
)
"""Milliseconds that an answer takes, requests at a time, and rows."""
SYSTEM = "You are a teacher of astronomy. Answer in one sentence."
LARGE = 10_000  # rows
LARGE_GOAL = 6_000.0  # bytes of memory that a row may leave behind, its request and answer included


def run(*, is_quick: bool) -> list[Row]:
    """The rows of this topic."""
    rounds = 2 if is_quick else 6
    with open_server() as base_url:
        rows = [
            _compare(base_url, wait=wait, jobs=jobs, count=count // (2 if is_quick else 1), rounds=rounds)
            for wait, jobs, count in CASES
        ]
        return [*rows, _measure_memory(base_url, 2_000 if is_quick else LARGE)]


def _compare(base_url: str, *, wait: int, jobs: int, count: int, rounds: int) -> Row:
    model = build_model(chunks=50, wait=wait)
    with open_batches(base_url) as run_batch, asyncio.Runner() as runner:
        sdk = openai.AsyncOpenAI(api_key=KEY.reveal(), base_url=base_url)
        contenders: dict[str, Callable[[], float]] = {
            "ours": partial(time_call, lambda: run_batch(model, count, jobs)),
            "loop": partial(time_call, lambda: runner.run(_loop(sdk, model, count, jobs))),
        }
        measured = run_interleaved(contenders, rounds)
        runner.run(sdk.close())
    title = f"{count} rows, {jobs} at a time, {wait} ms server"
    return compare(title, measured["ours"], ("asyncio loop", measured["loop"]), format_seconds, GOAL)


async def _loop(client: openai.AsyncOpenAI, model: str, count: int, jobs: int) -> list[str]:
    """What a person would write."""
    limit = asyncio.Semaphore(jobs)

    async def ask(number: int) -> str:
        async with limit:
            messages: Any = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": f"Planet {number}?"}]
            answer = await client.chat.completions.create(model=model, messages=messages)
            return answer.choices[0].message.content or ""

    return await asyncio.gather(*(ask(number) for number in range(count)))


@contextmanager
def open_batches(base_url: str) -> Iterator[Callable[[str, int, int], BatchResult]]:
    """Runs batches as cells of a notebook do, journal and all; shows nothing."""
    with TemporaryDirectory() as folder:
        surroundings = Surroundings(
            environ={"OPENAI_API_KEY": KEY.reveal()},
            find_folder=lambda: Path(folder),
            find_title=lambda: "benchmark",
            find_defaults=RequestOptions,
            is_attended=lambda: True,
        )
        notebook = Notebook(surroundings, Journal(Path(folder)), build_client)
        notebook.sessions.open(parse_session_line(f'"Benchmark" --gateway direct:{base_url} -s "{SYSTEM}"'))
        numbers = itertools.count(1)

        def run_batch(model: str, count: int, jobs: int) -> BatchResult:
            number = next(numbers)
            given = CellInput(
                command=parse_cell_line(
                    f"/planet/{{{{ row }}}} --for rows --jobs {jobs} -m {model} --anew", is_cell=True
                ),
                prompt=f"Planet {{{{ row }}}}? ({number})",
                names={"rows": range(count)},
                cell=Cell(id=f"cell-{number}", run=number),
                is_shown=lambda: True,
            )
            result: BatchResult = CellRunner(notebook, _build_no_view, _build_no_view, _ignore).run_blocking(given)
            assert all(result)
            return result

        try:
            yield run_batch
        finally:
            notebook.close()


def _build_no_view(*_: Any) -> Any:
    """Batches have a view of their own."""


def _ignore(*_: Any, **__: Any) -> None:
    """Nothing is shown."""


def _measure_memory(base_url: str, count: int) -> Row:
    """In a fresh process, for memory that was used once is seldom given back."""
    command = [sys.executable, "-m", "benchmarks.batches", base_url, str(count)]
    done = subprocess.run(command, cwd=ROOT, env=build_environment(), capture_output=True, text=True, check=True)
    grown = json.loads(done.stdout.splitlines()[-1])
    return Row(
        name=f"{count:,} rows, memory of each",
        ours=f"{grown['bytes'] / 1e6:.0f} MB grown in {grown['seconds']:.0f} s",
        peer=f"answers of {grown['characters']} characters",
        result=Sample((grown["bytes"] / count,)),
        form=lambda size: f"{size:,.0f} B",
        goal=LARGE_GOAL,
    )


def _read_memory() -> int:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _grow(base_url: str, count: int) -> None:
    """Prints how much memory a batch leaves behind, as JSON."""
    model = build_model(chunks=50)
    with open_batches(base_url) as run_batch:
        run_batch(model, 200, 32)  # imports, connections, caches
        before = _read_memory()
        results: list[BatchResult] = []
        seconds = time_call(lambda: results.append(run_batch(model, count, 32)))
        grown = _read_memory() - before
        print(json.dumps({"bytes": grown, "seconds": seconds, "characters": len(results[0][0].text)}))


if __name__ == "__main__":
    _grow(sys.argv[1], int(sys.argv[2]))
