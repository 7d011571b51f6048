"""A session as a TypeScript program for npm's ``openai``, on Node. Pure."""

from __future__ import annotations

import re
from collections.abc import Container

from heliconemagic import headers
from heliconemagic.attachments.attachment import iterate_attachments
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
    read_file_in_typescript,
    read_in_typescript,
    split_body,
    write_typescript_secret,
)
from heliconemagic.render.literals import TYPESCRIPT, write_string

_TAKEN = frozenset(
    """
    any arguments as ask async await boolean break case catch class client console const constructor continue crypto
    debugger declare default delete do else enum eval export extends false finally for from function get if
    implements import in instanceof interface is let model module namespace never new null number object of package
    private process protected public randomUUID readFileSync require return sessionId sessionName set static string
    super switch symbol system this throw true try type typeof undefined unknown var void while with yield
    """.split()  # noqa: SIM905 (a word a line would be eighty lines)
)


def build_name(path: str, taken: Container[str]) -> str:
    """A variable's name of a path.

    >>> build_name("/outline/lesson-1", []), build_name("/2024", []), build_name("/delete", ["delete_"])
    ('outlineLesson1', 'step2024', 'delete2')
    """
    first, *rest = re.findall(r"[a-z0-9]+", path.lower()) or ["step"]
    words = first + "".join(word.capitalize() for word in rest)
    name = f"step{words}" if words[0].isdigit() else words
    return find_free_name(name, taken, _TAKEN, joint="")


def build_typescript(session: ExportedSession) -> str:
    """The whole file."""
    plan = build_plan(session, build_name)
    blocks = [
        _build_comment(plan),
        _build_imports(plan),
        _build_constants(plan),
        _build_client(plan),
        "type Message = OpenAI.ChatCompletionMessageParam;\n"
        "/** An answer, and the conversation that it ends. */\n"
        "type Answer = { text: string; messages: Message[] };",
        _build_ask(plan),
        *iterate_calls(plan, "//", _build_call),
    ]
    return sign("\n\n".join(blocks) + "\n", opening="// ")


def _build_comment(plan: Plan) -> str:
    return "\n".join(f"// {line}" for line in list_opening_lines(plan, "npm install openai"))


def _build_imports(plan: Plan) -> str:
    has_files = any(True for call in plan.calls for _ in iterate_attachments(call.messages))
    lines = [
        'import { randomUUID } from "node:crypto";',
        *(['import { readFileSync } from "node:fs";'] if has_files else []),
        "",
        'import OpenAI from "openai";',
    ]
    return "\n".join(lines)


def _build_constants(plan: Plan) -> str:
    lines = [
        "const sessionId = randomUUID();",
        f"const sessionName = {write_string(plan.name)};",
        f"const model = {write_string(plan.model)};",
    ]
    if plan.system:
        [entry] = TYPESCRIPT.write_entries({"system": plan.system}, "")
        lines.append(f"const system ={entry.removeprefix('system:')};")
    return "\n".join(lines)


def _build_client(plan: Plan) -> str:
    gateway = plan.gateway
    entries = [
        f"baseURL: process.env.OPENAI_BASE_URL ?? {write_string(gateway.base_url)}",
        f"apiKey: {_read_key(plan)}",
    ]
    if gateway.query:
        entries.append(f"defaultQuery: {TYPESCRIPT.write(dict(gateway.query), '  ')}")
    sent = list_sent_headers(plan, write_typescript_secret)
    if sent:
        inner = "".join(f"    {entry},\n" for entry in sent)
        entries.append(f"defaultHeaders: {{\n{inner}  }}")
    return "const client = new OpenAI({\n" + "".join(f"  {entry},\n" for entry in entries) + "});"


def _read_key(plan: Plan) -> str:
    variable = plan.gateway.key_variable
    if variable is None:
        return write_string(NO_KEY)
    found = read_in_typescript(variable)
    return f"{found} ?? {write_string(NO_KEY)}" if plan.gateway.is_key_optional else found


def _build_ask(plan: Plan) -> str:
    own = "        ...headers,\n" if plan.has_own_headers else ""
    given = ["path: string", "messages: Message[]", "parameters: object = {}"]
    given += ["headers: Record<string, string> = {}"] if own else []
    opening = write_signature("async function ask(", given, "): Promise<Answer> {", "  ")
    return (
        "/** Makes one request of the session. */\n"
        f"{opening}\n"
        "  const completion = await client.chat.completions.create(\n"
        "    { model, messages, ...parameters },\n"
        "    {\n"
        "      headers: {\n"
        f'        "{headers.SESSION_ID}": sessionId,\n'
        f'        "{headers.SESSION_NAME}": sessionName,\n'
        f'        "{headers.SESSION_PATH}": path,\n'
        f"{own}"
        "      },\n"
        "    },\n"
        "  );\n"
        '  const text = completion.choices[0]?.message.content ?? "";\n'
        "  console.log(`${path}\\n${text}\\n`);\n"
        '  return { text, messages: [...messages, { role: "assistant", content: text }] };\n'
        "}"
    )


def _build_call(plan: Plan, call: Call) -> str:
    known, extra = split_body(call.parameters)
    parameters = {**({"model": call.model} if call.model != plan.model else {}), **known, **extra}
    arguments = [write_string(call.path), _build_messages(plan, call)]
    if parameters or call.headers:
        arguments.append(TYPESCRIPT.write(parameters, "  "))
    if call.headers:
        arguments.append(TYPESCRIPT.write(dict(call.headers), "  "))
    return f"const {call.name} = await ask(\n" + "".join(f"  {argument},\n" for argument in arguments) + ");"


def _build_messages(plan: Plan, call: Call) -> str:
    base = _write_base(call.base) if call.base else ""
    return TYPESCRIPT.write(list_messages(plan, call, read_file_in_typescript, system="system", base=base), "  ")


def _write_base(base: Base) -> str:
    whole = f"...{base.name}.messages"
    if base.has_answer:
        return f"{whole}.slice({base.skipped})" if base.skipped else whole
    return f"{whole}.slice({base.skipped}, -1)"
