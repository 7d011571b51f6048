"""Steps, cards and hostile texts for the rendering tests, and a reader that sees HTML as a browser does."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from heliconemagic.records import Step, StepStatus
from heliconemagic.render.card import Card, RequestForm
from heliconemagic.usage import Usage

PLAIN = (
    "p h1 h2 h3 h4 h5 h6 ul li blockquote pre code hr br strong em s del ins table thead tbody tfoot tr div span "
    "summary style samp"
)
ALLOWED: dict[str, set[str]] = {
    "a": {"href", "target", "rel"},
    "ol": {"start"},
    "th": {"align"},
    "td": {"align"},
    "details": {"open"},
    **{tag: set() for tag in PLAIN.split()},
}
SAFE_SCHEMES = ("http://", "https://", "mailto:")

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=https://evil.example/p.png>",
    "<svg/onload=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<p style='position:fixed' id=x onclick=alert(1)>",
    "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "</details></div><script>alert(1)</script>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?php <img src=x onerror=alert(1)> ?>",
    "\\<img src=x onerror=alert(1)>",
    "&lt;img src=x onerror=alert(1)&gt;",
    "&#60;img src=x onerror=alert(1)&#62;",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x]( javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example)",
    '[x](https://a.example/"onmouseover="alert(1))',
    '[x](https://a.example "t" onmouseover=alert(1) ")',
    "<javascript:alert(1)>",
    "[b]\n\n[b]: javascript:alert(1)",
    "[b][c]\n\n[c]: data:text/html,x",
    "![x](https://evil.example/p.png)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "![a][b]\n\n[b]: https://evil.example/p.png",
    "[![x](https://evil.example/p.png)](javascript:alert(1))",
    "```\n</code></pre><script>alert(1)</script>",
    "```html\n<script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "`</code><script>alert(1)</script>`",
    "`a\\`<img src=x onerror=alert(1)>`",
    "    <script>alert(1)</script>",
    "a\n    <img src=x onerror=alert(1)>",
    "- ```\n  $\n  ```\n  x $ y\n  ```\n  <img src=x onerror=alert(1)>\n  ```",
    "1. ```\n<script>alert(1)</script>\n   ```",
    "> ```\n<img src=x onerror=alert(1)>\n> ```",
    "~~~\n```\n<script>alert(1)</script>\n~~~\n```\n<script>alert(2)</script>",
    "| a ` | <img src=x onerror=alert(1)> ` |\n|--|--|",
    "`$a ` b $ `<img src=x onerror=alert(1)>`",
    "$</span><script>alert(1)</script>$",
    "$$\n</div><script>alert(1)</script>\n$$",
    "$[x](javascript:alert(1))$",
    "$a{$ [x](javascript:alert(1)) $b}$",
    "$$\n```\n$$\n<img src=x onerror=alert(1)>\n```",
    '\\(<img src=x onerror=alert(1)>\\)',
    'https://a.example/$"onmouseover=alert(1)//$',
    'https://a.example/\\\\("onmouseover=alert(1) \\\\)',
    'https://a.example/\\begin{x}"onmouseover=alert(1) \\end{x}',
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J \x90q\x9c",
    "\u202egpj.exe\u2066 \u200f\u061c",
    "a\x00b\x08c \ud83d",
]  # fmt: skip

FORM = RequestForm(
    base_url="https://oai.helicone.ai/v1",
    api_key_variable="OPENAI_API_KEY",
    headers={"Helicone-Session-Id": "5f1d", "Helicone-Session-Path": "/outline"},
    secret_headers={"Helicone-Auth": "Bearer {HELICONE_API_KEY}"},
    body={"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Go on."}], "temperature": 0.7},
)


def build_step(**changes: Any) -> Step:
    """A finished step; any field can be another."""
    fields: dict[str, Any] = {
        "id": "step-1",
        "session_id": "5f1d",
        "path": "/outline",
        "status": StepStatus.DONE,
        "gateway": "oai",
        "model": "gpt-4o-mini",
        "messages": ({"role": "system", "content": "You teach."}, {"role": "user", "content": "Go on."}),
        "parameters": {"temperature": 0.7},
        "started_at": 100.0,
        "first_token_at": 100.41,
        "ended_at": 106.3,
        "text": "Some *text*.",
        "usage": Usage(prompt_tokens=1204, completion_tokens=188),
        "cost": 0.00029,
    }
    return Step(**{**fields, **changes})


def build_card(**changes: Any) -> Card:
    """A card of `build_step`'s step; fields of the card by their names, all others are the step's.

    ``error`` is the card's, ``error_text`` the step's.
    """
    if "error_text" in changes:
        error_text = changes.pop("error_text")
        changes = {"step": build_step(**changes, error=error_text)}
    own = {name: changes.pop(name) for name in list(changes) if name in Card.__dataclass_fields__}
    return Card(**{"step": build_step(**changes), **own})


class PageReader(HTMLParser):
    """What a browser would make of HTML: its elements with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    @property
    def text(self) -> str:
        """All text, without its blanks: those differ between forms."""
        return "".join("".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in ("br", "hr", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Its end, which must match."""
        assert self.open, f"</{tag}> closes what is around the page"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text; a style sheet's isn't."""
        if self.open[-1:] != ["style"]:
            self.words.append(data)


def list_dangers(page: str, *, classes: bool = True) -> list[str]:
    """Every element, attribute and link of ``page`` that isn't known to be harmless."""
    found = []
    for tag, attributes in PageReader(page).elements:
        if tag not in ALLOWED:
            found.append(f"<{tag}>")
        for name, value in attributes.items():
            if name not in ALLOWED.get(tag, set()) and not (classes and name == "class"):
                found.append(f"<{tag} {name}={value!r}>")
            if name == "href" and not (value or "").lower().startswith(SAFE_SCHEMES):
                found.append(f"<{tag} {name}={value!r}>")
    return found
