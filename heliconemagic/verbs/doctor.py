"""What works here and what doesn't: keys, gateway, logging, journal, front end. Reveals no key."""

from __future__ import annotations

from collections.abc import Iterator

from heliconemagic.errors import HeliconeMagicError
from heliconemagic.gateways.choice import Choice
from heliconemagic.gateways.keys import HELICONE_VARIABLE, OPENAI_VARIABLE, Keys, check_key_shape
from heliconemagic.journal.journal import default_folder
from heliconemagic.local.store import LocalStore
from heliconemagic.notebook.notebook import Notebook
from heliconemagic.render.figures import format_count
from heliconemagic.render.notice import Notice
from heliconemagic.verbs.local_model import describe_local_model
from heliconemagic.verbs.logging_proof import describe_logging


def diagnose(notebook: Notebook, frontend_facts: list[tuple[str, str]], spec: str | None = None) -> Notice:
    """One row for each thing that can be known; asks for models and the session's rows, sends no prompt."""
    keys = notebook.access.find_keys()
    rows = [*_describe_keys(keys), *_describe_gateway(notebook, spec), *_describe_journal(notebook), *frontend_facts]
    return Notice(head="doctor", columns=("what", "finding"), rows=tuple(rows))


def _describe_keys(keys: Keys) -> Iterator[tuple[str, str]]:
    for variable in (OPENAI_VARIABLE, HELICONE_VARIABLE):
        key = keys.get(variable)
        if key is None:
            yield variable, "not set"
            continue
        fault = check_key_shape(variable, key.secret)
        shape = f"its shape is wrong: it {fault}" if fault else "its shape is right"
        limits = "; it logs and reads nothing (pk-)" if key.is_write_only else ""
        yield variable, f"set, from {key.source}; {shape}{limits}"


def _describe_gateway(notebook: Notebook, spec: str | None) -> Iterator[tuple[str, str]]:
    try:
        choice = _find_choice(notebook, spec)
    except HeliconeMagicError as error:
        yield "gateway", str(error)
        return
    where = "in this process" if choice.gateway.answers_in_process else f"at {choice.gateway.base_url}"
    yield "gateway", f"{choice.gateway.label} {where}: {choice.reason or 'as you said'}"
    if choice.gateway.preset == "local":
        yield "local model", describe_local_model(LocalStore.find(notebook.surroundings.environ))
    yield "answers", _try_gateway(notebook, choice)
    yield "logging", describe_logging(notebook, choice)
    if told := notebook.deliveries.describe():
        yield "traced steps", told


def _find_choice(notebook: Notebook, spec: str | None) -> Choice:
    if spec is not None:
        return notebook.access.choose_gateway(spec)
    if notebook.session is not None:
        return notebook.session.choice
    return notebook.access.choose_gateway(notebook.surroundings.find_defaults().gateway)


def _try_gateway(notebook: Notebook, choice: Choice) -> str:
    try:
        _, models = notebook.models.fetch(None, choice=choice)
    except HeliconeMagicError as error:
        return f"no: {error.message} {error.cause or ''}".strip()
    return f"yes, with {format_count(len(models), 'model')}"


def _describe_journal(notebook: Notebook) -> Iterator[tuple[str, str]]:
    fault = notebook.journal.check()
    yield (
        "journal",
        f"cannot be written: {fault}" if fault else f"can be written: {default_folder(notebook.surroundings.environ)}",
    )
