"""The panel's list: tree and timeline of a session in lines of text, a page of them at a time. Pure.

The lines are options of a list box: text alone, and blanks that no browser takes away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heliconemagic.insights.session_clock import build_clock
from heliconemagic.insights.spans import list_spans, merge_spans
from heliconemagic.records import Step, StepKind, StepStatus
from heliconemagic.render.comparison_words import describe_variant
from heliconemagic.render.feedback_words import FeedbackOf, describe_feedback, describe_marks
from heliconemagic.render.figures import format_count, format_seconds
from heliconemagic.render.terminal import make_safe_text
from heliconemagic.render.timeline import WIDTH, Ruler, write_bar
from heliconemagic.steps.filtering import StepFilter
from heliconemagic.steps.listing import Branch, Node, build_branches, list_nodes

PAGE = 100
"""Lines that the page has at a time."""
MAX_LABEL = 30
"""Characters of a path; of a longer one the end is what tells it apart."""
_TIME = 8
_MAX_INDENT = 8
_BLANK = "\u00a0"
_SIGNS = {StepStatus.FAILED: "✗", StepStatus.INTERRUPTED: "■", StepStatus.PENDING: "…"}


@dataclass(frozen=True, slots=True)
class ListLine:
    """One line: what it stands for, and its text."""

    key: str  # a step's id, or a folder's path after "folder:"
    text: str
    step: Step | None = None
    folder: Branch | None = None


class StepList:
    """The lines of a session as it stands now, of the steps that fit a filter."""

    def __init__(self, steps: Sequence[Step], feedback: FeedbackOf, wanted: StepFilter) -> None:
        self.total = len(steps)
        self._feedback = feedback
        chosen = steps if wanted == StepFilter() else wanted.choose(steps, self._find_opinion)
        self.matched = len(chosen)
        self._nodes = list_nodes(build_branches(chosen))
        self._parents = _list_parents(self._nodes)
        self._latest = max((step.ended_at or step.started_at for step in chosen), default=0.0)
        self.newest = max(chosen, key=lambda step: step.started_at).id if chosen else ""

    def _find_opinion(self, step_id: str) -> str:
        return describe_feedback(self._feedback.get(step_id, ()))

    @property
    def page_count(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-len(self._nodes) // PAGE))

    @property
    def count(self) -> int:
        """Lines in all."""
        return len(self._nodes)

    def find_place(self, key: str) -> int | None:
        """Where the line of ``key`` stands, from 0; None if it isn't in the list."""
        return next((place for place, (_, node) in enumerate(self._nodes) if _build_key(node) == key), None)

    def find_page(self, place: int) -> int:
        """The page that has a line."""
        return place // PAGE

    def find_index(self, place: int | None, page: int) -> int | None:
        """Where a line stands on its page; None if it is on another."""
        return place - page * PAGE if place is not None and place // PAGE == page else None

    def build_line(self, place: int) -> ListLine:
        """One line alone."""
        node = self._nodes[place][1]
        return self._build_line(node, _shorten(_build_label(node)), _build_ruler([node]))

    def build_page(self, number: int) -> list[ListLine]:
        """The lines of a page, from 0; a path goes on where its folder's ends, but for the first, whose isn't seen."""
        first = number * PAGE
        nodes = self._nodes[first : first + PAGE]
        parents = ["", *self._parents[first + 1 : first + PAGE]]
        labels = [
            _shorten(_BLANK * 2 * min(depth, _MAX_INDENT) + _build_label(node, parent))
            for (depth, node), parent in zip(nodes, parents, strict=False)
        ]
        width = max(map(len, labels), default=0)
        ruler = _build_ruler([node for _, node in nodes])
        return [
            self._build_line(node, label.ljust(width), ruler) for (_, node), label in zip(nodes, labels, strict=True)
        ]

    def describe_page(self, number: int) -> str:
        """Where the page is in the list."""
        first, last = number * PAGE + 1, min((number + 1) * PAGE, len(self._nodes))
        steps = format_count(self.total, "step")
        counted = steps if self.matched == self.total else f"{self.matched:,} of {steps}"
        return counted if self.page_count == 1 else f"lines {first:,} to {last:,} of {len(self._nodes):,} · {counted}"

    def _build_line(self, node: Node, label: str, ruler: Ruler) -> ListLine:
        if isinstance(node, Branch):
            steps = list(node.iterate_steps())
            time = format_seconds(
                max(step.ended_at or step.started_at for step in steps) - min(step.started_at for step in steps)
            )
            bar = write_bar(ruler.draw_spans(merge_spans(list_spans(steps))))
            failed = sum(step.status in (StepStatus.FAILED, StepStatus.INTERRUPTED) for step in steps)
            words = format_count(len(steps), "step") + (f", {failed:,} failed" if failed else "")
            return ListLine(_build_key(node), _join(" ", label, time, bar, words), folder=node)
        time = format_seconds(node.latency) if node.latency is not None else ""
        bar = write_bar(ruler.draw_step(node, self._latest))
        sign = _SIGNS.get(node.status, "~" if node.is_superseded else " ")
        return ListLine(_build_key(node), _join(sign, label, time, bar, self._describe(node)), step=node)

    def _describe(self, step: Step) -> str:
        kind = "" if step.kind is StepKind.LLM else step.kind.value
        marks = describe_marks(self._feedback.get(step.id, ()))
        return " · ".join(part for part in (marks, kind, "superseded" if step.is_superseded else "") if part)


def _build_ruler(nodes: Sequence[Node]) -> Ruler:
    """The clock of the steps that have lines here: of a long session, and of a filter, a magnifying glass."""
    steps = [node for node in nodes if isinstance(node, Step)]
    return Ruler(
        build_clock(steps or [step for node in nodes if isinstance(node, Branch) for step in node.iterate_steps()])
    )


def _build_key(node: Node) -> str:
    return f"folder:{node.path}" if isinstance(node, Branch) else node.id


def _list_parents(nodes: Sequence[tuple[int, Node]]) -> list[str]:
    """The path of the folder that each node is in; "" at the top."""
    parents, folders = [], [""]
    for depth, node in nodes:
        del folders[depth + 1 :]
        parents.append(folders[-1])
        if isinstance(node, Branch):
            folders.append(node.path)
    return parents


def _build_label(node: Node, parent: str = "") -> str:
    path = node.path.removeprefix(parent) or node.path[node.path.rfind("/") :]  # a step at its folder's own path
    if isinstance(node, Branch):
        return f"▾ {path}"
    return f"{path} · {describe_variant(node)}" if node.comparison else path


def _shorten(label: str) -> str:
    """The beginning, for its indent, and the end, which tells it apart."""
    label = make_safe_text(label).replace("\n", " ").replace("\t", " ")
    if len(label) <= MAX_LABEL:
        return label
    indent = len(label) - len(label.lstrip(_BLANK))
    return f"{label[:indent]}…{label[indent - MAX_LABEL + 1 :]}"


def _join(sign: str, label: str, time: str, bar: str, words: str) -> str:
    line = f"{sign} {label} {time.rjust(_TIME)}  {bar.ljust(WIDTH)}  {make_safe_text(words)}"
    return line.rstrip().replace(" ", _BLANK)
