"""Everything one shell needs, wired together: notebook, journal, engine, views. Knows no IPython."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heliconemagic.cards import build_recorded_comparison
from heliconemagic.cells import find_step_code
from heliconemagic.errors import HeliconeMagicError, InputError, InvalidAnswerError, StepInterrupted
from heliconemagic.frontend import Frontend, find_colab
from heliconemagic.gateways.presets import PRESETS
from heliconemagic.journal.journal import Journal, default_folder
from heliconemagic.lines.option_table import Magic
from heliconemagic.lines.options import CellCommand, SessionCommand
from heliconemagic.lines.step_line import StepCommand
from heliconemagic.lines.suggestions import Suggestion, suggest
from heliconemagic.names import LayeredNames
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.paths import SessionPath
from heliconemagic.prefixes import find_prefix
from heliconemagic.prompt.templates import find_awaitables
from heliconemagic.render.notice import Notice, build_notice_bundle
from heliconemagic.running.background import Handle
from heliconemagic.running.cell_run import CellInput
from heliconemagic.running.cell_source import put_below
from heliconemagic.running.python_code import compile_code
from heliconemagic.running.runner import CellRunner
from heliconemagic.running.step_cells import Place, StepCells
from heliconemagic.running.waiting import await_blocking
from heliconemagic.schemas.reading import list_candidates
from heliconemagic.settings import RequestOptions
from heliconemagic.verbs.editing import EditLine
from heliconemagic.verbs.experiments import ExperimentLine
from heliconemagic.verbs.local_model import LocalModelLine
from heliconemagic.verbs.panel import PanelLine
from heliconemagic.verbs.production import ProductionLine
from heliconemagic.verbs.session_line import SessionLine
from heliconemagic.view_choice import ViewChoice
from heliconemagic.views.delivery_lines import DeliveryLines
from heliconemagic.views.showing import SessionShow

if TYPE_CHECKING:
    from heliconemagic.client import Client
    from heliconemagic.session_state import Session


def build_client(environ: Mapping[str, str] = os.environ) -> Client:
    """A client whose every attempt is recorded; openai and httpx2 are imported here, on first use."""
    from heliconemagic.client import Client
    from heliconemagic.transport.network import build_transport

    return Client(lambda gateway: build_transport(gateway, environ))


def find_folder() -> Path | None:
    """Where the notebook runs; None if somebody deleted that folder."""
    try:
        return Path.cwd()
    except OSError:
        return None


class Workbench:
    """What the magics call. `close` it when the extension is unloaded.

    ``clock`` is what goes on record; what only measures how long ago something was goes by ``pacing``, which is never
    set back.
    """

    def __init__(
        self,
        shell: Any,
        frontend: Frontend,
        *,
        environ: Mapping[str, str],
        ask_secret: Callable[[str], str],
        write: Callable[[str], None],
        ask: Callable[[str], str] = input,
        clock: Callable[[], float] = time.time,
        pacing: Callable[[], float] = time.monotonic,
    ) -> None:
        self.frontend = frontend
        self._shell = shell
        self._write = write
        self._clock = clock
        self._find_defaults: Callable[[], RequestOptions] = RequestOptions
        self._views = ViewChoice(frontend, write, clock)
        journal = Journal(default_folder(environ), clock=clock)
        self.notebook = Notebook(self._build_surroundings(environ), journal, lambda: build_client(environ))
        self.show = SessionShow(self.frontend.publish, pacing)
        edit_line = EditLine(self.notebook, put_next_cell=frontend.put_next_cell, variables=shell.user_ns)
        self.panel = PanelLine(self.notebook, edit_line, self.frontend.publish, pacing)
        self._runner = self._build_runner(ask)
        self.lines = DeliveryLines(frontend.publish, self.notebook.helicone.flush, frontend.is_attended)
        self.step_cells = StepCells(self.notebook, self._build_place, self.lines)
        self.session_line = SessionLine(
            self.notebook,
            ask_secret=ask_secret,
            describe_frontend=self._views.describe_frontend,
            experiment_line=ExperimentLine(self.notebook, self.frontend.publish, self._views.build_batch_view),
            local_line=LocalModelLine(
                environ, self.frontend.publish, redraws=lambda: self._views.find_kind() != "text"
            ),
            production_line=ProductionLine(self.notebook),
            edit_line=edit_line,
        )

    def _build_surroundings(self, environ: Mapping[str, str]) -> Surroundings:
        return Surroundings(
            environ=environ,
            find_folder=find_folder,
            find_title=self.frontend.find_title,
            find_defaults=lambda: self._find_defaults(),
            is_attended=self.frontend.is_attended,
            colab=find_colab(),
            clock=self._clock,
            note_delivery=lambda: self.frontend.call_between_cells(self.lines.follow),
        )

    def _build_runner(self, ask: Callable[[str], str]) -> CellRunner:
        return CellRunner(
            self.notebook,
            self._views.build_view,
            self._views.build_columns,
            self.frontend.publish,
            self._refresh,
            self.frontend.is_attended,
            ask=ask,
            build_batch_view=self._views.build_batch_view,
        )

    def _build_place(self) -> Place:
        return Place(
            open_session=self.open_session,
            find_cell=self.frontend.find_cell,
            read_names=lambda: self.frontend.read_names(self.notebook.access.redact),
            spell=self._shell.transform_cell,
            write=self._write if self._views.find_kind() == "text" else None,
            note_change=self.note_change,
        )

    def use_defaults(
        self, options: Callable[[], RequestOptions], display: Callable[[], str], live: Callable[[], bool]
    ) -> None:
        """Takes where the defaults are read: the traits of the magics object, which is built after this."""
        self._find_defaults = options
        self._views.use_defaults(display, live)

    # ---- what the magics do

    def run_session_line(self, command: SessionCommand) -> None:
        """Runs a session line and shows what it gives."""
        if command.verb == "show":
            self._show(command)
            return
        if command.verb == "stats":
            statistics = self.session_line.build_statistics(command)
            self.frontend.publish(statistics._repr_mimebundle_())
            self.frontend.put_result(statistics)
            return
        if command.verb == "rate":
            self._rate(command)
            return
        bundle = self.session_line.run(command)
        if command.verb in (None, "resume", "end", "forget"):
            self.show.close()
            self.panel.close()
        self.frontend.publish(bundle)
        if command.verb == "pick":
            self._show_pick(SessionPath.parse(command.arguments[0]))

    def _rate(self, command: SessionCommand) -> None:
        rated = self.session_line.rate(command)
        self.lines.wait()
        self.lines.show(rated, can_update=self._views.find_kind() != "text")
        self._refresh()

    def _show(self, command: SessionCommand) -> None:
        shown = self.session_line.find_shown(command)
        if command.extras.get("is_interactive"):
            whole = self.session_line.find_shown(SessionCommand(verb="show"))
            if self.panel.open(whole.build, path=next(iter(command.arguments), ""), kind=self._views.find_kind()):
                self.show.close()
                return
        can_update = self.frontend.find_kind() != "text"  # a terminal would print all of it again
        self.show.open(shown.build, grows=shown.grows and can_update)

    def _show_pick(self, path: SessionPath) -> None:
        """Lets the columns that are on the page, and the last `show`, say which answer is current now."""
        from heliconemagic.render.comparison import build_comparison_bundle
        from heliconemagic.views.columns import build_display_id

        session = self.notebook.session
        chosen = session.find_step(path) if session else None
        if session is None or chosen is None or self._views.find_kind() == "text":
            return
        comparison = build_recorded_comparison(session, chosen)
        bundle = build_comparison_bundle(comparison)
        self.frontend.publish(bundle, display_id=build_display_id(comparison), update=True)
        self.show.refresh()

    async def run(self, command: CellCommand, body: str) -> Any:
        """Runs a cell by awaiting it on the kernel's loop."""
        names = self.frontend.read_names(self.notebook.access.redact)
        awaited = {name: await value for name, value in find_awaitables(body, names, mode=command.mode).items()}
        given = self._take(command, body, LayeredNames(awaited, names))
        with self._keeping_result(command):
            return self._give_back(command, await self._runner.run(given))

    def run_blocking(self, command: CellCommand, body: str | None) -> Any:
        """Runs a cell, or the line form, on this thread."""
        prompt = command.text if body is None else body
        names = self.frontend.read_names(self.notebook.access.redact)
        awaited = await_blocking(find_awaitables(prompt, names, mode=command.mode))
        given = self._take(command, prompt, LayeredNames(awaited, names))
        with self._keeping_result(command):
            reply = self._give_back(command, self._runner.run_blocking(given))
        if self._views.find_kind() == "text" and isinstance(reply, Handle):
            self._write(f"{reply!r}\n")  # there is no card that would say so
        if body is not None and self._views.find_kind() == "text":
            self.frontend.put_result(reply)  # a terminal would print "Out[1]: " with nothing behind it
            return None
        return reply

    def begin_step(self, command: StepCommand) -> None:
        """Begins the step that the cell which runs now is; `end_cell` ends it."""
        self.step_cells.begin(command, find_step_code(self.frontend.cell_text))

    def run_step(self, command: StepCommand, line: str, source: str) -> Any:
        """Runs a ``%%helicone_step`` cell that is nested in another cell."""
        __tracebackhide__ = True
        place = partial(put_below, self.frontend.cell_text, line, source)
        compile_there = partial(compile_code, self._shell, place=place, number=self.frontend.cell_number)
        return self.step_cells.run(command, source, compile_there)

    def end_cell(self, value: Any, error: BaseException | None) -> None:
        """A cell has ended: so has the step that it was; and what Helicone refused meanwhile is told."""
        self.step_cells.end(value, error)
        self.lines.catch_up()
        self.show.catch_up()
        for warning in self.notebook.deliveries.take_warnings():
            self.frontend.publish(build_notice_bundle(Notice(head=warning)))

    def _take(self, command: CellCommand, prompt: str, names: Mapping[str, Any]) -> CellInput:
        prompt = strip_last_newline(prompt)
        if not prompt.strip():
            raise InputError("the prompt is empty.", hint="write it below the %%llm line")
        session = self.open_session()
        return CellInput(
            command=_put_below(command, find_prefix(session.record.id)),
            prompt=prompt,
            names=names,
            cell=self.frontend.cell,
            is_shown=self.frontend.build_is_shown(),
            put_next_cell=self.frontend.put_next_cell,
        )

    def open_session(self) -> Session:
        """The notebook's session; one that has to be started is announced."""
        session, is_new = self.notebook.sessions.find()
        if is_new:
            self.frontend.publish(self.session_line.announce(session))
        return session

    def note_change(self) -> None:
        """A step began or ended, on whatever thread: only the main one displays."""
        if threading.current_thread() is threading.main_thread():
            self._refresh()
        else:
            self.show.fall_behind()
            self.panel.note_change()

    def _refresh(self) -> None:
        """Lets `show` and the panel say how the session stands now."""
        self.show.refresh()
        self.panel.note_change()

    @contextlib.contextmanager
    def _keeping_result(self, command: CellCommand) -> Iterator[None]:
        """What a failed cell gives all the same stands under its names: an answer of another form, some of many."""
        try:
            yield
        except InvalidAnswerError as error:
            self._give_back(command, error.reply)
            raise
        except (HeliconeMagicError, StepInterrupted) as error:
            if error.result is not None:
                self.frontend.put_result(self._give_back(command, error.result))
            raise

    def _give_back(self, command: CellCommand, reply: Any) -> Any:
        if reply is not None and command.out:
            self._shell.user_ns[command.out] = reply
        return reply

    def suggest(self, magic: Magic, words: Sequence[str], word: str) -> list[Suggestion]:
        """What could be typed at the cursor, for tab completion; asks no server."""
        from heliconemagic.attachments.offering import iterate_attachable, iterate_lists
        from heliconemagic.tools.offering import iterate_functions

        session = self.notebook.session
        sessions = self.notebook.sessions.list_names() if magic == "helicone_session" else ()
        names = self.frontend.read_names(self.notebook.access.redact)
        return suggest(
            magic,
            words,
            word,
            paths=session.iterate_paths() if session else (),
            models=self.notebook.models.list_known(),
            gateways=[preset.removesuffix("URL") for preset in PRESETS],
            sessions=sessions,
            files=iterate_attachable(names, find_folder(), word),
            lists=iterate_lists(names),
            schemas=list_candidates(names),
            functions=iterate_functions(names, word),
            variables=(name for name in names if not name.startswith("_")),
        )

    def close(self) -> None:
        """Ends what runs and writes what is queued; idempotent."""
        self.panel.close()
        self._runner.close()
        self.notebook.close()


def _put_below(command: CellCommand, prefix: str) -> CellCommand:
    """The command with its paths below ``prefix``: a ``%llm`` line inside ``with session.at(…):``."""
    if not prefix:
        return command
    path, after = (prefix + "/" + path if path is not None else None for path in (command.path, command.after))
    return replace(command, path=path, after=after)


def strip_last_newline(prompt: str) -> str:
    """The cell's text without the one line end that IPython adds after it."""
    for end in ("\r\n", "\n"):
        if prompt.endswith(end):
            return prompt[: -len(end)]
    return prompt
