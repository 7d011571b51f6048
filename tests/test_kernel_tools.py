"""Tools on a real kernel: what is bound to its loop, Run All, interrupts, Stop, and buttons that ask first."""

from __future__ import annotations

import pytest
from fake_helicone import FakeHelicone
from kernels import Cell, Kernel

pytestmark = pytest.mark.kernel

AWAITED, CALLED = "", "%%time\n"
# A lock and a queue that belong to the kernel's loop, and functions that are slow in two ways.
DEFINE = '''
import asyncio, time
pool, lock, home = asyncio.Queue(), asyncio.Lock(), asyncio.get_running_loop()
pool.put_nowait("a connection")
async def weather(city: str) -> str:
    """The weather."""
    async with lock:
        connection = await asyncio.wait_for(pool.get(), 5)
        answered = home.create_future()
        home.call_later(0.02, answered.set_result, f"mild in {city}, by {connection}")
        try:
            return await answered
        finally:
            pool.put_nowait(connection)
await lock.acquire()
lock.release()
'''
SLOW = """
async def weather(city: str) -> str:
    try:
        print("begun", flush=True)
        await asyncio.sleep(60)
    finally:
        print("tidied up")
"""
BLOCKING = """
def weather(city: str) -> str:
    try:
        print("begun", flush=True)
        for _ in range(600):
            time.sleep(SECONDS / 600)
    finally:
        print("tidied up")
    return "slept"
"""


def begin(kernel: Kernel, before: str, define: str) -> tuple[Cell, Cell]:
    """A cell in the middle of a call, and one that waits behind it."""
    kernel.run_all([DEFINE, define])
    running = kernel.send(f"{before}%%llm /plan -m toolcall-1 --tools weather\nGo")
    waiting = kernel.send("waiting = 1")
    kernel.wait_for_text("weather() is running")
    kernel.wait(lambda: "begun" in running.printed)
    return running, waiting


def check_stopped(kernel: Kernel, running: Cell, waiting: Cell, call: str) -> None:
    """One short error, the call kept as it ended, no widget left, and a kernel that goes on in both forms."""
    kernel.settle()
    (error,) = running.errors
    assert (error["ename"], len(error["traceback"])) == ("StepInterrupted", 1)
    assert running.record["status"] == "interrupted"
    assert [result["status"] for result in running.record["tool_results"]] == [call]
    assert "tidied up" in running.printed
    assert kernel.list_open() == []
    kernel.run_all([DEFINE])
    after = [kernel.send(f"{before}%%llm /next -m twocalls --tools weather\nGo") for before in (AWAITED, CALLED)]
    after.append(kernel.send("last = 1"))
    kernel.wait(lambda: all(cell.is_over for cell in after))
    assert [cell.status for cell in after] == ["ok", "ok", "ok"]


def test_run_all_loses_no_cell(kernel: Kernel, fake: FakeHelicone) -> None:
    """Queued cells with tools of the kernel's own loop all run, in order, in all three forms."""
    sources = [DEFINE, "ran = []"]
    for number in range(4):
        sources += [
            f"%%llm /a{number} -m twocalls --tools weather\nGo",
            f"%%time\n%%llm /b{number} -m twocalls --tools weather\nGo",
            f"reply = %llm /c{number} -m twocalls --tools weather Go",
            f"ran.append(({number}, reply.text, reply.path))",
        ]
    cells = [kernel.send(source) for source in sources]
    kernel.wait(lambda: all(cell.is_over for cell in cells))
    assert [cell.status for cell in cells] == ["ok"] * len(sources)
    assert kernel.evaluate("ran") == [[number, "Hello!", f"/c{number}"] for number in range(4)]
    told = [result["text"] for cell in cells[2:4] for result in cell.record["tool_results"]]
    assert told == ["mild in Paris, by a connection", "mild in Oslo, by a connection"] * 2
    assert len(fake.completions) == 24


@pytest.mark.parametrize("before", [AWAITED, CALLED], ids=["awaited", "called"])
@pytest.mark.parametrize("define", [SLOW, BLOCKING.replace("SECONDS", "60")], ids=["async", "sync"])
def test_interrupt(kernel: Kernel, before: str, define: str) -> None:
    """The interrupt reaches the function, cancels what awaits, and no queued cell is lost later."""
    running, waiting = begin(kernel, before, define)
    kernel.interrupt()
    check_stopped(kernel, running, waiting, "interrupted")


@pytest.mark.parametrize("before", [AWAITED, CALLED], ids=["awaited", "called"])
def test_stop_button(kernel: Kernel, before: str) -> None:
    """Stop cancels an async call at once; one that blocks runs to its end, and the card says so meanwhile."""
    if not kernel.has_subshells:
        pytest.skip("ipykernel before 7 takes a click only after the cell")
    running, waiting = begin(kernel, before, SLOW)
    kernel.click_stop()
    check_stopped(kernel, running, waiting, "interrupted")
    running, waiting = begin(kernel, before, BLOCKING.replace("SECONDS", "1"))
    kernel.click_stop()
    kernel.wait_for_text("stopping after weather()")
    check_stopped(kernel, running, waiting, "done")


def click(kernel: Kernel, label: str) -> None:
    """Presses the newest button with this label."""
    kernel.wait(lambda: any(comm.state["description"] == label for _, comm in kernel.find_open("ButtonModel")))
    kernel.click(
        [comm_id for comm_id, comm in kernel.find_open("ButtonModel") if comm.state["description"] == label][-1]
    )


@pytest.mark.parametrize("before", [AWAITED, CALLED], ids=["awaited", "called"])
def test_buttons_ask_first(kernel: Kernel, fake: FakeHelicone, before: str) -> None:
    """One call is run and one skipped by a click; the model is told, and no button is left."""
    if not kernel.has_subshells:
        pytest.skip("ipykernel before 7 takes a click only after the cell: it asks in words")
    kernel.run_all([DEFINE])
    cell = kernel.send(f"{before}%%llm /plan -m twocalls --tools weather --approve\nGo")
    kernel.wait_for_text("city=&quot;Paris&quot;")
    assert len(fake.completions) == 1
    click(kernel, "Run")
    kernel.wait_for_text("city=&quot;Oslo&quot;")
    click(kernel, "Skip")
    kernel.wait(lambda: cell.is_over)
    results = [message["content"] for message in fake.completions[1].json["messages"] if message["role"] == "tool"]
    assert results == ["mild in Paris, by a connection", "The user declined this call."]
    assert (cell.status, kernel.list_open()) == ("ok", [])


def test_where_nobody_sits_it_is_refused(kernel: Kernel, fake: FakeHelicone) -> None:
    """Under nbclient a question would wait for ever: nothing is sent."""
    kernel.run_all([DEFINE])
    cell = kernel.run("%%llm /plan -m twocalls --tools weather --approve\nGo", allow_stdin=False)
    assert "nobody sits here" in cell.errors[0]["evalue"]
    assert fake.completions == []
    kernel.settle()
