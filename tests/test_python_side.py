"""`heliconemagic.session()`: the notebook's session from code, from threads, tasks and other processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from fake_helicone import HELICONE_KEY, PROVIDER_KEY, FakeHelicone
from fixtures_python import get_sent, get_steps
from shells import Shell

import heliconemagic
from heliconemagic.errors import CredentialError, GatewayError, InputError, UnknownPathError
from heliconemagic.python.handle import SessionHandle
from heliconemagic.records import StepStatus

# ---- asking


def test_ask_is_a_step_of_the_notebooks_session(
    asking_shell: Shell, session: SessionHandle, helicone: FakeHelicone
) -> None:
    """It has the session's id, name and options, continues what cells did, and cells continue it."""
    asking_shell.run("%%llm /abstract\nWrite an abstract.")
    reply = session.ask("/abstract/title", "A title.", temperature=0.2, parameters={"max_tokens": 9})
    assert (reply.text, reply.path, reply.parent.path) == ("Hello!", "/abstract/title", "/abstract")
    sent = helicone.completions[-1]
    assert (sent.header("helicone-session-id"), sent.header("helicone-session-name")) == (session.id, session.name)
    assert (sent.json["temperature"], sent.json["max_tokens"]) == (0.2, 9)
    assert [message["role"] for message in sent.json["messages"]] == ["user", "assistant", "user"]
    assert "after /abstract/title" in asking_shell.run("%%llm /abstract/title/short\nShorter.").text("text/html")


def test_reply_shows_its_card_as_the_value_of_a_cell(asking_shell: Shell) -> None:
    """ask() itself shows nothing."""
    quiet = asking_shell.run('r = session.ask("/a", "hi")')
    assert quiet.shown == []
    assert "Hello!" in asking_shell.run("r").text("text/html")


def test_braces_are_text(session: SessionHandle, helicone: FakeHelicone) -> None:
    """Python has f-strings."""
    session.ask("/a", "{{ topic }} {x}", system="{{ y }}")
    assert [message["content"] for message in helicone.completions[-1].json["messages"]] == [
        "{{ y }}",
        "{{ topic }} {x}",
    ]


def test_session_line_system_prompt_is_filled(asking_shell: Shell, helicone: FakeHelicone) -> None:
    """It was written where templates are filled."""
    asking_shell.run("reader = 'beginners'")
    asking_shell.run(f'%helicone_session "Course Creation" -s "Write for {{{{ reader }}}}." --gateway {helicone.url}')
    asking_shell.run('session.ask("/a", "hi")')
    assert helicone.completions[-1].json["messages"][0]["content"] == "Write for beginners."


def test_an_empty_system_prompt_is_none(asking_shell: Shell, helicone: FakeHelicone) -> None:
    """In a cell, in a call, and on a session line over the defaults."""
    asking_shell.run("%config HeliconeMagic.system = 'The default.'")
    asking_shell.run(f'%helicone_session "Course Creation" -s Brief. --gateway {helicone.url}')
    for source in (
        "%%llm /a --fresh\nhi",
        "%%llm /a --fresh -s ''\nhi",
        'session.ask("/a", "hi", system="", fresh=True)',
    ):
        assert asking_shell.run(source).error is None
    asking_shell.run(f"%helicone_session \"Course Creation\" -s '' --gateway {helicone.url}")
    assert '"system"' not in asking_shell.run("%llm /a --fresh --dry-run hi").text()
    roles = [[message["role"] for message in sent.json["messages"]] for sent in helicone.completions]
    assert roles == [["system", "user"], ["user"], ["user"]]


def test_cell_run_again_supersedes_what_it_asked(asking_shell: Shell, session: SessionHandle) -> None:
    """All steps of its last run, in whatever threads they were asked."""
    cell = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(4) as pool:\n"
        "    list(pool.map(lambda n: session.ask(f'/quiz/{n}', 'hi', fresh=True), range(4)))"
    )
    assert asking_shell.run(cell).error is None
    assert asking_shell.run(cell).error is None
    marks = [step.is_superseded for step in get_steps(session)]
    assert sorted(marks) == [False] * 4 + [True] * 4


def test_eight_threads_at_once(program: SessionHandle, helicone: FakeHelicone) -> None:
    """Every reply is its own question's, every step is kept."""
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: program.ask(f"/quiz/{number}", f"question {number}"), range(40)))
    assert [reply.messages[-1]["content"] for reply in replies] == [f"question {number}" for number in range(40)]
    assert len(program.steps) == len(helicone.completions) == 40


def test_errors_are_raised_and_journalled(program: SessionHandle) -> None:
    """As the gateway gave them."""
    with pytest.raises(GatewayError, match="400"):
        program.ask("/bad", "hi", model="fail400")
    assert [step.status for step in get_steps(program)] == [StepStatus.FAILED]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"temprature": 0.2}, "did you mean temperature"),
        ({"temperature": "hot"}, "temperature takes a number from 0 to 2, not 'hot'"),
        ({"temperature": True}, "temperature cannot be True"),
        ({"max_tokens": 9}, r"parameters=\{'max_tokens': 9\}"),
        ({"parameters": {"model": "x"}}, "'model' cannot be set"),
        ({"parameters": [1]}, "parameters takes a dict"),
        ({"parameters": {"stop": {1}}}, "cannot be sent as JSON"),
        ({"properties": {"a=b": "c"}}, "cannot be a name"),
        ({"properties": {"team": 3.5, "user-id": "x"}}, "imitates a header"),
        ({"fresh": "yes"}, "fresh takes True or False"),
        ({"fresh": True, "after": "/a"}, "contradict each other"),
        ({"after": "a"}, "paths start with a slash"),
        ({"after": "/a"}, "no finished step there"),
        ({"cache": 5}, "caches nothing below 60"),
        ({"out": "x"}, "keep what ask"),
        ({"dry_run": True}, "%llm --dry-run"),
        ({"context": "all"}, "takes one of auto"),
        ({"budget": 3}, "not an option"),
        ({"bg": True}, "aask"),
        ({"for_": [1], "jobs": 2}, "no option in Python"),
        ({"samples": 2}, "one reply"),
        ({"to_cell": True}, "extract=True"),
        ({"approve": True}, "let the function itself ask"),
        ({"tools": [3]}, "has no name of its own"),
        ({"tools": [lambda: 1]}, "has no name of its own"),
        ({"tools": 3}, "takes functions"),
        ({"schema": 5}, "of type 'int'"),
        ({"schema": "no_such_name"}, "no_such_name"),
        ({"json": True, "schema": "title"}, "contradict each other"),
        ({"keep": True, "no_log": True}, "--no-log keeps the cell away"),
        ({"keep": True, "no_keep": True}, "contradict each other"),
    ],
)
def test_bad_options_send_nothing(
    program: SessionHandle, helicone: FakeHelicone, options: dict[str, Any], says: str
) -> None:
    """The same checks as on a line; the error says what to type."""
    with pytest.raises(InputError, match=says):
        program.ask("/a", "hi", **options)
    assert helicone.requests == []


@pytest.mark.parametrize(("path", "prompt"), [("a", "hi"), ("/a", " "), ("/a", None), (None, "hi"), ("/", "hi")])
def test_bad_arguments_send_nothing(program: SessionHandle, helicone: FakeHelicone, path: Any, prompt: Any) -> None:
    """A path starts with a slash, a prompt is text."""
    with pytest.raises(InputError):
        program.ask(path, prompt)
    assert helicone.requests == []


def test_options_of_a_line_are_keywords(program: SessionHandle, helicone: FakeHelicone) -> None:
    """Typed values; None and False mean "not given"."""
    first = program.ask("/a", "hi", model="gpt-4o", user="ada", properties={"team": "blue"}, cache=True, fresh=False)
    program.ask("/b", "hi", after=first, context=None, no_stream=True, retries=0, timeout=5)
    told = helicone.completions[0]
    assert (told.json["model"], told.header("helicone-user-id")) == ("gpt-4o", "ada")
    assert (told.header("helicone-property-team"), told.header("helicone-cache-enabled")) == ("blue", "true")
    assert helicone.completions[1].json["stream"] is False
    assert len(helicone.completions[1].json["messages"]) == 3


@dataclass
class Lesson:
    """What an answer may be asked to be."""

    title: str
    minutes: int


def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


def test_objects_are_handed_over(program: SessionHandle, helicone: FakeHelicone) -> None:
    """Schemas, tools, attachments and examples are values here, not names."""
    helicone.gateway.text = '{"title": "Bees", "minutes": 5}'
    examples = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    reply = program.ask("/a", "hi", schema=Lesson, attach=[b"notes"], messages=examples)
    assert reply.parsed == Lesson("Bees", 5)
    assert [message["role"] for message in helicone.completions[0].json["messages"]] == ["user", "assistant", "user"]
    assert "notes" in str(helicone.completions[0].json["messages"][-1])
    program.ask("/b", "hi", tools=[weather], fresh=True)
    assert helicone.completions[1].json["tools"][0]["function"]["name"] == "weather"
    assert program.ask("/c", "hi", schema="title, minutes int").parsed == {"title": "Bees", "minutes": 5}
    assert (
        program.ask("/d", "hi", schema={"type": "object", "properties": {"title": {"type": "string"}}}).parsed["title"]
        == "Bees"
    )


def test_false_says_the_contrary(asking_shell: Shell, session: SessionHandle, helicone: FakeHelicone) -> None:
    """Where there is an option that does: keep=False is --no-keep."""
    asking_shell.run(f'%helicone_session "Course Creation" --keep --gateway {helicone.url}')
    for keep in (None, True, False):
        session.ask("/a", "hi", fresh=True, keep=keep)
    assert len(helicone.completions) == 2


# ---- awaiting


def test_aask_on_any_loop(program: SessionHandle, helicone: FakeHelicone) -> None:
    """Many at once on a loop of the caller's own."""

    async def ask_all() -> list[str]:
        replies = await asyncio.gather(*(program.aask(f"/quiz/{number}", "hi") for number in range(8)))
        return [reply.path for reply in replies]

    assert asyncio.run(ask_all()) == [f"/quiz/{number}" for number in range(8)]
    assert sorted(get_sent(helicone)) == [f"/quiz/{number}" for number in range(8)]


def test_cancelled_task_stops_its_request(program: SessionHandle, helicone: FakeHelicone) -> None:
    """It ends as cancelled, and the connection is closed."""

    async def give_up() -> None:
        task = asyncio.create_task(program.aask("/slow", "hi", model="silent"))
        await asyncio.to_thread(helicone.wait_for, lambda: bool(helicone.completions))
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(give_up())
    assert helicone.wait_for(lambda: helicone.disconnects == 1)
    assert [step.status for step in get_steps(program)] == [StepStatus.INTERRUPTED]


def test_aask_in_a_cell(asking_shell: Shell, helicone: FakeHelicone) -> None:
    """A cell may await it."""
    ran = asking_shell.run('(await session.aask("/a", "hi")).text')
    assert (ran.error, ran.value) == (None, "Hello!")


# ---- reading


def test_current_reply_by_path(session: SessionHandle) -> None:
    """The newest that finished; paths are listed newest first."""
    session.ask("/a", "one")
    session.ask("/b", "two")
    session.ask("/a", "three")
    with pytest.raises(GatewayError):
        session.ask("/c", "four", model="fail400")
    assert session["/a"].messages[-1]["content"] == "three"
    assert list(session) == ["/a", "/b"]
    assert ("/b" in session, "/c" in session, len(session), bool(session)) == (True, False, 2, True)
    assert dict(session)["/b"].text == "Hello!"
    assert [reply.path for reply in session.steps] == ["/a", "/b", "/a", "/c"]
    assert (session.totals.steps, session.totals.errors) == (4, 1)


def test_unknown_path_is_a_key_error_that_names_the_known(session: SessionHandle) -> None:
    """So ``except KeyError`` works."""
    session.ask("/a", "one")
    with pytest.raises(KeyError, match="paths with one: /a") as caught:
        session["/b"]
    assert isinstance(caught.value, UnknownPathError)


def test_reading_survives_a_restart(asking_shell: Shell, session: SessionHandle, helicone: FakeHelicone) -> None:
    """With --resume the replies are in the journal."""
    session.ask("/a", "one")
    asking_shell.run("%unload_ext heliconemagic")
    asking_shell.run("%load_ext heliconemagic")
    asking_shell.run(f'%helicone_session "Course Creation" --resume --gateway {helicone.url}')
    assert asking_shell.run('heliconemagic.session()["/a"].text').value == "Hello!"


def test_handle_of_an_ended_session_reads_but_does_not_ask(asking_shell: Shell, session: SessionHandle) -> None:
    """Nothing goes silently into a session that is over, nor into another one."""
    session.ask("/a", "one")
    asking_shell.run('%helicone_session "Another" --gateway demo')
    assert session["/a"].text == "Hello!"
    with pytest.raises(InputError, match="has ended; the notebook's is 'Another' now"):
        session.ask("/b", "two")


def test_handle_tells_who_it_is(session: SessionHandle, helicone: FakeHelicone) -> None:
    """And nothing secret."""
    session.ask("/a", "hi")
    assert repr(session) == f"<session 'Course Creation' at {helicone.url}: 1 step>"
    assert (session.name, session.gateway) == ("Course Creation", helicone.url)
    assert session.id in str(session.url)


# ---- opening


def test_session_is_started_and_announced(shell: Shell) -> None:
    """As a %%llm cell does where there is no session line."""
    shell.run("%config HeliconeMagic.gateway = 'demo'")
    ran = shell.run("import heliconemagic\ns = heliconemagic.session()")
    assert "started for this notebook" in ran.text()
    assert shell.run("heliconemagic.session().id == s.id").value is True


def test_notebook_names_its_session_on_the_line(shell: Shell) -> None:
    """There is one way of opening it."""
    ran = shell.run("import heliconemagic\nheliconemagic.session('Course', model='x')")
    assert isinstance(ran.error, InputError) and '%helicone_session "Course"' in str(ran.error)


def test_no_notebook_and_no_name() -> None:
    """The error says both ways."""
    with pytest.raises(InputError, match="%load_ext heliconemagic first"):
        heliconemagic.session()


def test_program_needs_keys_or_demo() -> None:
    """Nobody sits there: the demo is not taken unasked."""
    with pytest.raises(CredentialError, match="--gateway demo"):
        heliconemagic.session("Nightly")


def test_programs_session_goes_on_another_day(both_keys: None, helicone: FakeHelicone) -> None:
    """With resume, or by its id; the options are those of the session line."""
    with heliconemagic.session("Nightly", gateway=helicone.url, model="gpt-4o") as first:
        assert first.ask("/a", "hi").model == "gpt-4o"
    with heliconemagic.session("Nightly", gateway=helicone.url, resume=True) as again:
        assert (again.id, again["/a"].text) == (first.id, "Hello!")
    with heliconemagic.session("Nightly", gateway=helicone.url, id=first.id) as joined:
        assert list(joined) == ["/a"]
    with pytest.raises(InputError, match="contradict each other"):
        heliconemagic.session("Nightly", gateway=helicone.url, resume=True, new=True)


# ---- prefixes


def test_prefix_holds_in_the_block(asking_shell: Shell, helicone: FakeHelicone) -> None:
    """For ask, for reading, for %llm lines; blocks nest; afterwards it is gone."""
    asking_shell.run(
        'with session.at("/lesson/1") as lesson:\n'
        '    session.ask("/summary", "hi")\n'
        '    with session.at("quiz".join(["/", ""])):\n'
        '        session.ask("/one", "hi", after="/one") if "/one" in session else session.ask("/one", "hi")\n'
        '    %llm /line --after /summary "hi"\n'
        '    assert session["/summary"].path == "/lesson/1/summary"\n'
        'session.ask("/after", "hi")\n'
        'lesson.ask("/kept", "hi")\n'
    )
    expected = ["/lesson/1/summary", "/lesson/1/quiz/one", "/lesson/1/line", "/after", "/lesson/1/kept"]
    assert get_sent(helicone) == expected


def test_prefix_is_of_its_task(program: SessionHandle, helicone: FakeHelicone) -> None:
    """Tasks side by side have each their own."""

    async def ask(number: int) -> None:
        with program.at(f"/lesson/{number}"):
            await asyncio.sleep(0)
            await program.aask("/summary", "hi")

    async def ask_all() -> None:
        await asyncio.gather(ask(1), ask(2))

    asyncio.run(ask_all())
    assert sorted(get_sent(helicone)) == ["/lesson/1/summary", "/lesson/2/summary"]


def test_threads_take_the_handle_along(program: SessionHandle, helicone: FakeHelicone) -> None:
    """A thread of one's own doesn't see the block; the handle knows its prefix."""
    with program.at("/lesson") as lesson, ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: lesson.ask(f"/{number}", "hi"), range(2)))
    assert sorted(get_sent(helicone)) == ["/lesson/0", "/lesson/1"]
    assert list(program.at("/lesson")) == list(lesson)


# ---- other processes


def ask_in_worker(task: tuple[SessionHandle, int]) -> Any:
    """What a worker does: the handle arrives pickled."""
    session, number = task
    return session.ask(f"/quiz/{number}", f"question {number}")


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_join_the_session(
    asking_shell: Shell, session: SessionHandle, helicone: FakeHelicone, method: str
) -> None:
    """Same id, same name; their steps are read from the journal here, and in the tree."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        replies = list(pool.map(ask_in_worker, [(session.at("/course"), number) for number in range(4)]))
    assert [reply.path for reply in replies] == [f"/course/quiz/{number}" for number in range(4)]
    assert {one.header("helicone-session-id") for one in helicone.completions} == {session.id}
    assert session["/course/quiz/3"].messages[-1]["content"] == "question 3"
    assert session.totals.steps == 4
    assert "quiz" in asking_shell.run("%helicone_session show").text()
    assert "no context" in asking_shell.run("%%llm /next\nhi").text("text/html")


def ask(session: SessionHandle) -> None:
    """A step by the handle."""
    session.ask("/quiz", "hi")


def ask_awaiting(session: SessionHandle) -> None:
    """The same, awaited."""
    asyncio.run(session.aask("/quiz", "hi"))


def ask_by_client(session: SessionHandle) -> None:
    """A step by a client of the SDK."""
    messages: Any = [{"role": "user", "content": "hi"}]
    session.client("/quiz").chat.completions.create(model="gpt-4o-mini", messages=messages)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("work", [ask, ask_awaiting, ask_by_client])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_worker_may_end_at_any_time(session: SessionHandle, work: Callable[[SessionHandle], None]) -> None:
    """As pools end theirs, without a last word: an answer that it has got is on disk."""

    def work_and_end() -> None:
        work(session)
        os._exit(0)

    child = multiprocessing.get_context("fork").Process(target=work_and_end)
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert session["/quiz"].text == "Hello!"


def test_pickle_has_no_key(session: SessionHandle) -> None:
    """Only a ticket: id, name, options, gateway, prefix."""
    data = pickle.dumps(session.at("/lesson"))
    assert PROVIDER_KEY.encode() not in data
    assert HELICONE_KEY.encode() not in data
    assert pickle.loads(data).id == session.id


def test_key_in_an_option_is_not_pickled(asking_shell: Shell, session: SessionHandle, helicone: FakeHelicone) -> None:
    """Better no worker than a key on its way."""
    asking_shell.run(f'%helicone_session "Course Creation" -s "{PROVIDER_KEY}" --gateway {helicone.url}')
    with pytest.raises(InputError, match="cannot be pickled"):
        pickle.dumps(session)


def load_without_key(data: bytes) -> str:
    """The error that a worker without keys meets."""
    del os.environ["OPENAI_API_KEY"]
    try:
        pickle.loads(data)
    except CredentialError as error:
        return str(error)
    return "no error"


def test_worker_without_keys_says_so(session: SessionHandle) -> None:
    """Keys don't travel."""
    data = pickle.dumps(session)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        said = pool.submit(load_without_key, data).result()
    assert "OPENAI_API_KEY is not set" in said
    assert "worker's environment" in said


def test_reply_can_be_pickled(session: SessionHandle) -> None:
    """With its figures, its parent and its card, also once more."""
    session.ask("/a", "one")
    reply = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(session.ask("/b", "two")))))
    assert "after /a" in reply._repr_mimebundle_()["text/html"]
    assert (reply.text, reply.path, reply.parent.path) == ("Hello!", "/b", "/a")
    assert reply.usage.total_tokens == 8
