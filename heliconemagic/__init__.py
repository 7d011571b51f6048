"""heliconemagic: prompts as notebook cells, grouped into Helicone sessions.

``%load_ext heliconemagic`` is the way in. Nothing heavy is imported until it is needed.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def load_ipython_extension(ip: Any) -> None:
    """Registers the magics in a shell; called by ``%load_ext heliconemagic``."""
    from heliconemagic.extension import load

    load(ip)


def unload_ipython_extension(ip: Any) -> None:
    """Takes everything back out of a shell; called by ``%unload_ext heliconemagic``."""
    from heliconemagic.extension import unload

    unload(ip)
