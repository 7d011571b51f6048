"""A session's tree as rows of words: what its HTML, Markdown and text forms share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from heliconemagic.records import Step, StepKind, StepStatus
from heliconemagic.render.card_words import describe_state, describe_total_cost
from heliconemagic.render.comparison_words import describe_variant
from heliconemagic.render.figures import format_cost, format_count, format_seconds
from heliconemagic.steps.comparison import find_alternatives
from heliconemagic.steps.tree import Folder, build_tree, find_stale

MAX_ROWS = 1_000
"""Rows of a table in a notebook; a terminal gets them all."""

COLUMNS = ("path", "state", "time", "first token", "tokens", "cost")
STALE = "stale: continues an answer that was superseded, or isn't the current one any more"
CURRENT = "current: of compared answers, the one that steps continue (%helicone_session pick PATH N)"
SUPERSEDED = "superseded: its cell ran again"

_MAX_INDENT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: a folder, or a step with its bar's data."""

    depth: int
    label: str
    state: str
    time: str = ""
    first_token: str = ""
    tokens: str = ""
    cost: str = ""
    step: Step | None = None
    is_faded: bool = False  # superseded
    is_failed: bool = False

    @property
    def figures(self) -> tuple[str, str, str, str]:
        """The cells to the right of the state."""
        return self.time, self.first_token, self.tokens, self.cost

    @property
    def indent(self) -> int:
        """Levels to draw; very deep paths stop moving to the right."""
        return min(self.depth, _MAX_INDENT)


def build_rows(steps: Sequence[Step]) -> list[Row]:
    """The rows of the tree of ``steps``, which come oldest first."""
    return list(_iterate_rows(build_tree(steps), find_stale(steps), _find_chosen(steps)))


def _find_chosen(steps: Sequence[Step]) -> set[str]:
    """The current ones of those that are compared."""
    passed_over = find_alternatives(steps)
    return {step.id for step in steps if step.comparison and step.id not in passed_over and not step.is_superseded}


def _iterate_rows(root: Folder[Step], stale: set[str], chosen: set[str]) -> Iterator[Row]:
    """Depth first, without recursion: a path may have hundreds of segments."""
    waiting = [(0, child) for child in reversed(root.children)]
    while waiting:
        depth, node = waiting.pop()
        if isinstance(node, Folder):
            only = node.children[0]
            if len(node.children) == 1 and not isinstance(only, Folder):  # a path with one step is one row
                node = only
            else:
                yield _build_folder_row(node, depth)
                waiting.extend((depth + 1, child) for child in reversed(node.children))
                continue
        word = "superseded" if node.is_superseded else "stale" if node.id in stale else ""
        yield _build_step_row(node, depth, word, "current" if node.id in chosen else "")


def _build_folder_row(folder: Folder[Step], depth: int) -> Row:
    state = format_count(folder.count, "step")
    if folder.errors:
        state += f", {folder.errors:,} failed"
    return Row(
        depth=depth,
        label=f"▾ {folder.path}",
        state=state,
        time=format_seconds(folder.latency),
        tokens=format_count(folder.tokens) if folder.tokens else "",
        cost=describe_total_cost(folder.cost, folder.unpriced) if folder.cost or folder.unpriced else "",
    )


def _build_step_row(step: Step, depth: int, *words: str) -> Row:
    kind = "" if step.kind is StepKind.LLM else step.kind.value
    state = describe_state(step) if step.origin is None else step.origin.kind.value
    return Row(
        depth=depth,
        label=f"{step.path} · {describe_variant(step)}" if step.comparison else step.path,
        state=" · ".join(part for part in (kind, state, *words) if part),
        time=format_seconds(step.latency) if step.latency is not None else "",
        first_token=format_seconds(step.time_to_first_token) if step.time_to_first_token is not None else "",
        tokens=format_count(step.tokens) if step.tokens else "",
        cost=_describe_cost(step),
        step=step,
        is_faded=step.is_superseded,
        is_failed=step.status in (StepStatus.FAILED, StepStatus.INTERRUPTED),
    )


def _describe_cost(step: Step) -> str:
    """Tools and databases have no price; only an answered model can be unpriced."""
    is_priced = step.kind is StepKind.LLM and step.status is StepStatus.DONE
    return format_cost(step.cost) if step.cost is not None or is_priced else ""


def list_legend(rows: Sequence[Row]) -> list[str]:
    """What the less common words in the rows mean."""
    states = {word for row in rows for word in row.state.split(" · ")}
    return [line for line in (SUPERSEDED, STALE, CURRENT) if line.partition(":")[0] in states]


def describe_sums(steps: Sequence[Step]) -> list[str]:
    """The totals for the head: steps and failures, time, tokens, cost."""
    root = build_tree(steps)
    if not root.count:
        return ["no steps yet"]
    counted = format_count(root.count, "step") + (f" · {root.errors:,} failed" if root.errors else "")
    seconds = sum(step.latency or 0.0 for step in steps if step.kind is StepKind.LLM)
    spent = f"{format_seconds(seconds)} of model time"
    if root.latency > seconds * 1.05:
        spent += f" in {format_seconds(root.latency)}"
    tokens = f"{root.tokens:,} tokens" if root.tokens else ""
    return [part for part in (counted, spent, tokens, describe_total_cost(root.cost, root.unpriced)) if part]


def cut_rows(rows: list[Row], session_id: str, limit: int | None) -> tuple[list[Row], str]:
    """The first ``limit`` rows, and what to say of the others."""
    if limit is None or len(rows) <= limit:
        return rows, ""
    missing = sum(row.step is not None for row in rows[limit:])
    return rows[:limit], f"… {format_count(missing, 'more step')}: `heliconemagic show {session_id}`"
