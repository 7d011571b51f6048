"""Traced steps from Python: what is recorded of code that runs, and that it runs as ever."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import os
import pickle
import signal
import subprocess
import sys
import warnings
import weakref
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from environs import build_environ
from fake_helicone import PROVIDER_KEY
from fixtures_python import get_steps
from shells import Shell

import heliconemagic
from heliconemagic.errors import InputError
from heliconemagic.journal.journal import Journal
from heliconemagic.python.handle import SessionHandle
from heliconemagic.records import Step


@pytest.fixture
def offline() -> Iterator[SessionHandle]:
    """The session of a program, at the demo."""
    with heliconemagic.session("Agent", gateway="demo") as handle:
        yield handle


def get_last(session: SessionHandle) -> Step:
    """The newest step, as it is recorded."""
    return get_steps(session)[-1]


def describe(step: Step) -> tuple[str, str, str, str, str]:
    """What matters of a step."""
    return step.path, step.kind.value, step.status.value, step.input, step.text


def test_block_is_a_step(offline: SessionHandle) -> None:
    """What is set on it is on record, and the block runs as ever."""
    with offline.step("/retrieve", kind="vector_db", name="search", input="tides") as step:
        step.output = ["one", {"score": 0.5}]
    found = get_last(offline)
    assert describe(found) == ("/retrieve", "VectorDB", "done", '"tides"', '["one", {"score": 0.5}]')
    assert (found.model, step.id, step.path) == ("vector_db:search", found.id, "/retrieve")
    assert found.latency is not None and found.latency >= 0


def test_input_that_is_known_inside(offline: SessionHandle) -> None:
    """It takes the place of what was given before."""
    with offline.step("/load", kind="data", input=1) as step:
        step.input = {"rows": 3}
    assert get_last(offline).input == '{"rows": 3}'


def test_call_is_a_step(offline: SessionHandle) -> None:
    """Arguments by their names with defaults, and the result."""

    @offline.traced("/search", kind="vector_db")
    def search(question: str, k: int = 3) -> list[str]:
        return [question] * k

    assert search("why?", k=2) == ["why?", "why?"]
    assert describe(get_last(offline)) == (
        "/search",
        "VectorDB",
        "done",
        '{"question": "why?", "k": 2}',
        '["why?", "why?"]',
    )
    assert search.__name__ == "search"


def test_method_without_its_object(offline: SessionHandle) -> None:
    """``self`` is no input."""

    class Index:
        @offline.traced("/find")
        def find(self, word: str) -> str:
            return word.upper()

    assert Index().find("tide") == "TIDE"
    assert get_last(offline).input == '{"word": "tide"}'


def test_coroutines_side_by_side(offline: SessionHandle) -> None:
    """Each call has a step of its own, whose time is its own."""

    @offline.traced("/fetch")
    async def fetch(number: int) -> int:
        await asyncio.sleep(0)
        return number * 2

    async def ask() -> list[int]:
        return await asyncio.gather(*map(fetch, range(3)))

    assert asyncio.run(ask()) == [0, 2, 4]
    assert [(step.input, step.text) for step in get_steps(offline)] == [
        (f'{{"number": {number}}}', str(2 * number)) for number in range(3)
    ]


def test_coroutine_that_is_returned_is_awaited_in_the_step(offline: SessionHandle) -> None:
    """By an object that can be called, by a lambda; its failure is the step's."""

    class Asking:
        async def __call__(self, word: str) -> str:
            with offline.step("deep"):
                await asyncio.sleep(0)
            return word.upper()

    called = offline.traced("/object")(Asking())
    returned = offline.traced("/lambda")(lambda word: Asking()(word))
    assert [asyncio.run(function("tide")) for function in (called, returned)] == ["TIDE", "TIDE"]
    with pytest.raises(AttributeError):
        asyncio.run(returned(5))
    found = [step for step in get_steps(offline) if step.path != "/lambda/deep"]
    assert [(step.path, step.status.value, step.text) for step in found] == [
        ("/object", "done", "TIDE"), ("/object/deep", "done", ""),
        ("/lambda", "done", "TIDE"), ("/lambda", "failed", ""),
    ]  # fmt: skip


def test_above_staticmethod_and_classmethod(offline: SessionHandle) -> None:
    """They stay what they are."""

    class Index:
        @offline.traced("/static")
        @staticmethod
        def static(word: str) -> str:
            return word.upper()

        @offline.traced
        @classmethod
        def named(cls, word: str) -> str:
            return cls.__name__ + word

    assert [Index.static("a"), Index().static("b"), Index.named("c")] == ["A", "B", "Indexc"]
    assert [(step.path, step.input) for step in get_steps(offline)] == [
        ("/static", '{"word": "a"}'), ("/static", '{"word": "b"}'), ("/named", '{"word": "c"}'),
    ]  # fmt: skip


def test_generator_is_one_step(offline: SessionHandle) -> None:
    """It counts and keeps what was yielded; the first piece is its first token. It begins when it is read."""

    @offline.traced("/stream", kind="data")
    def stream(count: int) -> Iterator[str]:
        got = yield from map(str, range(count))
        return got

    reading = stream(3)
    assert get_steps(offline) == []
    assert list(reading) == ["0", "1", "2"]
    step = get_last(offline)
    assert json.loads(step.text) == {"count": 3, "pieces": ["0", "1", "2"]}
    assert step.time_to_first_token is not None


def test_pieces_are_kept_as_they_were(offline: SessionHandle) -> None:
    """What is changed between two pieces doesn't change on record, and no object is held for it."""

    class Piece(dict[str, int]):
        pass

    held: list[weakref.ref[Piece]] = []

    @offline.traced("/stream")
    def stream() -> Iterator[Piece]:
        same = Piece()
        held.append(weakref.ref(same))
        for number in range(3):
            same["number"] = number
            yield same

    assert [dict(piece)["number"] for piece in stream()] == [0, 1, 2]
    assert json.loads(get_last(offline).text)["pieces"] == [{"number": number} for number in range(3)]
    assert held[0]() is None


def test_many_pieces_share_one_room(offline: SessionHandle) -> None:
    """Of what is inside of them, too; what is missing is told in its place."""
    stream = offline.traced("/stream")(lambda: (yield from ([number] * 9 for number in range(2_000))))
    assert sum(1 for _ in stream()) == 2_000
    found = json.loads(get_last(offline).text)
    assert (found["count"], len(found["pieces"]), found["pieces"][-1]) == (2_000, 501, "… 1,500 more")


def test_generator_is_driven_as_ever(offline: SessionHandle) -> None:
    """What is sent, thrown and returned goes through."""

    @offline.traced("/talk")
    def talk() -> Any:
        heard = yield "hello"
        try:
            yield heard
        except KeyError as error:
            yield f"caught {error}"
        return "bye"

    talking = talk()
    assert [next(talking), talking.send("you"), talking.throw(KeyError("x"))] == ["hello", "you", "caught 'x'"]
    with pytest.raises(StopIteration) as ended:
        next(talking)
    assert ended.value.value == "bye"
    assert json.loads(get_last(offline).text)["count"] == 3


def test_generator_that_is_left(offline: SessionHandle) -> None:
    """Whoever wants no more of it ends the step; its own cleaning up runs."""
    cleaned = []

    @offline.traced("/stream")
    def stream() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            cleaned.append(True)

    with contextlib.closing(stream()) as reading:
        next(reading)
    assert cleaned == [True]
    assert describe(get_last(offline))[2:] == ("done", "", '{"count": 1, "pieces": [0]}')


def test_async_generator(offline: SessionHandle) -> None:
    """The same, awaited; a failure keeps the pieces."""

    @offline.traced("/stream")
    async def stream(count: int) -> AsyncIterator[int]:
        for number in range(count):
            yield number
        raise OSError("gone")

    async def read() -> list[int]:
        found = []
        with contextlib.suppress(OSError):
            async for number in stream(2):
                found.append(number)
        return found

    assert asyncio.run(read()) == [0, 1]
    step = get_last(offline)
    assert describe(step)[2:] == ("failed", '{"count": 2}', '{"count": 2, "pieces": [0, 1]}')
    assert (step.error or "").startswith("OSError: gone\nraised in line")


def test_steps_inside_steps(offline: SessionHandle) -> None:
    """A path without a slash is below the step around; one with a slash is where it says. Both know their parent."""

    @offline.traced
    def search(word: str) -> str:
        with offline.step("/elsewhere", kind="data"):
            return word

    @offline.traced("/agent")
    def run() -> str:
        return search("tide")

    run()
    search("free")
    agent, inner, elsewhere, free, _ = get_steps(offline)
    assert [step.path for step in (inner, elsewhere, free)] == ["/agent/search", "/elsewhere", "/search"]
    assert [step.parent_id for step in (agent, inner, elsewhere, free)] == [None, agent.id, inner.id, None]


def test_function_that_calls_itself(offline: SessionHandle) -> None:
    """Its calls stand at one path, each inside of the one before."""

    @offline.traced
    def count(number: int) -> int:
        with offline.step("check"):
            pass
        return 1 + count(number - 1) if number else 0

    assert count(150) == 150
    steps = [step for step in get_steps(offline) if step.path == "/count"]
    assert len(steps) == 151 and len(get_steps(offline)) == 302
    assert [step.parent_id for step in steps[1:]] == [step.id for step in steps[:-1]]


def test_generator_is_inside_only_while_it_runs(offline: SessionHandle) -> None:
    """What its reader does between two pieces is the reader's."""

    @offline.traced("/stream")
    def stream() -> Iterator[int]:
        for number in range(2):
            with offline.step("own"):
                yield number

    for _ in stream():
        with offline.step("readers"):
            pass
    paths = [step.path for step in get_steps(offline)]
    assert paths == ["/stream", "/stream/own", "/readers", "/stream/own", "/readers"]


def test_threads(offline: SessionHandle) -> None:
    """Calls on many threads are steps; inside of what is around where the context is taken along."""

    @offline.traced
    def look(number: int) -> int:
        return number

    with offline.step("/agent"), ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(look, range(20)))
        taken = pool.submit(contextvars.copy_context().run, look, 99).result()
    assert (alone, taken) == (list(range(20)), 99)
    paths = [step.path for step in get_steps(offline)]
    assert (paths.count("/look"), paths.count("/agent/look")) == (20, 1)


def test_block_that_is_left_in_another_context(offline: SessionHandle) -> None:
    """As a dependency is that ``asyncio.to_thread`` enters and leaves: it ends, and what runs notices nothing."""

    @contextlib.contextmanager
    def depend() -> Iterator[None]:
        with offline.step("/dep"):
            yield

    async def run() -> None:
        dependency = depend()
        await asyncio.to_thread(dependency.__enter__)
        await asyncio.to_thread(dependency.__exit__, None, None, None)

    asyncio.run(run())
    assert [(step.path, step.status) for step in get_steps(offline)] == [("/dep", "done")]


def test_async_generator_that_is_broken_out_of(offline: SessionHandle) -> None:
    """The loop closes it in a task of its own."""

    async def stream() -> AsyncIterator[int]:
        async with offline.step("/stream"):
            yield 1

    async def read() -> None:
        async for _ in stream():
            break
        await asyncio.sleep(0.01)

    asyncio.run(read())
    assert describe(get_last(offline))[:3] == ("/stream", "Tool", "done")


def test_coroutine_that_nobody_awaits_to_its_end(offline: SessionHandle) -> None:
    """It is closed elsewhere, which raises nothing; the step is stopped."""

    class Pause:
        def __await__(self) -> Iterator[None]:
            yield

    @offline.traced("/slow")
    async def wait() -> None:
        await Pause()

    waiting = wait()
    contextvars.copy_context().run(waiting.send, None)
    contextvars.copy_context().run(waiting.close)
    assert (get_last(offline).status, get_last(offline).error) == ("interrupted", None)


def test_block_in_a_generator_that_is_left(offline: SessionHandle) -> None:
    """It is done, as the decorated generator is."""

    def stream() -> Iterator[int]:
        with offline.step("/stream") as step:
            step.output = "so far"
            yield from range(9)

    with contextlib.closing(stream()) as reading:
        next(reading)
    assert describe(get_last(offline))[2:] == ("done", "", "so far")


def test_step_that_has_ended_is_around_nothing(offline: SessionHandle) -> None:
    """Also where generators ended in another order than they began, and in a task that outlives its step."""

    def hold(path: str) -> Iterator[None]:
        with offline.step(path):
            yield

    one, two = hold("/one"), hold("/two")
    list(zip(one, two, strict=True))
    with offline.step("/agent"):
        context = contextvars.copy_context()
    context.run(offline.traced(lambda: None))
    with offline.step("free"):
        pass
    assert [step.path for step in get_steps(offline)] == ["/one", "/two", "/agent", "/lambda", "/free"]


def test_cleaning_up_of_a_generator_is_inside_it(offline: SessionHandle) -> None:
    """Its steps stand below it, whoever closes it."""

    @offline.traced("/stream")
    def stream() -> Iterator[int]:
        try:
            yield 1
        finally:
            with offline.step("clean"):
                pass

    with contextlib.closing(stream()) as reading:
        next(reading)
    assert [step.path for step in get_steps(offline)] == ["/stream", "/stream/clean"]


def test_exception_goes_on_unchanged(offline: SessionHandle) -> None:
    """It is on record with its type, its words without keys, and the line of its function."""
    raised = ValueError(f"bad {PROVIDER_KEY}")

    @offline.traced("/tool")
    def fail() -> None:
        raise raised

    with pytest.raises(ValueError, match="bad") as caught:
        fail()
    assert caught.value is raised
    step = get_last(offline)
    assert step.status == "failed"
    assert (
        step.error
        == f"ValueError: bad [redacted]\nraised in line {fail.__wrapped__.__code__.co_firstlineno + 2} of fail()"
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt, asyncio.CancelledError])
def test_interrupt_interrupts(offline: SessionHandle, error: type[BaseException]) -> None:
    """What is stopped is no failure."""
    with pytest.raises(error), offline.step("/slow"):
        raise error
    assert (get_last(offline).status, get_last(offline).error) == ("interrupted", None)


def test_keys_never_get_on_record(program: SessionHandle, world: Path) -> None:
    """Neither of what goes in nor of what comes out."""

    @program.traced("/tool")
    def tool(key: str) -> dict[str, list[str]]:
        return {key: [f"Bearer {key}"]}

    tool(PROVIDER_KEY)
    step = get_last(program)
    assert (step.input, step.text) == ('{"key": "[redacted]"}', '{"[redacted]": ["Bearer [redacted]"]}')
    program.close()
    assert PROVIDER_KEY.encode() not in b"".join(path.read_bytes() for path in world.iterdir() if path.is_file())


@pytest.mark.parametrize(
    ("path", "kind", "meant"),
    [
        ("/a", "vectordb", "vector_db"),
        ("/a", "llm", "tool, vector_db, data"),
        ("", "tool", "/abstract"),
        (3, "tool", "3"),
    ],
)
def test_mistakes_are_told_where_they_stand(offline: SessionHandle, path: Any, kind: str, meant: str) -> None:
    """At the decorator, not at the first call."""
    with pytest.raises(InputError, match=meant):
        offline.step(path, kind=kind)
    with pytest.raises(InputError):
        offline.traced("/tool")(int)


def test_session_that_has_ended(shell: Shell) -> None:
    """A function decorated for it runs all the same, and says that it isn't recorded; a block is refused."""
    shell.run('import heliconemagic\n%helicone_session "One" --gateway demo')
    session = shell.run("heliconemagic.session()").value
    function = session.traced("/tool")(lambda: 5)
    shell.run('%helicone_session "Two" --gateway demo')
    with pytest.warns(UserWarning, match="runs untraced: the session 'One'"):
        assert function() == 5
    with pytest.raises(InputError, match="has ended"), session.step("/tool"):
        pass


def test_untraced_call_is_told_once(shell: Shell, caplog: pytest.LogCaptureFixture) -> None:
    """In the log where warnings are errors: recording never makes a function fail."""
    shell.run('import heliconemagic\n%helicone_session "One" --gateway demo')
    function = shell.run("heliconemagic.session()").value.traced("/tool")(lambda: 5)
    shell.run('%helicone_session "Two" --gateway demo')
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [function(), function()] == [5, 5]
    assert [record.getMessage().partition(":")[0].partition("() ")[2] for record in caplog.records] == ["runs untraced"]


def test_cell_that_runs_again(shell: Shell) -> None:
    """Its new steps take the place of those of its earlier run, at the same path."""
    shell.run('import heliconemagic\n%helicone_session "One" --gateway demo\nsession = heliconemagic.session()')
    shell.run('@session.traced("/tool")\ndef tool(n): return n')
    for _ in range(2):
        shell.run("[tool(n) for n in range(2)]")
    shell.run("tool(9)")
    steps = get_steps(shell.variables["session"])
    assert [(step.text, step.is_superseded) for step in steps] == [
        ("0", True), ("1", True), ("0", False), ("1", False), ("9", False),
    ]  # fmt: skip


def test_broken_journal_stops_nothing(offline: SessionHandle, world: Path) -> None:
    """The function gives what it gives."""
    offline.close()
    (world / "journal.sqlite3").unlink()
    (world / "journal.sqlite3").mkdir()
    with heliconemagic.session("Agent", gateway="demo") as session:
        assert session.traced("/tool")(lambda: 5)() == 5
        assert get_last(session).text == "5"


def test_worker_joins(offline: SessionHandle) -> None:
    """A pickled handle makes steps of the same session."""
    worker = pickle.loads(pickle.dumps(offline))
    with worker.step("/worker", kind="data") as step:
        step.output = "done"
    assert describe(get_last(offline))[:3] == ("/worker", "Data", "done")


KILLED = """
import heliconemagic, os, signal
session = heliconemagic.session("Agent", gateway="demo")
with session.step("/slow", input="x"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_in_the_middle(tmp_path: Path) -> None:
    """It was on record before it ran, and the next reader finds it interrupted."""
    environ = build_environ(tmp_path)
    ended = subprocess.run([sys.executable, "-c", KILLED], env=environ, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    journal = Journal(Path(environ["HELICONEMAGIC_HOME"]))
    journal.check()
    (summary,) = journal.list_sessions()
    loaded = journal.load_session(summary.id)
    journal.close()
    assert loaded is not None
    assert describe(loaded[1][0]) == ("/slow", "Tool", "interrupted", '"x"', "")


def test_keys_that_are_one_in_json(offline: SessionHandle) -> None:
    """Both are kept, and nothing is said to be missing."""
    with offline.step("/tool") as step:
        step.output = {1: "a", "1": "b"}
    assert get_last(offline).text == '{"1": "a", "1 (str)": "b"}'


def test_odd_values_are_asked_once(offline: SessionHandle) -> None:
    """Whatever they do then, the function runs, and nothing is consumed."""

    class Odd:
        asked = 0

        def __repr__(self) -> str:
            Odd.asked += 1
            raise RuntimeError("no")

    @offline.traced("/tool")
    def tool(odd: Odd, numbers: Iterator[int]) -> int:
        return sum(numbers)

    assert tool(Odd(), iter(range(4))) == 6
    assert Odd.asked == 1
    assert json.loads(get_last(offline).input)["odd"] == "(Odd, which raised RuntimeError)"


def test_nothing_is_warned_of(offline: SessionHandle) -> None:
    """A step that is recorded says nothing."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        offline.traced("/tool")(os.getpid)()
    assert said == []
