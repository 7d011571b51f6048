"""The forms that a session can be exported in, by the suffix of the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from heliconemagic.errors import InputError
from heliconemagic.export.session import ExportedSession

Build = Callable[[ExportedSession], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One form: what it is for a person, and how its text is made."""

    suffix: str
    description: str
    build: Build


def _build_page(session: ExportedSession) -> str:
    from heliconemagic.export.page import build_page

    return build_page(session)


def _build_lines(session: ExportedSession) -> str:
    from heliconemagic.export.session_lines import build_lines

    return build_lines(session)


def _build_csv(session: ExportedSession) -> str:
    from heliconemagic.export.table import build_csv

    return build_csv(session)


def _build_document(session: ExportedSession) -> str:
    from heliconemagic.export.document import build_document

    return build_document(session)


def _build_traces(session: ExportedSession) -> str:
    from heliconemagic.export.traces import build_traces

    return build_traces(session)


def _build_python(session: ExportedSession) -> str:
    from heliconemagic.export.program_python import build_python

    return build_python(session)


def _build_typescript(session: ExportedSession) -> str:
    from heliconemagic.export.program_typescript import build_typescript

    return build_typescript(session)


FORMATS = (
    Format(suffix=".html", description="one page that needs no server", build=_build_page),
    Format(suffix=".otlp.jsonl", description="OpenTelemetry traces", build=_build_traces),
    Format(suffix=".jsonl", description="everything, to be imported or replayed", build=_build_lines),
    Format(suffix=".csv", description="a table with a row for each step", build=_build_csv),
    Format(suffix=".md", description="a Markdown document", build=_build_document),
    Format(suffix=".py", description="a Python program", build=_build_python),
    Format(suffix=".ts", description="a TypeScript program", build=_build_typescript),
)  # a suffix that ends like another one stands before it


def find_format(path: Path) -> Format:
    """The form that the name of ``path`` asks for.

    Raises:
        InputError: there is none of this suffix.
    """
    name = path.name.lower()
    found = next((form for form in FORMATS if name.endswith(form.suffix) and name != form.suffix), None)
    if found is not None:
        return found
    said = f"{path.suffix!r} is no form that a session can be exported in" if path.suffix else "it has no suffix"
    raise InputError(f"{path.name!r} cannot be exported to: {said}.", hint=_build_hint(path))


def _build_hint(path: Path) -> str:
    stem = path.name.partition(".")[0] or "session"
    if path.suffix.lower() == ".ipynb":
        return f"the notebook is saved as ever, and tells its session to `import`; type {stem}.html for a page of it"
    close = get_close_matches(path.suffix.lower(), [form.suffix for form in FORMATS], 1, 0.5) if path.suffix else []
    listed = ", ".join(f"{form.suffix} ({form.description})" for form in FORMATS)
    return f"did you mean {stem + close[0]!r}? There are {listed}" if close else f"type {stem}.html; there are {listed}"
