"""The session from Python on a real kernel: interrupts, tasks that outlive their cell, workers forked from it."""

from __future__ import annotations

import pytest
from fake_helicone import FakeHelicone
from kernels import Kernel

pytestmark = pytest.mark.kernel

BEGIN = "import asyncio, heliconemagic\nsession = heliconemagic.session()"
WORKERS = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

def work(task):
    session, number = task
    return session.ask(f"/quiz/{number}", "hi").text

with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
    texts = list(pool.map(work, [(session, number) for number in range(4)]))
"""


def test_interrupt_stops_what_a_cell_asks(kernel: Kernel, fake: FakeHelicone) -> None:
    """One short error, the connection closed, and the kernel goes on."""
    kernel.run_all([BEGIN])
    running = kernel.send('session.ask("/long", "Go on.", model="slow-500")')
    kernel.wait(lambda: bool(fake.completions))
    kernel.interrupt()
    kernel.settle()
    (error,) = running.errors
    assert (error["ename"], len(error["traceback"])) == ("StepInterrupted", 1)
    assert fake.wait_for(lambda: fake.disconnects == 1)
    assert kernel.evaluate('session.ask("/next", "hi", fresh=True).text') == "Hello!"


def test_interrupt_stops_a_client(kernel: Kernel, fake: FakeHelicone) -> None:
    """A blocking client too, in the middle of its stream."""
    kernel.run_all([BEGIN])
    fake.gateway.delay = 0.2  # it is found waiting: interrupted elsewhere the SDK may leave a stream open
    ask = 'session.client("/long").chat.completions.create(model="slow-500", messages=messages, stream=True)'
    turn = 'messages = [{"role": "user", "content": "Go on."}]'
    running = kernel.send(f"{turn}\nfor chunk in {ask}: print('.', flush=True)")
    kernel.wait(lambda: "." in running.printed)
    kernel.interrupt()
    kernel.settle()
    assert running.errors[0]["ename"] == "KeyboardInterrupt"
    assert fake.wait_for(lambda: fake.disconnects == 1)


def test_task_belongs_to_the_cell_that_began_it(kernel: Kernel, fake: FakeHelicone) -> None:
    """Also what it asks while another cell runs."""
    kernel.run_all([BEGIN])
    kernel.run(
        "async def ask_later():\n"
        "    await begun.wait()\n"
        '    return await session.aask("/late", "hi", fresh=True)\n'
        "begun = asyncio.Event()\n"
        "task = asyncio.create_task(ask_later())",
        cell_id="first",
    )
    kernel.run("begun.set()\nreply = await task", cell_id="second")
    assert kernel.evaluate("reply._step.cell") == "first"


def test_workers_of_a_kernel_join_its_session(kernel: Kernel, fake: FakeHelicone) -> None:
    """Forked, as joblib and the standard library may do it; their steps are in the tree."""
    kernel.run_all([BEGIN, WORKERS])
    assert kernel.evaluate("texts") == ["Hello!"] * 4
    assert kernel.evaluate("session['/quiz/3'].text") == "Hello!"
    (shown,) = kernel.run_all(["%helicone_session show"])
    assert "quiz" in shown.displays[-1]["text/plain"]
    assert len({one.header("helicone-session-id") for one in fake.completions}) == 1
