"""What the use cases need to know of where they run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from heliconemagic.settings import RequestOptions


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the notebook layer needs to know of where it runs."""

    environ: Mapping[str, str]
    find_folder: Callable[[], Path | None]  # where the search for a .env begins
    find_title: Callable[[], str]  # the stem of the notebook's file name, or ""
    find_defaults: Callable[[], RequestOptions]  # below the session's own options
    is_attended: Callable[[], bool]  # whether a person sits there
    colab: Callable[[str], str | None] | None = None
    clock: Callable[[], float] = time.time
    note_delivery: Callable[[], None] = lambda: None  # something came further on its way to Helicone; on any thread
    is_aside: bool = False  # a worker of another process's session: its steps are never "the step that ran last"
