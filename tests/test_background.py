"""The handle of a step in the background: what it has before and after its end."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest

from heliconemagic.errors import GatewayError, StillRunningError
from heliconemagic.records import Step, StepStatus
from heliconemagic.reply import Reply
from heliconemagic.running.background import Handle, build_ended

STEP = Step(
    id="1", session_id="s", path="/slow", status=StepStatus.DONE, gateway="demo", model="demo", messages=(),
    started_at=1.0, text="the answer",
)  # fmt: skip


def test_running_step_has_no_fields_yet() -> None:
    """Until the end there is nothing to read, and waiting for a while stops nothing."""
    ended: Future[Reply] = Future()
    handle = Handle("/slow", ended)
    assert not handle.done
    assert not hasattr(handle, "text")
    with pytest.raises(StillRunningError, match=r"/slow is still running: there is no \.text yet"):
        _ = handle.text
    with pytest.raises(StillRunningError, match=r"within 0\.05 s"):
        handle.wait(0.05)
    assert repr(handle) == "<Handle /slow: running>"
    ended.set_result(Reply(STEP))
    assert handle.wait() is ended.result()


def test_ended_step_is_its_reply() -> None:
    """Once it is done, the handle has the fields and the forms of the reply."""
    handle = build_ended(Reply(STEP), lambda: False)
    assert (handle.done, handle.text, handle.path) == (True, "the answer", "/slow")
    assert repr(handle) == repr(Reply(STEP))
    assert handle._repr_mimebundle_() == {"text/plain": "the answer"}
    assert not hasattr(handle, "nonsense")


def test_handle_of_a_list_is_gone_through_as_the_list() -> None:
    """As a cell's value without --bg; while it runs each way of asking says so, and a handle is never false."""
    ended: Future[list[Reply]] = Future()
    handle = Handle("/slow", ended)
    for ask in (len, list, lambda running: running[0]):
        with pytest.raises(StillRunningError, match="/slow is still running"):
            ask(handle)
    assert handle
    replies = [Reply(STEP), Reply(STEP)]
    ended.set_result(replies)
    assert (len(handle), handle[0], list(handle)) == (2, replies[0], replies)
    with pytest.raises(TypeError):
        len(build_ended(Reply(STEP), lambda: False))


def test_failure_is_raised_by_whatever_asks() -> None:
    """What failed the step is raised by waiting, awaiting and reading."""
    ended: Future[Reply] = Future()
    ended.set_exception(GatewayError("it refused."))
    handle = Handle("/slow", ended)
    for ask in (handle.wait, lambda: handle.text, lambda: asyncio.run(wait_on_loop(handle))):
        with pytest.raises(GatewayError, match="it refused"):
            ask()
    assert repr(handle) == "<Handle /slow: GatewayError>"


def test_cancelled_awaiting_leaves_the_step_alone() -> None:
    """A task that awaits a handle and is cancelled takes nothing with it."""
    ended: Future[Reply] = Future()

    async def give_up() -> Reply:
        task = asyncio.ensure_future(wait_on_loop(Handle("/slow", ended)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        ended.set_result(Reply(STEP))
        return await wait_on_loop(Handle("/slow", ended))

    assert asyncio.run(give_up()).text == "the answer"


async def wait_on_loop(handle: Handle) -> Reply:
    """What ``await handle`` gives."""
    reply: Reply = await handle
    return reply
