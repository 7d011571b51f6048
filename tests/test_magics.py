"""The magics in a shell: what a person types, what they get, what is left behind."""

from __future__ import annotations

import getpass
import io
import re
import sys
import threading
import warnings
from pathlib import Path

import pytest
from fake_helicone import HELICONE_KEY, PROVIDER_KEY, FakeHelicone
from shells import Shell

from heliconemagic import extension
from heliconemagic.errors import BudgetError, CredentialError, InputError, TemplateError

REPLY = "application/vnd.heliconemagic.reply.v1+json"
FAST = "-m demo-fast"


@pytest.fixture
def demo(shell: Shell) -> Shell:
    """A shell with a session on the demo gateway."""
    shell.run(f'%helicone_session "Course Creation" --gateway demo {FAST}')
    return shell


@pytest.fixture
def online(shell: Shell, helicone: FakeHelicone, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell with a session on a self-hosted Helicone: the fake."""
    monkeypatch.setenv("OPENAI_API_KEY", PROVIDER_KEY)
    monkeypatch.setenv("HELICONE_API_KEY", HELICONE_KEY)
    shell.run(f'%helicone_session "Course Creation" --gateway {helicone.url}')
    return shell


def get_names(shell: Shell) -> dict[str, object]:
    """The user's variables."""
    return shell.variables


def test_course_runs_as_in_the_readme(demo: Shell) -> None:
    """Three cells, three cards; each ends in all the forms a notebook can keep."""
    for cell in ("/abstract\nGenerate an abstract.", "/outline\nNow an outline.", "/outline/lesson-1\nWrite it."):
        ran = demo.run("%%llm " + cell)
    bundle = ran.displays[-1].bundle
    assert set(bundle) == {"text/html", "text/markdown", "text/plain", REPLY}
    assert "after /outline" in bundle["text/html"]
    assert bundle[REPLY]["path"] == "/outline/lesson-1"


def test_reply_is_the_result_and_shows_once(demo: Shell) -> None:
    """It is _ after the cell; asked for in a later cell it shows again."""
    ran = demo.run("%%llm /abstract\nhi")
    assert len(ran.displays) == 1
    assert not ran.results
    assert demo.run("_.path").results[0]["text/plain"] == "'/abstract'"
    assert "text/html" in demo.run("Out[min(Out)]").results[0]


def test_line_form_gives_the_reply(demo: Shell) -> None:
    """It shows once, whether or not its value is used; -q shows nothing."""
    assert len(demo.run('r = %llm /x "what is this?"').displays) == 1
    assert get_names(demo)["r"].path == "/x"  # type: ignore[attr-defined]
    assert not demo.run('q = %llm -q /y "and this?"').displays
    assert "text/html" in demo.run("q").results[0]


def test_template_that_names_no_answer(demo: Shell) -> None:
    """It is told in words of the session: where there are answers, or how there will be one."""
    missing = demo.run("%%llm /x\n{{ steps['/plan'].text }}").error
    assert "no step at '/plan' has an answer.\n  hint: run the cell of that path first" in str(missing)
    demo.run("%%llm /abstract\nhi")
    told = [str(demo.run(f"%%llm /x\n{{{{ steps['{path}'].text }}}}").error) for path in ("/abstrat", "/zzz")]
    assert "hint: did you mean '/abstract'?" in told[0] and "hint: there are answers at '/abstract'" in told[1]


def test_dry_run_counts_in_words(demo: Shell) -> None:
    """One message is no messages."""
    assert " tokens in 1 message · free" in demo.run("%%llm /x --dry-run\nhi there").text()


def test_out_names_the_reply(demo: Shell) -> None:
    """As well as _."""
    demo.run("%%llm /abstract --out abstract\nhi")
    assert "Demo text" in str(get_names(demo)["abstract"])


def test_variables_fill_the_prompt(online: Shell, helicone: FakeHelicone) -> None:
    """And the path; everything else arrives byte for byte."""
    online.run("topic = 'bees'; row = {'n': 3}")
    online.run('%%llm /quiz/{{ row.n }}\nOn {{ topic }}: {"a": [1]} $x$ \\frac{a}{b}')
    request = helicone.completions[0]
    assert request.header("helicone-session-path") == "/quiz/3"
    assert request.json["messages"][0]["content"] == 'On bees: {"a": [1]} $x$ \\frac{a}{b}'


@pytest.mark.parametrize(
    "prompt", [">>> 1 + 1\n2", "In [1]: x", "a\r\nb", "\\frac{{a}}{{b}}", "${{ github.ref }}", "'''\\",
     "a {% if %} {# #}", "?x", "!ls", "%time"],
)  # fmt: skip
def test_raw_prompts_arrive_byte_for_byte(online: Shell, helicone: FakeHelicone, prompt: str) -> None:
    """Whatever they look like to IPython, to a template or to a shell."""
    online.run(f"%%llm /x --raw\n{prompt}\n")
    assert helicone.completions[0].json["messages"][0]["content"] == prompt


def test_last_error_is_at_hand_and_redacted(online: Shell, helicone: FakeHelicone) -> None:
    """{{ last_error }} is the traceback, without anything that looks like a key."""
    online.run("raise ValueError('sk-proj-fakefakefakefakefake')")
    online.run("%%llm /why\nExplain: {{ last_error }}")
    sent = helicone.completions[0].json["messages"][0]["content"]
    assert "ValueError" in sent
    assert "fakefake" not in sent


def test_last_error_of_our_own_is_what_was_shown(online: Shell, helicone: FakeHelicone) -> None:
    """Not the inside of this package."""
    online.run("%%llm /x\n{{ nothing }}")
    online.run("%%llm /why\nExplain: {{ last_error }}")
    sent = helicone.completions[0].json["messages"][0]["content"]
    assert sent.startswith("Explain: TemplateError: '{{ nothing }}' (line 1) cannot be filled")
    assert "Traceback" not in sent


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("%%llm /x\n{{ nothing }}", TemplateError),
        ("%%llm nopath\nhi", InputError),
        ("%%llm /x --tempature 1\nhi", InputError),
        ("%%llm /x\n   ", InputError),
        ("%helicone_session shwo", InputError),
        ("%helicone_session pick", InputError),
        ("%helicone_session forget", InputError),
        ('%helicone_session "Übung"', InputError),
        ("%helicone_session X --gateway https://api.openai.com/v1", InputError),
        ("%helicone_session X --gateway oai", CredentialError),
    ],
)
def test_mistakes_fail_the_cell_with_a_hint(demo: Shell, cell: str, kind: type[Exception]) -> None:
    """A short error, and nothing on the page that looks like success."""
    ran = demo.run(cell)
    assert isinstance(ran.error, kind)
    assert "hint: " in str(ran.error)
    assert not ran.displays


def test_error_renders_without_frames(demo: Shell) -> None:
    """Its name, the message, the hint: nothing of our insides."""
    ran = demo.run("%%llm /x\n{{ nothing }}")
    assert ran.error is not None
    lines = ran.error._render_traceback_()  # type: ignore[attr-defined]
    assert lines[0].startswith("TemplateError: ")
    assert not any("File" in line for line in lines)


def test_dry_run_shows_the_request_and_sends_nothing(online: Shell, helicone: FakeHelicone) -> None:
    """Its exact body, its headers, its estimated cost; no secrets."""
    ran = online.run("%%llm /x --dry-run -t 0.5\nhello there")
    shown = ran.displays[-1].bundle["text/plain"]
    assert '"temperature": 0.5' in shown
    assert "Helicone-Session-Path: /x" in shown
    assert "Bearer {OPENAI_API_KEY}" in shown
    assert "est." in shown
    assert not helicone.requests


def test_dry_run_shows_the_whole_address(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Azure's version, without which the same request by hand is refused."""
    azure = {"API_KEY": "fake", "ENDPOINT": "https://mine.openai.azure.com", "DEPLOYMENT": "dep"}
    for name, value in {f"AZURE_OPENAI_{name}": value for name, value in azure.items()}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")
    monkeypatch.setenv("HELICONE_API_KEY", HELICONE_KEY)
    shown = shell.run("%%llm /x --gateway azure --dry-run\nhi").text()
    assert "/deployments/dep/chat/completions?api-version=2024-10-21\n" in shown


def test_show_is_updated_by_later_steps(demo: Shell) -> None:
    """In place, without being run again."""
    demo.run("%%llm /abstract\nhi")
    shown = demo.run("%helicone_session show").displays[0]
    demo.run("%%llm /outline\nhi")
    assert "/outline" not in shown.bundles[0]["text/plain"]
    assert "/outline" in shown.bundle["text/plain"]


def test_table_and_folder_grow_too(demo: Shell) -> None:
    """A row for each step; only what is below the path."""
    demo.run("%%llm /part/one -m demo-fast\nhi")
    table = demo.run("%helicone_session show --table").displays[0]
    folder = demo.run("%helicone_session show /part").displays[0]
    card = demo.run("%helicone_session show /part/one").displays[0]  # takes the folder's place for no update
    demo.run("%%llm /part/two -m demo-fast\nhi")
    demo.run("%%llm /elsewhere -m demo-fast\nhi")
    assert [len(table.bundles), len(card.bundles)] == [1, 1] and "until first token" in table.bundle["text/plain"]
    assert "/part/two" in folder.bundle["text/plain"] and "/elsewhere" not in folder.bundle["text/plain"]


def test_table_of_a_folder(demo: Shell) -> None:
    """Also of a single step; what isn't there is an error that names what is."""
    demo.run("%%llm /part/one -m demo-fast\nhi")
    shown = demo.run("%helicone_session show /part/one --table").displays[0].bundle
    assert len(shown["text/plain"].splitlines()) == 3 and "| /part/one |" in shown["text/markdown"]
    error = str(demo.run("%helicone_session show /other --table").error)
    assert "no step at '/other'" in error and "/part/one" in error


def test_slash_at_the_end_asks_for_the_folder(demo: Shell) -> None:
    """Where a step stands at the path as well, which is what comes without it."""
    demo.run("%%llm /part -m demo-fast\nhi")
    demo.run("%%llm /part/one -m demo-fast\nhi")
    assert "Course Creation /part · 2 steps" in demo.run("%helicone_session show /part/").text()
    assert "· 2 steps" not in demo.run("%helicone_session show /part").text().partition("\n")[0]


def test_show_brings_an_answer_back(demo: Shell) -> None:
    """As it stood, by its path; an unknown one names those there are."""
    demo.run("%%llm /abstract\nhi")
    shown = demo.run("%helicone_session show /abstract").displays[0].bundle
    assert "Demo text" in shown["text/markdown"]
    assert "not a language model" in shown["text/plain"].splitlines()[-1]  # what answered is said again
    assert "/abstract" in str(demo.run("%helicone_session show /nowhere").error)


def test_session_line_says_what_answers(shell: Shell) -> None:
    """The demo is announced as what it is."""
    shown = shell.run('%helicone_session "Course" --gateway demo').displays[0].bundle["text/plain"]
    assert "demo" in shown
    assert "not a language model" in shown


def test_without_keys_and_without_a_person_nothing_is_substituted(shell: Shell) -> None:
    """Under nbclient or in a script the cell fails and offers the demo."""
    ran = shell.run("%%llm /x\nhi")
    assert isinstance(ran.error, CredentialError)
    assert "--gateway demo" in str(ran.error)


def test_another_name_ends_the_session_and_says_so(demo: Shell) -> None:
    """One session object for the whole notebook."""
    demo.run("%%llm /a\nhi")
    assert (
        "ended 'Course Creation' (1 step)"
        in demo.run('%helicone_session "B" --gateway demo').displays[0].bundle["text/plain"]
    )


def test_resume_where_something_ran_says_how_to_go_back(demo: Shell) -> None:
    """The session is kept, and the earlier one named; --new doesn't advise what it was told not to do."""
    line = f'%helicone_session "Course Creation" --gateway demo {FAST}'
    demo.run("%%llm /abstract\nhi")
    assert "--resume" not in demo.run(f"{line} --new").text()
    demo.run("%%llm /abstract\nhi")
    said = demo.run(f"{line} --resume").text()
    assert "same session" in said
    assert "%helicone_session resume " in said
    assert "same session" not in demo.run("%helicone_session resume").text()


def test_what_no_resume_would_do_is_not_advised(demo: Shell) -> None:
    """An ended session without steps is not what `resume` finds, and --id contradicts --resume."""
    line = '%helicone_session "Course Creation" --gateway demo'
    assert "resume" not in demo.run("%helicone_session end").text()
    demo.run(line)
    demo.run("%%llm /abstract -m demo-fast\nhi")
    assert "resume" in demo.run("%helicone_session end").text()
    assert "--resume" in demo.run(line).text()
    assert "--resume" not in demo.run(f"{line} --id 123").text()


def test_login_where_nobody_can_type_is_a_short_error(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under nbclient, papermill, or a script whose input is closed."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with warnings.catch_warnings(action="ignore", category=getpass.GetPassWarning):
        ran = shell.run("%helicone_session login")
    assert isinstance(ran.error, InputError)
    assert ".env" in ran.printed


def test_login_asks_for_no_key_that_nobody_uses(shell: Shell) -> None:
    """It says so, and doesn't advise to use what was not given."""
    said = shell.run("%helicone_session login --gateway demo").text()
    assert "the gateway 'demo' uses no key" in said and "run the session line" not in said


def test_properties_that_no_cell_could_send_open_no_session(shell: Shell) -> None:
    """The line is refused, and not each of its cells."""
    ran = shell.run('%helicone_session "Course" --gateway demo -p team=blue -p Team=red')
    assert isinstance(ran.error, InputError)
    assert "differ only in case" in ran.printed
    assert "no session is open" in shell.run("%helicone_session").text()


def test_forget_never_guesses_between_namesakes(demo: Shell) -> None:
    """A name that several sessions bear is refused, with their ids; an id is taken."""
    demo.run(f'%helicone_session "Course Creation" --gateway demo {FAST} --new')
    ran = demo.run('%helicone_session forget "Course Creation"')
    assert isinstance(ran.error, InputError)
    assert "2 sessions are called 'Course Creation'" in ran.printed
    one = re.findall(r"([0-9a-f]{8}) \(", ran.printed)[0]
    assert demo.run(f"%helicone_session forget {one}").error is None
    assert demo.run('%helicone_session forget "Course Creation"').error is None


def test_key_cannot_name_a_session(online: Shell) -> None:
    """Neither shown nor recorded: the line is refused before anything is changed."""
    for line in (
        f"{HELICONE_KEY}",
        f'"a {PROVIDER_KEY}"',
        f'"Course" --id {PROVIDER_KEY}',
        f'"é" --name {PROVIDER_KEY}',
    ):
        ran = online.run(f"%helicone_session {line}")
        assert isinstance(ran.error, InputError)
        assert PROVIDER_KEY not in ran.printed
        assert HELICONE_KEY not in ran.printed
    assert "Course Creation" in online.run("%helicone_session").text()


def test_bare_session_line_shows_the_session_or_how_to_start(shell: Shell) -> None:
    """Never an error."""
    assert "no session" in shell.run("%helicone_session").displays[0].bundle["text/plain"]
    shell.run('%helicone_session "Course" --gateway demo')
    assert "Course" in shell.run("%helicone_session").displays[0].bundle["text/plain"]


def test_list_and_sessions_are_the_same_word(demo: Shell) -> None:
    """The journal's sessions, newest first."""
    demo.run("%%llm /a\nhi")
    shown = [demo.run(f"%helicone_session {word}").displays[0].bundle["text/plain"] for word in ("list", "sessions")]
    assert shown[0] == shown[1]
    assert "Course Creation" in shown[0]


def test_doctor_tells_of_keys_without_showing_them(online: Shell) -> None:
    """Which are set, from where, whether their shape is right; what is known about logging."""
    shown = str(online.run("%helicone_session doctor").displays[0].bundle)
    assert "from the environment" in shown
    assert "unproven" in shown
    assert "can be written" in shown
    assert PROVIDER_KEY not in shown
    assert HELICONE_KEY not in shown


def test_doctor_gives_the_demo_no_address(demo: Shell) -> None:
    """It answers in the process; there is nothing to be reached."""
    assert "demo in this process: as asked for" in demo.run("%helicone_session doctor").text()


def test_models_lists_the_gateways(online: Shell) -> None:
    """Of the session's gateway."""
    assert "gpt-4o-mini" in online.run("%helicone_session models").displays[0].bundle["text/plain"]


def test_budget_error_names_the_figures(online: Shell, helicone: FakeHelicone) -> None:
    """And nothing is sent."""
    online.run(f'%helicone_session "Course Creation" --gateway {helicone.url} --budget 0.0000001')
    ran = online.run("%%llm /x -m gpt-4o\nhello")
    assert isinstance(ran.error, BudgetError)
    assert not helicone.requests


@pytest.mark.parametrize("line", ["%%llm --help", "%%llm -h\n", "%llm --help", "%helicone_session --help"])
def test_help_fits_one_screen(shell: Shell, line: str) -> None:
    """Everyday options with examples; --help-all tells the rest."""
    text = shell.run(line).displays[0].bundle["text/plain"]
    assert len(text.splitlines()) <= 24
    everything = (
        shell.run(line.replace("--help", "--help-all").replace("-h\n", "--help-all\n")).displays[0].bundle["text/plain"]
    )
    assert len(everything) > len(text)


def test_traits_set_the_defaults(shell: Shell) -> None:
    """%config HeliconeMagic.model and its like."""
    shell.run("%config HeliconeMagic.gateway = 'demo'")
    shell.run("%config HeliconeMagic.model = 'demo-fast'")
    assert "demo-fast" in shell.run("%%llm /x\nhi").displays[-1].bundle["text/plain"]


@pytest.mark.parametrize(
    ("assigned", "told"),
    [
        ("context = 'bogus'", "expected any of ['auto', 'path', 'chat', 'none']"),
        ("display = 'bogus'", "expected any of ['auto', 'widget', 'static', 'text']"),
        ("temperature = 9", "HeliconeMagic.temperature takes a number from 0 to 2, not 9.0"),
        ("temperature = float('nan')", "takes a number from 0 to 2, not nan"),
        ("retries = 99", "HeliconeMagic.retries takes a whole number from 0 to 20, not 99"),
        ("timeout = 0", "HeliconeMagic.timeout takes a number of seconds above 0, not 0.0"),
    ],
)
def test_wrong_default_is_refused_and_reloading_works(
    shell: Shell, caplog: pytest.LogCaptureFixture, assigned: str, told: str
) -> None:
    """With what may stand there; the shell keeps what was refused, but the extension does without it."""
    trait = f"HeliconeMagic.{assigned.partition(' ')[0]}"
    before = shell.run(f"%config {trait}").value
    shell.run("%config HeliconeMagic.model = 'demo-fast'")
    shell.run(f"%config HeliconeMagic.{assigned}")
    assert told in caplog.text
    reloaded = shell.run("%reload_ext heliconemagic")
    assert (reloaded.error, told in reloaded.text()) == (None, True)
    assert [shell.run(f"%config {name}").value for name in (trait, "HeliconeMagic.model")] == [before, "demo-fast"]
    assert sum(type(each).__name__ == "HeliconeMagic" for each in shell.ip.configurables) == 1


def test_unloading_leaves_nothing_behind(bare_shell: Shell) -> None:
    """No magic, transformer, event, attribute, trait or thread; loading again works."""
    ip = bare_shell.ip

    def look() -> tuple[object, ...]:
        callbacks = {event: list(handlers) for event, handlers in ip.events.callbacks.items()}
        table = {kind: sorted(names) for kind, names in ip.magics_manager.magics.items()}
        own = sorted(name for name in vars(ip) if "helicone" in name)
        return (
            callbacks,
            table,
            own,
            list(ip.input_transformers_cleanup),
            len(ip.configurables),
            len(ip.Completer.custom_matchers),
        )

    bare_shell.run("%load_ext heliconemagic")  # IPython loads magics of its own with the first one
    bare_shell.run("%unload_ext heliconemagic")
    before = look()
    for _ in range(2):
        bare_shell.run("%load_ext heliconemagic")
        bare_shell.run("%llm --help")
        bare_shell.run("%unload_ext heliconemagic")
    assert look() == before


def test_foreign_llm_magic_stays_and_ours_has_another_name(bare_shell: Shell) -> None:
    """Said when loading; %%helicone always works; unloading gives everything back."""
    bare_shell.ip.register_magic_function(lambda line, cell: "theirs", "cell", "llm")
    said = bare_shell.run("%load_ext heliconemagic").displays[0].bundle["text/plain"]
    assert "%%helicone" in said
    assert bare_shell.run("%%llm x\ny").results[0]["text/plain"] == "'theirs'"
    ran = bare_shell.run("%%helicone /x --gateway demo -m demo-fast\nhi")
    assert ran.error is None or isinstance(ran.error, CredentialError)
    bare_shell.run("%unload_ext heliconemagic")
    assert bare_shell.run("%%llm x\ny").results[0]["text/plain"] == "'theirs'"


def test_nested_forms_work(demo: Shell) -> None:
    """%%time and %%capture around a cell, and a call by name."""
    assert demo.run("%%time\n%%llm /a\nhi").displays
    demo.run("%%capture kept\n%%llm /b\nhi")
    assert get_names(demo)["kept"].outputs  # type: ignore[attr-defined]
    assert demo.run("get_ipython().run_cell_magic('llm', '/c', 'hi')").displays


def test_step_leaves_the_imports_under_way_to_their_thread(bare_shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for them: an interrupt that arrives while two threads import can be lost."""
    began, may_end = threading.Event(), threading.Event()

    def import_slowly() -> None:
        began.set()
        may_end.wait(30)

    monkeypatch.setattr(extension, "_warm_up", import_slowly)
    bare_shell.run("%load_ext heliconemagic")
    bare_shell.run(f"%helicone_session Slow --gateway demo {FAST}")  # a line that sends nothing waits for nothing
    assert began.wait(30)
    assert not may_end.is_set()
    ending = threading.Timer(0.2, may_end.set)
    ending.start()
    bare_shell.run("%%llm /abstract\nhi")
    assert may_end.is_set()
    bare_shell.run("%unload_ext heliconemagic")


def test_loading_imports_nothing_heavy() -> None:
    """What a first cell needs is imported then, or in a thread."""
    import subprocess

    code = (
        "import sys, threading; threading.Thread.start = lambda self: None\n"
        "from IPython.core.interactiveshell import InteractiveShell as S\n"
        "ip = S.instance(); ip.run_line_magic('load_ext', 'heliconemagic')\n"
        "print([name for name in ('openai', 'httpx2', 'ipywidgets', 'markdown_it', 'nh3', 'jinja2', 'sqlite3',"
        " 'genai_prices', 'nest_asyncio2', 'pydantic') if name in sys.modules])"
    )
    bare = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[1], check=True
    )
    loaded = eval(bare.stdout.strip().splitlines()[-1])
    assert set(loaded) <= {"sqlite3"}  # IPython's own history


def test_deleted_folder_stops_no_cell(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the search for a .env needs to know where the notebook is."""
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    ran = [shell.run(cell) for cell in ('%helicone_session "A" --gateway demo', "%%llm /a -m demo-fast\nhi")]
    assert [one.error for one in ran] == [None, None]


def test_name_of_the_notebook_may_be_any_bytes(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that is named after it bears what can be read of it, on one line."""
    monkeypatch.setenv("JPY_SESSION_NAME", "/a/\udcff\u202e x\ny" + 300 * "z" + ".ipynb")
    cells = ("%config HeliconeMagic.gateway = 'demo'", "%%llm /a -m demo-fast\nhi", '%helicone_session "A"')
    ran = [shell.run(cell) for cell in cells]
    assert [one.error for one in ran] == [None] * 3
    assert ran[1].text().startswith("x yzzz")
