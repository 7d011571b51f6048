"""The models of a gateway: asked for, or known without asking."""

from __future__ import annotations

from collections.abc import Iterable

from heliconemagic.client import Client
from heliconemagic.engine.engine import Engine
from heliconemagic.errors import UnknownModelError
from heliconemagic.gateways.choice import (
    DEMO_MODELS,
    Choice,
    Gateway,
    build_credentials,
)
from heliconemagic.gateways.failures import suggest_model
from heliconemagic.notebook.access import Access
from heliconemagic.notebook.sessions import Sessions
from heliconemagic.records import StepStatus
from heliconemagic.redaction import Redactor


class Models:
    """The models that can be named."""

    def __init__(self, sessions: Sessions, access: Access, engine: Engine) -> None:
        self._sessions = sessions
        self._access = access
        self._engine = engine
        self._listed: dict[str, list[str]] = {}  # by gateway

    def fetch(self, spec: str | None, *, choice: Choice | None = None) -> tuple[str, list[str]]:
        """The label of a gateway and the ids of its models; the session's gateway where none is given.

        Raises:
            GatewayError, CredentialError: it refuses or cannot be reached.
        """
        session = self._sessions.current
        if choice is None:
            choice = session.choice if session and spec is None else self._access.choose_gateway(spec)
        keys = self._access.find_keys()
        gateway, credentials = choice.gateway, build_credentials(choice.gateway, keys)
        redactor = Redactor((*keys.secrets, *credentials.secrets))

        async def ask(client: Client) -> list[str]:
            client.use_redactor(redactor)
            return await client.list_models(gateway, credentials)

        models = self._engine.call(ask)
        self._listed[gateway.label] = models
        return gateway.label, models

    def check_listed(self, gateway: Gateway, models: Iterable[str]) -> None:
        """Refuses a model that the gateway didn't list when it was last asked; nothing where it never was.

        A name with a tag, a provider or several models in it is the gateway's to understand.

        Raises:
            UnknownModelError: it is none of those.
        """
        listed = self._listed.get(gateway.label, [])
        known = {name for model in listed for name in (model, model.partition(":")[0])}
        unknown = next((model for model in models if model not in known and not set(model) & set("/:,")), None)
        if listed and unknown:
            raise UnknownModelError(
                f"{unknown!r} is not a model of the gateway {gateway.label!r}: nothing was sent.",
                hint=suggest_model(unknown, listed) + "`%helicone_session models` asks it for its models anew",
            )

    def list_known(self) -> list[str]:
        """Models that can be named without asking anyone: of the demo, listed before, used before."""
        session = self._sessions.current
        if session is None:
            return list(DEMO_MODELS)
        gateway = session.choice.gateway
        if gateway.preset == "replay" and session.lesson is not None:
            return list(dict.fromkeys(recording.model for recording in session.lesson.lesson.recordings))
        if gateway.preset == "demo":
            return list(DEMO_MODELS)
        used = [step.model for step in reversed(session.steps) if step.status is StepStatus.DONE]
        known = [*used, gateway.default_model, *self._listed.get(gateway.label, ())]
        return [model for model in dict.fromkeys(known) if model]
