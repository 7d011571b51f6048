"""The demo: its text follows the request, and on the wire it is as real as a provider."""

import asyncio
import contextlib
import io
import json
import re
from collections.abc import AsyncIterator, Callable

import httpx2
import openai
import pytest

from heliconemagic.demo.task import NOTICE
from heliconemagic.demo.text import build_demo_answer
from heliconemagic.gateways import choice as gateways
from heliconemagic.transport.demo import DEMO_MODELS, DemoTransport


def ask(*prompts: str, **body: object) -> str:
    """The demo's last answer in a conversation of ``prompts``, each answered by the demo."""
    messages: list[dict[str, object]] = []
    text = ""
    for prompt in prompts:
        messages.append({"role": "user", "content": prompt})
        text = build_demo_answer({"messages": messages, "model": "demo", **body}).text
        messages.append({"role": "assistant", "content": text})
    return text


# ---- the text


def test_the_first_line_says_what_it_is_and_what_was_sent() -> None:
    """Nobody takes the demo for a language model, and everybody sees what was sent."""
    first = ask("Tell me about tides.", "And now?").splitlines()[0]
    assert first.startswith(f"*{NOTICE} I was sent 3 messages (1 from you before this, 1 earlier answer)")
    assert first.endswith("says: “And now?”*")


def test_same_request_same_answer() -> None:
    """Equal requests give equal answers, and another seed may give another."""
    assert ask("An abstract on space") == ask("An abstract on space")
    answers = {ask("An abstract on space", seed=seed) for seed in range(8)}
    assert len(answers) > 1


def test_course_reads_on_from_step_to_step() -> None:
    """The outline names what the abstract was about, and the lesson the outline's module."""
    abstract = "Generate an abstract for a course on space."
    outline = ask(abstract, "Now create a detailed outline based on that abstract.")
    assert outline.count("### Module") == 4
    assert "Module 1: A first look at space\n" in outline
    lesson = ask(abstract, "Now create a detailed outline based on that abstract.", "Write the first lesson.")
    assert "belongs to Module 1 of the outline, “A first look at space”" in lesson
    assert "## Lesson 2:" in ask(abstract, "An outline", "Write the first lesson.", "Write the next lesson.")


def test_context_is_taken_from_what_was_sent_and_nowhere_else() -> None:
    """Another abstract in the context gives another outline; no context, no topic."""
    messages = [
        {"role": "assistant", "content": "This course on glaciers shows how ice moves."},
        {"role": "user", "content": "Now an outline based on that."},
    ]
    assert "An outline on **glaciers**." in build_demo_answer({"messages": messages, "model": "demo"}).text
    assert "glaciers" not in ask("Now an outline based on that.")


def test_number_of_modules_follows_the_prompt() -> None:
    """A number in the prompt is obeyed, and its words appear in the modules."""
    outline = ask("Outline three modules on music, mentioning rhythm and harmony")
    assert outline.count("### Module") == 3
    assert "Focus: rhythm" in outline


def test_lesson_shows_math_and_a_table() -> None:
    """A lesson has a heading, math and a table, so that rendering can be seen."""
    lesson = ask("Explain photosynthesis")
    assert "## Lesson 1" in lesson
    assert "$t_n = t_1 n^{-a}$" in lesson
    assert "| look | find one example of photosynthesis | 5 |" in lesson


def test_code_runs() -> None:
    """The code in an answer runs as it stands, whatever the prompt's characters."""
    answer = ask("Write a Python function about \"quotes\" and \\ 'backslashes' and ünïcode")
    code = re.search(r"```python\n(.*?)```", answer, re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code[1], {})
    assert len(printed.getvalue().splitlines()) == 3


@pytest.mark.parametrize(
    "prompt",
    ["An abstract on space", "An outline on space", "Explain space", "Python code about space", "Why is the sky blue?"],
)
def test_answers_have_the_length_of_an_answer(prompt: str) -> None:
    """Neither a line nor a book: 60 to 250 words."""
    assert 60 <= len(ask(prompt).split()) <= 250


def test_json_is_an_object_with_the_notice() -> None:
    """JSON that was asked for is only JSON, and still says that it is the demo."""
    value = json.loads(ask("Three facts about rivers", response_format={"type": "json_object"}))
    assert value["note"] == NOTICE
    assert value["topic"] == "rivers"


def test_schema_is_satisfied() -> None:
    """An instance of every simple kind of schema."""
    schema = {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "level": {"enum": ["easy", "hard"]},
            "score": {"type": "number", "minimum": 2.5},
            "hours": {"type": "integer", "maximum": 3},
            "is_open": {"type": "boolean"},
            "end": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "note": {"type": ["string", "null"], "maxLength": 5},
            "parts": {"type": "array", "minItems": 3, "items": {"$ref": "#/$defs/Part"}},
        },
        "$defs": {"Part": {"type": "object", "properties": {"name": {"type": "string"}}}},
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "course", "schema": schema}}
    value = json.loads(ask("A course on space", response_format=wanted))
    assert "space" in value["title"]
    assert (value["level"], value["score"], value["hours"], value["is_open"]) == ("easy", 80.0, 1, True)
    assert (value["end"], len(value["note"])) == ("2026-01-15", 5)
    assert [set(part) for part in value["parts"]] == [{"name"}] * 3


def test_endless_schema_ends() -> None:
    """A schema that contains itself many times over is filled with bounded work."""
    node = {"type": "object", "properties": {f"n{i}": {"$ref": "#"} for i in range(30)}}
    value = ask("x", response_format={"type": "json_schema", "json_schema": {"schema": node}})
    assert len(value) < 1_000_000
    assert isinstance(json.loads(value), dict)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": None}],
        ["not a message"],
        [{"role": "user", "content": "Erkläre mir bitte die Gezeiten der Nordsee"}],
        [{"role": "user", "content": "潮汐とは何ですか"}],
        [{"role": "user", "content": "on " * 500_000}],
        [{"role": "user", "content": "`*_$|<script>\n```\u202e" * 50}],
        [{"role": "user", "content": [{"type": "text", "text": "Explain"}, {"type": "text", "text": "gravity"}, 3]}],
    ],
)
def test_odd_input_is_answered(messages: list[object]) -> None:
    """Nothing, much, parts, other languages and hostile characters all get an answer of bounded length."""
    text = build_demo_answer({"messages": messages, "model": "demo"}).text
    assert text.startswith(f"*{NOTICE}")
    assert len(text) < 5_000


def test_topic_of_parts_and_of_other_languages_is_named() -> None:
    """The prompt's own words come back, also from content in parts and without English grammar."""
    parts = [{"type": "text", "text": "Explain"}, {"type": "text", "text": "gravity"}]
    assert "gravity" in build_demo_answer({"messages": [{"role": "user", "content": parts}], "model": "demo"}).text
    assert "Gezeiten" in ask("Erkläre die Gezeiten")


# ---- the wire


class Naps:
    """A sleep that takes no time and remembers its seconds."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        """Notes the seconds."""
        self.seconds.append(seconds)


def run(call: Callable[[openai.AsyncOpenAI], object], naps: Naps | None = None, **options: object) -> object:
    """What ``call`` gives with an openai client whose transport is the demo."""

    async def go() -> object:
        transport = DemoTransport(sleep=naps or Naps(), clock=lambda: 1_700_000_000.0)
        http_client = openai.DefaultAsyncHttpx2Client(transport=transport)
        async with openai.AsyncOpenAI(
            api_key="none", base_url="http://demo.invalid/v1", http_client=http_client, max_retries=0, **options
        ) as client:
            return await call(client)

    return asyncio.run(go())


PROMPT = [{"role": "user", "content": "An abstract on space"}]


async def stream(client: openai.AsyncOpenAI, model: str, **options: object) -> AsyncIterator[object]:
    """The chunks of a streamed answer to ``PROMPT``."""
    async for chunk in await client.chat.completions.create(model=model, messages=PROMPT, stream=True, **options):
        yield chunk


def collect(model: str, naps: Naps | None = None, **options: object) -> list[object]:
    """All chunks of a streamed answer."""

    async def call(client: openai.AsyncOpenAI) -> list[object]:
        return [chunk async for chunk in stream(client, model, **options)]

    return run(call, naps)


def read_text(chunks: list[object]) -> str:
    """The text that chunks add up to."""
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_stream_and_whole_answer_are_the_same() -> None:
    """Streaming changes how the answer comes, not what it is."""
    whole = run(lambda client: client.chat.completions.create(model="demo", messages=PROMPT))
    chunks = collect("demo")
    assert read_text(chunks) == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason == "stop"
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens


def test_usage_comes_last_and_only_if_asked_for() -> None:
    """The usage chunk has no choices, as at OpenAI."""
    chunks = collect("demo", stream_options={"include_usage": True})
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens > 100
    assert all(chunk.usage is None for chunk in collect("demo"))


def test_pace_is_kept_and_differs_by_model() -> None:
    """The first token takes its time, the rest comes at the model's pace."""
    naps: dict[str, Naps] = {model: Naps() for model in ("demo", "demo-slow", "demo-fast")}
    for model, nap in naps.items():
        collect(model, nap)
    assert naps["demo"].seconds[:2] == [0.3, 0.02]
    assert naps["demo-slow"].seconds[1] > 5 * naps["demo"].seconds[1] > 25 * naps["demo-fast"].seconds[1]


def test_reasoning_comes_before_the_answer() -> None:
    """The reasoning model tells its reasoning first, in the field that such models use."""
    deltas = [chunk.choices[0].delta for chunk in collect("demo-reasoning")]
    is_reasoning = ["reasoning_content" in (delta.model_extra or {}) for delta in deltas[1:-1]]
    assert is_reasoning == sorted(is_reasoning, reverse=True)
    assert 0 < sum(is_reasoning) < len(is_reasoning)


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_token_limit_cuts_the_answer(limit: str) -> None:
    """A limit on tokens ends the answer with the finish reason `length`."""
    chunks = collect("demo", **{limit: 12})
    assert len(read_text(chunks)) == 48
    assert chunks[-1].choices[0].finish_reason == "length"
    assert collect("demo-length")[-1].choices[0].finish_reason == "length"


def test_empty_answer_is_empty() -> None:
    """The empty model ends properly and says nothing."""
    chunks = collect("demo-empty")
    assert read_text(chunks) == ""
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_first_attempt_is_refused_and_the_second_answered() -> None:
    """The SDK's own retry gets through after the time that the refusal names."""

    async def call(client: openai.AsyncOpenAI) -> tuple[str, str]:
        with pytest.raises(openai.RateLimitError) as refusal:
            await client.chat.completions.create(model="demo-429", messages=PROMPT)
        answer = await client.chat.completions.create(model="demo-429", messages=PROMPT)
        return refusal.value.response.headers["retry-after"], answer.choices[0].message.content

    wait, text = run(call)
    assert wait == "2"
    assert NOTICE in text


def test_failing_model_fails() -> None:
    """Status 500, every time."""
    with pytest.raises(openai.InternalServerError):
        collect("demo-500")


@pytest.mark.parametrize("is_stream", [True, False])
def test_cut_answer_breaks_off(is_stream: bool) -> None:
    """The connection closes in the middle of the body."""

    async def call(client: openai.AsyncOpenAI) -> object:
        if not is_stream:
            return await client.chat.completions.create(model="demo-cut", messages=PROMPT)
        async for chunk in stream(client, "demo-cut"):
            seen.append(chunk)
        return None

    seen: list[object] = []
    with pytest.raises(openai.APIConnectionError) as error:
        run(call)
    assert isinstance(error.value.__cause__, httpx2.RemoteProtocolError)
    assert bool(read_text(seen)) is is_stream


def test_silent_model_runs_into_the_timeout() -> None:
    """The client's own read timeout ends the silence."""
    naps = Naps()
    with pytest.raises(openai.APITimeoutError):
        run(lambda client: client.chat.completions.create(model="demo-silent", messages=PROMPT), naps, timeout=7.0)
    assert naps.seconds == [7.0]


def test_silent_model_can_be_cancelled() -> None:
    """Without a timeout it is silent until it is cancelled."""

    async def call(client: openai.AsyncOpenAI) -> bool:
        asking = client.with_options(timeout=None).chat.completions.create(model="demo-silent", messages=PROMPT)
        task = asyncio.create_task(asking)
        done, _ = await asyncio.wait({task}, timeout=0.01)
        task.cancel()
        await asyncio.wait({task})
        return not done and task.cancelled()

    assert run(call) is True


def test_unknown_model_is_refused_with_the_names_of_those_there_are() -> None:
    """A mistyped model gets OpenAI's error, and the list."""
    with pytest.raises(openai.NotFoundError, match="demo-slow") as error:
        collect("demoo")
    assert error.value.code == "model_not_found"


def test_models_are_listed() -> None:
    """`GET /models` names every model."""

    async def call(client: openai.AsyncOpenAI) -> list[str]:
        return [model.id async for model in client.models.list()]

    assert run(call) == list(DEMO_MODELS)


def test_models_are_those_that_the_gateway_checks_names_against() -> None:
    """The gateway's list, which needs no HTTP library, is the transport's."""
    assert set(gateways.DEMO_MODELS) == set(DEMO_MODELS)


@pytest.mark.parametrize(("path", "content", "status"), [("chat/completions", b"{", 400), ("files", b"{}", 404)])
def test_what_is_no_chat_completion_is_refused(path: str, content: bytes, status: int) -> None:
    """Bodies that aren't requests, and addresses that it doesn't have, get an error in JSON."""

    async def go() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=DemoTransport(sleep=Naps())) as client:
            return await client.post(f"http://demo.invalid/v1/{path}", content=content)

    response = asyncio.run(go())
    assert response.status_code == status
    assert response.json()["error"]["message"]
