"""A session as a program: both languages run against the fake Helicone, which sees what the notebook sent."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from export_samples import SYSTEM, assistant, build_sample, build_step, build_steps, export, user
from fake_helicone import FakeHelicone, Received
from notebooks_in_process import BOTH_KEYS, Bench
from render_samples import ATTACKS

from heliconemagic.export.program_python import build_python
from heliconemagic.export.program_typescript import build_typescript
from heliconemagic.export.session import ExportedSession

HOSTILE = 'quote " \' ` ${process.exit(9)} {os._exit(9)} \\ \\" \\n </script> \'\'\'\n"""\r\n\u2028\u202e é 😀 end'
CELLS = (
    ("/abstract", "An abstract of tides."),
    ("/outline", "An outline."),
    ("/outline/lesson-1", "The first lesson."),
    ("/hostile --fresh -t 0.5", HOSTILE),
    ("/title --fresh", "A title for {{ steps['/abstract'].text }}, please."),
    ("/title/other -o max_tokens 5 --user ada -p team=blue", "Another one."),
)

Run = Callable[[str], None]


def answer_by_prompt(fake: FakeHelicone, word: str) -> None:
    """Lets the provider answer in words that follow from the prompt, and differ from run to run."""

    def prepare(received: Received) -> None:
        prompt = received.json["messages"][-1]["content"]
        fake.gateway.text = f"{word} answer, rather long, to {json.dumps(prompt)[:40]}."

    fake.respond = prepare


def read_request(received: Received, word: str) -> dict[str, Any]:
    """A request as far as the program's has to be the notebook's: path, name, user, properties and body."""
    kept = ("helicone-session-path", "helicone-session-name", "helicone-user-id", "helicone-property-team")
    body = {name: value for name, value in received.json.items() if name not in ("stream", "stream_options")}
    return {**{name: received.header(name) for name in kept}, **json.loads(json.dumps(body).replace(word, "An"))}


@pytest.fixture
def run_python(fake: FakeHelicone, tmp_path: Path) -> Run:
    """Runs a Python program that asks the fake."""
    return lambda code: run([sys.executable], code, tmp_path / "program.py", fake)


@pytest.fixture
def run_typescript(fake: FakeHelicone, node_folder: Path, tmp_path: Path) -> Run:
    """Compiles a TypeScript program and runs it; that with most kinds of messages is checked by the strictest rules."""

    def compile_and_run(code: str) -> None:
        path = node_folder / "program.ts"
        path.write_text(code, encoding="utf-8")
        options = ["--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "--types", "node"]
        options += [] if "tool_calls" in code else ["--noCheck"]  # checking takes seconds: once is enough
        done = subprocess.run(
            ["node", "node_modules/typescript/bin/tsc", *options, path.name],
            cwd=node_folder, capture_output=True, text=True, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        run(["node"], path.with_suffix(".js").read_text(encoding="utf-8"), node_folder / "program.mjs", fake)

    return compile_and_run


def run(command: list[str], code: str, path: Path, fake: FakeHelicone) -> None:
    """Runs a program whose environment has the keys and the fake's address."""
    path.write_text(code, encoding="utf-8")
    (path.parent / "pictures").mkdir(exist_ok=True)
    (path.parent / "pictures" / "sea.png").write_bytes(b"a picture")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONIOENCODING": "utf-8",
        "OPENAI_BASE_URL": fake.oai_url,
        **BOTH_KEYS,
    }
    done = subprocess.run(
        [*command, path.name], cwd=path.parent, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def bench(fake: FakeHelicone, tmp_path: Path) -> Iterator[Bench]:
    """A notebook that has run its cells through the fake Helicone."""
    answer_by_prompt(fake, "First")
    bench = Bench(tmp_path, fake, BOTH_KEYS)
    bench.open('"Course Creation" --gateway oai -s "Answer briefly."')
    for line, prompt in CELLS:
        bench.run(line, prompt)
    yield bench
    bench.close()


def test_a_long_session_takes_its_length() -> None:
    """Not the square of it: each answer is sought by its beginning, each conversation by its end."""
    calls = []
    for count in (400, 1600):
        session = export([
            build_step(number, "/row", user(f"prompt {number} " + "w " * 50), text=f"answer {number} " + "long " * 50)
            for number in range(count)
        ])  # fmt: skip
        calls.append(_count_calls(lambda session=session: build_python(session)))  # type: ignore[misc]
    assert calls[1] < 6 * calls[0]


def _count_calls(function: Callable[[], object]) -> int:
    """How many functions are called, C's among them: as good as time, and the same on any machine."""
    events = Counter[str]()
    sys.setprofile(lambda frame, event, argument: events.update((event,)))
    try:
        function()
    finally:
        sys.setprofile(None)
    return events["call"] + events["c_call"]


def test_the_newest_of_equal_answers_is_quoted() -> None:
    """Longer ones before shorter ones that stand in them."""
    long, short = "An answer of some length, and more of it.", "An answer of some length"
    steps = [build_step(n, f"/{'abc'[n]}", user(str(n)), text=text) for n, text in enumerate((long, short, short))]
    code = build_python(export([*steps, build_step(3, "/d", user(f"<{long}|{short}>"), text="x")]))
    assert 'f"<{a.text}|{c.text}>"' in code


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_what_no_header_can_carry_is_sent_in_ascii(
    fake: FakeHelicone, request: pytest.FixtureRequest, language: str
) -> None:
    """A session of another program may have any text; the program's head says what it sends instead."""
    texts = {"kunde": "Müller", "größe in cm": "5\n6", "empty": "日本"}
    step = build_step(1, "/ä/x", user("hi"), text="y", user=" José ", properties=texts)
    exported = export([step])
    exported = replace(exported, record=replace(exported.record, name="Désk"))
    code = build_python(exported) if language == "python" else build_typescript(exported)
    request.getfixturevalue(f"run_{language}")(code)
    (sent,) = fake.requests
    assert [sent.header(f"helicone-{name}") for name in ("session-name", "session-path", "user-id")] == [
        "Desk", "/a/x", "Jose",
    ]  # fmt: skip
    properties = {name: sent.header(f"helicone-property-{name}") for name in ("kunde", "grosse-in-cm", "empty")}
    assert properties == {"kunde": "Muller", "grosse-in-cm": "5 6", "empty": None}
    assert "Headers carry nothing but plain ASCII: 'Désk' is 'Desk', ' José ' is 'Jose'" in code
    assert "'Müller' is 'Muller' and 2 more." in code


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_program_sends_what_the_notebook_sent(
    language: str, bench: Bench, fake: FakeHelicone, request: pytest.FixtureRequest
) -> None:
    """The same paths, names, prompts and parameters, in a session of its own, going on with its own answers."""
    sent = [read_request(received, "First") for received in fake.completions]
    suffix = {"python": "py", "typescript": "ts"}[language]
    path = bench.notebook.exports.write(f"course.{suffix}").path
    answer_by_prompt(fake, "Later")
    fake.requests.clear()
    run_program: Run = request.getfixturevalue(f"run_{language}")
    run_program(path.read_text(encoding="utf-8"))
    assert [read_request(received, "Later") for received in fake.completions] == sent
    assert bench.notebook.session is not None
    ids = {received.header("helicone-session-id") for received in fake.completions}
    assert len(ids) == 1 and bench.notebook.session.record.id not in ids
    assert len(fake.logged) == 2 * len(CELLS)


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_tools_and_pictures_are_sent_as_recorded(
    language: str, fake: FakeHelicone, request: pytest.FixtureRequest
) -> None:
    """The calls and their results stand in the program; the picture is read from its file."""
    build = {"python": build_python, "typescript": build_typescript}[language]
    fake.gateway.text = "The Moon pulls the sea, twice a day."
    run_program: Run = request.getfixturevalue(f"run_{language}")
    run_program(build(build_sample()))
    *_, asked, answered, picture, title = [received.json for received in fake.completions]
    moon, last = build_steps()[6], build_steps()[8]
    assert asked["messages"] == list(moon.messages) and asked["tools"] == moon.parameters["tools"]
    assert answered["messages"] == list(last.messages)
    assert picture["messages"][0]["content"][1]["image_url"]["url"] == "data:image/png;base64,YSBwaWN0dXJl"
    assert title["messages"] == list(build_steps()[10].messages)


def test_variables_are_named_after_the_paths() -> None:
    """What is continued, and what is quoted, is named; failed and superseded requests aren't there."""
    code = build_python(build_sample())
    assert "\nabstract = ask(\n" in code and "[*abstract.messages, {" in code
    assert 'f"{abstract.text}\\n"' in code and "*moon.messages[:-1]," in code
    assert "Left out: 3 requests" in code and "/retrieve (VectorDB) ran in the notebook" in code
    assert "Fail." not in code and "Old tides" not in code
    typescript = build_typescript(build_sample())
    assert "\nconst abstract = await ask(\n" in typescript and "...moon.messages.slice(0, -1)," in typescript


def test_a_session_of_the_demo_asks_openai_through_helicone() -> None:
    """No program can ask the demo; its header says so."""
    steps = [build_step(1, "/a", user("Hi."), text="x", model="demo", gateway="demo")]
    code = build_python(export(steps, gateway="demo"))
    assert "The notebook's gateway (demo) is none that a program can ask" in code
    assert 'MODEL = "gpt-4o-mini"' in code and '"https://oai.helicone.ai/v1"' in code


def test_other_models_and_unknown_parameters() -> None:
    """The model of most requests is the program's; what the client doesn't know travels in the body."""
    steps = [
        build_step(1, "/a", user("Hi."), text="x"),
        build_step(2, "/a", user("Hi."), text="y"),
        build_step(3, "/b", user("Hi."), text="z", model="o3-mini", parameters={"top_k": 5, "stream": True, "seed": 1}),
    ]
    code = build_python(export(steps))
    assert 'MODEL = "gpt-4o-mini"' in code and 'model="o3-mini",\n    seed=1,\n    extra_body={"top_k": 5},' in code
    assert "\na_2 = ask(" in code and "stream=" not in code


def test_a_changed_system_prompt_stands_before_the_conversation() -> None:
    """The earlier one is left out of what is continued."""
    first = build_step(1, "/a", SYSTEM, user("One."), text="An answer of some length.")
    other = {"role": "system", "content": "At length."}
    second = build_step(2, "/b", other, user("One."), assistant(first.text), user("Two."), text="y", parent_id=first.id)
    bare = build_step(3, "/c", user("One."), assistant(first.text), user("Three."), text="z", parent_id=first.id)
    code = build_python(export([first, second, bare]))
    assert '{"role": "system", "content": "At length."},\n        *a.messages[1:],' in code
    assert '[*a.messages[1:], {"role": "user", "content": "Three."}]' in code


@pytest.mark.parametrize("path", ["/class", "/print", "/ask", "/os", "/client", "/2024", "/a-b", "/_", "/%7B"])
def test_names_are_names(path: str) -> None:
    """No keyword, nothing that the program needs itself, nothing twice."""
    steps = [build_step(number, path, user(f"{number}?"), text="x") for number in (1, 2)]
    code = build_python(export(steps))
    assigned = [node.targets[0].id for node in ast.parse(code).body if isinstance(node, ast.Assign)]  # type: ignore[attr-defined]
    assert len(assigned) == len(set(assigned)) and "ask" not in assigned


@pytest.mark.parametrize("attack", [*ATTACKS, HOSTILE, '"""\n', "*/", "\n# x\nimport os"])
def test_hostile_texts_end_no_literal_and_no_comment(attack: str) -> None:
    """Whatever stands in titles, prompts, answers and names, the program has the statements it should have."""
    quoting = user(f"Say {attack * 9} again.")
    steps = [
        build_step(1, "/a", user(attack), text=attack * 9, parameters={"stop": [attack]}),
        build_step(2, "/b", quoting, text="x", properties={"team": attack}, user=attack),
    ]
    session: ExportedSession = export(steps)
    session = replace(session, record=replace(session.record, title=attack))
    body = ast.parse(build_python(session)).body
    assert [type(node).__name__ for node in body[-7:]] == [
        "Assign", "Assign", "Assign", "ClassDef", "FunctionDef", "Assign", "Assign",
    ]  # fmt: skip
    (call,) = [node.value for node in body if isinstance(node, ast.Assign) and node.targets[0].id == "a"]  # type: ignore[attr-defined]
    assert ast.literal_eval(call.args[1]) == [user(attack)]  # type: ignore[attr-defined]


def test_an_empty_session_is_still_a_program() -> None:
    """It says that nothing was answered."""
    code = build_python(export([]))
    assert "# No request of this session was answered." in code and ast.parse(code)
    assert "// No request of this session was answered." in build_typescript(export([]))
