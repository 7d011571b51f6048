"""A session's tree as rows of words: what its HTML, Markdown and text forms share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from heliconemagic.insights.phases import describe_refusal, find_first_token, list_refused
from heliconemagic.insights.self_time import measure_self_times
from heliconemagic.insights.session_clock import MIN_PAUSE
from heliconemagic.insights.spans import list_spans, merge_spans
from heliconemagic.records import Step, StepKind, StepStatus
from heliconemagic.render.card_words import describe_state
from heliconemagic.render.comparison_words import describe_variant
from heliconemagic.render.feedback_words import NO_FEEDBACK, FeedbackOf, describe_marks
from heliconemagic.render.figures import format_cost, format_count, format_seconds, format_total_cost
from heliconemagic.render.timeline import Bar, Ruler
from heliconemagic.steps.comparison import find_alternatives
from heliconemagic.steps.tree import Folder, find_stale

COLUMNS = ("path", "state", "time", "self", "first token", "tokens", "cost")
SIDES = "llrrrrr"
CRITICAL = "◆"

_MAX_INDENT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the tree: a folder, or a step."""

    depth: int
    label: str
    state: str
    time: str = ""
    self_time: str = ""  # of a folder
    first_token: str = ""  # of a step
    tokens: str = ""
    cost: str = ""
    bar: Bar = ()
    step: Step | None = None
    is_faded: bool = False  # superseded
    is_failed: bool = False
    is_critical: bool = False
    is_closed: bool = False  # a folder whose steps have no rows beside it

    @property
    def figures(self) -> tuple[str, ...]:
        """The cells to the right of the state."""
        return self.time, self.self_time, self.first_token, self.tokens, self.cost

    @property
    def indent(self) -> int:
        """Levels to draw; very deep paths stop moving to the right."""
        return min(self.depth, _MAX_INDENT)

    @property
    def words(self) -> tuple[str, ...]:
        """All cells but the bar's."""
        return (f"{self.label} {CRITICAL}" if self.is_critical else self.label, self.state, *self.figures)


Node = Folder[Step] | Step


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBuilder:
    """What the rows of one session are built with."""

    ruler: Ruler
    latest: float  # the end of what still runs
    self_times: Mapping[str, float] = field(default_factory=dict)  # by the paths of folders
    stale: AbstractSet[str] = frozenset()  # ids of steps, as in the next two
    current: AbstractSet[str] = frozenset()  # of compared answers, the chosen ones
    critical: AbstractSet[str] = frozenset()
    feedback: FeedbackOf = field(default_factory=lambda: NO_FEEDBACK)

    def build(self, depth: int, node: Node, *, is_closed: bool = False) -> Row:
        """The row of a step, or of a folder; ``is_closed`` says that nothing below the folder has a row here."""
        if isinstance(node, Folder):
            return self._build_folder_row(node, depth, is_closed=is_closed)
        return self._build_step_row(node, depth)

    def build_all(self, nodes: Iterable[tuple[int, Node]]) -> list[Row]:
        """The rows of nodes with their depths."""
        return [self.build(depth, node) for depth, node in nodes]

    def _build_folder_row(self, folder: Folder[Step], depth: int, *, is_closed: bool) -> Row:
        state = format_count(folder.count, "step")
        if folder.errors:
            state += f", {folder.errors:,} failed"
        steps = list(iterate_steps(folder)) if is_closed else []
        own = self.self_times.get(folder.path)
        return Row(
            depth=depth,
            label=f"{'▸' if is_closed else '▾'} {folder.path}",
            state=state,
            time=format_seconds(folder.latency),
            self_time=format_seconds(own) if own is not None else "",
            tokens=format_count(folder.tokens) if folder.tokens else "",
            cost=format_total_cost(folder.cost, folder.unpriced) if folder.priced or folder.unpriced else "",
            bar=self.ruler.draw_spans(merge_spans(list_spans(steps), MIN_PAUSE)) if is_closed else (),
            is_critical=any(step.id in self.critical for step in steps),
            is_closed=is_closed,
        )

    def _build_step_row(self, step: Step, depth: int) -> Row:
        first_token = find_first_token(step)
        return Row(
            depth=depth,
            label=f"{step.path} · {describe_variant(step)}" if step.comparison else step.path,
            state=" · ".join(filter(None, self._list_states(step))),
            time=format_seconds(step.latency) if step.latency is not None else "",
            first_token=format_seconds(first_token) if first_token is not None else "",
            tokens=format_count(step.tokens) if step.tokens else "",
            cost=describe_step_cost(step),
            bar=self.ruler.draw_step(step, self.latest),
            step=step,
            is_faded=step.is_superseded,
            is_failed=step.status in (StepStatus.FAILED, StepStatus.INTERRUPTED),
            is_critical=step.id in self.critical,
        )

    def _list_states(self, step: Step) -> Iterator[str]:
        """Words that a person looks for in a row; what is said of a step by others has its place here."""
        yield from list_states(step)
        yield "stale" if step.id in self.stale and not step.is_superseded else ""
        yield "current" if step.id in self.current else ""
        yield describe_marks(self.feedback.get(step.id, ()))


def open_rows(
    steps: Sequence[Step],
    root: Folder[Step],
    ruler: Ruler,
    critical: AbstractSet[str],
    feedback: FeedbackOf = NO_FEEDBACK,
) -> RowBuilder:
    """What builds the rows of ``steps``, whose tree is ``root``."""
    return RowBuilder(
        ruler=ruler,
        latest=max((step.ended_at or step.started_at for step in steps), default=0.0),
        self_times=measure_self_times(root),
        stale=find_stale(steps),
        current=_find_chosen(steps),
        critical=critical,
        feedback=feedback,
    )


def _find_chosen(steps: Sequence[Step]) -> set[str]:
    """The current ones of those that are compared."""
    passed_over = find_alternatives(steps)
    return {step.id for step in steps if step.comparison and step.id not in passed_over and not step.is_superseded}


def iterate_nodes(folder: Folder[Step], depth: int = 0) -> Iterator[tuple[int, Node]]:
    """What has a row below ``folder``: depth first, without recursion, for a path may have hundreds of segments."""
    waiting: list[tuple[int, Node]] = [(depth, child) for child in reversed(folder.children)]
    while waiting:
        level, node = waiting.pop()
        node = find_shown(node)
        yield level, node
        if isinstance(node, Folder):
            waiting.extend((level + 1, child) for child in reversed(node.children))


def find_shown(node: Node) -> Node:
    """What stands for a node in the table: a path with one step is one row, the step's."""
    if isinstance(node, Folder) and len(node.children) == 1 and not isinstance(node.children[0], Folder):
        return node.children[0]
    return node


def iterate_steps(folder: Folder[Step]) -> Iterator[Step]:
    """All steps below ``folder``."""
    return (node for _, node in iterate_nodes(folder) if not isinstance(node, Folder))


def list_states(step: Step) -> Iterator[str]:
    """What a step says of itself: its kind, how far it is or where its answer came from, retries; some are empty."""
    yield "" if step.kind is StepKind.LLM else step.kind.value
    yield describe_state(step) if step.origin is None else step.origin.kind.value
    yield describe_retries(step)
    yield "superseded" if step.is_superseded else ""


def describe_retries(step: Step) -> str:
    """How often a request was made again, and after what: ``2 retries (429)``; empty for most."""
    refused = list_refused(step)
    if not refused:
        return ""
    reasons = ", ".join(dict.fromkeys(map(describe_refusal, refused)))
    return f"{format_count(len(refused), 'retry', 'retries')} ({reasons})"


def describe_step_cost(step: Step) -> str:
    """Tools and databases have no price; only an answered model can be unpriced."""
    is_priced = step.kind is StepKind.LLM and step.status is StepStatus.DONE
    return format_cost(step.cost) if step.cost is not None or is_priced else ""
