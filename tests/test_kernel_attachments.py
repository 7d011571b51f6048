"""Attachments on a real kernel: what a page shows while the step runs, and what a saved notebook keeps."""

from __future__ import annotations

import pytest
from fake_helicone import FakeHelicone
from kernels import REPLY, Kernel

pytestmark = [pytest.mark.kernel, pytest.mark.any_kernel]

DRAW = """
import struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
rows = b"".join(b"\\0" + bytes((x * y) % 256 for x in range(60)) for y in range(40))
header = struct.pack(">IIBBBBB", 60, 40, 8, 0, 0, 0, 0)
chart = b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
open("first notes.md", "w").write("bees dance")
shots = [{"role": "user", "content": "2 + 2"}, {"role": "assistant", "content": "four"}]
"""


def test_a_picture_is_shown_while_the_step_runs_and_at_its_end(kernel: Kernel, fake: FakeHelicone) -> None:
    """Live in a widget of its own, then in the static card; the request has it after the text."""
    kernel.run(DRAW)
    cell = kernel.send('%%llm /look -a chart -a "first notes.md" --messages shots -m slow-60\nWhat is it?')
    kernel.wait_for_text("word1 ")
    live = [str(comm.state.get("value")) for comm in kernel.comms.values() if not comm.is_closed]
    assert sum('<img src="data:image/png;base64,' in value for value in live) == 1
    kernel.wait(lambda: cell.is_over)
    assert kernel.list_open() == []
    page = cell.displays[0]["text/html"]
    assert page.count("<img") == 1 and "<strong>first notes.md</strong> text, 10 bytes" in page
    sent = fake.completions[-1].json["messages"]
    assert [message["content"] for message in sent[:2]] == ["2 + 2", "four"]
    assert [part["type"] for part in sent[2]["content"]] == ["text", "image_url", "text"]
    assert "base64" not in str(cell.displays[0][REPLY])


def test_under_time_and_in_the_line_form(shared_kernel: Kernel) -> None:
    """The blocking form attaches as well, and a mistake fails the cell in two lines."""
    shared_kernel.run_all([DRAW, '%helicone_session "Offline" --new --gateway demo -m demo-fast'])
    timed = shared_kernel.run("%%time\n%%llm /look -a chart\nWhat is it?")
    assert "chart.png: PNG 60 × 40" in timed.displays[0]["text/plain"]
    line = shared_kernel.run('r = %llm /look -a "{{ chart[:0] or chart }}" "What is it?"')
    assert line.status == "ok" and "PNG 60 × 40" in line.displays[0]["text/plain"]
    failed = shared_kernel.run("%%llm /look -a chrt\nWhat is it?")
    assert failed.errors[0]["traceback"] == [
        "InputError: -a 'chrt': there is no such file, and no variable of that name.",
        "  hint: did you mean -a chart?",
    ]
