"""The lines of the magics: options, paths, prompts, verbs and what each mistake is told."""

import re
from typing import Any

import pytest

from heliconemagic.errors import InputError
from heliconemagic.lines.option_table import OPTIONS, VERBS, Magic, Scope, find_option, list_options
from heliconemagic.lines.options import (
    CellCommand,
    SessionCommand,
    build_help,
    build_option_table,
    build_verb_help,
    parse_cell_line,
    parse_session_line,
)
from heliconemagic.lines.reader import LineReader
from heliconemagic.lines.step_line import StepCommand
from heliconemagic.prompt.templates import TemplateMode
from heliconemagic.settings import Context, RequestOptions

COMMANDS = (RequestOptions, CellCommand, SessionCommand, StepCommand)
FIELDS_OF_COMMANDS = {name for command in COMMANDS for name in command.__slots__}


def parse_cell(line: str) -> CellCommand:
    """The first line of a cell."""
    return parse_cell_line(line, is_cell=True)


def parse_line(line: str) -> CellCommand:
    """The line form."""
    return parse_cell_line(line, is_cell=False)


def test_a_bare_line_says_nothing() -> None:
    """Every default stands in the command."""
    assert parse_cell("") == CellCommand()
    assert parse_session_line("  ") == SessionCommand()


def test_a_cell_line_may_say_everything() -> None:
    """Options of requests gather in ``options``, those of the cell on the command."""
    command = parse_cell(
        "/outline/lesson-1 -m gpt-4o-mini -s 'Be brief.' -t 0.3 -o max_tokens 50 -o stop=END --user ada -p team=blue"
        ' -p "unit=Sea Life" --cache 600 --retries 0 --timeout 2.5 --context path --gateway direct:http://localhost:1'
        " --out lesson --dry-run --raw --after /outline --no-stream --no-log -q"
    )
    assert command.options == RequestOptions(
        model="gpt-4o-mini", system="Be brief.", temperature=0.3, parameters={"max_tokens": 50, "stop": "END"},
        user="ada", properties={"team": "blue", "unit": "Sea Life"}, cache=600, retries=0, timeout=2.5,
        context=Context.PATH, gateway="direct:http://localhost:1",
    )  # fmt: skip
    assert command == CellCommand(
        path="/outline/lesson-1", options=command.options, out="lesson", is_dry_run=True, mode=TemplateMode.RAW,
        after="/outline", streams=False, is_logged=False, is_quiet=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "attributes"),
    [
        ("/a -c", {"path": "/a", "continues": True}),
        ("/a --fresh --live", {"path": "/a", "is_fresh": True, "is_live": True}),
        ("--jinja /a", {"path": "/a", "mode": TemplateMode.JINJA}),
        ("/quiz/{{ row.topic }} -q", {"path": "/quiz/{{ row.topic }}", "is_quiet": True}),
        ("'/my path'", {"path": "/my path"}),
        ("/O'Brien\r", {"path": "/O'Brien"}),
        ("/a --after {{ parent }}", {"path": "/a", "after": "{{ parent }}"}),
        ("/a --help --nonsense", {"path": "/a", "help": "short"}),
        ("--help-all", {"help": "all"}),
    ],
)
def test_first_lines_of_cells(line: str, attributes: dict[str, Any]) -> None:
    """Options stand before or after the path; nothing after ``--help`` is read."""
    assert parse_cell(line) == CellCommand(**attributes)


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("--cache", {"cache": 0}),
        ("--cache /a", {"cache": 0}),
        ("--cache=60", {"cache": 60}),
        ("-t=1 --model=a=b", {"temperature": 1.0, "model": "a=b"}),
        ("-s -", {"system": "-"}),
        ('-s "-m" -m "-s"', {"system": "-m", "model": "-s"}),
        ('--system="a b"', {"system": "a b"}),
        ("-s ''", {"system": ""}),
        ("--system=", {"system": ""}),
        (
            '-o response_format \'{"type": "json_object"}\'',
            {"parameters": {"response_format": {"type": "json_object"}}},
        ),
        ("-o logprobs True -o seed null -o x 007", {"parameters": {"logprobs": True, "seed": None, "x": "007"}}),
        ("-o stop=a=b", {"parameters": {"stop": "a=b"}}),
        ("-o top_p NaN", {"parameters": {"top_p": "NaN"}}),
        ("-o stop -Infinity", {"parameters": {"stop": "-Infinity"}}),
    ],
)
def test_values_are_typed(line: str, options: dict[str, Any]) -> None:
    """By option; a request parameter is JSON where it is JSON, else text."""
    assert parse_cell(line).options == RequestOptions(**options)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ('/p "text"', {"path": "/p", "text": "text"}),
        ('-q /p "a -m b" -c', {"path": "/p", "text": "a -m b", "is_quiet": True, "continues": True}),
        ("/p write  a poem ", {"path": "/p", "text": "write  a poem"}),
        ("abstract of it", {"text": "abstract of it"}),
        ('"/etc/passwd" is what', {"text": '"/etc/passwd" is what'}),
        ('"Hello", she said', {"text": '"Hello", she said'}),
        ('"Moby Dick" - a book', {"text": '"Moby Dick" - a book'}),
        ("'tis O'Brien's", {"text": "'tis O'Brien's"}),
        ("– 5 degrees", {"text": "– 5 degrees"}),
        ("—so what", {"text": "—so what"}),
        ("/p -- git commit -m", {"path": "/p", "text": "git commit -m"}),
        (r'"\frac{a}{b} \"x\""', {"text": r'\frac{a}{b} "x"'}),
        ('"{{ row["a b"] }}" -q', {"text": '{{ row["a b"] }}', "is_quiet": True}),
        ("-h", {"help": "short"}),
    ],
)
def test_the_line_form_holds_its_prompt(line: str, command: dict[str, Any]) -> None:
    """Quoted, or as all the rest of the line; options may follow only a quoted one."""
    assert parse_line(line) == CellCommand(**command)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("abstract", "'abstract' is not a path.*did you mean /abstract?"),
        ("/a Write it", "the prompt goes below the first line.*type %llm /a"),
        ("/a --modle x", "'--modle' is not an option of %llm.*did you mean `--model`?"),
        ("/a -model x", "did you mean `--model`?"),
        ("/a --no_stream", "did you mean `--no-stream`?"),
        ("/a -mgpt-4o", "did you mean `-m gpt-4o`?"),
        ("/a --user {{me}}", "--user takes what is sent as it stands.*not '{{me}}'"),
        ('/a -p "topic={{ topic }}"', "-p takes what is sent as it stands"),
        ("/a --max-tokens=100", "type -o max_tokens 100"),
        ("/a —model x", "'—model' begins with a typographic dash.*type --model"),
        ("/a –m x", "type -m"),
        ("/a -m", "-m needs a value.*type -m gpt-4o-mini"),
        ("/a -m -q", "-m needs a value"),
        ("/a -m ''", "-m needs a value"),
        ("/a -t warm", "-t takes a number from 0 to 2, not 'warm'"),
        ("/a -t -1", "from 0 to 2, not '-1'"),
        ("/a -t nan", "from 0 to 2"),
        ("/a --timeout 0", "--timeout takes a number of seconds above 0"),
        ("/a --retries 2.5", "--retries takes a whole number from 0 to 20"),
        ("/a --cache 3", "Helicone caches nothing below 60"),
        ("/a --cache=soon", "--cache takes whole seconds"),
        ("/a --context all", "takes one of auto, path, chat, none"),
        ("/a --user Zoë", 'type --user "Zoe"'),
        ("/a -p team", "-p takes key=value, not 'team'"),
        ("/a -p Session-Id=x", "imitates a header"),
        ("/a --out class", "--out takes a variable's name, not 'class'"),
        ("/a --after abstract", "--after takes a path"),
        ("/a --quiet=1", "--quiet takes no value"),
        ("/a -t 1 --temperature 1", "--temperature is given twice"),
        ("/a --raw --jinja", "--raw and --jinja contradict each other"),
        ("/a -c --fresh", "-c and --fresh contradict each other"),
        ("/a --after /b -c", "--after and -c contradict each other"),
        ("/a -o model x", "'model' cannot be set with -o.*type -m MODEL"),
        ("/a -o stream=false", "--no-stream"),
        ("/a -o messages []", "the prompt goes below"),
        ("/a -o max-tokens 5", "type -o max_tokens 5"),
        ("/a -o tools [1,", "the value of 'tools' is not valid JSON"),
        ("/a -o max_tokens 1e999", "the value of 'max_tokens' has a number that cannot be sent: '1e999'.*1.8e308"),
        ("/a -o logit_bias '{\"1\": NaN}'", "the value of 'logit_bias' has a number that cannot be sent"),
        ("/a -o seed", "-o needs a value"),
        ("/a -s “Be brief”", "-s has curly quotes"),
        ('/a -s "Be brief', "the quote at column 7 is never closed"),
        ("/a --budget 2", "--budget is the session's.*type %helicone_session --budget"),
    ],
)
def test_mistakes_on_a_cell_s_line_say_what_to_type(line: str, message: str) -> None:
    """Nothing is sent."""
    with pytest.raises(InputError) as caught:
        parse_cell(line)
    assert all(part in str(caught.value) for part in message.split(".*"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "there is no prompt"),
        ("/p -q", "there is no prompt"),
        ('/p "a" -q b', "'b' stands after the prompt"),
        ("/p write a poem -m gpt-4o", "'-m' stands inside the prompt"),
        ("/p write --fresh", "put options before the prompt, or the prompt in quotes"),
        ('"never closed', "the quote at column 1 is never closed"),
    ],
)
def test_mistakes_on_the_line_form_say_what_to_type(line: str, message: str) -> None:
    """An option is never sent as text unnoticed."""
    with pytest.raises(InputError, match=re.escape(message)):
        parse_line(line)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ('"Course Creation"', {"title": "Course Creation"}),
        ("Course --new", {"title": "Course", "is_new": True}),
        ("Trend", {"title": "Trend"}),
        ("'Übung 50%'", {"title": "Übung 50%"}),
        ("Course --resume", {"title": "Course", "resumes": True}),
        ("--id abc-1", {"id": "abc-1"}),
        ("--name shwo", {"name": "shwo"}),
        ("show", {"verb": "show"}),
        ('"show" /outline', {"verb": "show", "arguments": ("/outline",)}),
        ("sessions", {"verb": "list"}),
        ('resume "Course Creation" -m x', {"verb": "resume", "arguments": ("Course Creation",),
                                           "options": RequestOptions(model="x")}),
        ("models --gateway oai", {"verb": "models", "options": RequestOptions(gateway="oai")}),
        ("Course --budget $2.50", {"title": "Course", "options": RequestOptions(budget=2.5)}),
        ("--help", {"help": "short"}),
        ("show --help", {"verb": "show", "help": "short"}),
    ],
)  # fmt: skip
def test_session_lines(line: str, command: dict[str, Any]) -> None:
    """A first word that is a verb is the verb, quoted or not; any other names a session."""
    assert parse_session_line(line) == SessionCommand(**command)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("shwo", "did you mean `show`? For a name: --name shwo"),
        ("Lst", "did you mean `list`?"),
        ("Show", "did you mean `show`?"),
        ("shwo /outline", "did you mean `show`?"),
        ("Course Creation", 'put it in quotes: %helicone_session "Course Creation"'),
        ("“Course Creation”", 'put it in quotes: %helicone_session "Course Creation"'),
        ("“Course”", 'type straight ones: %helicone_session "Course"'),
        ("/abstract", "type %helicone_session show /abstract"),
        ("''", "the session's name is empty"),
        ("Course --new --resume", "--new and --resume contradict each other"),
        ("--id x --new", "--id and --new contradict each other"),
        ("show outline", "type %helicone_session show /outline"),
        ("show /a /b", "`show` takes only [/PATH], not '/a /b'"),
        ("end now", "`end` takes nothing after it, not 'now'"),
        ("resume My course", '%helicone_session resume "My course"'),
        ("end -m x", "`end` takes no -m"),
        ("doctor --new", "`doctor` takes no --new"),
        ("Course --out x", "--out is a cell's"),
        ("Course --nam x", "did you mean `--name`?"),
        ('"{{ topic }}"', "a session's name is sent as it stands, and '{{ topic }}' has {{"),
        ("Course --budget 0", "--budget takes an amount in USD above 0"),
        ("--id 'a b\u00e9'", "the session id 'a b\u00e9' has characters outside ASCII"),
    ],
)
def test_mistakes_on_a_session_line_say_what_to_type(line: str, message: str) -> None:
    """No session is opened, changed or ended."""
    with pytest.raises(InputError) as caught:
        parse_session_line(line)
    assert message in str(caught.value)


@pytest.mark.parametrize("magic", ["llm", "helicone_session", "helicone_step"])
def test_help_fits_one_screen_and_all_of_it_lists_every_option(magic: Magic) -> None:
    """24 lines of 100 columns for the everyday form, with examples first."""
    short, everything = build_help(magic, everything=False), build_help(magic, everything=True)
    assert len(short.splitlines()) <= 24
    assert all(find_option(name) for name in re.findall(r"(?<![\w-])--?[a-z]+", short.partition("besides:")[2]))
    assert max(map(len, [*short.splitlines(), *everything.splitlines()])) <= 100
    for usage, _ in build_option_table(magic):
        assert f"\n  {usage} " in everything
    for option in list_options(Scope.of(magic)):
        assert (f"\n  {option.usage} " in short) == option.is_everyday


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_is_in_the_help_and_works_as_typed_there(verb: Any) -> None:
    """The name alone is always enough."""
    assert f"\n  {verb.usage} " in build_help("helicone_session", everything=True)
    assert (f"\n  {verb.usage} " in build_help("helicone_session", everything=False)) == verb.is_everyday
    assert parse_session_line(verb.name) == SessionCommand(verb=verb.name)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_has_a_help_of_its_own(verb: Any) -> None:
    """How it is typed, what it does, and the options that it takes."""
    text = build_verb_help(verb)
    assert text.startswith(f"%helicone_session {verb.usage}") and verb.help in text
    assert all(f"\n  {option.usage} " in text for option in verb.own_options)
    assert parse_session_line(f"{verb.name} --help") == SessionCommand(verb=verb.name, help="short")


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.names[-1])
def test_every_option_is_read_with_the_example_its_hints_give(option: Any) -> None:
    """By each of its names, in each of its places; and it fills an attribute that exists."""
    assert option.field in FIELDS_OF_COMMANDS
    for magic in ("llm", "helicone_session", "helicone_step"):
        for name in option.names if option.scope & Scope.of(magic) else ():
            reader = LineReader(f"{name} {option.example if option.metavar else ''}", magic, is_prose=False)
            assert reader.read_word() is None
            assert list(reader.spellings) == [option.field]
