"""The card of a batch in words: the phrases and table cells that its HTML, Markdown and text forms share."""

from __future__ import annotations

from heliconemagic.records import StepStatus
from heliconemagic.render.answer_summary import summarise
from heliconemagic.render.batch_state import BatchCard, BatchLine
from heliconemagic.render.card_words import STATE_WORDS
from heliconemagic.render.figures import format_cost, format_count, format_seconds, format_total_cost, format_usd

COLUMNS = ("path", "answer", "tokens", "cost", "time", "state")
SIDES = "rllrrrl"  # of the number, then of those
FAILED_COLUMNS = ("path", "state", "what failed")
FAILED_SIDES = "rlll"
BAR_WIDTH = 40
MAX_TEXT = 90
"""Characters of an answer, or of an error, in a table."""
MAX_PATH = 60


def build_bar(card: BatchCard, width: int = BAR_WIDTH) -> str:
    """The progress in block characters; of a generator, whose end nobody knows, none."""
    total = card.counts.total
    if not total:
        return ""
    full = width * min(card.counts.over, total) // total
    return "█" * full + "░" * (width - full)


def list_progress(card: BatchCard) -> list[str]:
    """How far a running batch is: rows, rate, cost, time left, errors."""
    counts = card.counts
    rows = f"{counts.over:,}/{counts.total:,}" if counts.total is not None else format_count(counts.over, card.noun)
    left = f"{format_seconds(card.left)} left" if card.left is not None else ""
    cost = f"{format_total_cost(card.cost, card.unpriced)} so far"
    kept = f"{counts.kept:,} kept" if counts.kept else ""
    errors = format_count(counts.failed, "error") if counts.failed else ""
    return [part for part in (rows, format_rate(card.rate), cost, left, kept, errors, card.waiting) if part]


def list_figures(card: BatchCard) -> list[str]:
    """The sums of a batch that is over."""
    counts = card.counts
    rows = [format_count(counts.total if counts.total is not None else counts.over, card.noun)]
    others = {"done": counts.done, "failed": counts.failed, "stopped": counts.stopped, "not sent": counts.unsent}
    if others["done"] != counts.total:
        rows += [f"{count:,} {word}" for word, count in others.items() if count]
    if counts.kept:
        rows.append(f"{counts.kept:,} kept, not sent again")
    return [*rows, *_list_costs(card)]


def _list_costs(card: BatchCard) -> list[str]:
    if not card.counts.over - card.counts.kept:
        return ["nothing was sent"]
    tokens = f"{card.prompt_tokens:,} → {card.completion_tokens:,} tokens" if card.completion_tokens else ""
    cost = f"{format_usd(card.cost)} est." if card.cost and not card.unpriced else ""
    cost = cost or format_total_cost(card.cost, card.unpriced)
    return [part for part in (f"total {format_seconds(card.seconds)}", format_rate(card.rate), tokens, cost) if part]


def format_rate(rate: float) -> str:
    """Rows per second, or per minute where that is more telling.

    >>> format_rate(8.42), format_rate(120.0), format_rate(0.2), format_rate(0.0)
    ('8.4/s', '120/s', '12/min', '')
    """
    if rate <= 0:
        return ""
    if rate < 1:
        return f"{rate * 60:.0f}/min"
    return f"{rate:.1f}/s" if rate < 99.5 else f"{rate:,.0f}/s"


def describe_end(card: BatchCard) -> str:
    """How a batch that is not wholly done ended."""
    return "" if card.status in (StepStatus.PENDING, StepStatus.DONE) else STATE_WORDS[card.status]


def list_cells(line: BatchLine) -> tuple[str, ...]:
    """The cells of a row: its number, then those of `COLUMNS`."""
    return (
        f"{line.number:,}",
        shorten(line.path, MAX_PATH),
        shorten(summarise(line.text) or line.error, MAX_TEXT),
        "" if line.tokens is None else format_count(line.tokens),
        "" if line.cost is None and line.tokens is None else format_cost(line.cost),
        "" if line.seconds is None else format_seconds(line.seconds),
        line.state,
    )


def list_failed_cells(line: BatchLine) -> tuple[str, ...]:
    """The cells of a row that failed: its number, then those of `FAILED_COLUMNS`."""
    return f"{line.number:,}", shorten(line.path, MAX_PATH), line.state, shorten(line.error, 3 * MAX_TEXT)


def shorten(text: str, most: int) -> str:
    """``text`` as one line of at most so many characters.

    >>> shorten("one\\n\\ntwo three", 8)
    'one two…'
    """
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def describe_rest(card: BatchCard) -> str:
    """What the table leaves out."""
    missing = card.counts.done - len(card.lines)
    return f"… {format_count(missing, f'more {card.noun}')} {card.whereabouts}" if missing > 0 else ""


def describe_more_failures(card: BatchCard) -> str:
    """The failures that are not listed."""
    missing = card.counts.failed + card.counts.stopped - len(card.failures)
    return f"… {missing:,} more{card.failures_at}" if missing > 0 else ""
