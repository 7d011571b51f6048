"""What the programs of both languages are written of: names, remarks, messages and headers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Sequence
from typing import Any

from heliconemagic.attachments.attachment import Attachment, iterate_attachments
from heliconemagic.export.program import Call, Plan
from heliconemagic.render.code import read_files
from heliconemagic.render.literals import Expression, write_string

MOST_COLUMNS = 100


def find_free_name(name: str, taken: Container[str], reserved: Collection[str], *, joint: str) -> str:
    """``name``, or what is made of it where it is ``reserved`` by the language or ``taken`` by another variable.

    Args:
        joint: what stands between the name and a number.
    """
    plain = f"{name}_" if name in reserved else name
    if plain not in taken:
        return plain
    used, free = 1, 2
    while f"{name}{joint}{free}" in taken:
        used, free = free, 2 * free
    while free - used > 1:  # numbers are given one after the other: the first free one follows the last that is used
        middle = (used + free) // 2
        used, free = (middle, free) if f"{name}{joint}{middle}" in taken else (used, middle)
    return f"{name}{joint}{free}"


def list_opening_lines(plan: Plan, install: str) -> list[str]:
    """What the comment at the program's beginning says, the title first; ``install`` gets the client."""
    needed = ", ".join(plan.gateway.key_variables) or "no key"
    lines = [
        plan.title,
        f"A session in a notebook, done again with the plain OpenAI client: {install}",
        f"From the environment: {needed}, and OPENAI_BASE_URL to ask another server.",
        *plan.remarks,
    ]
    return [_escape(line) for line in lines]


def _escape(text: str) -> str:
    """One line that ends no comment and no docstring."""
    return write_string(" ".join(text.split()))[1:-1]


def write_signature(opening: str, given: Sequence[str], closing: str, indent: str) -> str:
    """The head of a function on one line, or where that is too long with a line for each parameter."""
    line = f"{opening}{', '.join(given)}{closing}"
    if len(line) <= MOST_COLUMNS:
        return line
    return opening + "\n" + "".join(f"{indent}{one},\n" for one in given) + closing


def iterate_calls(plan: Plan, mark: str, build_call: Callable[[Plan, Call], str]) -> Iterator[str]:
    """The code of each request below what has to be said of it; ``mark`` opens a comment."""
    for call in plan.calls:
        remarks = [f"{mark} {_escape(remark)}" for remark in _list_remarks(call)]
        yield "\n".join([*remarks, build_call(plan, call)])
    if not plan.calls:
        yield f"{mark} No request of this session was answered."


def _list_remarks(call: Call) -> list[str]:
    """What has to be said of a request, the files that only the notebook has among it."""
    missing = dict.fromkeys(found.name for found in iterate_attachments(call.messages) if not found.path)
    return [*call.remarks, *([f"Put beside this file: {', '.join(missing)}"] if missing else [])]


def list_messages(
    plan: Plan, call: Call, read_file: Callable[[Attachment], Expression], *, system: str, base: str
) -> list[Any]:
    """The items of a request's list of messages.

    Args:
        system: the name of the variable that has the shared instructions.
        base: the code that puts in the earlier conversation; empty if there is none.
    """
    instructions = [
        {**message, "content": Expression(system)} if plan.system and message.get("content") == plan.system else message
        for message in call.instructions
    ]
    return [*instructions, *([Expression(base)] if base else []), *read_files(call.messages, read_file)]


def list_sent_headers(plan: Plan, write_secret: Callable[[str], str]) -> list[str]:
    """The headers of all requests as entries that both languages spell alike, secrets from the environment."""
    plain = {**plan.gateway.extra_headers, **plan.headers}
    secret = {name: write_secret(template) for name, template in plan.gateway.secret_headers.items()}
    entries = {**{name: write_string(value) for name, value in plain.items()}, **secret}
    return [f"{write_string(name)}: {written}" for name, written in entries.items()]
