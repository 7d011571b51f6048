"""Keys and gateways: what a notebook may use, and who answers."""

from __future__ import annotations

import time
from dataclasses import dataclass

from heliconemagic.gateways.choice import (
    Choice,
    build_gateway,
    choose_gateway,
)
from heliconemagic.gateways.keys import HELICONE_VARIABLE, OPENAI_VARIABLE, Keys, find_keys, read_keyring
from heliconemagic.gateways.providers import KEY_VARIABLES
from heliconemagic.lessons.portable import Portable
from heliconemagic.lessons.replaying import (
    LessonMode,
)
from heliconemagic.local.store import LocalStore
from heliconemagic.notebook.surroundings import Surroundings
from heliconemagic.redaction import Redactor, Secret
from heliconemagic.session_state import Session

RECENT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Recent:
    """Keys that were found a moment ago, and what was in the environment then."""

    sign: tuple[object, ...]
    found_at: float
    keys: Keys
    redactor: Redactor


class Access:
    """The keys as they can be found now, and the gateways that can be used with them."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._given_keys: dict[str, Secret] = {}
        self._recent: _Recent | None = None

    def find_keys(self) -> Keys:
        """The keys as they can be found now."""
        around = self._surroundings
        return find_keys(
            around.environ,
            folder=around.find_folder(),
            colab=around.colab,
            stored=self._given_keys,
            keyring=read_keyring,
        )

    def find_recent_keys(self) -> Keys:
        """The same, looked for at most once a second as long as the environment has the same ones.

        For what happens thousands of times: the search reads a file, and may ask the system's keyring.
        """
        around, now = self._surroundings, time.monotonic()
        sign = (*map(around.environ.get, KEY_VARIABLES), *self._given_keys.values())
        recent = self._recent
        if recent is None or recent.sign != sign or now - recent.found_at > RECENT_SECONDS:
            keys = self.find_keys()
            self._recent = recent = _Recent(sign, now, keys, Redactor(keys.secrets))
        return recent.keys

    def find_redactor(self) -> Redactor:
        """What takes the recent keys out of a text."""
        self.find_recent_keys()
        assert self._recent is not None
        return self._recent.redactor

    def redact(self, text: str) -> str:
        """``text`` without the keys, as they are now, and without what looks like one."""
        return Redactor(self.find_keys().secrets).redact_lookalikes(text)

    def give_key(self, variable: str, secret: Secret) -> None:
        """Takes a key typed at the ``login`` prompt, for this kernel only."""
        self._given_keys[variable] = secret

    def find_key_variables(self, spec: str | None, session: Session | None) -> tuple[str, ...]:
        """The keys to ask for: those of the gateway that is named or in use, else Helicone's and OpenAI's."""
        around = self._surroundings
        if spec is not None:
            return build_gateway(spec, around.environ).key_variables
        used = session.choice.gateway.key_variables if session else ()
        return used or (HELICONE_VARIABLE, OPENAI_VARIABLE)

    def choose_gateway(self, spec: str | None) -> Choice:
        """The gateway that ``spec`` or the keys ask for.

        Raises:
            InputError, CredentialError: see `choose_gateway`.
            LocalModelError: it is the local model, and that isn't installed.
        """
        around = self._surroundings
        choice = choose_gateway(spec, self.find_keys(), is_attended=around.is_attended(), environ=around.environ)
        if choice.gateway.preset == "local":
            LocalStore.find(around.environ).check()
        return choice

    def choose_for_cell(self, session: Session, spec: str) -> Choice:
        """The gateway that a cell names for itself; its keys aren't needed yet where a lesson may answer."""
        gateway = build_gateway(spec, self._surroundings.environ)
        may_replay = session.lesson is not None and session.lesson.mode is LessonMode.REPLAY
        if may_replay or gateway.preset == "replay":
            return Choice(gateway, "as asked for", (gateway.note,) if gateway.note else ())
        return self.choose_gateway(spec)

    def build_portable(self) -> Portable:
        """What takes keys and this user's folders out of a lesson."""
        environ, folder = self._surroundings.environ, self._surroundings.find_folder()
        home = environ.get("HOME") or environ.get("USERPROFILE") or ""
        signs = {str(folder or ""): ".", home: "~"}
        return Portable({path: sign for path, sign in signs.items() if path}, Redactor(self.find_keys().secrets))
