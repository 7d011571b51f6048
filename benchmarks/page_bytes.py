"""Bytes that a streamed answer sends to the page, counted as the kernel's session would put them on the wire.

The clock is simulated: an answer of 160 kB at 100 tokens a second is over in a moment.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import comm
from comm.base_comm import BaseComm
from jupyter_client.session import Session

from benchmarks.measure import Row, Sample, format_bytes, format_ratio
from heliconemagic.engine.following import TICK_SECONDS
from heliconemagic.records import SessionTotals, Step, StepStatus
from heliconemagic.render.card import Card
from heliconemagic.views.live import WidgetView

GOAL = 50.0  # times the answer
RATE = 100  # tokens per second
TOKEN_SIZE = 4  # characters
WORDS = (
    "space",
    "course",
    "lesson",
    "gravity",
    "orbit",
    "light",
    "dust",
    "the",
    "a",
    "of",
    "and",
    "with",
    "from",
    "under",
)


def run(*, is_quick: bool) -> list[Row]:
    """The rows of this topic."""
    sizes = (3_000, 16_000) if is_quick else (3_000, 16_000, 160_000)
    shares = {size: _measure_share(build_lesson(size)) for size in sizes}
    rows = [_build_row(f"a lesson of {format_bytes(size)}", size, shares[size], GOAL) for size in sizes]
    longest = max(sizes)
    rows.append(_compare_lengths(shares[min(sizes)], shares[longest], longest))
    for name, text in (("one code block", build_code(longest)), ("one paragraph", build_paragraph(longest))):
        rows.append(_build_row(f"{name} of {format_bytes(longest)}", longest, _measure_share(text), GOAL))
    return rows


def _build_row(name: str, size: int, share: float, goal: float) -> Row:
    peer = count_markdown_bytes(size)
    return Row(
        name=f"bytes to the page, {name}",
        ours=format_bytes(share * size),
        peer=f"Markdown at 10 Hz {format_bytes(peer)} = {format_ratio(peer / size)}",
        result=Sample((share,)),
        form=format_ratio,
        goal=goal,
    )


def _compare_lengths(shortest: float, longest: float, size: int) -> Row:
    return Row(
        name="bytes to the page, longest beside shortest",
        ours=format_ratio(longest),
        peer=f"shortest {format_ratio(shortest)}",
        result=Sample((longest / shortest,)),
        form=format_ratio,
        goal=1.0,
    )


class Wire:
    """Counts messages as they would leave the kernel: header, parent, metadata, content, signature."""

    def __init__(self) -> None:
        self._session = Session(key=b"benchmark")
        self._parent = self._session.msg("execute_request", {"code": "%%llm /lesson"})
        self.count = 0  # bytes

    def send(self, kind: str, content: dict[str, Any]) -> None:
        """Counts one message."""
        message = self._session.msg(kind, content, parent=self._parent)
        self.count += sum(len(frame) for frame in self._session.serialize(message))

    def publish(self, bundle: dict[str, Any], *, display_id: str, update: bool) -> None:
        """Displays, as a view asks for it."""
        content = {"data": bundle, "metadata": {}, "transient": {"display_id": display_id}}
        self.send("update_display_data" if update else "display_data", content)

    @contextmanager
    def carry_widgets(self) -> Iterator[None]:
        """Lets widgets speak over this wire meanwhile."""
        before, comm.create_comm = comm.create_comm, lambda **options: CountedComm(self, **options)
        try:
            yield
        finally:
            comm.create_comm = before


class CountedComm(BaseComm):
    """A widget's channel that ends in a `Wire`."""

    def __init__(self, wire: Wire, **options: Any) -> None:
        self._wire = wire
        super().__init__(**options)

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        """Counts what a front end would get."""
        self._wire.send(msg_type, {"data": data or {}, "comm_id": self.comm_id, **keys})


def _measure_share(text: str) -> float:
    """Bytes to the page for each character of ``text``."""
    wire = Wire()
    with wire.carry_widgets():
        _play(text, wire.publish)
    return wire.count / len(text)


def _play(text: str, publish: Callable[..., None]) -> None:
    """Streams ``text`` into a card, which is updated as often as the engine's follower does."""
    now = 1_000_000.0
    view = WidgetView(publish, lambda: None, lambda: now)
    step = _build_step(now)
    view.open(_build_card(step))
    for end in range(0, len(text), round(RATE * TICK_SECONDS) * TOKEN_SIZE):
        now += TICK_SECONDS
        view.update(_build_card(replace(step, text=text[:end], first_token_at=1_000_000.3)))
    view.close(_build_card(replace(step, text=text, status=StepStatus.DONE, ended_at=now, finish_reason="stop")))


def _build_step(now: float) -> Step:
    messages = ({"role": "user", "content": "Write the first lesson."},)
    return Step(
        id="step-1", session_id="session-1", path="/outline/lesson-1", gateway="oai", model="gpt-4o-mini",
        messages=messages, started_at=now,
    )  # fmt: skip


def _build_card(step: Step) -> Card:
    return Card(step=step, context="after /outline", totals=SessionTotals(steps=3, cost=0.01, tokens=4_000))


def count_markdown_bytes(size: int) -> int:
    """Bytes of the common way: the whole answer again as Markdown, ten times a second."""
    wire = Wire()
    text = build_lesson(size)
    for end in range(0, size, round(RATE * TICK_SECONDS) * TOKEN_SIZE):
        bundle = {"text/markdown": text[:end], "text/plain": "<IPython.core.display.Markdown object>"}
        wire.publish(bundle, display_id="1", update=True)
    return wire.count


def build_lesson(size: int) -> str:
    """An answer as models write them: headings, paragraphs, lists, code, a table now and then."""
    chance = random.Random(1)
    text = ""
    while len(text) < size:
        text += f"## {_say(chance, 4).capitalize()}\n\n{_say(chance, 70)}.\n\n"
        text += "".join(f"- **{_say(chance, 2)}**: {_say(chance, 12)}\n" for _ in range(5))
        text += f"\n```python\ndef {chance.choice(WORDS)}(a, b):\n    return a * b  # {_say(chance, 5)}\n```\n\n"
        text += f"| {_say(chance, 1)} | {_say(chance, 1)} |\n|---|---|\n"
        text += "".join(f"| {_say(chance, 2)} | {chance.random():.3f} |\n" for _ in range(3)) + "\n"
    return text[:size]


def build_code(size: int) -> str:
    """One fence that never ends."""
    chance = random.Random(2)
    lines = "".join(
        f"total_{row} = compute({chance.random():.4f}, name={_say(chance, 1)!r})\n" for row in range(size // 40)
    )
    return f"```python\n{lines}"[:size]


def build_paragraph(size: int) -> str:
    """One paragraph that never ends."""
    return _say(random.Random(3), size // 4)[:size]


def _say(chance: random.Random, count: int) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(count))
