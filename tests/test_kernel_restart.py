"""What outlives a kernel: the journal after a kill, a resumed session, several kernels at once."""

from __future__ import annotations

import uuid

import pytest
from fake_helicone import FakeHelicone
from fixtures_kernel import StartKernel
from kernels import Kernel

from heliconemagic.journal.journal import Journal
from heliconemagic.records import Step

pytestmark = pytest.mark.kernel

CELLS = {"c1": "%%llm /abstract\nAn abstract.", "c2": "%%llm /outline\nAn outline.", "c3": "%%llm /outline/one\nOne."}
Pair = tuple[Kernel, Kernel]


@pytest.fixture
def name() -> str:
    """A session's name that no other test has, for kernels are shared."""
    return f"Course {uuid.uuid4()}"


def open_session(kernel: Kernel, fake: FakeHelicone, name: str, options: str = "") -> str:
    """Runs the session line, as a cell of its own; gives what it says."""
    (cell,) = kernel.run_all([f'%helicone_session "{name}" --gateway {fake.url} {options}'])
    return str(cell.displays[0]["text/plain"])


def read_steps(kernel: Kernel, name: str) -> list[Step]:
    """All steps of this name in the kernel's journal, by sessions from the newest on."""
    journal = Journal(kernel.journal_folder)
    sessions = [journal.load_session(summary.id) for summary in journal.list_sessions(name=name)]
    journal.close()
    return [step for loaded in sessions if loaded for step in loaded[1]]


@pytest.mark.any_kernel
def test_killed_kernel(start_kernel: StartKernel, fake: FakeHelicone, name: str) -> None:
    """What a killed kernel had received, and since when, is in the journal, marked as interrupted."""
    kernel = start_kernel()
    open_session(kernel, fake, name)
    kernel.send("%%llm /long -m slow-500\nGo on.")
    kernel.wait_for_text("word40 ")
    kernel.kill()
    (step,) = read_steps(kernel, name)
    assert step.status.value == "interrupted"
    assert step.text.startswith("word0 word1 ")
    assert step.text.count("word") > 20
    assert step.first_token_at is not None and step.started_at < step.first_token_at < (step.ended_at or 0.0)


@pytest.mark.any_kernel
def test_killed_kernel_of_another_that_lives(start_kernel: StartKernel, fake: FakeHelicone, name: str) -> None:
    """Only the dead kernel's steps are marked; a living one's go on."""
    dying, living = start_kernel(), start_kernel()
    for kernel in (dying, living):
        open_session(kernel, fake, name)
        kernel.send("%%llm /long -m slow-500\nGo on.")
        kernel.wait_for_text("word3 ")
    dying.kill()
    assert sorted(step.status.value for step in read_steps(living, name)) == ["interrupted", "pending"]


@pytest.mark.parametrize("has_ids", [True, False], ids=["cell ids", "no cell ids"])
def test_run_all_after_a_restart(kernel_pair: Pair, fake: FakeHelicone, name: str, has_ids: bool) -> None:
    """With --resume a new kernel shows the recorded replies of the same cells and sends nothing."""
    for kernel in kernel_pair:
        open_session(kernel, fake, name, "--resume")
        for cell_id, source in CELLS.items():
            kernel.run_all([source], cell_id=cell_id if has_ids else None)
    assert len(fake.completions) == 3
    changed = kernel_pair[1].run("%%llm /outline\nAnother outline.", cell_id="c2" if has_ids else None)
    assert (changed.record["text"], len(fake.completions)) == ("Hello!", 4)


@pytest.mark.any_kernel
def test_new_session_after_a_restart(kernel_pair: Pair, fake: FakeHelicone, name: str) -> None:
    """Without --resume a new kernel says what was there, and begins anew."""
    first, second = kernel_pair
    open_session(first, fake, name)
    first.run_all(CELLS.values())
    said = open_session(second, fake, name)
    assert "3 steps" in said
    assert "--resume" in said
    second.run_all(list(CELLS.values())[:1])
    assert len({request.header("helicone-session-id") for request in fake.completions}) == 2


@pytest.mark.any_kernel
def test_cell_that_runs_again(kernel_pair: Pair, fake: FakeHelicone, name: str) -> None:
    """A cell's newer answer supersedes its own earlier one, known by the front end's id, and keeps its parent."""
    kernel = kernel_pair[0]
    open_session(kernel, fake, name)
    kernel.run_all(["%%llm /a\nFirst."], cell_id="c1")
    kernel.run_all(["%%llm /b\nSecond."], cell_id="c2")
    kernel.run_all(["%%llm /b\nSecond, but better."], cell_id="c2")
    kernel.run_all(["%%llm /b\nSecond, elsewhere."], cell_id="c3")
    kernel.write_journal()
    assert [(step.path, step.is_superseded) for step in read_steps(kernel, name)] == [
        ("/a", False), ("/b", True), ("/b", False), ("/b", False),
    ]  # fmt: skip
    assert [len(request.json["messages"]) for request in fake.completions] == [1, 3, 3, 3]


@pytest.mark.any_kernel
def test_two_kernels_at_once(kernel_pair: Pair, fake: FakeHelicone, name: str) -> None:
    """Two kernels write one journal at the same time, and nothing is lost."""
    for kernel in kernel_pair:
        open_session(kernel, fake, name, "--new")
    sent = [kernel.send(f"%%llm /n{number} -m chunks-50\nGo") for number in range(10) for kernel in kernel_pair]
    for kernel in kernel_pair:
        kernel.settle()
        kernel.write_journal()
    assert [cell.status for cell in sent] == ["ok"] * 20
    steps = read_steps(kernel_pair[0], name)
    assert [step.status.value for step in steps] == ["done"] * 20
    assert [step.path for step in steps] == [f"/n{number}" for number in range(10)] * 2


def test_called_cell_awaits_on_the_kernels_loop(start_kernel: StartKernel, fake: FakeHelicone, name: str) -> None:
    """In a cell that cannot be awaited a task of the kernel's loop works too, and no queued cell is lost."""
    kernel = start_kernel()
    open_session(kernel, fake, name)
    sources = [
        "import asyncio\nname = asyncio.ensure_future(asyncio.sleep(0.3, 'Ada'))",
        "%%time\n%%llm /task\nHello {{ name }}!",
        "print('queued')",
        "%%llm /later\nAnd {{ name }} again.",
    ]
    cells = [kernel.send(source) for source in sources]
    kernel.wait(lambda: all(cell.is_over for cell in cells))
    assert [cell.errors for cell in cells] == [[]] * 4
    assert cells[2].printed == "queued\n"
    said = [request.json["messages"][-1]["content"] for request in fake.completions]
    assert said == ["Hello Ada!", "And Ada again."]


def test_interrupt_while_a_called_cell_awaits(start_kernel: StartKernel, fake: FakeHelicone, name: str) -> None:
    """An interrupt then ends the wait, nothing is sent, and cells go on."""
    kernel = start_kernel()
    open_session(kernel, fake, name)
    kernel.run_all(["import asyncio\nnever = asyncio.ensure_future(asyncio.sleep(600, 'never'))"])
    waiting = kernel.send("%%time\n%%llm /task\nHello {{ never }}!")
    kernel.wait(lambda: "execute_input" in waiting.kinds)
    kernel.interrupt_soon(0.5)
    kernel.settle()
    assert len(waiting.errors) == 1
    assert fake.completions == []
    kernel.run_all(["%%llm /next\nHi"])
