"""Statistics as the notebook gets them: a picture, and rows to go on with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from heliconemagic.frames import build_frame
from heliconemagic.statistics.summary import SessionSums, Summary, Sums

MEASURES = ("sessions", "steps", "errors", "measured", "median", "p95", "tokens", "cost", "unpriced")
"""What `Statistics.rows` says of a line besides its group and path: counts, seconds, tokens, USD."""


class Statistics:
    """The sessions of one name side by side; shows itself as a picture.

    ``median`` and ``p95`` are percentiles by nearest rank: the smallest measured value that at least 50 % (95 %) of
    the ``measured`` values don't exceed; of fewer than 20 the 95th is the largest. In `rows` they are of steps: the
    seconds from start to end of those that finished and were no stand-ins for earlier answers. In `groups` they are
    of sessions: the wall time of what each session has of the group, without its pauses.
    """

    def __init__(self, summary: Summary, *, build_bundle: Callable[[Summary], dict[str, Any]]) -> None:
        self.summary = summary
        self._build_bundle = build_bundle

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One mapping for each path, and where there are groups for each path of each group."""
        summary = self.summary
        if not summary.groups or summary.grouping is None:
            return [{"path": sums.path, **_describe(sums)} for sums in summary.paths]
        label = _name_column(summary.grouping.label)
        return [{label: sums.group, "path": sums.path, **_describe(sums)} for sums in summary.parts]

    @property
    def groups(self) -> list[dict[str, Any]]:
        """One mapping for each group; of no grouping one for all sessions."""
        summary = self.summary
        if not summary.groups or summary.grouping is None:
            return [_describe(summary.total)]
        label = _name_column(summary.grouping.label)
        return [{label: sums.group, "paths": sums.paths, **_describe(sums)} for sums in summary.groups]

    @property
    def sessions(self) -> list[dict[str, Any]]:
        """One mapping for each session, oldest first. Times are seconds since the epoch, ``seconds`` the wall time."""
        return [_describe_session(sums) for sums in self.summary.sessions]

    @property
    def df(self) -> Any:
        """`rows` as a pandas DataFrame; so would be ``pandas.DataFrame(stats.sessions)``.

        Raises:
            InputError: pandas is not installed.
        """
        return build_frame(self.rows, without=".rows is a list of dictionaries")

    def __repr__(self) -> str:
        total = self.summary.total
        return f"<Statistics of {self.summary.name!r}: sessions={total.sessions}, steps={total.steps}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self._build_bundle(self.summary)


def _name_column(label: str) -> str:
    """The name of the groups' column: a property may be called like one of the measures."""
    return f"group_{label}" if label in ("path", "paths", *MEASURES) else label


def _describe(sums: Sums) -> dict[str, Any]:
    values = asdict(sums)
    return {name: values[name] for name in MEASURES}


def _describe_session(sums: SessionSums) -> dict[str, Any]:
    session = sums.session
    return {
        "id": session.id,
        "notebook": session.notebook,
        "source": session.source,
        "started_at": session.started_at,
        "ended_at": sums.ended_at,
        "seconds": sums.seconds,
        "steps": sums.steps,
        "errors": sums.errors,
        "tokens": sums.tokens,
        "cost": sums.cost,
    }
