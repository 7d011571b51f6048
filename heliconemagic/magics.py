"""The magics: parse, call, return. Beside `extension` and `completion` it is all that knows IPython."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, cell_magic, line_cell_magic, line_magic, magics_class, no_var_expand
from traitlets import Bool, CaselessStrEnum, Float, Integer, TraitError, Unicode, validate
from traitlets.config import Config

from heliconemagic.lines import option_values as values
from heliconemagic.lines.option_table import Magic, find_verb
from heliconemagic.lines.options import build_help, build_verb_help, parse_cell_line, parse_session_line
from heliconemagic.lines.step_line import parse_step_line
from heliconemagic.settings import Context, RequestOptions

if TYPE_CHECKING:
    from heliconemagic.workbench import Workbench


_NUMBERS: Mapping[str, Callable[[str], float]] = MappingProxyType(
    {"temperature": values.parse_temperature, "retries": values.parse_retries, "timeout": values.parse_seconds}
)
"""How the numbers are checked that have an option as well."""


@magics_class
class HeliconeMagic(Magics):
    """Prompts as cells, grouped into a Helicone session."""

    gateway = Unicode("", help="A preset, a URL or direct:URL; empty: chosen by the keys.").tag(config=True)
    model = Unicode("", help="The model; empty: the gateway's default.").tag(config=True)
    system = Unicode("", help="The system prompt; empty: none.").tag(config=True)
    temperature = Float(None, allow_none=True, help="0 to 2; None: the model's own.").tag(config=True)
    context = CaselessStrEnum(
        [mode.value for mode in Context], Context.AUTO.value, help="How a step finds what it continues."
    ).tag(config=True)
    keep = Bool(False, help="Show the journal's replies of identical requests, as --keep does.").tag(config=True)
    retries = Integer(2, help="How often a failed attempt is repeated: 0 to 20.").tag(config=True)
    timeout = Float(120.0, help="Seconds without a byte before a request is given up.").tag(config=True)
    live = Bool(False, help="Keep finished cards as widgets, as --live does.").tag(config=True)
    display = CaselessStrEnum(["auto", "widget", "static", "text"], "auto", help="How a running step is shown.").tag(
        config=True
    )

    def __init__(
        self,
        shell: Any,
        find_workbench: Callable[[], Workbench],
        find_ready_workbench: Callable[[], Workbench],
        publish: Callable[..., None],
    ) -> None:
        config = Config(shell.config)
        own = config.pop(type(self).__name__, {})
        super().__init__(shell, config=config)
        self.refused = tuple(self._take_config(own))
        """What is wrong with values that a configuration has: the defaults stand in their places."""
        self._find_workbench = find_workbench  # built at the first use
        self._find_ready_workbench = find_ready_workbench  # with all that a step imports
        self._publish = publish

    def _take_config(self, own: Mapping[str, Any]) -> Iterator[str]:
        """Takes the configured values one by one: the shell keeps also those that ``%config`` has refused."""
        for name, value in own.items():
            try:
                self.update_config(Config({type(self).__name__: {name: value}}))
            except TraitError as error:
                yield f"{error} The default stands."

    @validate("temperature", "retries", "timeout")
    def _check_number(self, proposal: Any) -> Any:
        """As the option's value is checked."""
        name, value = proposal.trait.name, proposal.value
        try:
            return value if value is None else _NUMBERS[name](f"{value}")
        except ValueError as error:
            raise TraitError(f"HeliconeMagic.{name} {error}, not {value!r}.") from None

    def read_defaults(self) -> RequestOptions:
        """The traits, as the options below a session's own."""
        return RequestOptions(
            gateway=self.gateway or None,
            model=self.model or None,
            system=self.system or None,
            temperature=self.temperature,
            context=Context(self.context),
            keep=self.keep or None,
            retries=self.retries,
            timeout=self.timeout,
        )

    @no_var_expand
    @line_magic
    def helicone_session(self, line: str) -> None:
        """Opens, shows and ends the notebook's session."""
        command = parse_session_line(line)
        if command.help is not None:
            verb = find_verb(command.verb) if command.verb else None
            if verb is None:
                self._print_help("helicone_session", command.help)
            else:
                self._publish({"text/plain": build_verb_help(verb)})
            return
        self._find_workbench().run_session_line(command)

    @no_var_expand
    @line_cell_magic
    def llm(self, line: str, cell: str | None = None) -> Any:
        """Sends a prompt as a step of the session."""
        command = parse_cell_line(line, is_cell=cell is not None)
        if command.help is not None:
            self._print_help("llm", command.help)
            return None
        return self._find_ready_workbench().run_blocking(command, cell)

    @no_var_expand
    @cell_magic
    def helicone_step(self, line: str, cell: str) -> Any:
        """Runs Python as a step of the session: where it is nested in another cell, or asked for help."""
        __tracebackhide__ = True
        command = parse_step_line(line)
        if command.help is not None:
            self._print_help("helicone_step", command.help)
            return None
        return self._find_ready_workbench().run_step(command, line, cell)

    def begin_step(self, line: str) -> None:
        """The first line of what a ``%%helicone_step`` cell becomes (see `heliconemagic.cells`)."""
        from heliconemagic.running.cell_source import show_first_line

        cell = sys._getframe(1)
        show_first_line(cell.f_code.co_filename, cell.f_lineno, line)
        self._find_ready_workbench().begin_step(parse_step_line(line))

    async def run_cell(self, magic: str, line: str, body: str) -> Any:
        """The awaited form of an ``%%llm`` cell (see `heliconemagic.cells`)."""
        command = parse_cell_line(line, is_cell=True)
        if command.help is not None:
            self._print_help("llm", command.help)
            return None
        return await self._find_ready_workbench().run(command, body)

    def _print_help(self, magic: Magic, form: str) -> None:
        text = build_help(magic, everything=form == "all")
        self._publish({"text/plain": text})


HeliconeMagic.llm.__doc__ = build_help("llm", everything=False)
HeliconeMagic.helicone_step.__doc__ = build_help("helicone_step", everything=False)
HeliconeMagic.helicone_session.__doc__ = build_help("helicone_session", everything=False)
