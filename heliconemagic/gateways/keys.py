"""Where keys come from, and what is wrong with one, without ever showing any of it.

The order: what `login` took in this kernel, the environment, the nearest ``.env`` (read, never
exported), Colab's `userdata`, the system's keyring. The last two may ask the person, so they are
asked only for a key that is needed and found nowhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heliconemagic.gateways.providers import AZURE_VARIABLE, HELICONE_VARIABLE, KEY_VARIABLES, OPENAI_VARIABLE
from heliconemagic.redaction import Secret

__all__ = ["AZURE_VARIABLE", "HELICONE_VARIABLE", "OPENAI_VARIABLE", "Key", "Keys", "check_key_shape", "find_keys"]

SERVICE = "heliconemagic"  # under which the keyring keeps keys

Lookup = Callable[[str], str | None]
"""Gives the value of a variable, None if it has none."""

_HELICONE_KEY = re.compile(r"[sp]k-helicone(-(eu|rl|cp))*(-[a-z0-9]{7}){4}")
_HELICONE_PREFIX = re.compile(r"[sp]k-helicone", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"<.*>|\[.*\]|\{.*\}|\$\{?\w+\}?|\.{3}|…|x{4,}|\*{3,}|change.?me|replace.?me|todo"
    r"|.*(?<![a-z])(your|my|insert|paste)[-_ .]?(?:[a-z]+[-_ .]){0,4}(key|token|secret)(?![a-z]).*"
    r"|[sp]k-(helicone-)?(…|[x*.-]{3,}|<.*>)",
    re.IGNORECASE,
)
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(?P<value>.*?)\s*")
_QUOTED = re.compile(r"""(?P<quote>["'`])(?P<value>.*?)(?P=quote)\s*(?:#.*)?""")


@dataclass(frozen=True, slots=True)
class Key:
    """A key, the variable it goes by and where it was found, in words."""

    secret: Secret
    variable: str
    source: str

    @property
    def is_eu(self) -> bool:
        """Whether it is a Helicone key of the European region."""
        return "helicone-eu-" in self.secret.reveal()

    @property
    def is_write_only(self) -> bool:
        """Whether it is a Helicone key that logs and reads nothing."""
        return self.secret.reveal().startswith("pk-helicone")


@dataclass(slots=True)
class Keys:
    """The keys at hand. Sources that may ask the person are asked once, for what is wanted."""

    found: dict[str, Key] = field(default_factory=dict)
    on_demand: tuple[tuple[str, Lookup], ...] = ()
    _asked: set[str] = field(default_factory=set)

    def get(self, variable: str) -> Key | None:
        """The key that goes by ``variable``; None if no source has it."""
        if variable not in self.found and variable not in self._asked:
            self._asked.add(variable)
            self._ask(variable)
        return self.found.get(variable)

    def _ask(self, variable: str) -> None:
        for source, look_up in self.on_demand:
            value = look_up(variable)
            if value and value.strip():
                self.found[variable] = Key(Secret(value), variable, source)
                return

    @property
    def openai(self) -> Key | None:
        """OpenAI's."""
        return self.get(OPENAI_VARIABLE)

    @property
    def helicone(self) -> Key | None:
        """Helicone's."""
        return self.get(HELICONE_VARIABLE)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every key found so far, OpenAI's and Helicone's asked for, for redaction."""
        for variable in (OPENAI_VARIABLE, HELICONE_VARIABLE):
            self.get(variable)
        return tuple(key.secret for key in self.found.values())


def read_keyring(variable: str) -> str | None:
    """What the system's keyring has for ``variable``; None if nothing, or no keyring is installed."""
    keyring = _find_keyring()
    if keyring is None:
        return None
    try:
        value: str | None = keyring.get_password(SERVICE, variable)
    except keyring.errors.KeyringError:
        return None
    return value


def store_in_keyring(variable: str, secret: Secret) -> bool:
    """Keep a key in the system's keyring; False if there is none that takes it."""
    keyring = _find_keyring()
    if keyring is None:
        return False
    try:
        keyring.set_password(SERVICE, variable, secret.reveal())
    except keyring.errors.KeyringError:
        return False
    return True


def _find_keyring() -> Any | None:
    """The optional library; None if it isn't installed."""
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    return keyring


def find_keys(
    environ: Mapping[str, str],
    *,
    folder: Path | None,
    colab: Lookup | None = None,
    stored: Mapping[str, Secret] | None = None,
    keyring: Lookup | None = read_keyring,
) -> Keys:
    """The keys of all sources, the first that has one winning.

    ``folder`` is where the search for a ``.env`` begins, ``stored`` what `login` took in this
    kernel, ``colab`` and ``keyring`` are asked later. An empty value counts as not set.
    """
    found: dict[str, Key] = {}
    env_file = find_env_file(folder, home=environ.get("HOME") or environ.get("USERPROFILE"))
    if env_file is not None:
        found |= _build_keys(read_env_file(env_file), f"the file {env_file}")
    found |= _build_keys(environ, "the environment")
    given = {variable: secret.reveal() for variable, secret in (stored or {}).items()}
    found |= _build_keys(given, "%helicone_session login")
    later = (("Colab's secrets", colab), ("the system's keyring", keyring))
    return Keys(found, tuple((source, look_up) for source, look_up in later if look_up))


def _build_keys(values: Mapping[str, str], source: str) -> dict[str, Key]:
    at_hand = {name: value for name in KEY_VARIABLES if (value := values.get(name, "")).strip()}
    return {name: Key(Secret(value), name, source) for name, value in at_hand.items()}


def find_env_file(folder: Path | None, *, home: str | None) -> Path | None:
    """The nearest ``.env`` from ``folder`` upwards, as far as the home folder or the root."""
    if folder is None:
        return None
    for candidate in (folder, *folder.parents):
        if os.path.isfile(candidate / ".env"):  # noqa: PTH113 - Path's raises where a folder may not be looked into
            return candidate / ".env"
        if home and candidate == Path(home):
            return None
    return None


def read_env_file(path: Path) -> dict[str, str]:
    """What a ``.env`` sets; nothing if it cannot be read."""
    try:
        return parse_env(path.read_text(encoding="utf-8-sig", errors="replace"))
    except OSError:
        return {}


def parse_env(text: str) -> dict[str, str]:
    """The assignments of a ``.env``: ``export``, quotes and comments are understood, nothing is expanded.

    >>> parse_env('export A="x # y"  # note\\nB=plain # note\\n# C=3')
    {'A': 'x # y', 'B': 'plain'}
    """
    values = {}
    for line in text.splitlines():
        match = _ASSIGNMENT.fullmatch(line)
        if match:
            values[match["name"]] = _parse_env_value(match["value"])
    return values


def _parse_env_value(value: str) -> str:
    quoted = _QUOTED.fullmatch(value)
    return quoted["value"] if quoted else re.split(r"(?:^|\s+)#", value, maxsplit=1)[0]


def check_key_shape(variable: str, secret: Secret) -> str | None:
    """What is wrong with a key's shape, as the end of a sentence that begins with its name; None if nothing."""
    value = secret.reveal()
    fault = _find_typing_fault(value)
    if fault:
        return fault
    is_helicone = bool(_HELICONE_PREFIX.match(value))
    if variable != HELICONE_VARIABLE:
        return "holds a Helicone key; that belongs in HELICONE_API_KEY" if is_helicone else None
    if _HELICONE_KEY.fullmatch(value):
        return None
    if is_helicone:
        return "is not a whole Helicone key: after 'sk-helicone-' come four groups of seven small letters and digits"
    return "is not a Helicone key: those begin with 'sk-helicone-' or 'pk-helicone-'"


def _find_typing_fault(value: str) -> str | None:
    if not value.strip():
        return "is empty"
    if any(char in "\r\n" for char in value):
        return "has a line break in it"
    if value != value.strip():
        return "has blanks at its ends"
    if value[0] in "\"'`“‘" or value[-1] in "\"'`”’":
        return "has quotation marks around it"
    if _PLACEHOLDER.fullmatch(value):
        return "is a placeholder, not a key"
    if not value.isascii() or not value.isprintable() or " " in value:
        return "has characters that no key has"
    return None
