"""Costs are estimated offline, with None for what has no price."""

from __future__ import annotations

import pytest

from heliconemagic.gateways.choice import build_gateway
from heliconemagic.gateways.pricing import estimate_cost, is_priced, list_priced_models
from heliconemagic.usage import Usage

MILLION = Usage(prompt_tokens=1_000_000, completion_tokens=1_000_000)


def test_price_is_input_and_output_by_the_million():
    """0.15 and 0.60 USD: the published price of gpt-4o-mini."""
    assert estimate_cost("gpt-4o-mini", MILLION) == pytest.approx(0.75)
    assert estimate_cost("gpt-4o-mini-2024-07-18", MILLION) == pytest.approx(0.75)


def test_cached_tokens_are_cheaper():
    """They are part of the prompt, at half the price."""
    cached = Usage(prompt_tokens=1_000_000, completion_tokens=0, cached_tokens=1_000_000)
    fresh = Usage(prompt_tokens=1_000_000, completion_tokens=0)
    assert 0 < estimate_cost("gpt-4o-mini", cached) < estimate_cost("gpt-4o-mini", fresh)


@pytest.mark.parametrize(
    ("model", "same_as"),
    [
        ("gpt-4o-mini/openai", "gpt-4o-mini"),
        ("gpt-4o-mini/azure/my-deployment", "gpt-4o-mini"),
        ("gpt-4o-mini/openai,gpt-4o/azure", "gpt-4o"),
        ("gpt-4o,!azure", "gpt-4o"),
        ("gpt-4o-mini/helicone", "gpt-4o-mini"),
    ],
)
def test_grammar_of_the_ai_gateway_is_understood(model, same_as):
    """The provider is taken off; of alternatives the dearest counts."""
    gateway = build_gateway("helicone", {})
    assert estimate_cost(model, MILLION, gateway=gateway) == estimate_cost(same_as, MILLION)


def test_provider_behind_the_gateway_makes_the_price():
    """The same name costs what Groq takes where Groq answers."""
    groq = build_gateway("target:https://api.groq.com/openai/v1", {})
    assert estimate_cost("llama-3.3-70b-versatile", MILLION, gateway=groq) == estimate_cost(
        "llama-3.3-70b-versatile/groq", MILLION
    )


@pytest.mark.parametrize("model", ["nope-1", "", "gpt-4o-mini,nope-1", "!openai", "demo"])
def test_unknown_model_has_no_price(model):
    """None, never 0."""
    assert estimate_cost(model, MILLION) is None
    assert not is_priced(model)


@pytest.mark.parametrize("preset", ["demo", "ollama", "lmstudio"])
def test_own_machine_costs_nothing(preset):
    """Nobody sends a bill for it, so a budget can be kept."""
    gateway = build_gateway(preset, {})
    assert estimate_cost("any-model", MILLION, gateway=gateway) == 0.0
    assert is_priced("any-model", gateway=gateway)


def test_models_that_ollama_passes_on_are_unpriced():
    """They run on Ollama's paid servers."""
    assert estimate_cost("gpt-oss:120b-cloud", MILLION, gateway=build_gateway("ollama", {})) is None


@pytest.mark.parametrize(
    ("spec", "model"), [("oai", "gpt-4o-mini"), ("direct:https://api.groq.com/openai/v1", "llama-3.3-70b-versatile")]
)
def test_priced_models_are_those_of_the_provider(spec, model):
    """What completion can offer without asking anyone."""
    assert model in list_priced_models(build_gateway(spec, {}))
