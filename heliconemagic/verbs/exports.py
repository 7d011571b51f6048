"""What the session line says of an export."""

from __future__ import annotations

from heliconemagic.attachments.limits import format_size
from heliconemagic.errors import InputError
from heliconemagic.export.formats import FORMATS
from heliconemagic.lines.options import SessionCommand
from heliconemagic.notebook.exports import Exports, Written
from heliconemagic.render.figures import format_count
from heliconemagic.render.notice import Notice


def export_session(exports: Exports, command: SessionCommand) -> Notice:
    """Writes the file that the line names, and says what is in it.

    Raises:
        InputError: the line names no file, or see `Exports.write`.
    """
    name, reference = (*command.arguments, None, None)[:2]
    if name is None:
        suffixes = ", ".join(form.suffix for form in FORMATS)
        raise InputError(
            "`export` wants the name of a file.", hint=f"type %helicone_session export course.html (or {suffixes})"
        )
    return describe_written(exports.write(name, reference))


def describe_written(written: Written) -> Notice:
    """The file, its form and size, and what was left out of it."""
    session = written.session
    count = format_count(len(session.steps), "step")
    said = [f"{count} of {session.record.title!r}, {format_size(written.size)}: {written.form.description}"]
    return Notice(head=f"exported to {written.path.name}", lines=(*said, *session.notes))
