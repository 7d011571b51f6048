"""What leaves this machine: without keys, without this user's folders, and otherwise as it was."""

from __future__ import annotations

import pytest
from export_samples import KEY, build_step

from heliconemagic.lessons.portable import Portable
from heliconemagic.records import Delivery, DeliveryState, Origin, OriginKind, ToolCall
from heliconemagic.redaction import Redactor, Secret


def build_portable() -> Portable:
    """At the machine of ann, whose course is open."""
    return Portable({"/home/ann": "~", "/home/ann/course": "."}, Redactor([Secret(KEY)]))


@pytest.mark.parametrize(
    "text",
    [
        "data: my key is sk-proj-ABCDEFGH12345678, see /home/ann/x",
        "data:\nsk-proj-ABCDEFGH12345678 /home/ann/x",
        "data:text/plain,see /home/ann/x and sk-proj-ABCDEFGH12345678",
        f"data:text/plain,{KEY}",
    ],
)
def test_text_that_begins_like_a_data_url_is_text(text: str) -> None:
    """A prompt may begin with the word "data:"; and a configured key is taken out of everything."""
    made = build_portable().make(text)
    assert "sk-" not in made and "/home/ann" not in made


def test_data_urls_stay_what_they_are() -> None:
    """Their bytes may look like a key by chance, and a picture must not break."""
    picture = "data:image/png;charset=a;base64,iVBORw0KGgo/sk-proj-ABCDEFGH12345678+AIzaAAAAAAAAAAAAAAAAAAAAAAAA="
    assert build_portable().make({"url": picture}) == {"url": picture}


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/home/ann/x",
        "http://localhost:8888/home/ann/course",
        "/mnt/backup/home/ann/x",
        "./home/ann",
        "backup/home/ann/x",
        "/home/anna/x",
    ],
)
def test_folders_within_addresses_and_longer_paths_stay(text: str) -> None:
    """They are none of this machine's; and nobody is told that one was found."""
    portable = build_portable()
    assert portable.make(text) == text
    assert not portable.found_folders


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("/home/ann/x", "~/x"),
        ("file:///home/ann/course/a.csv", "file://./a.csv"),
        ("vscode://file/home/ann/x", "vscode://file~/x"),
        ('"/home/ann/x"', '"~/x"'),
        ("PATH=/bin:/home/ann/bin", "PATH=/bin:~/bin"),
        (r'{"text": "a\n/home/ann/x"}', r'{"text": "a\n~/x"}'),
        ("\x1b[31m/home/ann/x", "\x1b[31m~/x"),
        ("cc -I/home/ann/include", "cc -I~/include"),
        ("保存在/home/ann/x", "保存在~/x"),
    ],
)
def test_folders_are_found_wherever_a_path_can_begin(text: str, made: str) -> None:
    """After a quotation mark, an option's letter, a colour of a terminal, an escape of JSON, another script."""
    assert build_portable().make(text) == made


def test_steps_have_no_keys_anywhere() -> None:
    """Nor folders: gateways, names, reasons and the names of properties are written by somebody, too."""
    dirty = f"{KEY} /home/ann/x"
    step = build_step(
        1, "/a", {"role": "user", dirty: "x"}, gateway=f"http://x/{dirty}", properties={dirty: "x"},
        parameters={"logit_bias": {dirty: 1}}, tool_calls=(ToolCall(id=dirty, name=dirty, arguments=dirty),),
        origin=Origin(kind=OriginKind.KEPT, answered_at=1.0, source=dirty, reason=dirty),
        delivery=Delivery(state=DeliveryState.REFUSED, reason=dirty),
    )  # fmt: skip
    made = repr(build_portable().make_step(step))
    assert KEY not in made and "/home/ann" not in made


class CountingRedactor(Redactor):
    """Counts the texts that it is given."""

    __slots__ = ("texts",)

    def redact_lookalikes(self, text: str) -> str:
        """Takes note of ``text``."""
        self.texts = [*getattr(self, "texts", []), text]
        return super().redact_lookalikes(text)


def test_a_message_that_many_steps_share_is_made_portable_once() -> None:
    """In a long conversation each step has all messages before it."""
    redactor = CountingRedactor([])
    messages = tuple({"role": "user", "content": f"prompt {number}"} for number in range(20))
    steps = [build_step(number, "/a", *messages[: number + 1]) for number in range(20)]
    made = list(Portable({}, redactor).make_steps(steps))
    assert [redactor.texts.count(f"prompt {number}") for number in range(20)] == [1] * 20
    assert [step.messages for step in made] == [step.messages for step in steps]
    assert made[0].messages[0] is made[19].messages[0]
