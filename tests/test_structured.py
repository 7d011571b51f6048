"""Cells that ask for a form of their answer: --schema, --json, -x, --to-cell."""

from __future__ import annotations

import io
import sys

import pytest
from fake_helicone import HELICONE_KEY, PROVIDER_KEY, FakeHelicone
from shells import Shell

from heliconemagic.errors import InputError, InvalidAnswerError
from heliconemagic.fences import Fence
from heliconemagic.gateways.failures import Refusal
from heliconemagic.redaction import Redactor
from heliconemagic.render.new_cell import build_cell_source

REPLY = "application/vnd.heliconemagic.reply.v1+json"
CLASSES = """
from pydantic import BaseModel, field_validator
class Lesson(BaseModel):
    title: str
    minutes: int
class Course(BaseModel):
    title: str
    lessons: list[Lesson]
class Long(Course):
    minutes: int
    @field_validator("minutes")
    @classmethod
    def check(cls, value):
        if value < 1_000:
            raise ValueError("too short")
        return value
"""


class Terminal(io.StringIO):
    """Somebody sits there."""

    def isatty(self) -> bool:
        """A terminal."""
        return True


@pytest.fixture
def demo(shell: Shell) -> Shell:
    """A shell with a session on the demo gateway, and classes."""
    shell.run('%helicone_session "Course Creation" --gateway demo -m demo-fast')
    shell.run(CLASSES)
    return shell


def test_the_reply_has_the_object(demo: Shell) -> None:
    """An instance of the notebook's class, in the reply, in templates and in a kept variable."""
    demo.run("%%llm /course --schema Course --out course\nA course on light.")
    course = demo.variables["course"].parsed
    assert type(course) is demo.variables["Course"] and course is demo.variables["course"].parsed
    ran = demo.run('%%llm /next\n{{ steps["/course"].parsed.lessons[0].title }}')
    assert ran.displays[-1].bundle[REPLY]["messages"][-1]["content"] == course.lessons[0].title


def test_the_card_shows_the_object(demo: Shell) -> None:
    """As tables; the JSON is folded."""
    bundle = demo.run('%%llm /plan --schema "title, lessons: [{name, minutes int}]"\nPlan.').displays[-1].bundle
    assert '<th>name</th><th align="right">minutes</th>' in bundle["text/html"]
    assert "<summary>JSON</summary>" in bundle["text/html"]
    assert "- **lessons:**" in bundle["text/markdown"] and '{"' not in bundle["text/plain"]


def test_what_does_not_fit_fails_the_cell_and_is_kept(demo: Shell) -> None:
    """The error names the field; reply, card and journal have the text; the step is done, for it was paid."""
    ran = demo.run("%%llm /long --schema Long --out long\nA course.")
    assert isinstance(ran.error, InvalidAnswerError) and "minutes is refused (too short)" in str(ran.error)
    assert "⚠ is refused (too short)" in ran.displays[-1].bundle["text/html"]
    assert '"minutes"' in demo.variables["long"].text
    assert ran.displays[-1].bundle[REPLY]["status"] == "done"
    with pytest.raises(InvalidAnswerError):
        _ = demo.variables["long"].parsed


def test_card_of_what_does_not_fit_looks_like_a_failure(demo: Shell) -> None:
    """In every form, at the cell's end and brought back; the tree says how the request went."""
    cards = [demo.run(cell) for cell in ("%%llm /long --schema Long\nA course.", "%helicone_session show /long")]
    for bundle in (card.displays[-1].bundle for card in cards):
        assert 'hm-dot-failed">' in bundle["text/html"] and "hm-dot-done" not in bundle["text/html"]
        for form in ("text/html", "text/markdown", "text/plain"):
            assert "not what was asked for" in bundle[form] and "minutes" in bundle[form]
    assert "done" in demo.run("%helicone_session show").text() and demo.run("%%llm /ok\nHi.").error is None
    assert "not what was asked for" not in demo.run("%helicone_session show /ok").text()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--schema Course -m demo-length", "was cut off at the token limit"),
        ("--schema Course -m demo-empty", "is empty"),
        ("-x", "has no fenced block"),
    ],
)
def test_why_an_answer_is_not_what_was_asked_for(demo: Shell, line: str, told: str) -> None:
    """Said in words, not as a parser's error."""
    ran = demo.run(f"%%llm /a {line}\nHello")
    assert isinstance(ran.error, InvalidAnswerError) and told in str(ran.error)


def test_json_of_any_shape(demo: Shell) -> None:
    """--json gives what the model likes."""
    demo.run("%%llm /j --json --out answer\nTell it as JSON.")
    assert demo.variables["answer"].parsed["is_demo"] is True


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--schema Course --json", "contradict each other"),
        ("--schema Course -o response_format {}", "say the same thing twice"),
        ("--json -x", "asks for JSON and -x for code"),
        ("--schema Course --to-cell", "asks for JSON and --to-cell for code"),
        ("--to-cell --bg", "doesn't wait"),
        ("--schema", "needs a value"),
    ],
)
def test_contradictions_are_refused(demo: Shell, line: str, told: str) -> None:
    """Before anything is sent."""
    ran = demo.run(f"%%llm /a {line}\nHello")
    assert isinstance(ran.error, InputError) and told in str(ran.error)


def test_code_goes_into_a_new_cell(demo: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below a comment that says where it is from; nothing runs it, and where nobody sits there is none."""
    demo.run("%%llm /code --to-cell\nWrite python code.")
    assert getattr(demo.ip, "rl_next_input", None) is None
    monkeypatch.setattr(sys, "stdin", Terminal())
    demo.run("%%llm /code --to-cell --out answer\nWrite python code.")
    source = demo.ip.rl_next_input
    assert source.startswith("# from /code, by demo-fast; not run\n")
    assert demo.variables["answer"].code.strip() in source


def test_json_has_to_be_asked_for_in_words(demo: Shell) -> None:
    """OpenAI refuses the request otherwise, and other models write blanks without end."""
    ran = demo.run("%%llm /a --json\nHello")
    assert isinstance(ran.error, InputError) and "the word JSON" in str(ran.error)


def test_extracted_code_is_told(demo: Shell) -> None:
    """The card says what the reply's .code is."""
    ran = demo.run("%%llm /code -x\nWrite python code.")
    assert "lines of python in the reply" in ran.displays[-1].bundle["text/plain"]


def test_names_of_classes_are_completed(demo: Shell) -> None:
    """Of the notebook's, not of everything in it."""
    found = demo.ip.magics_manager.registry["HeliconeMagic"]._find_workbench().suggest("llm", ["/a", "--schema"], "")
    assert [suggestion.text for suggestion in found] == ["Lesson", "Course", "Long"]


def test_python_hands_classes_over(demo: Shell) -> None:
    """As they are; what belongs to cells is refused."""
    demo.run("import heliconemagic\nsession = heliconemagic.session()")
    demo.run("reply = session.ask('/py', 'A course on light.', schema=list[Lesson])")
    assert [type(lesson).__name__ for lesson in demo.variables["reply"].parsed] == ["Lesson"] * 3
    ran = demo.run("session.ask('/py', 'Code, please.', to_cell=True)")
    assert isinstance(ran.error, InputError) and ".code" in str(ran.error)


def test_a_later_kernel_has_plain_data(demo: Shell) -> None:
    """The journal keeps the schema, not the class: the object is checked, and made of dicts."""
    demo.run("%%llm /course --schema Course\nA course on light.")
    demo.run("%unload_ext heliconemagic")
    demo.run("%load_ext heliconemagic")
    demo.run('%helicone_session "Course Creation" --gateway demo -m demo-fast --resume')
    ran = demo.run("%helicone_session show /course")
    assert "<th>minutes</th>" in ran.displays[-1].bundle["text/html"].replace(' align="right"', "")
    ran = demo.run('%%llm /next\n{{ steps["/course"].parsed["lessons"][0]["minutes"] }}')
    assert ran.displays[-1].bundle[REPLY]["messages"][-1]["content"] == "45"


def test_a_resumed_cell_has_instances_again(demo: Shell) -> None:
    """Its line names the class; nothing is sent."""
    demo.run("%%llm /one --schema Lesson\nA lesson on light.")
    demo.run("%unload_ext heliconemagic")
    demo.run("%load_ext heliconemagic")
    demo.run('%helicone_session "Course Creation" --gateway demo -m demo-fast --resume')
    ran = demo.run("%%llm /one --schema Lesson --out lesson\nA lesson on light.")
    assert (
        "nothing was sent" in ran.displays[-1].bundle["text/plain"] or "kept" in ran.displays[-1].bundle["text/plain"]
    )
    assert type(demo.variables["lesson"].parsed) is demo.variables["Lesson"]


def test_an_answer_that_does_not_fit_is_not_kept(demo: Shell) -> None:
    """--keep asks again for what the cell could not use."""
    demo.run("%%llm /long --schema Long --keep\nA course.")
    ran = demo.run("%%llm /long --schema Long --keep\nA course.")
    assert isinstance(ran.error, InvalidAnswerError)
    assert "asked again" in ran.displays[-1].bundle["text/plain"]


@pytest.mark.parametrize(
    ("fence", "source"),
    [
        (Fence("python", "x = 1\n"), "# from /a, by m; not run\nx = 1"),
        (Fence("", "x = 1"), "# from /a, by m; not run\nx = 1"),
        (Fence("sql", "select 1\n"), "# from /a, by m; not run: sql, not Python\nselect 1"),
        (Fence("python", "a\u202e = 1\x1b[2J"), "# from /a, by m; not run\na = 1[2J"),
    ],
)
def test_source_of_a_new_cell(fence: Fence, source: str) -> None:
    """It says whose it is, and holds nothing that isn't seen."""
    assert build_cell_source(fence, path="/a", model="m") == source


def test_a_model_cannot_write_beyond_its_comment() -> None:
    """A name with line ends stays on one line."""
    source = build_cell_source(Fence("py\nimport os", "x"), path="/a\n!ls", model="m\r\n%run x\u2028y")
    assert source.count("\n") == 1 and source.startswith("# from /a !ls, by m")


@pytest.fixture
def online(shell: Shell, helicone: FakeHelicone, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell with a session on a self-hosted Helicone: the fake."""
    monkeypatch.setenv("OPENAI_API_KEY", PROVIDER_KEY)
    monkeypatch.setenv("HELICONE_API_KEY", HELICONE_KEY)
    shell.run(f'%helicone_session "Course Creation" --gateway {helicone.url}')
    return shell


def test_strict_schema_goes_over_the_wire(online: Shell, helicone: FakeHelicone) -> None:
    """As OpenAI wants it; an answer in prose fails the cell and is kept."""
    ran = online.run('%%llm /plan --schema "title, minutes int?" --out plan\nHello')
    assert isinstance(ran.error, InvalidAnswerError) and "is not JSON" in str(ran.error)
    assert online.variables["plan"].text
    wanted = helicone.completions[-1].json["response_format"]
    assert wanted["json_schema"] == {
        "name": "answer",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"title": {"type": "string"}, "minutes": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
            "required": ["title", "minutes"],
            "additionalProperties": False,
        },
    }


def test_a_refusal_is_told_as_one(online: Shell) -> None:
    """Not as missing JSON."""
    ran = online.run("%%llm /plan --schema 'title str' -m refusal\nHello")
    assert isinstance(ran.error, InvalidAnswerError)
    assert 'is a refusal: "I can\'t help with that."' in str(ran.error)


def test_json_object_goes_over_the_wire(online: Shell, helicone: FakeHelicone) -> None:
    """And -o response_format stays as it is typed: nothing is checked for it."""
    online.run("%%llm /plan --json\nHello in JSON")
    assert helicone.completions[-1].json["response_format"] == {"type": "json_object"}
    ran = online.run('%%llm /plan -o response_format \'{"type": "json_object"}\'\nHello')
    assert ran.error is None


def test_a_gateway_without_schemas_is_understood() -> None:
    """The hint says what else there is."""
    body = '{"error": {"message": "Invalid parameter: \'response_format\' of type \'json_schema\' is not supported"}}'
    told = Refusal(400, body, {}).explain(gateway="g", model="m", key_variables="no key", redactor=Redactor(()))
    assert "choose another with -m" in str(told) and "is not supported" in str(told)
