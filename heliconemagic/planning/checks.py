"""What keeps a request from being sent: a key in it, the budget, a gateway that cannot read it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence

from heliconemagic.attachments.attachment import iterate_attachments
from heliconemagic.attachments.wire import build_shown_messages
from heliconemagic.client import Request
from heliconemagic.errors import BudgetError, HeliconeMagicError, InputError, UnpricedModelError
from heliconemagic.gateways.choice import check_text_only
from heliconemagic.gateways.pricing import is_priced
from heliconemagic.planning.estimates import estimate_request_cost
from heliconemagic.redaction import Redactor, Secret
from heliconemagic.render.figures import format_usd


def check_request(request: Request, secrets: Sequence[Secret]) -> None:
    """Whether what goes out holds no key, and is something that its gateway can read.

    Raises:
        InputError: it mustn't be sent as it is.
    """
    check_no_secret([request.build_body(), dict(request.headers), request.gateway.base_url], secrets)
    check_no_secret_attached(request, secrets)
    if request.gateway.is_text_only:
        check_text_only(request.gateway, build_shown_messages(request.messages), request.parameters)


def check_no_secret(sent: object, secrets: Iterable[Secret]) -> None:
    """A key never travels in a body, an address or a header that is not its own: it would be logged there.

    Raises:
        InputError: the prompt, an earlier turn, a parameter, a name or a header has a configured key's value.
    """
    check_clean(sent, Redactor(secrets))


def check_clean(sent: object, redactor: Redactor) -> None:
    """The same for what is known to the ``redactor``."""
    text = json.dumps(sent, ensure_ascii=False, default=str)
    if redactor.redact(text) != text:
        raise InputError(
            "the request contains the value of one of your keys; nothing was sent.",
            hint="take the key out of the prompt, its templates, or the options",
        )


def check_no_secret_attached(request: Request, secrets: Iterable[Secret]) -> None:
    """No key travels in an attachment either, as far as its bytes show one: a picture's or a packed PDF's don't.

    Raises:
        InputError: one has a configured key's value.
    """
    redactor = Redactor(secrets)
    for attachment in iterate_attachments(request.messages):
        text = request.attachments[attachment.sha256].decode("latin-1")
        if redactor.redact(text) != text:
            raise InputError(
                f"the attachment {attachment.name!r} contains the value of one of your keys; nothing was sent.",
                hint="take the key out of it",
            )


@contextlib.contextmanager
def redacting(secrets: Iterable[Secret]) -> Iterator[None]:
    """Errors of planning quote what was typed, filled in, or raised by the notebook's objects."""
    try:
        yield
    except HeliconeMagicError as error:
        error.rewrite(Redactor(secrets).redact_lookalikes)
        raise


def check_budget(spent: float, budget: float | None, requests: Sequence[Request]) -> None:
    """Whether the prompts of ``requests``, which are sent together, fit into what is left of the budget.

    Raises:
        BudgetError: they don't, or a model has no known price.
    """
    if budget is None:
        return
    for request in requests:
        if not is_priced(request.model, gateway=request.gateway):
            raise UnpricedModelError(
                f"no price is known for {request.model!r}, so --budget cannot be kept.",
                hint="choose another model with -m, or run the line again without --budget",
            )
    if spent + _estimate_prompts(requests) > budget:
        raise build_budget_error(spent, budget, requests)


def _estimate_prompts(requests: Sequence[Request]) -> float:
    return sum(estimate_request_cost(request) or 0.0 for request in requests)


def build_budget_error(spent: float, budget: float, requests: Sequence[Request]) -> BudgetError:
    """The error of ``requests`` that would exceed the budget."""
    prompts = "this prompt alone costs" if len(requests) == 1 else f"the {len(requests)} prompts alone cost"
    return BudgetError(
        f"the budget of {format_usd(budget)} would be exceeded: {format_usd(spent)} is spent or under way, "
        f"and {prompts} about {format_usd(_estimate_prompts(requests))}.",
        hint="raise --budget on the session line",
    )
