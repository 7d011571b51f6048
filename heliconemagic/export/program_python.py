"""A session as a Python program for the ``openai`` package. Pure."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Container

from heliconemagic import headers
from heliconemagic.attachments.attachment import iterate_attachments
from heliconemagic.attachments.limits import Kind
from heliconemagic.export.program import Base, Call, Plan, build_plan
from heliconemagic.export.program_parts import (
    find_free_name,
    iterate_calls,
    list_messages,
    list_opening_lines,
    list_sent_headers,
    write_signature,
)
from heliconemagic.export.session import ExportedSession
from heliconemagic.export.signature import sign
from heliconemagic.render.code import (
    NO_KEY,
    read_file_in_python,
    read_in_python,
    split_body,
    write_python_secret,
)
from heliconemagic.render.literals import PYTHON, write_string

_OWN = ("ask", "base64", "client", "os", "uuid")
_TAKEN = frozenset([*_OWN, *keyword.kwlist, *keyword.softkwlist, *dir(builtins)])


def build_name(path: str, taken: Container[str]) -> str:
    """A variable's name of a path.

    >>> build_name("/outline/lesson-1", []), build_name("/2024", []), build_name("/print", ["print_"])
    ('outline_lesson_1', 'step_2024', 'print_2')
    """
    words = re.sub(r"[^a-z0-9]+", "_", path.lower()).strip("_")
    name = words if words and not words[0].isdigit() else f"step_{words}".rstrip("_")
    return find_free_name(name, taken, _TAKEN, joint="_")


def build_python(session: ExportedSession) -> str:
    """The whole file."""
    plan = build_plan(session, build_name)
    blocks = [
        _build_docstring(plan),
        _build_imports(plan),
        _build_constants(plan),
        _build_client(plan),
        f"\n{_build_answer()}",
        f"\n{_build_ask(plan)}",
        *iterate_calls(plan, "#", _build_call),
    ]
    return sign("\n\n".join(blocks) + "\n", opening="# ")


def _build_docstring(plan: Plan) -> str:
    title, *lines = list_opening_lines(plan, "pip install openai")
    return '"""' + "\n".join([title, "", *lines]) + '\n"""'


def _build_imports(plan: Plan) -> str:
    files = [found for call in plan.calls for found in iterate_attachments(call.messages)]
    standard = [
        "import base64" if any(found.kind is not Kind.TEXT for found in files) else "",
        "import os",
        "import uuid",
        "from pathlib import Path" if files else "",
        "from typing import Any, NamedTuple",
    ]
    openai = ["from openai import OpenAI", "from openai.types.chat import ChatCompletionMessageParam"]
    return "\n\n".join(["\n".join(filter(None, standard)), "\n".join(openai)])


def _build_constants(plan: Plan) -> str:
    lines = [
        "SESSION_ID = str(uuid.uuid4())",
        f"SESSION_NAME = {write_string(plan.name)}",
        f"MODEL = {write_string(plan.model)}",
    ]
    return "\n".join([*lines, *([f"SYSTEM = {PYTHON.write(plan.system)}"] if plan.system else [])])


def _build_client(plan: Plan) -> str:
    gateway = plan.gateway
    arguments = [
        f'base_url=os.environ.get("OPENAI_BASE_URL", {write_string(gateway.base_url)})',
        f"api_key={_read_key(plan)}",
    ]
    if gateway.query:
        arguments.append(f"default_query={PYTHON.write(dict(gateway.query), '    ')}")
    sent = list_sent_headers(plan, write_python_secret)
    if sent:
        entries = "".join(f"        {entry},\n" for entry in sent)
        arguments.append(f"default_headers={{\n{entries}    }}")
    return "client = OpenAI(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"


def _read_key(plan: Plan) -> str:
    variable = plan.gateway.key_variable
    if variable is None:
        return write_string(NO_KEY)
    return (
        f"os.environ.get({write_string(variable)}, {write_string(NO_KEY)})"
        if plan.gateway.is_key_optional
        else read_in_python(variable)
    )


def _build_answer() -> str:
    return (
        "class Answer(NamedTuple):\n"
        '    """An answer, and the conversation that it ends."""\n\n'
        "    text: str\n"
        "    messages: list[ChatCompletionMessageParam]"
    )


def _build_ask(plan: Plan) -> str:
    given = ["path: str", "messages: list[ChatCompletionMessageParam]"]
    given += ["model: str = MODEL"] if plan.has_other_models else []
    given += ["headers: dict[str, str] | None = None"] if plan.has_own_headers else []
    own = ["            **(headers or {}),\n"] if plan.has_own_headers else []
    opening = write_signature("def ask(", [*given, "**parameters: Any"], ") -> Answer:", "    ")
    return (
        f"{opening}\n"
        '    """Makes one request of the session."""\n'
        "    completion = client.chat.completions.create(\n"
        f"        model={'model' if plan.has_other_models else 'MODEL'},\n"
        "        messages=messages,\n"
        "        extra_headers={\n"
        f'            "{headers.SESSION_ID}": SESSION_ID,\n'
        f'            "{headers.SESSION_NAME}": SESSION_NAME,\n'
        f'            "{headers.SESSION_PATH}": path,\n'
        f"{''.join(own)}"
        "        },\n"
        "        **parameters,\n"
        "    )\n"
        '    text = completion.choices[0].message.content or ""\n'
        '    print(f"{path}\\n{text}\\n")\n'
        '    return Answer(text, [*messages, {"role": "assistant", "content": text}])\n'
    )


def _build_call(plan: Plan, call: Call) -> str:
    known, extra = split_body(call.parameters)
    arguments = [write_string(call.path), _build_messages(plan, call)]
    arguments += [f"model={write_string(call.model)}"] if call.model != plan.model else []
    arguments += [f"headers={PYTHON.write(dict(call.headers), '    ')}"] if call.headers else []
    arguments += [f"{name}={PYTHON.write(value, '    ')}" for name, value in known.items()]
    arguments += [f"extra_body={PYTHON.write(extra, '    ')}"] if extra else []
    return f"{call.name} = ask(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"


def _build_messages(plan: Plan, call: Call) -> str:
    base = _write_base(call.base) if call.base else ""
    return PYTHON.write(list_messages(plan, call, read_file_in_python, system="SYSTEM", base=base), "    ")


def _write_base(base: Base) -> str:
    first, last = str(base.skipped or ""), "" if base.has_answer else "-1"
    return f"*{base.name}.messages[{first}:{last}]" if first or last else f"*{base.name}.messages"
