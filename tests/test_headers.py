"""What goes into Helicone's headers, what is refused, and what is read from an answer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from heliconemagic import headers
from heliconemagic.errors import InputError
from heliconemagic.paths import SessionPath

SESSION = {"session_id": "0c4f1f9e-7f1e-4c5f-9a63-0f9c2e6c7a11", "session_name": "Course Creation", "path": "/abstract"}
PACKAGE = Path(headers.__file__).parent


def test_session_headers_are_the_three_that_helicone_reads():
    """Id, path and name go out as Helicone's own examples spell them."""
    built = headers.build_session_headers(session_id="abc", name="Course Creation", path="/abstract")
    assert built == {
        "Helicone-Session-Id": "abc",
        "Helicone-Session-Path": "/abstract",
        "Helicone-Session-Name": "Course Creation",
    }


def test_request_headers_hold_user_properties_and_cache():
    """Everything that is not secret comes from one place."""
    built = headers.build_request_headers(**SESSION, user="ada", properties={"Team": "docs"}, cache=600)
    more = {name: value for name, value in built.items() if "Session" not in name}
    assert more == {
        "Helicone-User-Id": "ada",
        "Helicone-Property-Team": "docs",
        "Helicone-Cache-Enabled": "true",
        "Cache-Control": "max-age=600",
    }


def test_nothing_optional_is_sent_unless_it_was_given():
    """Three headers, and no empty one."""
    assert len(headers.build_request_headers(**SESSION)) == 3


def test_only_this_module_spells_headers():
    """Another module that spells one would escape the checks."""
    spelled = re.compile(r"""["'][Hh]elicone-[A-Z][A-Za-z-]+["']""")
    others = [path for path in PACKAGE.rglob("*.py") if path.name != "headers.py"]
    assert [path.name for path in others if spelled.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("seconds", [0, 60, 600, headers.LONGEST_CACHE])
def test_cache_time_that_helicone_honours_is_taken(seconds):
    """A minute to a year, or 0 for Helicone's own default."""
    built = headers.build_cache_headers(seconds)
    assert built["Helicone-Cache-Enabled"] == "true"
    assert built.get("Cache-Control") == (f"max-age={seconds}" if seconds else None)


@pytest.mark.parametrize(
    ("seconds", "hint"), [(59, "--cache 60"), (-1, "--cache 60"), (31_536_001, "--cache 31536000")]
)
def test_cache_time_that_helicone_ignores_is_refused(seconds, hint):
    """Helicone would cache nothing, silently."""
    with pytest.raises(InputError) as caught:
        headers.build_cache_headers(seconds)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Session-Id", "my-session-id"),
        ("session_path", "my-session-path"),
        ("SESSION-NAME", "my-session-name"),
        ("User-Id", "my-user-id"),
        ("Helicone-Auth", "my-helicone-auth"),
        ("two words", "two-words"),
        ("Größe", "Grosse"),
        ("a:b", "a-b"),
        ("x\r\nHelicone-Auth", "x-Helicone-Auth"),
        ("", "name"),
    ],
)
def test_property_name_that_is_no_plain_name_is_refused(name, hint):
    """Names that break the header or imitate Helicone's own get a form to type instead."""
    with pytest.raises(InputError) as caught:
        headers.check_property(name, "x")
    assert f"type -p {hint}=" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("São Paulo", 'type -p "city=Sao Paulo"'),
        (" x ", 'type -p "city=x"'),
        ("100%", 'type -p "city=100 percent"'),
        ("", "leave it out"),
        ("a\nb", 'type -p "city=a b"'),
        ("東京", "plain ASCII"),
    ],
)
def test_property_value_that_cannot_travel_is_refused(value, hint):
    """The hint is a line that can be typed."""
    with pytest.raises(InputError) as caught:
        headers.check_property("city", value)
    assert hint in str(caught.value)


def test_properties_that_differ_only_in_case_are_refused():
    """Names are lower-cased on arrival, so one would overwrite the other."""
    with pytest.raises(InputError, match="differ only in case"):
        headers.build_property_headers({"Team": "a", "team": "b"})


@pytest.mark.parametrize(
    ("check", "option"),
    [
        (headers.check_session_name, "%helicone_session"),
        (headers.check_session_id, "--id"),
        (headers.check_user, "--user"),
    ],
)
def test_refused_names_come_with_what_to_type(check, option):
    """The ASCII form is offered behind the option it belongs to."""
    assert check("Course Creation") == "Course Creation"
    with pytest.raises(InputError) as caught:
        check("Café")
    assert f'type {option} "Cafe"' in str(caught.value)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/日本", "give a path in plain ASCII"),
        ("/Übung", 'type "/Ubung"'),
        ("/a b ", 'type "/a b"'),
        ("/a /", "type /a"),
    ],
)
def test_what_a_refused_path_says_to_type_is_taken(path, hint):
    """A path with a blank in quotes; none where nothing of it would be left."""
    with pytest.raises(InputError) as caught:
        SessionPath.parse(path)
    assert caught.value.hint == hint


def test_over_long_session_id_is_refused():
    """128 characters are enough for any id."""
    with pytest.raises(InputError, match="128 is the most"):
        headers.check_session_id("x" * 129)


def test_answer_headers_are_read_whatever_their_case():
    """The gateways differ in case, and a plain dict does not forgive it."""
    assert headers.read_helicone_id({"helicone-id": "a"}) == headers.read_helicone_id({"Helicone-Id": "a"}) == "a"
    assert headers.read_cache_hit({"helicone-cache": "HIT"}) is True
    assert headers.read_cache_hit({"Helicone-Cache": "MISS"}) is False
    assert headers.read_cache_hit({}) is None


@pytest.mark.parametrize(
    ("answered", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after-ms": "250", "Retry-After": "7"}, 0.25),
        ({"Retry-After": "Thu, 01 Jan 1970 00:01:40 GMT"}, 60.0),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"helicone-ratelimit-reset": "60"}, 60.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_wait_that_the_answer_asks_for_is_found(answered, seconds):
    """Seconds, milliseconds, a date, or Helicone's own limit."""
    assert headers.read_retry_after(answered, now=40.0) == seconds


def spell_error(*statuses: object) -> str:
    """The AI gateway's error with these statuses hidden in it."""
    return json.dumps({"success": False, "error": {"details": [{"statusCode": status} for status in statuses]}})


@pytest.mark.parametrize(
    ("status", "body", "hidden"),
    [
        (500, spell_error(400), 400),
        (500, spell_error(400).encode(), 400),
        (500, json.loads(spell_error(404)), 404),
        (500, json.loads(spell_error(404))["error"], 404),
        (500, spell_error(400, 429), 429),
        (500, spell_error(400, 503), None),
        (500, spell_error("400"), None),
        (500, spell_error(), None),
        (500, "boom", None),
        (500, '{"error": "boom"}', None),
        (500, None, None),
        (429, spell_error(429), None),
    ],
)
def test_client_error_hidden_in_a_500_is_found(status, body, hidden):
    """Only if every provider tried says so is it the client's fault."""
    assert headers.find_hidden_status(status, body) == hidden
