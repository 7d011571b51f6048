"""What is found in a session, said in sentences with their figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from heliconemagic.insights.bottleneck import Bottleneck
from heliconemagic.insights.findings import Findings
from heliconemagic.insights.growth import Growth
from heliconemagic.insights.phases import Phase
from heliconemagic.insights.queues import JOBS, Queue
from heliconemagic.insights.repeats import Repeats
from heliconemagic.render.figures import format_count, format_rate, format_seconds, format_usd

LONG_PROMPT = 4_000
"""Tokens from which the length of a prompt explains a late first token."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One finding: a word for what it is, and what there is to say."""

    lead: str
    text: str


def list_sentences(findings: Findings) -> list[Sentence]:
    """All that there is to say, the most important first."""
    return list(_iterate_sentences(findings))


def _iterate_sentences(findings: Findings) -> Iterator[Sentence]:
    wall = "the wall time of the current answers" if findings.has_left_out else "the wall time"
    if findings.bottleneck:
        yield Sentence("Bottleneck", _describe_bottleneck(findings.bottleneck, wall))
    if findings.queue:
        yield Sentence("One after the other", _describe_queue(findings.queue))
    if findings.repeats:
        yield Sentence("Repeated", _describe_repeats(findings.repeats))
    if findings.growth:
        yield Sentence("Growing context", _describe_growth(findings.growth))


def format_share(share: float) -> str:
    """A share in percent.

    >>> format_share(0.614)
    '61 %'
    """
    return f"{share:.0%}".replace("%", " %")


def _describe_bottleneck(found: Bottleneck, wall: str) -> str:
    share = format_share(found.share)
    if not found.path:
        return f"{format_share(found.share * found.phase_share)} of {wall} {_describe_phase(found)}."
    place = found.path
    if found.has_below:
        place = f"{found.path} and below, {format_count(found.steps, 'step')},"
    elif found.steps > 1:
        place = f"{found.path}, {format_count(found.steps, 'step')},"
    told = f"{place} took {share} of {wall} ({format_seconds(found.seconds)})"
    if found.phase is None:
        return f"{told}."
    return f"{told}; {format_share(found.phase_share)} of it {_describe_phase(found)}."


def _describe_phase(found: Bottleneck) -> str:
    """What the time was spent on, and what would help."""
    if found.phase is Phase.GENERATING:
        speed = f" at {format_rate(found.tokens_per_second)} tokens/s" if found.tokens_per_second else ""
        wish = "less reasoning" if _is_mostly_reasoning(found) else "a shorter answer"
        return f"was generation{speed}; {wish} or a faster model would help, the gateway wouldn't"
    if found.phase is Phase.FIRST_TOKEN:
        return f"went by before the first token, {_explain_first_token(found)}"
    if found.phase is Phase.WAITING:
        return _describe_waiting(found)
    if found.phase is Phase.WORKING:
        return "was work that asks no model: neither a model nor a gateway would change it"
    return "was waiting for answers that came whole, so that generation cannot be told from the wait before it"


def _explain_first_token(found: Bottleneck) -> str:
    if _is_mostly_reasoning(found):
        count = format_count(found.reasoning_tokens, "reasoning token")
        return f"with {count}; less reasoning would help, a shorter prompt wouldn't"
    prompt = f"{format_count(found.prompt_tokens, 'prompt token')}{' each' if found.steps > 1 else ''}"
    if found.prompt_tokens >= LONG_PROMPT:
        return f"with {prompt}; less context would help, a shorter answer wouldn't"
    with_prompt = f"with only {prompt}; " if found.prompt_tokens else ""
    return f"{with_prompt}a model, provider or gateway with less of a queue would help, a shorter answer wouldn't"


def _is_mostly_reasoning(found: Bottleneck) -> bool:
    return found.reasoning_tokens > found.completion_tokens / 2


def _describe_waiting(found: Bottleneck) -> str:
    refused = sum(count for _, count in found.refusals)
    reasons = ", ".join(f"{reason}" if count == refused else f"{reason} ×{count}" for reason, count in found.refusals)
    told = f"was waiting after {format_count(refused, 'refused attempt')} ({reasons})"
    if found.refusals and found.refusals[0][0] == "429":
        return f"{told}; fewer requests at once or a higher limit would help, a faster model wouldn't"
    return f"{told}; another provider would help, a shorter answer wouldn't"


def _describe_queue(found: Queue) -> str:
    paths = list(dict.fromkeys(step.path for step in found.steps))
    place = paths[0] if len(paths) == 1 else f"{paths[0]} … {paths[-1]}"
    together = "at once" if len(found.steps) <= JOBS else f"{JOBS} at a time"
    return (
        f"the {format_count(len(found.steps), 'step')} {place} took {format_seconds(found.seconds)}, and none "
        f"continues another; {together} they take {format_seconds(found.at_once)} at best (--for, or --bg)."
    )


def _describe_repeats(found: Repeats) -> str:
    count = format_count(found.steps, "request was", "requests were")
    cost = f"{format_usd(found.cost)} and " if found.cost else ""
    most = f" (most at {found.path}: {found.at_path:,})" if found.steps > found.at_path else f" ({found.path})"
    return (
        f"{count} sent again word for word{most}; --keep would have saved {cost}{format_seconds(found.seconds)}, "
        "and so would --cache at Helicone."
    )


def _describe_growth(found: Growth) -> str:
    return (
        f"prompts grew from {format_count(found.first_tokens)} tokens at {found.first.path} to "
        f"{format_count(found.last_tokens)} at {found.last.path} in {format_count(found.steps, 'step')}; "
        f"{format_share(found.repeated / found.tokens)} of their tokens are earlier turns sent again "
        "(--after PATH or --fresh leaves turns out)."
    )
