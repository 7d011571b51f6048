"""How long each folder itself was busy: its self time.

The self time of a folder is the time in which at least one step that stands in it directly ran, and none that
stands in one of its sub-folders. Pauses are no part of it, and two steps at the same moment count once. The self
times of a folder and of all folders below it add up to the time in which anything below it ran, if no two
sub-folders ran at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from heliconemagic.insights.spans import Span, measure_spans, merge_spans
from heliconemagic.records import Step
from heliconemagic.steps.tree import Folder


def measure_self_times(root: Folder[Step]) -> Mapping[str, float]:
    """Seconds of self time by the folders' paths; what still runs counts up to the last thing that is known."""
    busy: dict[int, list[Span]] = {}  # by the folders' identities: where anything below them ran
    times: dict[str, float] = {}
    for folder in reversed(_list_folders(root)):
        inner = [busy.pop(id(child)) for child in folder.children if isinstance(child, Folder)]
        own = [_read_span(child, root.ended_at) for child in folder.children if not isinstance(child, Folder)]
        below = inner[0] if len(inner) == 1 else merge_spans(chain.from_iterable(inner))
        both = own if len(own) == 1 and not below else merge_spans(chain(below, own)) if own else below
        busy[id(folder)] = both
        times[folder.path] = max(measure_spans(both) - measure_spans(below), 0.0) if own else 0.0
    return times


def _read_span(step: Step, latest: float) -> Span:
    return step.started_at, max(step.started_at, latest if step.ended_at is None else step.ended_at)


def _list_folders(root: Folder[Step]) -> list[Folder[Step]]:
    """All folders, each before those below it."""
    folders = [root]
    for folder in folders:
        folders.extend(child for child in folder.children if isinstance(child, Folder))
    return folders
