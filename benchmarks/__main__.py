"""The command line: ``python -m benchmarks [--quick] [TOPIC ...]``, from the checkout."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import time

from benchmarks.measure import Row, build_table

TOPICS = ("load", "first_text", "calls", "page_bytes", "cpu", "journal_cost", "session_view", "batches", "across")


def main() -> int:
    """Measures the topics asked for, prints the table; 1 if a goal is missed."""
    options = _parse_arguments()
    began = time.monotonic()
    rows: list[Row] = []
    for topic in options.topics or TOPICS:
        print(f"measuring {topic} …", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"benchmarks.{topic}").run(is_quick=options.quick)
    print(build_table(rows))
    print(f"\n{_describe_machine()} · measured in {time.monotonic() - began:.0f} s")
    return 0 if all(row.is_met for row in rows) else 1


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and shorter answers")
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=f"some of: {', '.join(TOPICS)}; all if none")
    options = parser.parse_args()
    unknown = [topic for topic in options.topics if topic not in TOPICS]
    if unknown:
        parser.error(f"{unknown[0]!r} is not one of {', '.join(TOPICS)}")
    return options


def _describe_machine() -> str:
    load = f", load {os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""
    return f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} processors{load}"


if __name__ == "__main__":
    sys.exit(main())
