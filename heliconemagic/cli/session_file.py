"""``heliconemagic export``: a recorded session in a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from heliconemagic.cli.journal import speaking_of_commands
from heliconemagic.journal.journal import Journal
from heliconemagic.notebook.access import Access
from heliconemagic.notebook.exports import Exports
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.render.notice import build_notice_text
from heliconemagic.settings import RequestOptions
from heliconemagic.verbs.exports import describe_written
from heliconemagic.workbench import find_folder


def export_session(
    journal: Journal, reference: str, file: str, *, environ: Mapping[str, str], write: Callable[[str], None]
) -> None:
    """Writes the session of this id or name to ``file``, and says so.

    Raises:
        InputError: there is none, or see `Exports.write`; the hints are for a command line.
    """
    surroundings = Surroundings(
        environ=environ,
        find_folder=find_folder,
        find_title=lambda: "",
        find_defaults=RequestOptions,
        is_attended=lambda: False,
    )
    exports = Exports(surroundings, Access(surroundings), journal, lambda: None)
    with speaking_of_commands():
        written = exports.write(file, reference)
    write(build_notice_text(describe_written(written)) + "\n")
