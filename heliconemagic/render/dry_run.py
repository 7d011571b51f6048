"""A request that was not sent: exactly what would go out, without its secrets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from heliconemagic.attachments.wire import build_shown_messages
from heliconemagic.render.card import RequestForm
from heliconemagic.render.markup import NO_MATH, SEPARATOR, escape
from heliconemagic.render.style import add_style
from heliconemagic.render.terminal import make_safe_text


def build_dry_run_bundle(form: RequestForm, lines: Sequence[str]) -> dict[str, Any]:
    """The request as HTML and text; ``lines`` say its place, size and cost."""
    request = build_request_text(form)
    said = "<br>".join(escape(line) for line in lines)
    page = add_style(
        f'<div class="hm {NO_MATH}"><div class="hm-head"><strong class="hm-title">dry run</strong>'
        f'{SEPARATOR}<span>nothing was sent</span></div><div class="hm-body hm-lines">{said}</div>'
        f'<div class="hm-body"><pre>{escape(request)}</pre></div></div>'
    )
    text = "\n".join(["dry run: nothing was sent", *(f"  {line}" for line in lines), make_safe_text(request)])
    return {"text/html": page, "text/plain": text}


def build_request_text(form: RequestForm) -> str:
    """The request line, headers and indented JSON body.

    Secrets stand as their variables' names, and a few words in place of what is attached.
    """
    headers = {**form.headers, **form.secret_headers}
    if form.api_key_variable:
        headers["Authorization"] = f"Bearer {{{form.api_key_variable}}}"
    head = [
        f"POST {form.url}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    body = {**form.body, "messages": build_shown_messages(form.body.get("messages", ()))}
    return "\n".join([*head, "", json.dumps(body, indent=2, ensure_ascii=False, default=str)])
