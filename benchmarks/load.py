"""What ``%load_ext`` adds to the start of a notebook, in fresh processes, and what it imports.

As after an installation, the modules are compiled already: by the first process, which is not counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measure import ROOT, Row, Sample, build_environment, format_seconds, run_interleaved

GOAL = 0.050  # seconds
HEAVY = ("openai", "httpx2", "ipywidgets", "sqlite3", "jinja2", "markdown_it", "nh3", "genai_prices")


def run(*, is_quick: bool) -> list[Row]:
    """The rows of this topic."""
    with TemporaryDirectory() as folder:
        contenders = {
            "ours": partial(_measure_load, "heliconemagic", folder),
            "empty": partial(_measure_load, "benchmarks.empty_extension", folder),
        }
        measured = run_interleaved(contenders, rounds=4 if is_quick else 15)
        modules = _probe("heliconemagic", folder)["modules"]
    added = measured["ours"].minus(measured["empty"])
    return [
        Row(
            name="%load_ext, added",
            ours=measured["ours"].describe(format_seconds),
            peer=f"an empty extension {measured['empty'].describe(format_seconds)}",
            result=added,
            form=format_seconds,
            goal=GOAL,
        ),
        _describe_imports(modules),
    ]


def _measure_load(extension: str, folder: str) -> float:
    return float(_probe(extension, folder)["seconds"])


def _probe(extension: str, folder: str) -> dict[str, Any]:
    """What a fresh process tells that keeps compiled modules and the journal in ``folder``."""
    command = [sys.executable, "-m", "benchmarks.load_probe", extension]
    environment = build_environment(HELICONEMAGIC_HOME=folder, PYTHONPYCACHEPREFIX=folder)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _describe_imports(modules: list[str]) -> Row:
    """How many modules loading imports; the goal is that none of the heavy packages is among them."""
    packages = Counter(name.partition(".")[0] for name in modules)
    own = packages.pop("heliconemagic", 0)
    heavy = [name for name in HEAVY if name in packages]
    others = ", ".join(f"{name} {count}" for name, count in packages.most_common(4)) or "none"
    return Row(
        name="heavy packages imported by it",
        ours=f"{own} modules of its own, {sum(packages.values())} others",
        peer=f"others: {others}",
        result=Sample((float(len(heavy)),)),
        form="{:.0f}".format,
        goal=0.0,
    )
