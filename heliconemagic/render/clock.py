"""Times of day, as a person reads them: today's by the clock, older ones with their date."""

from __future__ import annotations

from datetime import datetime


def format_clock(moment: float, now: float | None = None) -> str:
    """``14:02`` for a moment of today, ``2026-11-20 14:02`` for an older one, in local time.

    Args:
        moment: seconds since the epoch.
        now: what "today" is; the present by default.
    """
    then = datetime.fromtimestamp(moment).astimezone()
    today = (datetime.now() if now is None else datetime.fromtimestamp(now)).astimezone()
    return then.strftime("%H:%M") if then.date() == today.date() else format_moment(moment)


def format_moment(moment: float) -> str:
    """``2026-11-20 14:02``, whatever day it is, in local time: for what is read on other days than it was written."""
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M")
