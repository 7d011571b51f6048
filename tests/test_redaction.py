"""Keys never show, never travel, and are taken out of what comes back."""

from __future__ import annotations

import io
import itertools
import logging
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliconemagic.key_filter import KeyFilter
from heliconemagic.redaction import REDACTED, Redactor, Secret, StreamRedactor

KEY = "sk-helicone-fakefak-efakefa-kefakef-akefake"


@pytest.mark.parametrize("show", [str, repr, lambda secret: f"{secret}", lambda secret: f"{secret!r:>20}"])
def test_secret_shows_as_asterisks(show: object) -> None:
    """In every way of printing it."""
    shown = show(Secret(KEY))  # type: ignore[operator]
    assert "fake" not in shown
    assert "*****" in shown


def test_secret_is_never_pickled() -> None:
    """A session handed to another process takes no key along."""
    with pytest.raises(TypeError):
        pickle.dumps(Secret(KEY))


def test_redactor_holds_keys_as_close_as_they_are() -> None:
    """It is part of every plan: neither printing its fields nor pickling it tells them."""
    redactor = Redactor([Secret(KEY)])
    with pytest.raises(TypeError):
        pickle.dumps(redactor)
    with pytest.raises(TypeError):
        vars(redactor)


def test_most_of_a_key_at_the_end_of_an_answer_is_taken_out() -> None:
    """A server may stop just before its last character."""
    stream = StreamRedactor(Redactor([Secret(KEY)]))
    assert stream.feed("key: " + KEY[:-1]) + stream.flush() == f"key: {REDACTED}"


def test_whole_value_is_replaced() -> None:
    """Nothing of the key is left, not even its ends."""
    assert Redactor([Secret(KEY)]).redact(f"a{KEY}b") == f"a{REDACTED}b"


def test_longer_key_is_replaced_before_its_own_beginning() -> None:
    """One configured key may begin with another."""
    redactor = Redactor([Secret(KEY), Secret(KEY + "-more")])
    assert redactor.redact(KEY + "-more") == REDACTED


@given(st.lists(st.integers(0, 120), max_size=12), st.text(max_size=40), st.text(max_size=40))
def test_key_split_over_chunks_never_gets_through(cuts: list[int], before: str, after: str) -> None:
    """However the server cuts its answer, what is shown is the redacted whole."""
    text = f"{before}{KEY}{after}{KEY[:20]}"
    edges = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    stream = StreamRedactor(Redactor([Secret(KEY)]))
    shown = "".join(stream.feed(text[start:end]) for start, end in itertools.pairwise(edges)) + stream.flush()
    assert KEY not in shown
    assert shown == Redactor([Secret(KEY)]).redact(text)


def test_ordinary_text_is_not_held_back() -> None:
    """A stream that doesn't look like the key passes piece by piece."""
    stream = StreamRedactor(Redactor([Secret(KEY)]))
    assert [stream.feed(piece) for piece in ("Hel", "lo ", "wor")] == ["Hel", "lo ", "wor"]


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-fakefakefakefakefake",
        "Authorization: Bearer fakefakefakefakefake.fake",
        "https://user:fakepassword@example.org/v1",
        "https://example.org/v1?api_key=fakefakefake&x=1",
        "https://example.org/v1?key=fakefakefake",
        "https://example.org/v1?x=1&sig=fakefakefake",
        "AIzafakefakefakefakefakefake",
        "gsk_fakefakefakefake",
        "hf_fakefakefakefake",
        "xai-fakefakefakefake",
        "rk-fakefakefake",
    ],
)
def test_lookalikes_go_out_of_errors(text: str) -> None:
    """An error may repeat a key that isn't ours."""
    shown = Redactor([]).redact_lookalikes(text)
    assert "fake" not in shown
    assert REDACTED in shown


def test_words_are_no_lookalikes() -> None:
    """A model may be named after a task."""
    assert Redactor([]).redact_lookalikes("no model 'risk-assessment-7b'") == "no model 'risk-assessment-7b'"


def test_joined_redactors_know_the_keys_of_both() -> None:
    """One that is known already is none anew."""
    other = Redactor([Secret("other-key-of-somebody")])
    both = Redactor([Secret(KEY)]).join(other)
    assert both.redact(f"{KEY} other-key-of-somebody") == f"{REDACTED} {REDACTED}"
    assert both.join(other) is both


def test_log_record_loses_keys_wherever_they_stand() -> None:
    """In its words, in what is put into them, and in its traceback; what cannot be formatted goes through as it is."""
    keys, logger, said = KeyFilter(), logging.getLogger("httpx2"), io.StringIO()
    handler = logging.StreamHandler(said)
    keys.take(Redactor([Secret(KEY)]))
    keys.watch()
    logger.addHandler(handler)
    try:
        raise ValueError(KEY)
    except ValueError:
        logger.warning(f"{KEY} %s", [KEY], exc_info=True)
    assert keys.filter(logging.makeLogRecord({"msg": "%d", "args": ("no number",)}))
    logger.removeHandler(handler)
    keys.close()
    assert KEY not in said.getvalue()
    assert said.getvalue().count(REDACTED) == 3
    assert keys not in logger.filters
