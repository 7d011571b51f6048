"""How large a request is, and what its prompt would cost."""

from __future__ import annotations

import json

from heliconemagic.attachments.tokens import estimate_content_tokens
from heliconemagic.client import Request
from heliconemagic.gateways.pricing import estimate_cost
from heliconemagic.usage import Usage, estimate_tokens


def estimate_request_tokens(request: Request) -> int:
    """Roughly the tokens of the request's messages and tools."""
    tools = request.parameters.get("tools")
    offered = estimate_tokens(json.dumps(tools, default=str)) if tools else 0
    return offered + sum(
        4 + estimate_content_tokens(message.get("content"), request.model) for message in request.messages
    )


def estimate_request_cost(request: Request) -> float | None:
    """USD for the prompt alone, estimated; None if the model is unpriced."""
    usage = Usage(prompt_tokens=estimate_request_tokens(request), completion_tokens=0)
    return estimate_cost(request.model, usage, gateway=request.gateway)
