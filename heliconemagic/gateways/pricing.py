"""What a request costs, estimated offline from the price lists of genai-prices."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from heliconemagic.gateways.providers import find_provider
from heliconemagic.usage import Usage

if TYPE_CHECKING:
    from heliconemagic.gateways.presets import Gateway

# Nobody sends a bill for what runs on one's own machine.
_FREE_PRESETS = frozenset({"demo", "local", "ollama", "lmstudio"})
_OLLAMA_CLOUD = ("-cloud", ":cloud")  # models that Ollama passes on to its own paid servers


def estimate_cost(model: str, usage: Usage, *, gateway: Gateway | None = None) -> float | None:
    """USD for ``usage`` of ``model``; None if no price is known.

    Understands the `model/provider` grammar of Helicone's AI gateway. Of several alternatives
    (``a/openai,b/azure``) the dearest counts: which one answers is not known before.
    """
    if gateway is not None and gateway.preset in _FREE_PRESETS:
        return None if model.endswith(_OLLAMA_CLOUD) else 0.0
    price_id = gateway.price_id if gateway else ""
    parts = [part.strip() for part in model.split(",")]
    costs = [_find_cost(part, usage, price_id) for part in parts if part and not part.startswith("!")]
    known = [cost for cost in costs if cost is not None]
    return max(known) if known and len(known) == len(costs) else None


def is_priced(model: str, *, gateway: Gateway | None = None) -> bool:
    """Whether a price is known, so that a budget can be kept."""
    return estimate_cost(model, Usage(prompt_tokens=1, completion_tokens=1), gateway=gateway) is not None


def list_priced_models(gateway: Gateway) -> list[str]:
    """The models of the gateway's provider that the price lists name: a model that exists has a price, mostly."""
    import genai_prices.data_snapshot

    providers = genai_prices.data_snapshot.get_snapshot().providers
    return [
        model.id for provider in providers if provider.id == (gateway.price_id or "openai") for model in provider.models
    ]


def _find_cost(model: str, usage: Usage, price_id: str) -> float | None:
    """The cost of one model; the provider it names comes before that of the gateway."""
    name, provider = _split_provider(model)
    for candidate in dict.fromkeys((provider or price_id, price_id, "")):
        cost = _look_up(name, usage, candidate)
        if cost is not None:
            return cost
    return None


def _split_provider(model: str) -> tuple[str, str]:
    """The model and its provider's name in the price lists: `gpt-4o-mini/azure/my-deployment` is Azure's."""
    name, *rest = model.split("/")
    provider = find_provider(rest[0]) if rest else None
    return (name, provider.price_id) if provider else (model, "")


@lru_cache(maxsize=1024)
def _look_up(model: str, usage: Usage, price_id: str) -> float | None:
    import genai_prices

    counts = genai_prices.Usage(
        input_tokens=usage.prompt_tokens,
        cache_read_tokens=usage.cached_tokens,
        output_tokens=usage.completion_tokens,
    )
    try:
        price = genai_prices.calc_price(counts, model, provider_id=price_id or None)
    except LookupError:
        return None
    return float(price.total_price)
