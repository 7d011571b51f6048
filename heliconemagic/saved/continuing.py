"""What a session out of a file needs to be continued: which requests its answers were given to, and who answers now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from heliconemagic.errors import HeliconeMagicError, InputError
from heliconemagic.gateways.presets import Gateway, build_gateway
from heliconemagic.records import Step, StepKind
from heliconemagic.saved.sessions import SavedSession, is_trusted
from heliconemagic.steps.conversation import build_fingerprint


def put_fingerprints(steps: Iterable[Step], gateway: Gateway, environ: Mapping[str, str]) -> list[Step]:
    """The steps with what tells their requests apart, worked out from the requests themselves, never read.

    Without one a step is shown and continued, but stands for no request: where its gateway has no known address.
    """
    samples: Counter[tuple[str, str]] = Counter()
    found = []
    for step in steps:
        samples[step.comparison, step.model] += 1
        sample = samples[step.comparison, step.model] if step.comparison else 1
        url = _find_base_url(step.gateway, gateway, environ)
        is_request = bool(url and step.messages) and step.kind is StepKind.LLM
        request = (url, step.model, step.messages, step.parameters, sample)
        found.append(replace(step, fingerprint=build_fingerprint(*request) if is_request else ""))
    return found


def _find_base_url(label: str, gateway: Gateway, environ: Mapping[str, str]) -> str:
    if label == gateway.label:
        return gateway.base_url
    try:
        return build_gateway(label, environ).base_url if is_trusted(label) else ""
    except HeliconeMagicError:
        return ""


def build_no_gateway_error(saved: SavedSession) -> InputError:
    """A session whose gateway has to be named by whoever continues it: keys go there."""
    told = f"its answers came from {saved.gateway!r}" if saved.gateway else "it doesn't say where its answers came from"
    return InputError(
        f"{saved.record.source!r} doesn't decide where your keys go: {told}.",
        hint="say who answers: add --gateway oai, or whom you trust, to this line",
    )
