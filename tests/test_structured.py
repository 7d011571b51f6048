"""Cells that ask for a form of their answer: --schema, --json, -x, --to-cell."""

from __future__ import annotations

import pytest
from shells import Shell

from heliconemagic.errors import InputError, InvalidAnswerError

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


def test_code_goes_into_a_new_cell(demo: Shell) -> None:
    """Below a comment that says where it is from; nothing runs it."""
    demo.run("%%llm /code --to-cell --out answer\nWrite python code.")
    source = demo.ip.rl_next_input
    assert source.startswith("# from /code, by demo-fast; not run\n")
    assert demo.variables["answer"].code.strip() in source
