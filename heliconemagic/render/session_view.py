"""A session as it is shown, before it has a form: sums, rows with their bars, sentences, words below. Pure.

Every form reads this and nothing else of the session.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from heliconemagic.insights.findings import Findings, find_findings
from heliconemagic.insights.phases import Phase
from heliconemagic.insights.session_clock import SessionClock, build_clock
from heliconemagic.insights.spans import count_most_at_once, list_spans
from heliconemagic.insights.standing import list_below
from heliconemagic.records import SessionRecord, Step, StepKind
from heliconemagic.render.feedback_words import NO_FEEDBACK, FeedbackOf, describe_opinion
from heliconemagic.render.figures import format_count, format_seconds, format_total_cost
from heliconemagic.render.finding_words import Sentence, list_sentences
from heliconemagic.render.session_outline import build_outline
from heliconemagic.render.session_rows import CRITICAL, Node, Row, RowBuilder, iterate_nodes, open_rows
from heliconemagic.render.timeline import CHARACTERS, FOLD, REFUSED, Ruler
from heliconemagic.steps.tree import Folder, build_tree

MAX_ROWS = 1_200
"""Rows of all tables of one display in a notebook; a terminal gets them all."""
MAX_PAUSES = 4
"""Pauses that are listed with their lengths: the longest."""

SIGNS = {
    Phase.WAITING: "waiting",
    REFUSED: "refused attempt",
    Phase.FIRST_TOKEN: "until the first token",
    Phase.GENERATING: "generating",
    Phase.WHOLE: "answering, not streamed",
    Phase.WORKING: "working",
}
WORDS = {
    "superseded": "its cell ran again",
    "stale": "continues an answer that was superseded, or isn't the current one any more",
    "current": "of compared answers, the one that steps continue (%helicone_session pick PATH N)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The rows below a folder of an outline, to be unfolded; their bars have a clock of their own."""

    head: Row
    rows: tuple[Row, ...]
    axis: str  # from where to where it goes on the session's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """All that is shown of a session, or of one of its folders."""

    title: str
    sums: tuple[str, ...]  # for the head
    rows: tuple[Row, ...]
    parts: tuple[Part, ...] = ()
    load: Row | None = None  # how many steps ran at once; None where none did
    axis: str = ""  # what the bars stand on
    sentences: tuple[Sentence, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()  # a sign of the bars, and what it means
    words: tuple[str, ...] = ()  # below the table: pauses, less common states
    missing: str = ""  # steps that have no row, and none in the parts either
    folded: str = ""  # the same where parts cannot be unfolded

    @property
    def has_folders(self) -> bool:
        """Whether there is a folder's row, and with it a self time."""
        return any(row.step is None for row in self.rows)


def build_session_view(
    session: SessionRecord,
    steps: Sequence[Step],
    *,
    folder: str = "",
    is_whole: bool = False,
    feedback: FeedbackOf = NO_FEEDBACK,
) -> SessionView:
    """What is shown of ``steps``, which come oldest first.

    Args:
        session: whose steps they are.
        steps: all of them; the view of a folder leaves out what isn't below it.
        folder: the path of the folder that is shown, in place of the whole session.
        feedback: what was thought of the steps, and of the session.
        is_whole: every step has its row in one table; else a long tree is an outline, and rows may be missing.
    """
    shown = list_below(steps, folder)
    title = f"{session.title} {folder}" if folder else session.title
    if not shown:
        return SessionView(title=title, sums=("no steps yet",), rows=())
    root, findings, ruler = build_tree(shown), find_findings(shown), Ruler(build_clock(shown))
    builder = open_rows(shown, root, ruler, findings.critical, feedback)
    rows, parts, missing = _build_rows(root, builder, is_whole=is_whole)
    written = [*rows, *(row for part in parts for row in part.rows)]
    return SessionView(
        title=title,
        sums=tuple(_describe_sums(shown, root, ruler.clock)),
        rows=rows,
        parts=parts,
        load=_build_load(shown, ruler),
        axis=f"0 s — {format_seconds(ruler.clock.total)}",
        sentences=tuple(list_sentences(findings)),
        legend=tuple(_list_legend(written, findings)),
        words=tuple(
            line
            for line in (
                describe_opinion(feedback) if not folder else "",
                _describe_pauses(shown, ruler),
                *_explain_states(written),
            )
            if line
        ),
        missing=_describe_missing(missing, session.id),
        folded=_describe_missing(
            missing + sum(row.step is not None for part in parts for row in part.rows), session.id
        ),
    )


def _describe_missing(steps: int, session_id: str) -> str:
    return f"… {format_count(steps, 'more step')}: `heliconemagic show {session_id}`" if steps else ""


def _build_rows(
    root: Folder[Step], builder: RowBuilder, *, is_whole: bool
) -> tuple[tuple[Row, ...], tuple[Part, ...], int]:
    """The rows, what can be unfolded, and how many steps have no row at all."""
    if is_whole:
        return tuple(builder.build_all(iterate_nodes(root))), (), 0
    outline = build_outline(root)
    rows = tuple(builder.build(row.depth, row.node, is_closed=row.is_closed) for row in outline)
    closed = [(head, row.node) for head, row in zip(rows, outline, strict=True) if isinstance(row.node, Folder)]
    parts, missing = _build_parts([pair for pair in closed if pair[0].is_closed], builder, MAX_ROWS - len(rows))
    return rows, parts, missing


def _build_parts(
    closed: Sequence[tuple[Row, Folder[Step]]], builder: RowBuilder, room: int
) -> tuple[tuple[Part, ...], int]:
    """What is in the closed folders as far as there is ``room``, in rows, and how many steps are left out.

    Those with failures come first, then the newest: that is what one looks for in so long a session.
    """
    missing, found = 0, {}
    order = sorted(range(len(closed)), key=lambda place: (not closed[place][1].errors, -place))
    for place in order:
        head, folder = closed[place]
        nodes = list(iterate_nodes(folder))
        shown = nodes[len(nodes) - room :] if len(nodes) > room else nodes
        room -= len(shown)
        missing += folder.count - sum(not isinstance(node, Folder) for _, node in shown)
        if shown:
            found[place] = _build_part(head, shown, builder)
    return tuple(found[place] for place in sorted(found)), missing


def _build_part(head: Row, nodes: Sequence[tuple[int, Node]], builder: RowBuilder) -> Part:
    steps = [node for _, node in nodes if not isinstance(node, Folder)]
    spans, read = list_spans(steps), builder.ruler.clock.read
    begun, ended = read(min(start for start, _ in spans)), read(max(end for _, end in spans))
    rows = replace(builder, ruler=Ruler(SessionClock(spans))).build_all(nodes)
    return Part(head=head, rows=tuple(rows), axis=f"{format_seconds(begun)} — {format_seconds(ended)}")


def _describe_sums(steps: Sequence[Step], root: Folder[Step], clock: SessionClock) -> list[str]:
    """The totals for the head: steps and failures, time, tokens, cost."""
    counted = format_count(root.count, "step") + (f" · {root.errors:,} failed" if root.errors else "")
    seconds = sum(step.latency or 0.0 for step in steps if step.kind is StepKind.LLM)
    spent = f"{format_seconds(seconds)} of model time in {format_seconds(clock.total)}"
    paused = sum(pause.seconds for pause in clock.pauses)
    pauses = f"{format_seconds(paused)} of pauses" if paused else ""
    tokens = f"{root.tokens:,} tokens" if root.tokens else ""
    cost = format_total_cost(root.cost, root.unpriced, is_answered=root.count > root.errors or not root.count)
    return [part for part in (counted, spent, pauses, tokens, cost) if part]


def _build_load(steps: Sequence[Step], ruler: Ruler) -> Row | None:
    spans = list_spans(steps)
    most = count_most_at_once(spans)
    if most < 2:
        return None
    return Row(depth=0, label="at once", state=f"up to {most:,}", bar=ruler.draw_load(spans, most))


def _describe_pauses(steps: Sequence[Step], ruler: Ruler) -> str:
    """The pauses with their lengths and what came after each; only the longest of many."""
    pauses = ruler.clock.pauses
    if not pauses:
        return ""
    longest = sorted(pauses, key=lambda pause: -pause.seconds)[:MAX_PAUSES]
    next_paths = {step.started_at: step.path for step in reversed(steps)}
    listed = [
        f"{format_seconds(pause.seconds)} before {next_paths.get(pause.ended_at, 'the next step')}"
        for pause in sorted(longest, key=lambda pause: pause.ended_at)
    ]
    if len(pauses) > MAX_PAUSES:
        rest = sum(pause.seconds for pause in pauses) - sum(pause.seconds for pause in longest)
        listed.append(f"{len(pauses) - MAX_PAUSES:,} shorter ones, {format_seconds(rest)} together")
    return f"{FOLD} {format_count(len(pauses), 'pause')} folded: {', '.join(listed)}"


def _list_legend(rows: Iterable[Row], findings: Findings) -> list[tuple[str, str]]:
    """The signs of the bars that occur, each with its meaning."""
    kinds = {part.kind for row in rows for part in row.bar}
    found = [(CHARACTERS[kind], meaning) for kind, meaning in SIGNS.items() if kind in kinds]
    return [*found, (CRITICAL, "on the critical path")] if findings.critical else found


def _explain_states(rows: Iterable[Row]) -> list[str]:
    """What the less common words in the rows mean."""
    states = {word for row in rows for word in row.state.split(" · ")}
    return [f"{word}: {meaning}" for word, meaning in WORDS.items() if word in states]
