"""The one table of options and verbs, which parsing, help, completion and the README read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag
from typing import Any, Literal

from heliconemagic.lines import option_values as values
from heliconemagic.prompt.templates import TemplateMode

Magic = Literal["llm", "helicone_session", "helicone_step"]


class Scope(Flag):
    """Where an option may stand."""

    CELL = 1
    SESSION = 2
    BOTH = 3
    STEP = 4
    ANY_CELL = 5
    ALL = 7

    @classmethod
    def of(cls, magic: Magic) -> Scope:
        """The scope of what stands on a magic's line."""
        return {"helicone_session": cls.SESSION, "helicone_step": cls.STEP}.get(magic, cls.CELL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What can be said of one option. ``field`` is the attribute of the command that it fills."""

    names: tuple[str, ...]  # the short one first
    field: str
    help: str
    scope: Scope = Scope.BOTH
    metavar: str = ""  # "": takes no value; "[SECONDS]": may take one; "KEY VALUE": takes two
    example: str = ""  # a value to type, for hints
    parse: Callable[..., Any] = values.parse_text
    flag_value: Any = True  # what it stands for without a value
    gathers: Literal["", "pairs", "values"] = ""  # repeatable: pairs in a mapping, or values in a tuple
    several: str = ""  # of an option that a cell may repeat: the field that gathers two values or more
    is_everyday: bool = False  # stands in the short help
    group: str = ""  # options of one group exclude each other
    names_value: bool = False  # its word is the name of a value, which Python hands over as it is
    completes: str = ""  # what its value is completed with: models, gateways, contexts, paths …

    @property
    def takes_value(self) -> bool:
        """Whether a value has to follow."""
        return bool(self.metavar) and not self.may_take_value

    @property
    def may_take_value(self) -> bool:
        """Whether a value can follow, and need not."""
        return self.metavar.startswith("[")

    @property
    def is_repeatable(self) -> bool:
        """Whether it may stand on a line more than once."""
        return bool(self.gathers)

    @property
    def usage(self) -> str:
        """How it is typed: ``-m, --model MODEL``."""
        return f"{', '.join(self.names)} {self.metavar}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """What a first word of the session line can do instead of naming a session."""

    name: str
    help: str
    metavar: str = ""  # of its arguments; those in brackets may be left out, with … any number may follow
    words: tuple[str, ...] = ()  # all that its argument can be
    option_fields: frozenset[str] = frozenset()  # the session's options that it takes
    own_options: tuple[Option, ...] = ()  # those that mean something after this verb alone
    completes: str = ""
    is_everyday: bool = True  # stands in the short help

    @property
    def usage(self) -> str:
        """How it is typed: ``show [/path]``."""
        return f"{self.name} {self.metavar}".rstrip()

    @property
    def most_arguments(self) -> int | None:
        """How many words it takes after it; None: any number."""
        return None if self.metavar.endswith("…") else len(self.metavar.split())

    def find_own_option(self, name: str) -> Option | None:
        """Its own option spelled ``name``."""
        return next((option for option in self.own_options if name in option.names), None)


_CELL, _SESSION, _STEP = Scope.CELL, Scope.SESSION, Scope.STEP

OPTIONS: tuple[Option, ...] = (
    Option(names=("-m", "--model"), field="model", metavar="MODEL", example="gpt-4o-mini", completes="models",
           several="models", is_everyday=True, help="model, as the gateway spells it; several on a cell are compared"),
    Option(names=("-s", "--system"), field="system", metavar="TEXT", example='"Answer in one sentence."',
           parse=values.parse_system, is_everyday=True, help="system prompt; '' for none"),
    Option(names=("-t", "--temperature"), field="temperature", metavar="NUMBER", example="0.7",
           parse=values.parse_temperature, is_everyday=True, help="temperature, 0 to 2"),
    Option(names=("-o", "--option"), field="parameters", metavar="KEY VALUE", example="max_tokens 200",
           parse=values.parse_parameter, gathers="pairs", is_everyday=True, completes="parameters",
           help="any request parameter, as in -o max_tokens 200 (JSON, else text)"),
    Option(names=("-p", "--property"), field="properties", metavar="KEY=VALUE", example="team=blue",
           parse=values.parse_property, gathers="pairs", help="a Helicone property (repeatable)"),
    Option(names=("--user",), field="user", metavar="NAME", example="ada", parse=values.parse_user,
           help="the user the requests are counted for"),
    Option(names=("--gateway",), field="gateway", metavar="PRESET|URL", example="demo", completes="gateways",
           is_everyday=True, help="where requests go: a preset, a Helicone's own URL, or direct:URL"),
    Option(names=("--context",), field="context", metavar="MODE", example="path",
           parse=values.parse_context, completes="contexts",
           help="what steps continue: auto (nearest ancestor, else the last step), path (ancestors only), "
           "chat (the last step), none"),
    Option(names=("--cache",), field="cache", metavar="[SECONDS]", example="3600", parse=values.parse_cache,
           flag_value=0, help="let Helicone answer repeated requests from its cache (default: 7 days)"),
    Option(names=("--keep",), field="keep", group="keep",
           help="show the journal's reply where the very same request has one, and send nothing"),
    Option(names=("--no-keep",), field="keep", flag_value=False, group="keep",
           help="send, whatever the journal has: for one cell of a session with --keep"),
    Option(names=("--retries",), field="retries", metavar="N", example="2", parse=values.parse_retries,
           help="how often a failed request is sent again"),
    Option(names=("--timeout",), field="timeout", metavar="SECONDS", example="60", parse=values.parse_seconds,
           help="give up after so many seconds without a byte"),
    Option(names=("--budget",), field="budget", metavar="USD", example="2.50", parse=values.parse_budget,
           scope=_SESSION, is_everyday=True, help="refuse requests once the session would cost more"),
    Option(names=("--resume",), field="resumes", group="start", scope=_SESSION, is_everyday=True,
           help="continue the newest session of this name and notebook"),
    Option(names=("--new",), field="is_new", group="start", scope=_SESSION, is_everyday=True,
           help="start another session of the same name"),
    Option(names=("--id",), field="id", metavar="ID", example="3f0c1d2e-5a6b-4c7d-8e9f-0a1b2c3d4e5f",
           parse=values.parse_session_id, group="start", scope=_SESSION, help="join the session with this id"),
    Option(names=("--name",), field="name", metavar="NAME", example='"Course Creation"', scope=_SESSION,
           completes="sessions", help="the name as sent: where it reads like a verb, or isn't ASCII"),
    Option(names=("--replay",), field="replay", metavar="FILE", example="lesson.jsonl", group="lesson",
           scope=_SESSION, help="a recorded lesson answers, offline and without a key"),
    Option(names=("--fallback",), field="fallback", metavar="FILE", example="lesson.jsonl", group="lesson",
           scope=_SESSION, help="a recorded lesson answers where the network fails"),
    Option(names=("--fallback-after",), field="fallback_after", metavar="SECONDS", example="5",
           parse=values.parse_seconds, scope=_SESSION,
           help="… or where no text comes for so long (default: 10)"),
    Option(names=("--pace",), field="pace", metavar="NUMBER", example="2", parse=values.parse_pace, scope=_SESSION,
           help="times the recorded speed: 1 is the original pace, 0 all at once"),
    Option(names=("--out",), field="out", metavar="NAME", example="abstract", parse=values.parse_result_name,
           scope=_CELL, is_everyday=True, help="put the reply into this variable as well as into _"),
    Option(names=("--schema",), field="schema", metavar="NAME|FIELDS", example='"title, minutes int"', group="form",
           scope=_CELL, completes="schemas", names_value=True,
           help="answer as an object: a class or JSON schema of the notebook, or fields (title, minutes int)"),
    Option(names=("--json",), field="is_json", group="form", scope=_CELL, help="answer as JSON of any shape"),
    Option(names=("-x", "--extract"), field="extracts", scope=_CELL,
           help="the answer must hold a fenced block: the first is the reply's .code"),
    Option(names=("--to-cell",), field="fills_cell", scope=_CELL,
           help="put that block into a new cell below, without running it"),
    Option(names=("-n", "--samples"), field="samples", metavar="N", example="3", parse=values.parse_samples,
           scope=_CELL, help="ask each model N times at once, and compare the answers"),
    Option(names=("-c", "--continue"), field="continues", group="parent", scope=_CELL, is_everyday=True,
           help="continue the step that ran last"),
    Option(names=("--after",), field="after", metavar="PATH", example="/abstract", parse=values.parse_path_pattern,
           group="parent", scope=_CELL, is_everyday=True, completes="paths", help="continue the step at this path"),
    Option(names=("--fresh",), field="is_fresh", group="parent", scope=_CELL, is_everyday=True,
           help="continue nothing"),
    Option(names=("-a", "--attach"), field="attachments", metavar="FILE|NAME", example="chart.png", gathers="values",
           scope=_CELL, completes="files", names_value=True,
           help="attach an image, PDF, recording or text: a file, or a variable of the notebook (repeatable)"),
    Option(names=("--allow-url",), field="allows_url", scope=_CELL,
           help="let -a take the address of an image, which the provider then fetches"),
    Option(names=("--messages",), field="examples", metavar="NAME", example="shots", parse=values.parse_result_name,
           scope=_CELL, completes="lists", names_value=True,
           help="send this variable's list of role messages first, as examples"),
    Option(names=("--tools",), field="tools", metavar="NAME,…", example="weather,search", parse=values.parse_names,
           scope=_CELL, completes="functions", names_value=True,
           help="offer these functions of the notebook to the model, and call those that it asks for"),
    Option(names=("--approve",), field="approves", scope=_CELL, help="ask before each call of a tool"),
    Option(names=("--tool-rounds",), field="tool_rounds", metavar="N", example="8", parse=values.parse_rounds,
           scope=_CELL, help="give up if the model still asks for tools in its Nth answer (default: 8)"),
    Option(names=("--for",), field="rows", metavar="ROWS", example="rows", parse=values.parse_rows, scope=_CELL,
           help="run the cell for each row of a list, DataFrame or generator, as {{ row }}"),
    Option(names=("--jobs",), field="jobs", metavar="N", example="8", parse=values.parse_jobs, scope=_CELL,
           help="how many rows of --for are under way at a time (default: 8)"),
    Option(names=("--anew",), field="is_anew", scope=_CELL,
           help="send all rows of --for, also those that are answered already"),
    Option(names=("--dry-run",), field="is_dry_run", scope=_CELL, is_everyday=True,
           help="show the exact request with its estimated cost; send nothing"),
    Option(names=("--raw",), field="mode", flag_value=TemplateMode.RAW, group="template", scope=_CELL,
           is_everyday=True, help="fill nothing in: {{ is text"),
    Option(names=("--jinja",), field="mode", flag_value=TemplateMode.JINJA, group="template", scope=_CELL,
           help="the prompt is a whole Jinja template"),
    Option(names=("--kind",), field="kind", metavar="KIND", example="vector_db", parse=values.parse_kind, scope=_STEP,
           completes="kinds", is_everyday=True, help="what the step is: tool, vector_db or data (default: tool)"),
    Option(names=("--name",), field="name", metavar="NAME", example="search", scope=_STEP, is_everyday=True,
           help="name of the tool, the operation or the data (default: the last part of the path)"),
    Option(names=("--input",), field="inputs", metavar="NAME,…", example="question", parse=values.parse_variables,
           scope=_STEP, completes="variables", is_everyday=True,
           help="variables that are the step's input, as they are before it runs (default: the code)"),
    Option(names=("--output",), field="output", metavar="NAME", example="documents", parse=values.parse_result_name,
           scope=_STEP, completes="variables", is_everyday=True,
           help="variable that is its output (default: the last expression, else what is assigned last)"),
    Option(names=("-q", "--quiet"), field="is_quiet", group="view", scope=Scope.ANY_CELL, is_everyday=True,
           help="show nothing"),
    Option(names=("--live",), field="is_live", group="view", scope=_CELL,
           help="keep the finished card a widget, for presenting; a saved notebook then shows no answer"),
    Option(names=("--bg",), field="is_background", scope=_CELL,
           help="return at once and go on beside the next cells; gives a handle: .done, .wait(), .cancel(), await"),
    Option(names=("--no-stream",), field="streams", flag_value=False, scope=_CELL,
           help="ask for the whole answer at once"),
    Option(names=("--no-log",), field="is_logged", flag_value=False, scope=Scope.ANY_CELL,
           help="keep this step out of the journal on disk"),
    Option(names=("-h", "--help"), field="help", flag_value="short", scope=Scope.ALL, is_everyday=True,
           help="this help; --help-all tells of every option"),
    Option(names=("--help-all",), field="help", flag_value="all", scope=Scope.ALL, help="every option"),
)  # fmt: skip

VERBS: tuple[Verb, ...] = (
    Verb(name="show", metavar="[/PATH]", completes="paths",
         help="tree, timeline, totals, bottleneck; a path: its answer, or a folder",
         own_options=(Option(names=("--table",), field="as_table", flag_value=True,
                             group="form", help="one row for each step with all its figures, oldest first"),
                      Option(names=("--interactive",), field="is_interactive", group="form",
                             help="a panel to look around in, to rate and to rerun, until the next cell runs"))),
    Verb(name="pick", metavar="/PATH N", completes="paths", is_everyday=False,
         help="of compared answers, let steps continue the Nth"),
    Verb(name="rate", metavar="/PATH|session RATING…", completes="paths", is_everyday=False,
         help='what you think of an answer, or of the whole session: + or -, accuracy=4, tone=true, "a note"'),
    Verb(name="list", help="the sessions on this machine (also: sessions)"),
    Verb(name="resume", metavar="[ID|NAME|FILE]", completes="sessions",
         help="continue an earlier session, or the one in a notebook you were sent",
         option_fields=frozenset({"model", "system", "temperature", "parameters", "properties", "user", "gateway",
                                  "context", "cache", "keep", "retries", "timeout", "budget",
                                  "replay", "fallback", "fallback_after", "pace"})),
    Verb(name="import", metavar="FILE …", is_everyday=False, option_fields=frozenset({"user"}),
         help="read notebooks and exports into the journal: files, patterns, folders; --user: whose they are"),
    Verb(name="stats", metavar="[NAME]", completes="sessions", is_everyday=False,
         own_options=(
             Option(names=("--by",), field="by", metavar="WHAT", example="user", parse=values.parse_by, scope=_SESSION,
                    help="a row for each user, model, path, notebook or property:KEY"),
         ),
         help="all sessions of a name side by side: latency, tokens, cost and errors by path"),
    Verb(name="record", metavar="[FILE|stop]",
         help="write this session's answers to a lesson that can be played again"),
    Verb(name="export", metavar="FILE [ID|NAME]", completes="files", is_everyday=False,
         help="write a session as .html, .md, .csv, .jsonl, .otlp.jsonl, .py or .ts"),
    Verb(name="end", is_everyday=False, help="end the session"),
    Verb(name="models", metavar="[install|remove]", words=("install", "remove"),
         option_fields=frozenset({"gateway"}),
         help="the gateway's models; install, remove: the one for --gateway local"),
    Verb(name="login", option_fields=frozenset({"gateway"}), help="enter a key without showing it"),
    Verb(name="doctor", option_fields=frozenset({"gateway"}), help="what works here, and what doesn't"),
    Verb(name="find", option_fields=frozenset({"user", "properties", "gateway"}), is_everyday=False,
         own_options=(
             Option(names=("--name",), field="part", metavar="TEXT", example='"Support"', scope=_SESSION,
                    help="only those with this in their name"),
             Option(names=("--since",), field="since", metavar="AGO", example="24h", parse=values.parse_ago,
                    scope=_SESSION, help="how far back: 30m, 24h, 7d (default: 7d)"),
             Option(names=("--errors",), field="is_failed", scope=_SESSION, help="only those with a failed request"),
         ),
         help="the sessions at Helicone, wherever they ran; --user, -p: those with a request of it"),
    Verb(name="pull", metavar="ID|URL", option_fields=frozenset({"gateway"}), is_everyday=False,
         own_options=(
             Option(names=("--name",), field="name", metavar="NAME", example='"Support desk"', scope=_SESSION,
                    help="the session's name, where several have the id"),
             Option(names=("--no-bodies",), field="is_bodiless", scope=_SESSION,
                    help="figures alone: no prompts and answers"),
         ),
         help="bring a session from Helicone into the journal; its id, or its page on the dashboard"),
    Verb(name="edit", metavar="/PATH|ID|URL [SESSION]", option_fields=frozenset({"gateway"}), completes="paths",
         is_everyday=False,
         help="put a recorded request, or one at Helicone, into a new cell, ready to change and run"),
    Verb(name="rerun", metavar="[ID|NAME]", completes="sessions", is_everyday=False,
         help="play a session again, live, as a new one: with another model, system prompt or parameters",
         option_fields=frozenset({"model", "system", "temperature", "parameters", "properties", "user", "gateway",
                                  "cache", "retries", "timeout", "budget"}),
         own_options=(
             Option(names=("--from",), field="start_at", metavar="/PATH", example="/outline",
                    parse=values.parse_path_pattern, scope=_SESSION, completes="paths",
                    help="keep the recorded answers up to this path, and ask from there on"),
             Option(names=("--dry-run",), field="is_dry_run", scope=_SESSION,
                    help="show what would be sent, with its estimated cost; send nothing"),
         )),
    Verb(name="diff", metavar="[ID|NAME] [ID|NAME]", completes="sessions", is_everyday=False,
         help="two sessions side by side, the open one beside another or beside its last rerun: figures and words"),
    Verb(name="forget", metavar="ID|NAME", completes="sessions", help="delete a session from the journal for good"),
)  # fmt: skip
VERB_SYNONYMS = {"sessions": "list"}


def list_options(scope: Scope) -> tuple[Option, ...]:
    """The options that may stand on a line of this scope, in the table's order."""
    return tuple(option for option in OPTIONS if option.scope & scope)


def find_option(name: str, scope: Scope = Scope.BOTH) -> Option | None:
    """The option spelled ``name`` (``-m`` or ``--model``): one of this scope, else of whatever scope there is."""
    found = [option for option in OPTIONS if name in option.names]
    return next((option for option in found if option.scope & scope), found[0] if found else None)


def find_verb(word: str) -> Verb | None:
    """The verb spelled ``word``, or of which it is another spelling."""
    name = VERB_SYNONYMS.get(word, word)
    return next((verb for verb in VERBS if verb.name == name), None)
