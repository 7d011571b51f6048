"""Steps by their times, for tests of figures that are worked out by hand: all seconds count from 1,000."""

from __future__ import annotations

from typing import Any

from render_samples import build_step

from heliconemagic.records import Attempt, Step
from heliconemagic.usage import Usage

BEGIN = 1_000.0


def build_timed(path: str, start: float, end: float | None, *, first: float | None = 0.4, **changes: Any) -> Step:
    """A step at ``path``; ``first`` is when its first token came after its start. Its id is its path by default.

    ``tokens`` are its prompt's and its answer's.
    """
    prompt, made = changes.pop("tokens", (100, 50))
    fields = {
        "id": path,
        "path": path,
        "started_at": BEGIN + start,
        "first_token_at": None if first is None else BEGIN + start + first,
        "ended_at": None if end is None else BEGIN + end,
        "usage": Usage(prompt_tokens=prompt, completion_tokens=made),
        "text": f"The answer at {path}, long enough to be recognised where another prompt quotes it.",
        "messages": ({"role": "user", "content": f"What is there to say of {path}?"},),
    }
    return build_step(**{**fields, **changes})


def build_attempts(start: float, *refused: tuple[float, int], sent: float) -> tuple[Attempt, ...]:
    """Attempts from ``start`` on, each refused at its second with its status, and the one that was ``sent`` last."""
    begins = [start, *(end for end, _ in refused)]
    return (
        *(
            Attempt(request_id=f"r{end}", started_at=BEGIN + begin, ended_at=BEGIN + end, status_code=status)
            for begin, (end, status) in zip(begins, refused, strict=False)
        ),
        Attempt(request_id="last", started_at=BEGIN + sent),
    )
