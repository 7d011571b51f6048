"""The folded parts of a card: the request as it was sent, and the same request as code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from heliconemagic.attachments.attachment import iterate_attachments, parse_part
from heliconemagic.records import Message, Step
from heliconemagic.render.card_state import RequestForm
from heliconemagic.render.code import build_python, build_typescript
from heliconemagic.render.figures import format_count
from heliconemagic.render.highlight import build_code_block
from heliconemagic.render.markup import NO_MATH, escape
from heliconemagic.render.terminal import drop_controls

MAX_MESSAGE = 20_000
"""Characters of one message that are shown; the journal has them all."""
MAX_CODE = 100_000

_TRANSPORT = ("stream", "stream_options")


def build_request_html(step: Step, form: RequestForm | None) -> str:
    """Both folded parts; only the first where the request's form isn't known."""
    named = (("parameters", build_parameters_html(step, form)), ("sent to", build_headers_html(form)))
    parts = (f"<p><strong>{name}</strong></p>{part}" for name, part in named if part)
    content = "".join((build_messages_html(step.messages), *parts))
    folded = _fold(describe_request(step, form), content)
    return folded if form is None else folded + _fold("as code: Python · TypeScript", _build_code(form))


def describe_request(step: Step, form: RequestForm | None) -> str:
    """``request: 5 messages, 1 attachment, temperature 0.7``."""
    parts = [format_count(len(step.messages), "message")]
    if attached := sum(1 for _ in iterate_attachments(step.messages)):
        parts.append(format_count(attached, "attachment"))
    for name, value in _list_parameters(step, form).items():
        if schema := _find_schema_name(name, value):
            parts.append(f"schema {schema}")
            continue
        written = _write(value)
        parts.append(f"{name} {written}" if len(written) <= 24 else name)
    return "request: " + ", ".join(parts)


def _find_schema_name(name: str, value: Any) -> str:
    """What the object that is asked for is called; empty for any other parameter."""
    wanted = value.get("json_schema") if name == "response_format" and isinstance(value, Mapping) else None
    return str(wanted.get("name") or "") if isinstance(wanted, Mapping) else ""


def _list_parameters(step: Step, form: RequestForm | None) -> dict[str, Any]:
    given = form.body if form is not None else step.parameters
    return {name: value for name, value in given.items() if name not in ("model", "messages", *_TRANSPORT)}


def build_messages_html(messages: Iterable[Message]) -> str:
    """Messages below each other, each as it was sent; attachments in words."""
    said = ((message.get("role", ""), _shorten(_read_content(message))) for message in messages)
    return "".join(f"<p><strong>{escape(role)}</strong></p><pre>{escape(content)}</pre>" for role, content in said)


def _read_content(message: Mapping[str, Any]) -> str:
    """Text as it is, attachments in words; anything else, and anything besides role and content, as JSON."""
    content = message.get("content")
    rest = {name: value for name, value in message.items() if name not in ("role", "content")}
    if isinstance(content, list | tuple):
        text = "\n\n".join(map(_read_part, content))
    else:
        text = content if isinstance(content, str) else _write(content, indent=2)
    return f"{text}\n{_write(rest, indent=2)}" if rest else text


def _read_part(part: Any) -> str:
    attachment = parse_part(part)
    if attachment is not None:
        return f"[{attachment.describe_named()}, sha256 {attachment.sha256[:12]}]"
    is_text = isinstance(part, Mapping) and set(part) == {"type", "text"} and isinstance(part["text"], str)
    return str(part["text"]) if is_text else _write(part, indent=2)


def _shorten(text: str) -> str:
    if len(text) <= MAX_MESSAGE:
        return text
    return f"{text[:MAX_MESSAGE]}\n… {len(text) - MAX_MESSAGE:,} more characters"


def build_parameters_html(step: Step, form: RequestForm | None) -> str:
    """The parameters of a request besides model and messages; empty where there are none."""
    parameters = _list_parameters(step, form)
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td><code>{escape(_shorten(_write(value)))}</code></td></tr>"
        for name, value in parameters.items()
    )
    return f'<table class="hm-plain"><tbody>{rows}</tbody></table>'


def build_headers_html(form: RequestForm | None) -> str:
    """Address and headers; where a key stands, the variable it comes from."""
    if form is None:
        return ""
    lines = [f"POST {form.url}"]
    if form.api_key_variable:
        lines.append(f"Authorization: Bearer {{{form.api_key_variable}}}")
    lines.extend(f"{name}: {value}" for name, value in {**form.headers, **form.secret_headers}.items())
    return f"<pre>{escape(chr(10).join(lines))}</pre>"


def _build_code(form: RequestForm) -> str:
    if sum(len(str(message)) for message in form.body.get("messages", ())) > MAX_CODE:
        return "<p>The conversation is too long to repeat it here as code.</p>"
    return "".join(
        f"<p><strong>{name}</strong></p>{build_code_block(drop_controls(code), language)}"
        for name, language, code in (
            ("Python", "python", build_python(form)),
            ("TypeScript", "typescript", build_typescript(form)),
        )
    )


def _fold(summary: str, content: str) -> str:
    return f'<details class="{NO_MATH}"><summary>{escape(summary)}</summary>{content}</details>'


def _write(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)
