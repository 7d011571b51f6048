"""The session's tree, in the shape of Helicone's dashboard: folders are path segments, leaves are steps.

Children stand in the order in which they were first seen, not by time: the dashboard asks for
requests oldest first and never sorts again, so a request that is given late stays behind. Segments
are not normalised either: ``/a/`` and ``/a//b`` make folders with an empty name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from heliconemagic.records import Step, StepKind, StepStatus
from heliconemagic.steps.comparison import find_alternatives


class Leaf(Protocol):
    """What a tree is built of: a `Step`, or anything that has a place, a time and a kind."""

    @property
    def path(self) -> str:
        """Slashes between segments."""

    @property
    def kind(self) -> StepKind:
        """What it was."""

    @property
    def status(self) -> StepStatus:
        """How far it is."""

    @property
    def started_at(self) -> float:
        """Start; the unit is the caller's, the same for all leaves."""

    @property
    def ended_at(self) -> float | None:
        """End; None while it runs."""

    @property
    def tokens(self) -> int:
        """Tokens that were used, as far as known."""

    @property
    def cost(self) -> float | None:
        """USD, where known."""


LeafType = TypeVar("LeafType", bound=Leaf)


@dataclass(slots=True, kw_only=True)
class Folder(Generic[LeafType]):
    """A path segment: its sub-folders and leaves in order, and the roll-ups of everything below it.

    The root has an empty segment and an empty path. ``latency`` is latest end − earliest start.
    """

    segment: str
    path: str
    children: list[Folder[LeafType] | LeafType] = field(default_factory=list)
    started_at: float = 0.0
    ended_at: float = 0.0
    count: int = 0
    errors: int = 0  # failed or interrupted
    tokens: int = 0
    cost: float = 0.0  # USD, of the priced leaves
    priced: int = 0  # steps with a price, be it 0
    unpriced: int = 0  # finished requests to a model without a price
    is_running: bool = False

    @property
    def latency(self) -> float:
        """From the earliest start to the latest end below; a leaf that runs counts up to its start."""
        return self.ended_at - self.started_at

    def add(self, leaf: LeafType) -> None:
        """Takes ``leaf``, which stands somewhere below, into the roll-ups."""
        ended_at = leaf.started_at if leaf.ended_at is None else leaf.ended_at
        self.started_at = min(self.started_at, leaf.started_at) if self.count else leaf.started_at
        self.ended_at = max(self.ended_at, ended_at) if self.count else ended_at
        self.count += 1
        self.errors += leaf.status in (StepStatus.FAILED, StepStatus.INTERRUPTED)
        self.tokens += leaf.tokens
        self.cost += leaf.cost or 0.0
        self.priced += leaf.cost is not None
        self.unpriced += leaf.cost is None and leaf.status is StepStatus.DONE and leaf.kind is StepKind.LLM
        self.is_running |= leaf.ended_at is None


def build_tree(leaves: Iterable[LeafType]) -> Folder[LeafType]:
    """The root folder of ``leaves``, which come oldest first; time and memory are linear in their segments."""
    root: Folder[LeafType] = Folder(segment="", path="")
    folders: dict[tuple[str, ...], Folder[LeafType]] = {(): root}
    for leaf in leaves:
        segments = _split_path(leaf.path)
        folder = root
        folder.add(leaf)
        for depth in range(1, len(segments) + 1):
            folder = _open_folder(folders, segments[:depth], folder)
            folder.add(leaf)
        folder.children.append(leaf)
    return root


def _split_path(path: str) -> tuple[str, ...]:
    return tuple(path.removeprefix("/").split("/"))


def _open_folder(
    folders: dict[tuple[str, ...], Folder[LeafType]], key: tuple[str, ...], parent: Folder[LeafType]
) -> Folder[LeafType]:
    if key not in folders:
        folders[key] = Folder(segment=key[-1], path=f"{parent.path}/{key[-1]}")
        parent.children.append(folders[key])
    return folders[key]


def parse_kind(model: str) -> StepKind:
    """What a leaf of the model ``model`` is, as Helicone names what was logged by hand.

    >>> [parse_kind(model).value for model in ("tool:weather", "vector_db:search", "data:load", "gpt-4o-mini")]
    ['Tool', 'VectorDB', 'Data', 'LLM']
    """
    for prefix, kind in (("tool:", StepKind.TOOL), ("vector_db", StepKind.VECTOR_DB), ("data:", StepKind.DATA)):
        if model.startswith(prefix):
            return kind
    return StepKind.LLM


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedRequest:
    """A request as Helicone's dashboard sees it. Times are milliseconds."""

    id: str
    path: str
    kind: StepKind
    started_at: float
    ended_at: float
    status: StepStatus = StepStatus.DONE
    tokens: int = 0
    cost: float | None = None


def build_tree_json(requests: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The tree of ``{id, path, start, end, model}`` (milliseconds), as nested dictionaries.

    Folders are ``{segment, latency_ms, children}``, leaves ``{request, type, latency_ms}``.
    """
    return _describe_folder(
        build_tree(
            TracedRequest(
                id=str(request["id"]),
                path=str(request["path"]),
                kind=parse_kind(str(request.get("model", ""))),
                started_at=request["start"],
                ended_at=request["end"],
            )
            for request in requests
        )
    )


def _describe_folder(folder: Folder[TracedRequest]) -> dict[str, Any]:
    children = [
        _describe_folder(child) if isinstance(child, Folder) else _describe_request(child) for child in folder.children
    ]
    return {"segment": folder.segment, "latency_ms": folder.latency if folder.count else 0, "children": children}


def _describe_request(request: TracedRequest) -> dict[str, Any]:
    return {
        "request": request.id,
        "type": request.kind.value,
        "latency_ms": request.ended_at - request.started_at,
    }


def find_stale(steps: Iterable[Step]) -> set[str]:
    """Ids of the steps that continue an answer that no longer counts, directly or through others.

    That is a superseded one, and one beside which another is the current answer of a comparison.
    """
    by_id = {step.id: step for step in steps}
    passed_over = find_alternatives(by_id.values())
    is_stale: dict[str, bool] = {}
    for step in by_id.values():
        chain = list(_iterate_unknown(step, by_id, is_stale))
        for link in reversed(chain):
            parent = by_id.get(link.parent_id or "")
            is_stale[link.id] = parent is not None and (
                parent.is_superseded or parent.id in passed_over or is_stale.get(parent.id, False)
            )
    return {step_id for step_id, stale in is_stale.items() if stale}


def _iterate_unknown(step: Step, by_id: Mapping[str, Step], known: Mapping[str, bool]) -> Iterator[Step]:
    """``step`` and the steps above it, up to the first that is known; each once, should they ever form a ring."""
    seen: set[str] = set()
    current: Step | None = step
    while current is not None and current.id not in known and current.id not in seen:
        seen.add(current.id)
        yield current
        current = by_id.get(current.parent_id or "")
