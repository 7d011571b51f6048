"""The critical path: the chain of steps that determined the wall time.

It is found from its end. The last link is the step that ended last. The link before a step is, of the steps that had
ended when it began, the one that ended last: until then, nothing it could have waited for was still running. Where
its parent ended as late as that one, give or take `SLACK`, the link is the parent, for that is known to have been
waited for. The path ends at a step before which none had ended.

Why by time and not by parents alone: a cell also waits for cells whose answer it doesn't continue, a row of a batch
for a free place among the `--jobs`. A chain of parents alone would leave that time unexplained. Pauses between two
links are no part of the path's length; what ran beside it didn't matter, for it could have been slower for nothing.

A step around others is no link, for its time is theirs: one inside which a step ran that continues it, or one that
asks no model (a traced function) inside which steps below its path ran, or prompts. A prompt's parent is what it
continues, so which function asked it is known by time alone: one of the same run of the same cell, that began before
it and ended after it. Calls that models asked for are left out there: beside them other rows of a batch run.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence

from heliconemagic.insights.standing import list_prefixes
from heliconemagic.records import Step, StepKind
from heliconemagic.steps.traced import is_model_call, is_traced

SLACK = 0.05
"""Seconds; two ends so close are equally late, and a start so little before an end came after it."""


def find_critical_path(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The links in order of time; of ``steps`` those that still run are passed over."""
    ended = {step.id: step for step in steps if step.ended_at is not None}
    around = _find_enclosing(ended)
    links = sorted((step for step in ended.values() if step.id not in around), key=_read_end)
    by_id = {step.id: step for step in links}
    ends = [_read_end(step) for step in links]
    path: list[Step] = []
    current = links[-1] if links else None
    while current is not None:
        path.append(current)
        current = _find_link_before(current, links, ends, by_id)
    return tuple(reversed(path))


def _find_link_before(
    step: Step, links: Sequence[Step], ends: Sequence[float], by_id: Mapping[str, Step]
) -> Step | None:
    at = bisect_right(ends, step.started_at + SLACK)
    while at and links[at - 1].started_at >= step.started_at:  # itself, or one that ran for no time at all
        at -= 1
    if not at:
        return None
    latest, parent = links[at - 1], by_id.get(step.parent_id or "")
    if parent is not None and parent.started_at < step.started_at:
        is_as_late = latest.id != parent.id and _read_end(latest) - SLACK <= _read_end(parent) <= _read_end(latest)
        return parent if is_as_late else latest
    return latest


def _find_enclosing(ended: Mapping[str, Step]) -> set[str]:
    """The ids of the steps around others."""
    parents = ((step, ended.get(step.parent_id or "")) for step in ended.values())
    continued = {parent.id for step, parent in parents if parent and _read_end(parent) > step.started_at + SLACK}
    ordered = sorted(ended.values(), key=lambda step: step.started_at)
    return continued | _find_above(ordered) | _find_asking(ordered)


def _find_above(ordered: Sequence[Step]) -> set[str]:
    """Of those that ask no model, the ones inside which steps below their paths ran, or prompts at them."""
    latest: dict[str, Step] = {}  # by paths: the one that began last
    found: set[str] = set()
    for step in ordered:
        prefixes = list_prefixes(step.path) if latest else []
        for prefix in prefixes if step.kind is StepKind.LLM else prefixes[:-1]:
            outer = latest.get(prefix)
            if outer is not None and _read_end(step) <= _read_end(outer):
                found.add(outer.id)
        if step.kind is not StepKind.LLM:
            latest[step.path] = step
    return found


def _find_asking(ordered: Sequence[Step]) -> set[str]:
    """The traced functions during which prompts of the same run of their cell ran, wherever those stand."""
    running: defaultdict[tuple[str, int], list[Step]] = defaultdict(list)  # that no prompt was found in yet
    found: set[str] = set()
    for step in ordered:
        beside = running[step.cell, step.run]
        if step.kind is StepKind.LLM and beside:
            found.update(outer.id for outer in beside if _read_end(step) <= _read_end(outer))
            beside[:] = (outer for outer in beside if outer.id not in found and _read_end(outer) > step.started_at)
        elif is_traced(step) and not is_model_call(step):
            beside.append(step)
    return found


def _read_end(step: Step) -> float:
    return step.started_at if step.ended_at is None else max(step.ended_at, step.started_at)
