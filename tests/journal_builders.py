"""What the journal's tests record: sessions and steps, and processes that record them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import heliconemagic.journal.journal
from heliconemagic.records import SessionRecord, Step

ROOT = Path(heliconemagic.journal.__file__).parents[2]


def build_session(session_id: str = "5e551011", **changes: object) -> SessionRecord:
    """A session called "Course", but for ``changes``."""
    values = {"name": "Course", "title": "Course", "gateway": "demo", "notebook": "course", "started_at": 100.0}
    return SessionRecord(id=session_id, **{**values, **changes})


def build_step(step_id: str = "step-1", *, prompt: str = "Write an abstract.", **changes: object) -> Step:
    """A pending step of that session, but for ``changes``."""
    values = {"session_id": "5e551011", "path": "/abstract", "gateway": "demo", "model": "demo", "started_at": 101.0}
    return Step(id=step_id, messages=({"role": "user", "content": prompt},), **{**values, **changes})


def start_python(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of its own, with the tests' builders within reach."""
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
