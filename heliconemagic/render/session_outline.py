"""A tree too long for one table: its upper folders, and what is in the others apart, to be unfolded. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from heliconemagic.records import Step
from heliconemagic.render.session_rows import Node, find_shown, iterate_nodes, iterate_steps
from heliconemagic.steps.tree import Folder

MOST_ROWS = 120
"""Rows of a table that one reads; a longer tree is an outline …"""
OUTLINE_ROWS = 80
"""… with so many rows, so that what is folded below it isn't far away."""
MOST_CHILDREN = 40
"""Rows of one folder in an outline; more are grouped, each group with some of those that follow each other."""


@dataclass(frozen=True, slots=True)
class OutlineRow:
    """One line of an outline."""

    depth: int
    node: Node
    is_closed: bool = False  # a folder whose steps have no rows in the outline


def build_outline(root: Folder[Step]) -> list[OutlineRow]:
    """The rows of the tree if they are few, else those of its upper levels, as many as fit."""
    nodes = list(islice(iterate_nodes(root), MOST_ROWS + 1))
    if len(nodes) <= MOST_ROWS:
        return [OutlineRow(depth, node) for depth, node in nodes]
    return list(_iterate_open(root, _open_folders(root)))


def _open_folders(root: Folder[Step]) -> dict[int, Sequence[Node]]:
    """The children of the folders that are open, by the folders' identities: whole levels, from above."""
    opened: dict[int, Sequence[Node]] = {}
    level, room = [root], OUTLINE_ROWS
    while level:
        children = {id(folder): group_children(folder) for folder in level}
        room -= sum(map(len, children.values()))
        if room < 0:
            break
        opened |= children
        level = [child for found in children.values() for child in found if isinstance(child, Folder)]
    return opened


def _iterate_open(root: Folder[Step], opened: dict[int, Sequence[Node]]) -> Iterator[OutlineRow]:
    waiting: list[tuple[int, Node]] = [(0, child) for child in reversed(opened[id(root)])]
    while waiting:
        depth, node = waiting.pop()
        children = opened.get(id(node))
        yield OutlineRow(depth, node, is_closed=isinstance(node, Folder) and children is None)
        waiting.extend((depth + 1, child) for child in reversed(children or ()))


def group_children(folder: Folder[Step]) -> Sequence[Node]:
    """What stands in ``folder``; where that is too much, groups of what follows each other, as folders."""
    children = [find_shown(child) for child in folder.children]
    if len(children) <= MOST_CHILDREN:
        return children
    size = -(-len(children) // MOST_CHILDREN)
    size = max(size, min(10, len(children)))
    return [_build_group(children[start : start + size], start) for start in range(0, len(children), size)]


def _build_group(children: list[Node], start: int) -> Node:
    if len(children) == 1:
        return children[0]
    group: Folder[Step] = Folder(segment="", path=_describe_group(children, start))
    group.children.extend(children)
    for step in iterate_steps(group):
        group.add(step)
    return group


def _describe_group(children: Sequence[Node], start: int) -> str:
    """Its first and its last path, or which of the many at one path it holds."""
    first, last = children[0].path, children[-1].path
    if first == last:
        return f"{first} · {start + 1:,} to {start + len(children):,}"
    folder, _, segment = last.rpartition("/")
    return f"{first} … {segment if first.rpartition('/')[0] == folder else last}"
