"""``%%helicone_step`` in a shell: the code runs as in any cell, and is a step of the session."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_helicone import PROVIDER_KEY
from fixtures_python import get_steps
from shells import Shell

from heliconemagic.cells import build_step_transformer, find_step_code
from heliconemagic.errors import InputError
from heliconemagic.journal.journal import Journal
from heliconemagic.lines.step_line import StepCommand, parse_step_line
from heliconemagic.lines.suggestions import suggest
from heliconemagic.records import Step, StepKind
from heliconemagic.steps.traced import describe_input, describe_output

REPLY = "application/vnd.heliconemagic.reply.v1+json"


@pytest.fixture
def demo(shell: Shell) -> Shell:
    """A shell with a session on the demo gateway."""
    shell.run('%helicone_session "Agent" --gateway demo')
    shell.run("import heliconemagic")
    return shell


def get_last(shell: Shell) -> Step:
    """The newest step of the session."""
    return get_steps(shell.run("heliconemagic.session()").value)[-1]


def describe(step: Step) -> tuple[str, str, str, str]:
    """Path, kind, state and what came out."""
    return step.path, step.kind.value, step.status.value, describe_output(step)


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("[1, 2]", "[1, 2]"),
        ("found = {'a': 1}", '{"a": 1}'),
        ("a, b = 1, 'x'", '{"a": 1, "b": "x"}'),
        ("a = 5\nprint(a)", "5"),
        ("a = 5\na + 1", "6"),
        ("a: int = 5\na += 1", "6"),
        ("print('said')", ""),
        ("x = 3;", "3"),
        ("import asyncio\nawait asyncio.sleep(0, 'slept')", "slept"),
        ("%%time\n7", "7"),
        ("lines = !echo hi", '["hi"]'),
        ("    y = 4\n    y", "4"),
    ],
)
def test_output_is_what_the_cell_gives(demo: Shell, code: str, output: str) -> None:
    """The last expression, else what is assigned last; magics and await as anywhere."""
    ran = demo.run(f"%%helicone_step /work --kind data\n{code}")
    assert ran.error is None
    assert describe(get_last(demo)) == ("/work", "Data", "done", output)


def test_cell_shows_what_it_shows_and_a_line_below(demo: Shell) -> None:
    """The value is the cell's result; the line has what programs need."""
    ran = demo.run("%%helicone_step /retrieve --kind vector_db --name search\n'found'")
    assert ran.value == "found" and demo.variables["_"] == "found"
    line = ran.displays[-1].bundle
    assert line["text/plain"].startswith("/retrieve · VectorDB · search · ")
    assert {name: line[REPLY][name] for name in ("path", "kind", "text")} == {
        "path": "/retrieve", "kind": "VectorDB", "text": "found",
    }  # fmt: skip
    assert json.loads(line[REPLY]["input"]) == {"code": "'found'"}


def test_quiet_and_unlogged(demo: Shell, world: Path) -> None:
    """-q shows no line, --no-log keeps it out of the journal; the session knows it all the same."""
    assert demo.run("%%helicone_step /secret -q --no-log\n'hush' * 2").displays == []
    assert get_last(demo).text == "hushhush"
    assert b"hushhush" not in b"".join(path.read_bytes() for path in world.iterdir() if path.is_file())


def test_input_and_output_by_name(demo: Shell) -> None:
    """Variables as they are before the code runs, and after."""
    demo.run("question, k = 'why?', 2")
    demo.run("%%helicone_step /ask --input question,k --output k\nquestion = 'changed'\nk = 3\n'else'")
    step = get_last(demo)
    assert (describe_input(step), describe_output(step)) == ('{"question": "why?", "k": 2}', "3")
    refused = demo.run("%%helicone_step /ask --input nobody\n1")
    assert isinstance(refused.error, InputError) and refused.value is None
    missing = demo.run("%%helicone_step /ask --output nobody\n1").displays[-1].bundle["text/plain"]
    assert "no variable 'nobody' to take the output from" in missing


def test_error_is_the_codes_own(demo: Shell) -> None:
    """Its traceback has the cell's lines; the step has its type, words and line, without keys."""
    demo.run(f"key = {PROVIDER_KEY!r}")
    ran = demo.run("%%helicone_step /bad\n\nx = 1\nraise ValueError('sk-' + 'a' * 40)")
    assert isinstance(ran.error, ValueError)
    shown = ran.printed.splitlines()
    assert "----> 4 raise ValueError('sk-' + 'a' * 40)" in shown and "_heliconemagic" not in ran.printed
    step = get_last(demo)
    assert (step.status, step.error) == ("failed", "ValueError: [redacted]\nraised in line 4 of the cell")
    assert "failed after" in ran.displays[-1].bundle["text/plain"]


def test_traceback_shows_what_was_typed(demo: Shell) -> None:
    """The magic's line too, as a comment; functions of the cell keep their lines, and later cells see them."""
    assert (
        "      1 # %%helicone_step /bad --kind data\n----> 2 1/0"
        in demo.run("%%helicone_step /bad --kind data\n1/0").printed
    )
    ran = demo.run("%%helicone_step /bad\ndef halve(it):\n    return it / 0\nhalve(\n    5)")
    lines = [line.strip() for line in ran.printed.splitlines()]
    assert "----> 4 halve(" in lines and "----> 3     return it / 0" in lines
    assert "----> 3     return it / 0" in demo.run("halve(7)").printed


@pytest.mark.parametrize(
    ("above", "number"),
    [("%%time\n", 4), ("\n%%time\n\n", 6), ("%%capture caught\n%%time\n", 5)],
)
def test_traceback_of_a_nested_step(demo: Shell, above: str, number: int) -> None:
    """It has the lines of the whole cell by their numbers, and nothing of ours in between."""
    count = demo.ip.execution_count
    ran = demo.run(f"{above}%%helicone_step /bad\ny = 2\nraise ValueError(y)")
    text = ran.printed + demo.run("%tb").printed
    assert f"----> {number} raise ValueError(y)" in text and f"{number - 2} # %%helicone_step /bad" in text
    assert "heliconemagic/" not in text and "skipping hidden" in text
    assert get_last(demo).error == f"ValueError: 2\nraised in line {number} of the cell"
    assert f"Cell In[{count}], line {number}" in text


def test_traceback_of_code_that_other_code_runs(demo: Shell) -> None:
    """Its lines are counted from its own first one."""
    demo.run("get_ipython().run_cell('%%helicone_step /inner\\n1/0')")
    assert get_last(demo).error == "ZeroDivisionError: division by zero\nraised in line 2 of the cell"


def test_interrupt(demo: Shell) -> None:
    """It ends as interrupted."""
    ran = demo.run("%%helicone_step /slow\nraise KeyboardInterrupt")
    assert isinstance(ran.error, KeyboardInterrupt)
    assert (get_last(demo).status, get_last(demo).error) == ("interrupted", None)
    assert "stopped after" in ran.text()


@pytest.mark.parametrize("around", ["%%time", "%%capture caught"])
def test_nested_in_another_cell(demo: Shell, around: str) -> None:
    """Its code runs there, awaits included."""
    ran = demo.run(f"{around}\n%%helicone_step /nested\nimport asyncio\nawait asyncio.sleep(0)\nit = 'it''s'\nit")
    assert ran.error is None
    assert describe(get_last(demo)) == ("/nested", "Tool", "done", "its")
    broken = demo.run("%%time\n%%helicone_step /broken\nx = = 1")
    assert isinstance(broken.error, SyntaxError) and get_last(demo).path == "/nested"
    failed = demo.run("%%time\n%%helicone_step /nested\n1/0")
    assert "ZeroDivisionError" in failed.printed
    assert get_last(demo).status == "failed"


def test_cell_that_runs_another_one(demo: Shell) -> None:
    """Its output is its own value, which IPython itself loses, and not the other's."""
    demo.run("%%helicone_step /outer\nget_ipython().run_cell('1/0')\n5")
    assert describe(get_last(demo)) == ("/outer", "Tool", "done", "5")
    demo.run("%%helicone_step /outer\nran = get_ipython().run_cell('7')\nkept = ran.result + 1")
    assert describe(get_last(demo)) == ("/outer", "Tool", "done", "8")


def test_steps_and_prompts_inside(demo: Shell) -> None:
    """What is traced in the cell is inside of it; a prompt stands where its path says and goes on as ever."""
    demo.run("%llm /first 'A topic'")
    demo.run(
        "%%helicone_step /agent\nsession = heliconemagic.session()\n"
        "with session.step('inner'): pass\nsession.ask('/answer', 'And now?')"
    )
    agent, inner, answer = get_steps(demo.variables["session"])[-3:]
    assert (inner.path, inner.parent_id) == ("/agent/inner", agent.id)
    assert len(answer.messages) == 3  # continues /first, not the step that it was asked in
    assert agent.text.startswith(answer.text[:20])
    demo.run("with session.step('after'): pass")
    assert get_last(demo).path == "/after"


def test_prompt_continues_the_last_prompt(demo: Shell) -> None:
    """A step is never what a prompt continues, and a template can name what it gave."""
    demo.run("%llm /abstract 'A course'")
    demo.run("%%helicone_step /retrieve\n'three tides'")
    demo.run("%%llm /answer\nUse {{ steps['/retrieve'].text }}")
    step = get_last(demo)
    assert step.prompt == "Use three tides"
    assert [message["role"] for message in step.messages] == ["user", "assistant", "user"]


def test_cell_again(demo: Shell) -> None:
    """It replaces its own earlier step, and nobody else's."""
    for _ in range(2):
        demo.run("%%helicone_step /load\n5")
    demo.run("%%helicone_step /load\n6")
    steps = get_steps(demo.run("heliconemagic.session()").value)
    assert [step.is_superseded for step in steps] == [True, False, False]


def test_show_brings_it_back(demo: Shell) -> None:
    """Input, output, error, kind and time, in all forms; the tree has its kind."""
    demo.run("%%helicone_step /retrieve --kind vector_db\nrows = ['<b>one</b>']")
    shown = demo.run("%helicone_session show /retrieve")
    for kind in ("text/html", "text/markdown", "text/plain"):
        assert "rows = [" in shown.text(kind) and "VectorDB" in shown.text(kind)
    assert "<b>one" not in shown.text("text/html")
    demo.run("%%helicone_step /retrieve/bad\n1/0")
    assert "ZeroDivisionError: division by zero" in demo.run("%helicone_session show /retrieve/bad").text()
    assert "VectorDB · done" in demo.run("%helicone_session show").text()


def test_journal_has_it_before_it_runs(demo: Shell, world: Path) -> None:
    """The code itself finds its step pending there."""
    demo.variables.update(Journal=Journal, folder=world)
    demo.run(
        "%%helicone_step /slow\njournal = Journal(folder)\n"
        "status = journal.load_session(heliconemagic.session().id)[1][-1].status.value\njournal.close()\nstatus"
    )
    assert get_last(demo).text == "pending"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "the step has no path.\n  hint: type %%helicone_step /retrieve"),
        ("retrieve", "did you mean /retrieve?"),
        ("/a b", "'b' cannot stand on the first line"),
        ("/a --kind vectordb", "did you mean vector_db?"),
        ("/a --kind llm", "type one of tool, vector_db, data"),
        ("/a --knd data", "did you mean `--kind`?"),
        ("/a --shape data", "%%helicone_step? lists its options"),
        ("/a -m gpt-4o", "-m is a cell's"),
        ("/a --budget 3", "--budget is the session's"),
        ("/a --input 1x", "takes names of variables"),
        ("/a --output a.b", "takes a variable's name"),
        ("/a --kind", "--kind needs a value.\n  hint: type --kind vector_db"),
    ],
)
def test_mistakes_on_the_line(line: str, message: str) -> None:
    """Each says what to type, and nothing has run."""
    with pytest.raises(InputError) as caught:
        parse_step_line(line)
    assert message in str(caught.value)


def test_options_of_a_step_elsewhere(demo: Shell) -> None:
    """A prompt has none of them, and says whose they are."""
    assert "--kind is a step's" in str(demo.run("%%llm /a --kind tool\nhi").error)
    assert parse_step_line("/a --name x --kind data") == StepCommand(path="/a", name="x", kind=StepKind.DATA)


def test_nothing_to_run(demo: Shell) -> None:
    """A step without code is refused, nested too."""
    assert "the step has no code" in str(demo.run("%%time\n%%helicone_step /a\n").error or demo.run("%tb").printed)
    assert "the step has no code" in str(demo.run("%%helicone_step /a\n\n").error)


def test_help(demo: Shell) -> None:
    """Asked for in both ways."""
    assert "--input NAME,…" in demo.run("%%helicone_step --help\n").text()
    assert "--input NAME,…" in demo.run("%%helicone_step?").printed


def test_completion() -> None:
    """Paths, options, kinds and variables."""
    known = {"paths": ["/retrieve"], "variables": ["docs", "question"]}
    assert [found.text for found in suggest("helicone_step", [], "/r", **known)] == ["/retrieve"]
    assert [found.text for found in suggest("helicone_step", ["/a", "--kind"], "", **known)] == [
        "tool", "vector_db", "data",
    ]  # fmt: skip
    assert [found.text for found in suggest("helicone_step", ["/a", "--input"], "d", **known)] == ["docs"]
    options = {found.text for found in suggest("helicone_step", ["/a"], "--", **known)}
    assert options == {"--kind", "--name", "--input", "--output", "--quiet", "--no-log", "--help", "--help-all"}


def test_source_becomes_code() -> None:
    """One line in place of the first, so that all lines keep their numbers; nested it is a magic call."""
    transform = build_step_transformer(is_nested=lambda: False)
    assert transform(["%%helicone_step /a\n", "x = 1\n"])[1:] == ["x = 1\n"]
    assert transform(["x = 1\n"]) == ["x = 1\n"]
    nested = build_step_transformer(is_nested=lambda: True)(["%%helicone_step /a\n", "x\n"])
    assert nested == ["get_ipython().run_cell_magic('helicone_step', '/a', 'x\\n')\n"]
    assert find_step_code("\n%%helicone_step /a\nx\n") == "x\n"


def test_unloading_takes_it_away(demo: Shell) -> None:
    """The magic is gone, and nothing of it stays."""
    demo.run("%unload_ext heliconemagic")
    assert "not found" in demo.run("%%helicone_step /a\n1").printed
    demo.run("%load_ext heliconemagic")


def test_show_is_drawn_once_for_a_cell(demo: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its end, with the step done: of a long session each picture takes a second."""
    demo.run("%helicone_session show")
    shown = demo.ip.display_pub.displays[-1]
    monkeypatch.setattr("heliconemagic.views.showing.MIN_SECONDS", 1_000.0)
    demo.run("%%helicone_step /load\nrows = [1]")
    assert ["/load" in bundle["text/plain"] for bundle in shown.bundles] == [False, True]
    assert "done" in shown.bundle["text/plain"]
