"""What planning gives: a step that is ready to run; and what it is planned with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from heliconemagic.client import Request
from heliconemagic.gateways.choice import Choice, describe_secret_headers
from heliconemagic.gateways.keys import Keys
from heliconemagic.planning.keeping import FindReply
from heliconemagic.records import Step
from heliconemagic.redaction import Redactor
from heliconemagic.render.card_state import RequestForm
from heliconemagic.schemas.answer_form import AnswerForm
from heliconemagic.session_state import Session
from heliconemagic.settings import RequestOptions
from heliconemagic.steps.conversation import Place
from heliconemagic.tools.toolbox import Toolbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A step that is ready to run: the pending step, its request, and what its card says."""

    session: Session  # that was open when the cell began: the step stays in it
    step: Step
    request: Request
    place: Place
    notes: tuple[str, ...]
    wanted: AnswerForm  # what the answer must be
    redactor: Redactor  # knows every key at hand, and those that go out
    budget: float | None = None  # USD for the session
    tools: Toolbox | None = None
    kept: Step | None = None  # the recorded answer of an identical request, shown instead of sending

    @property
    def form(self) -> RequestForm:
        """The request without its secrets."""
        gateway = self.request.gateway
        return RequestForm(
            base_url=gateway.base_url,
            api_key_variable=gateway.key_variable,
            headers=dict(self.request.headers),
            secret_headers=describe_secret_headers(gateway),
            body=self.request.build_body(),
            query=gateway.query,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all steps of one cell are planned with: options, gateway, keys, and where things are looked up."""

    options: RequestOptions  # the cell's over the session's over the defaults
    choice: Choice
    keys: Keys
    clock: Callable[[], float]
    folder: Path | None = None  # the notebook's, where the paths of attachments begin
    find_recorded: Callable[[str], bytes | None] = lambda sha256: None  # an earlier turn's attachment, by its hash
    find_reply: FindReply = lambda fingerprint: None  # an identical request in the journal, for --keep
    list_models: Callable[[], Sequence[str]] = tuple  # models that may be meant where one is unknown
