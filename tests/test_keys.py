"""Where keys are found, in which order, and what is said of a wrong one."""

from __future__ import annotations

import sys

import pytest

from heliconemagic.gateways.keys import (
    SERVICE,
    Keys,
    check_key_shape,
    find_env_file,
    find_keys,
    parse_env,
    read_env_file,
    read_keyring,
    store_in_keyring,
)
from heliconemagic.redaction import Secret

HELICONE_KEY = "sk-helicone-fakefak-efakefa-kefakef-akefake"


def find(environ=None, folder=None, **more) -> Keys:
    """Keys without the machine's own keyring."""
    return find_keys(environ or {}, folder=folder, **{"keyring": None, **more})


def test_sources_are_asked_in_order(tmp_path):
    """Login wins over the environment, that over .env, that over Colab, that over the keyring."""
    (tmp_path / ".env").write_text("OPENAI_API_KEY=from-env-file")
    sources = {
        "%helicone_session login": {"stored": {"OPENAI_API_KEY": Secret("from-login")}},
        "the environment": {"environ": {"OPENAI_API_KEY": "from-environment"}},
        f"the file {tmp_path / '.env'}": {"folder": tmp_path},
        "Colab's secrets": {"colab": lambda name: "from-colab"},
        "the system's keyring": {"keyring": lambda name: "from-keyring"},
    }
    while sources:
        everything = {name: value for source in sources.values() for name, value in source.items()}
        assert find(**everything).openai.source == next(iter(sources))
        sources.pop(next(iter(sources)))


@pytest.mark.parametrize("empty", ["", "  ", "\t\n"])
def test_empty_value_counts_as_not_set(empty, tmp_path):
    """An empty variable does not hide the key of the next source."""
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-fake-of-the-file")
    assert find({"OPENAI_API_KEY": empty}, tmp_path).openai.secret == Secret("sk-fake-of-the-file")
    assert find({"OPENAI_API_KEY": empty}).openai is None


def test_sources_that_may_ask_are_asked_once_and_only_when_needed():
    """A dialog for a key that is not wanted, or a second one, would be in the way."""
    asked = []
    keys = find({"OPENAI_API_KEY": "sk-fake-key"}, colab=lambda name: asked.append(name))
    assert keys.openai and not asked
    assert keys.helicone is None and keys.helicone is None
    assert asked == ["HELICONE_API_KEY"]


def test_secrets_hold_every_key_for_redaction():
    """Also those that only Colab has, and those of other providers."""
    keys = find({"GROQ_API_KEY": "gsk-fake", "PATH": "/bin"}, colab={"HELICONE_API_KEY": HELICONE_KEY}.get)
    assert set(keys.secrets) == {Secret("gsk-fake"), Secret(HELICONE_KEY)}


def test_keys_do_not_print_their_values():
    """Neither `repr` nor `str` of what holds a key shows it."""
    keys = find({"OPENAI_API_KEY": "sk-fake-key-to-hide"})
    assert "sk-fake" not in f"{keys!r} {keys!s} {keys.openai!r} {keys.secrets!r}"


def test_nearest_env_file_is_found_and_none_above_home(tmp_path):
    """The search goes up from the notebook's folder and ends at the home folder."""
    home = tmp_path / "home"
    folder = home / "project" / "notebooks"
    folder.mkdir(parents=True)
    (tmp_path / ".env").write_text("A=1")
    assert find_env_file(folder, home=str(home)) is None
    (home / "project" / ".env").write_text("A=2")
    assert find_env_file(folder, home=str(home)) == home / "project" / ".env"
    assert find_env_file(tmp_path / "elsewhere", home=str(home)) == tmp_path / ".env"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("K=plain", "plain"),
        ("export K=plain", "plain"),
        ("  K = spaced  ", "spaced"),
        ("K='it # stays'", "it # stays"),
        ('K="quoted" # note', "quoted"),
        ("K=plain # note", "plain"),
        ("K=with#sign", "with#sign"),
        ("K=a=b", "a=b"),
        ("K=$HOME/${X}", "$HOME/${X}"),
        ("K=", ""),
        ("K= # only a note", ""),
        ("\ufeffK=bom".lstrip("\ufeff"), "bom"),
    ],
)
def test_env_lines_are_read_without_expansion(line, value):
    """Quotes, comments and `export` are understood; `$` means nothing."""
    assert parse_env(f"# K=no\n\nnot an assignment\n{line}\r\n") == {"K": value}


def test_env_file_with_byte_order_mark_is_read(tmp_path):
    """Editors on Windows write one."""
    (tmp_path / ".env").write_bytes("K=1".encode("utf-8-sig"))
    assert read_env_file(tmp_path / ".env") == {"K": "1"}
    assert read_env_file(tmp_path) == {}


@pytest.mark.parametrize("mark", ["", "-eu", "-rl", "-eu-cp"])
@pytest.mark.parametrize("first", ["sk", "pk"])
def test_helicone_keys_have_a_known_shape(first, mark):
    """Both kinds, with or without the marks of region and use."""
    key = Secret(f"{first}-helicone{mark}-fakefak-efakefa-kefakef-akefake")
    assert check_key_shape("HELICONE_API_KEY", key) is None
    assert "HELICONE_API_KEY" in check_key_shape("OPENAI_API_KEY", key)


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("HELICONE_API_KEY", "sk-proj-fakefakefake", "not a Helicone key"),
        ("HELICONE_API_KEY", "sk-helicone-fakefak-efakefa", "not a whole Helicone key"),
        ("HELICONE_API_KEY", HELICONE_KEY.upper(), "not a whole Helicone key"),
        ("HELICONE_API_KEY", HELICONE_KEY + "\n", "line break"),
        ("OPENAI_API_KEY", " sk-fake", "blanks"),
        ("OPENAI_API_KEY", "'sk-fake'", "quotation marks"),
        ("OPENAI_API_KEY", "sk-fake key", "characters that no key has"),
        ("OPENAI_API_KEY", "sk-fäke", "characters that no key has"),
        ("OPENAI_API_KEY", "your-key-here", "placeholder"),
        ("OPENAI_API_KEY", "YOUR_OPENAI_API_KEY", "placeholder"),
        ("OPENAI_API_KEY", "<OPENAI_API_KEY>", "placeholder"),
        ("OPENAI_API_KEY", "sk-...", "placeholder"),
        ("HELICONE_API_KEY", "sk-helicone-xxxxxxx-xxxxxxx-xxxxxxx-xxxxxxx", "placeholder"),
        ("OPENAI_API_KEY", "", "empty"),
    ],
)
def test_wrong_shapes_are_named_without_showing_the_key(variable, value, fault):
    """The message says what is wrong, and nothing of the value."""
    told = check_key_shape(variable, Secret(value))
    assert fault in told
    assert value.strip("' \n")[3:] not in told or not value.strip()


@pytest.mark.parametrize("value", ["sk-proj-abcDEF_123-xyz", "sk-fake", "anything-else", "monkey-key"])
def test_other_keys_may_look_as_they_like(value):
    """Providers and local servers have shapes of their own."""
    assert check_key_shape("OPENAI_API_KEY", Secret(value)) is None


def test_keyring_keeps_reads_and_deletes_keys():
    """Under the service `heliconemagic`, one entry for each variable."""
    keyring = pytest.importorskip("keyring")
    from keyring.backend import KeyringBackend
    from keyring.errors import PasswordDeleteError

    class Memory(KeyringBackend):
        priority = 1
        held: dict[tuple[str, str], str] = {}  # noqa: RUF012

        def get_password(self, service, username):
            return self.held.get((service, username))

        def set_password(self, service, username, password):
            self.held[service, username] = password

        def delete_password(self, service, username):
            if self.held.pop((service, username), None) is None:
                raise PasswordDeleteError(username)

    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    try:
        assert store_in_keyring("OPENAI_API_KEY", Secret("sk-fake-in-keyring"))
        assert Memory.held == {(SERVICE, "OPENAI_API_KEY"): "sk-fake-in-keyring"}
        assert find({}, keyring=read_keyring).openai.secret == Secret("sk-fake-in-keyring")
    finally:
        Memory.held.clear()  # the library knows every backend that there was, and would ask this one too
        keyring.set_keyring(before)


def test_without_a_keyring_nothing_is_kept_and_nothing_fails(monkeypatch):
    """The library is optional: where it is missing, `login` keeps the key in memory only."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert not store_in_keyring("OPENAI_API_KEY", Secret("sk-fake"))
    assert read_keyring("OPENAI_API_KEY") is None


def test_keyring_that_refuses_is_as_good_as_none():
    """A machine without a desktop has the library, and no keyring behind it."""
    keyring = pytest.importorskip("keyring")
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    try:
        assert not store_in_keyring("OPENAI_API_KEY", Secret("sk-fake"))
        assert read_keyring("OPENAI_API_KEY") is None
    finally:
        keyring.set_keyring(before)
