"""A request as code: the plain OpenAI client in Python and TypeScript, sending the same body and headers.

Secrets are read from the environment by the code itself; none is ever written into it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from heliconemagic.attachments.attachment import Attachment, iterate_attachments, replace_attachments
from heliconemagic.attachments.limits import Kind
from heliconemagic.attachments.wire import build_data_part, build_text_part
from heliconemagic.records import Message
from heliconemagic.render.card_state import RequestForm
from heliconemagic.render.literals import PYTHON, TYPESCRIPT, Expression, write_string

KNOWN_PARAMETERS = frozenset(
    """
    audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens messages
    metadata modalities model n parallel_tool_calls prediction presence_penalty prompt_cache_key reasoning_effort
    response_format safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools
    top_logprobs top_p user verbosity web_search_options
    """.split()  # noqa: SIM905 (a word a line would be forty lines)
)
"""What the clients' ``create`` takes by name; anything else has to travel as an extra part of the body."""

NO_KEY = "none"
"""The clients insist on a key, also where the server needs none."""

_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def build_python(form: RequestForm) -> str:
    """A script for the ``openai`` package."""
    body = _read_body(form, read_file_in_python)
    known, extra = split_body(body)
    arguments = [f"{name}={PYTHON.write(value, '    ')}" for name, value in known.items()]
    if extra:
        arguments.append(f"extra_body={PYTHON.write(extra, '    ')}")
    client = [
        f"base_url={write_string(form.base_url)}",
        f"api_key={_write_python_key(form)}",
        *([f"default_query={PYTHON.write(dict(form.query), '    ')}"] if form.query else []),
        *_write_headers("default_headers=", form, write_python_secret, "    "),
    ]
    imports = _import_in_python(form)
    call = f"client.chat.completions.create(\n{_indent(arguments, '    ')})"
    built = f"client = OpenAI(\n{_indent(client, '    ')})"
    return f"{imports}\n\n{_comment('#', form)}{built}\n\n{_use_in_python(call, is_streamed=bool(body.get('stream')))}"


def build_typescript(form: RequestForm) -> str:
    """A module for npm's ``openai``; it is plain JavaScript as well."""
    body = _read_body(form, read_file_in_typescript)
    known, extra = split_body(body)
    arguments = TYPESCRIPT.write_entries(known, "  ")
    if extra:
        arguments.append(f"...{TYPESCRIPT.write(extra, '  ')}")
    client = [
        f"baseURL: {write_string(form.base_url)}",
        f"apiKey: {read_in_typescript(form.api_key_variable) if form.api_key_variable else write_string(NO_KEY)}",
        *([f"defaultQuery: {TYPESCRIPT.write(dict(form.query), '  ')}"] if form.query else []),
        *_write_headers("defaultHeaders: ", form, write_typescript_secret, "  "),
    ]
    built = f"const client = new OpenAI({{\n{_indent(client, '  ')}}});"
    call = f"await client.chat.completions.create({{\n{_indent(arguments, '  ')}}});"
    used = _use_in_typescript(call, is_streamed=bool(body.get("stream")))
    imports = 'import { readFileSync } from "node:fs";\n\n' if _list_files(form) else ""
    return f'{imports}import OpenAI from "openai";\n\n{_comment("//", form)}{built}\n\n{used}'


def _use_in_python(call: str, *, is_streamed: bool) -> str:
    if not is_streamed:
        return f"completion = {call}\nprint(completion.choices[0].message.content)\n"
    return (
        f"stream = {call}\n"
        "for chunk in stream:\n"
        "    if chunk.choices and chunk.choices[0].delta.content:\n"
        '        print(chunk.choices[0].delta.content, end="", flush=True)\n'
        "print()\n"
    )


def _use_in_typescript(call: str, *, is_streamed: bool) -> str:
    if not is_streamed:
        return f"const completion = {call}\nconsole.log(completion.choices[0]?.message.content);\n"
    return (
        f"const stream = {call}\n"
        "for await (const chunk of stream) {\n"
        '  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");\n'
        "}\n"
        "console.log();\n"
    )


def _read_body(form: RequestForm, read_file: Callable[[Attachment], Expression]) -> dict[str, Any]:
    """The body as JSON will carry it; ``read_file`` says how the code gets what is attached."""
    body: dict[str, Any] = json.loads(json.dumps(dict(form.body), default=str))

    return {**body, "messages": read_files(body.get("messages", ()), read_file)} if _list_files(form) else body


def read_files(messages: Iterable[Message], read_file: Callable[[Attachment], Expression]) -> list[dict[str, Any]]:
    """The messages with parts that the code fills from files, in place of what is attached."""

    def build(attachment: Attachment) -> dict[str, Any]:
        build_part = build_text_part if attachment.kind is Kind.TEXT else build_data_part
        return build_part(attachment, read_file(attachment))

    return replace_attachments(messages, build)


def _list_files(form: RequestForm) -> list[Attachment]:
    return list(iterate_attachments(form.body.get("messages", ())))


def _comment(mark: str, form: RequestForm) -> str:
    """Which files the code needs that only the notebook has: those made of its variables, or from elsewhere."""
    missing = dict.fromkeys(attachment.name for attachment in _list_files(form) if not attachment.path)
    return f"{mark} put beside this file: {', '.join(missing)}\n" if missing else ""


def read_file_in_python(attachment: Attachment) -> Expression:
    """The file's bytes in base64, or its text, for its content part."""
    path = f"Path({write_string(attachment.path or attachment.name)})"
    if attachment.kind is Kind.TEXT:
        return Expression(f'{path}.read_text(encoding="utf-8")')
    return Expression(f"base64.b64encode({path}.read_bytes()).decode()")


def read_file_in_typescript(attachment: Attachment) -> Expression:
    """The same, with Node's ``readFileSync``."""
    encoding = "utf8" if attachment.kind is Kind.TEXT else "base64"
    return Expression(f'readFileSync({write_string(attachment.path or attachment.name)}, "{encoding}")')


def _import_in_python(form: RequestForm) -> str:
    files = _list_files(form)
    needed = [
        "import base64" if any(attachment.kind is not Kind.TEXT for attachment in files) else "",
        "import os" if _needs_environment(form) else "",
        "from pathlib import Path" if files else "",
    ]
    standard = "\n".join(line for line in needed if line)
    return "\n\n".join(part for part in (standard, "from openai import OpenAI") if part)


def split_body(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the clients take by name, and what has to travel as an extra part of the body."""
    known = {name: value for name, value in body.items() if name in KNOWN_PARAMETERS}
    return known, {name: value for name, value in body.items() if name not in KNOWN_PARAMETERS}


def _needs_environment(form: RequestForm) -> bool:
    return form.api_key_variable is not None or any(_VARIABLE.search(value) for value in form.secret_headers.values())


def _write_headers(opening: str, form: RequestForm, write_secret: Callable[[str], str], indent: str) -> Iterable[str]:
    """The clients' own argument for headers on every request; nothing where there are none."""
    entries = [f"{write_string(name)}: {write_string(value)}" for name, value in form.headers.items()]
    entries += [f"{write_string(name)}: {write_secret(value)}" for name, value in form.secret_headers.items()]
    if entries:
        yield f"{opening}{{\n{_indent(entries, indent * 2)}{indent}}}"


def _write_python_key(form: RequestForm) -> str:
    return read_in_python(form.api_key_variable) if form.api_key_variable else write_string(NO_KEY)


def read_in_python(variable: str) -> str:
    """The value of an environment variable, which has to be set."""
    return f"os.environ[{write_string(variable)}]"


def write_python_secret(template: str) -> str:
    """The template as an f-string, or as the bare variable where it is nothing else."""
    whole = _VARIABLE.fullmatch(template)
    if whole:
        return read_in_python(whole[1])
    literals, names = _split_template(template)
    spans = [f"{{os.environ['{name}']}}" for name in names]
    quoted = [write_string(text)[1:-1].replace("{", "{{").replace("}", "}}") for text in literals]
    return f'f"{_weave(quoted, spans)}"' if spans else write_string(template)


def read_in_typescript(variable: str) -> str:
    """The value of an environment variable; undefined where it isn't set."""
    return f"process.env.{variable}" if variable.isidentifier() else f"process.env[{write_string(variable)}]"


def write_typescript_secret(template: str) -> str:
    """The template as a template literal."""
    literals, names = _split_template(template)
    if not names:
        return write_string(template)
    spans = [f"${{{read_in_typescript(name)}}}" for name in names]
    quoted = [re.sub(r"([`$])", r"\\\1", write_string(text)[1:-1]) for text in literals]
    return f"`{_weave(quoted, spans)}`"


def _split_template(template: str) -> tuple[list[str], list[str]]:
    """The texts between the variables, one more than variables."""
    parts = _VARIABLE.split(template)
    return parts[::2], parts[1::2]


def _weave(literals: list[str], spans: list[str]) -> str:
    return literals[0] + "".join(span + literal for span, literal in zip(spans, literals[1:], strict=True))


def _indent(lines: Iterable[str], indent: str) -> str:
    return "".join(f"{indent}{line},\n" for line in lines)
