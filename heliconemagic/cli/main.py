"""The command ``heliconemagic``: parses its arguments, runs one subcommand, turns errors into exit codes.

What each subcommand needs is imported when it runs, so that ``--version`` costs nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from heliconemagic import __version__
from heliconemagic.errors import HeliconeMagicError, InputError
from heliconemagic.render.terminal import make_safe_text

EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130

Command = Callable[[argparse.Namespace], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and gives its exit code: 0, 1 (failed), 2 (bad input) or 130 (Ctrl-C)."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a model's answer may not fit the terminal's encoding
    parser = build_parser()
    arguments = parser.parse_args(argv)
    run: Command = getattr(arguments, "run", lambda _: parser.print_help())
    try:
        run(arguments)
        sys.stdout.flush()
    except HeliconeMagicError as error:
        print(f"heliconemagic: {make_safe_text(str(error))}", file=sys.stderr)
        return EXIT_BAD_INPUT if isinstance(error, InputError) else EXIT_FAILED
    except KeyboardInterrupt as error:
        print(f"heliconemagic: {make_safe_text(str(error)) or 'stopped.'}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader (`head`, a closed pager) has enough; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; each subcommand sets ``run``."""
    parser = argparse.ArgumentParser(
        prog="heliconemagic",
        description="Prompts as notebook cells, grouped into Helicone sessions. In a notebook: %load_ext heliconemagic",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_demo(commands)
    _add_sessions(commands)
    _add_show(commands)
    _add_export(commands)
    _add_tree(commands)
    return parser


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "play a session offline, and write it as an executed notebook and an HTML page"
    demo = commands.add_parser("demo", help=about, description=f"{about[0].upper()}{about[1:]}. Needs no key.")
    demo.add_argument("--folder", type=Path, default=Path(), help="where to write (default: the current folder)")
    demo.add_argument("--fast", action="store_true", help="faster than anyone reads")
    demo.add_argument("--no-notebook", action="store_true", help="play in the terminal only")
    demo.set_defaults(run=_run_demo)


def _add_sessions(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "list the sessions in the journal, newest first"
    sessions = commands.add_parser("sessions", aliases=["list"], help=about, description=f"{about.capitalize()}.")
    sessions.add_argument("--json", action="store_true", help="times in seconds since the epoch, costs in USD")
    sessions.set_defaults(run=_run_sessions)


def _add_show(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "print one session with all its steps"
    show = commands.add_parser("show", help=about, description=f"{about.capitalize()}.")
    show.add_argument("session", metavar="ID|NAME", help="an id, its first characters, or a name (the newest of it)")
    show.add_argument("--json", action="store_true", help="everything that is recorded, for programs")
    show.add_argument("--table", action="store_true", help="one row for each step with all its figures, instead")
    show.add_argument("--files", type=Path, metavar="FOLDER", help="write what was attached into this folder instead")
    show.set_defaults(run=_run_show)


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "write one session to a file, in the form of its suffix"
    export = commands.add_parser("export", help=about, description=f"{about.capitalize()}.")
    export.add_argument("session", metavar="ID|NAME", help="an id, its first characters, or a name (the newest of it)")
    export.add_argument("file", metavar="FILE", help="its suffix is .html, .md, .csv, .jsonl, .otlp.jsonl, .py or .ts")
    export.set_defaults(run=_run_export)


def _add_tree(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "arrange requests in the tree that Helicone's dashboard draws"
    tree = commands.add_parser("tree", help=about, description=f"{about.capitalize()}.")
    tree.add_argument("file", metavar="FILE", help="a JSON list of {id, path, start, end, model} (ms); - reads stdin")
    tree.add_argument("--json", action="store_true", help="as nested JSON")
    tree.set_defaults(run=_run_tree)


def _run_demo(arguments: argparse.Namespace) -> None:
    from heliconemagic.cli.demo import run_demo

    run_demo(
        arguments.folder,
        is_fast=arguments.fast,
        writes_notebook=not arguments.no_notebook,
        environ=os.environ,
        write=_write,
    )


def _run_sessions(arguments: argparse.Namespace) -> None:
    from heliconemagic.cli.journal import open_journal, print_sessions

    with open_journal(os.environ) as journal:
        print_sessions(journal, as_json=arguments.json, write=_write)


def _run_show(arguments: argparse.Namespace) -> None:
    from heliconemagic.cli.journal import open_journal, print_session, print_table, save_session_files

    with open_journal(os.environ) as journal:
        if arguments.files is not None:
            save_session_files(journal, arguments.session, arguments.files, write=_write)
            return
        if arguments.table:
            print_table(journal, arguments.session, write=_write)
            return
        print_session(journal, arguments.session, as_json=arguments.json, write=_write)
        if journal.warning is not None:
            print(f"heliconemagic: {make_safe_text(journal.warning)}", file=sys.stderr)


def _run_export(arguments: argparse.Namespace) -> None:
    from heliconemagic.cli.journal import open_journal
    from heliconemagic.cli.session_file import export_session

    with open_journal(os.environ) as journal:
        export_session(journal, arguments.session, arguments.file, environ=os.environ, write=_write)


def _run_tree(arguments: argparse.Namespace) -> None:
    from heliconemagic.cli.tree import print_tree, read_text

    print_tree(read_text(arguments.file), as_json=arguments.json, write=_write)


def _write(text: str) -> None:
    print(text, end="", flush=True)
