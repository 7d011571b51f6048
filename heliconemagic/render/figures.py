"""Figures for reading: seconds, tokens, USD and counts, spelled the same everywhere."""

from __future__ import annotations


def format_seconds(seconds: float) -> str:
    """A length of time.

    >>> [format_seconds(s) for s in (0.004, 0.412, 6.31, 59.97, 192, 3840)]
    ['<0.01 s', '0.41 s', '6.3 s', '1 min 0 s', '3 min 12 s', '1 h 4 min']
    """
    if seconds <= 0:
        return "0 s"
    if seconds < 0.005:
        return "<0.01 s"
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def format_rate(per_second: float) -> str:
    """A speed: with a digit behind the point where it is slow.

    >>> [format_rate(speed) for speed in (0.04, 0.43, 9.96, 31.2)]
    ['0.04', '0.4', '10', '31']
    """
    if per_second < 0.1:
        return f"{per_second:.2f}"
    return f"{per_second:.0f}" if per_second >= 9.95 else f"{per_second:.1f}"


def format_count(count: int, noun: str = "", plural: str = "") -> str:
    """A whole number with its noun.

    >>> format_count(1204), format_count(1, "step"), format_count(3, "step"), format_count(2, "reply", "replies")
    ('1,204', '1 step', '3 steps', '2 replies')
    """
    if not noun:
        return f"{count:,}"
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def format_usd(usd: float) -> str:
    """An amount in USD: two significant digits below a dollar, cents above.

    >>> [format_usd(usd) for usd in (0, 0.00029, 0.0009, 0.0123, 0.3, 12.345, 1e-9)]
    ['$0', '$0.00029', '$0.0009', '$0.012', '$0.30', '$12.35', '<$0.000001']
    """
    if usd <= 0:
        return "$0"
    if usd < 1e-6:
        return "<$0.000001"
    if usd >= 0.995:
        return f"${usd:,.2f}"
    whole, _, digits = f"{float(f'{usd:.2g}'):.8f}".partition(".")
    return f"${whole}.{digits.rstrip('0').ljust(2, '0')}"


def format_cost(usd: float | None) -> str:
    """What a step cost: ``unpriced`` if nobody knows, ``free`` if nothing."""
    if usd is None:
        return "unpriced"
    return "free" if usd == 0 else format_usd(usd)


def format_total_cost(usd: float, unpriced: int, *, is_answered: bool = True) -> str:
    """What several steps cost together, honest about those of which nobody knows.

    Nothing is said where no step has its whole answer: what a provider asks for a stopped one, nobody knows.

    >>> format_total_cost(0.5, 0), format_total_cost(0.5, 2), format_total_cost(0.0, 2), format_total_cost(0.0, 0)
    ('$0.50', '$0.50 + 2 unpriced', 'unpriced', 'free')
    """
    if not (usd or unpriced or is_answered):
        return ""
    if not unpriced:
        return format_cost(usd)
    return f"{format_usd(usd)} + {unpriced:,} unpriced" if usd else "unpriced"
