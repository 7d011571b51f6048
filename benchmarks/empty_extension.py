"""The floor of ``%load_ext``: an extension that does nothing."""

from __future__ import annotations

from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """Registers nothing."""
