"""The environment that tests, and the programs they start, see: nothing of the developer's own."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent
_FOREIGN = (
    "OPENAI_", "HELICONE", "AZURE_", "OLLAMA_", "JPY_", "JUPYTER", "IPYTHON", "XDG_",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
)  # fmt: skip

# A program that hangs tells on SIGUSR1 where all its threads are.
_TELL_WHERE = "\nimport faulthandler, signal\nfaulthandler.register(signal.SIGUSR1, all_threads=True)\n"


def is_foreign(name: str) -> bool:
    """Whether a test must not see this variable."""
    return name.upper().startswith(_FOREIGN)


def build_environ(folder: Path, **extra: str) -> dict[str, str]:
    """The environment of a Python program whose files all lie in ``folder``, and which stays on this machine."""
    guard = folder / "guard"
    guard.mkdir(exist_ok=True)
    (guard / "sitecustomize.py").write_text((ROOT / "tests" / "network_guard.py").read_text() + _TELL_WHERE)
    kept = {name: value for name, value in os.environ.items() if not is_foreign(name)}
    own = {
        "HELICONEMAGIC_HOME": str(folder / "journal"),
        "HOME": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
        "JUPYTER_DATA_DIR": str(folder / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter"),
        "PYTHONPATH": os.pathsep.join([str(guard), str(ROOT)]),
    }
    return {**kept, **own, **extra}
