"""Loads one extension in this fresh process and prints what that took, as JSON.

Run as ``python -m benchmarks.load_probe EXTENSION``. What a kernel has imported anyway is imported first.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any


class ImportLog:
    """A finder that finds nothing and notes what the thread that made it asks for."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self.names: list[str] = []

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        """Notes ``name``, if it isn't imported by another thread."""
        if threading.get_ident() == self._thread:
            self.names.append(name)


def main(extension: str) -> None:
    """Loads ``extension`` and prints seconds, and the modules that were imported for it."""
    import ipykernel.ipkernel  # noqa: F401  # what a kernel has
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    log = ImportLog()
    sys.meta_path.insert(0, log)
    start = time.perf_counter()
    shell.run_line_magic("load_ext", extension)
    seconds = time.perf_counter() - start
    sys.meta_path.remove(log)
    print(json.dumps({"seconds": seconds, "modules": log.names}))


if __name__ == "__main__":
    main(sys.argv[1])
