"""The session's tree has the shape of Helicone's dashboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from render_samples import build_step

from heliconemagic.records import Step, StepKind, StepStatus
from heliconemagic.steps.tree import Folder, build_tree, build_tree_json, find_stale

HERE = Path(__file__).parent
SOURCES = [HERE / "data" / "trees.json", HERE.parent.parent / "shared" / "trees.json"]
CASES = [case for source in SOURCES if source.is_file() for case in json.loads(source.read_text())]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_tree_is_the_dashboards(case: dict[str, Any]) -> None:
    """Folders, leaves, their order, kinds and latencies equal what the dashboard builds."""
    assert build_tree_json(case["requests"]) == case["tree"]


@pytest.mark.parametrize(
    ("path", "segments"), [("/a/", ["a", ""]), ("/a//b", ["a", "", "b"]), ("/", [""]), ("a/b", ["a", "b"])]
)
def test_a_path_that_is_not_normal_makes_folders_without_a_name(path: str, segments: list[str]) -> None:
    """Nothing is normalised here: what was stored is what is seen."""
    node = build_tree_json([{"id": "r", "path": path, "start": 1, "end": 3, "model": "m"}])
    seen = []
    while "children" in node:
        node = node["children"][0]
        seen.append(node.get("segment"))
    assert seen == [*segments, None]


def test_no_requests_are_an_empty_root() -> None:
    """A session without steps has a tree, too."""
    assert build_tree_json([]) == {"segment": "", "latency_ms": 0, "children": []}


def test_a_folder_sums_what_is_below_it() -> None:
    """Count, errors, tokens, cost and unpriced answers roll up; a tool has no price to miss."""
    root = build_tree(
        [
            build_step(path="/a"),
            build_step(path="/a/b", status=StepStatus.FAILED, cost=None, usage=None),
            build_step(path="/a/b", cost=None),
            build_step(path="/a/tool", kind=StepKind.TOOL, cost=None, usage=None),
        ]
    )
    folder = root.children[0]
    assert isinstance(folder, Folder)
    assert (folder.path, folder.count, folder.errors, folder.unpriced) == ("/a", 4, 1, 1)
    assert (folder.tokens, folder.cost) == (2 * 1392, 0.00029)


def test_a_step_that_runs_counts_up_to_its_start() -> None:
    """A folder's latency is that of what has ended, and it says that something runs."""
    running = build_step(path="/a", started_at=120.0, ended_at=None, status=StepStatus.PENDING)
    root = build_tree([build_step(path="/a"), running])
    assert root.latency == pytest.approx(20.0)
    assert root.is_running


def build_chain(*parents: str | None, superseded: str = "") -> list[Step]:
    """Steps a, b, c … with these parents."""
    return [
        build_step(id=name, parent_id=parent, is_superseded=name in superseded)
        for name, parent in zip("abcdefgh", parents, strict=False)
    ]


def test_stale_is_whatever_continues_a_superseded_step() -> None:
    """Children and grandchildren are stale; the superseded step, its siblings and ancestors are not."""
    assert find_stale(build_chain(None, "a", "b", "c", "a", superseded="b")) == {"c", "d"}
    assert find_stale(build_chain(None, "a", "b")) == set()


def test_a_parent_that_is_missing_or_a_ring_is_no_trouble() -> None:
    """Records from a damaged journal are read as far as they go."""
    assert find_stale(build_chain("gone", "a")) == set()
    assert find_stale(build_chain("b", "a", superseded="a")) == {"a", "b"}


def test_long_chains_and_deep_paths_are_read_without_recursion() -> None:
    """Ten thousand steps that continue each other, and a path of 250 segments."""
    steps = [build_step(id=str(i), parent_id=str(i - 1), is_superseded=i == 0) for i in range(10_000)]
    assert len(find_stale(reversed(steps))) == 9_999
    assert build_tree([build_step(path="/a" * 250)]).count == 1
