"""The tree of many steps as one list, in the order in which it is read, without sums: fast enough to follow a session.

`heliconemagic.steps.tree` has the sums; here those of a folder are asked for one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from heliconemagic.records import Step


@dataclass(slots=True)
class Branch:
    """What stands at one path and below it, in the order in which it was first seen."""

    path: str
    children: list[Branch | Step] = field(default_factory=list)

    def iterate_steps(self) -> Iterator[Step]:
        """All steps at its path and below."""
        for _, node in list_nodes(self):
            if isinstance(node, Step):
                yield node


Node = Branch | Step


def build_branches(steps: Iterable[Step]) -> Branch:
    """The root of ``steps``, which come oldest first."""
    root = Branch("")
    branches = {"": root}
    for step in steps:
        _open_branch(branches, step.path).children.append(step)
    return root


def _open_branch(branches: dict[str, Branch], path: str) -> Branch:
    found = branches.get(path)
    if found is not None:
        return found
    missing = []
    while path not in branches:
        missing.append(path)
        path = path.rpartition("/")[0]
    found = branches[path]
    for name in reversed(missing):
        child = branches[name] = Branch(name)
        found.children.append(child)
        found = child
    return found


def list_nodes(root: Branch) -> list[tuple[int, Node]]:
    """What has a row below ``root``, with its depth; a path with one step alone is that step's row."""
    nodes: list[tuple[int, Node]] = []
    waiting: list[tuple[int, Node]] = [(0, child) for child in reversed(root.children)]
    while waiting:
        depth, node = waiting.pop()
        if isinstance(node, Branch) and len(node.children) == 1 and isinstance(node.children[0], Step):
            node = node.children[0]
        nodes.append((depth, node))
        if isinstance(node, Branch):
            waiting.extend((depth + 1, child) for child in reversed(node.children))
    return nodes
