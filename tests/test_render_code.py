"""A request as code sends the same request: both languages run against a server on loopback."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from openai.resources.chat import Completions
from render_samples import ATTACKS, list_dangers

from heliconemagic.render.card import RequestForm
from heliconemagic.render.code import KNOWN_PARAMETERS, build_python, build_typescript
from heliconemagic.render.literals import PYTHON, write_string
from heliconemagic.render.markdown import make_safe_markdown

KEYS = {"OPENAI_API_KEY": "sk-fakefake", "HELICONE_API_KEY": "sk-helicone-fakefak-efakefa-kefakef-akefake"}
HOSTILE = (
    'quote " \' ` ${process.exit(9)} {os._exit(9)} \\ \\" \\n </script> \'\'\'\n"""\r\n\u2028\u202e é 😀 \x00\x7f end'
)

MINIMAL: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
FULL: dict[str, Any] = {
    "model": "gpt-4o-mini",
    "messages": [
        {"role": "system", "content": HOSTILE},
        {"role": "user", "content": [{"type": "text", "text": HOSTILE * 3}]},
        {"role": "user", "content": "a line\nanother line\n\n  indented\n"},
    ],
    "temperature": 0.7,
    "max_tokens": 300,
    "stop": ["\n", "END"],
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"__proto__": {}, "a b": None}}},
    "logprobs": True,
    "top_k": 5,
    "reasoning": {"effort": "low", "exclude": False},
    "stream": True,
    "stream_options": {"include_usage": True},
}
SESSION_HEADERS = {
    "Helicone-Session-Id": "5f1d",
    "Helicone-Session-Path": "/a\"b'`${x}\\",
    "Helicone-Session-Name": "A",
}
SECRET_HEADERS = {
    "Helicone-Auth": "Bearer {HELICONE_API_KEY}",
    "X-Bare": "{HELICONE_API_KEY}",
    "X-Odd": "\"`$ {HELICONE_API_KEY} {not a name} '\\",
}
FORMS = {
    "as short as it gets": {"api_key_variable": "OPENAI_API_KEY", "body": MINIMAL},
    "no key": {"api_key_variable": None, "body": {**MINIMAL, "stream": True}},
    "everything": {
        "api_key_variable": "OPENAI_API_KEY",
        "headers": SESSION_HEADERS,
        "secret_headers": SECRET_HEADERS,
        "body": FULL,
        "query": {"api-version": "2024-10-21"},
    },
}
COMPLETION = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "answered"}}],
}  # fmt: skip
CHUNK = {
    "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
    "choices": [{"index": 0, "delta": {"content": "answered"}}],
}  # fmt: skip


class Recorder(BaseHTTPRequestHandler):
    """Answers every completion, streamed or not, and keeps what was asked."""

    received: list[tuple[str, dict[str, str], dict[str, Any]]]

    def do_POST(self) -> None:
        """One completion."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.received.append((self.path, dict(self.headers.items()), body))
        stream = f"data: {json.dumps(CHUNK)}\n\ndata: {json.dumps({**CHUNK, 'choices': []})}\n\ndata: [DONE]\n\n"
        answer = (stream if body.get("stream") else json.dumps(COMPLETION)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if body.get("stream") else "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: the test looks at what was received."""


class Server:
    """A server on loopback, and what it received."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        handler = type("Handler", (Recorder,), {"received": self.received})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        """Stops and joins."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that answers completions."""
    server = Server()
    yield server
    server.close()


def run(command: list[str], folder: Path) -> str:
    """The output of a program that has the keys in its environment."""
    environment = {"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8", **KEYS}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def build_form(name: str, server: Server) -> RequestForm:
    """One of the forms, sent to ``server``."""
    return RequestForm(base_url=server.base_url, **FORMS[name])  # type: ignore[arg-type]


def check_received(server: Server, form: RequestForm) -> None:
    """The one request that came is the form, with its secrets filled in."""
    ((path, headers, body),) = server.received
    assert f"http://host{path}" == replace(form, base_url="http://host/v1").url
    assert body == dict(form.body)
    key = KEYS[form.api_key_variable] if form.api_key_variable else "none"
    filled = {
        name: value.replace("{HELICONE_API_KEY}", KEYS["HELICONE_API_KEY"])
        for name, value in form.secret_headers.items()
    }
    expected = {**form.headers, **filled, "Authorization": f"Bearer {key}"}
    received = {name.lower(): value for name, value in headers.items()}
    assert {name: received.get(name.lower()) for name in expected} == expected


@pytest.mark.parametrize("name", FORMS)
def test_the_python_form_sends_the_same_request(name: str, server: Server, tmp_path: Path) -> None:
    """Body and headers arrive as the form has them; the answer is printed."""
    form = build_form(name, server)
    (tmp_path / "request.py").write_text(build_python(form), encoding="utf-8")
    assert run([sys.executable, "request.py"], tmp_path) == "answered\n"
    check_received(server, form)


@pytest.mark.parametrize("name", FORMS)
def test_the_typescript_form_sends_the_same_request(name: str, server: Server, node_folder: Path) -> None:
    """It is plain JavaScript too, so Node runs it as it is."""
    form = build_form(name, server)
    (node_folder / "request.mjs").write_text(build_typescript(form), encoding="utf-8")
    assert run(["node", "request.mjs"], node_folder) == "answered\n"
    check_received(server, form)


def test_the_code_reads_as_one_would_write_it() -> None:
    """Short things on one line, keys from the environment, nothing that isn't needed."""
    form = RequestForm(base_url="http://a/v1", api_key_variable=None, body={**MINIMAL, "temperature": 0.7})
    assert build_python(form) == (
        "from openai import OpenAI\n\n"
        "client = OpenAI(\n"
        '    base_url="http://a/v1",\n'
        '    api_key="none",\n'
        ")\n\n"
        "completion = client.chat.completions.create(\n"
        '    model="gpt-4o-mini",\n'
        '    messages=[{"role": "user", "content": "Hi"}],\n'
        "    temperature=0.7,\n"
        ")\n"
        "print(completion.choices[0].message.content)\n"
    )


def test_no_key_is_ever_in_the_code() -> None:
    """A secret header stays a variable's name."""
    form = RequestForm(base_url="http://a", api_key_variable="OPENAI_API_KEY", secret_headers=SECRET_HEADERS, body=FULL)
    assert "os.environ['HELICONE_API_KEY']" in build_python(form)
    assert "process.env.HELICONE_API_KEY" in build_typescript(form)


def test_what_the_client_takes_by_name_is_known() -> None:
    """Anything else would be a TypeError in Python; it goes through ``extra_body``."""
    assert set(inspect.signature(Completions.create).parameters) >= KNOWN_PARAMETERS


@pytest.mark.parametrize("text", [HOSTILE, "", "\ud83d", *ATTACKS])
def test_a_literal_is_the_text(text: str) -> None:
    """Whatever is in it, a literal reads back as what was written, and shows every character."""
    for literal in (write_string(text), PYTHON.write(text)):
        assert eval(literal) == text
        assert literal.replace("\n", "").replace("😀", "").isprintable()


def test_markdown_is_harmless_when_really_rendered(node_folder: Path) -> None:
    """marked, which JupyterLab renders with, finds no element that acts: in each attack, and in all of them at once."""
    answers = [make_safe_markdown(attack) for attack in [*ATTACKS, *_join_attacks()]]
    (node_folder / "answers.json").write_text(json.dumps(answers))
    (node_folder / "render.mjs").write_text(
        'import { readFileSync } from "node:fs";\nimport { marked } from "marked";\n'
        'const answers = JSON.parse(readFileSync("answers.json", "utf8"));\n'
        "console.log(JSON.stringify(answers.map((answer) => marked.parse(answer))));\n"
    )
    pages = json.loads(run(["node", "render.mjs"], node_folder))
    assert [
        (answer, list_dangers(page)) for answer, page in zip(answers, pages, strict=True) if list_dangers(page)
    ] == []


def _join_attacks() -> list[str]:
    """Every attack beside every other one, as lines and as blocks."""
    pairs = [(first, second) for first in ATTACKS for second in ATTACKS]
    return [between.join(pair) for pair in pairs for between in ("\n", "\n\n", " ")]
