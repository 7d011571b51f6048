"""What leaves this machine: without keys, without this user's folders, and otherwise as it was."""

from __future__ import annotations

import pytest
from export_samples import KEY, build_step

from heliconemagic.lessons.portable import Portable
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
