"""heliconemagic: prompts as notebook cells, grouped into Helicone sessions.

``%load_ext heliconemagic`` is the way in. Nothing heavy is imported until it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heliconemagic.python.handle import SessionHandle
    from heliconemagic.statistics.result import Statistics

__version__ = "0.1.0"


def load_ipython_extension(ip: Any) -> None:
    """Registers the magics in a shell; called by ``%load_ext heliconemagic``."""
    from heliconemagic.extension import load

    load(ip)


def unload_ipython_extension(ip: Any) -> None:
    """Takes everything back out of a shell; called by ``%unload_ext heliconemagic``."""
    from heliconemagic.extension import unload

    unload(ip)


def session(name: str | None = None, /, **options: Any) -> SessionHandle:
    """The notebook's session: ask it from code, read its replies, join it from other processes.

    If the notebook has none yet, one is started and announced, as ``%%llm`` does. In a program, where no extension is
    loaded, ``session("Course Creation", gateway="demo")`` opens one; its options are those of ``%helicone_session``.

    Raises:
        InputError, CredentialError: the message says what to type instead.
    """
    from heliconemagic.python.opening import open_handle

    return open_handle(name, options)


def stats(name: str | None = None, /, *, by: str | None = None) -> Statistics:
    """All recorded sessions of this name side by side; in a notebook, without a name, those called like its own.

    ``by`` is ``"user"``, ``"model"``, ``"path"``, ``"notebook"`` or ``"property:KEY"``. The result shows itself as a
    picture; ``.df`` is a pandas DataFrame, ``.rows``, ``.groups`` and ``.sessions`` are lists of dictionaries.

    Raises:
        InputError: the message says what to type instead.
        JournalError: the record on disk cannot be read.
    """
    from heliconemagic.python.across import find_statistics

    return find_statistics(name, by)
